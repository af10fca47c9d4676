//! The UDP ports of plain RTP legs: pairs of an even port for RTP and the odd one above it for
//! RTCP (RFC 3550 11), out of a configured range.
//!
//! A pair that is given back rests for a while: packets of the call it was in are still on their
//! way and must not be heard in the next one.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use thiserror::Error;

/// How long a pair rests, unless said otherwise: longer than phones go on sending after a BYE
/// that was lost and sent again (RFC 3261 17.1.1.2, 64 * T1).
pub const QUARANTINE: Duration = Duration::from_secs(32);

/// A port for RTP and one for RTCP, both UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortPair {
    /// Even.
    rtp: u16,
}

impl PortPair {
    /// The pair that begins with this even port; `None` for an odd one and for 0.
    pub fn new(rtp: u16) -> Option<Self> {
        (rtp != 0 && rtp.is_multiple_of(2)).then_some(Self { rtp })
    }

    /// For RTP, and for RTCP too where both are multiplexed (RFC 5761).
    pub fn rtp(self) -> u16 {
        self.rtp
    }

    /// For RTCP.
    pub fn rtcp(self) -> u16 {
        self.rtp + 1
    }
}

/// Ports from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// `None` if there is no pair of an even port and the next in it.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        let range = Self { first, last };
        range.pairs().next().is_some().then_some(range)
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last one.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether the port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// The part of the `index`th of so many equal users; `None` if there is no pair in it.
    pub fn part(self, index: usize, of: usize) -> Option<Self> {
        let pairs = self.pairs().count();
        let bound = |index: usize| pairs.saturating_mul(index) / of.max(1);
        let (begin, end) = (bound(index), bound(index.checked_add(1)?));
        let mut part = self.pairs().take(end).skip(begin);
        let first = part.next()?;
        let last = part.last().unwrap_or(first);
        Self::new(first.rtp(), last.rtcp())
    }

    fn pairs(self) -> impl Iterator<Item = PortPair> {
        (self.first..self.last).filter_map(PortPair::new)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// No pair can be had now: our limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "all RTP ports are taken: {in_use} pairs are in use and {resting} were until a moment ago; \
     a wider range is set by media.rtp_ports"
)]
pub struct PortsExhausted {
    /// Pairs that calls use.
    pub in_use: usize,
    /// Pairs that rest.
    pub resting: usize,
}

/// Hands out pairs and takes them back.
#[derive(Debug)]
pub struct PortPool {
    /// With the instant from which each may be used; that instant never falls along the queue.
    free: VecDeque<(Option<Instant>, PortPair)>,
    in_use: BTreeSet<PortPair>,
    quarantine: Duration,
}

impl PortPool {
    /// All pairs of the range. They are handed out in an order drawn from `rng`, so that nobody
    /// can tell the next one.
    pub fn new<R: rand::Rng>(range: PortRange, quarantine: Duration, rng: &mut R) -> Self {
        let mut pairs: Vec<PortPair> = range.pairs().collect();
        pairs.shuffle(rng);
        Self {
            free: pairs.into_iter().map(|pair| (None, pair)).collect(),
            in_use: BTreeSet::new(),
            quarantine,
        }
    }

    /// A pair that nobody has and that has rested: the one given back longest ago.
    ///
    /// # Errors
    /// [`PortsExhausted`]: our limit. The call should be refused with 503.
    pub fn take(&mut self, now: Instant) -> Result<PortPair, PortsExhausted> {
        match self.free.front() {
            Some((rests_until, pair)) if rests_until.is_none_or(|until| until <= now) => {
                let pair = *pair;
                self.free.pop_front();
                self.in_use.insert(pair);
                Ok(pair)
            }
            _ => Err(PortsExhausted {
                in_use: self.in_use.len(),
                resting: self.free.len(),
            }),
        }
    }

    /// Takes a pair back. One that was not handed out is ignored.
    pub fn give_back(&mut self, now: Instant, pair: PortPair) {
        if !self.in_use.remove(&pair) {
            return;
        }
        let until = now + self.quarantine;
        // Told instants never fall; should one do so, the order of the queue still holds.
        let latest = self.free.back().and_then(|(until, _)| *until);
        let until = latest.map_or(until, |latest| latest.max(until));
        self.free.push_back((Some(until), pair));
    }

    /// Takes a pair out for good, because another program has one of its ports.
    pub fn withdraw(&mut self, pair: PortPair) {
        self.in_use.remove(&pair);
        self.free.retain(|(_, free)| *free != pair);
    }

    /// Pairs that are handed out.
    pub fn in_use(&self) -> usize {
        self.in_use.len()
    }

    /// Pairs there are, in use or not.
    pub fn len(&self) -> usize {
        self.in_use.len() + self.free.len()
    }

    /// All have been withdrawn.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
