//! Keep-alive and rate limits: the session's arithmetic on time.

use std::time::{Duration, Instant};

/// How often the client is asked for a sign of life, and how long it may owe one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Between two `ping`s. The SDK's own watchdogs expect 5 s or less.
    pub interval: Duration,
    /// Pings in a row that may stay without any message before the peer counts as dead. With the
    /// defaults, that is 10 to 15 s after its last sign of life.
    pub missed_pings: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            missed_pings: 2,
        }
    }
}

/// How many messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRate {
    /// For ever. At least 1.
    pub per_second: u32,
    /// At once. At least 1.
    pub burst: u32,
}

/// What the keep-alive wants now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Ping,
    Dead,
}

/// The running keep-alive.
#[derive(Debug)]
pub(super) struct Pulse {
    config: KeepAlive,
    next: Instant,
    /// Pings since the last sign of life.
    owed: u32,
}

impl Pulse {
    pub(super) fn new(now: Instant, config: KeepAlive) -> Self {
        Self {
            config,
            next: now + config.interval,
            owed: 0,
        }
    }

    /// Any message is a sign of life.
    pub(super) fn heard(&mut self) {
        self.owed = 0;
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Counts pings and not time, so that a server that slept blames nobody.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Beat> {
        if now < self.next {
            return None;
        }
        if self.owed >= self.config.missed_pings.max(1) {
            return Some(Beat::Dead);
        }
        self.owed += 1;
        self.next = now + self.config.interval;
        Some(Beat::Ping)
    }
}

/// A bucket, as the instant at which it is full again (GCRA).
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    tolerance: Duration,
    full_at: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(rate: MessageRate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self {
            interval,
            tolerance: interval * rate.burst.saturating_sub(1),
            full_at: None,
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let allowed = full_at - now <= self.tolerance;
        if allowed {
            self.full_at = Some(full_at + self.interval);
        }
        allowed
    }
}
