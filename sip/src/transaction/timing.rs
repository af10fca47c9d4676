//! How long transactions wait (RFC 3261 17, table 4; RFC 6026 8.4).
//!
//! | Timer | When to | after | UDP | stream |
//! |---|---|---|---|---|
//! | A | send an INVITE again | T1, doubling | yes | no |
//! | B | give an INVITE up that nobody answers | 64*T1 | yes | yes |
//! | D | forget a refused INVITE | 64*T1 (32 s) | yes | at once |
//! | E | send another request again | T1, doubling up to T2 | yes | no |
//! | F | give another request up | 64*T1 | yes | yes |
//! | G | send the refusal of an INVITE again | T1, doubling up to T2 | yes | no |
//! | H | give up waiting for the ACK of a refusal | 64*T1 | yes | yes |
//! | I | forget an INVITE whose refusal is acknowledged | T4 | yes | at once |
//! | J | forget another request that is answered | 64*T1 | yes | at once |
//! | K | forget another request of ours that is answered | T4 | yes | at once |
//! | L | forget an INVITE that we accepted | 64*T1 | yes | yes |
//! | M | forget an INVITE of ours that was accepted | 64*T1 | yes | yes |

use std::time::{Duration, Instant};

use crate::flow::Transport;

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

impl Timings {
    /// 64*T1: how long anything is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long something that the transport may still repeat is remembered: nothing is repeated
    /// on a reliable one.
    pub(super) fn linger(transport: Transport, time: Duration) -> Duration {
        match transport.is_reliable() {
            true => Duration::ZERO,
            false => time,
        }
    }

    /// When a client's timer E has come to T2: the time by which a request other than INVITE gets
    /// a 100 (RFC 4320 4.1).
    pub(super) fn until_interval_is_longest(&self) -> Duration {
        let mut interval = self.t1;
        let mut total = Duration::ZERO;
        // T2 is never 2^16 times T1.
        for _ in 0..16 {
            if interval >= self.t2 {
                break;
            }
            total += interval;
            interval = interval.saturating_mul(2);
        }
        total
    }
}

/// When something is sent again: timers A, E and G.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resend {
    next: Instant,
    interval: Duration,
}

impl Resend {
    /// Something was just sent for the first time.
    pub(super) fn new(now: Instant, interval: Duration) -> Self {
        // Whatever the timings say, time goes on.
        let interval = interval.max(Duration::from_millis(1));
        Self {
            next: now + interval,
            interval,
        }
    }

    /// As [`new`](Self::new), unless the transport does it.
    pub(super) fn over(transport: Transport, now: Instant, interval: Duration) -> Option<Self> {
        (!transport.is_reliable()).then(|| Self::new(now, interval))
    }

    /// When.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Timer E after a provisional response: what is set goes off when it would have, and from
    /// then on it takes `interval` (17.1.2.2).
    #[must_use]
    pub(super) fn slowed(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// It was sent again: the next time it takes twice as long, up to `longest`.
    #[must_use]
    pub(super) fn doubled(self, now: Instant, longest: Duration) -> Self {
        Self::new(now, self.interval.saturating_mul(2).min(longest))
    }
}

/// The sooner of when to send again and when to end.
pub(super) fn sooner(resend: Option<Resend>, end: Instant) -> Instant {
    resend.map_or(end, |resend| resend.next().min(end))
}
