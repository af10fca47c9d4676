//! A worker, its peers and the network between them, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::event::Event;
use media::ids::LegId;
use media::plan::Command;
use media::webrtc::Certificate;
use media::worker::{ConnectionId, Outbox, Path, Worker, WorkerConfig};

use super::plans::credentials;
use super::transport::{ClientTransport, Version, certificate};

pub const SERVER_V4: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
    40_000,
);
pub const SERVER_V6: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    40_000,
);

thread_local! {
    /// True while the worker works, for tests that count what it allocates.
    pub static IN_WORKER: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn working<T>(work: impl FnOnce() -> T) -> T {
    IN_WORKER.set(true);
    let result = work();
    IN_WORKER.set(false);
    result
}

/// One way through the network.
pub const LATENCY: Duration = Duration::from_millis(10);

/// Whether a datagram is lost: (towards the server, bytes).
pub type Loss = dyn FnMut(bool, &[u8]) -> bool;

pub struct World {
    pub start: Instant,
    pub now: Instant,
    pub worker: Worker,
    pub outbox: Outbox,
    pub peers: BTreeMap<u64, ClientTransport>,
    /// The TCP connections of peers that have one; the others use UDP.
    pub connections: BTreeMap<u64, ConnectionId>,
    pub events: Vec<Event>,
    /// What the worker sent, with its time, for tests that look at the wire.
    pub sent: Vec<(Instant, Path, Vec<u8>)>,
    /// Which datagrams are lost.
    pub lose: Box<Loss>,
    flying: BTreeMap<(Instant, u64), (Path, bool, Vec<u8>)>,
    sequence: u64,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(configure: impl FnOnce(&mut WorkerConfig)) -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "only its distance to later instants counts"
        )]
        let start = Instant::now();
        let made = certificate();
        let ours = Certificate::new(made.certificate, made.private_key).unwrap();
        let mut config = WorkerConfig::new(ours, [7; 32]);
        configure(&mut config);
        Self {
            start,
            now: start,
            worker: Worker::new(config).unwrap(),
            outbox: Outbox::new(512),
            peers: BTreeMap::new(),
            connections: BTreeMap::new(),
            events: Vec::new(),
            sent: Vec::new(),
            lose: Box::new(|_, _| false),
            flying: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub fn command(&mut self, command: Command) {
        working(|| {
            self.worker
                .handle_command(self.now, command, &mut self.outbox);
        });
        self.collect();
    }

    /// A peer for leg `id` that talks to these server addresses.
    pub fn add_peer(&mut self, id: u64, servers: &[SocketAddr], version: Version) {
        let own = credentials(&format!("client{id}"));
        let remote = credentials(&format!("server{id}"));
        let address = if servers[0].is_ipv4() {
            SocketAddr::from(([10, 0, 1, u8::try_from(id).unwrap()], 50_000))
        } else {
            SocketAddr::from((
                [0xfd00, 0, 0, 0, 0, 0, 1, u16::try_from(id).unwrap()],
                50_000,
            ))
        };
        let peer = ClientTransport::new(self.now, address, &own, &remote, servers, version);
        self.peers.insert(id, peer);
        self.with_peer(id, |peer, now, out| peer.poll(now, out));
    }

    pub fn with_peer<T>(
        &mut self,
        id: u64,
        act: impl FnOnce(&mut ClientTransport, Instant, &mut Vec<(SocketAddr, Vec<u8>)>) -> T,
    ) -> T {
        let mut out = Vec::new();
        let peer = self.peers.get_mut(&id).unwrap();
        let result = act(peer, self.now, &mut out);
        let remote = peer.address;
        let connection = self.connections.get(&id).copied();
        for (local, bytes) in out {
            let path = Path {
                local,
                remote,
                connection,
            };
            self.send(path, true, bytes);
        }
        result
    }

    /// Puts a datagram on the wire.
    pub fn send(&mut self, path: Path, to_server: bool, bytes: Vec<u8>) {
        if !(self.lose)(to_server, &bytes) {
            self.sequence += 1;
            self.flying.insert(
                (self.now + LATENCY, self.sequence),
                (path, to_server, bytes),
            );
        }
    }

    /// Hands a datagram to the worker at once, as from anywhere.
    pub fn inject(&mut self, path: Path, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        working(|| {
            self.worker
                .handle_datagram(self.now, path, &mut bytes, &mut self.outbox);
        });
        self.collect();
    }

    /// Runs until nothing is left to do before `duration` has passed.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`, at most for `limit`; says whether it came.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return done(self);
            }
        }
        true
    }

    fn step(&mut self, end: Instant) -> bool {
        let flight = self.flying.keys().next().map(|(at, _)| *at);
        let peers = self
            .peers
            .values_mut()
            .filter_map(ClientTransport::poll_timeout)
            .min();
        let due = flight
            .into_iter()
            .chain(peers)
            .chain(self.worker.poll_timeout())
            .min();
        let Some(due) = due.filter(|due| *due <= end) else {
            return false;
        };
        self.now = self.now.max(due);
        if flight.is_some_and(|at| at <= self.now) {
            let (_, (path, to_server, mut bytes)) = self.flying.pop_first().unwrap();
            if to_server {
                working(|| {
                    self.worker
                        .handle_datagram(self.now, path, &mut bytes, &mut self.outbox);
                });
                self.collect();
            } else {
                let id = self
                    .peers
                    .iter()
                    .find(|(_, peer)| peer.address == path.remote);
                if let Some(id) = id.map(|(id, _)| *id) {
                    self.with_peer(id, |peer, now, out| {
                        peer.handle(now, path.local, &bytes, out);
                    });
                }
            }
            return true;
        }
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.with_peer(id, |peer, now, out| peer.handle_timeout(now, out));
        }
        if self
            .worker
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            working(|| self.worker.handle_timeout(self.now, &mut self.outbox));
            assert!(
                self.worker.poll_timeout().is_none_or(|due| due > self.now),
                "the worker has done what is due and wants to be woken at once again: it would \
                 never sleep"
            );
        }
        self.collect();
        true
    }

    fn collect(&mut self) {
        let sent: Vec<_> = self
            .outbox
            .datagrams()
            .iter()
            .map(|it| (it.path(), it.bytes().to_vec()))
            .collect();
        self.outbox.clear();
        for (path, bytes) in sent {
            self.sent.push((self.now, path, bytes.clone()));
            self.send(path, false, bytes);
        }
        while let Some(event) = self.worker.poll_event() {
            self.events.push(event);
        }
    }

    pub fn saw(&self, event: &Event) -> bool {
        self.events.contains(event)
    }

    pub fn is_ready(&self, id: u64) -> bool {
        self.saw(&Event::MediaReady(LegId(id)))
    }
}
