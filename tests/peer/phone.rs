//! A phone made of two plain sockets: it reads and writes descriptions as text, speaks a tone in
//! G.711, and encrypts it with the crate `rtc-srtp` where it has keys (RFC 4568).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use tokio::net::UdpSocket;
use tokio::time::{Instant, interval, timeout_at};

use super::tone;

/// Key and salt of AES_CM_128 together.
const MATERIAL: usize = 30;

pub struct Phone {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    tone: f64,
    ssrc: u32,
    frames: u32,
    server: Option<SocketAddr>,
    keys: Option<Keys>,
    /// Sound as it came, in the order of its arrival.
    pub heard: Vec<u8>,
    /// Senders of what came.
    pub ssrcs: Vec<u32>,
    /// RTCP as it came, decrypted.
    pub reports: Vec<Vec<u8>>,
}

/// SDES under one suite.
struct Keys {
    suite: &'static str,
    ours: [u8; MATERIAL],
    contexts: Option<(Context, Context)>,
}

impl Phone {
    /// On an even port and the next.
    pub async fn new(ip: &str, tone: f64) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let (rtp, rtcp) = loop {
            let rtp = UdpSocket::bind((ip, 0)).await.unwrap();
            let port = rtp.local_addr().unwrap().port();
            if port % 2 == 0
                && let Ok(rtcp) = UdpSocket::bind((ip, port + 1)).await
            {
                break (rtp, rtcp);
            }
        };
        Self {
            rtp,
            rtcp,
            tone,
            ssrc: rand::random(),
            frames: 0,
            server: None,
            keys: None,
            heard: Vec::new(),
            ssrcs: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// It encrypts under this suite and no other.
    pub fn encrypting(mut self, suite: &'static str) -> Self {
        self.keys = Some(Keys {
            suite,
            ours: std::array::from_fn(|_| rand::random()),
            contexts: None,
        });
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }

    pub fn offer(&self) -> String {
        self.describe("1", "sendrecv")
    }

    /// The same, holding the other side.
    pub fn hold(&self) -> String {
        self.describe("1", "sendonly")
    }

    /// Reads an offer and answers it.
    pub fn answer(&mut self, offer: &str) -> String {
        let tag = self.take(offer);
        self.describe(&tag, "sendrecv")
    }

    /// Reads where the server is and what its key is; returns the tag of that.
    pub fn take(&mut self, sdp: &str) -> String {
        let line = |start: &str| sdp.lines().find_map(|line| line.strip_prefix(start));
        let media: Vec<&str> = line("m=audio ").unwrap().split(' ').collect();
        let ip = line("c=IN IP4 ").or_else(|| line("c=IN IP6 ")).unwrap();
        let port = media[0].parse().unwrap();
        self.server = Some(SocketAddr::new(ip.parse().unwrap(), port));
        let Some(keys) = &mut self.keys else {
            return String::new();
        };
        assert_eq!(media[1], "RTP/SAVP", "{sdp}");
        let lines = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=crypto:"));
        let mut fields = lines.map(|line| line.split(' ').collect::<Vec<_>>());
        let chosen = fields.find(|fields| fields[1] == keys.suite).unwrap();
        let theirs = chosen[2].strip_prefix("inline:").unwrap();
        let theirs = theirs.split('|').next().unwrap();
        let mut material = [0; MATERIAL];
        Base64::decode(theirs, &mut material).unwrap();
        let profile = match keys.suite {
            "AES_CM_128_HMAC_SHA1_32" => ProtectionProfile::Aes128CmHmacSha1_32,
            _ => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let provider = rtc_crypto::default_provider().unwrap();
        let context = |material: &[u8; MATERIAL]| {
            let (key, salt) = material.split_at(16);
            Context::new(key, salt, profile, None, None, provider.crypto()).unwrap()
        };
        if keys.contexts.is_none() {
            keys.contexts = Some((context(&keys.ours), context(&material)));
        }
        chosen[0].to_owned()
    }

    fn describe(&self, tag: &str, direction: &str) -> String {
        let address = self.address();
        let (ip, port) = (address.ip(), address.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let (protocol, crypto) = match &self.keys {
            None => ("RTP/AVP", String::new()),
            Some(keys) => {
                let mut text = [0; 64];
                let key = Base64::encode(&keys.ours, &mut text).unwrap();
                let suite = keys.suite;
                (
                    "RTP/SAVP",
                    format!("a=crypto:{tag} {suite} inline:{key}\r\n"),
                )
            }
        };
        format!(
            "v=0\r\no=phone 1 1 IN {family} {ip}\r\ns=call\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} {protocol} 0 101\r\na=rtpmap:101 telephone-event/8000\r\n\
             a={direction}\r\n{crypto}"
        )
    }

    /// Says its tone for so many frames of 20 ms and listens meanwhile.
    pub async fn talk(&mut self, frames: u32) {
        let mut ticks = interval(Duration::from_millis(20));
        for _ in 0..frames {
            let due = ticks.tick().await + Duration::from_millis(20);
            self.say().await;
            self.listen(due).await;
        }
    }

    async fn say(&mut self) {
        let packet = self.packet();
        self.frames += 1;
        let bytes = match self.contexts() {
            Some((ours, _)) => ours.encrypt_rtp(&packet).unwrap().to_vec(),
            None => packet,
        };
        self.rtp
            .send_to(&bytes, self.server.unwrap())
            .await
            .unwrap();
    }

    /// Its next packet, plain.
    pub fn packet(&self) -> Vec<u8> {
        let number = self.frames as u16;
        let mut packet = vec![0x80, 0];
        packet.extend(number.to_be_bytes());
        packet.extend((self.frames * 160).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(tone::frame(self.tone, self.frames));
        packet
    }

    async fn listen(&mut self, until: Instant) {
        let (mut rtp, mut rtcp) = ([0; 2048], [0; 2048]);
        let server = self.server.unwrap();
        loop {
            let (received, is_rtp) = {
                let either = async {
                    tokio::select! {
                        received = self.rtp.recv_from(&mut rtp) => (received.unwrap(), true),
                        received = self.rtcp.recv_from(&mut rtcp) => (received.unwrap(), false),
                    }
                };
                match timeout_at(until, either).await {
                    Ok(received) => received,
                    Err(_) => return,
                }
            };
            let (len, from) = received;
            assert_eq!(from.ip(), server.ip());
            assert_eq!(from.port(), server.port() + u16::from(!is_rtp));
            if is_rtp {
                self.hear(&rtp[..len]);
            } else {
                let plain = match self.contexts() {
                    Some((_, theirs)) => theirs.decrypt_rtcp(&rtcp[..len]).unwrap().to_vec(),
                    None => rtcp[..len].to_vec(),
                };
                self.reports.push(plain);
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let plain = match self.contexts() {
            Some((_, theirs)) => theirs.decrypt_rtp(bytes).unwrap().to_vec(),
            None => bytes.to_vec(),
        };
        assert_eq!((plain[0], plain[1] & 0x7F), (0x80, 0), "G.711 without more");
        let ssrc = u32::from_be_bytes(plain[8..12].try_into().unwrap());
        if !self.ssrcs.contains(&ssrc) {
            self.ssrcs.push(ssrc);
        }
        self.heard.extend(&plain[12..]);
    }

    fn contexts(&mut self) -> Option<&mut (Context, Context)> {
        let keys = self.keys.as_mut()?;
        Some(keys.contexts.as_mut().unwrap())
    }
}
