//! Our own DTLS certificate.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use thiserror::Error;

use crate::ids::Fingerprint;

/// A self-signed certificate with its key, both made by the caller.
#[derive(Clone)]
pub struct Certificate {
    certificate_der: Vec<u8>,
    private_key_der: Vec<u8>,
}

/// The caller's key is of no use for DTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the DTLS key is not an ECDSA P-256 key in PKCS #8 form")]
pub struct UnusableKey;

impl Certificate {
    /// `certificate` is X.509 in DER form, `private_key` its ECDSA P-256 key as PKCS #8 DER.
    ///
    /// # Errors
    /// [`UnusableKey`]: browsers offer ECDSA P-256 by default, and the engine has no RSA.
    pub fn new(certificate: Vec<u8>, private_key: Vec<u8>) -> Result<Self, UnusableKey> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private_key)
            .map_err(|_| UnusableKey)?;
        Ok(Self {
            certificate_der: certificate,
            private_key_der: private_key,
        })
    }

    /// What descriptions announce (`a=fingerprint`).
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(&self.certificate_der)
    }

    pub(super) fn to_engine(&self) -> dimpl::DtlsCertificate {
        dimpl::DtlsCertificate {
            certificate: self.certificate_der.clone(),
            private_key: self.private_key_der.clone(),
        }
    }
}

impl fmt::Debug for Certificate {
    /// The key stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

/// SHA-256 over the DER form (RFC 8122 5).
pub(super) fn fingerprint_of(certificate_der: &[u8]) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, certificate_der).as_ref());
    Fingerprint(bytes)
}
