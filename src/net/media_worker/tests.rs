//! The thread with real sockets on loopback, against the peer of the media crate's tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

#[path = "../../../media/tests/peer/plans.rs"]
#[allow(dead_code, unreachable_pub, missing_docs)]
pub(super) mod plans;
#[path = "../../../media/tests/peer/transport.rs"]
#[allow(dead_code, unreachable_pub, missing_docs)]
pub(super) mod transport;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use media::event::Event;
use media::ids::LegId;
use media::plan::Command;
use media::webrtc::Certificate;
use media::worker::WorkerConfig;

use super::{Handle, MediaWorker, MediaWorkerConfig, StartError};
use plans::{CHROMIUM, complete, credentials, leg_plan};
use transport::{ClientTransport, Version, certificate};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn config(port: u16) -> MediaWorkerConfig {
    let made = certificate();
    let certificate = Certificate::new(made.certificate, made.private_key).unwrap();
    let worker = WorkerConfig::new(certificate, [1; 32]);
    MediaWorkerConfig {
        index: 0,
        port,
        ipv6: true,
        rtp_ports: None,
        tcp: None,
        worker,
    }
}

/// A peer on a real socket.
pub(super) struct Client {
    pub(super) socket: UdpSocket,
    pub(super) server: SocketAddr,
    pub(super) transport: ClientTransport,
}

impl Client {
    fn new(server: SocketAddr) -> Self {
        Self::of_leg(server, 1)
    }

    pub(super) fn of_leg(server: SocketAddr, leg: u64) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(server.ip(), 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let transport = ClientTransport::new(
            Instant::now(),
            socket.local_addr().unwrap(),
            &credentials(&format!("client{leg}")),
            &credentials(&format!("server{leg}")),
            &[server],
            Version::Auto,
        );
        Self {
            socket,
            server,
            transport,
        }
    }

    /// Sends what is due, then waits a moment for an answer.
    pub(super) fn turn(&mut self) {
        let mut out = Vec::new();
        self.transport.handle_timeout(Instant::now(), &mut out);
        let mut buffer = [0; 2048];
        if let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            assert_eq!(
                from, self.server,
                "an answer leaves from where the question went to"
            );
            let now = Instant::now();
            self.transport.handle(now, from, &buffer[..len], &mut out);
        }
        for (_, datagram) in out {
            self.socket.send_to(&datagram, self.server).unwrap();
        }
    }

    pub(super) fn turn_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what} did not come");
            self.turn();
        }
    }
}

fn add_leg(handle: &Handle, client: &Client) {
    let plan = complete(leg_plan(1, CHROMIUM, false), client.transport.fingerprint);
    handle
        .commands
        .send(Command::AddLeg(Box::new(plan)))
        .unwrap();
}

#[test]
fn a_peer_gets_ready_on_loopback_over_ipv4_and_ipv6_and_is_told_goodbye() {
    for ip in ["127.0.0.1", "127.0.0.5", "::1"] {
        let mut handle = MediaWorker::start(config(0)).unwrap();
        let server: SocketAddr = SocketAddr::new(ip.parse().unwrap(), handle.monitor.port);
        if server.is_ipv6() && !handle.monitor.ipv6 {
            continue;
        }
        let mut client = Client::new(server);
        add_leg(&handle, &client);
        client.turn_until("the handshake", |it| it.transport.connected());
        let mut seen = Vec::new();
        client.turn_until("readiness", |_| {
            seen.extend(handle.events.try_recv());
            seen.contains(&Event::MediaReady(LegId(1)))
        });
        handle.shut_down();
        client.turn_until("goodbye", |it| it.transport.closed_by_peer);
    }
}

#[test]
fn a_taken_port_is_said_in_a_sentence() {
    let first = MediaWorker::start(config(0)).unwrap();
    let port = first.monitor.port;
    match MediaWorker::start(config(port)) {
        Err(error @ StartError::PortTaken { .. }) => {
            assert!(
                error.to_string().contains(&format!("{port}/udp is taken")),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
    first.shut_down();
}

#[test]
fn a_stopped_worker_frees_its_port() {
    let first = MediaWorker::start(config(0)).unwrap();
    let port = first.monitor.port;
    first.shut_down();
    MediaWorker::start(config(port)).unwrap().shut_down();
}

#[test]
fn a_worker_counts_what_arrives() {
    let handle = MediaWorker::start(config(0)).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let end = Instant::now() + PATIENCE;
    while handle.monitor.measurements().worker.unknown == 0 {
        assert!(Instant::now() < end, "nothing was counted");
        socket
            .send_to(&[0xff; 10], ("127.0.0.1", handle.monitor.port))
            .unwrap();
        std::thread::yield_now();
    }
    handle.shut_down();
}
