//! RTP and RTCP as a browser would write them.

use media::rtp::rtcp::{Compound, CompoundWriter, RtcpError, RtcpPacket};
use media::rtp::{Header, Packet};

/// A plain RTP packet.
#[derive(Debug, Clone)]
pub struct Rtp {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence_number: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// One-byte header extensions.
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Rtp {
    pub fn new(payload_type: u8, ssrc: u32, sequence_number: u16, timestamp: u32) -> Self {
        Self {
            payload_type,
            marker: false,
            sequence_number,
            timestamp,
            ssrc,
            extensions: Vec::new(),
            payload: vec![0xAB; 20],
        }
    }

    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    pub fn extension(mut self, id: u8, data: &[u8]) -> Self {
        self.extensions.push((id, data.to_vec()));
        self
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let extended = !self.extensions.is_empty();
        let mut bytes = vec![
            0x80 | (u8::from(extended) << 4),
            self.payload_type | (u8::from(self.marker) << 7),
        ];
        bytes.extend(self.sequence_number.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        if extended {
            let mut block = Vec::new();
            for (id, data) in &self.extensions {
                block.push((id << 4) | u8::try_from(data.len() - 1).unwrap());
                block.extend(data);
            }
            block.resize(block.len().next_multiple_of(4), 0);
            bytes.extend([0xBE, 0xDE]);
            bytes.extend(u16::try_from(block.len() / 4).unwrap().to_be_bytes());
            bytes.extend(block);
        }
        bytes.extend(&self.payload);
        bytes
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let packet = Packet::parse(bytes).unwrap();
        let Header {
            payload_type,
            marker,
            sequence_number,
            timestamp,
            ssrc,
            ..
        } = packet.header;
        Self {
            payload_type,
            marker,
            sequence_number,
            timestamp,
            ssrc,
            extensions: packet
                .extensions()
                .map(|it| (it.id, it.data.to_vec()))
                .collect(),
            payload: packet.payload().to_vec(),
        }
    }
}

/// The retransmission of a packet (RFC 4588).
pub fn rtx(of: &Rtp, payload_type: u8, ssrc: u32, sequence_number: u16) -> Rtp {
    let mut payload = of.sequence_number.to_be_bytes().to_vec();
    payload.extend(&of.payload);
    Rtp {
        payload_type,
        ssrc,
        sequence_number,
        payload,
        ..of.clone()
    }
}

/// A compound packet that begins with an empty receiver report.
pub fn rtcp(
    ssrc: u32,
    write: impl FnOnce(&mut CompoundWriter<'_>) -> Result<(), RtcpError>,
) -> Vec<u8> {
    let mut bytes = vec![0; 1200];
    let mut writer = CompoundWriter::new(&mut bytes);
    writer.receiver_report(ssrc, &[]).unwrap();
    write(&mut writer).unwrap();
    let len = writer.len();
    bytes.truncate(len);
    bytes
}

/// Looks at each packet of a compound.
pub fn each_rtcp(bytes: &[u8], mut look: impl FnMut(RtcpPacket<'_>)) {
    Compound::parse(bytes).unwrap().for_each(&mut look);
}

/// A VP8 payload that begins a frame.
pub fn vp8(keyframe: bool) -> Vec<u8> {
    let mut payload = vec![0x10, u8::from(!keyframe)];
    payload.resize(1000, 0x55);
    payload
}
