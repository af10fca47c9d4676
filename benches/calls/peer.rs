//! One side of a call: a socket, ICE, DTLS and SRTP, and the streams it sends.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use media::ids::{DtlsRole, IceCredentials};
use media::rtp::rtcp::{CompoundWriter, ReportBlock, SenderInfo};
use media::rtp::{Header, Ntp64, Reception, is_rtcp};
use media::srtp::{Keys, MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, Profile, SrtpInbound, SrtpOutbound};

use super::generator::Load;
use super::rtp::{HEADER_LEN, RtpHeader};
use super::sdp::{Audio, Side, VP8};
use super::transport::{ClientTransport, Version};

/// Where in a packet the time is when it was sent, 8 bytes: behind what a picture begins with.
pub(crate) const TIME_AT: usize = HEADER_LEN + 16;

/// The payload's beginning in the first packet of a picture: a VP8 keyframe (RFC 7741 4.2, 4.3),
/// without which nothing passes.
const KEYFRAME: [u8; 11] = [0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 64, 0, 64, 0];

/// Hz, of the timestamps of all streams: only their steadiness matters here.
const CLOCK_RATE: u32 = 48_000;

/// Streams that come from the server, sound and picture.
const MAX_HEARD: usize = 2;

pub(crate) struct Peer {
    socket: UdpSocket,
    transport: ClientTransport,
    srtp: Option<(SrtpOutbound, SrtpInbound)>,
    audio: Audio,
    streams: Vec<Stream>,
    heard: Vec<Reception>,
    /// Bytes behind each packet without encryption: for the copy loop as many as encryption adds.
    trailer: usize,
}

struct Stream {
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    packets: u32,
    /// A video stream sends several packets where an audio stream sends one.
    burst: u32,
}

impl Stream {
    fn is_video(&self) -> bool {
        self.burst > 1
    }

    /// Of its clock, in 20 ms.
    fn tick(&self) -> u32 {
        if self.payload_type == Audio::Pcmu.payload_type() {
            160
        } else {
            960
        }
    }
}

impl Peer {
    /// A peer that does not know the server yet.
    pub(crate) fn new(
        ice: &IceCredentials,
        index: usize,
        audio: Audio,
        video: bool,
    ) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let stream = |offset: usize, payload_type, burst| Stream {
            ssrc: 1_000_000 + (4 * index + offset) as u32,
            payload_type,
            sequence_number: 1,
            timestamp: 0,
            packets: 0,
            burst,
        };
        let mut streams = vec![stream(0, audio.payload_type(), 1)];
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
            audio,
            streams,
            heard: Vec::new(),
            trailer: MAX_RTP_OVERHEAD,
        })
    }

    /// A telephone: PCMU, and no encryption.
    pub(crate) fn phone(ice: &IceCredentials, index: usize) -> Result<Self> {
        let mut peer = Self::new(ice, index, Audio::Pcmu, false)?;
        peer.trailer = 0;
        Ok(peer)
    }

    /// What its description says.
    pub(crate) fn side<'a>(&self, ice: &'a IceCredentials) -> Side<'a> {
        Side {
            ice,
            address: self.transport.address,
            fingerprint: self.transport.fingerprint,
            audio: self.audio,
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
        self.aim_at(address)
    }

    /// Sends all to `address` from now on.
    pub(crate) fn aim_at(&self, address: SocketAddr) -> Result<()> {
        Ok(self.socket.connect(address)?)
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Media can flow.
    pub(crate) fn is_up(&self) -> bool {
        self.srtp.is_some()
    }

    /// Takes what has arrived and does what is due. RTP goes to `heard`.
    pub(crate) fn drive(
        &mut self,
        now: Instant,
        heard: &mut impl FnMut(&[u8], Instant),
    ) -> Result<()> {
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
                        let packet = &datagram[..len];
                        note(&mut self.heard, now, packet);
                        heard(packet, now);
                    }
                }
                (Some(128..=191), None) if is_rtcp(datagram) => {}
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
    pub(crate) fn send(&mut self, at: usize, start: Instant, load: &Load) -> Result<u64> {
        let Some(stream) = self.streams.get_mut(at) else {
            return Ok(0);
        };
        let payload = if stream.is_video() {
            load.video_payload
        } else {
            load.payload
        };
        let mut buffer = vec![0; HEADER_LEN + payload + MAX_RTP_OVERHEAD];
        for part in 0..stream.burst {
            let len = HEADER_LEN + payload;
            let last = part + 1 == stream.burst;
            buffer.fill(0x55);
            let header = RtpHeader {
                payload_type: stream.payload_type,
                marker: last,
                sequence_number: stream.sequence_number,
                timestamp: stream.timestamp,
                ssrc: stream.ssrc,
            };
            buffer[..HEADER_LEN].copy_from_slice(&header.to_bytes());
            if stream.is_video() {
                buffer[HEADER_LEN] = 0;
            }
            if stream.is_video() && part == 0 {
                buffer[HEADER_LEN..HEADER_LEN + KEYFRAME.len()].copy_from_slice(&KEYFRAME);
            }
            let time = start.elapsed().as_nanos() as u64;
            buffer[TIME_AT..TIME_AT + 8].copy_from_slice(&time.to_be_bytes());
            let len = match &mut self.srtp {
                Some((outbound, _)) => outbound.protect_rtp(&mut buffer, len)?,
                None => len + self.trailer,
            };
            stream.sequence_number = stream.sequence_number.wrapping_add(1);
            stream.packets = stream.packets.wrapping_add(1);
            self.socket
                .send(&buffer[..len])
                .context("the kernel does not take a packet")?;
        }
        stream.timestamp = stream.timestamp.wrapping_add(stream.tick());
        Ok(u64::from(stream.burst))
    }

    /// Sends sender reports with what was received, as a browser does once a second or so. A
    /// peer without keys has nothing to say.
    pub(crate) fn report(&mut self, now: Instant, start: Instant) -> Result<()> {
        let Some((outbound, _)) = &mut self.srtp else {
            return Ok(());
        };
        let blocks: Vec<ReportBlock> = self
            .heard
            .iter_mut()
            .filter_map(|reception| reception.report_block(now))
            .collect();
        let ntp = Ntp64::from_unix(Duration::from_secs(1_700_000_000) + (now - start));
        for stream in &self.streams {
            let mut buffer = [0; 512];
            let room = buffer.len() - MAX_RTCP_OVERHEAD;
            let mut writer = CompoundWriter::new(&mut buffer[..room]);
            let sender = SenderInfo {
                ssrc: stream.ssrc,
                ntp,
                rtp_timestamp: stream.timestamp,
                packets: stream.packets,
                octets: 0,
            };
            writer.sender_report(&sender, &blocks)?;
            writer.sdes_cname(stream.ssrc, "load")?;
            let len = writer.len();
            let len = outbound.protect_rtcp(&mut buffer, len)?;
            self.socket.send(&buffer[..len])?;
        }
        Ok(())
    }
}

/// Notes a packet for the reports.
fn note(receptions: &mut Vec<Reception>, now: Instant, packet: &[u8]) {
    let Ok(header) = Header::parse(packet) else {
        return;
    };
    let known = receptions.iter().position(|it| it.ssrc() == header.ssrc);
    let at = known.unwrap_or_else(|| {
        if receptions.len() < MAX_HEARD {
            receptions.push(Reception::new(header.ssrc, CLOCK_RATE));
        }
        receptions.len() - 1
    });
    if let Some(reception) = receptions.get_mut(at) {
        let payload = packet.len() - header.len();
        reception.receive(now, header.sequence_number, header.timestamp, payload);
    }
}
