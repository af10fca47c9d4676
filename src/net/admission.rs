//! How many connections there may be, in all and of one address; an IPv6 network of one host
//! counts as one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sip::neighbourhood::Neighbourhood;

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
}

/// The right to be connected; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    counts: Arc<Mutex<Counts>>,
    address: Option<Neighbourhood>,
    /// It does not count for its address now. Changed only while `counts` is locked.
    spared: AtomicBool,
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

    /// Admits a connection, or not. `address` is `None` for a proxy, which stands for many.
    #[must_use]
    pub(super) fn admit(&self, address: Option<IpAddr>) -> Option<Permit> {
        let mut counts = lock(&self.counts);
        if counts.all >= self.most {
            return None;
        }
        let address = address.map(Neighbourhood::of);
        if let Some(address) = address {
            let count = counts.of_address.entry(address).or_insert(0);
            if *count >= self.most_per_address {
                return None;
            }
            *count += 1;
        }
        counts.all += 1;
        Some(Permit {
            counts: Arc::clone(&self.counts),
            address,
            spared: AtomicBool::new(false),
        })
    }

    /// Whether an address may have one more, as far as it alone is concerned.
    #[must_use]
    pub(super) fn has_share_left(&self, address: IpAddr) -> bool {
        let counts = lock(&self.counts);
        let count = counts.of_address.get(&Neighbourhood::of(address)).copied();
        count.unwrap_or(0) < self.most_per_address
    }
}

impl Permit {
    /// Takes it out of what its address has, or puts it back: who has proved an identity must not
    /// shut out others behind the same NAT. Put back, an address may have more than it could get.
    pub(super) fn spare(&self, spared: bool) {
        let mut counts = lock(&self.counts);
        if self.spared.swap(spared, Ordering::Relaxed) == spared {
            return;
        }
        if let Some(address) = self.address {
            if spared {
                counts.forget(address);
            } else {
                *counts.of_address.entry(address).or_insert(0) += 1;
            }
        }
    }
}

impl Counts {
    fn forget(&mut self, address: Neighbourhood) {
        if let Some(count) = self.of_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        if let Some(address) = self.address
            && !self.spared.load(Ordering::Relaxed)
        {
            counts.forget(address);
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> std::sync::MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(admission.admit(None).is_none());
        drop(permits);
        let counts = lock(&admission.counts);
        assert_eq!((counts.all, counts.of_address.len()), (0, 0));
    }
}
