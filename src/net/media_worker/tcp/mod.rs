//! ICE over TCP, the passive side (RFC 6544): for browsers whose network lets no UDP through.
//! Datagrams come in frames (RFC 4571) and are those of UDP: STUN, DTLS, SRTP. A connection is
//! a stranger's until an authenticated check of a living leg has come over it.
//!
//! Nothing here waits. What the listeners and connections are ready for is told by an epoll
//! set, so that the thread looks at one descriptor, however many connections there are.

mod connection;
mod framing;
mod listening;
mod outgoing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use media::worker::{ConnectionId, Path};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use sip::neighbourhood::Neighbourhood;

use self::connection::{Connection, End};
pub(super) use self::framing::Frames;
use super::StartError;
use crate::net::admission::Admission;
use crate::ops::Throttle;

/// Descriptors looked at in one turn.
const EVENTS_PER_TURN: usize = 32;

/// Bytes taken from one connection in one turn, whole frames and the beginning of another.
pub(super) const READ_LEN: usize = 8 * 1024;

/// How often connections are looked through for those that have to go.
const REVIEW_INTERVAL: Duration = Duration::from_secs(1);

/// The first listener's mark in the epoll set; connections have theirs from 1 upwards.
const FIRST_LISTENER: u64 = u64::MAX - 1;

/// How ICE-TCP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpConfig {
    /// TCP port, on all addresses. 0 takes any.
    pub port: u16,
    /// Connections at once, in all.
    pub connections: usize,
    /// Connections at once of one address; of IPv6, of one /64.
    pub connections_per_address: usize,
    /// A connection has so long to show an authenticated check of a living leg.
    pub check_timeout: Duration,
    /// A connection over which nothing comes for so long is closed.
    pub idle_timeout: Duration,
}

/// What has been counted of ICE-TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpCounts {
    /// Connections now.
    pub connections: usize,
    /// Connections closed because there were too many: new ones, or strangers that made room.
    pub refused: u64,
    /// Datagrams dropped because the network did not take them in time.
    pub dropped: u64,
}

/// The listeners and their connections.
pub(super) struct Tcp {
    epoll: Epoll,
    listeners: Vec<TcpListener>,
    port: Option<u16>,
    config: TcpConfig,
    admission: Admission,
    connections: HashMap<ConnectionId, Connection>,
    /// The oldest first, with what counts as its address; those that are strangers no more, or
    /// gone, among them.
    strangers: VecDeque<(Neighbourhood, ConnectionId)>,
    next_id: NonZeroU64,
    now: Instant,
    next_review: Instant,
    is_paused: bool,
    shortages: Throttle,
    /// Have something to read.
    readable: Vec<ConnectionId>,
    /// Have something to send.
    listed: Vec<ConnectionId>,
    closed: Vec<Path>,
    counts: TcpCounts,
}

impl Tcp {
    /// Listens on IPv4 and, if wanted, on IPv6; without a configuration on nothing.
    pub(super) fn open(config: Option<TcpConfig>, ipv6: bool) -> Result<Self, StartError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(std::io::Error::from)?;
        let listeners = match &config {
            Some(config) => listening::listen_on(config.port, ipv6)?,
            None => Vec::new(),
        };
        let config = config.unwrap_or(TcpConfig {
            port: 0,
            connections: 0,
            connections_per_address: 0,
            check_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
        });
        let address = listeners.first().map(TcpListener::local_addr).transpose()?;
        let now = Instant::now();
        let mut tcp = Self {
            epoll,
            listeners,
            port: address.map(|address| address.port()),
            admission: Admission::new(config.connections, config.connections_per_address),
            config,
            connections: HashMap::new(),
            strangers: VecDeque::new(),
            next_id: NonZeroU64::MIN,
            now,
            next_review: now,
            is_paused: true,
            shortages: Throttle::new(1, Duration::from_secs(60)),
            readable: Vec::new(),
            listed: Vec::new(),
            closed: Vec::new(),
            counts: TcpCounts::default(),
        };
        tcp.resume().map_err(std::io::Error::from)?;
        Ok(tcp)
    }

    /// The port it got; `None` if it does not listen.
    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn counts(&self) -> TcpCounts {
        TcpCounts {
            connections: self.connections.len(),
            ..self.counts
        }
    }

    /// A turn of the thread begins: all that is sent in it is sent now.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        self.now = now;
    }

    /// Takes new connections, goes on sending, and finds out who has something to read.
    pub(super) fn look(&mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_PER_TURN];
        let count = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => {
                tracing::error!(%error, "waiting for connections failed");
                0
            }
        };
        for event in events.iter().take(count) {
            let mark = event.data();
            if let Some(listener) = mark.checked_sub(FIRST_LISTENER) {
                self.accept(usize::try_from(listener).unwrap_or(usize::MAX));
            } else if let Some(id) = NonZeroU64::new(mark).map(ConnectionId) {
                if event.events().contains(EpollFlags::EPOLLOUT) {
                    self.write(id);
                }
                if event.events() != EpollFlags::EPOLLOUT {
                    self.readable.push(id);
                }
            }
        }
    }

    /// Reads from the next connection that has something: its path, and how long the whole
    /// frames at the start of `buffer` are.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Option<(Path, usize)> {
        while let Some(id) = self.readable.pop() {
            let Some(connection) = self.connections.get_mut(&id) else {
                continue;
            };
            match connection.read(self.now, buffer) {
                Ok(0) => {}
                Ok(whole) => return Some((connection.path, whole)),
                Err(end) => self.close(id, &end),
            }
        }
        None
    }

    /// What was read has been handled: whether the path leads to a leg now.
    pub(super) fn judge(&mut self, path: &Path, is_known: bool) {
        if let Some(id) = path.connection
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.judge(is_known);
        }
    }

    /// Queues a datagram. It goes with [`Tcp::flush`].
    pub(super) fn send(&mut self, id: ConnectionId, datagram: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            self.counts.dropped += 1;
            return;
        };
        self.counts.dropped += connection.outgoing.push(self.now, datagram);
        if !connection.is_listed && !connection.is_jammed {
            connection.is_listed = true;
            self.listed.push(id);
        }
    }

    /// Sends what is queued, as far as the network takes it.
    pub(super) fn flush(&mut self) {
        while let Some(id) = self.listed.pop() {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.is_listed = false;
                self.write(id);
            }
        }
    }

    /// Closes, once a second, the connections that have to go.
    pub(super) fn review(&mut self, is_known: impl Fn(&Path) -> bool) {
        if self.now < self.next_review {
            return;
        }
        self.next_review = self.now + REVIEW_INTERVAL;
        let mut over = Vec::new();
        for (id, connection) in &mut self.connections {
            connection.outgoing.shrink();
            let known = is_known(&connection.path);
            over.extend(
                connection
                    .review(self.now, known, &self.config)
                    .map(|end| (*id, end)),
            );
        }
        for (id, end) in over {
            self.close(id, &end);
        }
        let Self {
            strangers,
            connections,
            ..
        } = self;
        strangers.retain(|(_, id)| connections.get(id).is_some_and(Connection::is_stranger));
        if let Err(error) = self.resume() {
            tracing::error!(%error, "new connections for media cannot be waited for");
        }
    }

    /// A path whose connection is gone since the last call.
    pub(super) fn next_closed(&mut self) -> Option<Path> {
        self.closed.pop()
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        self.counts.dropped += connection.outgoing.drop_late(self.now);
        let written = connection.write();
        let is_jammed = written == Ok(false);
        if let Err(end) = written {
            return self.close(id, &end);
        }
        if is_jammed != connection.is_jammed {
            connection.is_jammed = is_jammed;
            let mut wanted = EpollFlags::EPOLLIN;
            wanted.set(EpollFlags::EPOLLOUT, is_jammed);
            let mut event = EpollEvent::new(wanted, id.0.get());
            if let Err(error) = self.epoll.modify(&connection.stream, &mut event) {
                self.close(id, &End::Failed(error));
            }
        }
    }

    fn close(&mut self, id: ConnectionId, end: &End) {
        if let Some(connection) = self.connections.remove(&id) {
            tracing::debug!(reason = %end, "a connection for media is closed");
            // The system takes it out of the epoll set when its descriptor is closed.
            self.closed.push(connection.path);
        }
    }
}

impl AsFd for Tcp {
    /// Readable when there is something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}
