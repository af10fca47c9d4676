//! SIP over UDP (RFC 3261 18; RFC 5626 for its flows): a flow for each peer of a socket.

mod socket;
mod stun;
mod table;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::flow::{FlowId, Transport};
use sip::framer::{Framed, PONG, whole};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, warn};

use self::stun::Stun;
use self::table::Inserted;
use super::Shared;
use super::handle::{DatagramHandle, Order, SipHandle};
use super::intake::{refuse, sourced};
use crate::call::io::{FlowEnd, Peer, SipEnds};
use crate::net::flows::{TooSlow, Turns};

pub(super) use socket::{Path, UdpSocket};
pub(super) use table::Table;

/// Datagrams that wait for the kernel to have room.
const QUEUED: usize = 1024;

/// Messages of one socket that may wait for the driver. What comes then waits in the kernel.
const TURNS: usize = 256;

/// Between looks for flows that are not used any more.
const SWEEP: Duration = Duration::from_secs(30);

/// After the system refuses to receive.
const PAUSE: Duration = Duration::from_millis(100);

/// A UDP socket in service. Cheap to clone.
#[derive(Clone)]
pub(super) struct Service {
    socket: Arc<UdpSocket>,
    orders: mpsc::Sender<(FlowId, Order)>,
    shared: Arc<Shared>,
}

/// What a socket is to send.
pub(super) struct Outbox {
    socket: Arc<UdpSocket>,
    orders: mpsc::Receiver<(FlowId, Order)>,
    shared: Arc<Shared>,
}

/// Puts a socket into service.
pub(super) fn serve(socket: UdpSocket, shared: Arc<Shared>) -> (Service, Outbox) {
    let (orders, waiting) = mpsc::channel(QUEUED);
    let socket = Arc::new(socket);
    let outbox = Outbox {
        socket: Arc::clone(&socket),
        orders: waiting,
        shared: Arc::clone(&shared),
    };
    let service = Service {
        socket,
        orders,
        shared,
    };
    (service, outbox)
}

impl Service {
    /// Where the socket is bound.
    pub(super) fn bound(&self) -> SocketAddr {
        self.socket.bound()
    }

    /// Receives until the task is dropped.
    pub(super) async fn receive(self) {
        let mut buffer = vec![0; socket::DATAGRAM_LEN];
        let turns = Turns::new(TURNS);
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            let received = tokio::select! {
                received = self.socket.receive(&mut buffer) => received,
                _ = sweep.tick() => {
                    self.sweep().await;
                    continue;
                }
            };
            match received {
                Ok((len, Some(path))) => {
                    let datagram = buffer.get(..len).unwrap_or_default();
                    self.take(path, datagram, &turns).await;
                }
                Ok((_, None)) => self.shared.drops.count(&"a datagram is not whole"),
                Err(error) => {
                    warn!("cannot receive SIP over UDP: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn take(&self, path: Path, datagram: &[u8], turns: &Turns) {
        // Nobody is there, or it is ourselves: an answer would go round for ever.
        if datagram.is_empty() || path.remote.port() == 0 || path.remote == path.local {
            return;
        }
        let now = Instant::now();
        let shared = &self.shared;
        let known = shared.table.find(path, now);
        let trusted = known
            .as_ref()
            .is_some_and(|(_, standing)| standing.is_trusted());
        if !trusted && !shared.rates.admit(now, path.remote.ip()) {
            shared.drops.count(&"too many of one address");
            return;
        }
        match stun::read(datagram, path.remote) {
            Some(Stun::Request(answer)) => return self.answer(path, &answer),
            Some(Stun::Other) => return,
            None => {}
        }
        match whole(datagram, &shared.message) {
            Framed::Message(message) => {
                let flow = match known {
                    Some((flow, _)) => flow,
                    None => self.open(path, None, now).await,
                };
                let said = sourced(message, path.remote);
                // A driver that has ended needs none.
                let _ = shared.driver.sip_said(flow, said, turns).await;
            }
            Framed::Rejected(rejected) => self.answer(path, &refuse(*rejected, path.remote)),
            Framed::Dropped(fault) => shared.drops.note(fault),
            Framed::Close(close) => shared.drops.note(close.fault),
            Framed::Ping => self.answer(path, PONG),
            Framed::Pong => {}
        }
    }

    /// Sends a message of the driver's at once, as most of the time the kernel has room; what
    /// finds none waits, and is lost if too much waits already, as the network does it: whoever
    /// sent it sends it again (RFC 3261 17.1.1.2).
    pub(super) fn send(&self, flow: FlowId, bytes: Bytes) {
        let nothing_waits = self.orders.capacity() == self.orders.max_capacity();
        if nothing_waits {
            let Some(path) = self.shared.table.path_of(flow, Instant::now()) else {
                return;
            };
            match self.socket.send_now(path, &bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return note_lost(flow, path, sent),
            }
        }
        let _ = self.orders.try_send((flow, Order::Send(bytes)));
    }

    /// Has something done after what waits.
    ///
    /// # Errors
    /// If too much waits.
    pub(super) fn order(&self, flow: FlowId, order: Order) -> Result<(), TooSlow> {
        match self.orders.try_send((flow, order)) {
            Err(TrySendError::Full(_)) => Err(TooSlow),
            _ => Ok(()),
        }
    }

    /// Answers at once, or not at all: whoever asked asks again.
    fn answer(&self, path: Path, bytes: &[u8]) {
        if let Err(error) = self.socket.send_now(path, bytes) {
            debug!(peer = %path.remote, "an answer is lost: {error}");
        }
    }

    /// Makes a way a flow and tells the driver of it. One that is there already is told again if
    /// the driver asked.
    pub(super) async fn open(&self, path: Path, connect: Option<u64>, now: Instant) -> FlowId {
        let driver = &self.shared.driver;
        let flow = driver.new_flow();
        let (flow, standing, evicted) = match self.shared.table.insert(flow, path, now) {
            Inserted::New(standing, evicted) => (flow, standing, evicted),
            Inserted::Known(known, standing) => (known, standing, None),
        };
        if let Some(evicted) = evicted {
            debug!(flow = %evicted, "a UDP flow makes room for another one");
            driver.closed(evicted, FlowEnd::Abnormal).await;
        }
        let handle = SipHandle::Datagrams(DatagramHandle {
            flow,
            service: self.clone(),
            standing,
        });
        driver
            .sip_opened(flow, self.ends(path), handle, connect)
            .await;
        // Another socket's flow may have taken its place before the driver heard of it.
        if !self.shared.table.contains(flow) {
            driver.closed(flow, FlowEnd::Abnormal).await;
        }
        flow
    }

    fn ends(&self, path: Path) -> SipEnds {
        SipEnds {
            peer: Peer {
                address: path.remote,
                local: path.remote.ip().to_canonical().is_loopback(),
                secure: false,
                user_agent: None,
            },
            transport: Transport::Udp,
            local: self.shared.reached_at(path.local, path.remote.ip()),
        }
    }

    async fn sweep(&self) {
        let idle = self.shared.settings.idle_timeout;
        for flow in self.shared.table.expire(Instant::now(), idle) {
            self.shared.driver.closed(flow, FlowEnd::Abnormal).await;
        }
    }
}

impl Outbox {
    /// Sends until nobody is left who could order it.
    pub(super) async fn send(mut self) {
        while let Some((flow, order)) = self.orders.recv().await {
            match order {
                Order::Send(bytes) => self.send_one(flow, &bytes).await,
                Order::Close { .. } => {
                    if self.shared.table.remove(flow) {
                        self.shared.driver.closed(flow, FlowEnd::Clean).await;
                    }
                }
            }
        }
    }

    async fn send_one(&self, flow: FlowId, bytes: &Bytes) {
        let Some(path) = self.shared.table.path_of(flow, Instant::now()) else {
            return;
        };
        note_lost(flow, path, self.socket.send(path, bytes).await);
    }
}

fn note_lost(flow: FlowId, path: Path, sent: io::Result<()>) {
    if let Err(error) = sent {
        debug!(%flow, peer = %path.remote, "a datagram is lost: {error}");
    }
}
