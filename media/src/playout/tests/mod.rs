//! A far side, a network and a listener in virtual time.

mod adapt;
mod calm;
mod gaps;
mod limits;
mod order;
mod restarts;
mod sound;

use std::time::{Duration, Instant};

use super::*;
use crate::tests::start_of_time;

pub(super) const TICK: Duration = Duration::from_millis(20);

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A packet on its way: what it carries is its own number, so that the listener knows it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// When it arrives, µs after the beginning.
    pub(super) arrives: u64,
    pub(super) ssrc: u32,
    pub(super) number: u16,
    pub(super) timestamp: u32,
    pub(super) clock_rate: u32,
    pub(super) duration: Option<u32>,
    pub(super) plays: Duration,
    pub(super) marker: bool,
    pub(super) silence: bool,
    pub(super) repairs: bool,
    pub(super) len: usize,
}

/// A talker who sends a packet every `ptime` ms at 8 kHz, each `delay(n)` µs on its way.
pub(super) fn talk(
    packets: u32,
    ptime: u32,
    mut delay: impl FnMut(u32) -> Option<u64>,
) -> Vec<Sent> {
    let sent = |n: u32| {
        let way = delay(n)?;
        Some(Sent {
            arrives: u64::from(n) * u64::from(ptime) * 1000 + way,
            ssrc: 1,
            number: n as u16,
            timestamp: n.wrapping_mul(ptime * 8),
            clock_rate: 8000,
            duration: Some(ptime * 8),
            plays: ms(ptime.into()),
            marker: n == 0,
            silence: false,
            repairs: false,
            len: 20,
        })
    };
    (0..packets).filter_map(sent).collect()
}

/// What the listener did at a time (µs after the beginning).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    Played { number: u16, resumes: bool },
    Recovered(u16),
    Concealed,
    Comfort,
    Silent,
}

pub(super) struct Listener {
    pub(super) buffer: JitterBuffer,
    pub(super) began: Instant,
    pub(super) tick: Duration,
    /// Decoded and not yet heard.
    pub(super) queued: Duration,
    pub(super) did: Vec<(u64, Did)>,
    /// Delay and target after each tick, ms.
    pub(super) delays: Vec<(u64, f64, f64)>,
    pub(super) stretched: i64,
    /// How late the tick comes, µs.
    pub(super) tick_late: fn(u64) -> u64,
    /// Of the first tick, µs.
    pub(super) phase: u64,
}

impl Listener {
    pub(super) fn new(config: PlayoutConfig) -> Self {
        Self {
            buffer: JitterBuffer::new(config),
            began: start_of_time(),
            tick: TICK,
            queued: Duration::ZERO,
            did: Vec::new(),
            delays: Vec::new(),
            stretched: 0,
            tick_late: |_| 0,
            phase: 7_300,
        }
    }

    /// Hears all packets, in the order of their arrival, and goes on for `after`.
    pub(super) fn hear(&mut self, mut packets: Vec<Sent>, after: Duration) {
        packets.sort_by_key(|packet| packet.arrives);
        let end = packets.last().map_or(0, |it| it.arrives) + after.as_micros() as u64;
        let mut packets = packets.into_iter().peekable();
        let mut n = 0;
        loop {
            let at = self.phase + n * self.tick.as_micros() as u64;
            let at = at + (self.tick_late)(n);
            if at > end {
                break;
            }
            while let Some(packet) = packets.next_if(|it| it.arrives <= at) {
                self.give(&packet);
            }
            self.tick(at);
            n += 1;
        }
    }

    pub(super) fn give(&mut self, packet: &Sent) {
        let mut payload = vec![0; packet.len.max(4)];
        payload[..2].copy_from_slice(&packet.number.to_be_bytes());
        let duration = packet.plays.as_millis() as u16;
        payload[2..4].copy_from_slice(&duration.to_be_bytes());
        self.buffer.insert(&Arrived {
            at: self.began + Duration::from_micros(packet.arrives),
            ssrc: packet.ssrc,
            sequence_number: packet.number,
            timestamp: packet.timestamp,
            payload_type: 0,
            marker: packet.marker,
            clock_rate: packet.clock_rate,
            duration: packet.duration,
            silence: packet.silence,
            repairs: packet.repairs,
            payload: &payload,
        });
    }

    pub(super) fn tick(&mut self, at: u64) {
        let now = self.began + Duration::from_micros(at);
        while self.queued < self.tick {
            let step = self.buffer.poll(now, self.queued, self.tick);
            let (did, duration) = match step.play {
                Play::Packet(packet) => {
                    let number = u16::from_be_bytes([packet.payload[0], packet.payload[1]]);
                    let resumes = packet.resumes;
                    // A decoder knows how long the packet is, whatever was said of it.
                    let plays = u16::from_be_bytes([packet.payload[2], packet.payload[3]]);
                    (Did::Played { number, resumes }, ms(plays.into()))
                }
                Play::Recover { next, missing } => {
                    let number = u16::from_be_bytes([next.payload[0], next.payload[1]]);
                    (Did::Recovered(number), missing)
                }
                Play::Conceal(missing) => (Did::Concealed, missing),
                Play::Comfort(gap) => (Did::Comfort, gap),
                Play::Silence(gap) => (Did::Silent, gap),
            };
            assert!(!duration.is_zero(), "it goes on");
            self.did.push((at, did));
            self.queued += duration;
            // A pitch period at a time, as the time-stretch does.
            match step.stretch {
                Stretch::Keep => {}
                Stretch::Shorten(most) => {
                    let by = most.min(ms(8)).min(duration / 2);
                    self.queued -= by;
                    self.stretched -= by.as_micros() as i64;
                }
                Stretch::Lengthen(most) => {
                    let by = most.min(ms(8));
                    self.queued += by;
                    self.stretched += by.as_micros() as i64;
                }
            }
        }
        self.queued -= self.tick;
        let millis = |it: Duration| it.as_secs_f64() * 1000.0;
        let (delay, target) = (self.buffer.delay(), self.buffer.target());
        self.delays.push((at, millis(delay), millis(target)));
    }

    pub(super) fn played(&self) -> Vec<u16> {
        let number = |(_, did): &(u64, Did)| match did {
            Did::Played { number, .. } => Some(*number),
            _ => None,
        };
        self.did.iter().filter_map(number).collect()
    }

    pub(super) fn count(&self, is: impl Fn(&Did) -> bool) -> usize {
        self.did.iter().filter(|(_, did)| is(did)).count()
    }

    /// The highest delay from `from` ms on.
    pub(super) fn highest_delay(&self, from: u64) -> f64 {
        let later = self.delays.iter().filter(|it| it.0 >= from * 1000);
        later.map(|it| it.1).fold(0.0, f64::max)
    }
}

/// Numbers that look random and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }
}
