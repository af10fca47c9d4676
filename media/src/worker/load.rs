//! How much work encoders may spend: less when their packets are made late.

use std::time::{Duration, Instant};

/// A packet made later than this after it was due is late: the worker has more to do than it can.
const LATE: Duration = Duration::from_millis(5);

/// Of so many packets or more,
const ROUND: u32 = 64;

/// over so long or more: a machine that stood still for a moment is not short of time,
const LEAST: Duration = Duration::from_millis(200);

/// if more than one of so many are late, encoders are to spend less.
const LATE_SHARE: u32 = 4;

/// After that long without such a round they may spend more again.
const CALM: Duration = Duration::from_secs(10);

/// From what is spent without need to the least that sounds right, as Opus counts it.
const STEPS: [u8; 4] = [5, 3, 1, 0];

/// Watches how late packets are made.
#[derive(Debug, Default)]
pub(super) struct Load {
    step: usize,
    packets: u32,
    late: u32,
    /// Since when packets are counted.
    since: Option<Instant>,
    changed: Option<Instant>,
}

impl Load {
    /// What encoders may spend.
    pub(super) fn complexity(&self) -> u8 {
        STEPS.get(self.step).copied().unwrap_or_default()
    }

    /// A packet was made so late.
    pub(super) fn note(&mut self, now: Instant, behind: Duration) {
        self.packets += 1;
        self.late += u32::from(behind > LATE);
        let round = now.saturating_duration_since(*self.since.get_or_insert(now));
        if self.packets < ROUND || round < LEAST {
            return;
        }
        let is_late = self.late > self.packets / LATE_SHARE;
        (self.packets, self.late, self.since) = (0, 0, None);
        let since = self.changed.map(|at| now.saturating_duration_since(at));
        if is_late {
            self.step = (self.step + 1).min(STEPS.len() - 1);
            self.changed = Some(now);
        } else if self.step > 0 && since.is_none_or(|since| since >= CALM) {
            self.step -= 1;
            self.changed = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time;

    const SOON: Duration = Duration::from_millis(1);
    const TOO_LATE: Duration = Duration::from_millis(9);

    /// A second of packets; what may be spent then.
    fn second(load: &mut Load, now: &mut Instant, behind: Duration) -> u8 {
        for _ in 0..ROUND {
            *now += Duration::from_secs(1) / ROUND;
            load.note(*now, behind);
        }
        load.complexity()
    }

    #[test]
    fn encoders_spend_less_the_longer_packets_are_late_and_more_again_when_it_is_over() {
        let mut now = start_of_time();
        let mut load = Load::default();
        assert_eq!(second(&mut load, &mut now, SOON), 5);
        let falling = [(); 5].map(|()| second(&mut load, &mut now, TOO_LATE));
        assert_eq!(falling, [3, 1, 0, 0, 0]);
        now += CALM / 2;
        assert_eq!(second(&mut load, &mut now, SOON), 0, "not at once");
        let rising = [(); 4].map(|()| {
            now += CALM;
            second(&mut load, &mut now, SOON)
        });
        assert_eq!(rising, [1, 3, 5, 5]);
    }

    #[test]
    fn a_packet_that_is_late_now_and_then_changes_nothing() {
        let mut now = start_of_time();
        let mut load = Load::default();
        for packet in 0..10 * ROUND {
            now += LEAST / 32;
            let behind = if packet % 4 == 0 { TOO_LATE } else { SOON };
            load.note(now, behind);
        }
        assert_eq!(load.complexity(), 5);
    }

    #[test]
    fn a_machine_that_stood_still_once_changes_nothing_however_many_packets_were_due() {
        let mut now = start_of_time();
        let mut load = Load::default();
        second(&mut load, &mut now, SOON);
        for _ in 0..4 * ROUND {
            load.note(now, TOO_LATE);
        }
        for _ in 0..16 * ROUND {
            now += LEAST / ROUND / 16;
            load.note(now, SOON);
        }
        assert_eq!(load.complexity(), 5);
    }
}
