//! Where sound may be made shorter: in pauses, as long as there is time to wait for one.

use super::buffer::Stretch;

/// A pause has this share of the power of what was said before (-20 dB).
const SOFT: f32 = 0.01;
/// So many such packets in a row are one, 160 ms of the usual 20: the next is between phrases, and no
/// closure within a word, behind which the rest of the phrase would be out of step.
const PAUSE: u32 = 8;
/// A piece with this share nobody misses or hears twice, be it noise (-30 dB).
const SILENT: f32 = 0.001;
/// Of that power so much is left with each packet: a pause is not taken for speech, nor what is
/// said after somebody louder for one.
const FADING: f32 = 0.99;
/// So many wishes are left for a pause to come, some six seconds of them; of further ones, half.
const PATIENCE: u32 = 100;

/// Decides on the wishes of a [`JitterBuffer`](super::JitterBuffer) to make sound shorter or longer.
/// What is left out of a pause, or added to it, is not heard; a period left out of a vowel costs more
/// of how good speech sounds than the few milliseconds are worth that it saves.
#[derive(Debug, Default)]
pub struct Calm {
    power: f32,
    /// Soft packets in a row.
    soft: u32,
    declined: u32,
}

impl Calm {
    /// Sound as soft as this (root of the mean square) is a pause however it sounds.
    pub fn pause_level(&self) -> f32 {
        (self.power * SILENT).sqrt()
    }

    /// What is to be done with a packet that was decoded to this: `wish` and `hurried` are those of its
    /// [`Step`](super::Step).
    pub fn choose(&mut self, wish: Stretch, hurried: bool, pcm: &[i16]) -> Stretch {
        let square = |sample: &i16| f32::from(*sample) * f32::from(*sample);
        let power = pcm.iter().map(square).sum::<f32>() / pcm.len().max(1) as f32;
        self.power = power.max(self.power * FADING);
        self.soft = match power <= self.power * SOFT {
            true => self.soft.saturating_add(1),
            false => 0,
        };
        if hurried || wish == Stretch::Keep {
            return wish;
        }
        if self.soft >= PAUSE {
            self.declined = 0;
            return wish;
        }
        if self.declined < PATIENCE {
            self.declined += 1;
            return Stretch::Keep;
        }
        self.declined = PATIENCE / 2;
        wish
    }
}
