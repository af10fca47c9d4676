//! The UDP sockets of a media worker: one a family, batched, with our own address known for
//! each datagram.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use media::worker::Path;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    self, AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockFlag,
    SockType, SockaddrIn, SockaddrIn6, SockaddrLike, sockopt,
};

/// Datagrams taken or given by one system call.
pub(super) const BATCH: usize = 64;

/// Room for one received datagram; a longer one is dropped.
pub(super) const DATAGRAM_LEN: usize = 2048;

/// A bound socket.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    serves: Serves,
    port: u16,
}

/// What a socket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// One family.
    One(Family),
    /// IPv6, and IPv4 in mapped addresses (RFC 3493 3.7), which are seen in here alone.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl Socket {
    /// Binds to all addresses of what it serves. Port 0 takes any.
    pub(super) fn bind(serves: Serves, port: u16) -> Result<Self, Errno> {
        let domain = match serves {
            Serves::One(Family::V4) => AddressFamily::Inet,
            Serves::One(Family::V6) | Serves::Both => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket::socket(domain, SockType::Datagram, flags, None)?;
        if domain == AddressFamily::Inet {
            socket::setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
            let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
            socket::bind(fd.as_raw_fd(), &SockaddrIn::from(any))?;
        } else {
            socket::setsockopt(&fd, sockopt::Ipv6V6Only, &(serves != Serves::Both))?;
            socket::setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
            let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
            socket::bind(fd.as_raw_fd(), &SockaddrIn6::from(any))?;
        }
        let port = match (port, domain) {
            (0, AddressFamily::Inet) => socket::getsockname::<SockaddrIn>(fd.as_raw_fd())?.port(),
            (0, _) => socket::getsockname::<SockaddrIn6>(fd.as_raw_fd())?.port(),
            (port, _) => port,
        };
        Ok(Self { fd, serves, port })
    }

    /// Asks for kernel buffers of this size and returns what the receive buffer got. With
    /// `CAP_NET_ADMIN` the system's limit does not hold.
    pub(super) fn enlarge_buffers(&self, bytes: usize) -> Result<usize, Errno> {
        if socket::setsockopt(&self.fd, sockopt::RcvBufForce, &bytes).is_err() {
            socket::setsockopt(&self.fd, sockopt::RcvBuf, &bytes)?;
        }
        // A failure here costs nothing that the receive buffer does not cost.
        let _ = socket::setsockopt(&self.fd, sockopt::SndBuf, &bytes);
        // The kernel doubles what it is asked for, for its own bookkeeping (socket(7)).
        Ok(socket::getsockopt(&self.fd, sockopt::RcvBuf)? / 2)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether datagrams to and from this address of ours are its.
    pub(super) fn serves(&self, ip: IpAddr) -> bool {
        self.serves == Serves::Both || self.serves == Serves::One(Family::of(ip))
    }

    /// Its addresses are those of IPv4, also in the kernel.
    fn is_v4(&self) -> bool {
        self.serves == Serves::One(Family::V4)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Where a received datagram came from and to, and how long it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) path: Path,
    pub(super) len: usize,
}

/// What a system call needs room for, made once.
pub(super) struct Batches {
    receive_v4: MultiHeaders<SockaddrIn>,
    receive_v6: MultiHeaders<SockaddrIn6>,
    send_v4: MultiHeaders<SockaddrIn>,
    send_v6: MultiHeaders<SockaddrIn6>,
}

impl Batches {
    pub(super) fn new() -> Self {
        // Nothing but the packet info may be asked for: the kernel shortens the room for
        // control messages to what it used last, and it is not made long again.
        let v4 = || Some(nix::cmsg_space!(libc::in_pktinfo));
        let v6 = || Some(nix::cmsg_space!(libc::in6_pktinfo));
        Self {
            receive_v4: MultiHeaders::preallocate(BATCH, v4()),
            receive_v6: MultiHeaders::preallocate(BATCH, v6()),
            send_v4: MultiHeaders::preallocate(BATCH, v4()),
            send_v6: MultiHeaders::preallocate(BATCH, v6()),
        }
    }

    /// Takes as many datagrams as `into` has room for, at most [`BATCH`], into `buffer`,
    /// [`DATAGRAM_LEN`] bytes apart. An entry is
    /// `None` where the datagram was too long or its destination address was not told.
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        buffer: &mut [u8],
        into: &mut [Option<Received>],
    ) -> Result<usize, Errno> {
        if socket.is_v4() {
            receive(socket, &mut self.receive_v4, buffer, into)
        } else {
            receive(socket, &mut self.receive_v6, buffer, into)
        }
    }

    /// Sends datagrams of one family that all leave from the same address of ours, at most
    /// [`BATCH`], and returns how many were taken.
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        source: IpAddr,
        datagrams: &[(SocketAddr, &[u8])],
    ) -> Result<usize, Errno> {
        match source {
            IpAddr::V4(source) if socket.is_v4() => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(source.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let from = [ControlMessage::Ipv4PacketInfo(&info)];
                let mut to = [None; BATCH];
                for (slot, (to, _)) in to.iter_mut().zip(datagrams) {
                    *slot = as_v4(*to);
                }
                send(socket, &mut self.send_v4, &from, &to, datagrams)
            }
            source => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: as_v6_ip(source).octets(),
                    },
                    ipi6_ifindex: 0,
                };
                let from = [ControlMessage::Ipv6PacketInfo(&info)];
                let mut to = [None; BATCH];
                for (slot, (to, _)) in to.iter_mut().zip(datagrams) {
                    *slot = as_v6(*to);
                }
                send(socket, &mut self.send_v6, &from, &to, datagrams)
            }
        }
    }
}

fn receive<S: SockaddrLike + Copy + Into<SocketAddr>>(
    socket: &Socket,
    headers: &mut MultiHeaders<S>,
    buffer: &mut [u8],
    into: &mut [Option<Received>],
) -> Result<usize, Errno> {
    let mut room = buffer.chunks_exact_mut(DATAGRAM_LEN);
    let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
        std::array::from_fn(|_| [IoSliceMut::new(room.next().unwrap_or_default())]);
    let flags = MsgFlags::MSG_DONTWAIT;
    let messages = socket::recvmmsg(
        socket.fd.as_raw_fd(),
        headers,
        slices.iter_mut().take(into.len()),
        flags,
        None,
    )?;
    let mut count = 0;
    for (message, slot) in messages.zip(into.iter_mut()) {
        count += 1;
        let local = message
            .cmsgs()
            .ok()
            .and_then(|mut infos| infos.find_map(destination));
        let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
        *slot = match (message.address, local) {
            (Some(remote), Some(local)) if whole => {
                let local = SocketAddr::new(local.to_canonical(), socket.port);
                let path = Path::udp(local, unmapped(remote.into()));
                Some(Received {
                    path,
                    len: message.bytes,
                })
            }
            _ => None,
        };
    }
    Ok(count)
}

/// The address of ours a datagram was sent to.
pub(in crate::net) fn destination(message: ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn send<S: SockaddrLike + Copy>(
    socket: &Socket,
    headers: &mut MultiHeaders<S>,
    from: &[ControlMessage<'_>; 1],
    to: &[Option<S>; BATCH],
    datagrams: &[(SocketAddr, &[u8])],
) -> Result<usize, Errno> {
    let count = datagrams.len().min(BATCH);
    let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|index| {
        let bytes = datagrams.get(index).map_or(&[][..], |(_, bytes)| bytes);
        [IoSlice::new(bytes)]
    });
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let sent = socket::sendmmsg(
        socket.fd.as_raw_fd(),
        headers,
        slices.iter().take(count),
        to,
        from,
        flags,
    )?;
    Ok(sent.count())
}

fn as_v4(address: SocketAddr) -> Option<SockaddrIn> {
    match address {
        SocketAddr::V4(address) => Some(address.into()),
        SocketAddr::V6(_) => None,
    }
}

fn as_v6(address: SocketAddr) -> Option<SockaddrIn6> {
    match address {
        SocketAddr::V6(address) => Some(address.into()),
        SocketAddr::V4(it) => {
            let mapped = it.ip().to_ipv6_mapped();
            Some(SocketAddrV6::new(mapped, it.port(), 0, 0).into())
        }
    }
}

fn as_v6_ip(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// An IPv4 address as such; any other as it is, with its scope.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}
