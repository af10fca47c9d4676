//! Many datagrams by one system call: `recvmmsg(2)` and `sendmmsg(2)`.
//!
//! System calls cost more than the cryptography of a packet. The safe wrappers at hand take one
//! set of control messages for a whole batch and do not restore the lengths that the kernel
//! shortens, so that each datagram's own address (`IP_PKTINFO`) cannot be had through them:
//! this is the one module of the shell with `unsafe` code.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use media::outbox::Slot;

/// Datagrams taken or sent by one call at most.
pub const BATCH: usize = 64;

/// Room for one datagram. Larger ones are cut off by the kernel and dropped here: no peer of
/// ours sends beyond an Ethernet frame.
const DATAGRAM_LEN: usize = 2048;

/// Room for one `IP_PKTINFO` or `IPV6_PKTINFO` control message.
const CONTROL_LEN: usize = 64;

/// Aligned as `cmsghdr` wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// A received datagram.
#[derive(Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub remote: SocketAddr,
    /// Which of our addresses it was sent to.
    pub local: IpAddr,
    /// What it says.
    pub bytes: &'a mut [u8],
}

/// Room for a batch to be received into, made once.
pub struct ReceiveBatch {
    bytes: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
    messages: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    received: usize,
}

// SAFETY: the raw pointers in `messages` and `vectors` point into the boxes beside them, are
// written anew before every system call and are never read between calls.
unsafe impl Send for ReceiveBatch {}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self {
            bytes: vec![0; BATCH * DATAGRAM_LEN].into_boxed_slice(),
            names: vec![empty_name(); BATCH].into_boxed_slice(),
            controls: vec![Control([0; CONTROL_LEN]); BATCH].into_boxed_slice(),
            messages: vec![empty_message(); BATCH].into_boxed_slice(),
            vectors: vec![empty_vector(); BATCH].into_boxed_slice(),
            received: 0,
        }
    }
}

impl ReceiveBatch {
    /// Takes what waits at a socket, without waiting for more.
    ///
    /// # Errors
    /// What the system call says; `WouldBlock` if nothing waits.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.received = 0;
        let rooms = self.bytes.chunks_exact_mut(DATAGRAM_LEN);
        for ((((message, vector), name), control), room) in self
            .messages
            .iter_mut()
            .zip(&mut self.vectors)
            .zip(&mut self.names)
            .zip(&mut self.controls)
            .zip(rooms)
        {
            *vector = libc::iovec {
                iov_base: room.as_mut_ptr().cast(),
                iov_len: room.len(),
            };
            let header = &mut message.msg_hdr;
            header.msg_name = (&raw mut *name).cast();
            header.msg_namelen = length_of::<libc::sockaddr_storage>();
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_LEN;
            header.msg_flags = 0;
            message.msg_len = 0;
        }
        // SAFETY: every pointer was just set to memory owned by `self` with the length named
        // beside it, and `self` is borrowed mutably for the length of the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        self.received = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// The datagram at `index` of the batch received last; `None` beyond it, or if it was cut
    /// off or came without its addresses.
    pub fn datagram(&mut self, index: usize) -> Option<Received<'_>> {
        if index >= self.received {
            return None;
        }
        let message = self.messages.get(index)?;
        if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let remote = from_name(self.names.get(index)?)?;
        let control = self
            .controls
            .get(index)?
            .0
            .get(..message.msg_hdr.msg_controllen)?;
        let local = packet_info(control)?;
        let len = usize::try_from(message.msg_len).ok()?;
        let start = index * DATAGRAM_LEN;
        let bytes = self.bytes.get_mut(start..start + len.min(DATAGRAM_LEN))?;
        Some(Received {
            remote,
            local,
            bytes,
        })
    }
}

/// Room for a batch to be sent from, made once.
pub struct SendBatch {
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
    messages: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    filled: usize,
}

// SAFETY: as for `ReceiveBatch`; `vectors` also point into slots, which outlive each call.
unsafe impl Send for SendBatch {}

impl Default for SendBatch {
    fn default() -> Self {
        Self {
            names: vec![empty_name(); BATCH].into_boxed_slice(),
            controls: vec![Control([0; CONTROL_LEN]); BATCH].into_boxed_slice(),
            messages: vec![empty_message(); BATCH].into_boxed_slice(),
            vectors: vec![empty_vector(); BATCH].into_boxed_slice(),
            filled: 0,
        }
    }
}

impl SendBatch {
    /// Sends the datagrams in order and returns how many the kernel did not take: a full
    /// socket buffer or an unreachable address. To the far side those are lost on the way;
    /// waiting would delay everyone else.
    pub fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        slots: impl Iterator<Item = &'a Slot>,
    ) -> u64 {
        let mut refused = 0;
        self.filled = 0;
        for slot in slots {
            if self.filled == BATCH {
                refused += self.flush(socket);
            }
            if !self.fill(slot) {
                refused += 1;
            }
        }
        refused + self.flush(socket)
    }

    fn fill(&mut self, slot: &Slot) -> bool {
        let index = self.filled;
        let (Some(message), Some(vector), Some(name), Some(control)) = (
            self.messages.get_mut(index),
            self.vectors.get_mut(index),
            self.names.get_mut(index),
            self.controls.get_mut(index),
        ) else {
            return false;
        };
        let path = slot.path();
        let bytes = slot.bytes();
        *vector = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let header = &mut message.msg_hdr;
        header.msg_namelen = to_name(path.remote, name);
        header.msg_name = (&raw mut *name).cast();
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        header.msg_controllen = write_packet_info(path.local.ip(), control);
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_flags = 0;
        self.filled += 1;
        true
    }

    /// Sends what is filled. The kernel stops at the first datagram it refuses; that one is
    /// passed over.
    fn flush(&mut self, socket: BorrowedFd<'_>) -> u64 {
        let filled = mem::take(&mut self.filled);
        let mut refused = 0;
        let mut next = 0;
        while next < filled {
            let Some(rest) = self.messages.get_mut(next..filled) else {
                break;
            };
            // SAFETY: `fill` set every pointer of these messages to memory owned by `self` or
            // by slots that the caller of `send` borrows for longer than this call.
            let count = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            match usize::try_from(count) {
                Ok(sent) if sent > 0 => next += sent,
                _ => {
                    if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                        refused += 1;
                        next += 1;
                    }
                }
            }
        }
        refused
    }
}

fn length_of<T>() -> libc::socklen_t {
    // No socket structure comes near 4 GiB.
    mem::size_of::<T>() as libc::socklen_t
}

fn empty_name() -> libc::sockaddr_storage {
    // SAFETY: all-zero bytes are a valid `sockaddr_storage` (family AF_UNSPEC).
    unsafe { mem::zeroed() }
}

fn empty_message() -> libc::mmsghdr {
    // SAFETY: all-zero bytes are a valid `mmsghdr` with null pointers and no lengths.
    unsafe { mem::zeroed() }
}

fn empty_vector() -> libc::iovec {
    libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }
}

fn from_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote a `sockaddr_in`, which is smaller than the storage and
            // no stricter in alignment.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, with a `sockaddr_in6`.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn to_name(address: SocketAddr, name: &mut libc::sockaddr_storage) -> libc::socklen_t {
    match address {
        SocketAddr::V4(address) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*address.ip()).to_be(),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: `sockaddr_storage` holds any socket address, at its alignment.
            unsafe { (&raw mut *name).cast::<libc::sockaddr_in>().write(v4) };
            length_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            let v6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: address.ip().octets(),
                },
                sin6_scope_id: address.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut *name).cast::<libc::sockaddr_in6>().write(v6) };
            length_of::<libc::sockaddr_in6>()
        }
    }
}

/// A control message's head: length, level, type; then the data, 8-byte aligned (64-bit Linux).
const HEAD_LEN: usize = mem::size_of::<libc::cmsghdr>();

/// Which of our addresses a datagram was sent to.
fn packet_info(mut control: &[u8]) -> Option<IpAddr> {
    while let Some(head) = control.get(..HEAD_LEN) {
        let len = usize::from_ne_bytes(head.get(..8)?.try_into().ok()?);
        let level = i32::from_ne_bytes(head.get(8..12)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(head.get(12..16)?.try_into().ok()?);
        let data = control.get(HEAD_LEN..len)?;
        match (level, kind) {
            // struct in_pktinfo: interface index, local address, destination of the header.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let address: [u8; 4] = data.get(8..12)?.try_into().ok()?;
                return Some(Ipv4Addr::from(address).into());
            }
            // struct in6_pktinfo: destination, interface index.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let address: [u8; 16] = data.get(..16)?.try_into().ok()?;
                return Some(Ipv6Addr::from(address).into());
            }
            _ => control = control.get(len.next_multiple_of(8)..)?,
        }
    }
    None
}

/// Asks the kernel to send from this address of ours.
fn write_packet_info(local: IpAddr, control: &mut Control) -> usize {
    let mut data = [0; 20];
    let (level, kind, len) = match local {
        IpAddr::V4(ip) => {
            // in_pktinfo: interface 0 (any), then the source address.
            data[4..8].copy_from_slice(&ip.octets());
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 12)
        }
        IpAddr::V6(ip) => {
            data[..16].copy_from_slice(&ip.octets());
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)
        }
    };
    control.0[..8].copy_from_slice(&(HEAD_LEN + len).to_ne_bytes());
    control.0[8..12].copy_from_slice(&level.to_ne_bytes());
    control.0[12..16].copy_from_slice(&kind.to_ne_bytes());
    control.0[16..16 + len].copy_from_slice(&data[..len]);
    (HEAD_LEN + len).next_multiple_of(8)
}
