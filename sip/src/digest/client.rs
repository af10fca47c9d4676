//! The client's side: an identity at one host and in one realm, and what its challenges left
//! (RFC 7616 3.4, 3.5, RFC 3261 22.1 to 22.3).

use std::fmt;

use rand::Rng;
use smol_str::SmolStr;
use thiserror::Error;

use super::Role;
use super::algorithm::{Algorithm, Ha1, Hash, Sum, to_hex};
use super::authorization::{Authorization, Protection};
use super::challenge::{Challenge, Qop};
use super::info::AuthenticationInfo;
use super::params::{ValueError, is_plain, is_text};
use super::response::{Facts, Request};
use crate::uri::Host;

/// The most challenges that are looked at in one response.
const MAX_CHALLENGES: usize = 16;
/// How often in a row a nonce may be called stale before we stop answering.
const MAX_STALE: u8 = 3;

/// Who we are, and for whom alone.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The host that we send requests to: no other gets an answer.
    pub host: Host,
    /// The realm that it may challenge us for, letter by letter.
    pub realm: SmolStr,
    /// Our user name there.
    pub username: SmolStr,
    /// How we prove it.
    pub secret: Secret,
}

/// What a client knows. `Debug` hides it.
#[derive(Clone)]
pub enum Secret {
    /// The password.
    Password(SmolStr),
    /// HA1 for some hashes.
    Ha1(Vec<Ha1>),
}

/// What a client answers.
#[derive(Debug, Clone)]
pub struct ClientPolicy {
    /// The weakest hash that is answered.
    pub weakest: Hash,
    /// Answers challenges without `qop` (RFC 2069).
    pub without_qop: bool,
}

/// Why a challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The configuration: an empty or unprintable name. The fault is our caller's.
    #[error("the user name or the realm is empty or holds a control character")]
    Identity,
    /// It comes from a host that the identity is not for. An attack, or a forgotten setting.
    #[error("the challenge comes from a host that these credentials are not for")]
    Host,
    /// It is for a realm that the identity is not for. An attack, or a forgotten setting.
    #[error("the challenge is for a realm that these credentials are not for")]
    Realm,
    /// None that can be read.
    #[error("no challenge can be read: {0}")]
    Malformed(ValueError),
    /// None there.
    #[error("the response carries no challenge")]
    NoChallenge,
    /// No algorithm or quality of protection that is known and allowed.
    #[error("no challenge is of a kind that is allowed")]
    Unsupported,
    /// The credentials were refused.
    #[error("the server refuses the user name or the password")]
    Rejected,
    /// Nonce after nonce is called stale.
    #[error("the server calls every nonce stale")]
    AlwaysStale,
    /// The server's own proof is wrong: it does not know the password.
    #[error("the server did not prove that it knows the password")]
    Server,
}

/// One identity and its live challenges.
#[derive(Debug)]
pub struct Client {
    identity: Identity,
    policy: ClientPolicy,
    origin: Option<Session>,
    proxy: Option<Session>,
}

/// What a challenge left.
#[derive(Debug)]
struct Session {
    challenge: Challenge,
    qop: Option<Qop>,
    /// Stays with the nonce: a `-sess` key hangs on it.
    cnonce: SmolStr,
    /// How often the nonce was used.
    nc: u32,
    ha1: Ha1,
    /// A request with its credentials was let in.
    proven: bool,
    stale_in_a_row: u8,
}

impl Client {
    /// A client that no one has challenged yet.
    ///
    /// # Errors
    /// [`ClientError::Identity`]
    pub fn new(identity: Identity, policy: ClientPolicy) -> Result<Self, ClientError> {
        for name in [&identity.realm, &identity.username] {
            if name.is_empty() || !is_text(name) {
                return Err(ClientError::Identity);
            }
        }
        Ok(Self {
            identity,
            policy,
            origin: None,
            proxy: None,
        })
    }

    /// Takes the challenges of a 401 or 407 (the values of all its challenge headers) to a request
    /// that went `to` this host with the credentials `sent`, if it had any. `Ok`: send the request
    /// again, with a new CSeq and [`authorize`](Self::authorize)d.
    ///
    /// # Errors
    /// [`ClientError`]: do not send it again.
    pub fn handle_challenge<'v>(
        &mut self,
        role: Role,
        to: &Host,
        sent: Option<&Authorization>,
        values: impl IntoIterator<Item = &'v [u8]>,
        rng: &mut impl Rng,
    ) -> Result<(), ClientError> {
        if *to != self.identity.host {
            return Err(ClientError::Host);
        }
        let (challenge, qop, ha1) = self.choose(values)?;
        let before = self.session(role).as_ref();
        let mut stale_in_a_row = 0;
        if let (Some(sent), Some(before)) = (sent, before) {
            if sent.nonce != before.challenge.nonce {
                // Another request was challenged meanwhile: what that left may do.
                return Ok(());
            }
            stale_in_a_row = before.stale_in_a_row + 1;
            // "Stale" would have said that the password was right (RFC 7616 3.3). Servers that
            // restarted forget to say it: what was let in before is tried once more.
            if !challenge.stale && !before.proven {
                return Err(ClientError::Rejected);
            }
            if stale_in_a_row > MAX_STALE {
                return Err(ClientError::AlwaysStale);
            }
        } else if sent.is_some_and(|_| !challenge.stale) {
            return Err(ClientError::Rejected);
        }
        let session = Session {
            challenge,
            qop,
            cnonce: cnonce(rng),
            nc: 0,
            ha1,
            proven: false,
            stale_in_a_row,
        };
        *self.session_mut(role) = Some(session);
        Ok(())
    }

    /// Credentials for a request to a host, once the role has challenged us. `None` before, for
    /// another host, and when a nonce has been used 2^32 - 1 times: send it without then.
    pub fn authorize(
        &mut self,
        role: Role,
        to: &Host,
        request: &Request<'_>,
    ) -> Option<Authorization> {
        if *to != self.identity.host || !is_plain(request.uri) {
            return None;
        }
        let username = self.identity.username.clone();
        let session = self.session_mut(role).as_mut()?;
        session.nc = session.nc.checked_add(1)?;
        let protection = session
            .qop
            .map(|qop| Protection::new(qop, session.nc, session.cnonce.clone()));
        let response = session.facts(protection.as_ref()).response(request);
        let challenge = &session.challenge;
        Some(Authorization {
            username,
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: request.uri.into(),
            algorithm: challenge.algorithm,
            protection,
            opaque: challenge.opaque.clone(),
            response,
        })
    }

    /// A request with these credentials got an answer that is no challenge: they were right.
    pub fn handle_success(&mut self, role: Role, sent: &Authorization) {
        if let Some(session) = self.session_mut(role)
            && session.challenge.nonce == sent.nonce
        {
            session.proven = true;
            session.stale_in_a_row = 0;
        }
    }

    /// Takes the `Authentication-Info` of a 2xx with this body.
    ///
    /// # Errors
    /// [`ClientError::Server`] if it proves something wrong; nothing has changed then.
    pub fn handle_info(
        &mut self,
        role: Role,
        sent: &Authorization,
        info: &AuthenticationInfo,
        body: &[u8],
    ) -> Result<(), ClientError> {
        let Some(session) = self.session_mut(role) else {
            return Ok(());
        };
        if session.challenge.nonce != sent.nonce {
            return Ok(());
        }
        if let Some(rspauth) = &info.rspauth {
            let hash = session.challenge.algorithm.hash;
            let facts = session.facts(sent.protection.as_ref());
            let right = facts.rspauth(&sent.uri, body);
            if Sum::from_hex(hash, rspauth) != Some(right) {
                return Err(ClientError::Server);
            }
        }
        // A session's key hangs on its first nonce: it is kept (RFC 7616 3.4.2).
        if let Some(next) = &info.nextnonce
            && !session.challenge.algorithm.session
            && *next != session.challenge.nonce
        {
            session.challenge.nonce = next.clone();
            session.nc = 0;
        }
        Ok(())
    }

    /// The strongest challenge of ours, the topmost of those: the local policy that RFC 8760 2.4
    /// leaves room for.
    fn choose<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(Challenge, Option<Qop>, Ha1), ClientError> {
        let mut best: Option<(Challenge, Option<Qop>, Ha1)> = None;
        let mut fault = ClientError::NoChallenge;
        for value in values.into_iter().take(MAX_CHALLENGES) {
            match Challenge::parse(value).map_err(ClientError::of) {
                Ok(challenge) if challenge.realm != self.identity.realm => {
                    fault = ClientError::Realm;
                }
                Ok(challenge) => {
                    let Some((qop, ha1)) = self.can_answer(&challenge) else {
                        fault = ClientError::Unsupported;
                        continue;
                    };
                    let strength = rank(challenge.algorithm);
                    if best.as_ref().is_none_or(|b| rank(b.0.algorithm) < strength) {
                        best = Some((challenge, qop, ha1));
                    }
                }
                Err(error) => fault = error,
            }
        }
        best.ok_or(fault)
    }

    fn can_answer(&self, challenge: &Challenge) -> Option<(Option<Qop>, Ha1)> {
        let hash = challenge.algorithm.hash;
        let qop = if challenge.qops.auth {
            Some(Qop::Auth)
        } else if challenge.qops.auth_int {
            Some(Qop::AuthInt)
        } else {
            None
        };
        let may_lack = self.policy.without_qop && !challenge.algorithm.session;
        if hash < self.policy.weakest || (qop.is_none() && !may_lack) {
            return None;
        }
        let Identity {
            username,
            realm,
            secret,
            ..
        } = &self.identity;
        let ha1 = match secret {
            Secret::Password(password) => Some(Ha1::of(hash, username, realm, password)),
            Secret::Ha1(known) => known.iter().find(|ha1| ha1.hash() == hash).copied(),
        };
        Some((qop, ha1?))
    }

    /// Leaves one use of the nonce.
    #[cfg(test)]
    pub(super) fn use_up_nonce(&mut self, role: Role) {
        if let Some(session) = self.session_mut(role) {
            session.nc = u32::MAX - 1;
        }
    }

    fn session(&self, role: Role) -> &Option<Session> {
        match role {
            Role::Origin => &self.origin,
            Role::Proxy => &self.proxy,
        }
    }

    fn session_mut(&mut self, role: Role) -> &mut Option<Session> {
        match role {
            Role::Origin => &mut self.origin,
            Role::Proxy => &mut self.proxy,
        }
    }
}

impl Session {
    fn facts<'a>(&'a self, protection: Option<&'a Protection>) -> Facts<'a> {
        Facts {
            algorithm: self.challenge.algorithm,
            ha1: self.ha1,
            nonce: &self.challenge.nonce,
            protection,
        }
    }
}

impl ClientError {
    fn of(error: ValueError) -> Self {
        match error {
            ValueError::Scheme | ValueError::Algorithm | ValueError::Qop => Self::Unsupported,
            other => Self::Malformed(other),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Ha1(_) => "Ha1(..)",
        })
    }
}

/// A session adds nothing to the strength of the hash; nor does its lack.
fn rank(algorithm: Algorithm) -> Hash {
    algorithm.hash
}

fn cnonce(rng: &mut impl Rng) -> SmolStr {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    to_hex(&bytes).into()
}
