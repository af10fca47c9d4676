//! Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03).

use super::RtcpError;
use super::feedback::SSRCS_LEN;
use super::sdes::words;
use crate::rtp::bytes::u32_at;

pub(super) const IDENTIFIER: [u8; 4] = *b"REMB";

const MANTISSA_BITS: u32 = 18;
const MAX_MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;

/// What a receiver believes the path to it can carry.
#[derive(Debug, Clone, Copy)]
pub struct Remb<'a> {
    /// Who says it.
    pub sender_ssrc: u32,
    /// Bit/s over all the streams named.
    pub bitrate: u64,
    ssrcs: &'a [u8],
}

impl<'a> Remb<'a> {
    /// `None` for application layer feedback of another kind.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, RtcpError> {
        let sender_ssrc = u32_at(body, 0).ok_or(RtcpError::Truncated)?;
        let Some(rest) = body
            .get(SSRCS_LEN..)
            .and_then(|rest| rest.strip_prefix(&IDENTIFIER))
        else {
            return Ok(None);
        };
        let head = u32_at(rest, 0).ok_or(RtcpError::Truncated)?;
        let count = (head >> 24) as usize;
        let ssrcs = rest.get(4..4 + 4 * count).ok_or(RtcpError::Truncated)?;
        Ok(Some(Self {
            sender_ssrc,
            bitrate: decode_bitrate(head),
            ssrcs,
        }))
    }

    /// The streams it is about.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        words(self.ssrcs)
    }
}

/// Six bits of exponent and 18 of mantissa; what does not fit 64 bits saturates.
fn decode_bitrate(head: u32) -> u64 {
    let exponent = (head >> MANTISSA_BITS) & 0x3F;
    let mantissa = u64::from(head) & MAX_MANTISSA;
    if mantissa == 0 {
        0
    } else if exponent > mantissa.leading_zeros() {
        u64::MAX
    } else {
        mantissa << exponent
    }
}

/// The same 24 bits for `bitrate`, rounded down.
pub(super) fn encode_bitrate(bitrate: u64) -> u32 {
    let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(MANTISSA_BITS);
    // At most 18 bits remain, so nothing is cut.
    (exponent << MANTISSA_BITS) | (bitrate >> exponent) as u32
}
