//! What waits to be sent on a connection. Media that comes late is worth nothing, so nothing
//! waits for long: what the network does not take in time is dropped, the oldest first, and
//! always whole frames, so that the stream stays readable.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use nix::errno::Errno;

/// At most so many bytes wait: what 2 Mbit/s bring in half a second.
pub(super) const MAX_WAITING: usize = 128 * 1024;

/// Nothing waits longer. Retransmission after a loss takes TCP a round trip or two.
pub(super) const MAX_WAIT: Duration = Duration::from_millis(500);

/// Room that is kept while nothing waits.
const KEPT_CAPACITY: usize = 16 * 1024;

/// The queue of a connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The rest of a frame that went in part: it must go, whatever its age.
    begun: Vec<u8>,
    /// Whole frames behind it: since when each waits and how long it is.
    frames: VecDeque<(Instant, usize)>,
    /// Their bytes.
    bytes: VecDeque<u8>,
}

impl Outgoing {
    /// Adds a datagram, and returns how many were dropped to make room.
    pub(super) fn push(&mut self, now: Instant, datagram: &[u8]) -> u64 {
        let Ok(header) = u16::try_from(datagram.len()).map(u16::to_be_bytes) else {
            return 1;
        };
        let mut dropped = self.drop_late(now);
        let len = header.len() + datagram.len();
        while self.bytes.len() + len > MAX_WAITING && self.drop_oldest() {
            dropped += 1;
        }
        self.frames.push_back((now, len));
        self.bytes.extend(header);
        self.bytes.extend(datagram);
        dropped
    }

    /// Drops what has waited too long, and returns how many that were.
    pub(super) fn drop_late(&mut self, now: Instant) -> u64 {
        let mut dropped = 0;
        while let Some((since, _)) = self.frames.front()
            && *since + MAX_WAIT < now
        {
            self.drop_oldest();
            dropped += 1;
        }
        dropped
    }

    /// Gives `send` all that waits until it takes no more. True if nothing is left.
    pub(super) fn write(
        &mut self,
        mut send: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) -> Result<bool, Errno> {
        while !self.is_empty() {
            let (front, back) = self.bytes.as_slices();
            let slices = [&self.begun[..], front, back].map(IoSlice::new);
            match send(&slices) {
                Ok(sent) => self.sent(sent),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Gives back the memory that a jam took.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() && self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes.shrink_to(KEPT_CAPACITY);
            self.frames.shrink_to(0);
        }
    }

    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.bytes.is_empty()
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, len)) = self.frames.pop_front() else {
            return false;
        };
        self.bytes.drain(..len);
        true
    }

    fn sent(&mut self, sent: usize) {
        let of_begun = sent.min(self.begun.len());
        self.begun.drain(..of_begun);
        let mut left = sent - of_begun;
        while left > 0
            && let Some((_, len)) = self.frames.pop_front()
        {
            let gone = left.min(len);
            self.bytes.drain(..gone);
            self.begun.extend(self.bytes.drain(..len - gone));
            left -= gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then no more.
    fn taking(
        room: usize,
        into: &mut Vec<u8>,
    ) -> impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno> {
        let mut room = room;
        move |slices| {
            let all: Vec<u8> = slices.iter().flat_map(|it| it.to_vec()).collect();
            let taken = room.min(all.len());
            into.extend(&all[..taken]);
            room -= taken;
            if taken == 0 {
                Err(Errno::EAGAIN)
            } else {
                Ok(taken)
            }
        }
    }

    /// The first byte of each datagram in a stream, which must end with a frame.
    fn first_bytes(stream: &[u8]) -> Vec<u8> {
        let (mut rest, mut seen) = (stream, Vec::new());
        while let [high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            seen.push(behind[0]);
            rest = &behind[len..];
        }
        seen
    }

    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn frames_go_in_order_however_little_the_network_takes() {
        let (now, mut out, mut wire) = (start(), Outgoing::default(), Vec::new());
        for number in 0..40 {
            assert_eq!(out.push(now, &[number; 100]), 0);
        }
        let mut writes = 0;
        while !out.write(taking(7, &mut wire)).unwrap() {
            writes += 1;
        }
        assert!(writes > 500, "{writes}");
        assert_eq!(first_bytes(&wire), (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts() {
        let (now, mut out, mut wire) = (start(), Outgoing::default(), Vec::new());
        out.push(now, &[1; 1200]);
        assert!(!out.write(taking(5, &mut wire)).unwrap());
        let pushed = 255;
        let dropped: u64 = (0..pushed).map(|it| out.push(now, &[it; 1200])).sum();
        assert!(out.bytes.len() <= MAX_WAITING);
        assert_eq!(u64::from(pushed) - dropped, (MAX_WAITING / 1202) as u64);
        assert!(out.write(taking(usize::MAX, &mut wire)).unwrap());
        let seen = first_bytes(&wire);
        assert_eq!(seen[0], 1, "what was begun is ended");
        assert_eq!(seen.last(), Some(&254), "the newest is there");
        assert_eq!(seen.len(), 1 + MAX_WAITING / 1202);
    }

    #[test]
    fn what_has_waited_too_long_is_dropped_but_what_was_begun_goes() {
        let (now, mut out, mut wire) = (start(), Outgoing::default(), Vec::new());
        out.push(now, &[1; 50]);
        out.push(now, &[2; 50]);
        assert!(!out.write(taking(10, &mut wire)).unwrap());
        out.push(now + MAX_WAIT, &[3; 50]);
        assert_eq!(out.drop_late(now + MAX_WAIT), 0);
        assert_eq!(out.drop_late(now + MAX_WAIT + Duration::from_millis(1)), 1);
        assert!(out.write(taking(usize::MAX, &mut wire)).unwrap());
        assert_eq!(first_bytes(&wire), [1, 3]);
    }

    #[test]
    fn memory_of_a_jam_is_given_back() {
        let (now, mut out, mut wire) = (start(), Outgoing::default(), Vec::new());
        for _ in 0..100 {
            out.push(now, &[7; 1200]);
        }
        out.shrink();
        assert_eq!(out.frames.len(), 100, "not while something waits");
        assert!(out.write(taking(usize::MAX, &mut wire)).unwrap());
        out.shrink();
        assert!(out.bytes.capacity() <= 2 * KEPT_CAPACITY);
    }

    #[test]
    fn an_error_of_the_network_is_told() {
        let (now, mut out) = (start(), Outgoing::default());
        out.push(now, b"x");
        assert_eq!(out.write(|_| Err(Errno::EPIPE)), Err(Errno::EPIPE));
    }
}
