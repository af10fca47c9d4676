//! RTCP (RFC 3550 6) with the feedback of RFC 4585 and 5104 and the receiver estimated maximum
//! bitrate (draft-alvestrand-rmcat-remb): checked views over a compound packet, and a writer.

mod feedback;
mod remb;
mod report;
mod sdes;
mod write;

use thiserror::Error;

use super::bytes::u16_at;

pub use feedback::{Fir, FirEntry, Nack, Pli};
pub use remb::Remb;
pub use report::{ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport};
pub use sdes::{Bye, Sdes};
pub use write::CompoundWriter;

/// Packets in one compound; more are refused.
pub const MAX_PACKETS: usize = 32;

const HEADER_LEN: usize = 4;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

const FORMAT_NACK: u8 = 1;
const FORMAT_PLI: u8 = 1;
const FORMAT_FIR: u8 = 4;
const FORMAT_APPLICATION: u8 = 15;

/// Why a compound packet was refused. All but [`RtcpError::NoRoom`] are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// A packet is longer than the datagram, or shorter than what it says to contain.
    #[error("RTCP packet ends before its contents")]
    Truncated,
    /// Not version 2.
    #[error("RTCP version is not 2")]
    Version,
    /// Padding of a wrong length, or in a packet that is not the last.
    #[error("RTCP padding does not fit its packet")]
    Padding,
    /// No packet at all, or more than [`MAX_PACKETS`].
    #[error("RTCP compound of no or too many packets")]
    Count,
    /// Our own buffer is too small for the packet to be written.
    #[error("buffer too small for the RTCP packet")]
    NoRoom,
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy)]
pub enum RtcpPacket<'a> {
    /// RFC 3550 6.4.1
    SenderReport(SenderReport<'a>),
    /// RFC 3550 6.4.2
    ReceiverReport(ReceiverReport<'a>),
    /// RFC 3550 6.5
    Sdes(Sdes<'a>),
    /// RFC 3550 6.6
    Bye(Bye<'a>),
    /// RFC 4585 6.2.1
    Nack(Nack<'a>),
    /// RFC 4585 6.3.1
    Pli(Pli),
    /// RFC 5104 4.3.1
    Fir(Fir<'a>),
    /// Receiver estimated maximum bitrate
    Remb(Remb<'a>),
}

/// A checked compound packet, or a reduced-size one (RFC 5506). Iterates over the packets of
/// the kinds in [`RtcpPacket`]; the others are skipped.
#[derive(Debug, Clone)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks every packet of a datagram: all are well formed, or the whole is refused.
    ///
    /// # Errors
    /// See [`RtcpError`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, RtcpError> {
        let mut rest = datagram;
        let mut count = 0;
        while !rest.is_empty() {
            count += 1;
            if count > MAX_PACKETS {
                return Err(RtcpError::Count);
            }
            let raw = Raw::split(&mut rest)?;
            raw.interpret()?;
        }
        if count == 0 {
            return Err(RtcpError::Count);
        }
        Ok(Self { rest: datagram })
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = RtcpPacket<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            if let Some(packet) = Raw::split(&mut self.rest).ok()?.interpret().ok()? {
                return Some(packet);
            }
        }
        None
    }
}

/// The common header of every RTCP packet, and what follows it without padding.
struct Raw<'a> {
    count: u8,
    packet_type: u8,
    body: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Takes one packet off `rest`.
    fn split(rest: &mut &'a [u8]) -> Result<Self, RtcpError> {
        let [first, packet_type, ..] = **rest else {
            return Err(RtcpError::Truncated);
        };
        if first >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        let words = u16_at(rest, 2).ok_or(RtcpError::Truncated)?;
        let end = HEADER_LEN + 4 * usize::from(words);
        let (packet, after) = rest.split_at_checked(end).ok_or(RtcpError::Truncated)?;
        let mut body = packet.get(HEADER_LEN..).ok_or(RtcpError::Truncated)?;
        if first & 0b0010_0000 != 0 {
            // "padding is only required on one individual packet [...] and it MUST be added
            // only to the last" (RFC 3550 6.4.1), in whole words.
            let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
            if !after.is_empty() || padding == 0 || !padding.is_multiple_of(4) {
                return Err(RtcpError::Padding);
            }
            let unpadded = body.len().checked_sub(padding).ok_or(RtcpError::Padding)?;
            body = body.get(..unpadded).ok_or(RtcpError::Padding)?;
        }
        *rest = after;
        Ok(Self {
            count: first & 0b0001_1111,
            packet_type,
            body,
        })
    }

    /// The typed view; `None` for a kind we do not know.
    fn interpret(&self) -> Result<Option<RtcpPacket<'a>>, RtcpError> {
        let packet = match (self.packet_type, self.count) {
            (SENDER_REPORT, count) => {
                RtcpPacket::SenderReport(SenderReport::parse(count, self.body)?)
            }
            (RECEIVER_REPORT, count) => {
                RtcpPacket::ReceiverReport(ReceiverReport::parse(count, self.body)?)
            }
            (SOURCE_DESCRIPTION, count) => RtcpPacket::Sdes(Sdes::parse(count, self.body)?),
            (GOODBYE, count) => RtcpPacket::Bye(Bye::parse(count, self.body)?),
            (TRANSPORT_FEEDBACK, FORMAT_NACK) => RtcpPacket::Nack(Nack::parse(self.body)?),
            (PAYLOAD_FEEDBACK, FORMAT_PLI) => RtcpPacket::Pli(Pli::parse(self.body)?),
            (PAYLOAD_FEEDBACK, FORMAT_FIR) => RtcpPacket::Fir(Fir::parse(self.body)?),
            (PAYLOAD_FEEDBACK, FORMAT_APPLICATION) => {
                return Ok(Remb::parse(self.body)?.map(RtcpPacket::Remb));
            }
            _ => return Ok(None),
        };
        Ok(Some(packet))
    }
}
