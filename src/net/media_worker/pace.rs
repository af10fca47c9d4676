//! How often datagrams are fetched: at once while few come, and under load only every
//! [`GATHER`], so that one wake and one pair of system calls serve several of them
//! (docs/adr/0006-gather-packets-under-load.md has the measurement).

use std::time::{Duration, Instant};

/// Under load datagrams gather for so long: that much the server may add to a packet's delay.
/// Less than a millisecond, timer slack included.
pub(super) const GATHER: Duration = Duration::from_micros(900);

/// Load is when so many or more come within [`GATHER`]. With fewer there is nothing to gather.
const CROWD: u32 = 3;

/// The rate is looked at once in so long: a burst alone is no load.
const WINDOW: Duration = Duration::from_millis(20);

/// The rate of what comes, and when to fetch the next.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    count: u32,
    crowded: bool,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            count: 0,
            crowded: false,
            next: None,
        }
    }

    /// So many datagrams were fetched at `now`; `hasty` if more are there already, or somebody
    /// waits for an answer to one of them, as in setting up a call: then what follows is fetched
    /// as soon as it comes.
    pub(super) fn fetched(&mut self, now: Instant, datagrams: usize, hasty: bool) {
        self.count = self
            .count
            .saturating_add(u32::try_from(datagrams).unwrap_or(u32::MAX));
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            self.crowded = GATHER.saturating_mul(self.count) >= passed.saturating_mul(CROWD);
            self.since = now;
            self.count = 0;
        }
        let gathers = self.crowded && datagrams > 0 && !hasty;
        self.next = gathers.then(|| now + GATHER);
    }

    /// There is more to do: nothing gathers before it is done.
    pub(super) fn hurry(&mut self) {
        self.next = None;
    }

    /// How long to let datagrams gather still. `None`: fetch what is there, or comes.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = self.next?.saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A pace after `rate` datagrams a millisecond for a while.
    fn after(rate: usize) -> (Pace, Instant) {
        #[expect(clippy::disallowed_methods, reason = "the start of a virtual time")]
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..100 {
            now += MS;
            pace.fetched(now, rate, false);
        }
        (pace, now)
    }

    #[test]
    fn few_datagrams_are_fetched_as_they_come() {
        let (pace, now) = after(2);
        assert_eq!(pace.rest(now), None);
    }

    #[test]
    fn many_gather_for_a_moment_from_the_last_fetch_and_no_longer() {
        let (pace, now) = after(4);
        assert_eq!(pace.rest(now), Some(GATHER));
        assert_eq!(pace.rest(now + GATHER / 4), Some(GATHER * 3 / 4));
        assert_eq!(pace.rest(now + GATHER), None);
    }

    #[test]
    fn a_burst_alone_is_no_load() {
        let (mut pace, now) = after(0);
        pace.fetched(now + MS, 50, false);
        assert_eq!(pace.rest(now + MS), None);
        pace.fetched(now + 200 * MS, 1, false);
        assert_eq!(pace.rest(now + 200 * MS), None);
    }

    #[test]
    fn whoever_sets_up_a_call_is_not_kept_waiting() {
        let (mut pace, now) = after(10);
        pace.fetched(now + MS, 10, true);
        assert_eq!(pace.rest(now + MS), None);
        pace.fetched(now + 2 * MS, 10, false);
        assert_eq!(pace.rest(now + 2 * MS), Some(GATHER));
    }

    #[test]
    fn when_nothing_came_the_next_datagram_is_fetched_at_once() {
        let (mut pace, now) = after(10);
        pace.fetched(now + MS, 0, false);
        assert_eq!(pace.rest(now + MS), None);
    }

    #[test]
    fn nothing_gathers_while_there_is_more_to_do() {
        let (mut pace, now) = after(10);
        assert_eq!(pace.rest(now), Some(GATHER));
        pace.hurry();
        assert_eq!(pace.rest(now), None);
    }
}
