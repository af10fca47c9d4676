//! Nonces and nonce counts.

use proptest::prelude::*;

use super::super::nonce::{Nonces, Stamp};
use super::super::replay::{Replays, Use};
use super::*;

fn nonces() -> (Nonces, Instant) {
    let epoch = Instant::now();
    (Nonces::new(&[1; 32], epoch), epoch)
}

#[test]
fn a_nonce_is_known_again_by_its_realm_and_peer_alone() {
    let (nonces, now) = nonces();
    let nonce = nonces.make(now, &mut rng(), "r", b"p");
    assert!(nonces.open(&nonce, "r", b"p").is_some());
    assert_eq!(nonces.open(&nonce, "r", b"q"), None);
    assert_eq!(nonces.open(&nonce, "s", b"p"), None);
    assert_eq!(nonces.open(&nonce, "rp", b""), None);
    let others = Nonces::new(&[2; 32], now);
    assert_eq!(others.open(&nonce, "r", b"p"), None);
    for rubbish in ["", "00", "zz", &nonce[1..], &"0".repeat(nonce.len())] {
        assert_eq!(nonces.open(rubbish, "r", b"p"), None);
    }
}

#[test]
fn a_nonce_tells_its_age() {
    let (nonces, start) = nonces();
    let made = start + Duration::from_secs(5);
    let nonce = nonces.make(made, &mut rng(), "r", b"");
    let stamp = nonces.open(&nonce, "r", b"").unwrap();
    let age = nonces.age(made + Duration::from_secs(30), stamp);
    assert_eq!(age, Duration::from_secs(30));
}

#[test]
fn two_nonces_of_one_instant_differ() {
    let (nonces, now) = nonces();
    let mut rng = rng();
    let a = nonces.make(now, &mut rng, "r", b"");
    assert_ne!(a, nonces.make(now, &mut rng, "r", b""));
}

#[test]
fn a_changed_nonce_is_not_ours() {
    let (nonces, now) = nonces();
    let nonce = nonces.make(now, &mut rng(), "r", b"");
    for at in 0..nonce.len() {
        let mut changed = nonce.to_string().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(nonces.open(&changed, "r", b""), None, "digit {at}");
    }
}

#[test]
fn counts_may_change_their_order_but_not_come_twice() {
    let (nonces, now) = nonces();
    let mut replays = Replays::new(10);
    let mut mark = |nc| replays.mark(&nonces, now, TTL, Stamp::at(0, 0), nc);
    assert_eq!(mark(1), Use::First);
    assert_eq!(mark(1), Use::Again);
    assert_eq!(mark(5), Use::First);
    assert_eq!(mark(3), Use::First);
    assert_eq!(mark(3), Use::Again);
    assert_eq!(mark(0), Use::Again);
    assert_eq!(mark(200), Use::First);
    assert_eq!(mark(136), Use::Again, "too far behind to be sure of");
    assert_eq!(mark(137), Use::First);
    assert_eq!(mark(u32::MAX), Use::First);
    assert_eq!(mark(u32::MAX), Use::Again);
}

#[test]
fn a_full_table_forgets_the_oldest_and_lets_no_replay_of_it_in() {
    let (nonces, now) = nonces();
    let mut replays = Replays::new(2);
    let mut mark = |issued_ms, nc| replays.mark(&nonces, now, TTL, Stamp::at(issued_ms, 0), nc);
    assert_eq!(mark(10, 1), Use::First);
    assert_eq!(mark(20, 1), Use::First);
    assert_eq!(mark(30, 1), Use::First, "the oldest gives way");
    assert_eq!(mark(10, 1), Use::Forgotten);
    assert_eq!(mark(10, 2), Use::Forgotten);
    assert_eq!(mark(5, 1), Use::Forgotten, "older than what was forgotten");
    assert_eq!(mark(20, 2), Use::First, "those that stay go on");
    assert_eq!(
        mark(15, 1),
        Use::Forgotten,
        "older than all that is remembered"
    );
    assert_eq!(replays.len(), 2);
}

#[test]
fn expired_nonces_make_room_without_making_others_stale() {
    let (nonces, start) = nonces();
    let mut replays = Replays::new(2);
    replays.mark(&nonces, start, TTL, Stamp::at(0, 1), 1);
    replays.mark(&nonces, start, TTL, Stamp::at(0, 2), 1);
    let later = start + TTL + Duration::from_millis(2);
    assert_eq!(
        replays.mark(&nonces, later, TTL, Stamp::at(9, 0), 1),
        Use::First
    );
    assert_eq!(replays.len(), 1);
    assert_eq!(
        replays.mark(&nonces, later, TTL, Stamp::at(8, 0), 1),
        Use::First
    );
}

proptest! {
    #[test]
    fn no_count_is_ever_taken_twice(
        uses in prop::collection::vec((0_u64..6, 0_u32..150), 0..400),
        limit in 1_usize..6,
    ) {
        let (nonces, now) = nonces();
        let mut replays = Replays::new(limit);
        let mut taken = std::collections::BTreeSet::new();
        for (nonce, nc) in uses {
            if replays.mark(&nonces, now, TTL, Stamp::at(nonce, 0), nc) == Use::First {
                prop_assert!(taken.insert((nonce, nc)));
            }
            prop_assert!(replays.len() <= limit);
        }
    }
}
