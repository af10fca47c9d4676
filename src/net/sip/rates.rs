//! How fast strangers may send: so many messages a second for each address. Whoever has signed in
//! is not asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sip::neighbourhood::Neighbourhood;

/// Addresses counted at once. With more of them than this, all further ones share one count.
const MOST_ADDRESSES: usize = 16_384;

/// A second's worth may come at once.
const BURST: Duration = Duration::from_secs(1);

/// Token buckets, kept as the time at which each is full again (GCRA).
#[derive(Debug)]
pub(super) struct Rates {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    full_at: HashMap<Neighbourhood, Instant>,
    /// Of all who find no room.
    others_full_at: Option<Instant>,
}

impl Rates {
    /// At most `per_second` of each address on average.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            state: Mutex::default(),
        }
    }

    /// Counts a message that is dropped unless this is true.
    pub(super) fn admit(&self, now: Instant, address: IpAddr) -> bool {
        self.count(now, address, |wait| wait.is_zero()).is_zero()
    }

    /// Counts a message that waits for so long before it is taken.
    pub(super) fn wait(&self, now: Instant, address: IpAddr) -> Duration {
        self.count(now, address, |_| true)
    }

    fn count(
        &self,
        now: Instant,
        address: IpAddr,
        takes: impl FnOnce(Duration) -> bool,
    ) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let address = Neighbourhood::of(address);
        if state.full_at.len() >= MOST_ADDRESSES && !state.full_at.contains_key(&address) {
            state.full_at.retain(|_, full_at| *full_at > now);
        }
        let room = state.full_at.len() < MOST_ADDRESSES;
        let full_at = match state.full_at.get(&address) {
            Some(full_at) => Some(*full_at),
            None if room => None,
            None => state.others_full_at,
        };
        let next = full_at.unwrap_or(now).max(now) + self.interval;
        let wait = next.saturating_duration_since(now).saturating_sub(BURST);
        if takes(wait) {
            if room || state.full_at.contains_key(&address) {
                state.full_at.insert(address, next);
            } else {
                state.others_full_at = Some(next);
            }
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn s09_one_address_gets_its_rate_and_another_is_not_touched() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let admitted = |address: &str, at: Duration| rates.admit(start + at, ip(address));
        let burst = (0..100).filter(|_| admitted("192.0.2.1", Duration::ZERO));
        assert_eq!(burst.count(), 10);
        assert!(admitted("192.0.2.2", Duration::ZERO));
        let second = (0..100).filter(|_| admitted("192.0.2.1", Duration::from_millis(500)));
        assert_eq!(second.count(), 5);
    }

    #[test]
    fn s09_a_stream_waits_as_long_as_its_rate_says() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let waits: Vec<u128> = (0..12)
            .map(|_| rates.wait(start, ip("192.0.2.1")).as_millis())
            .collect();
        assert_eq!(waits[..10], [0; 10]);
        assert_eq!(waits[10..], [100, 200]);
    }

    #[test]
    fn s09_more_addresses_than_are_counted_share_one_count() {
        let rates = Rates::new(10);
        let now = Instant::now();
        for index in 0..MOST_ADDRESSES as u32 {
            assert!(rates.admit(now, IpAddr::from(index.to_be_bytes())));
        }
        let late = (0..100_u32)
            .filter(|index| rates.admit(now, IpAddr::from((0xC000_0000 | index).to_be_bytes())));
        assert_eq!(late.count(), 10);
        assert_eq!(rates.state.lock().unwrap().full_at.len(), MOST_ADDRESSES);
        let later = now + Duration::from_secs(2);
        assert!(rates.admit(later, ip("203.0.113.1")));
        assert_eq!(rates.state.lock().unwrap().full_at.len(), 1);
    }
}
