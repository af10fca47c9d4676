//! Who may begin what: rates of calls, failed sign-ins of an address, where guests may come from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

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

/// Failed sign-ins, by address.
#[derive(Debug, Default)]
pub(super) struct Failures {
    by_address: BTreeMap<IpAddr, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
}

impl Failures {
    /// Whether `address` has failed `limit` times within `window`; then how long it has to wait.
    pub(super) fn blocked(
        &mut self,
        now: Instant,
        address: IpAddr,
        limit: u32,
        window: Duration,
    ) -> Option<Duration> {
        let network = network(address);
        let count = self.by_address.get(&network)?;
        let passed = now.saturating_duration_since(count.since);
        if passed >= window {
            self.by_address.remove(&network);
            return None;
        }
        (count.failures >= limit).then(|| window - passed)
    }

    /// Notes one. Beyond `capacity` addresses the one that failed first is forgotten.
    pub(super) fn note(&mut self, now: Instant, address: IpAddr, capacity: usize) {
        let network = network(address);
        if !self.by_address.contains_key(&network) && self.by_address.len() >= capacity.max(1) {
            let oldest = self.by_address.iter().min_by_key(|(_, count)| count.since);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.by_address.remove(&oldest);
            }
        }
        self.by_address
            .entry(network)
            .or_insert(Count {
                since: now,
                failures: 0,
            })
            .failures += 1;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_address.len()
    }
}

/// The address, or of IPv6 the network: everybody has 2^64 of those addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(bits.into())
        }
        v4 @ IpAddr::V4(_) => v4,
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
