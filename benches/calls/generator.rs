//! Peers that send packets at a steady rate and note what arrives when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use media::ids::{DtlsRole, IceCredentials};
use media::rtp::is_rtcp;
use media::srtp::{Keys, MAX_RTP_OVERHEAD, Profile, SrtpInbound, SrtpOutbound};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::sdp::{OPUS, Side, VP8};
use super::transport::{ClientTransport, Version};

const HEADER_LEN: usize = 12;
/// A tick that comes later than this says that the generator itself was held up.
const LATE: Duration = Duration::from_millis(5);
/// Packets still under way when the last one is sent have so long to arrive.
const LINGER: Duration = Duration::from_millis(300);

/// What to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) payload: usize,
    pub(crate) interval: Duration,
    pub(crate) length: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) late: u64,
    delays: Vec<Duration>,
}

impl Outcome {
    /// A quantile of the one-way delays.
    pub(crate) fn delay(&self, quantile: f64) -> Duration {
        let at = (self.delays.len() as f64 * quantile) as usize;
        self.delays
            .get(at.min(self.delays.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// One side of a call.
pub(crate) struct Peer {
    socket: UdpSocket,
    transport: ClientTransport,
    srtp: Option<(SrtpOutbound, SrtpInbound)>,
    streams: Vec<Stream>,
}

struct Stream {
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    /// A video stream sends several packets where an audio stream sends one.
    burst: u32,
}

impl Peer {
    /// A peer that does not know the server yet.
    pub(crate) fn new(ice: &IceCredentials, index: usize, video: bool) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let stream = |offset: usize, payload_type, burst| Stream {
            ssrc: 1_000_000 + (4 * index + offset) as u32,
            payload_type,
            sequence_number: 1,
            timestamp: 0,
            burst,
        };
        let mut streams = vec![stream(0, OPUS, 1)];
        if video {
            streams.push(stream(1, VP8, 3));
        }
        let now = Instant::now();
        let address = socket.local_addr()?;
        let transport = ClientTransport::new(now, address, ice, ice, &[], Version::Auto);
        Ok(Self {
            socket,
            transport,
            srtp: None,
            streams,
        })
    }

    /// What its description says.
    pub(crate) fn side<'a>(&self, ice: &'a IceCredentials) -> Side<'a> {
        Side {
            ice,
            fingerprint: self.transport.fingerprint,
            audio_ssrc: self.streams.first().map_or(0, |stream| stream.ssrc),
            video_ssrc: self.streams.get(1).map(|stream| stream.ssrc),
            setup: "active",
        }
    }

    /// The server's description is known: checks may begin.
    pub(crate) fn start(&mut self, server: &IceCredentials, address: SocketAddr) -> Result<()> {
        let ice = &mut self.transport.ice;
        ice.set_remote_credentials(is::IceCreds {
            ufrag: server.ufrag.to_string(),
            pass: server.pwd.to_string(),
        });
        ice.add_remote_candidate(is::Candidate::host(address, is::Protocol::Udp)?);
        self.socket.connect(address)?;
        Ok(())
    }

    /// Takes what has arrived and does what is due. RTP goes to `heard`.
    fn drive(&mut self, now: Instant, heard: &mut impl FnMut(&[u8], Instant)) -> Result<()> {
        let mut out = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            let len = match self.socket.recv(&mut buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error of an earlier packet.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(datagram) = buffer.get_mut(..len) else {
                continue;
            };
            match (datagram.first(), &mut self.srtp) {
                (Some(128..=191), Some((_, inbound))) => {
                    if is_rtcp(datagram) {
                        let _ = inbound.unprotect_rtcp(datagram);
                    } else if let Ok(len) = inbound.unprotect_rtp(datagram) {
                        heard(&datagram[..len], now);
                    }
                }
                (Some(128..=191), None) => heard(datagram, now),
                _ => {
                    let from = self.socket.peer_addr()?;
                    self.transport.handle(now, from, datagram, &mut out);
                }
            }
        }
        if self.transport.poll_timeout().is_some_and(|due| due <= now) {
            self.transport.handle_timeout(now, &mut out);
        }
        for (_, datagram) in out {
            let _ = self.socket.send(&datagram);
        }
        if self.srtp.is_none()
            && let Some((material, profile)) = &self.transport.keys
        {
            let profile = match profile {
                dimpl::SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1_80,
                dimpl::SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
                _ => Profile::AeadAes256Gcm,
            };
            let keys = Keys::from_dtls(profile, material, DtlsRole::Client)?;
            self.srtp = Some((
                SrtpOutbound::new(&keys.outbound)?,
                SrtpInbound::new(&keys.inbound)?,
            ));
        }
        Ok(())
    }

    /// Sends what one tick of a stream is, with the time in every payload.
    fn send(&mut self, at: usize, start: Instant, payload: usize) -> Result<u64> {
        let Some(stream) = self.streams.get_mut(at) else {
            return Ok(0);
        };
        let mut buffer = vec![0; HEADER_LEN + payload + MAX_RTP_OVERHEAD];
        for part in 0..stream.burst {
            let len = HEADER_LEN + payload;
            let last = part + 1 == stream.burst;
            buffer.fill(0x55);
            buffer[0] = 0x80;
            buffer[1] = stream.payload_type | if last { 0x80 } else { 0 };
            buffer[2..4].copy_from_slice(&stream.sequence_number.to_be_bytes());
            buffer[4..8].copy_from_slice(&stream.timestamp.to_be_bytes());
            buffer[8..12].copy_from_slice(&stream.ssrc.to_be_bytes());
            let time = start.elapsed().as_nanos() as u64;
            buffer[HEADER_LEN..HEADER_LEN + 8].copy_from_slice(&time.to_be_bytes());
            let len = match &mut self.srtp {
                Some((outbound, _)) => outbound.protect_rtp(&mut buffer, len)?,
                None => len + MAX_RTP_OVERHEAD,
            };
            stream.sequence_number = stream.sequence_number.wrapping_add(1);
            self.socket
                .send(&buffer[..len])
                .context("the kernel does not take a packet")?;
        }
        stream.timestamp = stream.timestamp.wrapping_add(960);
        Ok(u64::from(stream.burst))
    }
}

/// All peers.
pub(crate) struct Generator {
    peers: Vec<Peer>,
    ready: Epoll,
}

impl Generator {
    /// Without peers yet.
    pub(crate) fn empty() -> Result<Self> {
        Ok(Self {
            peers: Vec::new(),
            ready: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
        })
    }

    /// Peers that send without any protection, for the copy loop.
    pub(crate) fn plain(calls: usize, video_calls: usize) -> Result<Self> {
        let mut generator = Self::empty()?;
        let ice = IceCredentials {
            ufrag: "none".into(),
            pwd: "none".into(),
        };
        for index in 0..2 * (calls + video_calls) {
            generator.add(Peer::new(&ice, index, index >= 2 * calls)?)?;
        }
        Ok(generator)
    }

    /// The addresses of both sides of each call.
    pub(crate) fn pairs(&self) -> Result<Vec<(SocketAddr, SocketAddr)>> {
        let address = |peer: &Peer| peer.socket.local_addr();
        self.peers
            .chunks_exact(2)
            .map(|pair| Ok((address(&pair[0])?, address(&pair[1])?)))
            .collect()
    }

    /// Where plain packets go.
    pub(crate) fn aim_at(&mut self, address: SocketAddr) -> Result<()> {
        for peer in &self.peers {
            peer.socket.connect(address)?;
        }
        Ok(())
    }

    /// Drives two new peers until both have their keys.
    pub(crate) fn bring_up(
        &mut self,
        caller: Peer,
        callee: Peer,
        patience: Duration,
    ) -> Result<()> {
        let first = self.peers.len();
        self.add(caller)?;
        self.add(callee)?;
        let deadline = Instant::now() + patience;
        while self.peers[first..].iter().any(|peer| peer.srtp.is_none()) {
            let now = Instant::now();
            if now > deadline {
                bail!("DTLS did not come up within {patience:?}");
            }
            let mut events = [EpollEvent::empty(); 64];
            self.ready.wait(&mut events, EpollTimeout::from(2_u8))?;
            for peer in &mut self.peers {
                peer.drive(now, &mut |_, _| {})?;
            }
        }
        Ok(())
    }

    /// Sends at the load's rate for its length and waits for the last packets.
    pub(crate) fn run(&mut self, load: &Load) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let start = Instant::now();
        let mut due = BinaryHeap::new();
        let count = self.peers.len().max(1) as u32;
        for (at, peer) in self.peers.iter().enumerate() {
            for stream in 0..peer.streams.len() {
                due.push(Reverse((
                    start + load.interval * at as u32 / count,
                    at,
                    stream,
                )));
            }
        }
        let end = start + load.length;
        let mut housekeeping = start;
        loop {
            let now = Instant::now();
            if now >= end + LINGER {
                break;
            }
            while let Some(Reverse((at, peer, stream))) = due.peek().copied() {
                if at > now || at >= end {
                    break;
                }
                due.pop();
                if now > at + LATE {
                    outcome.late += 1;
                }
                let Some(sender) = self.peers.get_mut(peer) else {
                    continue;
                };
                outcome.sent += sender.send(stream, start, load.payload)?;
                due.push(Reverse((at + load.interval, peer, stream)));
            }
            let mut events = [EpollEvent::empty(); 256];
            let count = self
                .ready
                .wait(&mut events, EpollTimeout::from(1_u8))
                .unwrap_or(0);
            let mut heard = |packet: &[u8], now: Instant| {
                outcome.received += 1;
                if let Some(time) = packet.get(HEADER_LEN..HEADER_LEN + 8)
                    && let Ok(time) = <[u8; 8]>::try_from(time)
                {
                    let sent = start + Duration::from_nanos(u64::from_be_bytes(time));
                    outcome.delays.push(now.saturating_duration_since(sent));
                }
            };
            for event in events.iter().take(count) {
                if let Some(peer) = self.peers.get_mut(event.data() as usize) {
                    peer.drive(Instant::now(), &mut heard)?;
                }
            }
            if now >= housekeeping {
                housekeeping = now + Duration::from_millis(100);
                for peer in &mut self.peers {
                    peer.drive(Instant::now(), &mut heard)?;
                }
            }
        }
        outcome.delays.sort_unstable();
        Ok(outcome)
    }

    fn add(&mut self, peer: Peer) -> Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, self.peers.len() as u64);
        self.ready.add(peer.socket.as_fd(), event)?;
        self.peers.push(peer);
        Ok(())
    }
}
