//! Nonces that nobody has to remember: the time, salt, and a MAC over both, the realm and the peer
//! (RFC 7616 5.4 suggests the like). A flood of requests costs no memory.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::Sha256;
use smol_str::SmolStr;
use subtle::ConstantTimeEq;

use super::algorithm::{read_hex, to_hex};

const STAMP_LEN: usize = 10;
const MAC_LEN: usize = 16;

/// Makes nonces and knows them again.
pub(super) struct Nonces {
    /// With the secret already in it; cloned for each nonce.
    mac: Hmac<Sha256>,
    /// The zero of the time in nonces.
    epoch: Instant,
}

/// What tells one nonce from another, ordered by the time of issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    issued_ms: u64,
    salt: u32,
}

impl Nonces {
    pub(super) fn new(secret: &[u8; 32], epoch: Instant) -> Self {
        // HMAC fills a short key up with zeros itself; a whole block cannot be of a wrong length.
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        Self {
            mac: Hmac::new(&block.into()),
            epoch,
        }
    }

    pub(super) fn make(
        &self,
        now: Instant,
        rng: &mut impl Rng,
        realm: &str,
        peer: &[u8],
    ) -> SmolStr {
        let stamp = Stamp {
            issued_ms: self.millis(now),
            salt: rng.next_u32(),
        };
        let bytes = stamp.to_bytes();
        let mac = self.seal(&bytes, realm, peer);
        to_hex(&[&bytes[..], &mac[..]].concat()).into()
    }

    /// The stamp of a nonce, if we made it for this realm and this peer.
    pub(super) fn open(&self, nonce: &str, realm: &str, peer: &[u8]) -> Option<Stamp> {
        let mut bytes = [0; STAMP_LEN + MAC_LEN];
        read_hex(nonce, &mut bytes)?;
        let (stamp, mac) = bytes.split_first_chunk::<STAMP_LEN>()?;
        let ours = self.seal(stamp, realm, peer);
        bool::from(ours[..].ct_eq(mac)).then(|| Stamp::from_bytes(stamp))
    }

    /// How old it is. Zero if it is of the future, which a clock handed in wrongly would make it.
    pub(super) fn age(&self, now: Instant, stamp: Stamp) -> Duration {
        Duration::from_millis(self.millis(now).saturating_sub(stamp.issued_ms))
    }

    fn seal(&self, stamp: &[u8; STAMP_LEN], realm: &str, peer: &[u8]) -> [u8; MAC_LEN] {
        let mut mac = self.mac.clone();
        mac.update(stamp);
        // With its length before it, no realm can reach into the peer.
        mac.update(&(realm.len() as u64).to_be_bytes());
        mac.update(realm.as_bytes());
        mac.update(peer);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut cut = [0; MAC_LEN];
        cut.copy_from_slice(&whole[..MAC_LEN]);
        cut
    }

    fn millis(&self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.epoch).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}

impl Stamp {
    /// The lowest there is for a time of issue.
    #[cfg(test)]
    pub(super) fn at(issued_ms: u64, salt: u32) -> Self {
        Self { issued_ms, salt }
    }

    /// 48 bits of milliseconds last 8,900 years.
    fn to_bytes(self) -> [u8; STAMP_LEN] {
        let mut bytes = [0; STAMP_LEN];
        bytes[..6].copy_from_slice(&self.issued_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&self.salt.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; STAMP_LEN]) -> Self {
        let number = |range: &[u8]| range.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        Self {
            issued_ms: number(&bytes[..6]),
            salt: number(&bytes[6..]) as u32,
        }
    }
}
