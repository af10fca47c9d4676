//! A media worker's thread: sockets, clock and queues around
//! [`media::worker::Worker`]. Commands go in over a bounded queue, events come back over
//! another; packets never leave the thread.

mod addresses;
mod drops;
mod pace;
mod reports;
mod rtp;
mod socket;
mod tcp;
mod thread;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use media::event::Event;
use media::plan::Command;
use media::ports::PortRange;
use media::worker::{ConfigError, Counters, Worker, WorkerConfig};
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use rand::SeedableRng;
use rand::rngs::StdRng;
use thiserror::Error;

use super::recorder::TapWay;

pub use self::addresses::candidate_addresses;
use self::reports::Reports;
use self::rtp::RtpPorts;
pub(in crate::net) use self::socket::destination;
use self::socket::{Family, Serves, Socket};
use self::tcp::Tcp;
pub use self::tcp::{TcpConfig, TcpCounts};

/// Commands a worker may be behind.
const COMMAND_QUEUE: usize = 4096;

/// Orders that gather before the worker is woken at the latest.
const MOST_UNHEARD: usize = 64;

/// Events the driver may be behind.
const EVENT_QUEUE: usize = 4096;

/// Room for 2 MiB of datagrams in the kernel; its default of 212,992 bytes holds some 90 video
/// packets, less than one scheduling hiccup.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct MediaWorkerConfig {
    /// Index from 0; names the thread.
    pub index: usize,
    /// UDP port for all WebRTC legs of this worker, on all addresses. 0 takes any.
    pub port: u16,
    /// Also listen on IPv6 where the machine has it.
    pub ipv6: bool,
    /// UDP ports of RTP legs, on all addresses; `None`: there can be no such leg.
    pub rtp_ports: Option<PortRange>,
    /// How media over TCP is served; `None`: not at all.
    pub tcp: Option<TcpConfig>,
    /// The worker's own settings.
    pub worker: WorkerConfig,
}

/// Why a worker could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port cannot be bound.
    #[error("the media port {port} is taken by another program; stop it or set another port")]
    PortTaken {
        /// The port.
        port: Port,
    },
    /// Binding it is not allowed.
    #[error("no permission to open the media port {port}; ports below 1024 need a privilege")]
    Permission {
        /// The port.
        port: Port,
    },
    /// The system refuses a socket for another reason.
    #[error("cannot open the media port {port}: {reason}")]
    Socket {
        /// The port.
        port: Port,
        /// What the system says.
        reason: Errno,
    },
    /// The worker's settings are not accepted.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The thread cannot be made.
    #[error("cannot start the media thread: {0}")]
    Thread(#[from] io::Error),
}

/// A port of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// For media over UDP.
    Udp(u16),
    /// For media over TCP.
    Tcp(u16),
}

/// A running worker.
#[derive(Debug)]
pub struct Handle {
    /// Where orders go.
    pub commands: Commands,
    /// What it reports.
    pub events: tokio::sync::mpsc::Receiver<Event>,
    /// What it listens on and has counted.
    pub monitor: Monitor,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The queue of orders to a worker. When it is dropped the worker says goodbye on all legs and
/// ends.
#[derive(Debug)]
pub struct Commands {
    queue: Option<SyncSender<Command>>,
    wake: Arc<EventFd>,
    /// Orders that the worker was not woken for.
    unheard: Cell<usize>,
}

/// An order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The worker is too far behind.
    #[error("the media worker is overloaded")]
    Overloaded,
    /// The worker's thread has ended.
    #[error("the media worker has ended")]
    Ended,
}

/// What a worker listens on and has counted.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// The port it got.
    pub port: u16,
    /// Whether it listens on IPv6 too.
    pub ipv6: bool,
    /// The TCP port it got, if it has one.
    pub tcp_port: Option<u16>,
    shared: Arc<Mutex<Measurements>>,
}

/// Counts of a worker since its start, a second old at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measurements {
    /// Of the sans-IO worker.
    pub worker: Counters,
    /// Legs now.
    pub legs: usize,
    /// Datagrams that the kernel dropped because we did not fetch them in time.
    pub kernel_drops: u64,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent over UDP, and given to a connection's queue.
    pub sent: u64,
    /// Datagrams the kernel did not take, because its buffer was full or there was no way.
    pub send_failures: u64,
    /// Datagrams that found no room in a batch.
    pub overflowed: u64,
    /// Streams of RTP legs now.
    pub rtp_streams: usize,
    /// Of media over TCP.
    pub tcp: TcpCounts,
    /// Events dropped because the driver did not fetch them.
    pub events_dropped: u64,
}

/// Starts worker threads.
#[derive(Debug)]
pub struct MediaWorker;

impl MediaWorker {
    /// Binds the port and starts the thread.
    ///
    /// # Errors
    /// [`StartError`] says in a sentence what is wrong.
    pub fn start(config: MediaWorkerConfig) -> Result<Handle, StartError> {
        Self::start_with(config, None)
    }

    /// The same, of a worker whose calls may be recorded.
    pub(in crate::net) fn start_with(
        config: MediaWorkerConfig,
        taps: Option<TapWay>,
    ) -> Result<Handle, StartError> {
        let mut rng = StdRng::from_seed(config.worker.seed);
        let worker = Worker::new(config.worker)?;
        let sockets = bind(config.port, config.ipv6)?;
        let port = sockets.first().map_or(config.port, Socket::port);
        let ipv6 = sockets.len() > 1;
        let rtp = RtpPorts::open(config.index, config.rtp_ports, ipv6, &mut rng);
        let rtp = rtp.map_err(io::Error::from)?;
        let tcp = Tcp::open(config.tcp, ipv6)?;
        let tcp_port = tcp.port();
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = EventFd::from_flags(flags).map_err(io::Error::from)?;
        let wake = Arc::new(wake);
        let (queue, commands) = mpsc::sync_channel(COMMAND_QUEUE);
        let (reports, events) = tokio::sync::mpsc::channel(EVENT_QUEUE);
        let shared = Arc::new(Mutex::new(Measurements::default()));
        let mut body = thread::Thread::new(
            worker,
            sockets,
            rtp,
            tcp,
            thread::Ends {
                wake: Arc::clone(&wake),
                commands,
                reports: Reports::new(reports),
                taps,
                measurements: Arc::clone(&shared),
            },
        );
        // The ports that are open, before the thread has had its first turn: it may be late.
        body.report();
        let thread = std::thread::Builder::new()
            .name(format!("media-{}", config.index))
            .spawn(move || body.run())?;
        Ok(Handle {
            commands: Commands {
                queue: Some(queue),
                wake,
                unheard: Cell::new(0),
            },
            events,
            monitor: Monitor {
                port,
                ipv6,
                tcp_port,
                shared,
            },
            thread: Some(thread),
        })
    }
}

impl Handle {
    /// Says goodbye on all legs and waits until the thread has ended.
    pub fn shut_down(mut self) {
        drop(self.commands);
        drop(self.events);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the media thread ended by a panic");
        }
    }
}

impl Commands {
    /// Hands an order to the worker; never waits.
    ///
    /// # Errors
    /// [`CommandError`]: the order is lost, and its leg should end.
    pub fn send(&self, command: Command) -> Result<(), CommandError> {
        self.queue(command)?;
        self.ring_if_queued();
        Ok(())
    }

    /// Hands it an order that it hears of when it is [rung](Self::ring_if_queued) for.
    ///
    /// # Errors
    /// As those of [`send`](Self::send).
    pub fn queue(&self, command: Command) -> Result<(), CommandError> {
        let queue = self.queue.as_ref().ok_or(CommandError::Ended)?;
        queue.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => CommandError::Overloaded,
            TrySendError::Disconnected(_) => CommandError::Ended,
        })?;
        self.unheard.set(self.unheard.get() + 1);
        // What comes of one input may be more than the queue holds: the worker begins before.
        if self.unheard.get() >= MOST_UNHEARD {
            self.ring_if_queued();
        }
        Ok(())
    }

    /// Wakes the worker if it has orders that it was not woken for.
    pub fn ring_if_queued(&self) {
        if self.unheard.take() > 0 {
            self.ring();
        }
    }

    fn ring(&self) {
        // It fails only when it has been rung 2^64 times already: then it is rung.
        let _ = self.wake.write(1);
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        // The thread must find the queue closed when it wakes.
        self.queue = None;
        self.ring();
    }
}

impl Monitor {
    /// The latest counts.
    pub fn measurements(&self) -> Measurements {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// IPv4 must be there; IPv6 may be missing, as in many containers.
fn bind(port: u16, ipv6: bool) -> Result<Vec<Socket>, StartError> {
    let refused = |reason| StartError::of(Port::Udp(port), reason);
    let v4 = Socket::bind(Serves::One(Family::V4), port).map_err(refused)?;
    let port = v4.port();
    let mut sockets = vec![v4];
    if ipv6 {
        match Socket::bind(Serves::One(Family::V6), port) {
            Ok(v6) => sockets.push(v6),
            Err(reason @ Errno::EADDRINUSE) => {
                return Err(StartError::of(Port::Udp(port), reason));
            }
            Err(reason) => {
                tracing::info!(%reason, "no IPv6 for media: this machine does not offer it");
            }
        }
    }
    for socket in &sockets {
        match socket.enlarge_buffers(SOCKET_BUFFER) {
            Ok(got) if got < SOCKET_BUFFER => tracing::warn!(
                wanted = SOCKET_BUFFER,
                got,
                "the kernel limits the receive buffer of the media port: under load packets may \
                 be lost; raise net.core.rmem_max"
            ),
            Ok(_) => {}
            Err(reason) => tracing::warn!(%reason, "cannot enlarge the media port's buffers"),
        }
    }
    Ok(sockets)
}

impl StartError {
    fn of(port: Port, reason: Errno) -> Self {
        match reason {
            Errno::EADDRINUSE => Self::PortTaken { port },
            Errno::EACCES | Errno::EPERM => Self::Permission { port },
            reason => Self::Socket { port, reason },
        }
    }

    /// The key of the configuration it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::PortTaken { port } | Self::Permission { port } | Self::Socket { port, .. } => {
                match port {
                    Port::Udp(_) => "media.port",
                    Port::Tcp(_) => "media.tcp_port",
                }
            }
            Self::Config(_) | Self::Thread(_) => "media",
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(port) => write!(f, "{port}/udp"),
            Self::Tcp(port) => write!(f, "{port}/tcp"),
        }
    }
}
