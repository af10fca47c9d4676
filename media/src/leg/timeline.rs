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
    span: Span,
    /// What was before packets of ours went in between.
    earlier: Option<Span>,
    timestamp_offset: u32,
}

/// Source numbers from `first` on lie in our space from `base` on.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: u64,
    base: u64,
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
        if let Some((mapping, number, _)) = self.known(ssrc, sequence_number) {
            let sequence = mapping.place(number)?;
            let timestamp = timestamp.wrapping_add(mapping.timestamp_offset);
            return Some(self.take(now, sequence, timestamp, false));
        }
        let next = self.next(now, clock_rate);
        let (sequence, ours) = next;
        self.mapping = Some(Mapping::new(ssrc, sequence_number, timestamp, next));
        Some(self.take(now, sequence, ours, true))
    }

    /// Makes room for `count` packets of our own before a source's packet, which has to be later
    /// than all before it. The place of the first; all are at the time of that packet.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        (ssrc, sequence_number, timestamp): (u32, u16, u32),
        clock_rate: u32,
        count: u16,
    ) -> Option<Place> {
        let last = u64::from(count.checked_sub(1)?);
        let next = self.next(now, clock_rate);
        let (sequence, ours) = match self.known(ssrc, sequence_number) {
            Some((_, _, false)) => return None,
            Some((mapping, number, true)) => {
                let sequence = mapping.place(number)?;
                mapping.earlier = Some(mapping.span);
                mapping.span = Span {
                    first: number,
                    base: sequence + u64::from(count),
                };
                (sequence, timestamp.wrapping_add(mapping.timestamp_offset))
            }
            None => {
                let mut mapping = Mapping::new(ssrc, sequence_number, timestamp, next);
                mapping.span.base += u64::from(count);
                self.mapping = Some(mapping);
                next
            }
        };
        let last = self.take(now, sequence + last, ours, false);
        Some(Place {
            sequence_number: last.sequence_number.wrapping_sub(count - 1),
            ..last
        })
    }

    /// The mapping of a source, the number of its packet there, and whether that is later than all
    /// before it. `None` if the source begins here, or began anew.
    fn known(&mut self, ssrc: u32, sequence_number: u16) -> Option<(&mut Mapping, u64, bool)> {
        let mapping = self.mapping.as_mut().filter(|it| it.ssrc == ssrc)?;
        let before = mapping.unwrapper.highest();
        let number = mapping.unwrapper.unwrap(sequence_number);
        let goes_on = before.is_none_or(|before| number <= before + MAX_GAP);
        let is_later = before.is_none_or(|before| number > before);
        goes_on.then_some((mapping, number, is_later))
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

impl Mapping {
    /// From here on, `next` being our sequence and timestamp for it.
    fn new(ssrc: u32, sequence_number: u16, timestamp: u32, next: (u64, u32)) -> Self {
        let (base, ours) = next;
        let mut unwrapper = SequenceUnwrapper::default();
        let first = unwrapper.unwrap(sequence_number);
        Self {
            ssrc,
            unwrapper,
            span: Span { first, base },
            earlier: None,
            timestamp_offset: ours.wrapping_sub(timestamp),
        }
    }

    /// Our number for one of the source; `None` for what is older than we remember.
    fn place(&self, number: u64) -> Option<u64> {
        let spans = [Some(self.span), self.earlier];
        spans
            .into_iter()
            .flatten()
            .find_map(|span| Some(span.base + number.checked_sub(span.first)?))
    }
}

/// A duration in units of a clock, modulo 2^32.
pub(super) fn units(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests;
