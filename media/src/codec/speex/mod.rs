//! Speex narrow, wide and ultra-wide band (RFC 5574) through libspeex.
//!
//! Payloads are read by [`packet`] before the library sees them: it prints to the terminal what
//! it does not like, and reads zeros beyond the end of a packet.

mod library;
mod packet;

use super::{AudioCodec, CodecError, DecodeError, EncodeError, SampleRate, Settings};
use library::{DecoderState, EncoderState};
pub(super) use packet::samples_of;

/// The quality of 15 kbit/s in the narrow band and 28 in the wide band, of 0 to 10.
const QUALITY: i32 = 8;
/// More than libspeex makes of 60 ms, and more than is read of a payload.
const MAX_PAYLOAD: usize = 1_000;

/// One of the three bands (RFC 5574 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpeexBand {
    /// 8 kHz
    Narrow,
    /// 16 kHz
    Wide,
    /// 32 kHz
    UltraWide,
}

impl SpeexBand {
    /// The only sampling rate of the band.
    pub const fn rate(self) -> SampleRate {
        match self {
            Self::Narrow => SampleRate::Hz8000,
            Self::Wide => SampleRate::Hz16000,
            Self::UltraWide => SampleRate::Hz32000,
        }
    }

    /// A frame is 20 ms in each band.
    const fn frame(self) -> usize {
        self.rate().samples(20)
    }

    fn failed(self) -> CodecError {
        CodecError::Library(AudioCodec::Speex(self))
    }
}

#[derive(Debug)]
pub(super) struct Decoder {
    library: DecoderState,
    band: SpeexBand,
}

impl Decoder {
    pub(super) fn new(band: SpeexBand) -> Result<Self, CodecError> {
        let library = DecoderState::new(band).ok_or(band.failed())?;
        Ok(Self { library, band })
    }

    /// `out` is as long as the payload lasts.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<(), DecodeError> {
        self.library.load(payload);
        for frame in out.chunks_exact_mut(self.band.frame()) {
            if !self.library.decode(frame) {
                return Err(DecodeError::Malformed);
            }
        }
        Ok(())
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        let mut frames = out.chunks_exact_mut(self.band.frame());
        for frame in &mut frames {
            self.library.conceal(frame);
        }
        let rest = frames.into_remainder();
        if !rest.is_empty() {
            let mut frame = [0; SpeexBand::UltraWide.frame()];
            let frame = &mut frame[..self.band.frame()];
            self.library.conceal(frame);
            rest.copy_from_slice(&frame[..rest.len()]);
        }
    }
}

#[derive(Debug)]
pub(super) struct Encoder {
    library: EncoderState,
    band: SpeexBand,
    dtx: bool,
    silent: bool,
}

impl Encoder {
    pub(super) fn new(band: SpeexBand, settings: Settings) -> Result<Self, CodecError> {
        let library = EncoderState::new(band).ok_or(band.failed())?;
        let mut encoder = Self {
            library,
            band,
            dtx: false,
            silent: false,
        };
        encoder.set(settings);
        Ok(encoder)
    }

    pub(super) fn set(&mut self, settings: Settings) {
        let complexity = settings.complexity.clamp(1, 10);
        self.library.set_complexity(complexity.into());
        match settings.bitrate {
            Some(bits) => self.library.set_bitrate(bits.min(50_000) as i32),
            None => self.library.set_quality(QUALITY),
        }
        self.library.set_dtx(settings.dtx);
        self.dtx = settings.dtx;
    }

    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        if out.len() < MAX_PAYLOAD {
            return Err(EncodeError::NoRoom);
        }
        let mut spoken = false;
        self.library.clear();
        for frame in pcm.chunks_exact(self.band.frame()) {
            spoken |= self.library.encode(frame);
        }
        // The first silent packet is sent, so that nobody takes the rest for lost.
        let was_silent = self.silent;
        self.silent = self.dtx && !spoken;
        if self.silent && was_silent {
            return Ok(0);
        }
        Ok(self.library.write(out))
    }
}
