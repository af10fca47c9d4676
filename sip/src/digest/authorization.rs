//! `Authorization` and `Proxy-Authorization` (RFC 7616 3.4, RFC 3261 20.7, 20.28).

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use super::algorithm::{Algorithm, Sum, read_hex};
use super::challenge::{Qop, algorithm_of};
use super::params::{Params, ValueError, Writer};

/// Credentials, sent to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who it is.
    pub username: SmolStr,
    /// Where.
    pub realm: SmolStr,
    /// The server's nonce; between the quotes as it was written.
    pub nonce: SmolStr,
    /// The request-URI as the client saw it, byte for byte.
    pub uri: SmolStr,
    /// How it was hashed.
    pub algorithm: Algorithm,
    /// What is protected; `None` from a peer that knows RFC 2069 only.
    pub protection: Option<Protection>,
    /// The server's, as it was written.
    pub opaque: Option<SmolStr>,
    pub(super) response: Sum,
}

/// What `qop` brings with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// What is protected.
    pub qop: Qop,
    /// The client's own nonce; between the quotes as it was written.
    pub cnonce: SmolStr,
    /// Eight hexadecimal digits, as they were written: they are hashed.
    nc: SmolStr,
}

impl Authorization {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`ValueError`]
    pub fn parse(value: &[u8]) -> Result<Self, ValueError> {
        let params = Params::of_digest(value)?;
        let algorithm = algorithm_of(&params)?;
        let protection = Protection::of(&params)?;
        // Only a client nonce makes a session (RFC 7616 3.4.2).
        if algorithm.session && protection.is_none() {
            return Err(ValueError::Missing("qop"));
        }
        let response = params
            .get("response")
            .ok_or(ValueError::Missing("response"))?;
        Ok(Self {
            username: params.need_text("username")?,
            realm: params.need_text("realm")?,
            nonce: params.need_raw("nonce")?,
            uri: params.need_raw("uri")?,
            algorithm,
            protection,
            opaque: params.get_raw("opaque"),
            response: Sum::from_hex(algorithm.hash, response.raw())
                .ok_or(ValueError::Value("response"))?,
        })
    }
}

/// The header value.
impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut params = Writer::new(f, "Digest ");
        params.text("username", &self.username)?;
        params.text("realm", &self.realm)?;
        params.raw("nonce", &self.nonce)?;
        params.raw("uri", &self.uri)?;
        params.raw("response", &self.response.to_hex())?;
        params.token("algorithm", self.algorithm)?;
        if let Some(protection) = &self.protection {
            protection.write(&mut params)?;
        }
        if let Some(opaque) = &self.opaque {
            params.raw("opaque", opaque)?;
        }
        Ok(())
    }
}

impl Protection {
    /// What a client sends the `nc`-th time it uses a nonce.
    pub(super) fn new(qop: Qop, nc: u32, cnonce: SmolStr) -> Self {
        Self {
            qop,
            cnonce,
            nc: format_smolstr!("{nc:08x}"),
        }
    }

    /// How often the client has used the nonce, this time included.
    pub fn nc(&self) -> u32 {
        u32::from_str_radix(&self.nc, 16).unwrap_or_default()
    }

    /// The same as it was written.
    pub(super) fn nc_text(&self) -> &str {
        &self.nc
    }

    /// Without `qop` there is none, whatever else is there: RFC 2069 knew neither.
    pub(super) fn of(params: &Params<'_>) -> Result<Option<Self>, ValueError> {
        let Some(qop) = params.get("qop") else {
            return Ok(None);
        };
        let nc = params.need_raw("nc")?;
        read_hex(&nc, &mut [0; 4]).ok_or(ValueError::Value("nc"))?;
        Ok(Some(Self {
            qop: Qop::parse(qop.raw()).ok_or(ValueError::Qop)?,
            cnonce: params.need_raw("cnonce")?,
            nc,
        }))
    }

    /// `qop` and `nc` go without quotes (RFC 7616 3.4).
    pub(super) fn write(&self, params: &mut Writer<'_, '_>) -> fmt::Result {
        params.token("qop", self.qop)?;
        params.token("nc", &self.nc)?;
        params.raw("cnonce", &self.cnonce)
    }
}
