//! Why a file is no sound.

use std::time::Duration;

use thiserror::Error;

use super::MAX_SOUND;

/// See the variants' sentences, which follow the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SoundError {
    /// Of no known kind.
    #[error("is neither a WAV nor an Ogg file")]
    Unknown,
    /// Damaged, or cut short.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
    /// A WAV file with something else inside than is read.
    #[error(
        "has a format that is not read (WAV tag {tag}, {bits} bits): linear PCM of 8, 16, 24 or 32 \
         bits, 32-bit float, A-law and µ-law are"
    )]
    Format {
        /// `wFormatTag`
        tag: u16,
        /// Of a sample.
        bits: u16,
    },
    /// An Ogg file with something else inside than is read.
    #[error("is an Ogg file without Opus in mono or stereo")]
    NotOpus,
    /// A sampling rate that nobody has.
    #[error("has a sampling rate of {0} Hz; 4000 to 192000 are read")]
    Rate(u32),
    /// Without sound.
    #[error("has no sound in it")]
    Empty,
    /// More than is kept in memory.
    #[error("lasts {} s, longer than the {} s that are allowed", .0.as_secs(), MAX_SOUND.as_secs())]
    TooLong(Duration),
}
