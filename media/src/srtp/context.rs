//! One direction of SRTP: what turns packets into protected ones and back.

use std::fmt;

use super::SrtpError;
use super::cipher::{Session, Usage};
use super::index::{RtcpWindow, RtpWindow, estimate};
use super::keys::{MasterKey, Profile};
use crate::rtp::Header;

/// Synchronisation sources per direction. A browser has four (audio, video, their
/// retransmissions); the rest is for sources that change.
pub const MAX_SSRCS: usize = 16;

/// RTCP header with the sender's SSRC: what stays in the clear (RFC 3711 3.4).
const RTCP_HEADER_LEN: usize = 8;

/// The word after an RTCP packet: encryption flag and index.
const RTCP_INDEX_LEN: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// RFC 3711 9.2: no more packets under one key.
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;
const MAX_RTCP_INDEX: u32 = ENCRYPTED - 1;

/// What the far side sends.
pub struct SrtpInbound {
    profile: Profile,
    rtp: Session,
    rtcp: Session,
    rtp_sources: Sources<RtpWindow>,
    rtcp_sources: Sources<RtcpWindow>,
}

impl SrtpInbound {
    /// # Errors
    /// [`SrtpError::KeyLength`] if the engine refuses a derived key.
    pub fn new(master: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            profile: master.profile(),
            rtp: Session::new(master, Usage::Rtp)?,
            rtcp: Session::new(master, Usage::Rtcp)?,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        })
    }

    /// Authenticates and decrypts an RTP packet in place. Returns the length of the plain
    /// packet, which begins where the protected one did.
    ///
    /// # Errors
    /// The packet is not RTP, was seen before, was not made with our keys, or is of one source
    /// too many. Nothing is remembered of it, and its bytes are of no use any more.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let header = Header::parse(packet)?;
        let tag_len = self.profile.tag_len();
        let plain_len = packet
            .len()
            .checked_sub(tag_len)
            .ok_or(SrtpError::Malformed)?;
        if plain_len < header.len() {
            return Err(SrtpError::Malformed);
        }
        let known = self.rtp_sources.get_mut(header.ssrc);
        let highest = known.as_ref().map(|window| window.highest());
        let index = estimate(highest, header.sequence_number);
        if known.as_ref().is_some_and(|window| !window.is_fresh(index)) {
            return Err(SrtpError::Replay);
        }
        let (clear, sealed) = packet.split_at_mut(header.len());
        match &self.rtp {
            Session::Gcm(session) => session.open(header.ssrc, index, clear, sealed)?,
            Session::Cm(session) => {
                let (body, tag) = packet.split_at_mut(plain_len);
                session.verify(body, &rollover_counter(index), tag)?;
                if let Some(payload) = body.get_mut(header.len()..) {
                    session.apply(header.ssrc, index, payload);
                }
            }
        }
        match known {
            Some(window) => window.accept(index),
            None => self
                .rtp_sources
                .insert(header.ssrc, RtpWindow::starting_at(index))?,
        }
        Ok(plain_len)
    }

    /// Authenticates and decrypts a compound RTCP packet in place. Returns the length of the
    /// plain packet.
    ///
    /// # Errors
    /// As for [`SrtpInbound::unprotect_rtp`]. A packet sent in the clear is refused: no profile
    /// of DTLS-SRTP allows it.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let tag_len = self.profile.tag_len();
        let plain_len = packet
            .len()
            .checked_sub(tag_len + RTCP_INDEX_LEN)
            .filter(|len| *len >= RTCP_HEADER_LEN)
            .ok_or(SrtpError::Malformed)?;
        let ssrc = word_at(packet, 4).ok_or(SrtpError::Malformed)?;
        let at = match &self.rtcp {
            Session::Cm(_) => plain_len,
            Session::Gcm(_) => plain_len + tag_len,
        };
        let word = word_at(packet, at).ok_or(SrtpError::Malformed)?;
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed);
        }
        let index = u64::from(word & !ENCRYPTED);
        let known = self.rtcp_sources.get_mut(ssrc);
        if known.as_ref().is_some_and(|window| !window.is_fresh(index)) {
            return Err(SrtpError::Replay);
        }
        match &self.rtcp {
            Session::Cm(session) => {
                let (body, tag) = packet.split_at_mut(plain_len + RTCP_INDEX_LEN);
                session.verify(body, &[], tag)?;
                if let Some(payload) = body.get_mut(RTCP_HEADER_LEN..plain_len) {
                    session.apply(ssrc, index, payload);
                }
            }
            Session::Gcm(session) => {
                let associated = rtcp_associated(packet, word).ok_or(SrtpError::Malformed)?;
                let sealed = packet
                    .get_mut(RTCP_HEADER_LEN..plain_len + tag_len)
                    .ok_or(SrtpError::Malformed)?;
                session.open(ssrc, index, &associated, sealed)?;
            }
        }
        match known {
            Some(window) => window.accept(index),
            None => self
                .rtcp_sources
                .insert(ssrc, RtcpWindow::starting_at(index))?,
        }
        Ok(plain_len)
    }
}

/// What we send.
///
/// A sequence number may be protected twice only with the very same bytes (a retransmission):
/// in counter modes two different packets under one index give both away. It is the caller's
/// to keep to that; the leg does by sending from its packet cache unchanged.
pub struct SrtpOutbound {
    profile: Profile,
    rtp: Session,
    rtcp: Session,
    /// The highest index of each source.
    rtp_sources: Sources<u64>,
    /// Packets sent so far, over all sources: unique under the key is enough.
    rtcp_index: u32,
}

impl SrtpOutbound {
    /// # Errors
    /// [`SrtpError::KeyLength`] if the engine refuses a derived key.
    pub fn new(master: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            profile: master.profile(),
            rtp: Session::new(master, Usage::Rtp)?,
            rtcp: Session::new(master, Usage::Rtcp)?,
            rtp_sources: Sources::default(),
            rtcp_index: 0,
        })
    }

    /// Protects the RTP packet in the first `len` bytes of `buffer` in place and returns its new
    /// length. Leave [`MAX_RTP_OVERHEAD`](super::MAX_RTP_OVERHEAD) bytes of room behind it.
    ///
    /// # Errors
    /// Our own faults: not RTP, no room, too many sources, or a key that is used up.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let protected_len = len + self.profile.tag_len();
        let packet = buffer.get_mut(..protected_len).ok_or(SrtpError::NoRoom)?;
        let (body, tag_room) = packet.split_at_mut(len);
        let header = Header::parse(body)?;
        let known = self.rtp_sources.get_mut(header.ssrc);
        let highest = known.as_deref().copied();
        let index = estimate(highest, header.sequence_number);
        if index > MAX_RTP_INDEX {
            return Err(SrtpError::KeyExhausted);
        }
        match known {
            Some(highest) => *highest = index.max(*highest),
            None => self.rtp_sources.insert(header.ssrc, index)?,
        }
        let (clear, payload) = body.split_at_mut(header.len());
        match &self.rtp {
            Session::Gcm(session) => {
                tag_room.copy_from_slice(&session.seal(header.ssrc, index, clear, payload)?);
            }
            Session::Cm(session) => {
                session.apply(header.ssrc, index, payload);
                tag_room.copy_from_slice(&session.tag(body, &rollover_counter(index)));
            }
        }
        Ok(protected_len)
    }

    /// Protects the compound RTCP packet in the first `len` bytes of `buffer` in place and
    /// returns its new length. Leave [`MAX_RTCP_OVERHEAD`](super::MAX_RTCP_OVERHEAD) bytes of
    /// room behind it.
    ///
    /// # Errors
    /// Our own faults, as for [`SrtpOutbound::protect_rtp`].
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let tag_len = self.profile.tag_len();
        let protected_len = len + tag_len + RTCP_INDEX_LEN;
        let packet = buffer.get_mut(..protected_len).ok_or(SrtpError::NoRoom)?;
        if len < RTCP_HEADER_LEN {
            return Err(SrtpError::Malformed);
        }
        let ssrc = word_at(packet, 4).ok_or(SrtpError::Malformed)?;
        if self.rtcp_index == MAX_RTCP_INDEX {
            return Err(SrtpError::KeyExhausted);
        }
        self.rtcp_index += 1;
        let index = u64::from(self.rtcp_index);
        let word = ENCRYPTED | self.rtcp_index;
        match &self.rtcp {
            Session::Cm(session) => {
                let (body, tag_room) = packet.split_at_mut(len + RTCP_INDEX_LEN);
                let (plain, index_room) = body.split_at_mut(len);
                session.apply(ssrc, index, &mut plain[RTCP_HEADER_LEN..]);
                index_room.copy_from_slice(&word.to_be_bytes());
                tag_room.copy_from_slice(&session.tag(body, &[]));
            }
            Session::Gcm(session) => {
                let associated = rtcp_associated(packet, word).ok_or(SrtpError::Malformed)?;
                let (plain, rest) = packet.split_at_mut(len);
                let payload = &mut plain[RTCP_HEADER_LEN..];
                let (tag_room, index_room) = rest.split_at_mut(tag_len);
                tag_room.copy_from_slice(&session.seal(ssrc, index, &associated, payload)?);
                index_room.copy_from_slice(&word.to_be_bytes());
            }
        }
        Ok(protected_len)
    }
}

impl fmt::Debug for SrtpInbound {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpInbound")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SrtpOutbound {
    /// Keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpOutbound")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// What is known of each synchronisation source: a handful, so that a list is the fastest map.
struct Sources<T>(Vec<(u32, T)>);

impl<T> Default for Sources<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Sources<T> {
    fn get_mut(&mut self, ssrc: u32) -> Option<&mut T> {
        self.0
            .iter_mut()
            .find(|(known, _)| *known == ssrc)
            .map(|(_, source)| source)
    }

    fn insert(&mut self, ssrc: u32, source: T) -> Result<(), SrtpError> {
        if self.0.len() == MAX_SSRCS {
            return Err(SrtpError::TooManySsrcs);
        }
        self.0.push((ssrc, source));
        Ok(())
    }
}

/// The upper 32 bits of an index, which the tag of AES-CM covers (RFC 3711 4.2).
fn rollover_counter(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// What the tag of an encrypted SRTCP packet covers beside the ciphertext (RFC 7714 9.2).
fn rtcp_associated(packet: &[u8], word: u32) -> Option<[u8; 12]> {
    let mut associated = [0; 12];
    associated[..RTCP_HEADER_LEN].copy_from_slice(packet.get(..RTCP_HEADER_LEN)?);
    associated[RTCP_HEADER_LEN..].copy_from_slice(&word.to_be_bytes());
    Some(associated)
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
