//! Repeating a 2xx to an INVITE until its ACK comes: the UAS core's part, also over reliable
//! transports (RFC 3261 13.3.1.4).

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use bytes::Bytes;

/// T1 (RFC 3261 17.1.1.1), s.
const T1: Duration = Duration::from_millis(500);

/// T2: the longest interval.
const T2: Duration = Duration::from_secs(4);

/// The 2xx is given up after 64*T1.
const PATIENCE: Duration = T1.saturating_mul(64);

/// A 2xx that waits for its ACK.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// CSeq of the INVITE: the ACK has the same.
    cseq: u32,
    response: Bytes,
    next: Instant,
    interval: Duration,
    end: Instant,
}

/// What is to be done at a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Send the 2xx again.
    Repeat(Bytes),
    /// No ACK came in time: the call is to be ended with a BYE.
    GiveUp,
}

impl Accepted {
    /// The 2xx was just sent for the first time.
    pub fn new(now: Instant, cseq: u32, response: Bytes) -> Self {
        Self {
            cseq,
            response,
            next: now + T1,
            interval: T1,
            end: now + PATIENCE,
        }
    }

    /// The 2xx, to answer a repeated INVITE with.
    pub fn response(&self) -> &Bytes {
        &self.response
    }

    /// True if an ACK with this number is the one waited for.
    pub fn is_acknowledged_by(&self, cseq: u32) -> bool {
        self.cseq == cseq
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Instant {
        self.next.min(self.end)
    }

    /// What is due; `None` before the deadline.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        if now >= self.end {
            return Some(Due::GiveUp);
        }
        if now < self.next {
            return None;
        }
        self.interval = (self.interval * 2).min(T2);
        self.next = now + self.interval;
        Some(Due::Repeat(self.response.clone()))
    }
}
