//! What is in a payload: frames of 20 ms, packed bit by bit, without an index (RFC 5574 3).

use super::{MAX_PAYLOAD, SpeexBand};
use crate::codec::DecodeError;

/// Bits of a frame by its sub-mode, with the 5 that say which (The Speex Codec Manual, table 9.1).
const NARROW_BITS: [usize; 9] = [5, 43, 119, 160, 220, 300, 364, 492, 79];
/// Bits of a layer above it by its sub-mode, with the 4 that say which (table 10.1). The layer of
/// the ultra-wide band has the first two sub-modes only.
const LAYER_BITS: [usize; 5] = [4, 36, 112, 192, 352];

/// How long a payload lasts.
///
/// # Errors
/// If it has no frame, an unknown sub-mode, or ends within a frame.
pub(in crate::codec) fn samples_of(band: SpeexBand, payload: &[u8]) -> Result<usize, DecodeError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(DecodeError::TooLong);
    }
    let mut bits = Bits {
        payload,
        position: 0,
    };
    let mut frames = 0;
    while bits.next_frame()? {
        frames += 1;
    }
    match frames {
        0 => Err(DecodeError::Malformed),
        frames => Ok(frames * band.frame()),
    }
}

struct Bits<'a> {
    payload: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    /// Goes past the next frame, if there is one, and messages in front of it.
    fn next_frame(&mut self) -> Result<bool, DecodeError> {
        loop {
            // Less than the head of a frame is padding.
            if self.left() < 5 {
                return Ok(false);
            }
            match self.peek(5)? {
                // A terminator, which may be cut short: 0, then ones.
                15 => return Ok(false),
                // In-band messages, which the library skips: a code, then what it determines.
                14 => {
                    self.skip(5)?;
                    let code = self.peek(4)?;
                    self.skip(4 + message_bits(code))?;
                }
                // A message of one's own: its length in bytes, then that.
                13 => {
                    self.skip(5)?;
                    let bytes = usize::from(self.peek(4)?);
                    self.skip(4 + 5 + 8 * bytes)?;
                }
                mode => {
                    let bits = NARROW_BITS.get(usize::from(mode));
                    self.skip(*bits.ok_or(DecodeError::Malformed)?)?;
                    self.layers()?;
                    return Ok(true);
                }
            }
        }
    }

    /// Goes past what a frame has above the narrow band.
    fn layers(&mut self) -> Result<(), DecodeError> {
        for sub_modes in [&LAYER_BITS[..], &LAYER_BITS[..2]] {
            if self.left() == 0 || self.peek(1)? == 0 {
                break;
            }
            let mode = self.peek(4)? & 7;
            let bits = sub_modes.get(usize::from(mode));
            self.skip(*bits.ok_or(DecodeError::Malformed)?)?;
        }
        Ok(())
    }

    fn left(&self) -> usize {
        (self.payload.len() * 8).saturating_sub(self.position)
    }

    fn skip(&mut self, bits: usize) -> Result<(), DecodeError> {
        if bits > self.left() {
            return Err(DecodeError::Malformed);
        }
        self.position += bits;
        Ok(())
    }

    /// The next bits, at most 8.
    fn peek(&self, bits: usize) -> Result<u8, DecodeError> {
        if bits > self.left() {
            return Err(DecodeError::Malformed);
        }
        let byte = |index: usize| u16::from(self.payload.get(index).copied().unwrap_or(0));
        let first = self.position / 8;
        let two = byte(first) << 8 | byte(first + 1);
        Ok((two << (self.position % 8) >> (16 - bits)) as u8)
    }
}

/// Bits of an in-band message behind its code (manual 5.5).
fn message_bits(code: u8) -> usize {
    match code {
        0..=1 => 1,
        2..=7 => 4,
        8..=9 => 8,
        10..=11 => 16,
        12..=13 => 32,
        _ => 64,
    }
}
