//! Master keys from DTLS or from a description, and session keys from master keys.

use std::fmt;

use aes::cipher::{
    BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper, consts::U16,
};
use aes::{Aes128Enc, Aes256Enc};
use ctr::{Ctr128BE, CtrCore};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{Profile, SrtpError};
use crate::ids::DtlsRole;

const MAX_KEY_LEN: usize = 32;
const MAX_SALT_LEN: usize = 14;
const AUTH_KEY_LEN: usize = 20;

/// The master keys of both directions.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Of what the far side sends.
    pub inbound: MasterKey,
    /// Of what we send.
    pub outbound: MasterKey,
}

impl Keys {
    /// Splits what DTLS exported under the label `EXTRACTOR-dtls_srtp`: client key, server
    /// key, client salt, server salt (RFC 5764 4.2). `role` is ours.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] where `material` is not of [`Profile::material_len`].
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

/// Master key and salt of one direction. Wiped when dropped, hidden when printed.
#[derive(Clone)]
pub struct MasterKey {
    pub(super) profile: Profile,
    pub(super) key: [u8; MAX_KEY_LEN],
    /// One of 96 bits ends in zeros (RFC 7714 11).
    pub(super) salt: [u8; MAX_SALT_LEN],
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl PartialEq for MasterKey {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.profile == other.profile
            && bool::from(self.key.ct_eq(&other.key) & self.salt.ct_eq(&other.salt))
    }
}

impl Eq for MasterKey {}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl MasterKey {
    /// From bytes of exactly the profile's lengths.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`]
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let mut master = Self {
            profile,
            key: [0; MAX_KEY_LEN],
            salt: [0; MAX_SALT_LEN],
        };
        for (to, from) in master.key.iter_mut().zip(key) {
            *to = *from;
        }
        for (to, from) in master.salt.iter_mut().zip(salt) {
            *to = *from;
        }
        Ok(master)
    }

    /// Key and salt one after the other, as SDP writes them (RFC 4568 6.1). Empty bytes follow
    /// [`MasterKey::material_len`].
    pub(crate) fn material(&self) -> Zeroizing<[u8; MAX_KEY_LEN + MAX_SALT_LEN]> {
        let mut material = Zeroizing::new([0; MAX_KEY_LEN + MAX_SALT_LEN]);
        let key = self.key.iter().take(self.profile.key_len());
        let salt = self.salt.iter().take(self.profile.salt_len());
        for (to, from) in material.iter_mut().zip(key.chain(salt)) {
            *to = *from;
        }
        material
    }

    /// Bytes of key and salt together.
    pub(crate) fn material_len(&self) -> usize {
        self.profile.key_len() + self.profile.salt_len()
    }

    /// The profile it is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Session keys of RTP (RFC 3711 4.3.1).
    pub(super) fn rtp_session(&self) -> SessionKeys {
        self.session(0x00, 0x01, 0x02)
    }

    /// Session keys of RTCP (RFC 3711 4.3.2).
    pub(super) fn rtcp_session(&self) -> SessionKeys {
        self.session(0x03, 0x04, 0x05)
    }

    fn session(&self, encryption: u8, authentication: u8, salting: u8) -> SessionKeys {
        let mut keys = SessionKeys {
            profile: self.profile,
            key: [0; MAX_KEY_LEN],
            auth_key: [0; AUTH_KEY_LEN],
            salt: [0; MAX_SALT_LEN],
        };
        self.derive(encryption, &mut keys.key[..self.profile.key_len()]);
        self.derive(authentication, &mut keys.auth_key);
        self.derive(salting, &mut keys.salt[..self.profile.salt_len()]);
        keys
    }

    /// AES in counter mode as the pseudorandom function (RFC 3711 4.3.3; with AES-256 as in
    /// RFC 6188 4), with the packet index out of it since the derivation rate is zero.
    fn derive(&self, label: u8, out: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..MAX_SALT_LEN].copy_from_slice(&self.salt);
        iv[7] ^= label;
        match self.profile {
            Profile::AesCm128HmacSha1_80
            | Profile::AesCm128HmacSha1_32
            | Profile::AeadAes128Gcm => {
                let Some(key) = self.key.first_chunk::<16>() else {
                    return;
                };
                let aes = Aes128Enc::new(key.into());
                key_stream(&aes, iv).apply_keystream(out);
            }
            Profile::AeadAes256Gcm => {
                let aes = Aes256Enc::new((&self.key).into());
                key_stream(&aes, iv).apply_keystream(out);
            }
        }
    }
}

/// Session keys of one direction of RTP or of RTCP. Wiped when dropped.
pub(super) struct SessionKeys {
    pub(super) profile: Profile,
    pub(super) key: [u8; MAX_KEY_LEN],
    pub(super) auth_key: [u8; AUTH_KEY_LEN],
    pub(super) salt: [u8; MAX_SALT_LEN],
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        self.key.zeroize();
        self.auth_key.zeroize();
        self.salt.zeroize();
    }
}

/// The key stream of a cipher from a first counter block on. Borrows the key schedule.
pub(super) fn key_stream<C>(cipher: &C, first_block: [u8; 16]) -> Ctr128BE<&C>
where
    C: BlockCipherEncrypt<BlockSize = U16>,
{
    StreamCipherCoreWrapper::from_core(CtrCore::inner_iv_init(cipher, &first_block.into()))
}
