//! Decoded sound that waits to be heard.

use std::time::Duration;

use super::buffer::Stretch;
use super::fade::join;
use super::stretch::Stretcher;

/// The longest packet, and two ticks.
const CAPACITY_MS: usize = 240;
/// Sound that does not fit what was heard fades in within so much.
const FADE_MS: usize = 5;

/// Samples between the decoder and the tick, of one rate (8, 16, 32 or 48 kHz, mono).
///
/// Memory is allocated once. Beyond its capacity of 240 ms the oldest samples are dropped; what is
/// longer than that at once is cut.
#[derive(Debug)]
pub struct SoundQueue {
    rate: usize,
    /// What was heard last, and then what waits.
    samples: Vec<i16>,
    /// How much of it was heard.
    heard: usize,
    capacity: usize,
    stretcher: Stretcher,
    dropped: u64,
    stretched: i64,
}

impl SoundQueue {
    /// An empty one for sound of `rate` Hz.
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(8000);
        let per_ms = rate as usize / 1000;
        let capacity = CAPACITY_MS * per_ms;
        let stretcher = Stretcher::new(rate, capacity);
        Self {
            rate: rate as usize,
            samples: Vec::with_capacity(2 * capacity + stretcher.history()),
            heard: 0,
            capacity,
            stretcher,
            dropped: 0,
            stretched: 0,
        }
    }

    /// Samples that wait.
    pub fn len(&self) -> usize {
        self.samples.len() - self.heard
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long what waits will sound.
    pub fn duration(&self) -> Duration {
        let micros = (self.len() as u64 * 1_000_000).checked_div(self.rate as u64);
        Duration::from_micros(micros.unwrap_or(0))
    }

    /// Samples dropped because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How much longer (or shorter, negative) sound was made, in samples.
    pub fn stretched(&self) -> i64 {
        self.stretched
    }

    /// What is as soft as this (root of the mean square) is a pause from now on: see
    /// [`Calm::pause_level`](super::Calm::pause_level).
    pub fn pause_below(&mut self, level: f32) {
        self.stretcher.pause_below(level);
    }

    /// Adds a decoded packet. `resumes` says that it does not fit what was played before:
    /// then it fades in.
    pub fn push(&mut self, frame: &mut [i16], stretch: Stretch, resumes: bool) {
        let whole = frame.len();
        let frame = frame
            .get_mut(..whole.min(self.capacity))
            .unwrap_or_default();
        self.dropped += (whole - frame.len()) as u64;
        self.make_room(frame.len() + self.stretcher.history());
        if resumes {
            join(&self.samples, frame, FADE_MS * self.rate / 1000);
        }
        let samples = |some: Duration| some.as_micros() as usize * self.rate / 1_000_000;
        let stretched = match stretch {
            Stretch::Keep => &*frame,
            Stretch::Shorten(most) => self.stretcher.shorten(frame, samples(most)),
            Stretch::Lengthen(by) => self.stretcher.lengthen(&self.samples, frame, samples(by)),
        };
        self.stretched += stretched.len() as i64 - frame.len() as i64;
        self.samples.extend_from_slice(stretched);
    }

    /// Adds silence, into which what was heard dies away.
    pub fn push_silence(&mut self, count: usize) {
        let count = count.min(self.capacity);
        self.make_room(count);
        let at = self.samples.len();
        self.samples.resize(at + count, 0);
        let (heard, silence) = self.samples.split_at_mut(at);
        join(heard, silence, FADE_MS * self.rate / 1000);
    }

    /// Takes the next samples. What is missing is silence; tells how much there was.
    pub fn take(&mut self, out: &mut [i16]) -> usize {
        let waiting = self.samples.get(self.heard..).unwrap_or_default();
        let count = waiting.len().min(out.len());
        let (from, rest) = out.split_at_mut(count);
        from.copy_from_slice(waiting.get(..count).unwrap_or_default());
        rest.fill(0);
        self.heard += count;
        count
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.samples.clear();
        self.heard = 0;
    }

    /// Makes room for so many samples, and keeps as much of what was heard as is of use.
    fn make_room(&mut self, count: usize) {
        let waiting = self.len();
        let over = (waiting + count).saturating_sub(self.capacity + self.stretcher.history());
        let over = over.min(waiting);
        self.dropped += over as u64;
        self.heard += over;
        let done = self.heard.saturating_sub(self.stretcher.history());
        self.samples.drain(..done);
        self.heard -= done;
    }
}
