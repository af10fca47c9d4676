//! RTP headers as the tool's own senders write them.

/// Bytes of a header without extensions (RFC 3550 5.1).
pub(crate) const HEADER_LEN: usize = 12;

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RtpHeader {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl RtpHeader {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let marker = if self.marker { 0x80 } else { 0 };
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = self.payload_type | marker;
        bytes[2..4].copy_from_slice(&self.sequence_number.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}
