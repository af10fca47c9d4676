//! Scanners (SECURITY S23): programs that go through the addresses of the net for servers and through
//! names for accounts, some of which say what they are in User-Agent. They are told nothing more
//! after a number of requests: a server that does not answer is crossed off.
//!
//! Many may sit behind one address. Flows on which somebody has proved who he is, and people who have
//! done so before from there, are not touched.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sip::neighbourhood::Neighbourhood;

/// Addresses that are counted, and addresses that are banned, of each at most so many. One more
/// makes the one forgotten that was counted longest, or whose ban ends first.
pub(super) const MOST_PLACES: usize = 4096;

/// What makes a scanner, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerConfig {
    /// Words in the User-Agent of scanners, in small letters. What they send is dropped at once.
    pub agents: Vec<String>,
    /// Requests within the window that bring no proof of who sends them, or a wrong one: the address
    /// is banned. 0: none is.
    pub requests: u32,
    /// In which they are counted.
    pub window: Duration,
    /// How long a ban lasts.
    pub ban: Duration,
}

impl Default for ScannerConfig {
    fn default() -> Self {
        let agents = [
            "friendly-scanner",
            "sipvicious",
            "sipcli/",
            "sip-scan",
            "sundayddr",
            "pplsip",
        ];
        Self {
            agents: agents.map(str::to_owned).to_vec(),
            requests: 60,
            window: Duration::from_secs(60),
            ban: Duration::from_secs(300),
        }
    }
}

impl ScannerConfig {
    /// A User-Agent that says it is one.
    pub(super) fn names(&self, user_agent: &str) -> bool {
        let user_agent = user_agent.to_ascii_lowercase();
        self.agents.iter().any(|agent| user_agent.contains(agent))
    }
}

/// Who behaves like one, and who is banned.
#[derive(Debug, Default)]
pub(super) struct Scanners {
    suspects: BTreeMap<Neighbourhood, Suspect>,
    by_age: BTreeSet<(Instant, Neighbourhood)>,
    bans: BTreeMap<Neighbourhood, Instant>,
    by_end: BTreeSet<(Instant, Neighbourhood)>,
    dropped: u64,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    since: Instant,
    requests: u32,
}

impl Scanners {
    /// Nobody at this address is answered now, unless he is known.
    pub(super) fn bans(&mut self, now: Instant, address: IpAddr) -> bool {
        self.lift(now);
        self.bans.contains_key(&Neighbourhood::of(address))
    }

    /// A stranger at this address brought no proof, or a wrong one. True if that was one too many:
    /// his ban begins.
    pub(super) fn suspect(
        &mut self,
        now: Instant,
        address: IpAddr,
        config: &ScannerConfig,
    ) -> bool {
        let place = Neighbourhood::of(address);
        if config.requests == 0 || self.bans.contains_key(&place) {
            return false;
        }
        let known = self.suspects.get(&place).copied();
        let begun = known.filter(|it| now.duration_since(it.since) < config.window);
        let mut suspect = begun.unwrap_or(Suspect {
            since: now,
            requests: 0,
        });
        suspect.requests += 1;
        if known.is_some_and(|it| it.since != suspect.since) {
            self.forget(place);
        }
        if suspect.requests > config.requests {
            self.forget(place);
            self.ban(place, now + config.ban);
            return true;
        }
        if self.suspects.len() >= MOST_PLACES
            && !self.suspects.contains_key(&place)
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.forget(oldest);
        }
        self.suspects.insert(place, suspect);
        self.by_age.insert((suspect.since, place));
        false
    }

    /// Somebody at this address has proved who he is: the request that was answered with a challenge
    /// before was his.
    pub(super) fn clear_one(&mut self, address: IpAddr) {
        if let Some(suspect) = self.suspects.get_mut(&Neighbourhood::of(address)) {
            suspect.requests = suspect.requests.saturating_sub(1);
        }
    }

    /// One more request was dropped.
    pub(super) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    /// Requests dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Addresses that are banned, as of the last [`lift`](Self::lift).
    pub(super) fn banned(&self) -> usize {
        self.bans.len()
    }

    fn ban(&mut self, place: Neighbourhood, end: Instant) {
        if self.bans.len() >= MOST_PLACES
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.bans.remove(&first);
        }
        self.bans.insert(place, end);
        self.by_end.insert((end, place));
    }

    /// Ends the bans whose time is over.
    pub(super) fn lift(&mut self, now: Instant) {
        while let Some((end, place)) = self.by_end.first().copied().filter(|it| it.0 <= now) {
            self.by_end.remove(&(end, place));
            self.bans.remove(&place);
        }
    }

    fn forget(&mut self, place: Neighbourhood) {
        if let Some(suspect) = self.suspects.remove(&place) {
            self.by_age.remove(&(suspect.since, place));
        }
    }
}
