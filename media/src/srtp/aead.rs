//! AES-GCM (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::cipher::{Position, index_word};
use super::keys::SessionKeys;
use super::{INDEX_WORD_LEN, Profile, RTCP_CLEAR_LEN, SrtpError};
use crate::rtp::bytes::put;

const TAG_LEN: usize = 16;

/// Layout of a packet: header, encrypted part, tag, in SRTCP E bit and index.
pub(super) struct Aead {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

impl Aead {
    pub(super) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        let algorithm = match keys.profile {
            Profile::AeadAes256Gcm => &AES_256_GCM,
            Profile::AeadAes128Gcm
            | Profile::AesCm128HmacSha1_80
            | Profile::AesCm128HmacSha1_32 => &AES_128_GCM,
        };
        let key = keys
            .key
            .get(..algorithm.key_len())
            .ok_or(SrtpError::KeyLength)?;
        let key = UnboundKey::new(algorithm, key).map_err(|_| SrtpError::KeyLength)?;
        let salt = keys.salt.first_chunk().ok_or(SrtpError::KeyLength)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            salt: *salt,
        })
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        len: usize,
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let end = len + TAG_LEN;
        let packet = buffer.get_mut(..end).ok_or(SrtpError::NoRoom)?;
        let (header, body) = packet
            .split_at_mut_checked(header_len)
            .ok_or(SrtpError::Malformed)?;
        self.seal(body, header, position)?;
        Ok(end)
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let (header, body) = packet
            .split_at_mut_checked(header_len)
            .ok_or(SrtpError::Malformed)?;
        let plain_len = self.open(body, header, position)?;
        Ok(header_len + plain_len)
    }

    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let end = len + TAG_LEN + INDEX_WORD_LEN;
        let packet = buffer.get_mut(..end).ok_or(SrtpError::NoRoom)?;
        let (packet, word) = packet
            .split_last_chunk_mut::<INDEX_WORD_LEN>()
            .ok_or(SrtpError::NoRoom)?;
        *word = index_word(position);
        let (header, body) = packet
            .split_first_chunk_mut::<RTCP_CLEAR_LEN>()
            .ok_or(SrtpError::Malformed)?;
        self.seal(body, &rtcp_aad(header, word), position)?;
        Ok(end)
    }

    pub(super) fn rtcp_index_word(packet: &[u8]) -> Result<u32, SrtpError> {
        if packet.len() < RTCP_CLEAR_LEN + TAG_LEN + INDEX_WORD_LEN {
            return Err(SrtpError::Malformed);
        }
        let word = packet.last_chunk().ok_or(SrtpError::Malformed)?;
        Ok(u32::from_be_bytes(*word))
    }

    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        position: Position,
    ) -> Result<usize, SrtpError> {
        let (packet, word) = packet
            .split_last_chunk_mut::<INDEX_WORD_LEN>()
            .ok_or(SrtpError::Malformed)?;
        let (header, body) = packet
            .split_first_chunk_mut::<RTCP_CLEAR_LEN>()
            .ok_or(SrtpError::Malformed)?;
        let plain_len = self.open(body, &rtcp_aad(header, word), position)?;
        Ok(RTCP_CLEAR_LEN + plain_len)
    }

    /// `body` ends with room for the tag.
    fn seal(&self, body: &mut [u8], aad: &[u8], position: Position) -> Result<(), SrtpError> {
        let (plain, tag) = body
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(SrtpError::Malformed)?;
        let made = self
            .key
            .seal_in_place_separate_tag(self.nonce(position), Aad::from(aad), plain)
            .map_err(|_| SrtpError::Malformed)?;
        put(tag, 0, made.as_ref()).ok_or(SrtpError::NoRoom)
    }

    /// `body` ends with the tag. Compares it in constant time.
    fn open(&self, body: &mut [u8], aad: &[u8], position: Position) -> Result<usize, SrtpError> {
        if body.len() < TAG_LEN {
            return Err(SrtpError::Malformed);
        }
        let plain = self
            .key
            .open_in_place(self.nonce(position), Aad::from(aad), body)
            .map_err(|_| SrtpError::Unauthentic)?;
        Ok(plain.len())
    }

    /// Two zero bytes, SSRC and 48 bits of index, XOR salt (RFC 7714 8.1). In SRTCP the index
    /// has 31 bits, which leaves the two zero bytes of RFC 7714 9.1 before it.
    fn nonce(&self, position: Position) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        let packet = (u128::from(position.ssrc) << 48) ^ u128::from(position.index);
        for (to, (packet, salt)) in nonce
            .iter_mut()
            .zip(packet.to_be_bytes().iter().skip(4).zip(self.salt))
        {
            *to = packet ^ salt;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// What is authenticated beside the encrypted part (RFC 7714 9.2).
fn rtcp_aad(
    header: &[u8; RTCP_CLEAR_LEN],
    word: &[u8; INDEX_WORD_LEN],
) -> [u8; RTCP_CLEAR_LEN + INDEX_WORD_LEN] {
    let mut aad = [0; RTCP_CLEAR_LEN + INDEX_WORD_LEN];
    aad[..RTCP_CLEAR_LEN].copy_from_slice(header);
    aad[RTCP_CLEAR_LEN..].copy_from_slice(word);
    aad
}
