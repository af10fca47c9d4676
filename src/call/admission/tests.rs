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

#[test]
fn failures_count_for_a_window_from_the_first() {
    let (start, window) = (Instant::now(), Duration::from_secs(60));
    let mut failures = Failures::default();
    let peer = address("192.0.2.1");
    failures.note(start, peer, 10);
    failures.note(start + Duration::from_secs(30), peer, 10);
    let blocked = |failures: &mut Failures, after| {
        failures.blocked(start + Duration::from_secs(after), peer, 2, window)
    };
    assert_eq!(blocked(&mut failures, 30), Some(Duration::from_secs(30)));
    assert_eq!(blocked(&mut failures, 60), None);
    assert_eq!(failures.len(), 0);
}

#[test]
fn addresses_of_one_ipv6_network_count_as_one_and_others_do_not() {
    let (start, window) = (Instant::now(), Duration::from_secs(60));
    let mut failures = Failures::default();
    failures.note(start, address("2001:db8::1"), 10);
    assert!(
        failures
            .blocked(start, address("2001:db8::ffff"), 1, window)
            .is_some()
    );
    assert!(
        failures
            .blocked(start, address("2001:db8:0:1::1"), 1, window)
            .is_none()
    );
    failures.note(start, address("::ffff:192.0.2.1"), 10);
    assert!(
        failures
            .blocked(start, address("192.0.2.1"), 1, window)
            .is_some()
    );
    assert!(
        failures
            .blocked(start, address("192.0.2.2"), 1, window)
            .is_none()
    );
}

#[test]
fn only_so_many_addresses_are_remembered_and_the_oldest_goes() {
    let (start, window) = (Instant::now(), Duration::from_secs(60));
    let mut failures = Failures::default();
    for index in 0..=3_u8 {
        let at = start + Duration::from_secs(index.into());
        failures.note(at, address(&format!("192.0.2.{index}")), 3);
    }
    assert_eq!(failures.len(), 3);
    assert!(
        failures
            .blocked(start, address("192.0.2.0"), 1, window)
            .is_none()
    );
    assert!(
        failures
            .blocked(start, address("192.0.2.3"), 1, window)
            .is_some()
    );
}
