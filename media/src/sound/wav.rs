//! WAV files (RIFF, Microsoft's `WAVEFORMATEX`): as much of them as it takes to read sound.

use super::{Pcm, SoundError, check_length};
use crate::codec::g711::{self, Law};

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The tag stands at the start of the sub-format.
const EXTENSIBLE: u16 = 0xFFFE;
const SUB_FORMAT: usize = 24;

/// What the chunk `fmt ` says.
struct Format {
    tag: u16,
    channels: usize,
    hz: u32,
    bits: u16,
}

pub(super) fn read(file: &[u8]) -> Result<Pcm, SoundError> {
    if file.get(8..12) != Some(b"WAVE") {
        return Err(SoundError::Unknown);
    }
    let mut rest = file.get(12..).unwrap_or_default();
    let mut format = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let declared = le32(head, 4).and_then(|len| usize::try_from(len).ok());
        // Of a file that was written as a stream nobody knew the length.
        let len = declared.unwrap_or(usize::MAX).min(body.len());
        let (chunk, after) = body.split_at(len);
        match head.get(..4) {
            Some(b"fmt ") => format = Some(Format::read(chunk)?),
            Some(b"data") => {
                let format = format.ok_or(SoundError::Damaged("its sound has no format"))?;
                return format.samples(chunk);
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(len % 2..).unwrap_or_default();
    }
    Err(SoundError::Damaged("it ends before its sound"))
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, SoundError> {
        let damaged = SoundError::Damaged("its format is cut short");
        let read = || {
            let tag = match le16(chunk, 0)? {
                EXTENSIBLE => le16(chunk, SUB_FORMAT)?,
                tag => tag,
            };
            Some(Self {
                tag,
                channels: le16(chunk, 2)?.into(),
                hz: le32(chunk, 4)?,
                bits: le16(chunk, 14)?,
            })
        };
        let format = read().ok_or(damaged)?;
        match format.channels {
            0 => Err(SoundError::Damaged("it has no channels")),
            _ => Ok(format),
        }
    }

    fn samples(&self, data: &[u8]) -> Result<Pcm, SoundError> {
        let decode: fn(&[u8]) -> i16 = match (self.tag, self.bits) {
            (PCM, 8) => |it| i16::from(byte(it, 0).wrapping_sub(0x80) as i8) << 8,
            // The two highest bytes of a sample; lower ones are below what anybody hears.
            (PCM, 16) => |it| i16::from_le_bytes([byte(it, 0), byte(it, 1)]),
            (PCM, 24) => |it| i16::from_le_bytes([byte(it, 1), byte(it, 2)]),
            (PCM, 32) => |it| i16::from_le_bytes([byte(it, 2), byte(it, 3)]),
            (FLOAT, 32) => |it| {
                let bytes = [byte(it, 0), byte(it, 1), byte(it, 2), byte(it, 3)];
                // A cast of a float saturates.
                (f32::from_le_bytes(bytes) * 32_767.0) as i16
            },
            (A_LAW, 8) => |it| law(Law::A, it),
            (MU_LAW, 8) => |it| law(Law::Mu, it),
            (tag, bits) => return Err(SoundError::Format { tag, bits }),
        };
        let width = usize::from(self.bits / 8);
        let frames = data.chunks_exact(width * self.channels);
        check_length(frames.len(), self.hz)?;
        let channels = i64::try_from(self.channels).unwrap_or(1);
        let mix = |frame: &[u8]| {
            let sum: i64 = frame
                .chunks_exact(width)
                .map(|it| i64::from(decode(it)))
                .sum();
            // The mean of samples is in their range.
            (sum / channels) as i16
        };
        Ok(Pcm {
            hz: self.hz,
            samples: frames.map(mix).collect(),
        })
    }
}

fn law(law: Law, code: &[u8]) -> i16 {
    let mut sample = [0];
    g711::decode(law, code, &mut sample);
    let [sample] = sample;
    sample
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
