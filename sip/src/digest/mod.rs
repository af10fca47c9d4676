//! Digest authentication (RFC 7616, with RFC 8760 and RFC 3261 22), both roles.
//!
//! A [`Server`] challenges and verifies, a [`Client`] answers challenges. Header values come in as
//! bytes and go out as text; no message type is needed. Passwords are not: a server knows HA1.
//!
//! Not spoken: `userhash` and `username*` (RFC 7616 3.4.4), which SIP has no use for; a peer that
//! offers them is answered without.

mod algorithm;
mod authorization;
mod challenge;
mod client;
mod info;
mod nonce;
mod params;
mod replay;
mod response;
mod server;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Ha1, Hash};
pub use authorization::{Authorization, Protection};
pub use challenge::{Challenge, Qop, Qops};
pub use client::{Client, ClientError, ClientPolicy, Identity, Secret};
pub use info::AuthenticationInfo;
pub use params::{MAX_PARAMS, MAX_VALUE_BYTES, ValueError};
pub use response::Request;
pub use server::{Accepted, Refusal, Server, ServerError, ServerPolicy, StaleReason, Verdict};

/// Who asks for the credentials (RFC 3261 22.2, 22.3): it decides the names of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A UAS or a registrar.
    Origin,
    /// A proxy.
    Proxy,
}

impl Role {
    /// The status of the response that carries challenges.
    pub fn status(self) -> u16 {
        match self {
            Self::Origin => 401,
            Self::Proxy => 407,
        }
    }

    /// The header of a challenge.
    pub fn challenge_header(self) -> &'static str {
        match self {
            Self::Origin => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    /// The header of credentials.
    pub fn authorization_header(self) -> &'static str {
        match self {
            Self::Origin => "Authorization",
            Self::Proxy => "Proxy-Authorization",
        }
    }

    /// The header of what a server says after it let somebody in (RFC 7616 3.5, 3.8).
    pub fn info_header(self) -> &'static str {
        match self {
            Self::Origin => "Authentication-Info",
            Self::Proxy => "Proxy-Authentication-Info",
        }
    }
}
