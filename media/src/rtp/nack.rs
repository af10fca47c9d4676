//! Which packets of a stream are missing and when to ask for them again (RFC 4585 6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When to ask, and when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NackConfig {
    /// A gap is asked for once this many packets overtook it ...
    pub reorder_packets: u64,
    /// ... or after this time, whichever is first.
    pub reorder_wait: Duration,
    /// Least time between the first two requests of one packet; the round trip if that is
    /// longer. The next ones come after two, three, ... times as long.
    pub min_retry_interval: Duration,
    /// Most time between two requests. One report that was late would make a round trip of a
    /// second, and no loss would be repaired in time until the next report.
    pub max_retry_interval: Duration,
    /// Requests of one packet.
    pub max_requests: u8,
    /// A packet this late is of no use any more.
    pub max_age: Duration,
    /// Missing packets remembered at once; with more, only a keyframe helps.
    pub max_missing: usize,
}

impl Default for NackConfig {
    fn default() -> Self {
        Self {
            reorder_packets: 3,
            reorder_wait: Duration::from_millis(10),
            min_retry_interval: Duration::from_millis(20),
            max_retry_interval: Duration::from_millis(300),
            max_requests: 10,
            max_age: Duration::from_secs(1),
            max_missing: 512,
        }
    }
}

/// How a packet met the gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NackVerdict {
    /// Nothing to do, or gaps that [`NackTracker::poll`] will ask for.
    Tracked,
    /// It filled a gap.
    Recovered,
    /// Too much is missing: the gaps were forgotten, ask for a keyframe.
    Overflow,
}

/// The gaps of one received stream.
#[derive(Debug, Clone)]
pub struct NackTracker {
    config: NackConfig,
    highest: Option<u64>,
    /// In ascending order of sequence number.
    missing: VecDeque<Missing>,
    /// No entry is due earlier; one may be due later.
    next_due: Option<Instant>,
    given_up: u64,
    /// Since when the newest gap given up was open, until it is asked for.
    unrepaired: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    sequence: u64,
    since: Instant,
    due: Instant,
    requests: u8,
}

impl NackTracker {
    /// Without gaps. Allocates with the first one.
    pub fn new(config: NackConfig) -> Self {
        Self {
            config,
            highest: None,
            missing: VecDeque::new(),
            next_due: None,
            given_up: 0,
            unrepaired: None,
        }
    }

    /// Takes a packet by its extended sequence number, be it the original or a retransmission.
    pub fn receive(&mut self, now: Instant, sequence: u64) -> NackVerdict {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return NackVerdict::Tracked;
        };
        if sequence <= highest {
            return self.fill(sequence);
        }
        self.highest = Some(sequence);
        let gap = sequence - highest - 1;
        let room = self.config.max_missing.saturating_sub(self.missing.len());
        if gap > room as u64 {
            self.given_up += gap + self.missing.len() as u64;
            self.missing.clear();
            self.next_due = None;
            return NackVerdict::Overflow;
        }
        let due = now + self.config.reorder_wait;
        self.missing
            .extend((highest + 1..sequence).map(|sequence| Missing {
                sequence,
                since: now,
                due,
                requests: 0,
            }));
        if gap > 0 {
            self.wake_at(due);
        }
        self.hasten_overtaken(now, sequence);
        NackVerdict::Tracked
    }

    /// Writes the sequence numbers to ask for now to `out`, in ascending order, and returns how
    /// many. Those that find no room come with the next call.
    pub fn poll(&mut self, now: Instant, round_trip: Option<Duration>, out: &mut [u16]) -> usize {
        if self.next_due.is_none_or(|due| due > now) {
            return 0;
        }
        let NackConfig {
            min_retry_interval,
            max_retry_interval,
            max_age,
            max_requests,
            ..
        } = self.config;
        let retry = round_trip.unwrap_or_default().max(min_retry_interval);
        let (mut written, mut next_due) = (0, None::<Instant>);
        let unrepaired = &mut self.unrepaired;
        let before = self.missing.len();
        self.missing.retain_mut(|missing| {
            let spent = missing.requests >= max_requests;
            let old = now.saturating_duration_since(missing.since) >= max_age;
            if missing.due <= now && (spent || old) {
                *unrepaired = (*unrepaired).max(Some(missing.since));
                return false;
            }
            if missing.due <= now
                && let Some(slot) = out.get_mut(written)
            {
                // The 16 bits of the wire.
                *slot = missing.sequence as u16;
                written += 1;
                missing.requests += 1;
                missing.due = now + (retry * missing.requests.into()).min(max_retry_interval);
            }
            next_due = Some(next_due.map_or(missing.due, |due| due.min(missing.due)));
            true
        });
        self.given_up += (before - self.missing.len()) as u64;
        self.next_due = next_due;
        written
    }

    /// When [`NackTracker::poll`] may next have something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_due
    }

    /// Forgets the gaps and the stream's position: the sender's numbering began anew, or the
    /// stream is on hold.
    pub fn reset(&mut self) {
        self.missing.clear();
        self.highest = None;
        self.next_due = None;
        self.unrepaired = None;
    }

    /// If gaps were given up since the last call, when the newest of them opened.
    pub fn take_unrepaired(&mut self) -> Option<Instant> {
        self.unrepaired.take()
    }

    /// Gaps open now.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Packets that were never recovered.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    fn fill(&mut self, sequence: u64) -> NackVerdict {
        match self
            .missing
            .binary_search_by_key(&sequence, |missing| missing.sequence)
        {
            Ok(index) => {
                self.missing.remove(index);
                if self.missing.is_empty() {
                    self.next_due = None;
                }
                NackVerdict::Recovered
            }
            Err(_) => NackVerdict::Tracked,
        }
    }

    /// Gaps that enough packets overtook are lost, not late.
    fn hasten_overtaken(&mut self, now: Instant, highest: u64) {
        let Some(overtaken) = highest.checked_sub(self.config.reorder_packets) else {
            return;
        };
        let mut hastened = false;
        for missing in self.missing.iter_mut().rev() {
            if missing.sequence > overtaken {
                continue;
            }
            if missing.requests > 0 || missing.due <= now {
                break;
            }
            missing.due = now;
            hastened = true;
        }
        if hastened {
            self.wake_at(now);
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.next_due = Some(self.next_due.map_or(at, |due| due.min(at)));
    }
}
