//! G.722 at 64 kbit/s through the crate `audio-codec`: two samples of 16 kHz a byte.
//!
//! Its RTP clock counts 8,000 a second all the same, so that a packet of 20 ms, 320 samples, moves
//! the timestamp on by 160 (RFC 3551 4.5.2).

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};

use super::conceal::Concealer;
use super::{DecodeError, EncodeError, SampleRate};

/// The decoder, and the concealment that it has not itself.
pub(super) struct Decoder {
    library: Box<G722Decoder>,
    concealer: Concealer,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            library: Box::new(G722Decoder::new()),
            concealer: Concealer::new(SampleRate::Hz16000),
        }
    }

    /// `out` is as long as the payload lasts.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<(), DecodeError> {
        match self.library.decode_into(payload, out) {
            Ok(samples) if samples == out.len() => {
                self.concealer.received(out);
                Ok(())
            }
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.conceal(out);
    }
}

/// The encoder.
pub(super) struct Encoder {
    library: Box<G722Encoder>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            library: Box::new(G722Encoder::new()),
        }
    }

    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        if out.len() < pcm.len() / 2 {
            return Err(EncodeError::NoRoom);
        }
        let encoded = self.library.encode_into(pcm, out);
        encoded.map_err(|_| EncodeError::Library)
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("G722Decoder")
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("G722Encoder")
    }
}
