//! Where the worker puts the datagrams to be sent: slots made once, filled in place, so that a
//! relayed packet allocates nothing and the shell can send a whole batch by one system call.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;

/// The two ends of a datagram's way as we see it. Ours is a concrete address, so that a reply
/// leaves from where the question went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address and port.
    pub local: SocketAddr,
    /// The far side's.
    pub remote: SocketAddr,
    /// The TCP connection that carries the datagrams (RFC 6544); `None` for UDP.
    pub connection: Option<ConnectionId>,
}

/// A TCP connection of the shell. No worker sees one twice, so a path ends with its connection:
/// whoever gets the same two ports later inherits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub NonZeroU64);

impl Path {
    /// A path over UDP.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            connection: None,
        }
    }
}

/// Room for one datagram: an Ethernet frame's worth, and what SRTP and remapped header
/// extensions may add to a packet that came in at that size.
pub const SLOT_LEN: usize = 1664;

const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// One datagram to be sent.
#[derive(Debug)]
pub struct Slot {
    path: Path,
    len: usize,
    bytes: [u8; SLOT_LEN],
}

impl Slot {
    /// Where it goes, and from which of our addresses.
    pub fn path(&self) -> Path {
        self.path
    }

    /// What is sent.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A batch of datagrams to be sent.
#[derive(Debug)]
pub struct Outbox {
    slots: Box<[Slot]>,
    filled: usize,
    overflowed: u64,
}

impl Outbox {
    /// Of so many slots, at least one.
    pub fn new(slots: usize) -> Self {
        let empty = || Slot {
            path: Path::udp(NOWHERE, NOWHERE),
            len: 0,
            bytes: [0; SLOT_LEN],
        };
        Self {
            slots: (0..slots.max(1)).map(|_| empty()).collect(),
            filled: 0,
            overflowed: 0,
        }
    }

    /// Lets `write` fill the next slot; it returns the datagram's length, or `None` to leave
    /// the slot free. With no slot left the datagram is dropped and counted: to the far side
    /// that is a packet lost on the way.
    pub fn push(&mut self, path: Path, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(slot) = self.slots.get_mut(self.filled) else {
            self.overflowed += 1;
            return false;
        };
        match write(&mut slot.bytes) {
            Some(len) if len > 0 && len <= SLOT_LEN => {
                slot.path = path;
                slot.len = len;
                self.filled += 1;
                true
            }
            _ => false,
        }
    }

    /// Copies a ready datagram into the next slot.
    pub fn push_bytes(&mut self, path: Path, datagram: &[u8]) -> bool {
        self.push(path, |slot| {
            slot.get_mut(..datagram.len())?.copy_from_slice(datagram);
            Some(datagram.len())
        })
    }

    /// What is to be sent, in order.
    pub fn datagrams(&self) -> &[Slot] {
        self.slots.get(..self.filled).unwrap_or_default()
    }

    /// All has been sent.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Slots that are free.
    pub fn room(&self) -> usize {
        self.slots.len() - self.filled
    }

    /// Datagrams dropped for want of a slot, since the beginning.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: Path = Path::udp(NOWHERE, NOWHERE);

    #[test]
    fn a_full_outbox_drops_and_counts() {
        let mut outbox = Outbox::new(1);
        assert!(outbox.push_bytes(PATH, b"first"));
        assert!(!outbox.push_bytes(PATH, b"second"));
        assert_eq!((outbox.datagrams().len(), outbox.overflowed()), (1, 1));
        outbox.clear();
        assert!(outbox.push_bytes(PATH, b"third"));
        assert_eq!(outbox.datagrams()[0].bytes(), b"third");
    }

    #[test]
    fn a_datagram_larger_than_a_slot_leaves_it_free() {
        let mut outbox = Outbox::new(1);
        assert!(!outbox.push_bytes(PATH, &[0; SLOT_LEN + 1]));
        assert_eq!(outbox.room(), 1);
    }
}
