//! Writes compound packets into the caller's buffer.

use super::feedback::FIR_ENTRY_LEN;
use super::report::{ReportBlock, SenderInfo};
use super::{
    FORMAT_APPLICATION, FORMAT_FIR, FORMAT_NACK, FORMAT_PLI, FirEntry, GOODBYE, HEADER_LEN,
    PAYLOAD_FEEDBACK, RECEIVER_REPORT, RtcpError, SENDER_REPORT, SOURCE_DESCRIPTION,
    TRANSPORT_FEEDBACK, remb, sdes,
};
use crate::rtp::bytes::put;

const MAX_COUNT: usize = 31;
const MAX_REMB_SSRCS: usize = 255;

/// Builds a compound packet: a report first, then a source description, then feedback
/// (RFC 3550 6.1). A packet that does not fit leaves the buffer as it was, so that what was
/// written before can still be sent.
#[derive(Debug)]
pub struct CompoundWriter<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> CompoundWriter<'a> {
    /// Over the start of `out`, which leaves room for the SRTCP trailer if one is to follow.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A sender report; blocks beyond 31 are left out.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`], as for all that follow.
    pub fn sender_report(
        &mut self,
        sender: &SenderInfo,
        blocks: &[ReportBlock],
    ) -> Result<&mut Self, RtcpError> {
        let blocks = blocks.get(..MAX_COUNT).unwrap_or(blocks);
        self.packet(SENDER_REPORT, |body| {
            body.word(sender.ssrc)?;
            body.bytes(&sender.ntp.0.to_be_bytes())?;
            body.word(sender.rtp_timestamp)?;
            body.word(sender.packets)?;
            body.word(sender.octets)?;
            body.blocks(blocks)
        })
    }

    /// A receiver report; blocks beyond 31 are left out.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn receiver_report(
        &mut self,
        ssrc: u32,
        blocks: &[ReportBlock],
    ) -> Result<&mut Self, RtcpError> {
        let blocks = blocks.get(..MAX_COUNT).unwrap_or(blocks);
        self.packet(RECEIVER_REPORT, |body| {
            body.word(ssrc)?;
            body.blocks(blocks)
        })
    }

    /// A source description of one source by its canonical name, of which 255 bytes count.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn sdes_cname(&mut self, ssrc: u32, cname: &str) -> Result<&mut Self, RtcpError> {
        let text = cname.as_bytes();
        let text = text.get(..usize::from(u8::MAX)).unwrap_or(text);
        self.packet(SOURCE_DESCRIPTION, |body| {
            body.word(ssrc)?;
            body.bytes(&[sdes::CNAME, text.len() as u8])?;
            body.bytes(text)?;
            body.bytes(&[0])?;
            body.pad()?;
            Ok(1)
        })
    }

    /// A goodbye; sources beyond 31 are left out.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn bye(&mut self, ssrcs: &[u32]) -> Result<&mut Self, RtcpError> {
        let ssrcs = ssrcs.get(..MAX_COUNT).unwrap_or(ssrcs);
        self.packet(GOODBYE, |body| {
            for ssrc in ssrcs {
                body.word(*ssrc)?;
            }
            Ok(ssrcs.len() as u8)
        })
    }

    /// A generic NACK. Numbers in ascending order take the least room: four bytes for 17 of
    /// them. Writes nothing where there is no number.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn nack(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        sequence_numbers: &[u16],
    ) -> Result<&mut Self, RtcpError> {
        let Some((&first, others)) = sequence_numbers.split_first() else {
            return Ok(self);
        };
        self.packet(TRANSPORT_FEEDBACK, |body| {
            body.word(sender_ssrc)?;
            body.word(media_ssrc)?;
            let (mut pid, mut following) = (first, 0u16);
            for &number in others {
                match number.wrapping_sub(pid) {
                    0 => {}
                    ahead @ 1..=16 => following |= 1 << (ahead - 1),
                    _ => {
                        body.nack_entry(pid, following)?;
                        (pid, following) = (number, 0);
                    }
                }
            }
            body.nack_entry(pid, following)?;
            Ok(FORMAT_NACK)
        })
    }

    /// A picture loss indication.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn pli(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Result<&mut Self, RtcpError> {
        self.packet(PAYLOAD_FEEDBACK, |body| {
            body.word(sender_ssrc)?;
            body.word(media_ssrc)?;
            Ok(FORMAT_PLI)
        })
    }

    /// A full intra request of one stream.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn fir(&mut self, sender_ssrc: u32, entry: FirEntry) -> Result<&mut Self, RtcpError> {
        self.packet(PAYLOAD_FEEDBACK, |body| {
            body.word(sender_ssrc)?;
            body.word(0)?;
            let mut bytes = [0; FIR_ENTRY_LEN];
            bytes[..4].copy_from_slice(&entry.ssrc.to_be_bytes());
            bytes[4] = entry.sequence_number;
            body.bytes(&bytes)?;
            Ok(FORMAT_FIR)
        })
    }

    /// An estimated maximum bitrate for the streams named, of which 255 count.
    ///
    /// # Errors
    /// [`RtcpError::NoRoom`]
    pub fn remb(
        &mut self,
        sender_ssrc: u32,
        bitrate: u64,
        ssrcs: &[u32],
    ) -> Result<&mut Self, RtcpError> {
        let ssrcs = ssrcs.get(..MAX_REMB_SSRCS).unwrap_or(ssrcs);
        self.packet(PAYLOAD_FEEDBACK, |body| {
            body.word(sender_ssrc)?;
            body.word(0)?;
            body.bytes(&remb::IDENTIFIER)?;
            body.word(((ssrcs.len() as u32) << 24) | remb::encode_bitrate(bitrate))?;
            for ssrc in ssrcs {
                body.word(*ssrc)?;
            }
            Ok(FORMAT_APPLICATION)
        })
    }

    /// Writes a body and then its header. `write` returns the header's count or format.
    fn packet(
        &mut self,
        packet_type: u8,
        write: impl FnOnce(&mut Body<'_>) -> Result<u8, RtcpError>,
    ) -> Result<&mut Self, RtcpError> {
        let room = self.out.get_mut(self.len..).ok_or(RtcpError::NoRoom)?;
        let mut body = Body {
            packet: room,
            at: HEADER_LEN,
        };
        let count = write(&mut body)?;
        let end = body.at;
        let words = u16::try_from(end / 4 - 1).map_err(|_| RtcpError::NoRoom)?;
        let [high, low] = words.to_be_bytes();
        put(room, 0, &[0b1000_0000 | count, packet_type, high, low]).ok_or(RtcpError::NoRoom)?;
        self.len += end;
        Ok(self)
    }
}

/// One packet being written.
struct Body<'a> {
    packet: &'a mut [u8],
    at: usize,
}

impl Body<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), RtcpError> {
        put(self.packet, self.at, bytes).ok_or(RtcpError::NoRoom)?;
        self.at += bytes.len();
        Ok(())
    }

    fn word(&mut self, word: u32) -> Result<(), RtcpError> {
        self.bytes(&word.to_be_bytes())
    }

    fn nack_entry(&mut self, pid: u16, following: u16) -> Result<(), RtcpError> {
        self.word((u32::from(pid) << 16) | u32::from(following))
    }

    fn blocks(&mut self, blocks: &[ReportBlock]) -> Result<u8, RtcpError> {
        for block in blocks {
            self.bytes(&block.to_bytes())?;
        }
        Ok(blocks.len() as u8)
    }

    /// Zero bytes up to the next word.
    fn pad(&mut self) -> Result<(), RtcpError> {
        let missing = self.at.next_multiple_of(4) - self.at;
        self.bytes(&[0; 3][..missing])
    }
}
