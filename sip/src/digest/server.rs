//! The server's side: challenges, and the verdict on credentials (RFC 7616 3.3 to 3.5, RFC 3261
//! 22.1 to 22.3).

use std::fmt;
use std::time::{Duration, Instant};

use rand::Rng;
use smol_str::SmolStr;
use thiserror::Error;

use super::algorithm::{Algorithm, Ha1, Hash};
use super::authorization::{Authorization, Protection};
use super::challenge::{Challenge, Qop, Qops};
use super::info::AuthenticationInfo;
use super::nonce::Nonces;
use super::params::{ValueError, is_plain, is_text};
use super::replay::{Replays, Use};
use super::response::{Facts, Request};
use crate::uri::Uri;

/// The most credentials that are looked at in one request.
const MAX_CREDENTIALS: usize = 8;

/// What a server asks for.
#[derive(Debug, Clone)]
pub struct ServerPolicy {
    /// Whose passwords they are: the realm that HA1 was hashed with.
    pub realm: SmolStr,
    /// The algorithms that are taken, at least one. Any other is refused.
    pub algorithms: Vec<Algorithm>,
    /// What may be protected, at least one of the two.
    pub qops: Qops,
    /// Takes credentials without `qop` (RFC 2069). Each needs a nonce of its own then, for
    /// nothing else tells a replay.
    pub without_qop: bool,
    /// Sent along, and wanted back unchanged if it comes back.
    pub opaque: Option<SmolStr>,
    /// How long a nonce may be used.
    pub nonce_ttl: Duration,
    /// The most nonces in use that are remembered. Beyond it the oldest become stale.
    pub nonces_in_use: usize,
}

/// Why a policy is none. The fault is our caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ServerError {
    /// An empty realm, or one with a control character.
    #[error("the realm is empty or holds a control character")]
    Realm,
    /// No algorithm, or no quality of protection.
    #[error("digest needs an algorithm and a quality of protection")]
    Nothing,
    /// An `opaque` that would need escapes.
    #[error("the opaque value holds a quote, a backslash or a control character")]
    Opaque,
}

/// A realm's server. It keeps no nonce that was not answered with the right password.
pub struct Server {
    policy: ServerPolicy,
    nonces: Nonces,
    replays: Replays,
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let it in.
    Accepted(Box<Accepted>),
    /// It says nothing for this realm: challenge it.
    NoCredentials,
    /// The password was right, the nonce cannot be used: challenge it with `stale`.
    Stale(StaleReason),
    /// Challenge it again or refuse it, and count it against its sender.
    Refused(Refusal),
}

/// Somebody who proved that he knows a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What he sent.
    pub authorization: Authorization,
    ha1: Ha1,
    /// How long his nonce has been used up already.
    age: Duration,
}

/// Why a nonce cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StaleReason {
    /// We did not make it, not for this peer, or before we were started.
    Unknown,
    /// It is too old.
    Expired,
    /// Its count was used before: a replay, or a client that does not count.
    Replayed,
    /// There was no room to remember it.
    Forgotten,
}

/// Why credentials are refused. The fault is the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// They cannot be read.
    #[error("the credentials are malformed: {0}")]
    Malformed(ValueError),
    /// An algorithm that was not offered.
    #[error("the algorithm was not offered")]
    Algorithm,
    /// Without `qop`, though it was offered; or with one that was not.
    #[error("the quality of protection is not one that was offered")]
    Qop,
    /// They are for another request-URI. RFC 7616 3.4.6 wants it answered with 400.
    #[error("the credentials are for another request-URI")]
    Uri,
    /// They carry an `opaque` that is not ours.
    #[error("the opaque value is not the one that was sent")]
    Opaque,
    /// An unknown user or a wrong password: which, nobody shall know.
    #[error("the user is unknown or the password wrong")]
    Password,
}

impl Server {
    /// A server with a secret that nobody else knows; nonces made with another one are stale.
    ///
    /// # Errors
    /// [`ServerError`]
    pub fn new(
        mut policy: ServerPolicy,
        secret: &[u8; 32],
        now: Instant,
    ) -> Result<Self, ServerError> {
        if policy.realm.is_empty() || !is_text(&policy.realm) {
            return Err(ServerError::Realm);
        }
        if policy.algorithms.is_empty() || policy.qops.is_empty() {
            return Err(ServerError::Nothing);
        }
        if policy.opaque.as_ref().is_some_and(|text| !is_plain(text)) {
            return Err(ServerError::Opaque);
        }
        // "In order of preference" (RFC 8760 2.3): the strongest first.
        policy.algorithms.sort_by(|a, b| b.cmp(a));
        policy.algorithms.dedup();
        Ok(Self {
            nonces: Nonces::new(secret, now),
            replays: Replays::new(policy.nonces_in_use),
            policy,
        })
    }

    /// One challenge per algorithm, the strongest first, for a peer: whatever tells it from
    /// others, such as its address, or nothing. Nothing is remembered of it.
    pub fn challenges(
        &self,
        now: Instant,
        rng: &mut impl Rng,
        peer: &[u8],
        stale: bool,
    ) -> Vec<Challenge> {
        let nonce = self.nonces.make(now, rng, &self.policy.realm, peer);
        let challenge = |algorithm: &Algorithm| Challenge {
            realm: self.policy.realm.clone(),
            nonce: nonce.clone(),
            opaque: self.policy.opaque.clone(),
            algorithm: *algorithm,
            qops: self.policy.qops,
            stale,
        };
        self.policy.algorithms.iter().map(challenge).collect()
    }

    /// Judges a request by the values of its `Authorization` headers (`Proxy-Authorization` for a
    /// proxy). `ha1` finds a user's for a hash; `None` takes as long as a wrong password.
    ///
    /// Not for ACK, which cannot be challenged, nor CANCEL (RFC 3261 22.1): they repeat the
    /// credentials of their INVITE. Nor for retransmissions, which the transaction answers.
    pub fn verify<'v>(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        peer: &[u8],
        values: impl IntoIterator<Item = &'v [u8]>,
        ha1: impl FnOnce(&str, Hash) -> Option<Ha1>,
    ) -> Verdict {
        let authorization = match self.find(values) {
            Ok(Some(authorization)) => authorization,
            Ok(None) => return Verdict::NoCredentials,
            Err(error) => return Verdict::Refused(Refusal::Malformed(error)),
        };
        // Nothing up to the password depends on who it is.
        if let Err(refusal) = self.check_form(request, &authorization) {
            return Verdict::Refused(refusal);
        }
        let hash = authorization.algorithm.hash;
        let known = ha1(&authorization.username, hash).filter(|ha1| ha1.hash() == hash);
        let ha1 = known.unwrap_or_else(|| Ha1::decoy(hash));
        // Hashed is what the client saw; a proxy may have written the URI in another way since.
        let seen = Request {
            uri: &authorization.uri,
            ..*request
        };
        let right = Facts::of(&authorization, ha1).response(&seen) == authorization.response;
        // "The server should only set stale to true if it receives a request for which the nonce
        // is invalid but with a valid digest" (RFC 7616 3.3): so the password comes first.
        if !(right & known.is_some()) {
            return Verdict::Refused(Refusal::Password);
        }
        match self.use_nonce(now, peer, &authorization) {
            Ok(age) => Verdict::Accepted(Box::new(Accepted {
                authorization,
                ha1,
                age,
            })),
            Err(reason) => Verdict::Stale(reason),
        }
    }

    /// What to say in the 2xx, with the body that it carries: our proof that we know the password,
    /// and the next nonce once half the life of this one is over. A session (`-sess`) keeps its
    /// nonce: its key hangs on it.
    pub fn authentication_info(
        &self,
        now: Instant,
        rng: &mut impl Rng,
        peer: &[u8],
        accepted: &Accepted,
        body: &[u8],
    ) -> AuthenticationInfo {
        let authorization = &accepted.authorization;
        let late = accepted.age >= self.policy.nonce_ttl / 2 && !authorization.algorithm.session;
        let facts = Facts::of(authorization, accepted.ha1);
        let proof = facts.rspauth(&authorization.uri, body).to_hex();
        AuthenticationInfo {
            nextnonce: late.then(|| self.nonces.make(now, rng, &self.policy.realm, peer)),
            rspauth: authorization.protection.as_ref().map(|_| proof.into()),
            protection: authorization.protection.clone(),
        }
    }

    /// How many nonces are remembered.
    pub fn nonces_in_use(&self) -> usize {
        self.replays.len()
    }

    /// The credentials for this realm: a request may carry some for others too (RFC 3261 22.3).
    fn find<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<Option<Authorization>, ValueError> {
        let mut fault = None;
        for value in values.into_iter().take(MAX_CREDENTIALS) {
            match Authorization::parse(value) {
                Ok(found) if found.realm == self.policy.realm => return Ok(Some(found)),
                Ok(_) | Err(ValueError::Scheme) => {}
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    fn check_form(
        &self,
        request: &Request<'_>,
        authorization: &Authorization,
    ) -> Result<(), Refusal> {
        if !self.policy.algorithms.contains(&authorization.algorithm) {
            return Err(Refusal::Algorithm);
        }
        let offered = match &authorization.protection {
            Some(protection) => self.policy.qops.contains(protection.qop),
            None => self.policy.without_qop,
        };
        if !offered {
            return Err(Refusal::Qop);
        }
        if !same_resource(&authorization.uri, request.uri) {
            return Err(Refusal::Uri);
        }
        match (&self.policy.opaque, &authorization.opaque) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(Refusal::Opaque),
            _ => Ok(()),
        }
    }

    fn use_nonce(
        &mut self,
        now: Instant,
        peer: &[u8],
        authorization: &Authorization,
    ) -> Result<Duration, StaleReason> {
        let ttl = self.policy.nonce_ttl;
        let stamp = self
            .nonces
            .open(&authorization.nonce, &self.policy.realm, peer)
            .ok_or(StaleReason::Unknown)?;
        let age = self.nonces.age(now, stamp);
        if age > ttl {
            return Err(StaleReason::Expired);
        }
        // Without a count, a nonce is good for one request.
        let nc = authorization.protection.as_ref().map_or(1, Protection::nc);
        match self.replays.mark(&self.nonces, now, ttl, stamp, nc) {
            Use::First => Ok(age),
            Use::Again => Err(StaleReason::Replayed),
            Use::Forgotten => Err(StaleReason::Forgotten),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Accepted {
    /// Who it is: the user name that HA1 was found by.
    pub fn username(&self) -> &str {
        &self.authorization.username
    }

    /// What is protected, if anything was said about it.
    pub fn qop(&self) -> Option<Qop> {
        self.authorization.protection.as_ref().map(|p| p.qop)
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("authorization", &self.authorization)
            .finish_non_exhaustive()
    }
}

/// "The server MUST assure that the resource designated by the uri parameter is the same as the
/// resource specified in the Request-Line" (RFC 7616 3.4.6). What a SIP URI designates is its user:
/// port and parameters only lead there, and clients leave out some of them or add their own.
/// Whether two hosts are names of the same place is for the caller to tell
/// ([`Authorization::uri`]); the realm of the nonce tells that it is one of ours.
fn same_resource(covered: &str, requested: &str) -> bool {
    covered == requested
        || match (Uri::parse(covered), Uri::parse(requested)) {
            (Ok(Uri::Sip(covered)), Ok(Uri::Sip(requested))) => covered.same_user(&requested),
            (Ok(covered), Ok(requested)) => covered.equivalent(&requested),
            _ => false,
        }
}
