//! The listeners, and who is let in.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use media::worker::{ConnectionId, Path};
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::socket::{setsockopt, sockopt};
use nix::{setsockopt_impl, sockopt_impl};
use sip::neighbourhood::Neighbourhood;

use super::super::{Port, StartError};
use super::connection::{Connection, End};
use super::{FIRST_LISTENER, Tcp};
use crate::net::listen;

/// Connections taken from one listener in one turn.
const ACCEPTS_PER_TURN: usize = 32;

/// Bytes that may lie unsent in the kernel for one connection: more would only grow old there,
/// where nothing can be dropped.
const MAX_UNSENT: u32 = 16 * 1024;

sockopt_impl!(
    NotSentLowat,
    SetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_NOTSENT_LOWAT,
    u32
);

impl Tcp {
    /// Takes the connections that wait at a listener.
    pub(super) fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get(listener) else {
                return;
            };
            match listener.accept() {
                Ok((stream, remote)) => {
                    if let Err(error) = self.admit(stream, remote) {
                        tracing::debug!(%error, "a new connection for media failed");
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if is_shortage(&error) => {
                    if self.shortages.admit() {
                        tracing::warn!("cannot accept a connection for media: {error}");
                    }
                    return self.pause();
                }
                // The peer is gone already.
                Err(_) => {}
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, remote: SocketAddr) -> std::io::Result<()> {
        let block = Neighbourhood::of(remote.ip());
        // Who has his share takes no place from others.
        if !self.admission.has_share_left(remote.ip()) {
            self.displace_a_stranger(|it| it == block);
        } else if self.connections.len() >= self.config.connections {
            self.displace_a_stranger(|_| true);
        }
        let Some(permit) = self.admission.admit(Some(remote.ip())) else {
            self.counts.refused += 1;
            return Ok(());
        };
        stream.set_nonblocking(true)?;
        let id = ConnectionId(self.next_id);
        let path = Path {
            connection: Some(id),
            ..Path::udp(stream.local_addr()?, remote)
        };
        self.epoll
            .add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, id.0.get()))?;
        self.next_id = self.next_id.saturating_add(1);
        self.strangers.push_back((block, id));
        let connection = Connection::new(self.now, stream, path, permit);
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Of those that may go, whoever has waited longest without a check makes room: a
    /// browser shows its own within a round trip.
    fn displace_a_stranger(&mut self, may_go: impl Fn(Neighbourhood) -> bool) {
        while let Some(place) = self.strangers.iter().position(|(block, _)| may_go(*block))
            && let Some((_, id)) = self.strangers.remove(place)
        {
            let connection = self.connections.get(&id);
            if connection.is_some_and(Connection::is_stranger) {
                self.counts.refused += 1;
                return self.close(id, &End::Displaced);
            }
        }
    }

    /// Accepts no more until the next review: descriptors are short.
    fn pause(&mut self) {
        if !self.is_paused {
            self.is_paused = true;
            for listener in &self.listeners {
                // Not in the set is what it should be.
                let _ = self.epoll.delete(listener);
            }
        }
    }

    /// Accepts again, or for the first time.
    pub(super) fn resume(&mut self) -> Result<(), Errno> {
        if self.is_paused {
            for (mark, listener) in (FIRST_LISTENER..=u64::MAX).zip(&self.listeners) {
                self.epoll
                    .add(listener, EpollEvent::new(EpollFlags::EPOLLIN, mark))?;
            }
            self.is_paused = false;
        }
        Ok(())
    }
}

/// IPv4, and IPv6 on the same port.
pub(super) fn listen_on(port: u16, ipv6: bool) -> Result<Vec<TcpListener>, StartError> {
    let v4 = listener((Ipv4Addr::UNSPECIFIED, port).into())?;
    let port = v4.local_addr()?.port();
    let mut listeners = vec![v4];
    if ipv6 {
        listeners.push(listener((Ipv6Addr::UNSPECIFIED, port).into())?);
    }
    Ok(listeners)
}

/// Connections inherit what is set here.
fn listener(address: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let fd = listen::open(address).map_err(|error| listen::errno(&error))?;
        setsockopt(&fd, sockopt::TcpNoDelay, &true)?;
        setsockopt(&fd, NotSentLowat, &MAX_UNSENT)?;
        Ok(TcpListener::from(fd))
    };
    open().map_err(|reason| StartError::of(Port::Tcp(address.port()), reason))
}

/// It would come again at once.
fn is_shortage(error: &std::io::Error) -> bool {
    let shortages = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
    shortages.contains(&listen::errno(error))
}
