//! What a receiver knows of one stream, and its report blocks (RFC 3550 6.4.1, A.1, A.3, A.8).

use std::time::{Duration, Instant};

use super::ntp::{Ntp64, from_compact, to_compact};
use super::rtcp::ReportBlock;

/// Gap up to which numbers ahead count as loss (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;
/// How far behind the highest number a packet still counts as late. RFC 3550 A.1 proposes 100;
/// a retransmission without RTX comes later, as far back as SRTP's replay window lets it.
const MAX_MISORDER: u16 = 1024;
/// A transit time that jumps further says that the sender's timeline jumped: no jitter.
const MAX_JITTER_STEP: Duration = Duration::from_secs(5);

/// How a packet lies in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The first, or ahead of all before it; `missing` numbers were skipped.
    Ahead {
        /// Numbers between the highest so far and this one.
        missing: u16,
    },
    /// Not ahead: late, or sent again.
    Late,
    /// Far from everything so far. Not counted: only a second one in a row is believed.
    Jump,
    /// The second packet of a jump: counting began anew here.
    Restarted,
}

/// Reception state of one stream.
#[derive(Debug, Clone)]
pub struct Reception {
    ssrc: u32,
    clock_rate: u32,
    epoch: Option<Epoch>,
    /// Of all epochs that ended in a restart.
    lost_before: u64,
    packets: u64,
    bytes: u64,
    jitter: Jitter,
    last_sender_report: Option<(Ntp64, Instant)>,
    fraction_lost: u8,
}

/// Counting since the first packet or the last restart.
#[derive(Debug, Clone)]
struct Epoch {
    base: u16,
    highest: u16,
    cycles: u32,
    received: u32,
    /// The number that would confirm a jump.
    after_jump: Option<u16>,
    expected_prior: u32,
    received_prior: u32,
}

impl Epoch {
    fn new(sequence_number: u16) -> Self {
        Self {
            base: sequence_number,
            highest: sequence_number,
            cycles: 0,
            received: 1,
            after_jump: None,
            expected_prior: 0,
            received_prior: 0,
        }
    }

    fn extended_highest(&self) -> u32 {
        (self.cycles << 16) | u32::from(self.highest)
    }

    fn expected(&self) -> u32 {
        self.extended_highest()
            .wrapping_sub(self.base.into())
            .wrapping_add(1)
    }

    fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received) as i32
    }

    /// Share lost since the last call, in 1/256 (RFC 3550 A.3).
    fn take_fraction(&mut self) -> u8 {
        let expected = self.expected().wrapping_sub(self.expected_prior);
        let received = self.received.wrapping_sub(self.received_prior);
        self.expected_prior = self.expected();
        self.received_prior = self.received;
        let lost = u64::from(expected.saturating_sub(received));
        let fraction = (lost << 8).checked_div(expected.into()).unwrap_or(0);
        u8::try_from(fraction).unwrap_or(u8::MAX)
    }
}

impl Reception {
    /// Of the stream `ssrc`, whose timestamps run at `clock_rate` Hz.
    pub fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self {
            ssrc,
            clock_rate,
            epoch: None,
            lost_before: 0,
            packets: 0,
            bytes: 0,
            jitter: Jitter::default(),
            last_sender_report: None,
            fraction_lost: 0,
        }
    }

    /// The stream's SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes a packet that passed authentication and the replay check.
    pub fn receive(
        &mut self,
        now: Instant,
        sequence_number: u16,
        timestamp: u32,
        payload_len: usize,
    ) -> Arrival {
        self.packets += 1;
        self.bytes += payload_len as u64;
        let arrival = self.advance(sequence_number);
        match arrival {
            Arrival::Ahead { .. } => self.jitter.receive(now, timestamp, self.clock_rate),
            Arrival::Restarted => {
                self.jitter.forget_transit();
                self.jitter.receive(now, timestamp, self.clock_rate);
            }
            Arrival::Late | Arrival::Jump => {}
        }
        arrival
    }

    fn advance(&mut self, sequence_number: u16) -> Arrival {
        let Some(epoch) = &mut self.epoch else {
            self.epoch = Some(Epoch::new(sequence_number));
            return Arrival::Ahead { missing: 0 };
        };
        let ahead = sequence_number.wrapping_sub(epoch.highest);
        if (1..MAX_DROPOUT).contains(&ahead) {
            if sequence_number < epoch.highest {
                epoch.cycles = epoch.cycles.wrapping_add(1);
            }
            epoch.highest = sequence_number;
            epoch.received = epoch.received.wrapping_add(1);
            epoch.after_jump = None;
            return Arrival::Ahead { missing: ahead - 1 };
        }
        if ahead.wrapping_neg() < MAX_MISORDER {
            epoch.received = epoch.received.wrapping_add(1);
            return Arrival::Late;
        }
        if epoch.after_jump == Some(sequence_number) {
            self.lost_before += u64::try_from(epoch.lost()).unwrap_or(0);
            let mut restarted = Epoch::new(sequence_number.wrapping_sub(1));
            restarted.highest = sequence_number;
            restarted.cycles = u32::from(sequence_number == 0);
            restarted.received = 2;
            self.epoch = Some(restarted);
            return Arrival::Restarted;
        }
        epoch.after_jump = Some(sequence_number.wrapping_add(1));
        Arrival::Jump
    }

    /// The stream's sender sent a report: `ntp` is the time in it.
    pub fn sender_report(&mut self, now: Instant, ntp: Ntp64) {
        self.last_sender_report = Some((ntp, now));
    }

    /// The next report block; none before the first packet. Each call begins the next interval
    /// of `fraction_lost`.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let epoch = self.epoch.as_mut()?;
        self.fraction_lost = epoch.take_fraction();
        let (last_sender_report, delay_since_last) = match self.last_sender_report {
            Some((ntp, at)) => (ntp.middle(), to_compact(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: self.fraction_lost,
            cumulative_lost: epoch.lost(),
            extended_highest: epoch.extended_highest(),
            jitter: self.jitter.value(),
            last_sender_report,
            delay_since_last,
        })
    }

    /// Packets received.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Payload bytes received.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets lost over the stream's life, restarts included; never negative.
    pub fn lost(&self) -> u64 {
        let current = self.epoch.as_ref().map_or(0, Epoch::lost);
        self.lost_before + u64::try_from(current).unwrap_or(0)
    }

    /// Share lost in the interval before the last report block, 0.0 to 1.0.
    pub fn fraction_lost(&self) -> f32 {
        f32::from(self.fraction_lost) / 256.0
    }

    /// Interarrival jitter.
    pub fn jitter(&self) -> Duration {
        from_units(self.jitter.value(), self.clock_rate)
    }
}

/// The time of `units` of a clock, zero for a clock that does not run. Gives the jitter of a
/// far side's report block its unit.
pub fn from_units(units: u32, clock_rate: u32) -> Duration {
    let nanos = (u64::from(units) * 1_000_000_000).checked_div(clock_rate.into());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// The round trip told by a far side's report block about a stream of ours; `now` is by the
/// clock that stamped our sender reports. None before the far side had such a report.
pub fn round_trip(block: &ReportBlock, now: Ntp64) -> Option<Duration> {
    if block.last_sender_report == 0 {
        return None;
    }
    let units = now
        .middle()
        .wrapping_sub(block.last_sender_report)
        .wrapping_sub(block.delay_since_last);
    // Rounding at both ends can make a short trip come out a little below zero.
    let signed = units as i32;
    (signed > -MAX_ROUNDING).then(|| from_compact(signed.max(0) as u32))
}

/// 1/65536 s
const MAX_ROUNDING: i32 = 64;

/// Interarrival jitter (RFC 3550 A.8), from the first packet of each timestamp only: the
/// packets of one video frame share theirs, and how they are paced is no jitter.
#[derive(Debug, Clone, Default)]
struct Jitter {
    last: Option<Last>,
    /// Sixteen times the jitter, in timestamp units.
    scaled: u32,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    at: Instant,
    timestamp: u32,
}

impl Jitter {
    fn value(&self) -> u32 {
        self.scaled >> 4
    }

    fn forget_transit(&mut self) {
        self.last = None;
    }

    fn receive(&mut self, now: Instant, timestamp: u32, clock_rate: u32) {
        let Some(last) = self.last else {
            self.last = Some(Last { at: now, timestamp });
            return;
        };
        if timestamp == last.timestamp {
            return;
        }
        self.last = Some(Last { at: now, timestamp });
        let elapsed = now.saturating_duration_since(last.at);
        let elapsed_units = to_units(elapsed, clock_rate);
        let sent_units = i64::from(timestamp.wrapping_sub(last.timestamp) as i32);
        let step = elapsed_units.abs_diff(sent_units);
        if step > to_units(MAX_JITTER_STEP, clock_rate).unsigned_abs() {
            return;
        }
        // J += (|D| - J) / 16, rounded as A.8 does.
        let grown = u64::from(self.scaled) + step;
        let shrunk = grown.saturating_sub(u64::from((self.scaled + 8) >> 4));
        self.scaled = u32::try_from(shrunk).unwrap_or(u32::MAX >> 1);
    }
}

fn to_units(duration: Duration, clock_rate: u32) -> i64 {
    let units = duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000;
    i64::try_from(units).unwrap_or(i64::MAX)
}
