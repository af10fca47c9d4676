//! Which coders there are and what each can do.

use super::{DecodeError, MAX_PACKET_MS, SampleRate, SpeexBand, g729, l16, opus, speex};

/// An audio coder, as negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// G.711 µ-law (RFC 3551 4.5.14)
    Pcmu,
    /// G.711 A-law (RFC 3551 4.5.14)
    Pcma,
    /// G.722 at 64 kbit/s (RFC 3551 4.5.2)
    G722,
    /// G.729 with Annexes A and B, 8 kbit/s (RFC 3551 4.5.6)
    G729,
    /// Speex in one of its bands (RFC 5574)
    Speex(SpeexBand),
    /// Opus, mono (RFC 6716, RFC 7587). Stereo is decoded to mono.
    Opus,
    /// Linear PCM, 16 bits, big-endian (RFC 3551 4.5.11)
    L16(SampleRate),
}

impl AudioCodec {
    /// All but L16, which there is at any rate.
    pub const COMPRESSED: [Self; 8] = [
        Self::Pcmu,
        Self::Pcma,
        Self::G722,
        Self::G729,
        Self::Speex(SpeexBand::Narrow),
        Self::Speex(SpeexBand::Wide),
        Self::Speex(SpeexBand::UltraWide),
        Self::Opus,
    ];

    /// The sampling rates it runs at without a resampler, the best first.
    pub const fn rates(self) -> &'static [SampleRate] {
        use SampleRate::{Hz8000, Hz12000, Hz16000, Hz24000, Hz32000, Hz48000};
        match self {
            Self::Pcmu
            | Self::Pcma
            | Self::G729
            | Self::Speex(SpeexBand::Narrow)
            | Self::L16(Hz8000) => &[Hz8000],
            Self::Opus => &[Hz48000, Hz24000, Hz16000, Hz12000, Hz8000],
            Self::L16(Hz12000) => &[Hz12000],
            Self::G722 | Self::Speex(SpeexBand::Wide) | Self::L16(Hz16000) => &[Hz16000],
            Self::L16(Hz24000) => &[Hz24000],
            Self::Speex(SpeexBand::UltraWide) | Self::L16(Hz32000) => &[Hz32000],
            Self::L16(Hz48000) => &[Hz48000],
        }
    }

    /// It runs at this rate without a resampler.
    pub fn runs_at(self, rate: SampleRate) -> bool {
        self.rates().contains(&rate)
    }

    /// The clock of its RTP timestamps, Hz. Not always a sampling rate: G.722 counts 8,000 a
    /// second though it samples at 16 kHz (RFC 3551 4.5.2), and Opus always counts 48,000
    /// (RFC 7587 4.1). Timestamps are the business of whoever sends the packets.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::G729 => 8_000,
            Self::Opus => 48_000,
            Self::Speex(band) => band.rate().hz(),
            Self::L16(rate) => rate.hz(),
        }
    }

    /// The packet times that can be encoded, ms, in rising order; 20 is among them always.
    pub const fn packet_times(self) -> &'static [u16] {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::G729 | Self::L16(_) => {
                &[10, 20, 30, 40, 50, 60]
            }
            Self::Speex(_) => &[20, 40, 60],
            // The frames that there are (RFC 6716 2.1.4); other multiples are never asked of us.
            Self::Opus => &[10, 20, 40, 60],
        }
    }

    /// The packet time nearest below what was asked for, or the shortest.
    pub fn packet_time(self, wanted_ms: u16) -> u16 {
        let times = self.packet_times();
        let nearest = times.iter().rev().find(|time| **time <= wanted_ms);
        nearest.or(times.first()).copied().unwrap_or(20)
    }

    /// Whether a payload carries what the one before it said as well (in-band FEC, RFC 6716 2.1.7).
    pub fn repairs(self, payload: &[u8]) -> bool {
        self == Self::Opus && opus::repeats_its_predecessor(payload)
    }

    /// How many samples a payload lasts at a sampling rate, without decoding it: what the
    /// decoder would give.
    ///
    /// # Errors
    /// A payload that no decoder would take, as far as that shows from outside, and one longer
    /// than [`MAX_PACKET_MS`].
    pub fn samples_of(self, payload: &[u8], rate: SampleRate) -> Result<usize, DecodeError> {
        if payload.is_empty() {
            return Err(DecodeError::Empty);
        }
        let samples = match self {
            Self::Pcmu | Self::Pcma => payload.len(),
            Self::G722 => 2 * payload.len(),
            Self::L16(_) => l16::samples_of(payload)?,
            Self::G729 => g729::samples_of(payload)?,
            Self::Speex(band) => speex::samples_of(band, payload)?,
            Self::Opus => opus::samples_of(payload, rate)?,
        };
        if samples > rate.samples(MAX_PACKET_MS) {
            return Err(DecodeError::TooLong);
        }
        Ok(samples)
    }
}
