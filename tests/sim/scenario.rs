//! What a seed decides about its world before anything happens.

use std::time::Duration;

use callbox::call::config::{
    GuestPolicy, Limits, MediaConfig, RecordingConfig, RecordingMode, RegistrarConfig, Sounds,
    SwitchConfig, Timing,
};
use callbox::wcs::session::{BusyStatus, KeepAlive, SessionConfig};
use media::ids::Fingerprint;
use media::negotiate::Policy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar::{Account, Accounts, Aor, Credentials};
use sip::uri::Host;

/// The people with accounts, all with the password `secret`.
pub const ACCOUNTS: [&str; 2] = ["alice", "bob"];

/// The frame of a world.
pub struct Scenario {
    /// The name of each client; a name that comes twice is a person on two devices, or two
    /// people after one name.
    pub names: Vec<&'static str>,
    /// How long people act before they go.
    pub acting: Duration,
    /// The mean time between two acts of a client.
    pub pace: Duration,
    pub finale: Finale,
}

/// How it comes to its end, after all calls were hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finale {
    /// All pages are closed.
    Leave,
    /// All connections break.
    Break,
    /// The server goes down, in the middle of everything.
    Shutdown,
}

impl Scenario {
    pub fn of(seed: u64) -> Self {
        let mut rng = rng(seed);
        let people = ["alice", "bob", "ann", "ben", "bob", "cid", "ann", "alice"];
        let clients = rng.random_range(2..=6);
        let skip = rng.random_range(0..people.len());
        Self {
            names: people
                .iter()
                .copied()
                .cycle()
                .skip(skip)
                .take(clients)
                .collect(),
            acting: Duration::from_secs(rng.random_range(10..120)),
            pace: Duration::from_millis(rng.random_range(300..6_000)),
            finale: match rng.random_range(0..10) {
                0..5 => Finale::Leave,
                5..8 => Finale::Break,
                _ => Finale::Shutdown,
            },
        }
    }
}

/// The Switch's configuration of a seed.
pub fn config(seed: u64) -> SwitchConfig {
    let mut rng = rng(seed ^ 0x5eed);
    let domain = Host::parse("example.org").unwrap();
    let mut accounts = Accounts::new(10);
    for name in ACCOUNTS {
        let aor = Aor::new(name, &domain).unwrap();
        let credentials = Credentials::from_password(&aor, "secret");
        accounts
            .add(Account {
                aor,
                display_name: None,
                credentials,
            })
            .unwrap();
    }
    let tight = rng.random_bool(0.2);
    SwitchConfig {
        domain,
        aliases: Vec::new(),
        accounts,
        guests: GuestPolicy::Loopback,
        registrar: RegistrarConfig::default(),
        digests: vec![sip::digest::Hash::Md5],
        scanners: callbox::call::config::ScannerConfig::default(),
        keep_alive: callbox::call::config::KeepAlive::OFF,
        records_keys: true,
        codecs: std::collections::BTreeMap::new(),
        srtp: media::negotiate::Security::Required,
        call_waiting: rng.random_bool(0.3),
        session: SessionConfig {
            keep_alive: KeepAlive {
                interval: Duration::from_secs(5),
                missed_pings: rng.random_range(2..=3),
            },
            busy: [BusyStatus::Busy, BusyStatus::Failed, BusyStatus::Finish]
                [rng.random_range(0..3)],
            max_calls: rng.random_range(1..=8),
            ..SessionConfig::default()
        },
        timing: Timing {
            ring: Duration::from_secs(rng.random_range(5..=45)),
            grace: Duration::from_secs(rng.random_range(0..=15)),
            keep_alive: Duration::from_secs(rng.random_range(0..=300)),
            ..Timing::default()
        },
        limits: Limits {
            flows: if tight { 6 } else { 4096 },
            sessions: if tight { 4 } else { 2048 },
            sessions_per_user: if tight { 1 } else { 8 },
            calls: if tight { 2 } else { 1024 },
            legs_per_call: if tight { 2 } else { 10 },
            ..Limits::default()
        },
        media: MediaConfig {
            candidates: vec![vec!["127.0.0.1:40000".parse().unwrap()]],
            tcp_candidates: vec![vec!["127.0.0.1:40000".parse().unwrap()]],
            fingerprint: Fingerprint([7; 32]),
            policy: Policy::default(),
            sounds: Sounds::default(),
        },
        // Every other one.
        recording: RecordingConfig {
            mode: match seed % 2 {
                0 => RecordingMode::All,
                _ => RecordingMode::Off,
            },
            ..RecordingConfig::OFF
        },
        version: "simulated".into(),
    }
}

/// A generator of its own for each purpose.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
