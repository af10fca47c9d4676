//! How long packets have to wait: from measured delays to a target.

use std::time::Duration;

use super::config::PlayoutConfig;

/// About a second of packets: says soon that delays grow.
const RECENT: usize = 48;
/// About five seconds of packets.
const WHILE: usize = 256;
/// One in so many of the recent packets may come after the target, and of all packets.
const RECENT_LATE: usize = 20;
const WHILE_LATE: usize = 32;
/// What comes late now and then, in bursts or one by one, is seen in the slowest packets of each half
/// second, µs, ...
const INTERVAL: i64 = 500_000;
/// ... of the last fifteen seconds. One in so many of them may come after the target.
const INTERVALS: usize = 30;
const INTERVALS_LATE: usize = 10;
/// Before so many packets nothing is known.
const ENOUGH: usize = 20;
/// So many packets one after another, all slower than any packet may wait: not the network, but
/// the far side's timeline stood still (hold) and went on. Before that they tell nothing, as no
/// target would help them.
const SLOW: usize = 10;
/// So much faster than any of late, µs: the way changed, or a stall is over. What was measured
/// before would count as jitter.
const SHORTCUT: i64 = 15_000;

/// After a loss that the next packet could have repaired, packets wait for the next one for so many
/// packets, five seconds or so: one in two hundred that is lost is reason enough.
const REPAIRING: usize = 256;

/// The target falls by so much a second, µs, or by this part of itself if that is more.
const FALL: i64 = 10_000;
const FALL_PART: i64 = 10;

/// A half second in which packets arrive.
#[derive(Debug, Clone, Copy)]
struct Interval {
    number: i64,
    /// The delay of the slowest of them.
    slowest: i64,
}

/// Delays of packets (arrival less timestamp), of which only differences mean anything, and
/// what follows from them. All in µs.
#[derive(Debug)]
pub(super) struct Delay {
    recent: Window,
    all: Window,
    /// The delays of the slowest packets.
    slowest: Window,
    interval: Option<Interval>,
    target: i64,
    min: i64,
    initial: i64,
    max: i64,
    max_delay: i64,
    last_arrival: Option<i64>,
    /// Packets in a row slower than any may wait.
    slow: usize,
    /// How long to wait for the next packet as well, and for how many packets more.
    repair: i64,
    repairing: usize,
}

impl Delay {
    pub(super) fn new(config: &PlayoutConfig) -> Self {
        // Packets are due at ticks: there has to be room for one after the target.
        let max = micros(config.max_delay) / 4 * 3;
        let min = micros(config.min_delay).min(max);
        let initial = micros(config.initial_delay).clamp(min, max);
        Self {
            recent: Window::new(RECENT),
            all: Window::new(WHILE),
            slowest: Window::new(INTERVALS),
            interval: None,
            target: initial,
            min,
            initial,
            max,
            max_delay: micros(config.max_delay),
            last_arrival: None,
            slow: 0,
            repair: 0,
            repairing: 0,
        }
    }

    /// How much later than on the fastest way of late a packet is to be played.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// The part of the target without which packets come too late.
    pub(super) fn least(&self) -> i64 {
        match self.repairing {
            0 => self.target,
            _ => self.target - self.repair,
        }
    }

    /// The delay of the fastest packet of late.
    pub(super) fn fastest(&self) -> Option<i64> {
        self.all.lowest()
    }

    /// A packet is lost, and the one after it, which plays so long (µs), carries it as well.
    pub(super) fn wait_for_repairs(&mut self, duration: i64) {
        self.repair = duration;
        self.repairing = REPAIRING;
    }

    /// The timeline began anew: what was measured on the old one tells nothing, but the network
    /// may be the same, so the target stays.
    pub(super) fn restart(&mut self) {
        self.recent.clear();
        self.all.clear();
        self.slowest.clear();
        self.interval = None;
        self.last_arrival = None;
        self.slow = 0;
    }

    fn note(&mut self, arrival: i64, delay: i64) {
        let number = arrival / INTERVAL;
        match &mut self.interval {
            Some(interval) if interval.number == number => {
                interval.slowest = interval.slowest.max(delay);
            }
            _ => {
                let slowest = delay;
                let before = self.interval.replace(Interval { number, slowest });
                if let Some(before) = before {
                    self.slowest.push(before.slowest);
                }
            }
        }
    }

    /// Takes the delay of a packet that arrived at `arrival`.
    pub(super) fn receive(&mut self, arrival: i64, delay: i64) {
        let mut before = self.fastest();
        if let Some(fastest) = before {
            let is_slow = delay - fastest > self.max_delay;
            self.slow = if is_slow { self.slow + 1 } else { 0 };
            if is_slow && self.slow < SLOW {
                return;
            }
            if is_slow || delay < fastest - SHORTCUT {
                self.restart();
                before = None;
            }
        }
        self.recent.push(delay);
        self.all.push(delay);
        self.note(arrival, delay);
        let (Some(fastest), Some(recent), Some(all)) = (
            self.fastest(),
            self.recent.all_but(self.recent.len() / RECENT_LATE),
            self.all.all_but(self.all.len() / WHILE_LATE),
        ) else {
            return;
        };
        // The fastest packet left the window, all are slower now. What counts from it shrinks
        // by as much: what is playing is as late as it was.
        if let Some(before) = before {
            self.target -= (fastest - before).max(0);
        }
        // A single one is a straggler.
        let stragglers = (self.slowest.len() / INTERVALS_LATE).max(1);
        let now_and_then = self.slowest.all_but(stragglers).unwrap_or(fastest);
        let slow = recent.max(all).max(now_and_then);
        let mut wanted = (slow - fastest).saturating_add(self.min);
        if self.repairing > 0 {
            self.repairing -= 1;
            wanted = wanted.saturating_add(self.repair);
        }
        if self.all.len() < ENOUGH {
            wanted = wanted.max(self.initial.min(self.target));
        }
        let wanted = wanted.clamp(self.min, self.max);
        let elapsed = arrival - self.last_arrival.unwrap_or(arrival);
        self.last_arrival = Some(arrival);
        let fall = FALL.max(self.target / FALL_PART) * elapsed.clamp(0, 1_000_000) / 1_000_000;
        self.target = wanted.max(self.target - fall);
    }
}

/// A duration in µs.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// The last so many values, in order of arrival and in order of size.
#[derive(Debug)]
struct Window {
    ring: Box<[i64]>,
    next: usize,
    sorted: Vec<i64>,
}

impl Window {
    fn new(size: usize) -> Self {
        Self {
            ring: vec![0; size].into_boxed_slice(),
            next: 0,
            sorted: Vec::with_capacity(size),
        }
    }

    fn len(&self) -> usize {
        self.sorted.len()
    }

    fn clear(&mut self) {
        self.next = 0;
        self.sorted.clear();
    }

    fn push(&mut self, value: i64) {
        let full = self.sorted.len() == self.ring.len();
        let Some(place) = self.ring.get_mut(self.next) else {
            return;
        };
        let old = std::mem::replace(place, value);
        self.next = (self.next + 1) % self.ring.len();
        let to = self.sorted.partition_point(|it| *it < value);
        if !full {
            return self.sorted.insert(to, value);
        }
        // What lies between the two places moves by one, and nothing else.
        let from = self.sorted.partition_point(|it| *it < old);
        let from = from.min(self.sorted.len() - 1);
        let place = if from < to {
            self.sorted.copy_within(from + 1..to, from);
            to - 1
        } else {
            self.sorted.copy_within(to..from, to + 1);
            to
        };
        if let Some(place) = self.sorted.get_mut(place) {
            *place = value;
        }
    }

    fn lowest(&self) -> Option<i64> {
        self.sorted.first().copied()
    }

    /// The value that all but so many do not exceed.
    fn all_but(&self, above: usize) -> Option<i64> {
        let at = self.sorted.len().checked_sub(above + 1)?;
        self.sorted.get(at).copied()
    }
}
