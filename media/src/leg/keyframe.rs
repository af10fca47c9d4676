//! Keyframes: recognising them, and asking for them no more often than helps.

use std::time::{Duration, Instant};

use crate::plan::Format;
use crate::rtp::h264;

/// Least time between two requests. An encoder needs about a round trip and a frame to answer,
/// and every keyframe costs ten times a frame.
const MIN_INTERVAL: Duration = Duration::from_millis(500);

/// A request that nothing answered is repeated after this.
const RETRY: Duration = Duration::from_secs(1);

/// Then it is up to the sink to ask again.
const MAX_ATTEMPTS: u8 = 5;

/// When a source is to be asked for a keyframe.
#[derive(Debug, Default)]
pub(super) struct KeyframeRequests {
    /// Requests since the last keyframe that somebody wanted; `None` if nobody waits.
    waiting: Option<u8>,
    asked: Option<Instant>,
    due: Option<Instant>,
    total: u64,
    seen: Option<Instant>,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub(super) fn want(&mut self, now: Instant) {
        let earliest = self
            .asked
            .map_or(now, |asked| asked + MIN_INTERVAL)
            .max(now);
        self.waiting = Some(0);
        self.due = Some(earliest);
    }

    /// Something was lost for good that was missed since then: a keyframe is needed, unless one
    /// has come after it.
    pub(super) fn want_after(&mut self, now: Instant, missed: Instant) {
        if self.seen.is_none_or(|seen| seen <= missed) {
            self.want(now);
        }
    }

    /// A keyframe came.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.seen = Some(now);
        self.waiting = None;
        self.due = None;
    }

    /// Whether to ask now. `answer_is_seen`: keyframes of this format are recognised, so that a
    /// request without an answer can be told and repeated.
    pub(super) fn take_due(&mut self, now: Instant, answer_is_seen: bool) -> bool {
        let (Some(attempts), Some(due)) = (self.waiting, self.due) else {
            return false;
        };
        if due > now {
            return false;
        }
        self.asked = Some(now);
        self.total += 1;
        let again = answer_is_seen && attempts + 1 < MAX_ATTEMPTS;
        self.waiting = answer_is_seen.then_some(attempts + 1);
        self.due = again.then(|| now + RETRY);
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Requests sent since the beginning.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

/// Whether the first bytes of a payload begin a keyframe; `None` for formats we cannot read.
pub(super) fn begins_keyframe(format: Format, payload: &[u8]) -> Option<bool> {
    match format {
        Format::Vp8 => Some(vp8(payload).unwrap_or(false)),
        Format::H264 => Some(h264(payload)),
        Format::Vp9 => Some(vp9(payload).unwrap_or(false)),
        Format::Av1 => Some(av1(payload)),
        _ => None,
    }
}

/// Whether [`begins_keyframe`] can tell.
pub(super) fn is_recognised(format: Format) -> bool {
    begins_keyframe(format, &[]).is_some()
}

/// RFC 7741 4.2, 4.3: the first packet of partition 0, whose frame header has P = 0.
fn vp8(payload: &[u8]) -> Option<bool> {
    let (&first, mut rest) = payload.split_first()?;
    let begins_frame = first & 0x10 != 0 && first & 0x07 == 0;
    if first & 0x80 != 0 {
        let (&extended, after) = rest.split_first()?;
        rest = after;
        if extended & 0x80 != 0 {
            let long = rest.first()? & 0x80 != 0;
            rest = rest.get(if long { 2 } else { 1 }..)?;
        }
        if extended & 0x40 != 0 {
            rest = rest.get(1..)?;
        }
        if extended & 0x30 != 0 {
            rest = rest.get(1..)?;
        }
    }
    Some(begins_frame && rest.first()? & 0x01 == 0)
}

/// RFC 9628 4.2: the beginning of a frame that is not inter-picture predicted.
fn vp9(payload: &[u8]) -> Option<bool> {
    let first = payload.first()?;
    Some(first & 0x40 == 0 && first & 0x08 != 0)
}

/// The N bit of the aggregation header says that a coded video sequence begins (AV1 RTP payload
/// specification 4.4), and that a keyframe does.
fn av1(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0)
}

/// An IDR picture or the parameter sets before it.
fn h264(payload: &[u8]) -> bool {
    h264::Units::of(payload).any(|unit| matches!(unit.kind, h264::IDR | h264::SPS))
}

#[cfg(test)]
mod tests;
