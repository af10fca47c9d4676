//! Comfort noise (RFC 3389): what silence sounds like, in a few bytes, and noise made of that.
//!
//! Noise is white noise through an all-pole filter. The generator's randomness is no secret: it
//! begins the same for every call.

use std::f32::consts::TAU;

/// Reflection coefficients in our descriptions. RFC 3389 leaves the number to the sender.
const ORDER: usize = 8;
/// What is read of a description. More poles than these nobody sends.
const MAX_ORDER: usize = 16;
/// The longest description that [`describe`] writes: the level and the coefficients.
pub const MAX_DESCRIPTION: usize = 1 + ORDER;
/// How much of the way to a new level is gone each 10 ms.
const APPROACH: f32 = 0.125;

/// Noise after a description.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    /// Coefficients of the filter `1 / (1 + Σ a[i] z^-(i+1))`
    filter: [f32; MAX_ORDER],
    past: [f32; MAX_ORDER],
    /// RMS of the white noise before the filter: now, and where it goes.
    gain: f32,
    wanted: f32,
    random: u32,
}

impl ComfortNoise {
    /// Silence, until it is told what to sound like.
    pub fn new() -> Self {
        Self {
            filter: [0.0; MAX_ORDER],
            past: [0.0; MAX_ORDER],
            gain: 0.0,
            wanted: 0.0,
            random: 0x9d2c_5681,
        }
    }

    /// Takes a description: the payload of a packet of comfort noise (RFC 3389 3). `false` if it
    /// says nothing.
    pub fn update(&mut self, payload: &[u8]) -> bool {
        let Some((level, coefficients)) = payload.split_first() else {
            return false;
        };
        // 3.1: the level below overload, 0 to 127 dB; the top bit is 0.
        let level = 32_768.0 * 10.0_f32.powf(-f32::from(level & 0x7f) / 20.0);
        let mut filter = [0.0; MAX_ORDER];
        let mut predicted = 1.0;
        for (order, quantized) in coefficients.iter().take(MAX_ORDER).enumerate() {
            // 3.2: linear from -1 to 1; 255 is not used.
            let k = f32::from((*quantized).min(254)) - 127.0;
            step_up(&mut filter, order, k * 258.0 / 32_768.0);
            predicted *= 1.0 - (k * 258.0 / 32_768.0).powi(2);
        }
        self.shape(filter, level * predicted.max(0.0).sqrt());
        true
    }

    /// Sets the filter, and the RMS of the white noise in front of it. The first time it is taken
    /// over at once, later step by step.
    pub(super) fn shape(&mut self, filter: [f32; MAX_ORDER], gain: f32) {
        self.filter = filter;
        self.wanted = gain;
        if self.gain == 0.0 {
            self.gain = gain;
        }
    }

    /// After speech the next description is taken over at once.
    pub(super) fn interrupt(&mut self) {
        self.gain = 0.0;
    }

    /// Goes on with the noise.
    pub fn generate(&mut self, out: &mut [i16]) {
        for block in out.chunks_mut(80) {
            self.gain += (self.wanted - self.gain) * APPROACH;
            for sample in block {
                let mut value = self.gain * self.white();
                for (coefficient, past) in self.filter.iter().zip(&self.past) {
                    value -= coefficient * past;
                }
                // A description may put poles on the very edge: the filter is kept in range.
                let value = if value.is_finite() {
                    value.clamp(-32_768.0, 32_767.0)
                } else {
                    0.0
                };
                self.past.rotate_right(1);
                self.past[0] = value;
                *sample = value as i16;
            }
        }
    }

    /// Uniform noise of RMS 1 (a generator of Numerical Recipes, 7.1).
    fn white(&mut self) -> f32 {
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.random >> 8) as f32 / 8_388_608.0 * SQRT_3 - SQRT_3
    }
}

const SQRT_3: f32 = 1.732_050_8;

impl Default for ComfortNoise {
    fn default() -> Self {
        Self::new()
    }
}

/// Describes what silence sounds like, in a packet for [`ComfortNoise::update`], and says how
/// many bytes it has: none where `out` is shorter than [`MAX_DESCRIPTION`].
pub fn describe(pcm: &[i16], out: &mut [u8]) -> usize {
    let Some(out) = out.get_mut(..MAX_DESCRIPTION) else {
        return 0;
    };
    let correlation = autocorrelation(pcm);
    let mean = correlation[0] / pcm.len().max(1) as f32;
    let level = -20.0 * (mean.sqrt().max(1e-3) / 32_768.0).log10();
    out[0] = level.round().clamp(0.0, 127.0) as u8;
    for (quantized, k) in out[1..].iter_mut().zip(reflections(&correlation)) {
        *quantized = (k * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8;
    }
    MAX_DESCRIPTION
}

fn autocorrelation(pcm: &[i16]) -> [f32; ORDER + 1] {
    let last = pcm.len().max(2) as f32 - 1.0;
    // A Hann window keeps the ends from being taken for clicks; 8/3 makes up for its power.
    let windowed = |index: usize| {
        let sample = pcm.get(index).copied().unwrap_or(0);
        f32::from(sample) * (0.5 - 0.5 * (TAU * index as f32 / last).cos())
    };
    std::array::from_fn(|lag| {
        let products = (lag..pcm.len()).map(|index| windowed(index) * windowed(index - lag));
        products.sum::<f32>() * 8.0 / 3.0
    })
}

/// Levinson and Durbin's recursion.
fn reflections(correlation: &[f32; ORDER + 1]) -> [f32; ORDER] {
    let mut reflections = [0.0; ORDER];
    let mut filter = [0.0; MAX_ORDER];
    // A little white noise on top keeps it stable where there is hardly any sound.
    let mut error = correlation[0] * 1.0001 + 1.0;
    for order in 0..ORDER {
        let mut sum = correlation[order + 1];
        for (index, coefficient) in filter.iter().take(order).enumerate() {
            sum += coefficient * correlation[order - index];
        }
        let k = (-sum / error).clamp(-0.99, 0.99);
        step_up(&mut filter, order, k);
        error *= 1.0 - k * k;
        reflections[order] = k;
    }
    reflections
}

/// Adds a reflection coefficient to a filter of so many.
fn step_up(filter: &mut [f32; MAX_ORDER], order: usize, k: f32) {
    let before = *filter;
    for index in 0..order {
        filter[index] = before[index] + k * before[order - 1 - index];
    }
    filter[order] = k;
}
