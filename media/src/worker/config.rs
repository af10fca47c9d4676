//! What a worker is told once, at its start.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::sound::Sound;
use crate::webrtc::{Certificate, DtlsConfig, TransportTimeouts};

/// Settings of a worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Our DTLS certificate, whose fingerprint the descriptions announce.
    pub certificate: Certificate,
    /// Seeds sequence numbers and timestamps (RFC 3550 5.1: their initial values are random).
    pub seed: [u8; 32],
    /// Legs at once; a leg beyond is failed at once.
    pub max_legs: usize,
    /// Sinks whose sound is transcoded at once; beyond, what would have to be is dropped and
    /// counted ([`Counters::untranscoded`](super::Counters::untranscoded)).
    pub max_transcoders: usize,
    /// What can be played to legs ([`Command::Play`](crate::plan::Command::Play)), each under its
    /// place here.
    pub sounds: Arc<[Sound]>,
    /// Timing.
    pub timeouts: Timeouts,
    /// Packets kept per video sink to answer NACKs from, and the memory they may take.
    pub packet_cache: PacketCacheLimits,
}

/// How long a worker waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the remote description's arrival until media can flow.
    pub set_up: Duration,
    /// Without any authenticated packet (RFC 7675).
    pub consent: Duration,
    /// Without media, though it should come, until that is reported.
    pub silence: Duration,
    /// Without any RTP on a watched leg until it is given up.
    pub inactivity: Duration,
}

/// Bounds of the cache that NACKs are answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketCacheLimits {
    /// Packets per video sink.
    pub packets: usize,
    /// Bytes per video sink.
    pub bytes: usize,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            set_up: Duration::from_secs(10),
            consent: Duration::from_secs(15),
            // Who hears nothing is to know why within 3 s, however long the news takes.
            silence: Duration::from_millis(2500),
            inactivity: Duration::from_secs(60),
        }
    }
}

impl Default for PacketCacheLimits {
    /// About a second of video at 2 Mbit/s.
    fn default() -> Self {
        Self {
            packets: 512,
            bytes: 512 * 1024,
        }
    }
}

impl WorkerConfig {
    /// With defaults for everything but what must be given.
    pub fn new(certificate: Certificate, seed: [u8; 32]) -> Self {
        Self {
            certificate,
            seed,
            max_legs: 4096,
            max_transcoders: 512,
            sounds: Arc::default(),
            timeouts: Timeouts::default(),
            packet_cache: PacketCacheLimits::default(),
        }
    }

    pub(super) fn dtls(&self) -> Result<DtlsConfig, ConfigError> {
        DtlsConfig::new(
            self.certificate.clone(),
            self.timeouts.set_up.max(Duration::from_secs(1)),
        )
        .map_err(ConfigError::Dtls)
    }
}

impl Timeouts {
    pub(crate) fn transport(&self) -> TransportTimeouts {
        TransportTimeouts {
            set_up: self.set_up,
            consent: self.consent,
        }
    }
}

/// A worker cannot start with these settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// What the DTLS engine says.
    #[error("the DTLS settings are not accepted: {0}")]
    Dtls(String),
}
