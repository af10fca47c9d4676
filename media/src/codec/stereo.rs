//! Opus with two channels that have nothing to do with each other: the two sides of a call in one
//! file.

use ::opus::{Application, Bitrate, Channels};

use super::{AudioCodec, CodecError, EncodeError, SampleRate};

/// Enough that neither side is heard in the other's channel, bits a second.
const BITRATE: i32 = 64_000;

/// As that of calls that are transcoded.
const COMPLEXITY: i32 = 5;

/// Encodes the left and the right channel together.
#[derive(Debug)]
pub(crate) struct StereoEncoder {
    library: ::opus::Encoder,
    /// How much later a decoder gives what it gets, samples of 48 kHz.
    delay: u16,
}

impl StereoEncoder {
    pub(crate) fn new(rate: SampleRate) -> Result<Self, CodecError> {
        let failed = |_| CodecError::Library(AudioCodec::Opus);
        let library = ::opus::Encoder::new(rate.hz(), Channels::Stereo, Application::Audio);
        let mut library = library.map_err(failed)?;
        library
            .set_bitrate(Bitrate::Bits(BITRATE))
            .map_err(failed)?;
        library.set_complexity(COMPLEXITY).map_err(failed)?;
        // Where one side is silent it would make one channel of both.
        library
            .set_force_channels(Some(Channels::Stereo))
            .map_err(failed)?;
        let ahead = library.get_lookahead().map_err(failed)?;
        let ahead = u16::try_from(ahead).unwrap_or_default();
        let times = u16::try_from(48_000 / rate.hz()).unwrap_or(1);
        Ok(Self {
            library,
            delay: ahead.saturating_mul(times),
        })
    }

    /// What a file has to say of it (RFC 7845 5.1, pre-skip), samples of 48 kHz.
    pub(crate) fn delay(&self) -> u16 {
        self.delay
    }

    /// Encodes a packet time of samples, left and right in turn, to the beginning of `out`.
    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let encoded = self.library.encode(pcm, out);
        encoded.map_err(|_| EncodeError::Library)
    }
}
