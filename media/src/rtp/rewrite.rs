//! A source's packet written anew for a sink.

use super::extension::{ExtensionMap, write_mapped};
use super::header::{FIXED_HEADER_LEN, FixedHeader, Packet, RtpError};

/// What a packet carries on the sink's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// As the sink's description declares it.
    pub payload_type: u8,
    /// Our outbound SSRC towards the sink.
    pub ssrc: u32,
    /// In our outbound sequence space.
    pub sequence_number: u16,
    /// In our outbound timeline.
    pub timestamp: u32,
    /// Usually the source's own.
    pub marker: bool,
    /// Padding helps a sender's bandwidth probe only if it goes all the way.
    pub keep_padding: bool,
}

/// Writes `source` to `out` with the new header values and extension ids, and returns the
/// length written. Unmapped extensions are dropped, and so are the CSRCs: they name sources
/// that the sink was never told of.
///
/// # Errors
/// [`RtpError::NoRoom`] where `out` is too small. It never needs to be larger than the source
/// packet by more than [`GROWTH`].
pub fn rewrite(
    source: &Packet<'_>,
    to: &Rewrite,
    extensions: &ExtensionMap,
    out: &mut [u8],
) -> Result<usize, RtpError> {
    let after_fixed = out.get_mut(FIXED_HEADER_LEN..).ok_or(RtpError::NoRoom)?;
    let extension_len = write_mapped(&source.extensions(), extensions, after_fixed)?;
    let padding = to.keep_padding && source.padding_len() > 0;
    let body = if padding {
        source
            .bytes()
            .get(source.header.len()..)
            .unwrap_or_default()
    } else {
        source.payload()
    };
    let payload_at = FIXED_HEADER_LEN + extension_len;
    let end = payload_at + body.len();
    out.get_mut(payload_at..end)
        .ok_or(RtpError::NoRoom)?
        .copy_from_slice(body);
    FixedHeader {
        padding,
        extension: extension_len > 0,
        marker: to.marker,
        payload_type: to.payload_type,
        sequence_number: to.sequence_number,
        timestamp: to.timestamp,
        ssrc: to.ssrc,
    }
    .write(out)?;
    Ok(end)
}

/// By how much the header extension can grow when its ids no longer fit the one-byte form:
/// one byte for each of at most 14 distinct elements, rounded up.
pub const GROWTH: usize = 16;
