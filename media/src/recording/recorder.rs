//! Both sides of a call, made into the bytes of a file.

use std::time::{Duration, Instant};

use super::side::Side;
use super::{Channel, TappedPacket};
use crate::codec::{CodecError, SampleRate, StereoEncoder};
use crate::sound::{OggWriter, wav_writer};
use crate::transcode::Workshop;

/// The rate of what is recorded.
pub(super) const RATE: SampleRate = SampleRate::Hz16000;

/// Both sides are decoded and written in steps of so much.
pub(super) const BLOCK: Duration = Duration::from_millis(BLOCK_MS as u64);
const BLOCK_MS: u16 = 20;
pub(super) const SAMPLES: usize = RATE.samples(BLOCK_MS);

/// A block is made so long after it was said: packets have that much time to arrive.
pub(super) const LAG: Duration = Duration::from_millis(200);

/// The longest packet of Opus with two channels (RFC 6716 3.2.5).
const MAX_PACKET: usize = 2 * 1275;

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Linear PCM of 16 bits in a WAV file, 230 MB an hour.
    Wav,
    /// Opus of 64 kbit/s in Ogg (RFC 7845), 29 MB an hour.
    Ogg,
}

impl FileFormat {
    /// How the names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Ogg => "ogg",
        }
    }
}

/// How a call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderConfig {
    /// What the file is to be.
    pub format: FileFormat,
    /// It is no longer than that.
    pub max_length: Duration,
    /// Of the stream of an Ogg file (RFC 3533 6): random, so that files can be put behind each other.
    pub serial: u32,
}

/// What is left to be done with a file after its last bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// To be written over the beginning of the file; empty if that is right already.
    pub beginning: Vec<u8>,
    /// How long the file is.
    pub length: Duration,
}

/// Hears packets of both sides and gives the bytes of a file. The file begins when the recorder does:
/// what is heard at a place of it, of either side, is what arrived so long after the beginning. Where
/// nothing came there is silence.
#[derive(Debug)]
pub struct Recorder {
    begin: Instant,
    left: Side,
    right: Side,
    file: File,
    /// That were written, and may be.
    blocks: u64,
    most: u64,
    workshop: Workshop,
    /// Left and right in turn.
    block: Box<[i16]>,
}

#[derive(Debug)]
enum File {
    Wav,
    Ogg {
        encoder: Box<StereoEncoder>,
        writer: OggWriter,
        payload: Box<[u8]>,
    },
}

impl Recorder {
    /// Of a call that is recorded from `begin` on. The first bytes go to `out`, as all others do.
    ///
    /// # Errors
    /// If the library of the coder fails.
    pub fn new(
        config: RecorderConfig,
        begin: Instant,
        out: &mut Vec<u8>,
    ) -> Result<Self, CodecError> {
        let file = match config.format {
            FileFormat::Wav => {
                out.extend(wav_writer::head(2, RATE.hz(), 0));
                File::Wav
            }
            FileFormat::Ogg => {
                let encoder = StereoEncoder::new(RATE)?;
                File::Ogg {
                    writer: OggWriter::new(config.serial, 2, encoder.delay(), RATE.hz(), out),
                    encoder: Box::new(encoder),
                    payload: vec![0; MAX_PACKET].into(),
                }
            }
        };
        Ok(Self {
            begin,
            left: Side::new(),
            right: Side::new(),
            file,
            blocks: 0,
            most: blocks_in(config.max_length),
            workshop: Workshop::new(),
            block: vec![0; 2 * SAMPLES].into(),
        })
    }

    /// Takes a packet. Packets come in the order in which they arrived.
    pub fn hear(&mut self, tapped: &TappedPacket, out: &mut Vec<u8>) {
        self.advance(tapped.at, out);
        let side = match tapped.channel {
            Channel::Left => &mut self.left,
            Channel::Right => &mut self.right,
        };
        side.hear(tapped, &mut self.workshop);
    }

    /// Writes what is over at `now`, a fifth of a second later than it was said. To be called every
    /// now and then, since it writes silence too.
    pub fn advance(&mut self, now: Instant, out: &mut Vec<u8>) {
        let since = now.saturating_duration_since(self.begin + LAG);
        self.write_until(blocks_in(since), out);
    }

    /// It is as long as it may be: nothing more is written.
    pub fn is_full(&self) -> bool {
        self.blocks >= self.most
    }

    /// How much is written.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.blocks.saturating_mul(BLOCK_MS.into()))
    }

    /// The call is over, or its recording is. The last bytes go to `out`.
    pub fn finish(mut self, end: Instant, out: &mut Vec<u8>) -> Ending {
        let since = end.saturating_duration_since(self.begin);
        let begun = since.as_millis().div_ceil(BLOCK.as_millis());
        self.write_until(u64::try_from(begun).unwrap_or(u64::MAX), out);
        let length = self.length();
        let beginning = match &mut self.file {
            File::Wav => {
                let bytes = self.blocks.saturating_mul(4 * SAMPLES as u64);
                wav_writer::head(2, RATE.hz(), bytes).to_vec()
            }
            File::Ogg {
                encoder,
                writer,
                payload,
            } => {
                // What the encoder still has comes out with silence behind it.
                self.block.fill(0);
                if let Ok(len) = encoder.encode(&self.block, payload) {
                    writer.packet(payload.get(..len).unwrap_or_default(), BLOCK_MS, out);
                }
                let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
                writer.finish(length_ms, out);
                Vec::new()
            }
        };
        Ending { beginning, length }
    }

    fn write_until(&mut self, blocks: u64, out: &mut Vec<u8>) {
        while self.blocks < blocks.min(self.most) {
            self.blocks += 1;
            let at = self.begin + LAG + self.length();
            for (side, place) in [(&mut self.left, 0), (&mut self.right, 1)] {
                side.take(at, &mut self.workshop);
                let (heard, ..) = self.workshop.parts();
                let places = self.block.iter_mut().skip(place).step_by(2);
                for (place, sample) in places.zip(heard) {
                    *place = *sample;
                }
            }
            self.write_block(out);
        }
    }

    fn write_block(&mut self, out: &mut Vec<u8>) {
        match &mut self.file {
            File::Wav => out.extend(self.block.iter().flat_map(|it| it.to_le_bytes())),
            File::Ogg {
                encoder,
                writer,
                payload,
            } => {
                // It fails for none of the lengths given here; if it did, the rest would come early.
                if let Ok(len) = encoder.encode(&self.block, payload) {
                    writer.packet(payload.get(..len).unwrap_or_default(), BLOCK_MS, out);
                }
            }
        }
    }
}

/// Whole ones.
fn blocks_in(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / BLOCK.as_millis()).unwrap_or(u64::MAX)
}
