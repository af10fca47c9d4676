#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::tests::start_of_time;

const SECOND: Duration = Duration::from_secs(1);

fn pool(first: u16, last: u16, quarantine: Duration) -> PortPool {
    let range = PortRange::new(first, last).expect("a range with a pair");
    PortPool::new(range, quarantine, &mut StdRng::from_seed([3; 32]))
}

#[test]
fn a_range_needs_an_even_port_and_the_next() {
    assert_eq!(PortRange::new(20_001, 20_002), None);
    assert_eq!(PortRange::new(20_002, 20_002), None);
    assert_eq!(PortRange::new(20_003, 20_000), None);
    assert_eq!(PortRange::new(0, 1), None, "port 0 is none");
    assert_eq!(pool(20_001, 20_006, SECOND).len(), 2);
    assert_eq!(pool(65_534, 65_535, SECOND).len(), 1);
}

#[test]
fn pairs_are_even_and_odd_within_the_range() {
    let mut pool = pool(20_001, 20_100, SECOND);
    let now = start_of_time();
    while let Ok(pair) = pool.take(now) {
        assert_eq!((pair.rtp() % 2, pair.rtcp()), (0, pair.rtp() + 1));
        assert!((20_002..=20_098).contains(&pair.rtp()));
    }
    assert_eq!(pool.in_use(), 49);
}

#[test]
fn nobody_can_tell_the_next_pair() {
    let now = start_of_time();
    let mut pool = pool(20_000, 29_999, SECOND);
    let taken: Vec<u16> = (0..50).map(|_| pool.take(now).unwrap().rtp()).collect();
    let neighbours = taken.windows(2).filter(|two| two[1] == two[0] + 2).count();
    assert!(neighbours < 3, "{taken:?}");
}

#[test]
fn an_exhausted_pool_says_what_is_the_matter() {
    let now = start_of_time();
    let mut pool = pool(20_000, 20_005, 10 * SECOND);
    let first = pool.take(now).unwrap();
    pool.take(now).unwrap();
    pool.take(now).unwrap();
    pool.give_back(now, first);
    let error = pool.take(now + SECOND).unwrap_err();
    assert_eq!((error.in_use, error.resting), (2, 1));
    assert!(error.to_string().contains("media.rtp_ports"), "{error}");
    assert_eq!(pool.take(now + 10 * SECOND), Ok(first));
}

#[test]
fn a_pair_that_is_not_out_cannot_be_given_back() {
    let now = start_of_time();
    let mut pool = pool(20_000, 20_003, Duration::ZERO);
    let pair = pool.take(now).unwrap();
    pool.give_back(now, pair);
    pool.give_back(now, pair);
    pool.give_back(now, PortPair::new(4_000).unwrap());
    assert_eq!(pool.len(), 2);
}

#[test]
fn a_withdrawn_pair_never_comes_again() {
    let now = start_of_time();
    let mut pool = pool(20_000, 20_003, Duration::ZERO);
    let pair = pool.take(now).unwrap();
    pool.withdraw(pair);
    pool.give_back(now, pair);
    assert_eq!(pool.len(), 1);
    assert_ne!(pool.take(now).unwrap(), pair);
    assert!(pool.take(now).is_err());
}

proptest! {
    /// Take, give back, wait: no pair is ever out twice or before it has rested, and in the end
    /// all are there again.
    #[test]
    fn pairs_are_out_once_rest_and_all_come_back(
        steps in prop::collection::vec((0_u8..3, any::<prop::sample::Index>(), 0_u32..5), 1..400)
    ) {
        let quarantine = 7 * SECOND;
        let mut pool = pool(30_000, 30_023, quarantine);
        let mut now = start_of_time();
        let mut out: Vec<PortPair> = Vec::new();
        let mut rested: BTreeMap<PortPair, Instant> = BTreeMap::new();
        for (step, which, seconds) in steps {
            match step {
                0 => match pool.take(now) {
                    Ok(pair) => {
                        prop_assert!(!out.contains(&pair), "{pair:?} is out twice");
                        let until = rested.get(&pair);
                        prop_assert!(until.is_none_or(|until| *until <= now), "{pair:?} rests");
                        out.push(pair);
                    }
                    Err(error) => {
                        prop_assert_eq!(error.in_use, out.len());
                        let ready = rested
                            .iter()
                            .filter(|(pair, until)| !out.contains(pair) && **until <= now)
                            .count();
                        prop_assert_eq!(ready, 0, "refused though one was ready");
                    }
                },
                1 if !out.is_empty() => {
                    let pair = out.swap_remove(which.index(out.len()));
                    pool.give_back(now, pair);
                    rested.insert(pair, now + quarantine);
                }
                _ => now += SECOND * seconds,
            }
        }
        for pair in out {
            pool.give_back(now, pair);
        }
        now += quarantine;
        let all: BTreeSet<PortPair> = std::iter::from_fn(|| pool.take(now).ok()).collect();
        prop_assert_eq!(all.len(), 12);
    }
}

#[test]
fn parts_of_a_range_are_disjoint_and_all_of_it() {
    let range = PortRange::new(20_001, 20_099).unwrap();
    for of in [1, 2, 3, 7, 49] {
        let mut seen = BTreeSet::new();
        for index in 0..of {
            let part = range.part(index, of).expect("a part for each");
            for pair in part.pairs() {
                assert!(seen.insert(pair), "{part} overlaps");
            }
        }
        assert_eq!(seen, range.pairs().collect(), "{of} parts");
    }
    assert_eq!(range.part(0, 1000), None, "no pair is left for it");
    assert_eq!(range.part(usize::MAX, 1), None);
}
