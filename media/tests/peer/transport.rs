//! ICE and DTLS of a peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds, Protocol};
use media::ids::{DtlsRole, Fingerprint, IceCredentials};
use media::rtp::is_rtcp;
use media::srtp::{Keys, Profile, SrtpInbound, SrtpOutbound};

/// Which DTLS versions a peer offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Dtls12,
    Dtls13,
    Auto,
}

pub struct ClientTransport {
    pub address: SocketAddr,
    pub ice: IceAgent,
    pub dtls: Dtls,
    pub fingerprint: Fingerprint,
    pub nominated: Option<SocketAddr>,
    pub keys: Option<(KeyingMaterial, SrtpProfile)>,
    pub peer_fingerprint: Option<Fingerprint>,
    pub dtls_error: Option<String>,
    pub closed_by_peer: bool,
    /// Send the first DTLS flight without waiting for ICE.
    pub hasty: bool,
    /// What arrived, in plain form.
    pub rtp: Vec<(Instant, Vec<u8>)>,
    pub rtcp: Vec<(Instant, Vec<u8>)>,
    /// Packets that did not pass SRTP: none may ever come from the worker.
    pub refused: usize,
    srtp: Option<(SrtpInbound, SrtpOutbound)>,
    dtls_due: Option<Instant>,
    started: bool,
}

pub fn certificate() -> DtlsCertificate {
    dimpl::certificate::generate_self_signed_certificate().unwrap()
}

pub fn fingerprint(certificate: &DtlsCertificate) -> Fingerprint {
    Fingerprint(certificate.fingerprint().try_into().unwrap())
}

impl ClientTransport {
    pub fn new(
        now: Instant,
        address: SocketAddr,
        own: &IceCredentials,
        remote: &IceCredentials,
        servers: &[SocketAddr],
        version: Version,
    ) -> Self {
        let mut ice = IceAgent::new(creds(own));
        ice.set_controlling(true);
        ice.set_remote_credentials(creds(remote));
        ice.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        for server in servers {
            ice.add_remote_candidate(Candidate::host(*server, Protocol::Udp).unwrap());
        }
        ice.handle_timeout(now);
        let certificate = certificate();
        let fingerprint = fingerprint(&certificate);
        let config = Arc::new(Config::default());
        let mut dtls = match version {
            Version::Dtls12 => Dtls::new_12(config, certificate, now),
            Version::Dtls13 => Dtls::new_13(config, certificate, now),
            Version::Auto => Dtls::new_auto(config, certificate, now),
        };
        dtls.set_active(true);
        Self {
            address,
            ice,
            dtls,
            fingerprint,
            nominated: None,
            keys: None,
            peer_fingerprint: None,
            dtls_error: None,
            closed_by_peer: false,
            hasty: false,
            rtp: Vec::new(),
            rtcp: Vec::new(),
            refused: 0,
            srtp: None,
            dtls_due: None,
            started: false,
        }
    }

    /// Answers `a=setup:passive`: the other side speaks first. Before anything was sent.
    pub fn wait_for_hello(&mut self, now: Instant, version: Version) {
        let certificate = certificate();
        self.fingerprint = fingerprint(&certificate);
        let config = Arc::new(Config::default());
        self.dtls = match version {
            Version::Dtls12 => Dtls::new_12(config, certificate, now),
            Version::Dtls13 => Dtls::new_13(config, certificate, now),
            Version::Auto => Dtls::new_auto(config, certificate, now),
        };
    }

    pub fn connected(&self) -> bool {
        self.keys.is_some()
    }

    /// The peer's network changes: from now on it sends from elsewhere.
    pub fn move_to(&mut self, now: Instant, address: SocketAddr) {
        let old = Candidate::host(self.address, Protocol::Udp).unwrap();
        self.ice
            .add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        self.ice.invalidate_candidate(&old);
        self.address = address;
        self.ice.handle_timeout(now);
    }

    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Vec<(SocketAddr, Vec<u8>)>,
    ) {
        match datagram.first() {
            Some(0..=3) => {
                if let Ok(message) = StunMessage::parse(datagram) {
                    let destination = self.address;
                    let packet = StunPacket {
                        proto: Protocol::Udp,
                        source: from,
                        destination,
                        message,
                    };
                    self.ice.handle_packet(now, packet);
                }
            }
            Some(20..=63) => {
                let result = self
                    .dtls
                    .handle_timeout(now)
                    .and_then(|()| self.dtls.handle_packet(datagram));
                self.dtls_error = self
                    .dtls_error
                    .take()
                    .or(result.err().map(|e| e.to_string()));
            }
            Some(128..=191) => self.handle_srtp(now, datagram),
            _ => {}
        }
        self.poll(now, out);
    }

    fn handle_srtp(&mut self, now: Instant, datagram: &[u8]) {
        let mut packet = datagram.to_vec();
        let Some((inbound, _)) = &mut self.srtp else {
            return;
        };
        let (result, into) = if is_rtcp(&packet) {
            (inbound.unprotect_rtcp(&mut packet), &mut self.rtcp)
        } else {
            (inbound.unprotect_rtp(&mut packet), &mut self.rtp)
        };
        match result {
            Ok(len) => {
                packet.truncate(len);
                into.push((now, packet));
            }
            Err(_) => self.refused += 1,
        }
    }

    /// Protects a plain packet as it goes on the wire.
    pub fn protect(&mut self, plain: &[u8]) -> Vec<u8> {
        let (_, outbound) = self.srtp.as_mut().expect("keys");
        let mut packet = plain.to_vec();
        packet.resize(plain.len() + 64, 0);
        let len = if is_rtcp(plain) {
            outbound.protect_rtcp(&mut packet, plain.len())
        } else {
            outbound.protect_rtp(&mut packet, plain.len())
        };
        packet.truncate(len.unwrap());
        packet
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        if self.ice.poll_timeout().is_some_and(|due| due <= now) {
            self.ice.handle_timeout(now);
        }
        if self.started && self.dtls_due.is_some_and(|due| due <= now) && self.dtls_error.is_none()
        {
            self.dtls_error = self.dtls.handle_timeout(now).err().map(|e| e.to_string());
        }
        self.poll(now, out);
    }

    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.ice
            .poll_timeout()
            .into_iter()
            .chain(self.dtls_due)
            .min()
    }

    /// What a browser does when its page closes the connection.
    pub fn close(&mut self, now: Instant, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        self.dtls.handle_timeout(now).unwrap();
        self.dtls.close().unwrap();
        self.poll(now, out);
    }

    pub fn poll(&mut self, now: Instant, out: &mut Vec<(SocketAddr, Vec<u8>)>) {
        while let Some(event) = self.ice.poll_event() {
            if let IceAgentEvent::NominatedSend { destination, .. } = event {
                self.nominated = Some(destination);
            }
        }
        while let Some(transmit) = self.ice.poll_transmit() {
            if transmit.source == self.address {
                out.push((transmit.destination, transmit.contents.to_vec()));
            }
        }
        let towards = match self.nominated {
            Some(towards) => towards,
            None if self.hasty => self.ice.remote_candidates().next().unwrap().addr(),
            None => return,
        };
        if !self.started {
            self.started = true;
            self.dtls.handle_timeout(now).unwrap();
        }
        if self.dtls_error.is_some() {
            return;
        }
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => out.push((towards, datagram.to_vec())),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(due) => {
                    let far = now + std::time::Duration::from_secs(3600);
                    self.dtls_due = (due < far).then_some(due);
                    return;
                }
                Output::PeerCert(der) => {
                    let hash = dimpl::certificate::calculate_fingerprint(der);
                    self.peer_fingerprint = Some(Fingerprint(hash.try_into().unwrap()));
                }
                Output::KeyingMaterial(material, profile) => {
                    self.srtp = Some(contexts(&material, profile));
                    self.keys = Some((material, profile));
                }
                Output::CloseNotify => self.closed_by_peer = true,
                _ => {}
            }
        }
    }
}

fn contexts(material: &KeyingMaterial, profile: SrtpProfile) -> (SrtpInbound, SrtpOutbound) {
    let profile = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        _ => Profile::AeadAes256Gcm,
    };
    let keys = Keys::from_dtls(profile, material, DtlsRole::Client).unwrap();
    (
        SrtpInbound::new(&keys.inbound).unwrap(),
        SrtpOutbound::new(&keys.outbound).unwrap(),
    )
}

fn creds(credentials: &IceCredentials) -> IceCreds {
    IceCreds {
        ufrag: credentials.ufrag.to_string(),
        pass: credentials.pwd.to_string(),
    }
}
