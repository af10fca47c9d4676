//! What hostile or broken peers do to a server in which people talk (SECURITY S07 to S10): each
//! attack runs beside calls between telephones and beside registrations from elsewhere.

use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};

use super::elsewhere::register_meanwhile;
use super::generator::{Generator, Load, Outcome};
use super::phones::{Phones, pair_of_phones};
use super::process::Server;

/// Calls in progress meanwhile.
const CALLS: usize = 5;

/// How long each attack goes on.
const LENGTH: Duration = Duration::from_secs(5);

/// Where attackers are; each limit counts by address.
const ATTACKERS: u8 = 20;

/// Of whom so many hold connections: each may have a quarter of all there may be, and as long as
/// some are left others get in. Silent ones are closed after `limits.handshake_timeout_ms`.
const HOLDERS: u64 = 3;

/// What is done to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Peers over TCP that ask and never read an answer, and some that send a byte a second.
    StalledPeers,
    /// 60,000 CANCELs of nothing.
    StrayCancels,
    /// 10,000 connections that say nothing, to all ports that take any.
    IdleConnections,
    /// 5,000 INVITEs a second without a password.
    UnprovedInvites,
    /// 5,000 REGISTERs a second, each of another user.
    UnknownRegistrations,
}

impl Attack {
    pub(crate) const ALL: [Self; 5] = [
        Self::StalledPeers,
        Self::StrayCancels,
        Self::IdleConnections,
        Self::UnprovedInvites,
        Self::UnknownRegistrations,
    ];
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::StalledPeers => "stalled TCP peers",
            Self::StrayCancels => "60,000 stray CANCELs",
            Self::IdleConnections => "10,000 idle connections",
            Self::UnprovedInvites => "5,000 INVITEs/s, no password",
            Self::UnknownRegistrations => "5,000 REGISTERs/s, unknown",
        })
    }
}

/// What came of it.
pub(crate) struct Endured {
    pub(crate) attack: Attack,
    /// Messages that were sent, or connections that were opened.
    pub(crate) attempts: u64,
    /// The packets of the calls.
    pub(crate) outcome: Outcome,
    /// How long each registration from elsewhere took, over UDP and over TCP in turns.
    pub(crate) registrations: Vec<Duration>,
    /// Growth of the server's resident set, bytes.
    pub(crate) growth: u64,
    /// What the server itself says it lost.
    pub(crate) drops: u64,
}

impl Endured {
    /// The longest registration.
    pub(crate) fn slowest(&self) -> Duration {
        self.registrations.iter().max().copied().unwrap_or_default()
    }

    pub(crate) fn print_head() {
        println!(
            "{:<30} {:>8} {:>8} {:>6} {:>6} {:>9} {:>7} {:>7} {:>9}",
            "", "attempts", "packets", "lost", "late", "REGISTERs", "p50 ms", "max ms", "KiB grown"
        );
    }

    pub(crate) fn print(&self) {
        let mut sorted = self.registrations.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        println!(
            "{:<30} {:>8} {:>8} {:>6} {:>6} {:>9} {:>7.1} {:>7.1} {:>9}",
            self.attack,
            self.attempts,
            self.outcome.received(),
            self.outcome.lost().max(self.drops),
            self.outcome.late,
            self.registrations.len(),
            median.as_secs_f64() * 1e3,
            self.slowest().as_secs_f64() * 1e3,
            self.growth / 1024
        );
    }
}

/// Attacks a new server while people talk and others register.
///
/// # Errors
/// A registration from elsewhere failed, or the attack could not be made.
pub(crate) fn endure(attack: Attack) -> Result<Endured> {
    let mut server = Server::start_with(|config| config + ACCOUNT)?;
    let (mut phones, mut generator) = (Phones::default(), Generator::empty()?);
    for index in 0..CALLS {
        let (caller, callee) = pair_of_phones(index)?;
        phones.connect(server.sip()?, index, &caller, &callee)?;
        generator.add_phones(caller, callee)?;
    }
    server.settle();
    let ports = Ports {
        udp: server.sip()?,
        tcp: [server.sip_tcp()?, server.http()?],
    };
    let before = server.process().memory()?;
    let over = AtomicBool::new(false);
    let (outcome, attempts, registrations) = thread::scope(|scope| -> Result<_> {
        let attacker = scope.spawn(|| attack.run(ports, &over));
        let prober = scope.spawn(|| register_meanwhile(ports, &over));
        let load = Load {
            payload: 160,
            video_payload: 1200,
            interval: Duration::from_millis(20),
            length: LENGTH,
        };
        let outcome = generator.run(&load);
        over.store(true, Ordering::Relaxed);
        let attempts = joined(attacker.join())?;
        let registrations = joined(prober.join())?;
        Ok((outcome?, attempts, registrations))
    })?;
    let growth = server.process().memory()?.saturating_sub(before);
    // The counts are published once a second.
    thread::sleep(Duration::from_millis(1100));
    let counts = server.counts()?;
    if counts.established != CALLS as u64 {
        bail!("of {CALLS} calls {} are left", counts.established);
    }
    server.stop()?;
    Ok(Endured {
        attack,
        attempts,
        outcome,
        registrations,
        growth,
        drops: counts.drops(),
    })
}

/// Who is called by those who prove nothing.
const ACCOUNT: &str = r#"
[[domain]]
name = "shop.example"
[[account]]
name = "alice"
ha1_md5 = "0123456789abcdef0123456789abcdef"
"#;

/// Where the server is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) udp: SocketAddr,
    /// For SIP, and for HTTP and WebSockets.
    pub(super) tcp: [SocketAddr; 2],
}

fn joined<T>(result: thread::Result<Result<T>>) -> Result<T> {
    result.unwrap_or_else(|_| bail!("a thread panicked"))
}

fn attacker(index: u64) -> Ipv4Addr {
    let host = index % u64::from(ATTACKERS);
    Ipv4Addr::new(127, 0, 1, u8::try_from(host).unwrap_or_default() + 1)
}

impl Attack {
    /// Attacks until it is over, at least to the end of what is counted; how much it was.
    fn run(self, ports: Ports, over: &AtomicBool) -> Result<u64> {
        match self {
            Self::StalledPeers => stall(ports.tcp[0], over),
            Self::StrayCancels => {
                let rate = 60_000 / LENGTH.as_secs();
                flood(ports.udp, rate, over, |index, own| {
                    request(
                        "CANCEL",
                        "sip:alice@localhost",
                        "<sip:alice@localhost>",
                        index,
                        own,
                    )
                })
            }
            Self::IdleConnections => idle(ports, over),
            Self::UnprovedInvites => flood(ports.udp, 5_000, over, |index, own| {
                request(
                    "INVITE",
                    "sip:phone1@localhost",
                    "<sip:alice@localhost>",
                    index,
                    own,
                )
            }),
            Self::UnknownRegistrations => flood(ports.udp, 5_000, over, |index, own| {
                let user = format!("<sip:user{index}@shop.example>");
                request("REGISTER", "sip:shop.example", &user, index, own)
            }),
        }
    }
}

/// A request that belongs to nothing.
pub(super) fn request(method: &str, uri: &str, from: &str, index: u64, own: SocketAddr) -> String {
    let to = if method == "REGISTER" {
        from.to_owned()
    } else {
        format!("<{uri}>")
    };
    let head = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKflood{index};rport\r\n\
         Max-Forwards: 70\r\nFrom: {from};tag=t{index}\r\nTo: {to}\r\nCall-ID: flood{index}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:flood@{own}>\r\n"
    );
    if method != "INVITE" {
        return format!("{head}Content-Length: 0\r\n\r\n");
    }
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
    let len = sdp.len();
    format!("{head}Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{sdp}")
}

/// Sends at a rate from many addresses. What comes back is not looked at.
fn flood(
    to: SocketAddr,
    rate: u64,
    over: &AtomicBool,
    make: impl Fn(u64, SocketAddr) -> String,
) -> Result<u64> {
    let mut sockets = Vec::new();
    for index in 0..u64::from(ATTACKERS) {
        let socket = UdpSocket::bind((attacker(index), 0))?;
        socket.connect(to)?;
        sockets.push((socket.local_addr()?, socket));
    }
    let start = Instant::now();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let due = u64::try_from(start.elapsed().as_micros())? * rate / 1_000_000;
        for (index, (own, socket)) in (sent..due).zip(sockets.iter().cycle()) {
            // A datagram that is not taken is lost.
            let _ = socket.send(make(index, *own).as_bytes());
        }
        sent = sent.max(due);
        thread::sleep(Duration::from_millis(2));
    }
    Ok(sent)
}

/// Asks again and again without reading, and begins what it does not end.
fn stall(to: SocketAddr, over: &AtomicBool) -> Result<u64> {
    let mut deaf = Vec::new();
    let mut slow = Vec::new();
    for index in 0..u64::from(ATTACKERS) {
        let stream = connect_from(attacker(index), to)?;
        stream.set_nonblocking(true)?;
        match index % 2 {
            0 => deaf.push((stream.local_addr()?, stream)),
            _ => slow.push(stream),
        }
    }
    let mut messages = 0;
    let mut next_byte = Instant::now();
    while !over.load(Ordering::Relaxed) {
        for (own, stream) in &mut deaf {
            let options = request(
                "OPTIONS",
                "sip:localhost",
                "<sip:a@b.invalid>",
                messages,
                *own,
            );
            // Its own queue is full soon, or it has been closed.
            if stream
                .write_all(options.replace("/UDP", "/TCP").as_bytes())
                .is_ok()
            {
                messages += 1;
            }
        }
        if next_byte <= Instant::now() {
            next_byte += Duration::from_secs(1);
            for stream in &mut slow {
                let _ = stream.write(b"O");
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(messages)
}

/// Opens connections and holds them.
fn idle(ports: Ports, over: &AtomicBool) -> Result<u64> {
    let mut held = Vec::new();
    for index in 0..10_000_u64 {
        let to = ports.tcp[usize::from(index % 2 == 1)];
        held.push(connect_from(attacker(index / 2 % HOLDERS), to)?);
        if over.load(Ordering::Relaxed) {
            bail!("there was time for {} connections only", held.len());
        }
    }
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(held.len() as u64)
}

pub(super) fn connect_from(from: Ipv4Addr, to: SocketAddr) -> Result<TcpStream> {
    let SocketAddr::V4(to) = to else {
        bail!("not an IPv4 address: {to}");
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    // The port is chosen when it is known where to: each pair of addresses has all of them.
    setsockopt(&fd, sockopt::IpBindAddressNoPort, &true)?;
    bind(
        fd.as_raw_fd(),
        &SockaddrIn::from(std::net::SocketAddrV4::new(from, 0)),
    )?;
    connect(fd.as_raw_fd(), &SockaddrIn::from(to)).context("no connection")?;
    Ok(fd.into())
}
