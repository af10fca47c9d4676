//! What the configuration means for the parts below.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::ids::Fingerprint;
use media::negotiate::{Policy, Transcoding};
use media::ports::PortRange;
use media::sound::Sound;
use media::webrtc::Certificate;
use media::worker::{PacketCacheLimits, Timeouts, WorkerConfig};
use registrar::{Accounts, RegisterPolicy};
use sip::uri::Host;

use super::media_worker::{Monitor, TcpConfig, candidate_addresses};
use super::recorder::RecorderSettings;
use super::{StartError, tls};
use crate::call::config::{
    DomainConfig, GuestPolicy, HotConfig, KeepAlive as PhoneKeepAlive, Limits, MediaConfig,
    RecordingConfig, RecordingMode, RegistrarConfig, ScannerConfig, Sounds, SwitchConfig, Timing,
};
use crate::config::{BusyStatus, Config, Guests, Registration, TcpPort};
use crate::wcs::session::{KeepAlive, MessageRate, SessionConfig};

/// The largest RTP packet kept for retransmission, bytes: what fits an Ethernet frame.
const PACKET_BYTES: usize = 1_500;

/// Legs of a call at most: the caller's and those of the callee's devices.
const LEGS_PER_CALL: usize = 10;

/// Flows that are told before the ends of those which made room for them.
const FLOWS_ON_THEIR_WAY: usize = 1024;

/// Browsers check a way that they hold in reserve every 25 s or so.
const TCP_IDLE: Duration = Duration::from_secs(60);

/// The certificate for DTLS, made for this run.
pub(super) fn dtls_certificate() -> Result<Certificate, StartError> {
    let (certificate, key) = tls::make_dtls_certificate()?;
    Certificate::new(certificate, key)
        .map_err(|error| StartError::CertificateMaking(error.to_string()))
}

/// The UDP port to ask for.
pub(super) fn worker_port(config: &Config, index: usize) -> u16 {
    match config.media.port {
        0 => 0,
        port => nth_port(port, index),
    }
}

/// How a worker serves media over TCP.
pub(super) fn worker_tcp(config: &Config, index: usize) -> Option<TcpConfig> {
    let port = match config.media.tcp_port {
        TcpPort::Off => return None,
        TcpPort::Any => 0,
        TcpPort::From(port) => nth_port(port, index),
    };
    let limits = &config.limits;
    Some(TcpConfig {
        port,
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        check_timeout: limits.handshake_timeout,
        idle_timeout: TCP_IDLE,
    })
}

/// Its part of the ports for RTP.
pub(super) fn worker_rtp_ports(config: &Config, index: usize) -> Option<PortRange> {
    config.media.rtp_ports?.part(index, config.media.workers)
}

fn nth_port(first: u16, index: usize) -> u16 {
    first.saturating_add(u16::try_from(index).unwrap_or(u16::MAX))
}

/// What a media worker is told.
pub(super) fn worker(
    config: &Config,
    certificate: Certificate,
    sounds: Arc<[Sound]>,
    seed: [u8; 32],
) -> WorkerConfig {
    let media = &config.media;
    let defaults = Timeouts::default();
    WorkerConfig {
        // Any one call may be on any worker.
        max_legs: config
            .limits
            .calls
            .saturating_mul(LEGS_PER_CALL)
            .min(65_536),
        // Two for each call, wherever it is, and some for sources that send what was not to be
        // expected.
        max_transcoders: config.limits.transcoded_calls.saturating_mul(3),
        sounds,
        timeouts: Timeouts {
            set_up: media.setup_timeout,
            consent: media.consent_timeout,
            inactivity: media.inactivity_timeout,
            ..defaults
        },
        packet_cache: PacketCacheLimits {
            packets: media.packet_cache,
            bytes: media.packet_cache * PACKET_BYTES,
        },
        ..WorkerConfig::new(certificate, seed)
    }
}

/// How recordings are written; `None` if there are to be none.
pub(super) fn recorder(config: &Config) -> Option<RecorderSettings> {
    let recording = &config.recording;
    (recording.mode != RecordingMode::Off).then(|| RecorderSettings {
        directory: recording.directory.clone(),
        format: recording.format,
        max_length: recording.max_length,
    })
}

/// Where browsers are told to send media of a worker; the public address comes last: whoever is
/// nearer finds a shorter way first.
pub(super) fn candidates(config: &Config, worker: &Monitor) -> Vec<SocketAddr> {
    let at = |address: &IpAddr| SocketAddr::new(*address, worker.port);
    let mut candidates: Vec<SocketAddr> = config.media.addresses.iter().map(at).collect();
    if candidates.is_empty() {
        candidates = candidate_addresses(worker.port, worker.ipv6);
    }
    let public = config.media.public_address.as_ref().map(at);
    candidates.extend(public.filter(|public| !candidates.contains(public)));
    candidates
}

/// The same over TCP; none where the worker does not listen.
pub(super) fn tcp_candidates(worker: &Monitor, candidates: &[SocketAddr]) -> Vec<SocketAddr> {
    let at = |port| move |address: &SocketAddr| SocketAddr::new(address.ip(), port);
    let port = worker.tcp_port.into_iter();
    port.flat_map(|port| candidates.iter().map(at(port)))
        .collect()
}

/// What the Switch is told.
pub(super) fn switch(
    config: &Config,
    fingerprint: Fingerprint,
    candidates: Vec<Vec<SocketAddr>>,
    tcp_candidates: Vec<Vec<SocketAddr>>,
    sounds: Sounds,
    aliases: Vec<Host>,
) -> SwitchConfig {
    let wcs = &config.wcs;
    let limits = &config.limits;
    let defaults = SessionConfig::default();
    let HotConfig {
        accounts,
        guests,
        registrar,
        call_waiting,
        recorded,
        codecs,
    } = hot(config);
    SwitchConfig {
        domain: config.local_videochat.domain.clone(),
        aliases,
        accounts,
        guests,
        registrar,
        digests: config.sip.digests.clone(),
        keep_alive: PhoneKeepAlive {
            interval: config.sip.options_interval,
            per_second: config.sip.options_per_second,
            misses: config.sip.options_misses,
        },
        records_keys: config.cdr.keys,
        call_waiting,
        srtp: config.sip.srtp,
        session: SessionConfig {
            keep_alive: KeepAlive {
                interval: wcs.ping_interval,
                missed_pings: wcs.missed_pings,
            },
            handshake_timeout: limits.handshake_timeout,
            messages: MessageRate {
                per_second: limits.messages_per_second,
                burst: limits.messages_per_second.saturating_mul(4),
            },
            busy: match wcs.busy_status {
                BusyStatus::Busy => crate::wcs::session::BusyStatus::Busy,
                BusyStatus::Failed => crate::wcs::session::BusyStatus::Failed,
                BusyStatus::Finish => crate::wcs::session::BusyStatus::Finish,
            },
            ..defaults
        },
        timing: Timing {
            ring: wcs.ring_timeout,
            grace: wcs.grace,
            keep_alive: wcs.keep_alive,
            keeping: config.registrar.snapshot_interval,
            ..Timing::default()
        },
        limits: Limits {
            // The shell has limits of its own, and lets somebody go before another one comes: this is
            // never to be reached.
            flows: limits.connections + config.sip.udp_flows + FLOWS_ON_THEIR_WAY,
            sessions: limits.sessions,
            sessions_per_user: limits.sessions_per_user,
            calls: limits.calls,
            transcoded_calls: limits.transcoded_calls,
            calls_per_user: limits.calls_per_user,
            calls_per_second: limits.calls_per_second,
            calls_per_second_per_user: limits.calls_per_second_per_user,
            legs_per_call: LEGS_PER_CALL,
            sign_in_failures: limits.sign_in_failures,
            ..Limits::default()
        },
        scanners: ScannerConfig {
            agents: config.sip.scanner_agents.clone(),
            requests: config.sip.scanner_requests,
            ban: config.sip.scanner_ban,
            ..ScannerConfig::default()
        },
        media: MediaConfig {
            candidates,
            tcp_candidates,
            fingerprint,
            policy: policy(config),
            sounds,
        },
        recording: RecordingConfig {
            mode: config.recording.mode,
            accounts: recorded,
            format: config.recording.format,
        },
        codecs,
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// Which codecs may be used.
fn policy(config: &Config) -> Policy {
    let media = &config.media;
    Policy {
        preferred: media.preferred_codecs.clone(),
        excluded: media.excluded_codecs.clone(),
        transcoding: match media.transcoding {
            true => Transcoding::Allowed,
            false => Transcoding::Forbidden,
        },
        max_video_bitrate: media.max_video_bitrate,
        ..Policy::default()
    }
}

/// What the Switch is told anew when the configuration changed.
pub(super) fn hot(config: &Config) -> HotConfig {
    HotConfig {
        accounts: accounts(config),
        guests: guests(config, config.local_videochat.guests),
        registrar: registrar(config),
        call_waiting: config.local_videochat.call_waiting,
        recorded: config.recorded.clone(),
        codecs: config.codecs.clone(),
    }
}

/// What telephones are granted, and in which domains.
fn registrar(config: &Config) -> RegistrarConfig {
    let domains = config.domains.iter().map(|domain| {
        let told = DomainConfig {
            aliases: domain.aliases.clone(),
            guests: guests(config, domain.guests),
            policy: register_policy(&domain.registration),
        };
        (domain.name.clone(), told)
    });
    RegistrarConfig {
        policy: register_policy(&config.registrar.registration),
        domains: domains.collect(),
    }
}

fn register_policy(registration: &Registration) -> RegisterPolicy {
    RegisterPolicy {
        expiry: registration.expiry,
        max_contacts: Some(registration.max_contacts),
        ..RegisterPolicy::default()
    }
}

/// Who may come without an account; nobody if nobody may sign in here.
fn guests(config: &Config, guests: Guests) -> GuestPolicy {
    match guests {
        _ if !config.local_videochat.enabled => GuestPolicy::None,
        Guests::None => GuestPolicy::None,
        Guests::Loopback => GuestPolicy::Loopback,
        Guests::Private => GuestPolicy::Private,
    }
}

/// The accounts; none if nobody may sign in here.
fn accounts(config: &Config) -> Accounts {
    let mut accounts = Accounts::new(config.accounts.len());
    if config.local_videochat.enabled {
        for account in &config.accounts {
            if let Err(error) = accounts.add(account.clone()) {
                // The configuration has each once, and there is room for all.
                tracing::error!(aor = %account.aor, "an account is left out: {error}");
            }
        }
    }
    accounts
}

#[cfg(test)]
mod tests;
