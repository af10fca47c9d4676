//! What the Switch is told once, at its start.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use media::ids::Fingerprint;
use media::negotiate::{Policy, Security};
use media::plan::Format;
use media::recording::FileFormat;
use media::sound::SoundId;
use registrar::{Accounts, Aor, RegisterPolicy};
use sip::digest::Hash;
use sip::uri::Host;
use smol_str::SmolStr;

pub use super::scanners::ScannerConfig;
use crate::wcs::session::SessionConfig;

/// Everything the Switch has to know. Validated by the shell.
#[derive(Debug)]
pub struct SwitchConfig {
    /// The domain of guests and of bare names.
    pub domain: Host,
    /// Other names of it: what a page may write for this server (`localhost`, its address).
    pub aliases: Vec<Host>,
    /// Who has an account.
    pub accounts: Accounts,
    /// Who may come without one, to [`domain`](Self::domain).
    pub guests: GuestPolicy,
    /// What telephones are granted, and in which domains.
    pub registrar: RegistrarConfig,
    /// By which hashes telephones may prove who they are, the one to be preferred first; not empty.
    pub digests: Vec<Hash>,
    /// Whether media of telephones is encrypted that keep their signalling to themselves (TLS). Of
    /// the others it is not: anybody could read the keys.
    pub srtp: Security,
    /// Somebody in a call can be called.
    pub call_waiting: bool,
    /// The Web SDK protocol, each session.
    pub session: SessionConfig,
    /// How telephones are asked whether they are there.
    pub keep_alive: KeepAlive,
    /// Records of calls say which keys were pressed, not how many alone.
    pub records_keys: bool,
    /// How long things take.
    pub timing: Timing,
    /// How many there may be.
    pub limits: Limits,
    /// Who is taken for a scanner, and banned.
    pub scanners: ScannerConfig,
    /// What media needs.
    pub media: MediaConfig,
    /// Which calls are recorded.
    pub recording: RecordingConfig,
    /// The codecs of those who may not use all, the one to be preferred first.
    pub codecs: BTreeMap<Aor, Vec<Format>>,
    /// The server's version, for pages.
    pub version: SmolStr,
}

/// How telephones on UDP, TCP and TLS are asked whether they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// From one OPTIONS to the next, of one telephone; zero: none is asked.
    pub interval: Duration,
    /// At most so many in a second, over all. With more telephones than that allows, each is asked
    /// less often.
    pub per_second: u32,
    /// After so many in a row without an answer a telephone is taken for unreachable.
    pub misses: u32,
}

impl KeepAlive {
    /// Nobody is asked.
    pub const OFF: Self = Self {
        interval: Duration::ZERO,
        per_second: 1,
        misses: 1,
    };
}

impl SwitchConfig {
    /// Who may come to a domain without an account.
    pub(super) fn guests_of(&self, domain: &Host) -> GuestPolicy {
        if *domain == self.domain {
            return self.guests;
        }
        let domain = self.registrar.domains.get(domain);
        domain.map_or(GuestPolicy::None, |domain| domain.guests)
    }
}

/// Which calls are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingConfig {
    /// Those at all.
    pub mode: RecordingMode,
    /// Whose calls, where it is those of accounts.
    pub accounts: BTreeSet<Aor>,
    /// What the files are.
    pub format: FileFormat,
}

/// Which calls are recorded from their answer on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingMode {
    /// None, and none may be.
    Off,
    /// Those of certain accounts; others on request.
    Accounts,
    /// All.
    All,
}

impl RecordingConfig {
    /// Nothing is recorded.
    pub const OFF: Self = Self {
        mode: RecordingMode::Off,
        accounts: BTreeSet::new(),
        format: FileFormat::Ogg,
    };
}

/// What may change while calls go on: of [`SwitchConfig`], the fields of these names.
#[derive(Debug)]
pub struct HotConfig {
    /// Who has an account.
    pub accounts: Accounts,
    /// Who may come without one.
    pub guests: GuestPolicy,
    /// What telephones are granted, and in which domains.
    pub registrar: RegistrarConfig,
    /// Somebody in a call can be called.
    pub call_waiting: bool,
    /// Whose calls are recorded, in [`RecordingConfig`].
    pub recorded: BTreeSet<Aor>,
    /// The codecs of those who may not use all.
    pub codecs: BTreeMap<Aor, Vec<Format>>,
}

/// What telephones are granted, and in which domains.
#[derive(Debug, Clone, Default)]
pub struct RegistrarConfig {
    /// In domains that are not named.
    pub policy: RegisterPolicy,
    /// By their names. The domain of bare names may be among them; those of accounts are served in
    /// any case.
    pub domains: BTreeMap<Host, DomainConfig>,
}

/// What holds in one domain.
#[derive(Debug, Clone)]
pub struct DomainConfig {
    /// Its other names. None is the name of a domain, or another name of two.
    pub aliases: Vec<Host>,
    /// Who may come to it without an account. For the domain of bare names that is said elsewhere
    /// ([`SwitchConfig::guests`]).
    pub guests: GuestPolicy,
    /// What its telephones are granted.
    pub policy: RegisterPolicy,
}

/// From where a guest may sign in under a free name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestPolicy {
    /// From this machine.
    Loopback,
    /// From this machine and private networks (RFC 1918, RFC 4193, link-local).
    Private,
    /// From nowhere.
    None,
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// An unanswered call rings.
    pub ring: Duration,
    /// An answered call waits for a device whose connection broke, and so does the name of a
    /// device that asked for no keep-alive.
    pub grace: Duration,
    /// A device that asked for keep-alive may come back with its token.
    pub keep_alive: Duration,
    /// From a page closing its media to the end of the call, if it never says why.
    pub media_closed: Duration,
    /// The least time between two snapshots of registrations.
    pub keeping: Duration,
    /// The least time between two lists of who is here.
    pub presence: Duration,
    /// The window in which failed sign-ins of one address are counted.
    pub sign_in_window: Duration,
    /// At shutdown, the longest wait for the flows to close.
    pub shutdown: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ring: Duration::from_secs(45),
            grace: Duration::from_secs(15),
            keep_alive: Duration::from_secs(600),
            media_closed: Duration::from_secs(2),
            keeping: Duration::from_secs(30),
            presence: Duration::from_millis(200),
            sign_in_window: Duration::from_secs(60),
            shutdown: Duration::from_secs(3),
        }
    }
}

/// How many there may be. What happens beyond is said with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// WebSockets, signed in or not: more are closed with 1013.
    pub flows: usize,
    /// Signed-in devices, parked ones included: more are refused.
    pub sessions: usize,
    /// Of one person: more are refused.
    pub sessions_per_user: usize,
    /// Calls: more are refused with 503.
    pub calls: usize,
    /// Of one person, as caller: more are refused with 403.
    pub calls_per_user: usize,
    /// New calls a second, over all: more are refused with 503.
    pub calls_per_second: u32,
    /// New calls a second of one person: more are refused with 503. As many may come at once
    /// as in five seconds.
    pub calls_per_second_per_user: u32,
    /// Calls whose sound is transcoded: another one that would have to be is refused with 503, and
    /// a change that would need it with 488.
    pub transcoded_calls: usize,
    /// Legs of a call, the caller's included: further devices do not ring.
    pub legs_per_call: usize,
    /// Failed sign-ins of one address in [`Timing::sign_in_window`]: further ones are refused
    /// unseen.
    pub sign_in_failures: u32,
    /// Addresses with failed sign-ins that are remembered: the oldest is forgotten.
    pub sign_in_addresses: usize,
    /// Subscriptions of telephones to what others do: more are refused with 503.
    pub subscriptions: usize,
    /// Of one person: more are refused with 403.
    pub subscriptions_per_user: usize,
    /// People named in a list of who is here; the rest is counted.
    pub presence_users: usize,
    /// Outputs waiting to be taken: notices beyond are dropped and counted.
    pub outputs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 4096,
            sessions: 2048,
            sessions_per_user: 8,
            calls: 1024,
            calls_per_user: 8,
            calls_per_second: 50,
            calls_per_second_per_user: 4,
            transcoded_calls: 200,
            legs_per_call: 10,
            sign_in_failures: 10,
            sign_in_addresses: 4096,
            subscriptions: 4096,
            subscriptions_per_user: 128,
            presence_users: 300,
            outputs: 65_536,
        }
    }
}

/// What media needs.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Of each worker, the addresses its port is reached at. As many as there are workers, at
    /// least one.
    pub candidates: Vec<Vec<SocketAddr>>,
    /// The same over TCP (RFC 6544); none for a worker that does not listen there.
    pub tcp_candidates: Vec<Vec<SocketAddr>>,
    /// Of the certificate of this process.
    pub fingerprint: Fingerprint,
    /// Codecs and bitrates.
    pub policy: Policy,
    /// What is played where nobody speaks.
    pub sounds: Sounds,
}

/// Which of the workers' sounds are played when. What is not named is silence.
#[derive(Debug, Clone, Default)]
pub struct Sounds {
    /// To who is held.
    pub music_on_hold: Option<SoundId>,
    /// To telephones that call, while it rings.
    pub ringback: Option<SoundId>,
    /// To telephones whose call does not come about, by the code of its
    /// [`EndReason`](super::end::EndReason::code).
    pub announcements: BTreeMap<&'static str, Announcement>,
}

/// What is said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The sound.
    pub sound: SoundId,
    /// How long it takes.
    pub length: Duration,
}
