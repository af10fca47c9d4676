//! `Authentication-Info` and `Proxy-Authentication-Info` (RFC 7616 3.5, 3.8).

use std::fmt;

use smol_str::SmolStr;

use super::authorization::Protection;
use super::params::{Params, ValueError, Writer};

/// What a server says in its 2xx to a request with credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationInfo {
    /// The nonce to use from now on; between the quotes as it was written.
    pub nextnonce: Option<SmolStr>,
    /// The server's proof that it knows the password too, in hexadecimal digits.
    pub rspauth: Option<SmolStr>,
    /// What the proof covers.
    pub protection: Option<Protection>,
}

impl AuthenticationInfo {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`ValueError`]
    pub fn parse(value: &[u8]) -> Result<Self, ValueError> {
        let params = Params::bare(value)?;
        Ok(Self {
            nextnonce: params.get_raw("nextnonce"),
            rspauth: params.get_raw("rspauth"),
            protection: Protection::of(&params)?,
        })
    }

    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        self.nextnonce.is_none() && self.rspauth.is_none()
    }
}

/// The header value.
impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut params = Writer::new(f, "");
        if let Some(nextnonce) = &self.nextnonce {
            params.raw("nextnonce", nextnonce)?;
        }
        if let Some(rspauth) = &self.rspauth {
            params.raw("rspauth", rspauth)?;
        }
        if let Some(protection) = &self.protection {
            protection.write(&mut params)?;
        }
        Ok(())
    }
}
