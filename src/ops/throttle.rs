//! Keeps what a stranger can cause from flooding the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Admits a number of events in each interval.
#[derive(Debug)]
pub struct Throttle {
    most: u32,
    interval: Duration,
    state: Mutex<Option<(Instant, u32)>>,
}

impl Throttle {
    /// At most `most` events in each `interval`.
    #[must_use]
    pub fn new(most: u32, interval: Duration) -> Self {
        Self {
            most,
            interval,
            state: Mutex::new(None),
        }
    }

    /// True if this event is among those admitted.
    #[allow(clippy::disallowed_methods, reason = "part of the shell")]
    pub fn admit(&self) -> bool {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, seen) = match *state {
            Some((begun, seen)) if now.duration_since(begun) < self.interval => (begun, seen),
            _ => (now, 0),
        };
        *state = Some((begun, seen.saturating_add(1)));
        seen < self.most
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an instant to start from")]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_are_admitted_in_each_interval() {
        let throttle = Throttle::new(2, Duration::from_secs(10));
        let start = Instant::now();
        let admitted: Vec<bool> = [0, 1, 2, 9, 10, 11, 12]
            .map(|second| throttle.admit_at(start + Duration::from_secs(second)))
            .to_vec();
        assert_eq!(admitted, [true, true, false, false, true, true, false]);
    }
}
