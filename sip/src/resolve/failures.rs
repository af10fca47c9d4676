//! Targets that failed a moment ago, so that not every request waits for them anew
//! (RFC 3263 4.3, RFC 3261 21.5.4).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::flow::Transport;

/// The longest that a target is passed over: a `Retry-After` of a day is not obeyed for a day.
const MAX_HOLD: Duration = Duration::from_secs(3600);

/// At most `limit` targets; a full table forgets the one whose time ends first.
#[derive(Debug)]
pub(super) struct Failures {
    until: BTreeMap<(Transport, SocketAddr), Instant>,
    hold: Duration,
    limit: usize,
}

impl Failures {
    /// None yet. A failed target is passed over for `hold`.
    pub(super) fn new(hold: Duration, limit: usize) -> Self {
        Self {
            until: BTreeMap::new(),
            hold,
            limit,
        }
    }

    /// A target failed; a 503 may say for how long (`Retry-After`).
    pub(super) fn mark(
        &mut self,
        now: Instant,
        transport: Transport,
        addr: SocketAddr,
        retry_after: Option<Duration>,
    ) {
        if self.limit == 0 {
            return;
        }
        let key = (transport, addr);
        self.until.retain(|_, until| now < *until);
        if self.until.len() >= self.limit && !self.until.contains_key(&key) {
            let first = self.until.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(key, _)| *key) {
                self.until.remove(&first);
            }
        }
        let hold = retry_after.unwrap_or(self.hold).min(MAX_HOLD);
        self.until.insert(key, now + hold);
    }

    /// A target answered.
    pub(super) fn clear(&mut self, transport: Transport, addr: SocketAddr) {
        self.until.remove(&(transport, addr));
    }

    /// A target is to be passed over while there are others.
    pub(super) fn contains(&self, now: Instant, transport: Transport, addr: SocketAddr) -> bool {
        let until = self.until.get(&(transport, addr));
        until.is_some_and(|until| now < *until)
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }

    pub(super) fn forget_all(&mut self) {
        self.until.clear();
    }
}
