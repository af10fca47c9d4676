//! What a leg works with beside its own state, and what it asks of the worker around it.

use std::collections::VecDeque;
use std::time::Instant;

use rand::rngs::StdRng;

use crate::event::Event;
use crate::ids::MediaKind;
use crate::outbox::{Outbox, Path};
use crate::webrtc::{self, DtlsConfig, TransportEvent};
use crate::worker::{Counters, Timeouts, Transcoding};

/// Reports kept for a caller who does not poll.
const MAX_EVENTS: usize = 16 * 1024;

/// Shared by all legs of a worker, lent to one leg for one input.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) rng: &'a mut StdRng,
    pub(crate) dtls: &'a DtlsConfig,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) out: &'a mut Outbox,
    pub(crate) transport_events: &'a mut Vec<TransportEvent>,
    pub(crate) events: &'a mut Events,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) counters: &'a mut Counters,
    pub(crate) transcoding: &'a mut Transcoding,
}

impl Context<'_> {
    pub(super) fn transport(&mut self) -> webrtc::Context<'_> {
        webrtc::Context {
            dtls: self.dtls,
            timeouts: self.timeouts.transport(),
            scratch: self.scratch,
            out: self.out,
            events: self.transport_events,
        }
    }
}

/// What a leg cannot do alone, because it is about the legs that feed it or that it feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Packets from here belong to this leg.
    PathAdded(Path),
    /// And no longer do.
    PathRemoved(Path),
    /// Media can flow.
    Ready,
    /// The far side cannot show its picture until a keyframe comes.
    KeyframeNeeded,
    /// The far side said how much it can receive.
    BitrateReported,
    /// The far side told its clock.
    SenderReport(MediaKind, SourceReport),
}

/// A source's clock: which instant of its RTP timeline was when (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceReport {
    pub(crate) ssrc: u32,
    pub(crate) ntp: crate::rtp::Ntp64,
    pub(crate) timestamp: u32,
    /// When it arrived here.
    pub(crate) at: Instant,
}

/// Reports on their way out.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<Event>,
}

impl Events {
    /// Adds a report. Where nobody polls, the oldest measurement makes room.
    pub(crate) fn push(&mut self, event: Event, counters: &mut Counters) {
        if self.queue.len() >= MAX_EVENTS {
            counters.events_dropped += 1;
            let stats = self
                .queue
                .iter()
                .position(|event| matches!(event, Event::Stats(_)));
            self.queue.remove(stats.unwrap_or_default());
        }
        self.queue.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }
}
