//! How much of the way to the far side lost packets may take when they are sent again. A path
//! that loses packets because it is full would be filled by repairs alone: the far side would ask
//! for them anew before they can arrive, and believe the path to be far narrower than it is.

use std::time::{Duration, Instant};

/// Of what the far side can receive, repairs get one part in so many.
const SHARE: u64 = 4;

/// What a far side is thought to receive that has not said so, bit/s.
const UNTOLD: u64 = 1_000_000;

/// Repairs get so much even where the far side believes that hardly anything passes, bit/s.
const MIN_RATE: u64 = 64_000;

/// What is not used is saved up for a burst of losses, for so long ...
const SAVED: Duration = Duration::from_millis(500);

/// ... and at least so many bytes: ten packets.
const MIN_SAVED: u64 = 12_000;

/// When requests have had to be refused for so long, a keyframe is the better repair.
const PATIENCE: Duration = Duration::from_millis(500);

/// After so long without a refusal an earlier one is forgotten.
const FORGOTTEN: Duration = Duration::from_millis(200);

/// What repairs of one stream may still take.
#[derive(Debug, Default)]
pub(super) struct RepairBudget {
    /// Since the first packet was asked for.
    saved: Option<Saved>,
    shortage: Option<Shortage>,
}

#[derive(Debug, Clone, Copy)]
struct Saved {
    /// In eighths of a nanobyte, as bits per second times nanoseconds come.
    amount: u128,
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Shortage {
    since: Instant,
    last: Instant,
}

impl RepairBudget {
    /// Pays for a packet of `len` bytes if the budget allows it. `receivable`: what the far side
    /// said it can receive, bit/s.
    pub(super) fn take(&mut self, now: Instant, receivable: Option<u64>, len: usize) -> bool {
        let rate = (receivable.unwrap_or(UNTOLD) / SHARE).max(MIN_RATE);
        let most = (u128::from(rate) * SAVED.as_nanos()).max(cost(MIN_SAVED));
        let amount = self.saved.map_or(most, |saved| {
            let elapsed = now.saturating_duration_since(saved.at);
            let earned = u128::from(rate) * elapsed.as_nanos();
            (saved.amount + earned).min(most)
        });
        let left = amount.checked_sub(cost(len as u64));
        self.saved = Some(Saved {
            amount: left.unwrap_or(amount),
            at: now,
        });
        left.is_some()
    }

    /// A packet was refused. Whether that has gone on for so long that the far side needs a
    /// keyframe instead; said once each time.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        let shortage = self
            .shortage
            .filter(|it| now.saturating_duration_since(it.last) < FORGOTTEN);
        let since = shortage.map_or(now, |it| it.since);
        let is_over = now.saturating_duration_since(since) >= PATIENCE;
        self.shortage = Some(Shortage {
            since: if is_over { now } else { since },
            last: now,
        });
        is_over
    }
}

fn cost(bytes: u64) -> u128 {
    u128::from(bytes) * 8 * Duration::from_secs(1).as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time as start;

    const MS: Duration = Duration::from_millis(1);
    const PACKET: usize = 1200;

    /// Packets let through in a second of asking for far too much.
    fn passed(budget: &mut RepairBudget, from: Instant, receivable: Option<u64>) -> usize {
        let steps = (0..10_000u32).map(|step| from + step * MS / 10);
        steps
            .filter(|now| budget.take(*now, receivable, PACKET))
            .count()
    }

    #[test]
    fn repairs_take_a_quarter_of_what_the_far_side_can_receive() {
        let now = start();
        let mut budget = RepairBudget::default();
        let receivable = Some(1_920_000);
        let first = passed(&mut budget, now, receivable);
        // 480 kbit/s are 50 packets in a second, and 25 were saved.
        assert!((74..=75).contains(&first), "{first}");
        let second = passed(&mut budget, now + 1000 * MS, receivable);
        assert!((49..=51).contains(&second), "{second}");
    }

    #[test]
    fn a_path_that_seems_dead_is_still_repaired() {
        let now = start();
        let mut budget = RepairBudget::default();
        assert_eq!(passed(&mut budget, now, Some(0)), 16, "10 saved and 6.7");
        let untold = passed(&mut RepairBudget::default(), now, None);
        assert!((38..=39).contains(&untold), "{untold}");
    }

    #[test]
    fn a_lower_limit_takes_away_what_was_saved() {
        let now = start();
        let mut budget = RepairBudget::default();
        assert!(budget.take(now, Some(20_000_000), PACKET));
        assert!(passed(&mut budget, now, Some(100_000)) <= 17);
    }

    #[test]
    fn a_long_shortage_calls_for_a_keyframe_now_and_then() {
        let now = start();
        let mut budget = RepairBudget::default();
        let calls = (0..200u32).filter(|step| budget.refused(now + *step * 10 * MS));
        assert_eq!(calls.collect::<Vec<_>>(), [50, 100, 150]);
    }

    #[test]
    fn short_shortages_call_for_none() {
        let now = start();
        let mut budget = RepairBudget::default();
        for step in 0..20 {
            assert!(!budget.refused(now + step * 300 * MS));
        }
    }
}
