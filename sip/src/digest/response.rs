//! What is hashed (RFC 7616 3.4.1 to 3.4.3, 3.5).

use super::algorithm::{Algorithm, Ha1, Hash, Sum};
use super::authorization::{Authorization, Protection};
use super::challenge::Qop;

/// What a digest covers of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The request-URI, byte for byte as it is on the wire.
    pub uri: &'a str,
    /// The body; it counts for `auth-int` only.
    pub body: &'a [u8],
}

/// What goes into a response beside the request.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) algorithm: Algorithm,
    /// Of a password, without the session's nonces.
    pub(super) ha1: Ha1,
    pub(super) nonce: &'a str,
    pub(super) protection: Option<&'a Protection>,
}

impl<'a> Facts<'a> {
    /// Those of credentials that came.
    pub(super) fn of(authorization: &'a Authorization, ha1: Ha1) -> Self {
        Self {
            algorithm: authorization.algorithm,
            ha1,
            nonce: &authorization.nonce,
            protection: authorization.protection.as_ref(),
        }
    }

    /// `response`
    pub(super) fn response(&self, request: &Request<'_>) -> Sum {
        self.seal(request.method, request.uri, request.body)
    }

    /// `rspauth`: A2 without the method (RFC 7616 3.5), and with the body of the response.
    pub(super) fn rspauth(&self, uri: &str, body: &[u8]) -> Sum {
        self.seal("", uri, body)
    }

    fn seal(&self, method: &str, uri: &str, body: &[u8]) -> Sum {
        let hash = self.algorithm.hash;
        let ha1 = self.session_key().to_hex();
        let ha2 = self.ha2(hash, method, uri, body).to_hex();
        match self.protection {
            Some(protection) => hash.of(&[
                &ha1,
                ":",
                self.nonce,
                ":",
                protection.nc_text(),
                ":",
                &protection.cnonce,
                ":",
                protection.qop.name(),
                ":",
                &ha2,
            ]),
            None => hash.of(&[&ha1, ":", self.nonce, ":", &ha2]),
        }
    }

    fn session_key(&self) -> Sum {
        let hash = self.algorithm.hash;
        let password = self.ha1.sum();
        match self.protection {
            Some(protection) if self.algorithm.session => {
                hash.of(&[&password.to_hex(), ":", self.nonce, ":", &protection.cnonce])
            }
            _ => password,
        }
    }

    fn ha2(&self, hash: Hash, method: &str, uri: &str, body: &[u8]) -> Sum {
        if self.protection.is_some_and(|p| p.qop == Qop::AuthInt) {
            let body = hash.of_bytes([body].into_iter()).to_hex();
            hash.of(&[method, ":", uri, ":", &body])
        } else {
            hash.of(&[method, ":", uri])
        }
    }
}
