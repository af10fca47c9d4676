//! How long transactions wait (RFC 3261 17, table 4).

use std::time::Duration;

/// The times that all timers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// T1: an estimate of the round trip.
    pub t1: Duration,
    /// T2: the longest interval of repeated requests other than INVITE, and of responses.
    pub t2: Duration,
    /// T4: how long a message stays in the network.
    pub t4: Duration,
}

impl Default for Timings {
    /// Those of the RFC: 500 ms, 4 s, 5 s.
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}
