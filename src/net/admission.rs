//! How many connections there may be, in all and of one address; an IPv6 network of one host
//! counts as one.
//!
//! Where all places are taken, the stranger makes room for the next one who was silent longest: some
//! addresses together must not shut out everybody else. Who has proved an identity stays.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use sip::neighbourhood::Neighbourhood;
use tokio::sync::Notify;

/// Counts connections. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    most: usize,
    most_per_address: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_address: HashMap<Neighbourhood, usize>,
    /// From who was silent longest on.
    strangers: BTreeMap<u64, Stranger>,
    next: u64,
}

#[derive(Debug)]
struct Stranger {
    address: Option<Neighbourhood>,
    evicted: Arc<Notify>,
}

/// The right to be connected; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    counts: Arc<Mutex<Counts>>,
    address: Option<Neighbourhood>,
    evicted: Arc<Notify>,
    /// Changed only while `counts` is locked too.
    place: Mutex<Place>,
}

/// Where a connection stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It counts for its address, and makes room in this order.
    Stranger(u64),
    /// It does neither.
    Spared,
    /// It had to go, or goes.
    Gone,
}

impl Admission {
    /// With these limits.
    #[must_use]
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            counts: Arc::default(),
            most,
            most_per_address,
        }
    }

    /// Admits a connection, or not; another one may have to go for it. `address` is `None` for a
    /// proxy, which stands for many.
    #[must_use]
    pub(super) fn admit(&self, address: Option<IpAddr>) -> Option<Permit> {
        let mut counts = lock(&self.counts);
        let address = address.map(Neighbourhood::of);
        if address.is_some_and(|it| counts.of(it) >= self.most_per_address) {
            return None;
        }
        if counts.all >= self.most && !counts.evict() {
            return None;
        }
        let evicted = Arc::new(Notify::new());
        counts.all += 1;
        let place = Place::Stranger(counts.enter(address, &evicted));
        Some(Permit {
            counts: Arc::clone(&self.counts),
            address,
            evicted,
            place: Mutex::new(place),
        })
    }

    /// Whether an address may have one more, as far as it alone is concerned.
    #[must_use]
    pub(super) fn has_share_left(&self, address: IpAddr) -> bool {
        lock(&self.counts).of(Neighbourhood::of(address)) < self.most_per_address
    }
}

impl Permit {
    /// Takes it out of what its address has, or puts it back: who has proved an identity must not
    /// shut out others behind the same NAT, nor make room for strangers. Put back, an address may have
    /// more than it could get.
    pub(super) fn spare(&self, spared: bool) {
        let (mut counts, mut place) = (lock(&self.counts), lock(&self.place));
        match *place {
            // One that does not leave has been evicted a moment ago.
            Place::Stranger(number) if spared && counts.leave(number) => *place = Place::Spared,
            Place::Spared if !spared => {
                *place = Place::Stranger(counts.enter(self.address, &self.evicted));
            }
            _ => {}
        }
    }

    /// Something was said: others have been silent for longer.
    pub(super) fn touch(&self) {
        let (mut counts, mut place) = (lock(&self.counts), lock(&self.place));
        if let Place::Stranger(number) = *place
            && counts.leave(number)
        {
            *place = Place::Stranger(counts.enter(self.address, &self.evicted));
        }
    }

    /// Resolves when the connection has to make room.
    pub(super) async fn evicted(&self) {
        let mut evicted = pin!(self.evicted.notified());
        // Registered first, so that none is missed between.
        evicted.as_mut().enable();
        if !self.has_been_evicted() {
            evicted.await;
        }
    }

    fn has_been_evicted(&self) -> bool {
        let (counts, place) = (lock(&self.counts), lock(&self.place));
        matches!(*place, Place::Stranger(number) if !counts.strangers.contains_key(&number))
    }
}

impl Counts {
    fn of(&self, address: Neighbourhood) -> usize {
        self.of_address.get(&address).copied().unwrap_or(0)
    }

    /// Lets the stranger go who was silent longest. False if there is none.
    fn evict(&mut self) -> bool {
        let Some((&number, stranger)) = self.strangers.first_key_value() else {
            return false;
        };
        stranger.evicted.notify_waiters();
        self.all = self.all.saturating_sub(1);
        self.leave(number)
    }

    /// One more stranger, who has said something just now: his number.
    fn enter(&mut self, address: Option<Neighbourhood>, evicted: &Arc<Notify>) -> u64 {
        if let Some(address) = address {
            *self.of_address.entry(address).or_insert(0) += 1;
        }
        let evicted = Arc::clone(evicted);
        self.next += 1;
        self.strangers
            .insert(self.next, Stranger { address, evicted });
        self.next
    }

    /// He is none any more. False if he was not.
    fn leave(&mut self, number: u64) -> bool {
        let Some(stranger) = self.strangers.remove(&number) else {
            return false;
        };
        if let Some(address) = stranger.address
            && let Some(count) = self.of_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (mut counts, mut place) = (lock(&self.counts), lock(&self.place));
        let counted = match std::mem::replace(&mut *place, Place::Gone) {
            Place::Stranger(number) => counts.leave(number),
            Place::Spared => true,
            Place::Gone => false,
        };
        if counted {
            counts.all = counts.all.saturating_sub(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn s08_one_address_cannot_take_what_is_meant_for_others() {
        let admission = Admission::new(10, 2);
        let first = admission.admit(ip("192.0.2.1")).unwrap();
        let _second = admission.admit(ip("192.0.2.1")).unwrap();
        assert!(admission.admit(ip("192.0.2.1")).is_none());
        assert!(admission.admit(ip("::ffff:192.0.2.1")).is_none());
        assert!(admission.admit(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(admission.admit(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn s08_who_is_connected_stays_so_while_his_neighbour_is_refused() {
        let admission = Admission::new(10_000, 300);
        let guests: Vec<_> = (0..300)
            .map(|_| admission.admit(ip("192.0.2.1")).unwrap())
            .collect();
        let refused = (0..1000).filter(|_| admission.admit(ip("192.0.2.1")).is_none());
        assert_eq!(refused.count(), 1000);
        assert_eq!(lock(&admission.counts).all, guests.len());
    }

    #[test]
    fn s08_addresses_of_one_ipv6_network_count_together() {
        let admission = Admission::new(10, 1);
        let _first = admission.admit(ip("2001:db8::1")).unwrap();
        assert!(admission.admit(ip("2001:db8::2")).is_none());
        assert!(admission.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn s08_who_has_signed_in_takes_nothing_from_others_of_his_address() {
        let admission = Admission::new(10, 1);
        let known = admission.admit(ip("192.0.2.1")).unwrap();
        assert!(admission.admit(ip("192.0.2.1")).is_none());
        known.spare(true);
        known.spare(true);
        let stranger = admission.admit(ip("192.0.2.1")).unwrap();
        assert!(admission.admit(ip("192.0.2.1")).is_none());
        known.spare(false);
        drop(stranger);
        assert!(admission.admit(ip("192.0.2.1")).is_none());
        known.spare(true);
        drop(known);
        let counts = lock(&admission.counts);
        assert_eq!((counts.all, counts.of_address.len()), (0, 0));
    }

    #[test]
    fn s08_all_together_are_limited_too_and_nothing_is_left_behind() {
        let admission = Admission::new(3, 2);
        let permits: Vec<_> = (1..=3)
            .map(|i| admission.admit(ip(&format!("192.0.2.{i}"))).unwrap())
            .collect();
        for permit in &permits {
            permit.spare(true);
        }
        assert!(admission.admit(None).is_none());
        drop(permits);
        let counts = lock(&admission.counts);
        assert_eq!((counts.all, counts.of_address.len()), (0, 0));
    }

    /// Whether a connection has to go.
    fn is_evicted(permit: &Permit) -> bool {
        use futures_util::FutureExt as _;
        permit.evicted().now_or_never().is_some()
    }

    #[test]
    fn s08_the_stranger_who_was_silent_longest_makes_room_and_nobody_who_has_signed_in() {
        let admission = Admission::new(4, 3);
        let at = |address| admission.admit(ip(address)).unwrap();
        let known = at("192.0.2.1");
        known.spare(true);
        let (talks, silent, third) = (at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.2"));
        talks.touch();
        let newcomer = at("192.0.2.9");
        assert!(is_evicted(&silent));
        for stays in [&known, &talks, &third, &newcomer] {
            assert!(!is_evicted(stays));
        }
        // What it had is free already, and is not given back twice.
        silent.touch();
        silent.spare(true);
        drop(silent);
        assert_eq!(lock(&admission.counts).all, 4);
        assert!(is_evicted(&third) || admission.admit(ip("192.0.2.9")).is_some());
        assert!(is_evicted(&third) && !is_evicted(&known));
    }

    #[test]
    fn s08_four_addresses_do_not_shut_out_others() {
        let admission = Admission::new(4096, 1024);
        let silent: Vec<_> = (0..4096)
            .map(|i| admission.admit(ip(&format!("192.0.2.{}", i % 4))).unwrap())
            .collect();
        assert!(admission.admit(ip("192.0.2.0")).is_none());
        let others: Vec<_> = (0..100)
            .map(|i| admission.admit(ip(&format!("198.51.100.{i}"))).unwrap())
            .collect();
        assert!(others.iter().all(|it| !is_evicted(it)));
        assert!(silent[..100].iter().all(is_evicted));
        assert!(silent[100..].iter().all(|it| !is_evicted(it)));
        drop((silent, others));
        let counts = lock(&admission.counts);
        assert_eq!((counts.all, counts.of_address.len()), (0, 0));
        assert!(counts.strangers.is_empty());
    }
}
