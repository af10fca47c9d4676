//! Our outbound sequence numbers and timestamps of one stream. They are the leg's own for its
//! whole life: monotonic across hold, transfer, codec change and change of source, or else the
//! far side's replay window and jitter buffer break.

use std::time::{Duration, Instant};

use crate::rtp::SequenceUnwrapper;

/// A source that skips more numbers than this began anew (RFC 3550 A.1, MAX_DROPOUT).
const MAX_GAP: u64 = 3000;

/// Where a packet lies in our space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    /// The first of a source: nothing in our space connects it to what was sent before.
    pub(super) starts: bool,
}

#[derive(Debug)]
pub(super) struct Timeline {
    /// Of the highest packet sent so far, or of the one before the first.
    sequence: u64,
    timestamp: u32,
    sent: Option<Instant>,
    /// How long what was sent last is heard, where nothing else may begin before its end.
    lasts: Duration,
    mapping: Option<Mapping>,
}

/// How the current source's space lies in ours.
#[derive(Debug)]
struct Mapping {
    ssrc: u32,
    unwrapper: SequenceUnwrapper,
    /// Source numbers below this were sent before we began with it.
    first: u64,
    /// Our number for `first`.
    base: u64,
    timestamp_offset: u32,
}

impl Timeline {
    /// With random initial values (RFC 3550 5.1).
    pub(super) fn new(sequence_number: u16, timestamp: u32) -> Self {
        Self {
            // One cycle up, so that nothing has a place before the beginning of numbers.
            sequence: (1 << 16) + u64::from(sequence_number),
            timestamp,
            sent: None,
            lasts: Duration::ZERO,
            mapping: None,
        }
    }

    /// The place of a source's packet; `None` if it is from before we began with this source.
    /// A packet that comes twice gets the same place twice: SRTP refuses to use it again.
    pub(super) fn place(
        &mut self,
        now: Instant,
        ssrc: u32,
        sequence_number: u16,
        timestamp: u32,
        clock_rate: u32,
    ) -> Option<Place> {
        let known = self.mapping.as_mut().filter(|mapping| mapping.ssrc == ssrc);
        if let Some(mapping) = known {
            let before = mapping.unwrapper.highest();
            let number = mapping.unwrapper.unwrap(sequence_number);
            if before.is_none_or(|before| number <= before + MAX_GAP) {
                let sequence = mapping.base + number.checked_sub(mapping.first)?;
                let timestamp = timestamp.wrapping_add(mapping.timestamp_offset);
                return Some(self.take(now, sequence, timestamp, false));
            }
        }
        let (sequence, ours) = self.next(now, clock_rate);
        let mut unwrapper = SequenceUnwrapper::default();
        let first = unwrapper.unwrap(sequence_number);
        self.mapping = Some(Mapping {
            ssrc,
            unwrapper,
            first,
            base: sequence,
            timestamp_offset: ours.wrapping_sub(timestamp),
        });
        Some(self.take(now, sequence, ours, true))
    }

    /// The place of a packet of our own making, as late as it is now.
    pub(super) fn place_own(&mut self, now: Instant, timestamp: u32) -> Place {
        self.take(now, self.sequence + 1, timestamp, false)
    }

    /// What was sent last is heard for so long: what follows begins behind it.
    pub(super) fn lasts(&mut self, length: Duration) {
        self.lasts = length;
    }

    /// The timestamp of something that begins now.
    pub(super) fn timestamp_now(&self, now: Instant, clock_rate: u32) -> u32 {
        self.next(now, clock_rate).1
    }

    /// When the last packet was sent.
    pub(super) fn sent(&self) -> Option<Instant> {
        self.sent
    }

    /// The source is gone, or its packets are not taken for now: the next one begins anew.
    pub(super) fn detach(&mut self) {
        self.mapping = None;
    }

    /// A source's timestamp in our space; `None` unless it is the current source.
    pub(super) fn translate(&self, ssrc: u32, timestamp: u32) -> Option<u32> {
        let mapping = self
            .mapping
            .as_ref()
            .filter(|mapping| mapping.ssrc == ssrc)?;
        Some(timestamp.wrapping_add(mapping.timestamp_offset))
    }

    /// Sequence and timestamp of what would follow the last packet now.
    fn next(&self, now: Instant, clock_rate: u32) -> (u64, u32) {
        let elapsed = self
            .sent
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
            .max(self.lasts);
        // At least one unit, so that no two sources share a timestamp.
        let step = units(elapsed, clock_rate).max(1);
        (self.sequence + 1, self.timestamp.wrapping_add(step))
    }

    fn take(&mut self, now: Instant, sequence: u64, timestamp: u32, starts: bool) -> Place {
        if sequence > self.sequence {
            self.sequence = sequence;
            self.timestamp = timestamp;
            self.sent = Some(now);
            self.lasts = Duration::ZERO;
        }
        // The wire has the low 16 bits.
        Place {
            sequence_number: sequence as u16,
            timestamp,
            starts,
        }
    }
}

/// A duration in units of a clock, modulo 2^32.
pub(super) fn units(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests;
