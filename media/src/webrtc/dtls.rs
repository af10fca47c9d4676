//! One DTLS association (RFC 6347, RFC 9147) and what it is for here: keys for SRTP (RFC 5764)
//! and the proof of who is at the far side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, KeyingMaterial, Output, SrtpProfile};

use super::afterwards::Afterwards;
use super::certificate::{Certificate, fingerprint_of};
use crate::event::Failure;
use crate::ids::{DtlsRole, Fingerprint};
use crate::outbox::{Outbox, Path};
use crate::srtp::{Keys, Profile};

/// What all associations share.
#[derive(Clone)]
pub struct DtlsConfig {
    config: Arc<Config>,
    certificate: Certificate,
}

impl std::fmt::Debug for DtlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DtlsConfig")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// The engine asks to be woken once a day or so when it has nothing to do.
const IDLE: Duration = Duration::from_secs(3600);

/// Peer certificates of browsers have some 300 bytes; RSA ones of other stacks some 1,000.
const MAX_CERTIFICATE_LEN: usize = 16 * 1024;

/// Bounds the outputs taken for one input; a handshake flight has at most ten datagrams.
const MAX_OUTPUTS: usize = 64;

impl DtlsConfig {
    /// With our certificate, and the time a handshake may take from its first flight on.
    ///
    /// # Errors
    /// What the engine says against the timing.
    pub fn new(certificate: Certificate, handshake_timeout: Duration) -> Result<Self, String> {
        let config = Config::builder()
            // The cookie proves return routability; an authenticated STUN check did so before.
            .use_server_cookie(false)
            .require_client_certificate(true)
            .flight_start_rto(Duration::from_millis(300))
            .flight_retries(6)
            .handshake_timeout(handshake_timeout)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            config: Arc::new(config),
            certificate,
        })
    }

    /// What our descriptions announce.
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }
}

/// What became of an association by one input.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nothing to tell.
    None,
    /// The handshake is done and the peer is who its description said.
    Ready(Box<Keys>),
    /// The peer closed.
    Closed,
    /// No use going on.
    Failed(Failure),
}

pub(super) struct Association {
    engine: Dtls,
    role: DtlsRole,
    expected: Option<Fingerprint>,
    peer: Option<Fingerprint>,
    keys: Option<(KeyingMaterial, SrtpProfile)>,
    connected: bool,
    closed: bool,
    deadline: Option<Instant>,
    /// What was sent for the input that ended the handshake, or for the latest one before.
    last_flight: Vec<Box<[u8]>>,
}

impl Association {
    pub(super) fn new(
        config: &DtlsConfig,
        role: DtlsRole,
        expected: Option<Fingerprint>,
        now: Instant,
    ) -> Self {
        let certificate = config.certificate.to_engine();
        let mut engine = Dtls::new_auto(Arc::clone(&config.config), certificate, now);
        if role == DtlsRole::Client {
            engine.set_active(true);
        }
        Self {
            engine,
            role,
            expected,
            peer: None,
            keys: None,
            connected: false,
            closed: false,
            deadline: None,
            last_flight: Vec::new(),
        }
    }

    /// The remote description is known: a result held back until now comes out.
    pub(super) fn expect(&mut self, fingerprint: Fingerprint) -> Progress {
        self.expected = Some(fingerprint);
        self.verdict()
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        send: &mut Sender<'_>,
    ) -> Progress {
        let result = self
            .engine
            .handle_timeout(now)
            .and_then(|()| self.engine.handle_packet(datagram));
        self.advance(now, result, send)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, send: &mut Sender<'_>) -> Progress {
        let result = self.engine.handle_timeout(now);
        self.advance(now, result, send)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Sends `close_notify` if there is an association to close.
    pub(super) fn close(&mut self, now: Instant, send: &mut Sender<'_>) {
        if self.connected && !self.closed {
            self.closed = true;
            let result = self
                .engine
                .handle_timeout(now)
                .and_then(|()| self.engine.close());
            self.advance(now, result, send);
        }
    }

    /// Once media can flow: what has to be kept of an association whose handshake is over for
    /// good. As a client we keep all of it, since we cannot know what the server still asks.
    pub(super) fn afterwards(&mut self, now: Instant, scratch: &mut [u8]) -> Option<Afterwards> {
        let is_over = self.connected && !self.closed && self.deadline.is_none();
        let peer = self
            .peer
            .filter(|_| is_over && self.role == DtlsRole::Server)?;
        self.engine.handle_timeout(now).ok()?;
        self.engine.close().ok()?;
        self.closed = true;
        let mut goodbye = Box::default();
        for _ in 0..MAX_OUTPUTS {
            match self.engine.poll_output(scratch) {
                Output::Packet(datagram) => goodbye = datagram.into(),
                Output::Timeout(_) | Output::BufferTooSmall { .. } => break,
                _ => {}
            }
        }
        Some(Afterwards {
            peer,
            last_flight: std::mem::take(&mut self.last_flight).into(),
            goodbye,
            repeats: 0,
            repeated: None,
        })
    }

    /// Takes what the engine has to say after an input.
    fn advance(
        &mut self,
        now: Instant,
        result: Result<(), dimpl::Error>,
        send: &mut Sender<'_>,
    ) -> Progress {
        let mut peer_closed = false;
        let keep = !self.connected;
        if keep {
            self.last_flight.clear();
        }
        for _ in 0..MAX_OUTPUTS {
            let needed = match self.engine.poll_output(send.scratch) {
                Output::Packet(datagram) => {
                    if let Some(path) = send.path {
                        send.out.push_bytes(path, datagram);
                    }
                    if keep {
                        self.last_flight.push(datagram.into());
                    }
                    continue;
                }
                Output::BufferTooSmall { needed } => needed,
                Output::Timeout(deadline) => {
                    self.deadline = (deadline < now + IDLE).then_some(deadline);
                    break;
                }
                Output::Connected => {
                    self.connected = true;
                    continue;
                }
                Output::PeerCert(der) => {
                    self.peer = Some(fingerprint_of(der));
                    continue;
                }
                Output::KeyingMaterial(material, profile) => {
                    self.keys = Some((material, profile));
                    continue;
                }
                Output::CloseNotify => {
                    peer_closed = true;
                    continue;
                }
                // No data channel is negotiated: whatever comes is not for us.
                _ => continue,
            };
            if needed > MAX_CERTIFICATE_LEN {
                return Progress::Failed(Failure::Dtls("certificate too large".into()));
            }
            send.scratch.resize(needed, 0);
        }
        if let Err(error) = result {
            self.deadline = None;
            return Progress::Failed(self.failure(&error));
        }
        if peer_closed && !self.closed {
            self.closed = true;
            return Progress::Closed;
        }
        self.verdict()
    }

    /// Media may pass once handshake, keys, the peer's certificate and what it should hash to
    /// are all there and agree.
    fn verdict(&mut self) -> Progress {
        let (Some(expected), Some(peer)) = (self.expected, self.peer) else {
            return Progress::None;
        };
        if expected != peer {
            self.deadline = None;
            return Progress::Failed(Failure::FingerprintMismatch);
        }
        if !self.connected {
            return Progress::None;
        }
        match self.keys.take() {
            Some((material, profile)) => self.ready(&material, profile),
            None => Progress::None,
        }
    }

    fn ready(&self, material: &KeyingMaterial, profile: SrtpProfile) -> Progress {
        let profile = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
            other => return Progress::Failed(Failure::Dtls(format!("unknown profile {other}"))),
        };
        match Keys::from_dtls(profile, material, self.role) {
            Ok(keys) => Progress::Ready(Box::new(keys)),
            Err(error) => Progress::Failed(Failure::Dtls(error.to_string())),
        }
    }

    fn failure(&self, error: &dimpl::Error) -> Failure {
        match error {
            dimpl::Error::Timeout(_) if !self.connected => Failure::DtlsTimeout,
            other => Failure::Dtls(other.to_string()),
        }
    }
}

/// Where an association's datagrams go, and room for the engine to write in.
pub(super) struct Sender<'a> {
    pub(super) path: Option<Path>,
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) out: &'a mut Outbox,
}

impl Sender<'_> {
    pub(super) fn send(&mut self, datagram: &[u8]) {
        if let Some(path) = self.path {
            self.out.push_bytes(path, datagram);
        }
    }
}
