//! Sender and receiver reports (RFC 3550 6.4).

use super::RtcpError;
use crate::rtp::bytes::{u32_at, u64_at};
use crate::rtp::ntp::Ntp64;

pub(super) const BLOCK_LEN: usize = 24;
const SENDER_INFO_LEN: usize = 24;

/// What a sender says of its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// The sender's SSRC.
    pub ssrc: u32,
    /// When the report was sent, by the sender's clock.
    pub ntp: Ntp64,
    /// The same instant on the stream's RTP timeline.
    pub rtp_timestamp: u32,
    /// Packets sent, wraps at 2^32.
    pub packets: u32,
    /// Payload bytes sent, wraps at 2^32.
    pub octets: u32,
}

/// A sender report.
#[derive(Debug, Clone, Copy)]
pub struct SenderReport<'a> {
    /// Of the sender's stream.
    pub sender: SenderInfo,
    /// Of the streams the sender receives.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let sender = sender_info(body).ok_or(RtcpError::Truncated)?;
        let blocks = ReportBlocks::parse(count, body.get(SENDER_INFO_LEN..))?;
        Ok(Self { sender, blocks })
    }
}

fn sender_info(body: &[u8]) -> Option<SenderInfo> {
    Some(SenderInfo {
        ssrc: u32_at(body, 0)?,
        ntp: Ntp64(u64_at(body, 4)?),
        rtp_timestamp: u32_at(body, 12)?,
        packets: u32_at(body, 16)?,
        octets: u32_at(body, 20)?,
    })
}

/// A receiver report.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// Of the streams it receives.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let ssrc = u32_at(body, 0).ok_or(RtcpError::Truncated)?;
        let blocks = ReportBlocks::parse(count, body.get(4..))?;
        Ok(Self { ssrc, blocks })
    }
}

/// The report blocks of one report, at most 31. An extension after them is skipped.
#[derive(Debug, Clone, Copy)]
pub struct ReportBlocks<'a> {
    bytes: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    fn parse(count: u8, bytes: Option<&'a [u8]>) -> Result<Self, RtcpError> {
        let bytes = bytes
            .and_then(|bytes| bytes.get(..BLOCK_LEN * usize::from(count)))
            .ok_or(RtcpError::Truncated)?;
        Ok(Self { bytes })
    }

    /// The blocks in order.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.bytes
            .chunks_exact(BLOCK_LEN)
            .filter_map(ReportBlock::read)
    }
}

/// Reception of one stream, as its receiver sees it (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: u32,
    /// Share lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with duplicates. Held to 24 bits on the wire.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its cycles above 16 bits.
    pub extended_highest: u32,
    /// Interarrival jitter in units of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, 0 where there was none.
    pub last_sender_report: u32,
    /// Time since that report in 1/65536 s.
    pub delay_since_last: u32,
}

/// Bounds of a signed 24-bit number.
const MAX_24: i32 = 0x7F_FFFF;
const MIN_24: i32 = -0x80_0000;

impl ReportBlock {
    fn read(bytes: &[u8]) -> Option<Self> {
        let loss = u32_at(bytes, 4)?;
        Some(Self {
            ssrc: u32_at(bytes, 0)?,
            fraction_lost: (loss >> 24) as u8,
            // Shifted up and down again to extend the sign.
            cumulative_lost: ((loss << 8) as i32) >> 8,
            extended_highest: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sender_report: u32_at(bytes, 16)?,
            delay_since_last: u32_at(bytes, 20)?,
        })
    }

    pub(super) fn to_bytes(self) -> [u8; BLOCK_LEN] {
        let lost = self.cumulative_lost.clamp(MIN_24, MAX_24) as u32 & 0x00FF_FFFF;
        let words = [
            self.ssrc,
            (u32::from(self.fraction_lost) << 24) | lost,
            self.extended_highest,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last,
        ];
        let mut bytes = [0; BLOCK_LEN];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}
