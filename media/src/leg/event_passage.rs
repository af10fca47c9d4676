//! Telephone events (RFC 4733) of a source whose sound is transcoded, or may have to be, or whose clock
//! is another than the sink's.

use std::time::{Duration, Instant};

use super::outbound::{Outbound, Relayed, Way};
use crate::patch::{Feed, Outgoing};
use crate::rtp::{Header, Packet};

/// After a packet of an event that has not ended there is no sound for so long: the next one is to
/// be expected.
const PATIENCE: Duration = Duration::from_millis(60);

/// The same after its end, which is said three times (RFC 4733 2.5.1.4), most often 20 ms apart.
const END_PATIENCE: Duration = Duration::from_millis(25);

const END_BIT: u8 = 0x80;

/// An event on its way from a source to a sink, under numbers of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventPassage {
    /// The source's, by which its packets are told: they share a timestamp (RFC 4733 2.2.1).
    ssrc: u32,
    timestamp: u32,
    /// Ours.
    began: u32,
    until: Instant,
}

impl EventPassage {
    /// Of a packet; `began` is the timestamp that the far side has for the event.
    pub(super) fn of(now: Instant, packet: &Packet<'_>, began: u32) -> Option<Self> {
        let ended = packet.payload().get(1)? & END_BIT != 0;
        Some(Self {
            ssrc: packet.header.ssrc,
            timestamp: packet.header.timestamp,
            began,
            until: now + if ended { END_PATIENCE } else { PATIENCE },
        })
    }

    /// Another packet of the same event.
    fn is_of(&self, header: &Header) -> bool {
        self.ssrc == header.ssrc && self.timestamp == header.timestamp
    }

    /// The far side hears it instead of sound.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Outbound {
    /// Whether a packet of an event goes on in its place among the packets of sound, which pass
    /// without a coder. One event has one timestamp, whatever becomes of the sound meanwhile.
    pub(super) fn keeps_place(&self, header: &Header, outgoing: Outgoing) -> bool {
        let began = |event: &EventPassage| {
            let here = self.line.translate(header.ssrc, header.timestamp);
            here == Some(event.began)
        };
        let known = self.event.as_ref().filter(|event| event.is_of(header));
        let passes = |feed: &Feed| !feed.transcodes();
        self.feed.as_deref().is_some_and(passes)
            && !self.is_transcoding()
            && outgoing.source_clock_rate == outgoing.clock_rate
            && known.is_none_or(began)
    }

    /// Sends a packet of an event on.
    pub(super) fn pass_event(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        outgoing: Outgoing,
        way: Way<'_>,
    ) -> Relayed {
        let header = packet.header;
        // Of several events in one packet the first; nobody sends more (RFC 4733 2.5.1.5).
        let Some(payload) = packet.payload().first_chunk::<4>() else {
            return Relayed::Dropped;
        };
        let mut payload = *payload;
        convert(&mut payload, outgoing);
        let known = self.event.filter(|event| event.is_of(&header));
        let began = known.map_or_else(
            || self.line.timestamp_now(now, self.clock_rate),
            |event| event.began,
        );
        self.event = EventPassage::of(now, packet, began);
        // What the source sends next has its place behind the event.
        self.line.detach();
        let marker = known.is_none();
        match self.send_own(now, outgoing.payload_type, marker, began, &payload, way) {
            true => Relayed::Sent,
            false => Relayed::Dropped,
        }
    }
}

/// Changes the duration in an event's payload from the source's clock to the sink's.
pub(super) fn convert(payload: &mut [u8], outgoing: Outgoing) {
    let (from, to) = (outgoing.source_clock_rate, outgoing.clock_rate);
    let Some(duration) = payload.get_mut(2..4).filter(|_| from != 0) else {
        return;
    };
    let units = duration
        .iter()
        .fold(0, |units, byte| units << 8 | u64::from(*byte));
    let units = units * u64::from(to) / u64::from(from);
    // RFC 4733 2.5.1.3 has segments for longer ones: whoever presses a key for so long at a slow
    // clock presses it for as long as can be said at a fast one.
    let units = u16::try_from(units).unwrap_or(u16::MAX);
    duration.copy_from_slice(&units.to_be_bytes());
}
