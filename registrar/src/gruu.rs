//! Globally routable user agent URIs (RFC 5627): addresses of one device of somebody.
//!
//! A public one is the address of record with the instance in its `gr` parameter (RFC 5627 A.1), so
//! that it stays the same for ever. A temporary one says nothing about its owner: its user part
//! holds the binding and what its Call-ID hashes to, encrypted and signed (in the manner of RFC 5627
//! A.2), so that any number of them need no memory.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sip::procedure::register::Gruus;
use sip::uri::{SipUri, escape_user, unescape};
use smol_str::{SmolStr, format_smolstr};
use subtle::ConstantTimeEq;

use crate::aor::Aor;
use crate::binding::{Binding, BindingId, Order};
use crate::contact::urn_of;

const PREFIX: &str = "tgruu.";
const NONCE: usize = 8;
const BODY: usize = 16;
const TAG: usize = 8;
const TOKEN: usize = NONCE + BODY + TAG;

/// Mints GRUUs, and reads them. Made from a secret that only this server has: whoever keeps it over
/// a restart keeps temporary GRUUs valid.
#[derive(Clone)]
pub struct GruuMint {
    secret: [u8; 32],
}

/// What a GRUU names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gruu {
    /// The user agent of an address of record that has this instance.
    Public {
        /// Whose.
        aor: Aor,
        /// The URN in its `+sip.instance`.
        instance: SmolStr,
    },
    /// The user agent of a binding.
    Temporary(Temporary),
}

/// What a temporary GRUU names: a binding, as long as its registrations have the same Call-ID
/// (RFC 5627 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temporary {
    /// The binding.
    pub(crate) binding: BindingId,
    call_id: [u8; 8],
}

impl Temporary {
    /// The binding is the one that was meant, and not another of the same name after a restart.
    pub(crate) fn is_of(&self, binding: &Binding) -> bool {
        let order = binding.order.as_ref();
        binding.id == self.binding && order.is_some_and(|order| digest(order) == self.call_id)
    }
}

impl GruuMint {
    /// From a secret: 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The GRUUs of a binding for a `sip:` or a `sips:` address of record. `None` if it has no
    /// instance.
    pub(crate) fn mint(&self, binding: &Binding, secure: bool) -> Option<Gruus> {
        let instance = binding.contact.as_sip()?.instance.as_deref()?;
        let order = binding.order.as_ref()?;
        let scheme = if secure { "sips" } else { "sip" };
        let (user, domain) = (binding.aor.user(), binding.aor.domain());
        let gr = escape_parameter(urn_of(instance));
        let token = self.token(binding.id, order);
        Some(Gruus {
            public: format_smolstr!("{scheme}:{}@{domain};gr={gr}", escape_user(user)),
            temporary: format_smolstr!("{scheme}:{PREFIX}{}@{domain};gr", hex(&token)),
        })
    }

    /// Reads a URI. `None` if it is no GRUU, or a forged one. The domain has to be one of ours: the
    /// caller looks ([`Domains`](crate::Domains)).
    pub fn read(&self, uri: &SipUri) -> Option<Gruu> {
        match uri.param("gr")? {
            Some(instance) => Some(Gruu::Public {
                aor: Aor::from_uri(uri).ok()?,
                instance: std::str::from_utf8(&unescape(instance)).ok()?.into(),
            }),
            None => {
                let token = unhex(uri.user()?.strip_prefix(PREFIX)?)?;
                self.open(&token)
            }
        }
    }

    fn token(&self, binding: BindingId, order: &Order) -> [u8; TOKEN] {
        let mut body = [0; BODY];
        body[..8].copy_from_slice(&binding.0.to_be_bytes());
        body[8..].copy_from_slice(&digest(order));
        // A CSeq comes once in a Call-ID, so that no two registrations share a nonce.
        let nonce: [u8; NONCE] = self.mac(b'n', &[&body, &order.cseq.to_be_bytes()]);
        let mut token = [0; TOKEN];
        token[..NONCE].copy_from_slice(&nonce);
        token[NONCE..NONCE + BODY].copy_from_slice(&self.cipher(&nonce, body));
        let tag: [u8; TAG] = self.mac(b't', &[&token[..NONCE + BODY]]);
        token[NONCE + BODY..].copy_from_slice(&tag);
        token
    }

    fn open(&self, token: &[u8; TOKEN]) -> Option<Gruu> {
        let (sealed, tag) = token.split_at(NONCE + BODY);
        let right: [u8; TAG] = self.mac(b't', &[sealed]);
        if !bool::from(right[..].ct_eq(tag)) {
            return None;
        }
        let (nonce, body) = sealed.split_at(NONCE);
        let body = self.cipher(nonce, body.try_into().ok()?);
        let (binding, call_id) = body.split_at(8);
        Some(Gruu::Temporary(Temporary {
            binding: BindingId(u64::from_be_bytes(binding.try_into().ok()?)),
            call_id: call_id.try_into().ok()?,
        }))
    }

    fn cipher(&self, nonce: &[u8], body: [u8; BODY]) -> [u8; BODY] {
        let pad: [u8; BODY] = self.mac(b'e', &[nonce]);
        std::array::from_fn(|index| body[index] ^ pad[index])
    }

    /// The first bytes of a MAC; `label` keeps its uses apart.
    fn mac<const N: usize>(&self, label: u8, parts: &[&[u8]]) -> [u8; N] {
        // HMAC takes a key of any length: there is no error.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return [0; N];
        };
        mac.update(&[label]);
        for part in parts {
            mac.update(part);
        }
        let whole = mac.finalize().into_bytes();
        std::array::from_fn(|index| whole[index])
    }
}

impl fmt::Debug for GruuMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GruuMint").finish_non_exhaustive()
    }
}

fn digest(order: &Order) -> [u8; 8] {
    let hash = Sha256::digest(order.call_id.as_bytes());
    std::array::from_fn(|index| hash[index])
}

/// `pvalue` of RFC 3261 25.1.
fn escape_parameter(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; TOKEN]> {
    if text.len() != 2 * TOKEN || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; TOKEN];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}
