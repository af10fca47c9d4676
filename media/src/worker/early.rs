//! DTLS that overtook the STUN check of its own path: a browser's first flight may arrive
//! before the check that makes its address known. Kept for a moment, and handed on only when
//! that very path has been checked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::outbox::Path;

/// Anyone can send these, so all of them together are bounded: the oldest makes room.
const MAX_DATAGRAMS: usize = 32;
/// A ClientHello with a post-quantum key share takes two.
const MAX_PER_PATH: usize = 4;
const MAX_LEN: usize = 2048;
/// Beyond this the browser has sent it again.
const MAX_AGE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct EarlyDatagrams {
    waiting: VecDeque<(Instant, Path, Box<[u8]>)>,
}

impl EarlyDatagrams {
    pub(super) fn keep(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let of_path = self
            .waiting
            .iter()
            .filter(|(_, from, _)| *from == path)
            .count();
        if of_path >= MAX_PER_PATH || datagram.len() > MAX_LEN {
            return;
        }
        if self.waiting.len() >= MAX_DATAGRAMS {
            self.waiting.pop_front();
        }
        self.waiting.push_back((now, path, datagram.into()));
    }

    /// The oldest datagram that came over `path`.
    pub(super) fn take(&mut self, now: Instant, path: Path) -> Option<Box<[u8]>> {
        while self
            .waiting
            .front()
            .is_some_and(|(at, ..)| *at + MAX_AGE < now)
        {
            self.waiting.pop_front();
        }
        let index = self.waiting.iter().position(|(_, from, _)| *from == path)?;
        self.waiting.remove(index).map(|(.., datagram)| datagram)
    }

    /// Nothing will check this path any more.
    pub(super) fn forget(&mut self, path: Path) {
        self.waiting.retain(|(_, from, _)| *from != path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
    }

    #[test]
    fn a_datagram_is_handed_out_for_its_own_path_only_in_order_and_once() {
        let now = start_of_time();
        let mut early = EarlyDatagrams::default();
        early.keep(now, path(1), b"first");
        early.keep(now, path(1), b"second");
        assert_eq!(early.take(now, path(2)), None);
        assert_eq!(early.take(now, path(1)).as_deref(), Some(&b"first"[..]));
        assert_eq!(early.take(now, path(1)).as_deref(), Some(&b"second"[..]));
        assert_eq!(early.take(now, path(1)), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_ages() {
        let now = start_of_time();
        let mut early = EarlyDatagrams::default();
        for port in 0..1000 {
            for _ in 0..10 {
                early.keep(now, path(port), b"x");
            }
        }
        assert_eq!(early.waiting.len(), MAX_DATAGRAMS);
        assert_eq!(early.take(now + MAX_AGE * 2, path(999)), None);
        assert!(early.waiting.is_empty());
    }
}
