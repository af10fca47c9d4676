//! Feedback messages: generic NACK and PLI (RFC 4585 6), FIR (RFC 5104 4.3.1).

use super::RtcpError;
use crate::rtp::bytes::u32_at;

/// Length of the two SSRCs that begin every feedback message.
pub(super) const SSRCS_LEN: usize = 8;

fn ssrcs(body: &[u8]) -> Result<(u32, u32), RtcpError> {
    u32_at(body, 0)
        .zip(u32_at(body, 4))
        .ok_or(RtcpError::Truncated)
}

/// Packets a receiver misses.
#[derive(Debug, Clone, Copy)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The stream asked of.
    pub media_ssrc: u32,
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc) = ssrcs(body)?;
        let entries = body.get(SSRCS_LEN..).unwrap_or_default();
        if entries.is_empty() {
            return Err(RtcpError::Truncated);
        }
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            entries,
        })
    }

    /// The sequence numbers asked for: 17 for each four bytes of the message at most. Nothing
    /// keeps a sender from asking for one twice.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + use<'a> {
        super::sdes::words(self.entries).flat_map(|entry| {
            let first = (entry >> 16) as u16;
            let following = (1..=16u16)
                .filter(move |bit| entry & (1 << (bit - 1)) != 0)
                .map(move |bit| first.wrapping_add(bit));
            std::iter::once(first).chain(following)
        })
    }
}

/// A decoder lost its picture and needs a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The stream asked of.
    pub media_ssrc: u32,
}

impl Pli {
    pub(super) fn parse(body: &[u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc) = ssrcs(body)?;
        Ok(Self {
            sender_ssrc,
            media_ssrc,
        })
    }
}

/// Full intra requests.
#[derive(Debug, Clone, Copy)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    entries: &'a [u8],
}

/// A full intra request of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirEntry {
    /// The stream asked of.
    pub ssrc: u32,
    /// Goes up by one with each new request; the same number again is a repetition
    /// (RFC 5104 4.3.1.2).
    pub sequence_number: u8,
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        // "The SSRC of media source is not used and SHALL be set to 0" (RFC 5104 4.3.1.2).
        let (sender_ssrc, _) = ssrcs(body)?;
        let entries = body.get(SSRCS_LEN..).unwrap_or_default();
        if entries.is_empty() || !entries.len().is_multiple_of(FIR_ENTRY_LEN) {
            return Err(RtcpError::Truncated);
        }
        Ok(Self {
            sender_ssrc,
            entries,
        })
    }

    /// One for each stream asked of.
    pub fn entries(&self) -> impl Iterator<Item = FirEntry> + use<'a> {
        self.entries
            .chunks_exact(FIR_ENTRY_LEN)
            .filter_map(|entry| {
                Some(FirEntry {
                    ssrc: u32_at(entry, 0)?,
                    sequence_number: *entry.get(4)?,
                })
            })
    }
}

pub(super) const FIR_ENTRY_LEN: usize = 8;
