//! One side of a recording: packets in, sound at an even pace out.

use std::time::{Duration, Instant};

use super::TappedPacket;
use super::recorder::{BLOCK, LAG, RATE, SAMPLES};
use crate::playout::PlayoutConfig;
use crate::rtp::Packet;
use crate::transcode::{Receiver, SourceFormats, Workshop};

/// With nothing to hear for so long, what comes next has nothing to do with what was before.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The longest delay that a packet may have beyond that of the fastest.
const MAX_DELAY: Duration = Duration::from_millis(600);

/// What one side says.
#[derive(Debug)]
pub(super) struct Side {
    source: Source,
    /// Who speaks next (another device, after a transfer), and when what the one before said is over.
    next: Option<(Instant, Source)>,
}

/// A synchronisation source.
#[derive(Debug)]
struct Source {
    ssrc: Option<u32>,
    formats: SourceFormats,
    receiver: Receiver,
    /// Since when nothing was heard.
    silent: Option<Instant>,
    rests: bool,
}

impl Side {
    pub(super) fn new() -> Self {
        Self {
            source: Source::new(None),
            next: None,
        }
    }

    pub(super) fn hear(&mut self, tapped: &TappedPacket, workshop: &mut Workshop) {
        let Ok(packet) = Packet::parse(&tapped.packet) else {
            return;
        };
        let ssrc = packet.header.ssrc;
        let known = self.next.as_mut().map_or(&mut self.source, |it| &mut it.1);
        let source = match *known.ssrc.get_or_insert(ssrc) {
            current if current == ssrc => known,
            _ => {
                let next = (tapped.at + LAG, Source::new(Some(ssrc)));
                &mut self.next.insert(next).1
            }
        };
        source.hear(tapped, &packet, workshop);
    }

    /// Writes the next block to the beginning of the workshop's first part.
    pub(super) fn take(&mut self, now: Instant, workshop: &mut Workshop) {
        if let Some((_, next)) = self.next.take_if(|(from, _)| *from <= now) {
            self.source = next;
        }
        self.source.take(now, workshop);
    }
}

impl Source {
    fn new(ssrc: Option<u32>) -> Self {
        let formats = SourceFormats::default();
        // Nobody waits for a recording: both sides have the same delay, as long as it is enough.
        let playout = PlayoutConfig {
            min_delay: LAG,
            initial_delay: LAG,
            max_delay: MAX_DELAY,
            ..PlayoutConfig::default()
        };
        Self {
            ssrc,
            receiver: Receiver::new(RATE, &formats, playout),
            formats,
            silent: None,
            rests: true,
        }
    }

    fn hear(&mut self, tapped: &TappedPacket, packet: &Packet<'_>, workshop: &mut Workshop) {
        let (payload_type, clock_rate) = (packet.header.payload_type, tapped.clock_rate);
        if self.formats.add(payload_type, tapped.format, clock_rate) {
            let formats = &self.formats;
            self.receiver.insert(tapped.at, packet, formats, workshop);
            (self.silent, self.rests) = (None, false);
        }
    }

    fn take(&mut self, now: Instant, workshop: &mut Workshop) {
        let (receiver, formats) = (&mut self.receiver, &self.formats);
        receiver.take(now, SAMPLES, BLOCK, formats, workshop);
        let (heard, ..) = workshop.parts();
        if heard.iter().take(SAMPLES).any(|sample| *sample != 0) {
            self.silent = None;
            return;
        }
        let since = *self.silent.get_or_insert(now);
        if !self.rests && now.saturating_duration_since(since) >= REST_AFTER {
            self.receiver.restart();
            self.rests = true;
        }
    }
}
