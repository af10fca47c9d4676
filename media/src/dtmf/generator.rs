//! Digits made into tones.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Duration;

use super::frequencies;

/// Digits waiting at once; more are dropped.
const MAX_DIGITS: usize = 32;
/// A tone rises and falls within this, so that it does not click.
const RAMP: Duration = Duration::from_millis(2);

/// How tones sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToneConfig {
    /// How long each sounds. Q.24: 40 ms at least.
    pub on: Duration,
    /// How long nothing sounds after it. Q.24: 40 ms at least.
    pub off: Duration,
    /// Of the lower tone, dB of full scale.
    pub low_level: f64,
    /// Of the upper one, which lines weaken more.
    pub high_level: f64,
}

impl Default for ToneConfig {
    fn default() -> Self {
        Self {
            on: Duration::from_millis(100),
            off: Duration::from_millis(60),
            low_level: -12.0,
            high_level: -10.0,
        }
    }
}

/// Makes tones in sound of one rate.
#[derive(Debug)]
pub struct ToneGenerator {
    rate: f64,
    on: u64,
    off: u64,
    ramp: f64,
    levels: (f64, f64),
    digits: VecDeque<char>,
    /// The two frequencies, and samples since the beginning.
    current: Option<((f64, f64), u64)>,
}

impl ToneGenerator {
    /// A silent one for sound of `rate` Hz.
    pub fn new(rate: u32, config: ToneConfig) -> Self {
        let count = |duration: Duration| duration.as_micros() as u64 * u64::from(rate) / 1_000_000;
        let level = |decibels: f64| f64::from(i16::MAX) * 10f64.powf(decibels.min(-6.1) / 20.0);
        Self {
            rate: f64::from(rate.max(1)),
            on: count(config.on),
            off: count(config.off),
            ramp: (count(RAMP) as f64).max(1.0),
            levels: (level(config.low_level), level(config.high_level)),
            digits: VecDeque::with_capacity(MAX_DIGITS),
            current: None,
        }
    }

    /// Adds digits; anything that is none is left out, and what is too much.
    pub fn press(&mut self, digits: &str) {
        let room = MAX_DIGITS.saturating_sub(self.digits.len());
        let known = digits.chars().filter(|it| frequencies(*it).is_some());
        self.digits.extend(known.take(room));
    }

    /// Whether something sounds, or is to, or the pause after it is not over.
    pub fn is_active(&self) -> bool {
        self.current.is_some() || !self.digits.is_empty()
    }

    /// Replaces `sound` as far as there are tones and pauses; what comes after is left as it is.
    pub fn fill(&mut self, sound: &mut [i16]) {
        for sample in sound {
            if self.current.is_none() {
                let next = self.digits.pop_front().and_then(frequencies);
                self.current = next.map(|frequencies| (frequencies, 0));
            }
            let Some(((low, high), at)) = self.current else {
                return;
            };
            *sample = self.sample(low, high, at);
            let over = at + 1 >= self.on + self.off;
            self.current = (!over).then_some(((low, high), at + 1));
        }
    }

    fn sample(&self, low: f64, high: f64, at: u64) -> i16 {
        let Some(left) = self.on.checked_sub(at).filter(|left| *left > 0) else {
            return 0;
        };
        let edge = at.min(left) as f64;
        let wave = |hertz: f64| (TAU * hertz * at as f64 / self.rate).sin();
        let both = wave(low) * self.levels.0 + wave(high) * self.levels.1;
        (both * (edge / self.ramp).min(1.0)).round() as i16
    }
}
