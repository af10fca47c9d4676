//! Recordings of calls: what each of the two sides sends, in a channel of its own.
//!
//! A worker copies packets of legs that are tapped ([`Command::Tap`](crate::plan::Command::Tap)) and
//! does nothing else about it: they are decoded, evened out and written by a [`Recorder`] elsewhere, so
//! that no call waits for a recording (ADR 20).

mod recorder;
mod side;
mod tap;

#[cfg(test)]
mod tests;

pub use recorder::{Ending, FileFormat, Recorder, RecorderConfig};
pub(crate) use tap::{Tap, Taps};

use std::fmt;
use std::time::Instant;

use crate::plan::Format;

/// The rate of what is recorded: all that speech has, and no more than is of use.
pub const RATE_HZ: u32 = 16_000;

/// A recording. Unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordingId(pub u64);

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recording-{}", self.0)
    }
}

/// Where a side is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Who called.
    Left,
    /// Who was called.
    Right,
}

/// What a worker has for a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tapped {
    /// A packet of one side.
    Packet(Box<TappedPacket>),
    /// Packets came faster than they were taken: the recording has a hole, and gets nothing more of
    /// that leg.
    Lost(RecordingId),
}

/// A packet of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TappedPacket {
    /// For which recording.
    pub recording: RecordingId,
    /// Where it is to be heard.
    pub channel: Channel,
    /// When it came.
    pub at: Instant,
    /// What is inside.
    pub format: Format,
    /// Of its timestamp, Hz.
    pub clock_rate: u32,
    /// The RTP packet, decrypted.
    pub packet: Box<[u8]>,
}

impl Tapped {
    /// For which recording it is.
    pub fn recording(&self) -> RecordingId {
        match self {
            Self::Packet(packet) => packet.recording,
            Self::Lost(recording) => *recording,
        }
    }
}
