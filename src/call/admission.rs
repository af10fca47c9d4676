//! Who may begin what: rates of calls, failed sign-ins of an address, where guests may come from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use registrar::Aor;
use sip::neighbourhood::Neighbourhood;

use super::config::GuestPolicy;
use super::io::Peer;

/// A rate with a burst (the generic cell rate algorithm).
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// When everything taken so far is paid back.
    paid_at: Instant,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { paid_at: now }
    }

    /// Takes one of `per_second`, of which `burst` may come at once. A rate of 0 gives none.
    pub(super) fn take(&mut self, now: Instant, per_second: u32, burst: u32) -> bool {
        if per_second == 0 {
            return false;
        }
        let interval = Duration::from_secs(1) / per_second;
        let paid_at = self.paid_at.max(now);
        if paid_at - now > interval * burst.saturating_sub(1) {
            return false;
        }
        self.paid_at = paid_at + interval;
        true
    }
}

/// Failed sign-ins: where they came from, and who is known there.
///
/// Many may sit behind one address, and one of them may guess passwords. Who has proved before
/// who he is, from there, is counted for himself and not shut out by his neighbours; nor by
/// strangers who guess at his password from many addresses, all of whom together have few tries.
#[derive(Debug, Default)]
pub(super) struct Failures {
    by_place: BTreeMap<Neighbourhood, Count>,
    /// From all places where they are not known. Nobody here need exist.
    by_user: BTreeMap<Aor, Count>,
    /// With the failures since, if there are any.
    known: BTreeMap<(Neighbourhood, Aor), Acquaintance>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
}

#[derive(Debug, Clone, Copy)]
struct Acquaintance {
    seen: Instant,
    failures: Option<Count>,
}

/// From all strange places together, somebody's failures may be so many times those of one place.
const PLACES_PER_USER: u32 = 5;

/// How many failures are too many.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailureLimits {
    /// So many within the window.
    pub(super) failures: u32,
    pub(super) window: Duration,
    /// Places, people tried, and people known in a place, that are remembered of each; the oldest
    /// is forgotten.
    pub(super) capacity: usize,
}

impl Failures {
    /// Whether nobody may try as `user` from `address` now; then how long he has to wait.
    pub(super) fn blocked(
        &mut self,
        now: Instant,
        address: IpAddr,
        user: &Aor,
        limits: FailureLimits,
    ) -> Option<Duration> {
        let place = Neighbourhood::of(address);
        if let Some(known) = self.known.get_mut(&(place, user.clone())) {
            let left = known.failures?.left(now, limits.window);
            if left.is_none() {
                known.failures = None;
            }
            return left.filter(|_| known.is_over(limits.failures));
        }
        let (window, failures) = (limits.window, limits.failures);
        let of_place = left(&mut self.by_place, &place, now, window, failures);
        let of_all = failures.saturating_mul(PLACES_PER_USER);
        let of_user = left(&mut self.by_user, user, now, window, of_all);
        of_place.max(of_user)
    }

    /// Somebody tried as `user` from `address` and failed.
    pub(super) fn note(
        &mut self,
        now: Instant,
        address: IpAddr,
        user: &Aor,
        limits: FailureLimits,
    ) {
        let place = Neighbourhood::of(address);
        if let Some(known) = self.known.get_mut(&(place, user.clone())) {
            known.failures.get_or_insert(Count::new(now)).failures += 1;
            return;
        }
        count_one(&mut self.by_place, place, now, limits);
        count_one(&mut self.by_user, user.clone(), now, limits);
    }

    /// `user` proved at `address` who he is.
    pub(super) fn meet(
        &mut self,
        now: Instant,
        address: IpAddr,
        user: &Aor,
        limits: FailureLimits,
    ) {
        let key = (Neighbourhood::of(address), user.clone());
        if !self.known.contains_key(&key) {
            make_room(&mut self.known, limits.capacity, |known| known.seen);
        }
        let seen = Acquaintance {
            seen: now,
            failures: None,
        };
        self.known.insert(key, seen);
    }

    /// `user` proved at `address` who he is, not too long ago.
    pub(super) fn knows(&self, address: IpAddr, user: &Aor) -> bool {
        let key = (Neighbourhood::of(address), user.clone());
        self.known.contains_key(&key)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize, usize) {
        (self.by_place.len(), self.by_user.len(), self.known.len())
    }
}

impl Count {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            failures: 0,
        }
    }

    /// What is left of its window.
    fn left(self, now: Instant, window: Duration) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.since);
        window.checked_sub(passed).filter(|left| !left.is_zero())
    }
}

impl Acquaintance {
    fn is_over(self, limit: u32) -> bool {
        self.failures.is_some_and(|count| count.failures >= limit)
    }
}

/// How long a key with as many failures as there may be has to wait. Forgets it after its window.
fn left<K: Ord>(
    counts: &mut BTreeMap<K, Count>,
    key: &K,
    now: Instant,
    window: Duration,
    limit: u32,
) -> Option<Duration> {
    let count = counts.get(key)?;
    let Some(left) = count.left(now, window) else {
        counts.remove(key);
        return None;
    };
    (count.failures >= limit).then_some(left)
}

fn count_one<K: Ord + Clone>(
    counts: &mut BTreeMap<K, Count>,
    key: K,
    now: Instant,
    limits: FailureLimits,
) {
    if !counts.contains_key(&key) {
        make_room(counts, limits.capacity, |count| count.since);
    }
    let count = counts.entry(key).or_insert(Count::new(now));
    count.failures = count.failures.saturating_add(1);
}

/// Forgets the oldest entry where one more would be too many.
fn make_room<K: Ord + Clone, V>(
    entries: &mut BTreeMap<K, V>,
    capacity: usize,
    age: impl Fn(&V) -> Instant,
) {
    if entries.len() < capacity.max(1) {
        return;
    }
    let oldest = entries.iter().min_by_key(|(_, entry)| age(entry));
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        entries.remove(&oldest);
    }
}

/// Whether a guest may come from `peer`.
pub(super) fn admits_guest(policy: GuestPolicy, peer: &Peer) -> bool {
    match policy {
        GuestPolicy::None => false,
        GuestPolicy::Loopback => peer.local,
        GuestPolicy::Private => peer.local || is_private(peer.address.ip()),
    }
}

/// RFC 1918, RFC 3927, RFC 4193, RFC 4291 2.5.6. Loopback is not among them: whether somebody sits
/// on this machine is [`Peer::local`], since a proxy's connections come from loopback too.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
