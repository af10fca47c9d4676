//! One direction's session keys for RTP or for RTCP, ready to be applied.

use aes::Aes128Enc;
use aes::cipher::KeyInit;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::SrtpError;
use super::keys::{Label, MasterKey, Profile, apply_keystream};

/// Which packets keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Rtp,
    Rtcp,
}

impl Usage {
    fn labels(self) -> (Label, Label, Label) {
        match self {
            Self::Rtp => (
                Label::RtpEncryption,
                Label::RtpAuthentication,
                Label::RtpSalt,
            ),
            Self::Rtcp => (
                Label::RtcpEncryption,
                Label::RtcpAuthentication,
                Label::RtcpSalt,
            ),
        }
    }
}

/// Key schedules and HMAC states, computed once.
pub(super) enum Session {
    Cm(Box<CmSession>),
    Gcm(Box<GcmSession>),
}

/// AES-CM with HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1).
pub(super) struct CmSession {
    cipher: Aes128Enc,
    mac: Hmac<Sha1>,
    salt: [u8; 14],
}

/// AES-GCM (RFC 7714).
pub(super) struct GcmSession {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Session {
    pub(super) fn new(master: &MasterKey, usage: Usage) -> Result<Self, SrtpError> {
        let (encryption, authentication, salting) = usage.labels();
        let profile = master.profile();
        let mut key = [0; 32];
        let key = &mut key[..profile.key_len()];
        master.derive(encryption, key);
        if profile == Profile::AesCm128HmacSha1_80 {
            let mut salt = [0; 14];
            master.derive(salting, &mut salt);
            let mut mac_key = [0; 20];
            master.derive(authentication, &mut mac_key);
            return Ok(Self::Cm(Box::new(CmSession {
                cipher: Aes128Enc::new_from_slice(key).map_err(|_| SrtpError::KeyLength)?,
                mac: Hmac::new_from_slice(&mac_key).map_err(|_| SrtpError::KeyLength)?,
                salt,
            })));
        }
        let mut salt = [0; 12];
        master.derive(salting, &mut salt);
        Self::gcm(key, salt)
    }

    /// From a session key and salt; the key's length says which AES.
    pub(super) fn gcm(key: &[u8], salt: [u8; 12]) -> Result<Self, SrtpError> {
        let algorithm = if key.len() == 16 {
            &AES_128_GCM
        } else {
            &AES_256_GCM
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| SrtpError::KeyLength)?;
        Ok(Self::Gcm(Box::new(GcmSession {
            key: LessSafeKey::new(key),
            salt,
        })))
    }
}

impl CmSession {
    /// Encrypts or decrypts: counter mode is its own inverse. `index` has 48 bits for RTP and
    /// 31 for RTCP.
    pub(super) fn apply(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        apply_keystream(&self.cipher, &iv, payload);
    }

    /// The tag over the packet and what is appended to it for authentication alone.
    pub(super) fn tag(&self, packet: &[u8], appended: &[u8]) -> [u8; 10] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(appended);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; 10];
        tag.copy_from_slice(&full[..10]);
        tag
    }

    pub(super) fn verify(
        &self,
        packet: &[u8],
        appended: &[u8],
        tag: &[u8],
    ) -> Result<(), SrtpError> {
        let expected = self.tag(packet, appended);
        if bool::from(expected.ct_eq(tag)) {
            Ok(())
        } else {
            Err(SrtpError::Authentication)
        }
    }
}

impl GcmSession {
    /// The nonce of RTP has the rollover counter and the sequence number, that of RTCP the
    /// index, in its last six bytes (RFC 7714 8.1, 9.1): in both cases a 48-bit number.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut iv = self.salt;
        xor(&mut iv[2..6], &ssrc.to_be_bytes());
        xor(&mut iv[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(iv)
    }

    /// Encrypts in place and returns the tag.
    pub(super) fn seal(
        &self,
        ssrc: u32,
        index: u64,
        associated: &[u8],
        payload: &mut [u8],
    ) -> Result<[u8; 16], SrtpError> {
        let nonce = self.nonce(ssrc, index);
        let sealed = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(associated), payload);
        let mut tag = [0; 16];
        // Fails only beyond 64 GiB of payload.
        tag.copy_from_slice(sealed.map_err(|_| SrtpError::KeyExhausted)?.as_ref());
        Ok(tag)
    }

    /// Authenticates and decrypts in place: `sealed` is the ciphertext with its tag.
    pub(super) fn open(
        &self,
        ssrc: u32,
        index: u64,
        associated: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), SrtpError> {
        let nonce = self.nonce(ssrc, index);
        self.key
            .open_in_place(nonce, Aad::from(associated), sealed)
            .map(|_| ())
            .map_err(|_| SrtpError::Authentication)
    }
}

fn xor(target: &mut [u8], with: &[u8]) {
    for (target, with) in target.iter_mut().zip(with) {
        *target ^= with;
    }
}
