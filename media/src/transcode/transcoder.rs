//! One direction of a call that is transcoded.

use std::time::{Duration, Instant};

use super::Workshop;
use super::grid::Grid;
use super::plan::TranscodePlan;
use super::receiver::Receiver;
use crate::codec::{CodecError, Encoder};
use crate::event::TranscodeStats;
use crate::playout::PlayoutConfig;
use crate::rtp::Packet;
use crate::worker::Seat;

/// With nothing to send for so long, nothing is asked for until a packet comes.
const REST_AFTER: Duration = Duration::from_secs(1);

/// Ticks that are later than this are left out: the machine stood still.
const MAX_BEHIND: Duration = Duration::from_millis(100);

/// Decodes what a source sends and encodes it for a sink, a packet a tick.
#[derive(Debug)]
pub(crate) struct Transcoder {
    plan: TranscodePlan,
    receiver: Receiver,
    encoder: Encoder,
    /// Samples in a packet, and its length on the sink's clock.
    samples: usize,
    units: u32,
    tick: Duration,
    grid: Grid,
    due: Option<Instant>,
    /// Of the next packet, once one was sent.
    timestamp: Option<u32>,
    /// The packet before was not sent.
    paused: bool,
    /// Since when nothing was sent.
    silent: Option<Instant>,
    packets: u64,
    _seat: Seat,
}

/// How the worker fares, and the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How much work an encoder may spend.
    pub(crate) complexity: u8,
    /// How many packets of a hundred the far side misses.
    pub(crate) loss_percent: u8,
    /// It is to hear nothing of what the source says.
    pub(crate) is_muted: bool,
}

/// A packet to be sent; its payload is in the workshop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) payload_type: u8,
    pub(crate) timestamp: u32,
    /// Nothing was sent before it (RFC 3551 4.1).
    pub(crate) marker: bool,
    pub(crate) len: usize,
}

impl Transcoder {
    /// With all the memory it needs.
    ///
    /// # Errors
    /// If the library of a coder fails.
    pub(crate) fn new(plan: TranscodePlan, grid: Grid, seat: Seat) -> Result<Self, CodecError> {
        let rate = plan.rate();
        Ok(Self {
            encoder: Encoder::new(plan.codec, rate, plan.settings())?,
            receiver: Receiver::new(rate, &plan.source, PlayoutConfig::default()),
            samples: rate.samples(plan.ptime_ms),
            units: plan.clock_rate / 1000 * u32::from(plan.ptime_ms),
            tick: Duration::from_millis(plan.ptime_ms.into()),
            grid,
            due: None,
            timestamp: None,
            paused: true,
            silent: None,
            packets: 0,
            plan,
            _seat: seat,
        })
    }

    /// It does what the plan asks for, so that there need be no other.
    pub(crate) fn does(&self, plan: &TranscodePlan) -> bool {
        self.plan == *plan
    }

    /// The clock of what it sends, Hz.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.plan.clock_rate
    }

    /// The payload type of what it sends.
    pub(crate) fn payload_type(&self) -> u8 {
        self.plan.payload_type
    }

    /// Sound is on its way through it.
    pub(crate) fn is_active(&self) -> bool {
        self.due.is_some()
    }

    /// Takes a packet of the source.
    pub(crate) fn insert(&mut self, now: Instant, packet: &Packet<'_>, workshop: &mut Workshop) {
        let formats = &self.plan.source;
        self.receiver.insert(now, packet, formats, workshop);
        if self.due.is_none() {
            self.due = Some(self.next_on_grid(now));
            self.silent = None;
        }
    }

    /// When it wants to send the next packet.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Makes the packet that is due. `begin` tells the timestamp of one that begins now, after
    /// others or after none.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        pace: Pace,
        begin: impl FnOnce() -> u32,
        workshop: &mut Workshop,
    ) -> Option<Encoded> {
        let due = self.due.filter(|due| *due <= now)?;
        let behind = now.saturating_duration_since(due);
        if behind > MAX_BEHIND {
            self.due = Some(self.next_on_grid(now));
            self.timestamp = None;
        } else {
            self.due = Some(due + self.tick);
        }
        let (formats, receiver) = (&self.plan.source, &mut self.receiver);
        let audible = receiver.take(now, self.samples, self.tick, formats, workshop);
        let sent = match audible {
            true => self.encode(pace, begin, workshop),
            false => None,
        };
        if !audible {
            self.timestamp = None;
            let since = *self.silent.get_or_insert(now);
            if now.saturating_duration_since(since) >= REST_AFTER {
                self.rest();
            }
        } else {
            self.silent = None;
        }
        self.paused = sent.is_none();
        self.packets += u64::from(sent.is_some());
        sent
    }

    /// What it made last is not sent.
    pub(crate) fn discard(&mut self) {
        self.paused = true;
        self.packets = self.packets.saturating_sub(1);
    }

    /// Nothing goes through it for now.
    pub(crate) fn rest(&mut self) {
        self.due = None;
        self.silent = None;
        self.timestamp = None;
        self.paused = true;
        self.receiver.restart();
    }

    /// The timestamp that the sink's stream has for what the source recorded at `timestamp`; `None`
    /// if nothing of it was heard yet.
    pub(crate) fn translate(&self, ssrc: u32, timestamp: u32) -> Option<u32> {
        let next = self.timestamp?;
        let origin = self
            .receiver
            .origin()
            .filter(|origin| origin.ssrc == ssrc)?;
        let rate = i64::from(self.encoder.rate().hz());
        let later = i64::from(timestamp.wrapping_sub(origin.timestamp) as i32);
        let samples = later * rate / i64::from(origin.clock_rate.max(1)) + origin.ahead;
        let units = samples * i64::from(self.plan.clock_rate) / rate;
        // Modulo 2^32.
        Some(next.wrapping_add(units as u32))
    }

    /// How long sound waits in it now.
    pub(crate) fn delay(&self) -> Duration {
        self.receiver.delay()
    }

    /// What it has done.
    pub(crate) fn stats(&self) -> TranscodeStats {
        let playout = self.receiver.stats();
        TranscodeStats {
            packets: self.packets,
            concealed: playout.concealed,
            unplayed: playout.unplayed() + self.receiver.malformed,
            delay: self.receiver.delay(),
        }
    }

    fn encode(
        &mut self,
        pace: Pace,
        begin: impl FnOnce() -> u32,
        workshop: &mut Workshop,
    ) -> Option<Encoded> {
        let mut settings = self.encoder.settings();
        (settings.complexity, settings.expected_loss_percent) =
            (pace.complexity, pace.loss_percent);
        if settings != self.encoder.settings() {
            self.encoder.set(settings);
        }
        let timestamp = self.timestamp.unwrap_or_else(begin);
        self.timestamp = Some(timestamp.wrapping_add(self.units));
        let pcm = workshop.decoded.get_mut(..self.samples);
        let pcm = pcm.unwrap_or_default();
        if pace.is_muted {
            pcm.fill(0);
        }
        let len = self.encoder.encode(pcm, &mut workshop.payload);
        let len = len.ok().filter(|len| *len > 0)?;
        Some(Encoded {
            payload_type: self.plan.payload_type,
            timestamp,
            marker: self.paused,
            len,
        })
    }

    fn next_on_grid(&self, now: Instant) -> Instant {
        self.grid.next(now, self.tick)
    }
}
