//! L16, uncompressed samples in network order (RFC 3551 4.5.11). Tests look at sound through it
//! without a coder's loss.

use super::{DecodeError, EncodeError};

pub(super) fn samples_of(payload: &[u8]) -> Result<usize, DecodeError> {
    if payload.len().is_multiple_of(2) {
        Ok(payload.len() / 2)
    } else {
        Err(DecodeError::Malformed)
    }
}

pub(super) fn decode(payload: &[u8], out: &mut [i16]) {
    for (sample, bytes) in out.iter_mut().zip(payload.as_chunks().0) {
        *sample = i16::from_be_bytes(*bytes);
    }
}

pub(super) fn encode(pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
    let len = 2 * pcm.len();
    let out = out.get_mut(..len).ok_or(EncodeError::NoRoom)?;
    for (bytes, sample) in out.as_chunks_mut().0.iter_mut().zip(pcm) {
        *bytes = sample.to_be_bytes();
    }
    Ok(len)
}
