//! Whether sound is to be made longer or shorter.

use std::time::Duration;

use super::buffer::Stretch;

/// With ticks and packets of different length what waits changes in a short cycle; its low
/// point counts. 3 packets of 20 ms are a cycle of ticks of 30.
const CYCLE: usize = 3;
/// How much less than the target is right, and how much queued sound is none too much, µs.
const SLACK: i64 = 4_000;

/// How long packets waited, and how much sound was queued, when they were decoded, µs.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: [i64; CYCLE],
    queued: [i64; CYCLE],
    count: usize,
}

impl Pace {
    pub(super) fn forget(&mut self) {
        self.count = 0;
    }

    /// Takes what holds for the packet at hand.
    ///
    /// A packet is needed at a tick, so what it waits is on a grid of ticks: any such time from
    /// the target on is right, the first is best. Sound queued on top of that is delay without
    /// use. After each change a cycle is waited for, which also limits how fast things change.
    pub(super) fn judge(&mut self, waited: i64, queued: i64, tick: i64, target: i64) -> Stretch {
        let at = self.count % CYCLE;
        self.waited[at] = waited;
        self.queued[at] = queued;
        self.count += 1;
        if self.count < CYCLE || tick <= 0 {
            return Stretch::Keep;
        }
        let waited = self.waited.iter().copied().min().unwrap_or(0);
        let queued = self.queued.iter().copied().min().unwrap_or(0);
        let stretch = if waited < target - SLACK {
            let ticks = (target - waited + tick - 1) / tick;
            let by = Duration::from_micros((ticks * tick - queued).max(0).unsigned_abs());
            Stretch::Lengthen(by)
        } else {
            let by = (waited - target).max(0) / tick * tick + queued;
            if by <= SLACK {
                return Stretch::Keep;
            }
            Stretch::Shorten(Duration::from_micros(by.unsigned_abs()))
        };
        self.forget();
        stretch
    }
}
