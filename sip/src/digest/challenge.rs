//! `WWW-Authenticate` and `Proxy-Authenticate` (RFC 7616 3.3, RFC 3261 20.27, 20.44).

use std::fmt;

use smol_str::SmolStr;

use super::algorithm::Algorithm;
use super::params::{Params, ValueError, Writer};

/// A challenge of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Whose passwords are wanted.
    pub realm: SmolStr,
    /// To be hashed and sent back; between the quotes as it was written.
    pub nonce: SmolStr,
    /// To be sent back as it is, between the quotes as it was written.
    pub opaque: Option<SmolStr>,
    /// The hash that is wanted; MD5 if nothing is said.
    pub algorithm: Algorithm,
    /// What may be protected. Nothing of it: the peer knows RFC 2069 only.
    pub qops: Qops,
    /// The password was right, the nonce too old.
    pub stale: bool,
}

/// A quality of protection (RFC 7616 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// Method and request-URI are protected.
    Auth,
    /// The body too.
    AuthInt,
}

/// A set of qualities of protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Qops {
    /// [`Qop::Auth`]
    pub auth: bool,
    /// [`Qop::AuthInt`]
    pub auth_int: bool,
}

impl Challenge {
    /// Reads a header value: one challenge, since SIP joins none by commas (RFC 3261 7.3.1).
    ///
    /// # Errors
    /// [`ValueError`]; `Algorithm` and `Qop` if it is well-formed but of no use to us.
    pub fn parse(value: &[u8]) -> Result<Self, ValueError> {
        let params = Params::of_digest(value)?;
        let stale = params.get("stale").map(|value| value.raw());
        Ok(Self {
            realm: params.need_text("realm")?,
            nonce: params.need_raw("nonce")?,
            opaque: params.get_raw("opaque"),
            algorithm: algorithm_of(&params)?,
            qops: match params.get("qop") {
                None => Qops::default(),
                Some(list) => Qops::parse(list.raw())?,
            },
            // "Any other value than TRUE" means false (RFC 7616 3.3).
            stale: stale.is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }
}

/// The header value.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut params = Writer::new(f, "Digest ");
        params.text("realm", &self.realm)?;
        params.raw("nonce", &self.nonce)?;
        if let Some(opaque) = &self.opaque {
            params.raw("opaque", opaque)?;
        }
        params.token("algorithm", self.algorithm)?;
        match self.qops {
            Qops {
                auth: true,
                auth_int: true,
            } => params.raw("qop", "auth,auth-int")?,
            Qops { auth: true, .. } => params.raw("qop", "auth")?,
            Qops { auth_int: true, .. } => params.raw("qop", "auth-int")?,
            _ => {}
        }
        if self.stale {
            params.token("stale", "true")?;
        }
        Ok(())
    }
}

impl Qop {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt]
            .into_iter()
            .find(|qop| qop.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Qop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Qops {
    /// `auth` alone.
    pub const AUTH: Self = Self {
        auth: true,
        auth_int: false,
    };

    /// It is among them.
    pub fn contains(self, qop: Qop) -> bool {
        match qop {
            Qop::Auth => self.auth,
            Qop::AuthInt => self.auth_int,
        }
    }

    /// None is.
    pub fn is_empty(self) -> bool {
        !self.auth && !self.auth_int
    }

    /// "Unrecognized options MUST be ignored" (RFC 7616 3.3), unless nothing else is offered.
    fn parse(list: &str) -> Result<Self, ValueError> {
        let mut qops = Self::default();
        for name in list.split(',').map(str::trim) {
            match Qop::parse(name) {
                Some(Qop::Auth) => qops.auth = true,
                Some(Qop::AuthInt) => qops.auth_int = true,
                None => {}
            }
        }
        if qops.is_empty() && !list.trim().is_empty() {
            return Err(ValueError::Qop);
        }
        Ok(qops)
    }
}

/// "If this is not present, it is assumed to be MD5" (RFC 7616 3.3).
pub(super) fn algorithm_of(params: &Params<'_>) -> Result<Algorithm, ValueError> {
    match params.get("algorithm") {
        None => Ok(Algorithm::MD5),
        Some(name) => Algorithm::parse(name.raw()).ok_or(ValueError::Algorithm),
    }
}
