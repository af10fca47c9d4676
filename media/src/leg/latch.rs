//! Which source a plain RTP stream is taken from. RTP has no proof of origin, so whoever knows a
//! port could speak into a call, or have the call's sound sent to himself ("RTP bleed").
//! Therefore one source is chosen, the likelier the better, and then no other is heard until the
//! far side says in a description that it has moved.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::outbox::Path;

/// From the description on, so long a likelier source may take the place of one that was chosen,
/// and a source may come from where nobody was expected.
pub(super) const LEARNING: Duration = Duration::from_secs(5);

/// Packets in a row that a source from elsewhere sends in vain before it is believed.
const PROBATION: u8 = 5;

/// How likely a source is the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// From elsewhere: behind a NAT, or an intruder.
    Elsewhere,
    /// From the host that the description names, or from where the signalling comes.
    Host,
    /// From the very address that the description names.
    Exact,
}

/// A source that is not believed yet.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    remote: SocketAddr,
    ssrc: u32,
    next: u16,
    left: u8,
}

/// The source of one stream.
#[derive(Debug)]
pub(super) struct Latch {
    /// What the description names, as it was named last.
    signalled: Option<SocketAddr>,
    /// Where the signalling comes from.
    signalling: Option<IpAddr>,
    learning_until: Instant,
    chosen: Option<(Path, Rank)>,
    /// The chosen source has sent something since the last description.
    heard: bool,
    candidate: Option<Candidate>,
}

impl Latch {
    /// The far side has been described.
    pub(super) fn new(
        now: Instant,
        signalled: Option<SocketAddr>,
        signalling: Option<IpAddr>,
    ) -> Self {
        Self {
            signalled,
            signalling,
            learning_until: now + LEARNING,
            chosen: None,
            heard: false,
            candidate: None,
        }
    }

    /// It has been described anew. Only a new address lets another source be chosen; a
    /// description without one (hold) changes nothing.
    pub(super) fn update(
        &mut self,
        now: Instant,
        signalled: Option<SocketAddr>,
        signalling: Option<IpAddr>,
    ) {
        let moved = signalled.is_some() && signalled != self.signalled;
        if moved {
            *self = Self::new(now, signalled, signalling);
            return;
        }
        self.signalling = signalling;
        self.learning_until = now + LEARNING;
        self.heard = false;
    }

    /// The source that was chosen.
    pub(super) fn chosen(&self) -> Option<Path> {
        self.chosen.map(|(path, _)| path)
    }

    /// Where to send: to the source that was chosen, else to where the far side wants it.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.chosen().map(|path| path.remote).or(self.signalled)
    }

    /// Whether a packet of this source is heard. The source may be chosen by it.
    pub(super) fn hears(&mut self, now: Instant, path: Path, ssrc: u32, sequence: u16) -> bool {
        let learning = now < self.learning_until;
        let rank = self.rank(path.remote);
        if let Some((chosen, of_chosen)) = &mut self.chosen {
            if chosen.remote == path.remote {
                chosen.local = path.local;
                self.heard = true;
                return true;
            }
            // A NAT gave it another port while it was on hold.
            let same_host = chosen.remote.ip() == path.remote.ip();
            let is_rebound = same_host && !self.heard && learning;
            let is_likelier = learning && rank > *of_chosen;
            if !is_likelier && !is_rebound {
                return false;
            }
        }
        if rank == Rank::Elsewhere && !(learning && self.is_expected_elsewhere()) {
            return false;
        }
        if rank == Rank::Elsewhere && !self.passes_probation(path.remote, ssrc, sequence) {
            return false;
        }
        self.choose(path, rank);
        true
    }

    /// A packet of this source was authenticated: it is the far side, wherever it is now.
    pub(super) fn authenticated(&mut self, path: Path) {
        self.choose(path, Rank::Exact);
    }

    /// It comes from the host of the chosen source, or before there is one from a host where the
    /// far side is likely.
    pub(super) fn is_near(&self, remote: SocketAddr) -> bool {
        match self.chosen {
            Some((chosen, _)) => chosen.remote.ip() == remote.ip(),
            None => self.rank(remote) >= Rank::Host,
        }
    }

    fn choose(&mut self, path: Path, rank: Rank) {
        self.chosen = Some((path, rank));
        self.heard = true;
        self.candidate = None;
    }

    fn rank(&self, remote: SocketAddr) -> Rank {
        if self.signalled == Some(remote) {
            return Rank::Exact;
        }
        let signalled = self.signalled.map(|signalled| signalled.ip());
        if signalled == Some(remote.ip()) || self.signalling == Some(remote.ip()) {
            Rank::Host
        } else {
            Rank::Elsewhere
        }
    }

    /// Where signalling and media are said to be on one host, nothing stands between it and us
    /// that would change its address.
    fn is_expected_elsewhere(&self) -> bool {
        let signalled = self.signalled.map(|signalled| signalled.ip());
        signalled.is_none() || signalled != self.signalling
    }

    fn passes_probation(&mut self, remote: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let next = sequence.wrapping_add(1);
        match &mut self.candidate {
            Some(candidate) if (candidate.remote, candidate.ssrc) == (remote, ssrc) => {
                let in_row = candidate.next == sequence;
                candidate.next = next;
                candidate.left = if in_row {
                    candidate.left.saturating_sub(1)
                } else {
                    PROBATION
                };
                candidate.left == 0
            }
            _ => {
                self.candidate = Some(Candidate {
                    remote,
                    ssrc,
                    next,
                    left: PROBATION,
                });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
