//! The hashes of digest authentication (RFC 7616 3.3, RFC 8760 2.1) and HA1.

use std::fmt;

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};
use subtle::ConstantTimeEq;

/// A hash function, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hash {
    /// MD5, for peers that know no other.
    Md5,
    /// SHA-256
    Sha256,
    /// SHA-512/256
    Sha512_256,
}

/// A digest algorithm, as the parameter `algorithm` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm {
    /// What hashes.
    pub hash: Hash,
    /// The `-sess` variant (RFC 7616 3.4.2): HA1 is hashed once more with the nonces.
    pub session: bool,
}

/// `H(user ":" realm ":" password)` (RFC 7616 3.4.2). As good as the password within its realm:
/// `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1(Sum);

#[cfg(test)]
thread_local! {
    /// How often something was hashed.
    pub(super) static WORK: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// What a hash made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    hash: Hash,
    bytes: [u8; 32],
}

impl Hash {
    /// The length of what it makes, in bytes.
    pub fn output_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 | Self::Sha512_256 => 32,
        }
    }

    /// The hash of all parts together.
    pub(super) fn of(self, parts: &[&str]) -> Sum {
        let parts = parts.iter().map(|part| part.as_bytes());
        self.of_bytes(parts)
    }

    /// The hash of all parts together.
    pub(super) fn of_bytes<'a>(self, parts: impl Iterator<Item = &'a [u8]>) -> Sum {
        #[cfg(test)]
        WORK.with(|work| work.set(work.get() + 1));
        let mut bytes = [0; 32];
        match self {
            Self::Md5 => bytes[..16].copy_from_slice(&run::<Md5>(parts)),
            Self::Sha256 => bytes.copy_from_slice(&run::<Sha256>(parts)),
            Self::Sha512_256 => bytes.copy_from_slice(&run::<Sha512_256>(parts)),
        }
        Sum { hash: self, bytes }
    }
}

impl Algorithm {
    /// `MD5`
    pub const MD5: Self = Self::plain(Hash::Md5);
    /// `SHA-256`
    pub const SHA_256: Self = Self::plain(Hash::Sha256);
    /// `SHA-512-256`
    pub const SHA_512_256: Self = Self::plain(Hash::Sha512_256);

    const fn plain(hash: Hash) -> Self {
        Self {
            hash,
            session: false,
        }
    }

    /// The algorithm of a name; case does not count.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Hash::Md5, Hash::Sha256, Hash::Sha512_256];
        all.into_iter()
            .flat_map(|hash| [false, true].map(|session| Self { hash, session }))
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match (self.hash, self.session) {
            (Hash::Md5, false) => "MD5",
            (Hash::Md5, true) => "MD5-sess",
            (Hash::Sha256, false) => "SHA-256",
            (Hash::Sha256, true) => "SHA-256-sess",
            (Hash::Sha512_256, false) => "SHA-512-256",
            (Hash::Sha512_256, true) => "SHA-512-256-sess",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Ha1 {
    /// From what an account stores. `None` if the length is not the hash's.
    pub fn new(hash: Hash, bytes: &[u8]) -> Option<Self> {
        Sum::new(hash, bytes).map(Self)
    }

    /// From a password.
    pub fn of(hash: Hash, user: &str, realm: &str, password: &str) -> Self {
        Self(hash.of(&[user, ":", realm, ":", password]))
    }

    /// What hashed it.
    pub fn hash(&self) -> Hash {
        self.0.hash
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Compared against in the place of an unknown user's.
    pub(super) fn decoy(hash: Hash) -> Self {
        Self(Sum {
            hash,
            bytes: [0; 32],
        })
    }

    pub(super) fn sum(self) -> Sum {
        self.0
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ha1")
            .field("hash", &self.0.hash)
            .finish_non_exhaustive()
    }
}

impl Sum {
    pub(super) fn new(hash: Hash, from: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        if from.len() != hash.output_bytes() {
            return None;
        }
        bytes[..hash.output_bytes()].copy_from_slice(from);
        Some(Self { hash, bytes })
    }

    /// Reads hexadecimal digits, exactly as many as the hash makes.
    pub(super) fn from_hex(hash: Hash, text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        read_hex(text, &mut bytes[..hash.output_bytes()])?;
        Some(Self { hash, bytes })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.hash.output_bytes()]
    }

    pub(super) fn to_hex(self) -> String {
        to_hex(self.as_bytes())
    }
}

/// In constant time for hashes of the same kind.
impl PartialEq for Sum {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for Sum {}

/// Lower-case hexadecimal digits: `LHEX` of RFC 3261 25.1.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Fills `out` from exactly as many hexadecimal digits as it takes, of either case.
pub(super) fn read_hex(text: &str, out: &mut [u8]) -> Option<()> {
    if text.len() != 2 * out.len() {
        return None;
    }
    for (pair, byte) in text.as_bytes().chunks_exact(2).zip(out) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(())
}

fn run<'a, H: Digest>(parts: impl Iterator<Item = &'a [u8]>) -> md5::digest::Output<H> {
    let mut hash = H::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
}
