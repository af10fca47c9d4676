//! Telephone events (RFC 4733) of a source whose sound is transcoded, or whose clock is another
//! than the sink's.

use std::time::{Duration, Instant};

use super::outbound::{Outbound, Relayed, Way};
use crate::patch::Outgoing;
use crate::rtp::Packet;

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
    /// The far side hears it instead of sound.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Outbound {
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
        let same = |it: &EventPassage| it.ssrc == header.ssrc && it.timestamp == header.timestamp;
        let known = self.event.filter(same);
        let began = known.map_or_else(
            || self.line.timestamp_now(now, self.clock_rate),
            |event| event.began,
        );
        let ended = payload[1] & END_BIT != 0;
        self.event = Some(EventPassage {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            began,
            until: now + if ended { END_PATIENCE } else { PATIENCE },
        });
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
