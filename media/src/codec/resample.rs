//! From one sampling rate to another, with little delay.
//!
//! A polyphase filter: a sinc in a Kaiser window, 32 samples of the lower rate long. It delays by
//! half of that, 2 ms where one side has 8 kHz and 1 ms from 16 kHz on, is flat within 0.3 dB up
//! to 0.4 of the lower rate, and keeps what would fold back 55 dB down.

use std::f64::consts::PI;

use super::{MAX_PACKET_SAMPLES, SampleRate};

/// The length of the filter in samples of the lower rate.
const LENGTH: usize = 32;
/// Where the filter has fallen by 6 dB, in parts of the lower rate.
const CUT_OFF: f64 = 0.475;
/// The shape of the Kaiser window: 60 dB.
const BETA: f64 = 5.65;

/// Turns sound of one sampling rate into sound of another, packet by packet.
#[derive(Debug, Clone)]
pub struct Resampler {
    from: SampleRate,
    to: SampleRate,
    /// The ratio of the rates, `up / down`, without common factors.
    up: usize,
    down: usize,
    taps: usize,
    /// `up` filters of `taps` coefficients, each for one position between two samples, the newest
    /// sample last.
    filters: Box<[f32]>,
    /// The samples that the filter still needs, then those of the packet.
    samples: Box<[f32]>,
    /// Where the next sample is to be, in `1 / up` of a sample after the start of the packet.
    position: usize,
}

impl Resampler {
    /// A resampler that has heard nothing but silence.
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        let common = greatest_common_divisor(from.per_ms(), to.per_ms());
        let (up, down) = (to.per_ms() / common, from.per_ms() / common);
        let taps = LENGTH * from.per_ms() / from.per_ms().min(to.per_ms());
        Self {
            from,
            to,
            up,
            down,
            taps,
            filters: filters(up, down, taps),
            samples: vec![0.0; taps - 1 + MAX_PACKET_SAMPLES].into_boxed_slice(),
            position: 0,
        }
    }

    /// The sampling rate of what it takes.
    pub fn from(&self) -> SampleRate {
        self.from
    }

    /// The sampling rate of what it gives.
    pub fn to(&self) -> SampleRate {
        self.to
    }

    /// How much later sound comes out, in samples of the rate it comes out at, rounded to the
    /// nearest: it is exactly half the filter, which not every rate divides.
    pub fn delay(&self) -> usize {
        let low = self.from.per_ms().min(self.to.per_ms());
        (LENGTH / 2 * self.to.per_ms() + low / 2) / low
    }

    /// How many samples the next `len` will give. Of a packet of whole milliseconds it is as many
    /// milliseconds.
    pub fn len_after(&self, len: usize) -> usize {
        (len * self.up)
            .saturating_sub(self.position)
            .div_ceil(self.down)
    }

    /// Writes what `pcm` becomes to the beginning of `out` and says how many samples it is.
    /// `None`, and nothing is done, if `out` has less room than [`len_after`](Self::len_after)
    /// says or `pcm` is longer than a packet ([`MAX_PACKET_SAMPLES`]).
    pub fn process(&mut self, pcm: &[i16], out: &mut [i16]) -> Option<usize> {
        let len = self.len_after(pcm.len());
        let out = out.get_mut(..len)?;
        let kept = self.taps - 1;
        let samples = self.samples.get_mut(kept..kept + pcm.len())?;
        for (to, from) in samples.iter_mut().zip(pcm) {
            *to = f32::from(*from);
        }
        for sample in out {
            let (start, phase) = (self.position / self.up, self.position % self.up);
            let filter = &self.filters[phase * self.taps..][..self.taps];
            let heard = product(filter, &self.samples[start..][..self.taps]);
            // A cast of a float saturates.
            *sample = heard.round_ties_even() as i16;
            self.position += self.down;
        }
        self.position -= pcm.len() * self.up;
        self.samples.copy_within(pcm.len()..pcm.len() + kept, 0);
        Some(len)
    }
}

/// A whole sound at another rate, without delay: from any rate, not only those that coders run at.
pub(crate) fn resample_whole(pcm: &[i16], from_hz: u32, to: SampleRate) -> Vec<i16> {
    /// Samples that are made at once.
    const BLOCK: usize = 4096;
    let (from, to) = (from_hz.max(1) as usize, to.hz() as usize);
    let common = greatest_common_divisor(from, to);
    let (up, down) = (to / common, from / common);
    let taps = (LENGTH * from).div_ceil(from.min(to)).next_multiple_of(8);
    let filters = filters(up, down, taps);
    let before = taps / 2 - 1;
    let len = pcm.len() * up / down;
    let mut made = Vec::with_capacity(len);
    let mut heard = Vec::new();
    while made.len() < len {
        let block = made.len()..len.min(made.len() + BLOCK);
        let first = block.start * down / up;
        let last = block.end.saturating_sub(1) * down / up;
        heard.clear();
        heard.extend((first..last + taps).map(|n| {
            let sample = n.checked_sub(before).and_then(|n| pcm.get(n));
            sample.copied().map_or(0.0, f32::from)
        }));
        made.extend(block.map(|n| {
            let (start, phase) = (n * down / up - first, n * down % up);
            let filter = &filters[phase * taps..][..taps];
            // A cast of a float saturates.
            product(filter, &heard[start..][..taps]).round_ties_even() as i16
        }));
    }
    made
}

/// Eight sums side by side, which the compiler turns into vector instructions. The number of taps
/// is a multiple of eight.
fn product(filter: &[f32], samples: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let pairs = filter
        .as_chunks::<8>()
        .0
        .iter()
        .zip(samples.as_chunks::<8>().0);
    for (filter, samples) in pairs {
        for ((sum, coefficient), sample) in sums.iter_mut().zip(filter).zip(samples) {
            *sum += coefficient * sample;
        }
    }
    sums.iter().sum()
}

fn filters(up: usize, down: usize, taps: usize) -> Box<[f32]> {
    let mut filters = vec![0.0; up * taps];
    // In samples of the rate that came in.
    let cut_off = CUT_OFF * (up as f64 / down as f64).min(1.0);
    let half = taps as f64 / 2.0;
    for (phase, filter) in filters.chunks_exact_mut(taps).enumerate() {
        let between = phase as f64 / up as f64;
        let mut sum = 0.0;
        let ideal = |tap: usize| {
            let distance = (taps - 1 - tap) as f64 + between - half;
            let angle = 2.0 * PI * cut_off * distance;
            let sinc = if angle == 0.0 {
                1.0
            } else {
                angle.sin() / angle
            };
            sinc * kaiser(distance / half)
        };
        for (tap, coefficient) in filter.iter_mut().enumerate() {
            sum += ideal(tap);
            *coefficient = ideal(tap) as f32;
        }
        for coefficient in filter {
            *coefficient /= sum as f32;
        }
    }
    filters.into_boxed_slice()
}

/// The Kaiser window between its ends, -1 and 1.
fn kaiser(place: f64) -> f64 {
    bessel(BETA * (1.0 - place * place).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind of order 0.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    (1..30).fold(1.0, |sum, n| {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum + term
    })
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
