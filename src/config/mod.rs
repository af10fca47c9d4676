//! The configuration: one TOML file, read once into a validated [`Config`].
//!
//! All faults are reported at once, each with its line and key. Every key, its default, its
//! unit and whether a reload applies it is documented in the shipped `config.toml`.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use media::negotiate::Security;
use media::plan::Format;
use media::ports::PortRange;
use media::recording::FileFormat;
use media::sound::Ringback;
use registrar::{Account, Aor, ExpiryLimits};
use sip::digest::Hash;
use sip::uri::Host;
use toml::de::DeTable;

use crate::call::config::RecordingMode;

mod edit;
mod fault;
mod people;
mod reader;
mod restart;
mod sections;
#[cfg(test)]
mod tests;
mod value;

pub use edit::{EditError, edit_file};
pub use fault::Fault;
pub use value::Network;

use fault::Faults;
use reader::Section;

/// The configuration as shipped: every key, commented, at its default.
pub const SHIPPED: &str = include_str!("../../config.toml");

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where state lives; absolute, or relative to the working directory.
    pub data_dir: PathBuf,
    /// Plain HTTP and WebSocket.
    pub http: Http,
    /// HTTP and WebSocket over TLS.
    pub https: Https,
    /// Who may talk to the HTTP ports.
    pub access: Access,
    /// SIP over UDP, TCP and TLS.
    pub sip: Sip,
    /// Calls between people signed in here.
    pub local_videochat: LocalVideochat,
    /// The media engine.
    pub media: Media,
    /// The Web SDK protocol and what the calls on it may take.
    pub wcs: Wcs,
    /// How much is allowed.
    pub limits: Limits,
    /// The log.
    pub log: Log,
    /// The records of calls.
    pub cdr: Cdr,
    /// Registrations of telephones.
    pub registrar: Registrar,
    /// What is said of calls that do not come about: by the code of the reason, which file.
    pub announcements: Vec<(&'static str, PathBuf)>,
    /// Recordings of calls.
    pub recording: Recording,
    /// Domains beside [`LocalVideochat::domain`], or what holds in that; each once.
    pub domains: Vec<Domain>,
    /// People with a password, each once.
    pub accounts: Vec<Account>,
    /// Those of them whose calls are recorded.
    pub recorded: BTreeSet<Aor>,
    /// The codecs of those who may not use all, the one to be preferred first.
    pub codecs: BTreeMap<Aor, Vec<Format>>,
}

/// `[http]`, its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Empty: no plain HTTP.
    pub listen: Vec<SocketAddr>,
}

/// `[https]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// Empty: no TLS.
    pub listen: Vec<SocketAddr>,
    /// PEM files of the certificate chain and its key; `None`: one of our own making.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// `[http]`, its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Origins of foreign pages that may open WebSockets and use the API; `*` is all.
    pub allowed_origins: Vec<String>,
    /// Names under which browsers may reach this server, beside those it knows itself.
    pub allowed_hosts: Vec<String>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
}

/// `[sip]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// Empty: no SIP over UDP.
    pub udp: Vec<SocketAddr>,
    /// Empty: none over TCP.
    pub tcp: Vec<SocketAddr>,
    /// Empty: none over TLS. The certificate is that of [`Https`].
    pub tls: Vec<SocketAddr>,
    /// What peers outside this network reach us by; `None`: the address they came to.
    pub public_address: Option<IpAddr>,
    /// PEM file of the authorities whose certificates servers may show us; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// By which hashes phones may prove who they are, the one to be preferred first; not empty.
    pub digests: Vec<Hash>,
    /// Whether media of phones is encrypted whose signalling is.
    pub srtp: Security,
    /// A connection of somebody who has not signed in is closed after so long without a message.
    pub idle_timeout: Duration,
    /// From the first byte of a message on a stream to its last.
    pub message_timeout: Duration,
    /// Between our pings on a WebSocket.
    pub ping_interval: Duration,
    /// From one OPTIONS to a phone to the next; zero: none are sent.
    pub options_interval: Duration,
    /// OPTIONS a second, to all phones together.
    pub options_per_second: u32,
    /// A phone that leaves so many in a row without an answer cannot be reached.
    pub options_misses: u32,
    /// To open a connection of our own.
    pub connect_timeout: Duration,
    /// UDP peers remembered.
    pub udp_flows: usize,
    /// Messages a second of one address, as long as nobody there has signed in.
    pub messages_per_second: u32,
    /// Words in the User-Agent of scanners, in small letters.
    pub scanner_agents: Vec<String>,
    /// Requests without proof within a minute that ban an address; 0: none is banned.
    pub scanner_requests: u32,
    /// How long it is banned.
    pub scanner_ban: Duration,
}

/// `[local_videochat]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalVideochat {
    /// False: nobody can sign in.
    pub enabled: bool,
    /// Who may sign in without an account.
    pub guests: Guests,
    /// The domain of guests and of names without one.
    pub domain: Host,
    /// Somebody in a call can be called.
    pub call_waiting: bool,
}

/// Who may sign in without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guests {
    /// Nobody.
    None,
    /// People on this machine.
    Loopback,
    /// People on this machine and in private networks (RFC 1918, RFC 4193, link-local).
    Private,
}

/// `[registrar]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrar {
    /// What telephones are granted where their domain says nothing else.
    pub registration: Registration,
    /// The least time between two snapshots.
    pub snapshot_interval: Duration,
}

/// What telephones are granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// How long a registration lasts.
    pub expiry: ExpiryLimits,
    /// Telephones of one person at once.
    pub max_contacts: usize,
}

/// `[[domain]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: Host,
    /// Its other names, none of which is a domain or another name of a second one.
    pub aliases: Vec<Host>,
    /// Who may come to it without an account. Nothing for the domain of guests, which
    /// [`LocalVideochat`] is about.
    pub guests: Guests,
    /// What its telephones are granted.
    pub registration: Registration,
}

/// `[media]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// UDP port of the first worker; the next ones follow it. 0: any free one.
    pub port: u16,
    /// The same over TCP.
    pub tcp_port: TcpPort,
    /// UDP ports of phones' media; `None`: there is none.
    pub rtp_ports: Option<PortRange>,
    /// Threads.
    pub workers: usize,
    /// Addresses offered to browsers; empty: those of all interfaces.
    pub addresses: Vec<IpAddr>,
    /// The address of a one-to-one NAT in front of this machine, offered too.
    pub public_address: Option<IpAddr>,
    /// `host:port` of a STUN server that is asked for it.
    pub stun_server: Option<String>,
    /// Cap on what one sender of video is told, bit/s; `None`: no cap.
    pub max_video_bitrate: Option<u64>,
    /// Codecs that are offered first.
    pub preferred_codecs: Vec<Format>,
    /// Codecs that are never negotiated.
    pub excluded_codecs: Vec<Format>,
    /// Sound is decoded and encoded anew between sides without a codec in common.
    pub transcoding: bool,
    /// A file that is played to who is held; `None`: silence.
    pub music_on_hold: Option<PathBuf>,
    /// What telephones that call hear of us while it rings; `None`: they make it themselves.
    pub ringback: Option<Ringback>,
    /// Packets kept for retransmission, for each video stream.
    pub packet_cache: usize,
    /// From the answer to media.
    pub setup_timeout: Duration,
    /// Without an authenticated packet (RFC 7675).
    pub consent_timeout: Duration,
    /// Without any media though it should come.
    pub inactivity_timeout: Duration,
}

/// `media.tcp_port`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpPort {
    /// No media over TCP.
    Off,
    /// Any free one, because the UDP port is such a one.
    Any,
    /// That of the first worker; the next ones follow it.
    From(u16),
}

/// `[recording]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Which calls.
    pub mode: RecordingMode,
    /// Where the files are; absolute, or relative to the working directory.
    pub directory: PathBuf,
    /// What they are.
    pub format: FileFormat,
    /// No file is longer.
    pub max_length: Duration,
}

/// `[wcs]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wcs {
    /// Between our pings.
    pub ping_interval: Duration,
    /// A session is dead after as many unanswered pings.
    pub missed_pings: u32,
    /// A call waits as long for a page whose connection broke.
    pub grace: Duration,
    /// A signed-in page that asked for `keepAlive` may come back as long.
    pub keep_alive: Duration,
    /// Somebody called has as long to answer.
    pub ring_timeout: Duration,
    /// What a caller's page is told of a busy callee.
    pub busy_status: BusyStatus,
}

/// The call status that stands for "busy" towards the Web SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusyStatus {
    /// As the SDK documents it.
    Busy,
    /// For pages that know no BUSY.
    Failed,
    /// For pages that know no BUSY.
    Finish,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections in all.
    pub connections: usize,
    /// TCP connections of one address.
    pub connections_per_address: usize,
    /// For TLS, for a request's head, and for a WebSocket's first message.
    pub handshake_timeout: Duration,
    /// A peer that takes nothing for so long is cut off.
    pub write_timeout: Duration,
    /// Bytes of one WebSocket message.
    pub message_bytes: usize,
    /// Messages waiting for one WebSocket.
    pub outgoing_messages: usize,
    /// Messages a second one WebSocket may send on average; more close it.
    pub messages_per_second: u32,
    /// People and pages signed in.
    pub sessions: usize,
    /// Pages signed in under one name.
    pub sessions_per_user: usize,
    /// Calls at once.
    pub calls: usize,
    /// Calls at once whose sound is transcoded.
    pub transcoded_calls: usize,
    /// Calls at once that one person made.
    pub calls_per_user: usize,
    /// New calls a second.
    pub calls_per_second: u32,
    /// New calls a second of one person, who may make those of five seconds at once.
    pub calls_per_second_per_user: u32,
    /// Failed sign-ins of one address within a minute.
    pub sign_in_failures: u32,
}

/// `[cdr]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cdr {
    /// Where they are written; `None`: nowhere.
    pub file: Option<PathBuf>,
    /// They say which keys were pressed.
    pub keys: bool,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A `tracing` filter.
    pub filter: String,
}

impl Config {
    /// The file that is played for a reason.
    fn announcement(&self, code: &str) -> Option<&Path> {
        let mut all = self.announcements.iter();
        let found = all.find(|(known, _)| *known == code);
        found.map(|(_, file)| file.as_path())
    }

    /// Reads and checks a configuration. Relative paths in it are relative to `directory`.
    ///
    /// # Errors
    /// Every fault, in the order of the file.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, Vec<Fault>> {
        let faults = RefCell::new(Faults::new(text));
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            faults
                .borrow_mut()
                .add(error.span(), "", format!("not TOML: {}", error.message()));
        }
        if !errors.is_empty() {
            return Err(faults.into_inner().into_sorted());
        }
        let config = sections::read(Section::root(&faults, table.get_ref()), directory);
        let faults = faults.into_inner().into_sorted();
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(faults)
        }
    }
}
