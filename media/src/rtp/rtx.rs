//! Retransmission payload format (RFC 4588), SSRC-multiplexed.

use super::bytes::{put, u16_at};
use super::header::{Header, HeaderMut, Packet, RtpError};

/// Length of the original sequence number before the payload.
pub const OSN_LEN: usize = 2;

/// Where a retransmission goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtxHeader {
    /// Payload type of the retransmission format.
    pub payload_type: u8,
    /// SSRC of the retransmission stream.
    pub ssrc: u32,
    /// Next in the retransmission stream's own sequence space.
    pub sequence_number: u16,
}

/// Writes the retransmission of `original` to `out` and returns its length. Header extensions,
/// marker and timestamp are the original's (RFC 4588 4); padding is left out.
///
/// # Errors
/// Those of [`Packet::parse`], and [`RtpError::NoRoom`]: `out` needs [`OSN_LEN`] more bytes
/// than the original.
pub fn wrap(original: &[u8], to: RtxHeader, out: &mut [u8]) -> Result<usize, RtpError> {
    let packet = Packet::parse(original)?;
    let header_len = packet.header.len();
    let payload = packet.payload();
    let end = header_len + OSN_LEN + payload.len();
    let out = out.get_mut(..end).ok_or(RtpError::NoRoom)?;

    let header_bytes = original.get(..header_len).ok_or(RtpError::Truncated)?;
    put(out, 0, header_bytes)
        .and_then(|()| {
            put(
                out,
                header_len,
                &packet.header.sequence_number.to_be_bytes(),
            )
        })
        .and_then(|()| put(out, header_len + OSN_LEN, payload))
        .ok_or(RtpError::NoRoom)?;
    let mut header = HeaderMut::new(out)?;
    header.clear_padding();
    header.set_payload_type(to.payload_type);
    header.set_ssrc(to.ssrc);
    header.set_sequence_number(to.sequence_number);
    Ok(end)
}

/// Turns a received retransmission back into the original packet where it lies, and returns
/// its length. `payload_type` and `ssrc` are those of the stream it repairs.
///
/// # Errors
/// Those of [`Packet::parse`], and [`RtpError::NoOriginal`] for a packet that carries none, as
/// senders use to probe bandwidth.
pub fn unwrap(packet: &mut [u8], payload_type: u8, ssrc: u32) -> Result<usize, RtpError> {
    let header = Header::parse(packet)?;
    let payload = header.payload_range(packet)?;
    if payload.len() < OSN_LEN {
        return Err(RtpError::NoOriginal);
    }
    let original = u16_at(packet, payload.start).ok_or(RtpError::NoOriginal)?;
    packet.copy_within(payload.start + OSN_LEN..payload.end, payload.start);
    let mut header = HeaderMut::new(packet)?;
    header.clear_padding();
    header.set_payload_type(payload_type);
    header.set_ssrc(ssrc);
    header.set_sequence_number(original);
    Ok(payload.end - OSN_LEN)
}
