//! When packets are made that nobody sent: at ticks.

use std::time::{Duration, Instant};

/// Ticks lie on slots of so long, and a wake serves all of a slot: waking costs about as much as
/// making a packet does (ADR 14).
const SLOT: Duration = Duration::from_micros(2_500);

/// Where the ticks of a transcoder lie. Those of a worker are spread over the slots between two
/// ticks, so that their work does not come all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The same for all.
    pub(crate) epoch: Instant,
    /// Which part of a tick its own come after the others', in 2^-32; the slot it falls into
    /// counts.
    pub(crate) phase: u32,
}

impl Grid {
    /// The first tick from `now` on.
    pub(crate) fn next(&self, now: Instant, tick: Duration) -> Instant {
        let tick = tick.as_nanos().max(1);
        let phase = (tick * u128::from(self.phase)) >> 32;
        let phase = phase - phase % SLOT.as_nanos();
        let since = now.saturating_duration_since(self.epoch).as_nanos() % tick;
        let rest = (phase + tick - since) % tick;
        now + Duration::from_nanos(u64::try_from(rest).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tests::start_of_time;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn ticks_of_all_packet_times_share_their_wakes_and_leave_none_idle() {
        let epoch = start_of_time();
        let now = epoch + 7 * MS;
        let mut wakes = BTreeMap::<Duration, u32>::new();
        for number in 0..64_u32 {
            // As the worker spreads them.
            let phase = number.wrapping_mul(0x9E37_79B9);
            let tick = [10 * MS, 20 * MS, 60 * MS][number as usize % 3];
            let mut due = Grid { epoch, phase }.next(now, tick);
            while due < now + 60 * MS {
                *wakes.entry(due - epoch).or_default() += 1;
                due += tick;
            }
        }
        assert_eq!(wakes.len(), 24, "60 ms have 24 slots");
        let packets = 64 / 3 * 6 + 64 / 3 * 3 + 64 / 3;
        for (at, made) in wakes {
            assert_eq!(at.as_micros() % SLOT.as_micros(), 0, "{at:?}");
            assert!(made <= packets / 24 * 2, "{made} at {at:?}");
        }
    }

    #[test]
    fn the_next_tick_is_at_once_or_within_one() {
        let epoch = start_of_time();
        let grid = Grid {
            epoch,
            phase: u32::MAX / 2,
        };
        let due = grid.next(epoch, 20 * MS);
        assert_eq!(grid.next(due, 20 * MS), due);
        let after = due + Duration::from_nanos(1);
        assert_eq!(grid.next(after, 20 * MS), due + 20 * MS);
    }
}
