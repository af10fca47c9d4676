//! A UDP socket that tells which address of ours each datagram came to, and sends from it.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, SockaddrStorage, bind,
    getsockname, recvmsg, sendmsg, setsockopt, socket, sockopt,
};
use tokio::io::Interest;

use crate::net::media_worker::destination;

/// Asked for as the kernel's buffer: what a thousand phones send when the power comes back.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// More than any datagram holds (RFC 768: 65,535 bytes with its header).
pub(super) const DATAGRAM_LEN: usize = 64 * 1024;

/// Both ends of a datagram's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::net::sip) struct Path {
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// A bound socket.
#[derive(Debug)]
pub(in crate::net::sip) struct UdpSocket {
    socket: tokio::net::UdpSocket,
    bound: SocketAddr,
}

impl UdpSocket {
    /// Binds. An IPv6 socket serves IPv6 only.
    pub(in crate::net::sip) fn bind(address: SocketAddr) -> io::Result<Self> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(family, SockType::Datagram, flags, None)?;
        if address.is_ipv4() {
            setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
            setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
        // With CAP_NET_ADMIN the system's limit does not hold; without, the most it allows is
        // taken. Either way phones send again what found no room.
        if setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            let _ = setsockopt(&fd, sockopt::RcvBuf, &RECEIVE_BUFFER);
        }
        let bound = getsockname::<SockaddrStorage>(fd.as_raw_fd())?;
        Ok(Self {
            bound: as_address(&bound).unwrap_or(address),
            socket: tokio::net::UdpSocket::from_std(fd.into())?,
        })
    }

    /// Where it is bound.
    pub(in crate::net::sip) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Waits for a datagram. `None` in place of its way if it is of no use: truncated, or it does
    /// not say where it came from and to.
    pub(super) async fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Option<Path>)> {
        self.socket
            .async_io(Interest::READABLE, || self.receive_now(into))
            .await
    }

    /// Sends, waiting for room in the kernel.
    pub(super) async fn send(&self, path: Path, bytes: &[u8]) -> io::Result<()> {
        self.socket
            .async_io(Interest::WRITABLE, || self.send_now(path, bytes))
            .await
    }

    /// Sends if there is room.
    pub(super) fn send_now(&self, path: Path, bytes: &[u8]) -> io::Result<()> {
        send_on(&self.socket, path, bytes)
    }

    fn receive_now(&self, into: &mut [u8]) -> io::Result<(usize, Option<Path>)> {
        let mut slices = [IoSliceMut::new(into)];
        let mut room = nix::cmsg_space!(libc::in6_pktinfo);
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut room),
            flags,
        )?;
        let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
        let remote = message.address.as_ref().and_then(as_address);
        let local = message
            .cmsgs()
            .ok()
            .and_then(|mut infos| infos.find_map(destination));
        let path = match (local, remote) {
            (Some(local), Some(remote)) if whole => Some(Path {
                local: SocketAddr::new(local, self.bound.port()),
                remote,
            }),
            _ => None,
        };
        Ok((message.bytes, path))
    }
}

fn send_on(socket: &impl AsRawFd, path: Path, bytes: &[u8]) -> io::Result<()> {
    let slices = [IoSlice::new(bytes)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let to = SockaddrStorage::from(path.remote);
    let send =
        |from: ControlMessage<'_>| sendmsg(socket.as_raw_fd(), &slices, &[from], flags, Some(&to));
    match path.local.ip() {
        IpAddr::V4(local) => send(ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from_ne_bytes(local.octets()),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        })),
        IpAddr::V6(local) => send(ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr {
                s6_addr: local.octets(),
            },
            // A link-local address means something on one link only (RFC 4007 6).
            ipi6_ifindex: scope(path.remote),
        })),
    }?;
    Ok(())
}

fn scope(remote: SocketAddr) -> u32 {
    match remote {
        SocketAddr::V6(remote) if remote.ip().is_unicast_link_local() => remote.scope_id(),
        _ => 0,
    }
}

fn as_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|it| SocketAddr::from((it.ip(), it.port())));
    let v6 = || {
        let it = storage.as_sockaddr_in6()?;
        let scope = if it.ip().is_unicast_link_local() {
            it.scope_id()
        } else {
            0
        };
        Some(SocketAddrV6::new(it.ip(), it.port(), 0, scope).into())
    };
    v4.or_else(v6)
}
