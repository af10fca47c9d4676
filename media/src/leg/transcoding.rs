//! The sending half of a stream whose sound is transcoded: packets of the source wait in a
//! transcoder, and what it makes of them is sent under numbers of our own.

use std::time::{Duration, Instant};

use super::inbound::Taken;
use super::outbound::{Outbound, Relayed, Sink};
use crate::event::TranscodeStats;
use crate::patch::{Feed, Outgoing};
use crate::plan::Passage;
use crate::rtp::Packet;
use crate::transcode::Pace;
use crate::worker::Transcoding;

/// A tone goes on for so long, if nothing tells that it is over.
const TONE_PATIENCE: Duration = Duration::from_millis(60);

impl Outbound {
    /// Whether a packet cannot be sent on as it comes. What a table could make for the sink goes the
    /// way of the sound before it, so that nothing overtakes that.
    pub(super) fn needs_transcoder(&self, packet: &Packet<'_>, outgoing: Outgoing) -> bool {
        match outgoing.passage {
            Passage::Relay => false,
            Passage::Transcode => true,
            Passage::Convert => {
                let suits = |feed: &Feed| feed.suits(packet.payload().len());
                self.is_transcoding() || !self.feed.as_deref().is_some_and(suits)
            }
        }
    }

    /// Sound is on its way through a transcoder.
    pub(super) fn is_transcoding(&self) -> bool {
        self.transcoder.as_ref().is_some_and(|it| it.is_active())
    }

    /// Keeps a packet of the source until it is due. A source that sends what was not to be
    /// expected gets its transcoder now.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        taken: Taken,
        transcoding: &mut Transcoding,
    ) -> Relayed {
        if self.transcoder.is_none() {
            let plan = self.feed.as_ref().and_then(|feed| feed.transcode());
            self.transcoder = plan.and_then(|plan| transcoding.make(now, plan));
        }
        let Some(transcoder) = &mut self.transcoder else {
            return Relayed::NoTranscoder;
        };
        // Packets that are relayed later have their place behind those that are made here.
        self.line.detach();
        transcoder.insert(now, packet, &mut transcoding.workshop);
        if taken.tone {
            self.mute(now);
        } else if let Some(until) = &mut self.muted_until {
            *until = (*until).min(now + transcoder.delay());
        }
        Relayed::Kept
    }

    /// What is in the transcoder is a tone, which may go on.
    pub(super) fn mute(&mut self, now: Instant) {
        let transcoder = self.transcoder.as_ref();
        self.muted_until = transcoder.map(|it| now + it.delay() + TONE_PATIENCE);
    }

    /// Sends the packet that is due, unless digits have its place. True if it was sent.
    pub(super) fn tick(&mut self, now: Instant, digits: bool, sink: Sink<'_>) -> bool {
        let Some(transcoder) = &mut self.transcoder else {
            return false;
        };
        let far_side = self.far_side.unwrap_or_default();
        let lost = u32::from(far_side.fraction_lost) * 100 / 256;
        let Sink {
            way, transcoding, ..
        } = sink;
        let pace = Pace {
            complexity: transcoding.complexity(),
            loss_percent: u8::try_from(lost).unwrap_or(100),
            is_muted: self.muted_until.is_some_and(|until| now < until),
        };
        let (line, clock_rate) = (&self.line, transcoder.clock_rate());
        let begin = || line.timestamp_now(now, clock_rate);
        let Some(made) = transcoder.tick(now, pace, begin, &mut transcoding.workshop) else {
            return false;
        };
        let passing = self.event.as_ref().is_some_and(|it| it.lasts(now));
        if digits || passing {
            transcoder.discard();
            return false;
        }
        // The source is heard: what was played in its place ends.
        self.player = None;
        self.clock_rate = clock_rate;
        self.line.detach();
        let payload = transcoding.workshop.payload(made.len);
        let (payload_type, timestamp) = (made.payload_type, made.timestamp);
        self.payload_type = Some(payload_type);
        self.send_own(now, payload_type, made.marker, timestamp, payload, way)
    }

    /// The source sends something that can be relayed.
    pub(super) fn stop_transcoding(&mut self) {
        if let Some(transcoder) = self.transcoder.as_mut().filter(|it| it.is_active()) {
            transcoder.rest();
            self.line.detach();
        }
    }

    /// What transcoding did since the stream began.
    pub(super) fn transcode_stats(&self) -> TranscodeStats {
        let now = self.transcoder.as_ref().map(|it| it.stats());
        let now = now.unwrap_or_default();
        let before = self.transcoded;
        TranscodeStats {
            packets: before.packets + now.packets,
            concealed: before.concealed + now.concealed,
            unplayed: before.unplayed + now.unplayed,
            delay: now.delay,
        }
    }

    pub(super) fn drop_transcoder(&mut self) {
        let stats = self.transcode_stats();
        self.transcoded = TranscodeStats {
            delay: Duration::ZERO,
            ..stats
        };
        self.transcoder = None;
    }
}
