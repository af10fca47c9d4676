//! AES in counter mode with HMAC-SHA1 truncated to 80 bits, or for RTP to 32 (RFC 3711 4.1.1,
//! 4.2.1, RFC 4568 6.2.2).

use aes::Aes128Enc;
use aes::cipher::{KeyInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::cipher::{Position, index_word};
use super::keys::{SessionKeys, key_stream};
use super::{INDEX_WORD_LEN, Profile, RTCP_CLEAR_LEN, SrtpError};
use crate::rtp::bytes::{put, u32_at};

const TAG_LEN: usize = 10;
const SHORT_TAG_LEN: usize = 4;
const SALT_LEN: usize = 14;

/// Layout of a packet: header, encrypted part, in SRTCP E bit and index, tag.
pub(super) struct CounterMode {
    aes: Aes128Enc,
    /// With the key already in it; cloned for each packet.
    mac: Hmac<Sha1>,
    salt: [u8; SALT_LEN],
    /// RTP carries a tag of 32 bits.
    short: bool,
}

impl CounterMode {
    pub(super) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        let key: &[u8; 16] = keys.key.first_chunk().ok_or(SrtpError::KeyLength)?;
        Ok(Self {
            aes: Aes128Enc::new(key.into()),
            mac: Hmac::new_from_slice(&keys.auth_key).map_err(|_| SrtpError::KeyLength)?,
            salt: keys.salt,
            short: keys.profile == Profile::AesCm128HmacSha1_32,
        })
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        len: usize,
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        if self.short {
            self.seal_rtp_with::<SHORT_TAG_LEN>(buffer, len, header_len, position)
        } else {
            self.seal_rtp_with::<TAG_LEN>(buffer, len, header_len, position)
        }
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        if self.short {
            self.open_rtp_with::<SHORT_TAG_LEN>(packet, header_len, position)
        } else {
            self.open_rtp_with::<TAG_LEN>(packet, header_len, position)
        }
    }

    fn seal_rtp_with<const LEN: usize>(
        &self,
        buffer: &mut [u8],
        len: usize,
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let (packet, tag) = split_for_tag::<LEN>(buffer, len)?;
        self.apply_key_stream(packet, header_len, position)?;
        *tag = self.tag(packet, &rollover(position));
        Ok(len + LEN)
    }

    fn open_rtp_with<const LEN: usize>(
        &self,
        packet: &mut [u8],
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let (packet, tag) = packet
            .split_last_chunk_mut::<LEN>()
            .ok_or(SrtpError::Malformed)?;
        self.verify(packet, &rollover(position), tag)?;
        self.apply_key_stream(packet, header_len, position)?;
        Ok(packet.len())
    }

    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        let with_index = len + INDEX_WORD_LEN;
        let (packet, tag) = split_for_tag::<TAG_LEN>(buffer, with_index)?;
        let plain = packet.get_mut(..len).ok_or(SrtpError::NoRoom)?;
        self.apply_key_stream(plain, RTCP_CLEAR_LEN, position)?;
        put(packet, len, &index_word(position)).ok_or(SrtpError::NoRoom)?;
        *tag = self.tag(packet, &[]);
        Ok(with_index + TAG_LEN)
    }

    pub(super) fn rtcp_index_word(packet: &[u8]) -> Result<u32, SrtpError> {
        let at = packet
            .len()
            .checked_sub(INDEX_WORD_LEN + TAG_LEN)
            .filter(|at| *at >= RTCP_CLEAR_LEN)
            .ok_or(SrtpError::Malformed)?;
        u32_at(packet, at).ok_or(SrtpError::Malformed)
    }

    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        position: Position,
    ) -> Result<usize, SrtpError> {
        let (packet, tag) = packet
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(SrtpError::Malformed)?;
        self.verify(packet, &[], tag)?;
        let (packet, _) = packet
            .split_last_chunk_mut::<INDEX_WORD_LEN>()
            .ok_or(SrtpError::Malformed)?;
        self.apply_key_stream(packet, RTCP_CLEAR_LEN, position)?;
        Ok(packet.len())
    }

    fn apply_key_stream(
        &self,
        packet: &mut [u8],
        clear_len: usize,
        position: Position,
    ) -> Result<(), SrtpError> {
        let encrypted = packet.get_mut(clear_len..).ok_or(SrtpError::Malformed)?;
        key_stream(&self.aes, self.iv(position))
            .try_apply_keystream(encrypted)
            .map_err(|_| SrtpError::Malformed)
    }

    /// `(salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16)`
    fn iv(&self, position: Position) -> [u8; 16] {
        let mut salt = [0; 16];
        salt[..SALT_LEN].copy_from_slice(&self.salt);
        let packet = (u128::from(position.ssrc) << 64) ^ (u128::from(position.index) << 16);
        (u128::from_be_bytes(salt) ^ packet).to_be_bytes()
    }

    fn verify<const LEN: usize>(
        &self,
        packet: &[u8],
        suffix: &[u8],
        tag: &[u8; LEN],
    ) -> Result<(), SrtpError> {
        if bool::from(self.tag::<LEN>(packet, suffix).ct_eq(tag)) {
            Ok(())
        } else {
            Err(SrtpError::Unauthentic)
        }
    }

    fn tag<const LEN: usize>(&self, packet: &[u8], suffix: &[u8]) -> [u8; LEN] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(suffix);
        let whole: [u8; 20] = mac.finalize().into_bytes().into();
        let mut tag = [0; LEN];
        tag.copy_from_slice(&whole[..LEN]);
        tag
    }
}

/// The rollover counter is authenticated with the packet though never sent (RFC 3711 4.2).
fn rollover(position: Position) -> [u8; 4] {
    ((position.index >> 16) as u32).to_be_bytes()
}

fn split_for_tag<const LEN: usize>(
    buffer: &mut [u8],
    len: usize,
) -> Result<(&mut [u8], &mut [u8; LEN]), SrtpError> {
    let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SrtpError::NoRoom)?;
    let tag = room.first_chunk_mut().ok_or(SrtpError::NoRoom)?;
    Ok((packet, tag))
}
