//! The RTP data packet (RFC 3550 5.1) as a checked view over received bytes.

use std::ops::Range;

use thiserror::Error;

use super::bytes::{put, u16_at, u32_at};
use super::extension::Extensions;

/// Length of the header without CSRCs and extension.
pub const FIXED_HEADER_LEN: usize = 12;

const VERSION_MASK: u8 = 0b1100_0000;
const VERSION_2: u8 = 0b1000_0000;
const PADDING_BIT: u8 = 0b0010_0000;
const EXTENSION_BIT: u8 = 0b0001_0000;
const CSRC_COUNT_MASK: u8 = 0b0000_1111;
const MARKER_BIT: u8 = 0b1000_0000;
const PAYLOAD_TYPE_MASK: u8 = 0b0111_1111;

/// Why a packet was refused. All but [`RtpError::NoRoom`] are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtpError {
    /// Shorter than the header it announces.
    #[error("RTP packet ends within its header")]
    Truncated,
    /// Not RTP version 2.
    #[error("RTP version is not 2")]
    Version,
    /// The padding count is zero or larger than the payload.
    #[error("RTP padding does not fit its packet")]
    Padding,
    /// A retransmission without room for the original sequence number (RFC 4588 4).
    #[error("RTX payload lacks the original sequence number")]
    NoOriginal,
    /// Our own buffer is too small for the packet to be written.
    #[error("buffer too small for the RTP packet")]
    NoRoom,
}

/// Whether a packet on a port shared by RTP and RTCP is RTCP (RFC 5761 4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet.get(1), Some(192..=223))
}

/// The parsed header: plain values, so that the packet's bytes stay free to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Meaning is the payload format's: end of a video frame, start of a talk spurt.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Wraps at 2^16.
    pub sequence_number: u16,
    /// In units of the payload format's clock, wraps at 2^32.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The padding bit. In an SRTP packet the count it announces is still encrypted.
    pub padding: bool,
    csrc_count: u8,
    extension: Option<ExtensionBlock>,
    len: usize,
}

/// Where a header's extension lies (RFC 3550 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionBlock {
    /// "Defined by profile": 0xBEDE and 0x100x are RFC 8285's.
    pub profile: u16,
    /// Offset of the first byte after the block's own four.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Header {
    /// Reads a header. Looks at no byte of the payload, so that it suits SRTP packets too.
    ///
    /// # Errors
    /// [`RtpError::Version`], or [`RtpError::Truncated`] where the bytes end before the
    /// CSRCs or the extension that the header announces.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let fixed: &[u8; FIXED_HEADER_LEN] = packet.first_chunk().ok_or(RtpError::Truncated)?;
        let [b0, b1, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *fixed;
        if b0 & VERSION_MASK != VERSION_2 {
            return Err(RtpError::Version);
        }
        let csrc_count = b0 & CSRC_COUNT_MASK;
        let mut len = FIXED_HEADER_LEN + 4 * usize::from(csrc_count);
        let mut extension = None;
        if b0 & EXTENSION_BIT != 0 {
            let profile = u16_at(packet, len).ok_or(RtpError::Truncated)?;
            let words = u16_at(packet, len + 2).ok_or(RtpError::Truncated)?;
            let start = len + 4;
            len = start + 4 * usize::from(words);
            extension = Some(ExtensionBlock {
                profile,
                start,
                end: len,
            });
        }
        if packet.len() < len {
            return Err(RtpError::Truncated);
        }
        Ok(Self {
            marker: b1 & MARKER_BIT != 0,
            payload_type: b1 & PAYLOAD_TYPE_MASK,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            padding: b0 & PADDING_BIT != 0,
            csrc_count,
            extension,
            len,
        })
    }

    /// Header length, CSRCs and extension included: where the payload begins.
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The extension block, if there is one.
    pub fn extension(&self) -> Option<ExtensionBlock> {
        self.extension
    }

    /// Where the payload lies within the (plain) packet this header was read from, padding
    /// left out.
    ///
    /// # Errors
    /// [`RtpError::Padding`] where the padding count is zero or exceeds what follows the header.
    pub fn payload_range(&self, packet: &[u8]) -> Result<Range<usize>, RtpError> {
        let after_header = packet.get(self.len..).ok_or(RtpError::Truncated)?;
        if !self.padding {
            return Ok(self.len..packet.len());
        }
        let count = usize::from(*after_header.last().ok_or(RtpError::Padding)?);
        if count == 0 || count > after_header.len() {
            return Err(RtpError::Padding);
        }
        Ok(self.len..packet.len() - count)
    }
}

/// A plain RTP packet, wholly checked.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    bytes: &'a [u8],
    payload_end: usize,
}

impl<'a> Packet<'a> {
    /// Checks header and padding.
    ///
    /// # Errors
    /// As [`Header::parse`] and [`Header::payload_range`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let header = Header::parse(bytes)?;
        let payload_end = header.payload_range(bytes)?.end;
        Ok(Self {
            header,
            bytes,
            payload_end,
        })
    }

    /// The whole packet.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The payload without padding; empty in a packet of padding alone.
    pub fn payload(&self) -> &'a [u8] {
        self.bytes
            .get(self.header.len..self.payload_end)
            .unwrap_or_default()
    }

    /// Where [`Packet::payload`] lies.
    pub fn payload_range(&self) -> Range<usize> {
        self.header.len..self.payload_end
    }

    /// Bytes of padding, its count byte included.
    pub fn padding_len(&self) -> usize {
        self.bytes.len() - self.payload_end
    }

    /// Contributing sources, at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let bytes = self.bytes;
        (0..usize::from(self.header.csrc_count))
            .map_while(move |index| u32_at(bytes, FIXED_HEADER_LEN + 4 * index))
    }

    /// The header extension's elements (RFC 8285).
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::of(&self.header, self.bytes)
    }
}

/// Sets fields of a header where it lies.
#[derive(Debug)]
pub struct HeaderMut<'a> {
    fixed: &'a mut [u8; FIXED_HEADER_LEN],
}

impl<'a> HeaderMut<'a> {
    /// Over a packet that begins with a version 2 header.
    ///
    /// # Errors
    /// [`RtpError::Truncated`] and [`RtpError::Version`].
    pub fn new(packet: &'a mut [u8]) -> Result<Self, RtpError> {
        let fixed: &mut [u8; FIXED_HEADER_LEN] =
            packet.first_chunk_mut().ok_or(RtpError::Truncated)?;
        if fixed[0] & VERSION_MASK != VERSION_2 {
            return Err(RtpError::Version);
        }
        Ok(Self { fixed })
    }

    /// The marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        self.fixed[1] = (self.fixed[1] & PAYLOAD_TYPE_MASK) | (u8::from(marker) << 7);
    }

    /// The payload type; its low seven bits count.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        self.fixed[1] = (self.fixed[1] & MARKER_BIT) | (payload_type & PAYLOAD_TYPE_MASK);
    }

    /// Clears the padding bit; the padding itself is the caller's to cut.
    pub fn clear_padding(&mut self) {
        self.fixed[0] &= !PADDING_BIT;
    }

    /// The sequence number.
    pub fn set_sequence_number(&mut self, sequence_number: u16) {
        self.fixed[2..4].copy_from_slice(&sequence_number.to_be_bytes());
    }

    /// The timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.fixed[4..8].copy_from_slice(&timestamp.to_be_bytes());
    }

    /// The synchronisation source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.fixed[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }
}

/// The fixed header of a packet to be written: no CSRCs.
#[derive(Debug, Clone, Copy)]
pub(super) struct FixedHeader {
    pub(super) padding: bool,
    pub(super) extension: bool,
    pub(super) marker: bool,
    pub(super) payload_type: u8,
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

impl FixedHeader {
    /// Writes the twelve bytes to the start of `out`.
    pub(super) fn write(&self, out: &mut [u8]) -> Result<(), RtpError> {
        let mut fixed = [0; FIXED_HEADER_LEN];
        fixed[0] = VERSION_2 | (u8::from(self.padding) << 5) | (u8::from(self.extension) << 4);
        let mut header = HeaderMut { fixed: &mut fixed };
        header.set_marker(self.marker);
        header.set_payload_type(self.payload_type);
        header.set_sequence_number(self.sequence_number);
        header.set_timestamp(self.timestamp);
        header.set_ssrc(self.ssrc);
        put(out, 0, &fixed).ok_or(RtpError::NoRoom)
    }
}
