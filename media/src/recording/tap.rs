//! Packets that wait in a worker for whoever writes recordings.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Channel, RecordingId, Tapped, TappedPacket};
use crate::plan::{CodecPlan, Format};

/// Packets that wait at most: a second of forty recorded calls. As RTP packets have no more than
/// 1500 bytes, they are 6 MB at the worst.
const MAX_WAITING: usize = 4096;

/// A leg is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap {
    pub(crate) recording: RecordingId,
    pub(crate) channel: Channel,
}

/// What was tapped and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    waiting: VecDeque<Tapped>,
    /// Recordings that have lost packets; one for each tap at most.
    lost: VecDeque<RecordingId>,
}

impl Taps {
    /// Keeps a copy of a packet. False if there is no room: then the tap is to be closed.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        tap: Tap,
        codec: &CodecPlan,
        packet: &[u8],
    ) -> bool {
        if codec.format == Format::TelephoneEvent {
            // Digits may be secrets, and have no sound.
            return true;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.lost.push_back(tap.recording);
            return false;
        }
        let Tap { recording, channel } = tap;
        self.waiting
            .push_back(Tapped::Packet(Box::new(TappedPacket {
                recording,
                channel,
                at: now,
                format: codec.format,
                clock_rate: codec.clock_rate,
                packet: packet.into(),
            })));
        true
    }

    pub(crate) fn pop(&mut self) -> Option<Tapped> {
        let waiting = self.waiting.pop_front();
        waiting.or_else(|| self.lost.pop_front().map(Tapped::Lost))
    }
}
