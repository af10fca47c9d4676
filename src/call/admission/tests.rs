#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_rate_gives_its_burst_and_then_its_pace() {
    let start = Instant::now();
    let mut rate = Rate::new(start);
    let taken = (0..10).filter(|_| rate.take(start, 2, 4)).count();
    assert_eq!(taken, 4);
    assert!(!rate.take(start + Duration::from_millis(499), 2, 4));
    assert!(rate.take(start + Duration::from_millis(500), 2, 4));
    assert!(!rate.take(start + Duration::from_millis(500), 2, 4));
    let later = start + Duration::from_secs(60);
    assert_eq!(
        (0..10).filter(|_| rate.take(later, 2, 4)).count(),
        4,
        "no more than the burst"
    );
}

#[test]
fn a_rate_of_nothing_gives_nothing() {
    let start = Instant::now();
    assert!(!Rate::new(start).take(start, 0, 5));
}

const LIMITS: FailureLimits = FailureLimits {
    failures: 2,
    window: Duration::from_secs(60),
    capacity: 3,
};

fn alice() -> Aor {
    user("alice")
}

fn user(name: &str) -> Aor {
    Aor::parse(name, &sip::uri::Host::parse("localhost").unwrap()).unwrap()
}

/// Fails as `user` from `from` until the limit is reached.
fn fail(failures: &mut Failures, now: Instant, from: &str, user: &Aor) {
    for _ in 0..LIMITS.failures {
        failures.note(now, address(from), user, LIMITS);
    }
}

fn is_blocked(failures: &mut Failures, now: Instant, from: &str, user: &Aor) -> bool {
    let wait = failures.blocked(now, address(from), user, LIMITS);
    wait.is_some()
}

#[test]
fn failures_count_for_a_window_from_the_first() {
    let start = Instant::now();
    let mut failures = Failures::default();
    let peer = address("192.0.2.1");
    failures.note(start, peer, &alice(), LIMITS);
    failures.note(start + Duration::from_secs(30), peer, &alice(), LIMITS);
    let blocked = |failures: &mut Failures, after| {
        failures.blocked(start + Duration::from_secs(after), peer, &alice(), LIMITS)
    };
    assert_eq!(blocked(&mut failures, 30), Some(Duration::from_secs(30)));
    assert_eq!(blocked(&mut failures, 60), None);
    assert_eq!(failures.len(), (0, 0, 0));
}

#[test]
fn s11_a_new_address_of_the_same_ipv6_network_gives_no_new_tries() {
    let start = Instant::now();
    let mut failures = Failures::default();
    for host in 0..LIMITS.failures {
        let from = address(&format!("2001:db8::{host:x}"));
        failures.note(start, from, &user(&format!("user{host}")), LIMITS);
    }
    for host in ["2001:db8::9", "2001:db8::ffff:ffff:ffff:ffff"] {
        assert!(is_blocked(&mut failures, start, host, &alice()), "{host}");
    }
    assert!(!is_blocked(
        &mut failures,
        start,
        "2001:db8:0:1::1",
        &alice()
    ));
}

#[test]
fn an_ipv4_address_counts_for_itself_however_it_is_written() {
    let start = Instant::now();
    let mut failures = Failures::default();
    fail(&mut failures, start, "::ffff:192.0.2.1", &alice());
    assert!(is_blocked(&mut failures, start, "192.0.2.1", &alice()));
    assert!(!is_blocked(&mut failures, start, "192.0.2.2", &alice()));
}

#[test]
fn whoever_is_known_behind_an_address_is_spared_what_his_neighbours_do() {
    let start = Instant::now();
    let mut failures = Failures::default();
    let here = "192.0.2.1";
    failures.meet(start, address(here), &alice(), LIMITS);
    fail(&mut failures, start, here, &user("bob"));
    assert!(is_blocked(&mut failures, start, here, &user("bob")));
    assert!(is_blocked(&mut failures, start, here, &user("carol")));
    assert!(!is_blocked(&mut failures, start, here, &alice()));
}

#[test]
fn being_known_gives_no_endless_tries_and_blocks_nobody_else() {
    let start = Instant::now();
    let mut failures = Failures::default();
    let here = "192.0.2.1";
    failures.meet(start, address(here), &alice(), LIMITS);
    fail(&mut failures, start, here, &alice());
    assert!(is_blocked(&mut failures, start, here, &alice()));
    assert!(!is_blocked(&mut failures, start, here, &user("bob")));
    let later = start + LIMITS.window;
    assert!(!is_blocked(&mut failures, later, here, &alice()));
}

#[test]
fn being_known_in_one_place_counts_in_no_other() {
    let start = Instant::now();
    let mut failures = Failures::default();
    failures.meet(start, address("2001:db8::1"), &alice(), LIMITS);
    fail(&mut failures, start, "2001:db8:0:1::1", &user("bob"));
    assert!(is_blocked(
        &mut failures,
        start,
        "2001:db8:0:1::2",
        &alice()
    ));
}

#[test]
fn only_so_many_places_and_people_are_remembered_and_the_oldest_goes() {
    let start = Instant::now();
    let mut failures = Failures::default();
    for index in 0..=3_u8 {
        let at = start + Duration::from_secs(index.into());
        let from = format!("192.0.2.{index}");
        fail(&mut failures, at, &from, &alice());
        failures.meet(
            at,
            address("198.51.100.1"),
            &user(&format!("u{index}")),
            LIMITS,
        );
    }
    assert_eq!(failures.len(), (3, 1, 3));
    assert!(!is_blocked(&mut failures, start, "192.0.2.0", &alice()));
    assert!(is_blocked(&mut failures, start, "192.0.2.3", &alice()));
}

#[test]
fn s12_all_strange_places_together_have_few_tries_at_one_person() {
    let start = Instant::now();
    let mut failures = Failures::default();
    failures.meet(start, address("203.0.113.1"), &alice(), LIMITS);
    let limits = FailureLimits {
        capacity: 100,
        ..LIMITS
    };
    for index in 0..PLACES_PER_USER {
        let from = format!("192.0.2.{index}");
        assert!(
            !is_blocked(&mut failures, start, &from, &alice()),
            "{index}"
        );
        for _ in 0..limits.failures {
            failures.note(start, address(&from), &alice(), limits);
        }
    }
    assert!(is_blocked(&mut failures, start, "192.0.2.99", &alice()));
    assert!(!is_blocked(
        &mut failures,
        start,
        "192.0.2.99",
        &user("bob")
    ));
    assert!(!is_blocked(&mut failures, start, "203.0.113.1", &alice()));
    let later = start + LIMITS.window;
    assert!(!is_blocked(&mut failures, later, "192.0.2.99", &alice()));
}
