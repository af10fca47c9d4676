//! One interface over the two kinds of transform.

use std::fmt;

use super::aead::Aead;
use super::counter_mode::CounterMode;
use super::keys::SessionKeys;
use super::{Profile, SrtpError};

/// A transform with its session keys, of RTP or of RTCP.
pub(super) enum Cipher {
    CounterMode(Box<CounterMode>),
    Aead(Box<Aead>),
}

/// Where a packet's key stream begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) ssrc: u32,
    /// 48 bits in RTP, 31 in RTCP.
    pub(super) index: u64,
}

impl Cipher {
    pub(super) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        Ok(match keys.profile {
            Profile::AesCm128HmacSha1_80 | Profile::AesCm128HmacSha1_32 => {
                Self::CounterMode(Box::new(CounterMode::new(keys)?))
            }
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => {
                Self::Aead(Box::new(Aead::new(keys)?))
            }
        })
    }

    /// Protects the RTP packet `buffer[..len]` and returns its new length.
    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        len: usize,
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::CounterMode(cipher) => cipher.seal_rtp(buffer, len, header_len, position),
            Self::Aead(cipher) => cipher.seal_rtp(buffer, len, header_len, position),
        }
    }

    /// Checks and decrypts an SRTP packet and returns its plain length.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::CounterMode(cipher) => cipher.open_rtp(packet, header_len, position),
            Self::Aead(cipher) => cipher.open_rtp(packet, header_len, position),
        }
    }

    /// Protects the RTCP packet `buffer[..len]` and returns its new length.
    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        len: usize,
        position: Position,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::CounterMode(cipher) => cipher.seal_rtcp(buffer, len, position),
            Self::Aead(cipher) => cipher.seal_rtcp(buffer, len, position),
        }
    }

    /// The word of E bit and index of an SRTCP packet, not yet authenticated.
    pub(super) fn rtcp_index_word(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        match self {
            Self::CounterMode(_) => CounterMode::rtcp_index_word(packet),
            Self::Aead(_) => Aead::rtcp_index_word(packet),
        }
    }

    /// Checks and decrypts an SRTCP packet and returns its plain length.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        position: Position,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::CounterMode(cipher) => cipher.open_rtcp(packet, position),
            Self::Aead(cipher) => cipher.open_rtcp(packet, position),
        }
    }
}

impl fmt::Debug for Cipher {
    /// The keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CounterMode(_) => "CounterMode",
            Self::Aead(_) => "Aead",
        })
    }
}

/// E bit and index as they stand in a packet; we always encrypt (RFC 3711 3.4).
pub(super) fn index_word(position: Position) -> [u8; super::INDEX_WORD_LEN] {
    (0x8000_0000 | position.index as u32).to_be_bytes()
}
