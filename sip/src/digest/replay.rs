//! Which nonce counts have been used (RFC 7616 3.4, `nc`): a request that comes twice is no
//! second request. Only those who knew the password get an entry here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::nonce::{Nonces, Stamp};

/// How far behind the highest nonce count another may come: UDP changes the order of requests.
const WINDOW: u32 = 64;

/// The nonces in use, at most `limit`. When there is no room, the oldest is forgotten, and with it
/// every nonce of its time and before: they are stale from then on, so that forgetting never
/// lets a replay in.
pub(super) struct Replays {
    windows: BTreeMap<Stamp, Window>,
    limit: usize,
    /// Up to here everything is stale.
    forgotten: Option<Stamp>,
}

/// The counts seen with a nonce.
struct Window {
    highest: u32,
    /// Bit `n`: `highest - n` was seen.
    seen: u64,
}

/// What a nonce count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// New.
    First,
    /// Seen, or so far behind that it may have been.
    Again,
    /// Of a nonce that there was no room to remember.
    Forgotten,
}

impl Replays {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            windows: BTreeMap::new(),
            limit: limit.max(1),
            forgotten: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Marks a count as used. A nonce older than `ttl` never comes here again.
    pub(super) fn mark(
        &mut self,
        nonces: &Nonces,
        now: Instant,
        ttl: Duration,
        nonce: Stamp,
        nc: u32,
    ) -> Use {
        if self.forgotten.is_some_and(|forgotten| nonce <= forgotten) {
            return Use::Forgotten;
        }
        if let Some(window) = self.windows.get_mut(&nonce) {
            return window.mark(nc);
        }
        while let Some(oldest) = self.windows.first_entry() {
            if nonces.age(now, *oldest.key()) <= ttl {
                break;
            }
            oldest.remove();
        }
        if self.windows.len() >= self.limit {
            match self.windows.first_entry() {
                Some(oldest) if *oldest.key() < nonce => {
                    self.forgotten = Some(*oldest.key());
                    oldest.remove();
                }
                _ => return Use::Forgotten,
            }
        }
        let mut window = Window {
            highest: 0,
            seen: 1,
        };
        let first = window.mark(nc);
        self.windows.insert(nonce, window);
        first
    }
}

impl Window {
    fn mark(&mut self, nc: u32) -> Use {
        if nc > self.highest {
            let ahead = nc - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = nc;
            return Use::First;
        }
        let behind = self.highest - nc;
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        if behind >= WINDOW || self.seen & bit != 0 {
            return Use::Again;
        }
        self.seen |= bit;
        Use::First
    }
}
