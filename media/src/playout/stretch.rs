//! Sound made shorter or longer without a change of pitch: one period of it is left out or
//! played twice (WSOLA in spirit: W. Verhelst, M. Roelands, ICASSP 1993).

use std::ops::RangeInclusive;

/// The periods tried, as parts of a second: 66 to 400 Hz, and multiples of what is higher.
const LONGEST: (usize, usize) = (15, 1000);
const SHORTEST: (usize, usize) = (5, 2000);
/// Over so much of sound two pieces are compared and one fades into the other.
const FADE: (usize, usize) = (5, 1000);
/// In so much of sound one period is changed at the most.
const SPAN: (usize, usize) = (20, 1000);
/// Coarse search is done at this rate.
const COARSE: usize = 8000;

/// How alike (normalised correlation) two pieces have to be; each time that none are, a little
/// less does the next time, down to this.
const ALIKE: f32 = 0.85;
const ALIKE_STEP: f32 = 0.05;
const ALIKE_LEAST: f32 = 0.4;
/// Sound as soft as this (root of the mean square) fits any other.
const SOFT: f32 = 60.0;

/// Stretches sound of one rate, frame after frame. Memory is allocated once.
#[derive(Debug)]
pub(super) struct Stretcher {
    rate: usize,
    /// What was heard before the frame, and the frame.
    work: Vec<i16>,
    coarse: Vec<f32>,
    out: Vec<i16>,
    alike: f32,
    /// Sound as soft as this (root of the mean square) is a pause.
    pause: f32,
}

impl Stretcher {
    /// For frames of up to `longest` samples at `rate` Hz.
    pub(super) fn new(rate: u32, longest: usize) -> Self {
        let rate = rate as usize;
        let all = samples(rate, LONGEST) + longest;
        Self {
            rate,
            work: Vec::with_capacity(all),
            coarse: Vec::with_capacity(all / (rate / COARSE).max(1) + 1),
            out: Vec::with_capacity(all),
            alike: ALIKE,
            pause: SOFT,
        }
    }

    /// What is as soft as this is a pause from now on: whatever noise is in it, any piece of it fits
    /// any other, and as much is left out or added at once as is wanted.
    pub(super) fn pause_below(&mut self, level: f32) {
        self.pause = level.max(SOFT);
    }

    /// How much of what was heard before a frame is of use.
    pub(super) fn history(&self) -> usize {
        samples(self.rate, LONGEST)
    }

    /// The frame, up to `most` samples shorter.
    pub(super) fn shorten(&mut self, frame: &[i16], most: usize) -> &[i16] {
        self.load(&[], frame);
        let (fade, span) = (self.fade(frame.len()), samples(self.rate, SPAN));
        let (mut at, mut shorter) = (0, 0);
        // In each whole span one period is left out, or in a frame that is shorter than one.
        while at == 0 || at + span <= frame.len() {
            let room = (frame.len() - at).min(span).saturating_sub(fade);
            let longest = self.history().min(room).min(most - shorter);
            let shortest = samples(self.rate, SHORTEST);
            let pause = self.in_pause(at, fade, longest, true);
            let found = match pause.filter(|_| shortest <= longest) {
                Some(alike) => Some((longest, alike)),
                None => self.search(at, fade, shortest..=longest, true),
            };
            let Some((lag, alike)) = found else {
                break;
            };
            self.cross(at, at + lag, fade, alike);
            let end = (at + span).min(frame.len());
            let rest = self.work.get(at + lag + fade..end).unwrap_or_default();
            self.out.extend_from_slice(rest);
            shorter += lag;
            at = end;
        }
        let rest = self.work.get(at..).unwrap_or_default();
        self.out.extend_from_slice(rest);
        &self.out
    }

    /// The frame, longer by one period of what was heard before it, or in a pause by up to `most`
    /// samples.
    pub(super) fn lengthen(&mut self, heard: &[i16], frame: &[i16], most: usize) -> &[i16] {
        let before = heard.len().min(self.history());
        self.load(heard.get(heard.len() - before..).unwrap_or_default(), frame);
        let fade = self.fade(frame.len());
        let shortest = samples(self.rate, SHORTEST);
        let mut from = before;
        let pause = most.max(shortest).min(before);
        let found = match self.in_pause(before, fade, pause, false) {
            Some(alike) => Some((pause, alike)),
            None => self.search(before, fade, shortest..=before, false),
        };
        if let Some((lag, alike)) = found {
            self.cross(before, before - lag, fade, alike);
            from = before - lag + fade;
        }
        let rest = self.work.get(from..).unwrap_or_default();
        self.out.extend_from_slice(rest);
        &self.out
    }

    fn fade(&self, frame: usize) -> usize {
        samples(self.rate, FADE).min(frame / 4)
    }

    fn load(&mut self, heard: &[i16], frame: &[i16]) {
        self.out.clear();
        self.work.clear();
        self.work.extend_from_slice(heard);
        self.work.extend_from_slice(frame);
        let factor = (self.rate / COARSE).max(1);
        self.coarse.clear();
        let coarse = self.work.chunks_exact(factor);
        self.coarse
            .extend(coarse.map(|some| some.iter().map(|it| f32::from(*it)).sum::<f32>()));
    }

    /// How alike the sound at `at` and that at some distance are, if both are a pause.
    fn in_pause(&self, at: usize, fade: usize, lag: usize, ahead: bool) -> Option<f32> {
        let there = if ahead {
            at + lag
        } else {
            at.checked_sub(lag)?
        };
        let here = self.work.get(at..at + fade)?;
        let there = self.work.get(there..there + fade)?;
        let power = |piece: &[i16]| piece.iter().map(|it| square((*it).into())).sum::<f32>();
        let (a, b) = (power(here), power(there));
        let most = square(self.pause) * fade as f32;
        if fade == 0 || a >= most || b >= most {
            return None;
        }
        let pairs = here.iter().zip(there);
        let product: f32 = pairs.map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
        Some(product / (a.max(1.0) * b.max(1.0)).sqrt())
    }

    /// The distance in `lags`, ahead or back, at which sound is most like that at `at`; and how
    /// like it is. `None` if nothing is like enough.
    fn search(
        &mut self,
        at: usize,
        fade: usize,
        lags: RangeInclusive<usize>,
        ahead: bool,
    ) -> Option<(usize, f32)> {
        let (shortest, longest) = (*lags.start(), *lags.end());
        if shortest > longest || fade == 0 {
            return None;
        }
        let factor = (self.rate / COARSE).max(1);
        let coarse = (shortest / factor).max(1)..=(longest / factor).max(1);
        let window = (fade / factor).max(1);
        let lag = best(&self.coarse, at / factor, window, coarse, ahead)?.0 * factor;
        // A multiple of the period would do as well: all of what lies around is tried.
        let fine = lag.saturating_sub(factor).max(shortest)..=(lag + factor).min(longest);
        let (lag, alike) = best(&self.work, at, fade, fine, ahead)?;
        if alike < self.alike {
            self.alike = (self.alike - ALIKE_STEP).max(ALIKE_LEAST);
            return None;
        }
        self.alike = ALIKE;
        Some((lag, alike))
    }

    /// Fades from `from` to `to`, so that the power stays the same.
    fn cross(&mut self, from: usize, to: usize, fade: usize, alike: f32) {
        let pieces = (
            self.work.get(from..from + fade),
            self.work.get(to..to + fade),
        );
        let (Some(from), Some(to)) = pieces else {
            return;
        };
        let alike = alike.clamp(0.0, 1.0);
        let mix = |(n, (from, to)): (usize, (&i16, &i16))| {
            let share = (n as f32 + 0.5) / fade as f32;
            let other = 1.0 - share;
            let power = share * share + other * other + 2.0 * share * other * alike;
            let mixed = (f32::from(*from) * other + f32::from(*to) * share) / power.sqrt();
            // Saturates.
            mixed.round() as i16
        };
        self.out.extend(from.iter().zip(to).enumerate().map(mix));
    }
}

fn samples(rate: usize, (parts, of): (usize, usize)) -> usize {
    rate * parts / of
}

/// The lag at which `window` samples are most like those at `at`, and how like.
fn best<T: Copy + Into<f32>>(
    sound: &[T],
    at: usize,
    window: usize,
    lags: RangeInclusive<usize>,
    ahead: bool,
) -> Option<(usize, f32)> {
    let here = sound.get(at..at + window)?;
    let energy: f32 = here.iter().map(|it| square((*it).into())).sum();
    let soft = square(SOFT) * window as f32;
    let mut best = None;
    for lag in lags {
        let begin = if ahead {
            Some(at + lag)
        } else {
            at.checked_sub(lag)
        };
        let Some(there) = begin.and_then(|begin| sound.get(begin..begin + window)) else {
            continue;
        };
        let (mut product, mut other) = (0.0, 0.0);
        for (a, b) in here.iter().zip(there) {
            let (a, b): (f32, f32) = ((*a).into(), (*b).into());
            product += a * b;
            other += b * b;
        }
        let alike = if energy < soft && other < soft {
            1.0
        } else {
            product / (energy.max(1.0) * other.max(1.0)).sqrt()
        };
        if best.is_none_or(|(_, most)| alike > most) {
            best = Some((lag, alike));
        }
    }
    best
}

fn square(value: f32) -> f32 {
    value * value
}
