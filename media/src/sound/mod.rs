//! Sounds that nobody says: music on hold, ringback, announcements. A [`Sound`] is read from a file
//! or made once, at the start; a worker encodes it once for each format in which somebody hears it,
//! and every leg gets those same payloads, under numbers of its own (ADR 16).

mod error;
mod ogg;
mod ogg_writer;
mod player;
mod repertoire;
mod ringback;
mod track;
mod wav;
pub(crate) mod wav_writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use error::SoundError;
pub use ringback::Ringback;

pub(crate) use ogg_writer::OggWriter;
pub(crate) use player::{Played, Player};
pub(crate) use repertoire::Repertoire;

use crate::codec::SampleRate;
use crate::codec::resample::resample_whole;
use crate::playout::fade::{fade_in, fade_out};

/// The longest sound that is taken: at 48 kHz it is 58 MB.
pub const MAX_SOUND: Duration = Duration::from_secs(600);

/// Sampling rates of files, Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// A file that was cut anywhere does not click.
const FADE_MS: u16 = 5;

/// A sound, ready to be encoded: mono, at a rate that coders run at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    rate: SampleRate,
    pcm: Arc<[i16]>,
    repeats: bool,
}

/// A sound among those of a worker, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SoundId(pub u16);

/// Samples as a file has them, mono.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pcm {
    hz: u32,
    samples: Vec<i16>,
}

impl Sound {
    /// Reads a file: WAV (linear PCM of 8 to 32 bits, 32-bit float, A-law, µ-law; 4 to 192 kHz) or
    /// Ogg with Opus (RFC 7845). Several channels become one.
    ///
    /// # Errors
    /// Why it is none that can be used, or that it is longer than [`MAX_SOUND`].
    pub fn read(file: &[u8]) -> Result<Self, SoundError> {
        let pcm = match file.get(..4) {
            Some(b"RIFF") => wav::read(file)?,
            Some(b"OggS") => ogg::read(file)?,
            _ => return Err(SoundError::Unknown),
        };
        Self::new(pcm)
    }

    fn new(pcm: Pcm) -> Result<Self, SoundError> {
        let Pcm { hz, samples } = pcm;
        if !RATES_HZ.contains(&hz) {
            return Err(SoundError::Rate(hz));
        }
        if samples.is_empty() {
            return Err(SoundError::Empty);
        }
        let higher = SampleRate::ALL.into_iter().find(|rate| rate.hz() >= hz);
        let rate = higher.unwrap_or(SampleRate::Hz48000);
        let mut pcm = match rate.hz() == hz {
            true => samples,
            false => resample_whole(&samples, hz, rate),
        };
        fade_in(&mut pcm, rate.samples(FADE_MS));
        fade_out(&mut pcm, rate.samples(FADE_MS));
        Ok(Self {
            rate,
            pcm: pcm.into(),
            repeats: false,
        })
    }

    /// The same, again and again until it is stopped.
    pub fn repeated(self) -> Self {
        Self {
            repeats: true,
            ..self
        }
    }

    /// How long it lasts, once.
    pub fn length(&self) -> Duration {
        length(self.pcm.len(), self.rate.hz())
    }
}

fn length(samples: usize, hz: u32) -> Duration {
    let samples = u64::try_from(samples).unwrap_or(u64::MAX);
    Duration::from_micros(samples.saturating_mul(1_000_000) / u64::from(hz.max(1)))
}

/// Whether so many samples are more than may be.
fn check_length(samples: usize, hz: u32) -> Result<(), SoundError> {
    let length = length(samples, hz);
    match length > MAX_SOUND {
        true => Err(SoundError::TooLong(length)),
        false => Ok(()),
    }
}
