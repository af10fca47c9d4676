//! Listening sockets for TCP.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};
use tokio::net::TcpListener;

use super::StartError;

/// Connections the kernel holds until we take them.
const BACKLOG: i32 = 1024;

/// Opens a listener on each address. An IPv6 one serves IPv6 only, so that `0.0.0.0` and `[::]`
/// can stand beside each other. `key` is what a person has to change if it fails.
///
/// # Errors
/// The first address that cannot be had.
pub(super) fn bind_all(
    addresses: &[SocketAddr],
    key: &'static str,
) -> Result<Vec<TcpListener>, StartError> {
    let bind = |address: &SocketAddr| {
        bind_one(*address).map_err(|source| StartError::listen(*address, key, source))
    };
    addresses.iter().map(bind).collect()
}

/// Opens a listener.
pub(super) fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(open(address)?.into())
}

/// A socket that listens on an address and waits for nothing.
///
/// # Errors
/// What the system says.
pub(super) fn open(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Stream, flags, None)?;
    // A restart need not wait for old connections to time out.
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(fd)
}

/// What the system said.
pub(super) fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
