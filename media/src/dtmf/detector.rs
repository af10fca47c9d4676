//! Which digit sounds: eight Goertzel filters over short blocks that overlap by half.

use std::f64::consts::{PI, TAU};

use super::{DIGITS, HIGH, LOW};

/// 12.75 ms at any rate: long enough to tell 697 from 770 Hz, short enough that four blocks, each
/// half a block after the other, fit whole into a tone of 40 ms wherever it begins.
const BLOCK_AT_8000: usize = 102;
/// Blocks in a row that have to agree: 32 ms of tone at least. Q.24 wants 40 ms taken and 23 ms
/// not.
const BEGIN: u32 = 4;
/// Blocks in a row without it, after which a digit is over: some 30 ms of something else. Breaks
/// of 10 ms do not count, pauses of 40 ms do.
const END: u32 = 5;

/// Power of the weakest tone, each: -36 dB of full scale.
const LEAST_POWER: f64 = 2.6e5 / 2.0;
/// The upper tone may be so much stronger, and weaker, than the lower one (6 and 10 dB).
const TWIST: (f64, f64) = (4.0, 10.0);
/// The same while a coder settles after a loss: the two come back at different speeds (12 dB).
const BENT_TWIST: (f64, f64) = (16.0, 16.0);
/// By so much a tone is stronger than the others of its group (6 dB).
const PEAK: f64 = 4.0;
/// From block to block the phase of a tone tells its frequency: it may be off by so much. Q.24
/// wants 1.5 % taken and 3.5 % not. The harmonics of a voice are rarely that near, both.
const OFF: f64 = 0.022;
/// This share of all power is found in the two tones, though they may be off by 1.5 %.
const SHARE: f64 = 0.7;
/// And this share once it is known by how much they are off: speech has more than two harmonics.
const WHOLE_SHARE: f64 = 0.9;

/// Beyond so much sound that was lost nothing before it counts any more, ms.
const LONGEST_LOSS_MS: usize = 100;

/// Finds digits in sound of one rate.
#[derive(Debug)]
pub struct ToneDetector {
    rate: f64,
    /// The last block, its older half first.
    block: Vec<i16>,
    size: usize,
    /// What the last block held, and for how many blocks it did.
    candidate: Option<Pair>,
    agreed: u32,
    /// The digit that sounds.
    current: Option<char>,
    /// For how many blocks it did not.
    missed: u32,
    /// Samples that were lost before the block.
    lost: usize,
    /// So many samples to come may be bent by what was lost.
    settling: usize,
    low: Filters,
    high: Filters,
}

/// The Goertzel filters of a group of tones.
#[derive(Debug, Clone, Copy)]
struct Filters {
    hertz: [f64; 4],
    sin: [f64; 4],
    cos: [f64; 4],
}

/// The two tones of a block.
#[derive(Debug, Clone, Copy)]
struct Pair {
    digit: char,
    low: Tone,
    high: Tone,
    /// Of everything in the block, times half its size: as [`Tone::power`].
    power: f64,
}

#[derive(Debug, Clone, Copy)]
struct Tone {
    /// Which of its group.
    at: usize,
    hertz: f64,
    /// |X|²
    power: f64,
    /// At the end of the block.
    phase: f64,
}

impl ToneDetector {
    /// For sound of `rate` Hz, 8000 or more.
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(8000);
        let size = BLOCK_AT_8000 * rate as usize / 8000;
        Self {
            rate: f64::from(rate),
            block: Vec::with_capacity(size),
            size,
            candidate: None,
            agreed: 0,
            current: None,
            missed: 0,
            lost: 0,
            settling: 0,
            low: Filters::new(LOW, rate),
            high: Filters::new(HIGH, rate),
        }
    }

    /// Listens to the next samples, and tells `digit` of each press when it is sure of it, some
    /// 40 ms after its beginning.
    pub fn hear(&mut self, mut sound: &[i16], mut digit: impl FnMut(char)) {
        while !sound.is_empty() {
            let room = self.size.saturating_sub(self.block.len()).max(1);
            let (now, later) = sound.split_at(room.min(sound.len()));
            self.block.extend_from_slice(now);
            sound = later;
            if self.block.len() >= self.size {
                if let Some(pressed) = self.judge() {
                    digit(pressed);
                }
                self.block.drain(..self.size / 2);
            }
        }
    }

    /// So many samples are missing, which may have been anything: a tone that sounds on both sides
    /// of them is one press, and what was heard before and after counts together.
    pub fn lose(&mut self, samples: usize) {
        if samples == 0 {
            return;
        }
        self.block.clear();
        self.lost = self.lost.saturating_add(samples);
        if self.lost > LONGEST_LOSS_MS * self.rate as usize / 1000 {
            (self.candidate, self.agreed) = (None, 0);
            (self.current, self.missed) = (None, 0);
        }
    }

    /// After a loss a coder with memory may bend so many samples: what does not fit in there says
    /// nothing, neither that a tone is over nor that there was none, and a twist means less.
    pub fn settle(&mut self, samples: usize) {
        self.settling = samples;
    }

    /// Whether a digit sounds now, and was told: nobody else need hear it.
    pub fn is_sounding(&self) -> bool {
        self.current.is_some()
    }

    fn judge(&mut self) -> Option<char> {
        let is_bent = self.settling > 0;
        let heard = self.pair(if is_bent { BENT_TWIST } else { TWIST });
        // Phases tell nothing across a loss.
        let is_torn = self.lost > 0;
        let fits = match (&self.candidate, &heard) {
            (Some(before), Some(heard)) => {
                before.digit == heard.digit && (is_torn || self.goes_on(before, heard))
            }
            _ => false,
        };
        if is_bent {
            self.settling = self.settling.saturating_sub(self.size / 2);
            let is_known = self.candidate.is_some() || self.current.is_some();
            if is_known && !fits && self.energy() >= self.least_energy() {
                self.lost = self.lost.max(1);
                return None;
            }
        }
        self.lost = 0;
        self.candidate = heard;
        self.agreed = match (fits, heard.is_some()) {
            (true, _) => self.agreed.saturating_add(1),
            (false, true) => 1,
            (false, false) => 0,
        };
        let digit = heard.map(|heard| heard.digit);
        if digit.is_some() && digit == self.current {
            self.missed = 0;
            return None;
        }
        // A block that shares nothing with the one before it is two halves.
        self.missed = self.missed.saturating_add(1 + u32::from(is_torn));
        if self.missed >= END {
            self.current = None;
        }
        if self.agreed >= BEGIN {
            self.current = digit;
            self.missed = 0;
            return digit;
        }
        None
    }

    /// Whether two blocks, one half a block after the other, hold the same two tones and hardly
    /// anything else.
    fn goes_on(&self, before: &Pair, now: &Pair) -> bool {
        let low = self.whole_power(&before.low, &now.low);
        let high = self.whole_power(&before.high, &now.high);
        let whole = low.zip(high).map(|(low, high)| low + high);
        whole.is_some_and(|whole| whole >= WHOLE_SHARE * now.power)
    }

    /// The power of a tone at the frequency that its phase tells; `None` if that is too far off.
    fn whole_power(&self, before: &Tone, now: &Tone) -> Option<f64> {
        let seconds = (self.size / 2) as f64 / self.rate;
        let turns = (now.phase - before.phase) / TAU - now.hertz * seconds;
        let off = (turns - turns.round()) / seconds;
        if off.abs() > OFF * now.hertz {
            return None;
        }
        // What a filter of this length lets through beside its frequency.
        let angle = PI * off * self.size as f64 / self.rate;
        let passed = if angle.abs() < 1e-3 {
            1.0
        } else {
            angle.sin() / angle
        };
        Some(now.power / (passed * passed).max(0.5))
    }

    fn energy(&self) -> f64 {
        self.block.iter().map(|it| f64::from(*it).powi(2)).sum()
    }

    /// Of a block that may hold two tones.
    fn least_energy(&self) -> f64 {
        2.0 * LEAST_POWER * self.block.len() as f64
    }

    /// What the block holds, of tones whose levels differ by so much at most.
    fn pair(&self, (twist, reverse_twist): (f64, f64)) -> Option<Pair> {
        let (energy, size) = (self.energy(), self.block.len() as f64);
        if energy < self.least_energy() {
            return None;
        }
        let low = self.low.strongest(&self.block)?;
        let high = self.high.strongest(&self.block)?;
        // |X|² of a tone is energy times half the size.
        let (l, h) = (low.power * 2.0 / size, high.power * 2.0 / size);
        let fits = l.min(h) >= LEAST_POWER * size
            && h <= l * twist
            && l <= h * reverse_twist
            && l + h >= SHARE * energy;
        let digit = *DIGITS.get(low.at)?.get(high.at)?;
        fits.then_some(Pair {
            digit,
            low,
            high,
            power: energy * size / 2.0,
        })
    }
}

impl Filters {
    fn new(hertz: [f64; 4], rate: u32) -> Self {
        let angles = hertz.map(|hertz| TAU * hertz / f64::from(rate));
        Self {
            hertz,
            sin: angles.map(f64::sin),
            cos: angles.map(f64::cos),
        }
    }

    /// The one frequency that stands out in a block.
    fn strongest(&self, block: &[i16]) -> Option<Tone> {
        let vectors = self.apply(block);
        let powers = vectors.map(|(re, im)| re * re + im * im);
        let ((at, power), second) = two_strongest(&powers)?;
        let (re, im) = vectors.get(at)?;
        (second * PEAK <= power).then(|| Tone {
            at,
            hertz: self.hertz.get(at).copied().unwrap_or_default(),
            power,
            phase: im.atan2(*re),
        })
    }

    /// X of each. All in one go: while one waits for what it made of the last sample, the others
    /// have work.
    fn apply(&self, block: &[i16]) -> [(f64, f64); 4] {
        let twice = self.cos.map(|cos| 2.0 * cos);
        let (mut last, mut before) = ([0.0; 4], [0.0; 4]);
        for sample in block {
            let sample = f64::from(*sample);
            for ((twice, last), before) in twice.iter().zip(&mut last).zip(&mut before) {
                let next = sample + twice * *last - *before;
                *before = *last;
                *last = next;
            }
        }
        std::array::from_fn(|at| {
            let (last, before) = (last[at], before[at]);
            (last - before * self.cos[at], before * self.sin[at])
        })
    }
}

/// The greatest with its place, and the second greatest.
fn two_strongest(powers: &[f64]) -> Option<((usize, f64), f64)> {
    let mut powers = powers.iter().copied().enumerate();
    let mut most = powers.next()?;
    let mut second = 0.0;
    for (at, power) in powers {
        if power > most.1 {
            second = most.1;
            most = (at, power);
        } else {
            second = power.max(second);
        }
    }
    Some((most, second))
}
