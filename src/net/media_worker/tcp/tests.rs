//! ICE-TCP on real sockets, on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

mod calls;
mod hostile;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use media::event::Event;
use media::ids::{LegId, MediaKind};
use media::plan::{CodecMap, Command, Passage, PatchPlan};

use super::super::tests::plans::{CHROMIUM, complete, credentials, leg_plan};
use super::super::tests::transport::{ClientTransport, Version};
use super::super::{Handle, MediaWorker, MediaWorkerConfig, tests};
use super::TcpConfig;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the tests have, if they do not say otherwise.
fn limits() -> TcpConfig {
    TcpConfig {
        port: 0,
        connections: 200,
        connections_per_address: 100,
        check_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(60),
    }
}

fn start(tcp: TcpConfig) -> Handle {
    MediaWorker::start(MediaWorkerConfig {
        tcp: Some(tcp),
        ..tests::config(0)
    })
    .unwrap()
}

fn server(handle: &Handle, ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), handle.monitor.tcp_port.unwrap())
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    let len = u16::try_from(datagram.len()).unwrap().to_be_bytes();
    [&len[..], datagram].concat()
}

/// The media crate's peer over a connection.
struct Client {
    stream: TcpStream,
    server: SocketAddr,
    transport: ClientTransport,
    leg: u64,
    unread: Vec<u8>,
    /// Datagrams that came over this connection.
    received: usize,
    closed: bool,
}

impl Client {
    fn new(server: SocketAddr, leg: u64) -> Self {
        Self::over(TcpStream::connect(server).unwrap(), server, leg)
    }

    fn over(stream: TcpStream, server: SocketAddr, leg: u64) -> Self {
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let transport = ClientTransport::new(
            Instant::now(),
            stream.local_addr().unwrap(),
            &credentials(&format!("client{leg}")),
            &credentials(&format!("server{leg}")),
            &[server],
            Version::Auto,
        );
        Self {
            stream,
            server,
            transport,
            leg,
            unread: Vec::new(),
            received: 0,
            closed: false,
        }
    }

    /// A peer whose leg the worker has.
    fn with_leg(handle: &Handle, ip: &str, leg: u64) -> Self {
        let client = Self::new(server(handle, ip), leg);
        client.add_leg(handle);
        client
    }

    fn add_leg(&self, handle: &Handle) {
        add_leg(handle, self.leg, &self.transport);
    }

    /// Connects anew, as a browser does whose connection broke.
    fn reconnect(&mut self) {
        self.stream = TcpStream::connect(self.server).unwrap();
        self.stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        self.unread.clear();
        self.received = 0;
        self.closed = false;
    }

    /// Sends what is due, then waits a moment for what comes.
    fn turn(&mut self) {
        let mut out = Vec::new();
        self.transport.handle_timeout(Instant::now(), &mut out);
        self.receive(&mut out);
        for (_, datagram) in out {
            // A closed connection shows when it is read.
            let _ = self.stream.write_all(&framed(&datagram));
        }
    }

    fn receive(&mut self, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.closed = true,
            Ok(len) => self.unread.extend(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.closed = true,
        }
        while let [high, low, rest @ ..] = &self.unread[..] {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(datagram) = rest.get(..len).map(<[u8]>::to_vec) else {
                return;
            };
            self.unread.drain(..2 + len);
            self.received += 1;
            let now = Instant::now();
            self.transport.handle(now, self.server, &datagram, out);
        }
    }

    fn turn_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what} did not come");
            self.turn();
        }
    }

    fn get_ready(&mut self, handle: &mut Handle) {
        let ready = Event::MediaReady(LegId(self.leg));
        let mut seen = Vec::new();
        self.turn_until("readiness", |it| {
            seen.extend(handle.events.try_recv());
            seen.contains(&ready) && it.transport.connected()
        });
    }
}

/// A peer over UDP whose leg the worker has.
fn over_udp(handle: &Handle, leg: u64) -> tests::Client {
    let address = SocketAddr::from(([127, 0, 0, 1], handle.monitor.port));
    let client = tests::Client::of_leg(address, leg);
    add_leg(handle, leg, &client.transport);
    client
}

fn add_leg(handle: &Handle, leg: u64, transport: &ClientTransport) {
    let plan = complete(leg_plan(leg, CHROMIUM, false), transport.fingerprint);
    let command = Command::AddLeg(Box::new(plan));
    handle.commands.send(command).unwrap();
}

/// Lets what a leg says be heard by another.
fn patch(handle: &Handle, source: u64, sink: u64) {
    let codecs = vec![CodecMap {
        kind: MediaKind::Audio,
        from_pt: CHROMIUM.opus,
        to_pt: CHROMIUM.opus,
        passage: Passage::Relay,
    }];
    let plan = PatchPlan {
        source: LegId(source),
        sink: LegId(sink),
        codecs,
    };
    let command = Command::Patch(Box::new(plan));
    handle.commands.send(command).unwrap();
}

/// A packet of sound, in plain form.
fn speech(number: u16, len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, CHROMIUM.opus];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 960).to_be_bytes());
    packet.extend(0x5EEC_u32.to_be_bytes());
    packet.resize(12 + len, 0xAB);
    packet
}

/// Waits for something that the worker or a peer has to do.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

fn connections(handle: &Handle) -> usize {
    handle.monitor.measurements().tcp.connections
}

/// Whether the far side has closed a connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    match stream.read(&mut [0; 4096]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
