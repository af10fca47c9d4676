//! The sending direction of an SRTP session.

use super::SrtpError;
use super::cipher::Cipher;
use super::inbound::{position, rtcp_ssrc};
use super::keys::MasterKey;
use super::stream::{MAX_RTCP_INDEX, Place, RTCP_WINDOW_WORDS, RTP_WINDOW_WORDS, Streams};
use super::window::Standing;
use crate::rtp::header::Header;

/// Encrypts and signs what we send.
///
/// A key stream must never meet two different packets: with AES-GCM that gives away the
/// authentication key. So every sequence number is remembered, and one comes a second time only
/// through [`SrtpOutbound::protect_rtp_again`].
#[derive(Debug)]
pub struct SrtpOutbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: Streams<RTP_WINDOW_WORDS>,
    rtcp_streams: Streams<RTCP_WINDOW_WORDS>,
}

impl SrtpOutbound {
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

    /// Protects the RTP packet `buffer[..len]` where it lies and returns its new length; the
    /// room for it is [`Profile::rtp_overhead`](super::Profile::rtp_overhead). Packets may come
    /// out of order, as far as the far side's replay window may reach.
    ///
    /// # Errors
    /// [`SrtpError::Reused`] and [`SrtpError::TooOld`] for a sequence number that was or may
    /// have been used, [`SrtpError::NoRoom`], and the others as [`SrtpError`] says.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let (place, header_len) = self.locate(buffer, len)?;
        match place.standing {
            Standing::Fresh => {}
            Standing::Used => return Err(SrtpError::Reused),
            Standing::TooOld => return Err(SrtpError::TooOld),
        }
        let end = self
            .rtp
            .seal_rtp(buffer, len, header_len, position(place))?;
        self.rtp_streams.commit(place);
        Ok(end)
    }

    /// Protects a packet that was protected before, to answer a NACK without RTX. The caller
    /// vouches that `buffer[..len]` is bit for bit what it was then, header extensions included.
    ///
    /// # Errors
    /// [`SrtpError::TooOld`] where that packet is not known to have been sent, and those of
    /// [`SrtpOutbound::protect_rtp`].
    pub fn protect_rtp_again(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let (place, header_len) = self.locate(buffer, len)?;
        if place.standing != Standing::Used {
            return Err(SrtpError::TooOld);
        }
        self.rtp.seal_rtp(buffer, len, header_len, position(place))
    }

    /// Protects the RTCP packet `buffer[..len]` where it lies and returns its new length; the
    /// room for it is [`Profile::rtcp_overhead`](super::Profile::rtcp_overhead).
    ///
    /// # Errors
    /// See [`SrtpError`].
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(buffer.get(..len).ok_or(SrtpError::NoRoom)?)?;
        let index = self.rtcp_streams.highest(ssrc).map_or(0, |index| index + 1);
        if index > MAX_RTCP_INDEX.into() {
            return Err(SrtpError::KeyExhausted);
        }
        let place = self.rtcp_streams.locate_index(ssrc, index)?;
        let end = self.rtcp.seal_rtcp(buffer, len, position(place))?;
        self.rtcp_streams.commit(place);
        Ok(end)
    }

    fn locate(&self, buffer: &[u8], len: usize) -> Result<(Place, usize), SrtpError> {
        let packet = buffer.get(..len).ok_or(SrtpError::NoRoom)?;
        let header = Header::parse(packet).map_err(|_| SrtpError::Malformed)?;
        let place = self
            .rtp_streams
            .locate_sequence(header.ssrc, header.sequence_number)?;
        Ok((place, header.len()))
    }
}
