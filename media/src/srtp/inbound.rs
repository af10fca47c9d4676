//! The receiving direction of an SRTP session.

use super::cipher::{Cipher, Position};
use super::keys::MasterKey;
use super::stream::{MAX_RTCP_INDEX, Place, RTCP_WINDOW_WORDS, RTP_WINDOW_WORDS, Streams};
use super::window::Standing;
use super::{RTCP_CLEAR_LEN, SrtpError};
use crate::rtp::bytes::u32_at;
use crate::rtp::header::Header;

/// Checks and decrypts what the far side sends.
#[derive(Debug)]
pub struct SrtpInbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: Streams<RTP_WINDOW_WORDS>,
    rtcp_streams: Streams<RTCP_WINDOW_WORDS>,
}

impl SrtpInbound {
    /// # Errors
    /// [`SrtpError::KeyLength`] where the key does not suit its profile.
    pub fn new(key: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::new(&key.rtp_session())?,
            rtcp: Cipher::new(&key.rtcp_session())?,
            rtp_streams: Streams::new(),
            rtcp_streams: Streams::new(),
        })
    }

    /// Turns an SRTP packet into the RTP packet it protects, and returns its length.
    ///
    /// # Errors
    /// See [`SrtpError`]. After one the packet's bytes are of no use; the session is as it was.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let header = Header::parse(packet).map_err(|_| SrtpError::Malformed)?;
        let place = self
            .rtp_streams
            .locate_sequence(header.ssrc, header.sequence_number)?;
        refuse_used(place)?;
        let len = self.rtp.open_rtp(packet, header.len(), position(place))?;
        self.rtp_streams.commit(place);
        Ok(len)
    }

    /// Turns an SRTCP packet into the RTCP packet it protects, and returns its length.
    ///
    /// # Errors
    /// As [`SrtpInbound::unprotect_rtp`].
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        let word = self.rtcp.rtcp_index_word(packet)?;
        if word & !MAX_RTCP_INDEX == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let place = self
            .rtcp_streams
            .locate_index(ssrc, (word & MAX_RTCP_INDEX).into())?;
        refuse_used(place)?;
        let len = self.rtcp.open_rtcp(packet, position(place))?;
        self.rtcp_streams.commit(place);
        Ok(len)
    }

    /// SSRCs that sent authentic packets, counted apart for RTP and RTCP.
    pub fn ssrcs(&self) -> (usize, usize) {
        (self.rtp_streams.len(), self.rtcp_streams.len())
    }
}

fn refuse_used(place: Place) -> Result<(), SrtpError> {
    match place.standing {
        Standing::Fresh => Ok(()),
        Standing::Used => Err(SrtpError::Replayed),
        Standing::TooOld => Err(SrtpError::TooOld),
    }
}

pub(super) fn position(place: Place) -> Position {
    Position {
        ssrc: place.ssrc,
        index: place.index,
    }
}

/// The sender's SSRC of a packet that begins like RTCP.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    if packet.len() < RTCP_CLEAR_LEN || packet.first().is_none_or(|first| first >> 6 != 2) {
        return Err(SrtpError::Malformed);
    }
    u32_at(packet, 4).ok_or(SrtpError::Malformed)
}
