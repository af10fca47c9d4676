//! The lite agent of one leg (RFC 8445 2.5): always controlled, answers checks, sends none.
//!
//! A path is valid once an authenticated check came over it, and only then is anything else
//! taken from it. The far side nominates; we follow its latest nomination, because that is how
//! a browser tells of a changed network.

use std::time::Instant;

use smol_str::SmolStr;

use super::stun::Request;
use crate::ids::IceCredentials;
use crate::outbox::{Outbox, Path};

/// A browser with several interfaces checks each of our addresses from each of its own; only
/// the ones heard of last are kept.
const MAX_PATHS: usize = 12;

#[derive(Debug)]
pub(super) struct LiteAgent {
    local: IceCredentials,
    remote_ufrag: Option<SmolStr>,
    paths: Vec<ValidPath>,
    nominated: Option<Path>,
}

#[derive(Debug, Clone, Copy)]
struct ValidPath {
    path: Path,
    heard: Instant,
}

/// What an authenticated check changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) added: Option<Path>,
    pub(super) removed: Option<Path>,
}

impl LiteAgent {
    pub(super) fn new(local: IceCredentials, remote: Option<&IceCredentials>) -> Self {
        Self {
            local,
            remote_ufrag: remote.map(|remote| remote.ufrag.clone()),
            paths: Vec::new(),
            nominated: None,
        }
    }

    /// New credentials: the remote ones became known, or ICE restarts. Paths stay in use until
    /// the far side nominates another (RFC 8445 9).
    pub(super) fn update(&mut self, local: &IceCredentials, remote: Option<&IceCredentials>) {
        self.local = local.clone();
        self.remote_ufrag = remote.map(|remote| remote.ufrag.clone());
    }

    /// Answers a check. `None` if it is not genuine: then nothing was sent and nothing learned.
    pub(super) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Option<Checked> {
        if !is_sendable(&path) {
            return None;
        }
        let request = Request::authenticate(datagram, &self.local.pwd)?;
        let known = self.remote_ufrag.as_deref();
        if known.is_some_and(|known| request.remote_ufrag() != Some(known)) {
            return None;
        }
        let pwd = &self.local.pwd;
        if request.claims_controlled() {
            out.push(path, |slot| request.refuse_role(pwd, slot));
            return None;
        }
        // Our own password is all it takes, so a check is answered even before the remote
        // description has arrived: "the agent MUST immediately generate a response"
        // (RFC 8445 7.3).
        out.push(path, |slot| request.accept(path.remote, pwd, slot));
        if request.nominates() {
            self.nominated = Some(path);
        }
        Some(self.hear(now, path))
    }

    /// Where we send: what the far side nominated last. Until it has, the valid path heard of
    /// last: a far side may speak DTLS before its nomination arrives.
    pub(super) fn selected(&self) -> Option<Path> {
        let latest = || self.paths.iter().max_by_key(|valid| valid.heard);
        self.nominated.or_else(|| latest().map(|valid| valid.path))
    }

    pub(super) fn is_valid(&self, path: &Path) -> bool {
        self.paths.iter().any(|valid| valid.path == *path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().map(|valid| valid.path)
    }

    /// The connection under a path is gone. Was it the nominated one, then the far side has to
    /// nominate another.
    pub(super) fn forget(&mut self, path: Path) {
        self.paths.retain(|valid| valid.path != path);
        if self.nominated == Some(path) {
            self.nominated = None;
        }
    }

    fn hear(&mut self, now: Instant, path: Path) -> Checked {
        if let Some(valid) = self.paths.iter_mut().find(|valid| valid.path == path) {
            valid.heard = now;
            return Checked::default();
        }
        let removed = if self.paths.len() >= MAX_PATHS {
            self.forget_oldest()
        } else {
            None
        };
        self.paths.push(ValidPath { path, heard: now });
        Checked {
            added: Some(path),
            removed,
        }
    }

    fn forget_oldest(&mut self) -> Option<Path> {
        let nominated = self.nominated;
        let (index, _) = self
            .paths
            .iter()
            .enumerate()
            .filter(|(_, valid)| Some(valid.path) != nominated)
            .min_by_key(|(_, valid)| valid.heard)?;
        Some(self.paths.swap_remove(index).path)
    }
}

/// A forged source must not turn us against a group or nobody.
fn is_sendable(path: &Path) -> bool {
    let ip = path.remote.ip();
    let broadcast = matches!(ip, std::net::IpAddr::V4(ip) if ip.is_broadcast());
    path.remote.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}
