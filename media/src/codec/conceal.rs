//! Concealment for coders that have none of their own, after G.711 Appendix I: the last pitch
//! period is repeated, whole for 10 ms and then fading, until nothing is left after 60 ms. What
//! comes after the gap is faded in over what was being repeated.
//!
//! Unlike the appendix it adds no delay: the repetition does not wait for a look at what it
//! continues, its beginning is blended with the sound before the gap played backwards, which
//! begins where that sound ended.

use super::SampleRate;

/// Pitch periods that are looked for, in 8 kHz samples: 66 to 200 Hz (Appendix I).
const MIN_LAG: usize = 40;
const MAX_LAG: usize = 120;
/// What is compared with what was one period earlier, in 8 kHz samples.
const WINDOW: usize = 160;
/// How long the repetition keeps its level, and when it has faded, ms.
const WHOLE_MS: u16 = 10;
const FADED_MS: u16 = 60;

/// The sound of late, and the repetition that fills a gap in it.
#[derive(Debug)]
pub(super) struct Concealer {
    rate: SampleRate,
    /// As long as the longest period and the window, the newest sample last.
    history: Box<[i16]>,
    /// One period, made so that its end leads to its beginning.
    period: Box<[i16]>,
    /// The length of the period in use.
    lag: usize,
    /// Where in the period the repetition is.
    position: usize,
    /// Samples of the gap so far; 0 outside one.
    missing: usize,
}

impl Concealer {
    pub(super) fn new(rate: SampleRate) -> Self {
        let scale = rate.per_ms();
        Self {
            rate,
            history: vec![0; (MAX_LAG + WINDOW) * scale / 8].into_boxed_slice(),
            period: vec![0; MAX_LAG * scale / 8].into_boxed_slice(),
            lag: 0,
            position: 0,
            missing: 0,
        }
    }

    /// Sound that arrived. After a gap its beginning is blended with the repetition.
    pub(super) fn received(&mut self, pcm: &mut [i16]) {
        if self.missing > 0 {
            let blend = self
                .rate
                .samples(if self.missing > self.rate.samples(WHOLE_MS) {
                    10
                } else {
                    5
                });
            let blend = blend.min(pcm.len());
            for (index, sample) in pcm.iter_mut().take(blend).enumerate() {
                let continued = self.next_sample();
                *sample = mix(continued, *sample, index + 1, blend + 1);
            }
            self.missing = 0;
        }
        self.remember(pcm);
    }

    /// Fills a gap, or goes on with it.
    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        if self.missing == 0 {
            self.begin();
            let overlap = (self.lag / 4).min(out.len());
            for (index, sample) in out.iter_mut().enumerate() {
                let repeated = self.next_sample();
                *sample = match self.history.iter().rev().nth(index) {
                    Some(mirrored) if index < overlap => {
                        mix(*mirrored, repeated, index + 1, overlap + 1)
                    }
                    _ => repeated,
                };
            }
        } else {
            for sample in out.iter_mut() {
                *sample = self.next_sample();
            }
        }
        self.remember(out);
    }

    fn remember(&mut self, pcm: &[i16]) {
        let len = self.history.len();
        if let Some(start) = pcm.len().checked_sub(len) {
            self.history.copy_from_slice(&pcm[start..]);
        } else {
            self.history.copy_within(pcm.len().., 0);
            self.history[len - pcm.len()..].copy_from_slice(pcm);
        }
    }

    /// Takes the last period of the sound and joins its ends.
    fn begin(&mut self) {
        self.lag = self.pitch();
        self.position = 0;
        let start = self.history.len() - self.lag;
        let period = &mut self.period[..self.lag];
        period.copy_from_slice(&self.history[start..]);
        // The last quarter glides into what came before the period, so that it may start again.
        let overlap = self.lag / 4;
        let before = &self.history[start - overlap..start];
        let tail = &mut period[self.lag - overlap..];
        for (index, (sample, earlier)) in tail.iter_mut().zip(before).enumerate() {
            *sample = mix(*sample, *earlier, index + 1, overlap + 1);
        }
    }

    fn next_sample(&mut self) -> i16 {
        let sample = self.period.get(self.position).copied().unwrap_or(0);
        self.position += 1;
        if self.position >= self.lag {
            self.position = 0;
        }
        let whole = self.rate.samples(WHOLE_MS);
        let faded = self.rate.samples(FADED_MS);
        self.missing = (self.missing + 1).min(faded);
        let left = faded - self.missing;
        if self.missing <= whole {
            sample
        } else {
            scale(sample, left, faded - whole)
        }
    }

    /// The lag at which the sound is most like itself, at this sampling rate. It is searched for
    /// among samples 1/8 ms apart, then refined.
    fn pitch(&self) -> usize {
        let step = self.rate.per_ms().div_ceil(8);
        let scale = |samples: usize| samples * self.rate.per_ms() / 8;
        let (shortest, longest) = (scale(MIN_LAG), scale(MAX_LAG));
        let coarse = self.most_alike((shortest..=longest).step_by(step), step);
        if step == 1 {
            return coarse;
        }
        let from = coarse.saturating_sub(step - 1).max(shortest);
        let to = (coarse + step - 1).min(longest);
        self.most_alike(from..=to, step)
    }

    fn most_alike(&self, lags: impl Iterator<Item = usize>, step: usize) -> usize {
        let len = self.history.len();
        let window = WINDOW * self.rate.per_ms() / 8;
        let now = &self.history[len - window..];
        let mut best = (MIN_LAG * self.rate.per_ms() / 8, f32::MIN);
        for lag in lags {
            let then = &self.history[len - window - lag..len - lag];
            let (mut product, mut energy) = (0.0_f32, 1.0_f32);
            for (a, b) in now.iter().step_by(step).zip(then.iter().step_by(step)) {
                let (a, b) = (f32::from(*a), f32::from(*b));
                product += a * b;
                energy += b * b;
            }
            let likeness = product / energy.sqrt();
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best.0
    }
}

/// `part` of `whole` of the second, the rest of the first.
fn mix(first: i16, second: i16, part: usize, whole: usize) -> i16 {
    scale(first, whole - part, whole).saturating_add(scale(second, part, whole))
}

/// `part / whole` of a sample; `part` is at most `whole`, and both are below 65,536.
fn scale(sample: i16, part: usize, whole: usize) -> i16 {
    let scaled = i64::from(sample) * part as i64 / whole.max(1) as i64;
    scaled.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
