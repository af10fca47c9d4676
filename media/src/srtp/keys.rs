//! Protection profiles, master keys and the keys derived from them.

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128Enc, Aes256Enc};
use ctr::{Ctr128BE, CtrCore};

use super::SrtpError;
use crate::ids::DtlsRole;

/// A DTLS-SRTP protection profile (RFC 5764 4.1.2, RFC 7714 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// SRTP_AES128_CM_HMAC_SHA1_80
    AesCm128HmacSha1_80,
    /// SRTP_AEAD_AES_128_GCM
    AeadAes128Gcm,
    /// SRTP_AEAD_AES_256_GCM
    AeadAes256Gcm,
}

impl Profile {
    /// Length of the master and session encryption keys, bytes.
    pub fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of the master and session salts, bytes.
    pub fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Length of the authentication tag, bytes.
    pub fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Length of the keying material of both sides (RFC 5764 4.2), bytes.
    pub fn material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        })
    }
}

/// The master keys of both directions.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Of what the far side sends.
    pub inbound: MasterKey,
    /// Of what we send.
    pub outbound: MasterKey,
}

impl Keys {
    /// Splits keying material exported from DTLS: client key, server key, client salt, server
    /// salt (RFC 5764 4.2). `role` is ours.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn from_dtls(profile: Profile, material: &[u8], role: DtlsRole) -> Result<Self, SrtpError> {
        if material.len() != profile.material_len() {
            return Err(SrtpError::KeyLength);
        }
        let (keys, salts) = material.split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        let client = MasterKey::new(profile, client_key, client_salt)?;
        let server = MasterKey::new(profile, server_key, server_salt)?;
        Ok(match role {
            DtlsRole::Client => Self {
                inbound: server,
                outbound: client,
            },
            DtlsRole::Server => Self {
                inbound: client,
                outbound: server,
            },
        })
    }
}

/// Master key and master salt of one direction (RFC 3711 3.2.1).
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    key: [u8; 32],
    /// A 96-bit salt is padded with zeros on the right (RFC 7714 11).
    salt: [u8; 14],
}

impl MasterKey {
    /// # Errors
    /// [`SrtpError::KeyLength`] if a length is not the profile's.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let mut master = Self {
            profile,
            key: [0; 32],
            salt: [0; 14],
        };
        master.key[..key.len()].copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);
        Ok(master)
    }

    /// Its profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Fills `out` with the session key or salt of a label (RFC 3711 4.3; the key derivation
    /// rate is 0).
    pub(super) fn derive(&self, label: Label, out: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= label as u8;
        out.fill(0);
        match self.profile {
            Profile::AesCm128HmacSha1_80 | Profile::AeadAes128Gcm => {
                let mut key = [0; 16];
                key.copy_from_slice(&self.key[..16]);
                apply_keystream(&Aes128Enc::new(&key.into()), &iv, out);
            }
            Profile::AeadAes256Gcm => {
                apply_keystream(&Aes256Enc::new(&self.key.into()), &iv, out);
            }
        }
    }
}

impl fmt::Debug for MasterKey {
    /// The key stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// What a session key is for (RFC 3711 4.3.1, 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// AES in counter mode (RFC 3711 4.1.1) over `data`, with a key schedule that stays where it is.
pub(super) fn apply_keystream<C>(cipher: &C, iv: &[u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
{
    let core = CtrCore::inner_iv_init(cipher, &(*iv).into());
    let mut stream: Ctr128BE<&C> = Ctr128BE::from_core(core);
    // Fails only beyond 2^128 blocks.
    let _ = stream.try_apply_keystream(data);
}
