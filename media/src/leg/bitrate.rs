//! How much the far side may send: the least of what its sinks can receive and what is
//! configured, told as REMB (draft-alvestrand-rmcat-remb).

use std::time::{Duration, Instant};

/// A higher limit is told no more often than this; a lower one at once.
const RAISE_INTERVAL: Duration = Duration::from_millis(250);

/// An unchanged limit is repeated, because the message may have been lost.
const REPEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Below this no encoder goes; a sink that says less has lost the path anyhow.
const FLOOR: u64 = 30_000;

/// The limit told to a source.
#[derive(Debug, Default)]
pub(super) struct BitrateTarget {
    target: Option<u64>,
    told: Option<(u64, Instant)>,
    due: Option<Instant>,
}

impl BitrateTarget {
    /// Sets what to tell, bit/s; `None` for no limit, which is not told.
    pub(super) fn set(&mut self, now: Instant, target: Option<u64>) {
        self.target = target.map(|target| target.max(FLOOR));
        let Some(target) = self.target else {
            self.due = None;
            return;
        };
        let due = match self.told {
            None => now,
            Some((told, _)) if target < told => now,
            Some((told, at)) if target > told => (at + RAISE_INTERVAL).max(now),
            Some((_, at)) => (at + REPEAT_INTERVAL).max(now),
        };
        self.due = Some(self.due.map_or(due, |armed| armed.min(due)));
    }

    /// What to tell now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let target = self.target?;
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.told = Some((target, now));
        self.due = Some(now + REPEAT_INTERVAL);
        Some(target)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time as start;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_lower_limit_is_told_at_once_and_a_higher_one_after_a_while() {
        let now = start();
        let mut bitrate = BitrateTarget::default();
        bitrate.set(now, Some(1_000_000));
        assert_eq!(bitrate.take_due(now), Some(1_000_000));
        bitrate.set(now + 10 * MS, Some(500_000));
        assert_eq!(bitrate.take_due(now + 10 * MS), Some(500_000));
        bitrate.set(now + 20 * MS, Some(900_000));
        assert_eq!(bitrate.take_due(now + 20 * MS), None);
        assert_eq!(bitrate.poll_timeout(), Some(now + 260 * MS));
        assert_eq!(bitrate.take_due(now + 260 * MS), Some(900_000));
    }

    #[test]
    fn an_unchanged_limit_is_repeated_every_second() {
        let now = start();
        let mut bitrate = BitrateTarget::default();
        let mut told = 0;
        for step in 0..100 {
            bitrate.set(now + step * 100 * MS, Some(700_000));
            told += u32::from(bitrate.take_due(now + step * 100 * MS).is_some());
        }
        assert_eq!(told, 10);
    }

    #[test]
    fn without_a_limit_nothing_is_told() {
        let now = start();
        let mut bitrate = BitrateTarget::default();
        bitrate.set(now, None);
        assert_eq!(
            (bitrate.take_due(now), bitrate.poll_timeout()),
            (None, None)
        );
    }
}
