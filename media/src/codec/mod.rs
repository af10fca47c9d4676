//! Audio coders: what is inside the packets, as samples.
//!
//! PCM is mono `i16` everywhere. A [`Decoder`] turns payloads into samples and fills gaps, an
//! [`Encoder`] turns samples into payloads. Both hold all their memory from the start: decoding
//! and encoding allocate nothing. Nothing here knows sequence numbers, timestamps or time; what
//! to do about a packet that is late is the receiver's decision.
//!
//! [`comfort_noise`] is what silence sounds like, [`resample`] goes between sampling rates.
//! [`AudioCodec`] says what a coder can do: its sampling rates, its packet times, and how long a
//! payload lasts, without decoding it.

pub mod comfort_noise;
pub mod g711;
pub mod resample;

mod conceal;
mod decoder;
mod encoder;
mod error;
mod g722;
mod g729;
mod kind;
mod l16;
mod opus;
mod rate;
mod speex;
mod stereo;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;

pub use decoder::{Decoder, Recovered};
pub use encoder::{Encoder, Settings};
pub use error::{CodecError, DecodeError, EncodeError};
pub use kind::AudioCodec;
pub use rate::SampleRate;
pub use speex::SpeexBand;
pub(crate) use stereo::StereoEncoder;

/// The longest packet that is decoded or encoded: 120 ms, the longest that Opus has
/// (RFC 6716 3.2.5).
pub const MAX_PACKET_MS: u16 = 120;

/// [`MAX_PACKET_MS`] at the highest sampling rate, in samples: a buffer of this length holds
/// whatever any [`Decoder`] makes of a packet.
pub const MAX_PACKET_SAMPLES: usize = 5_760;

/// The longest payload that any [`Encoder`] makes of a packet of up to 60 ms, in bytes: L16 at
/// 48 kHz. Coders that compress need a fraction of it.
pub const MAX_PAYLOAD: usize = 5_760;
