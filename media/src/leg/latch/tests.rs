#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::tests::start_of_time as start;

const PHONE: &str = "192.0.2.50:4000";
const MS: Duration = Duration::from_millis(1);

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn from(text: &str) -> Path {
    Path::udp(at("10.0.0.1:20000"), at(text))
}

/// A phone that names this address and signals from that one.
fn latch(now: Instant, named: &str, signalling: &str) -> Latch {
    let signalling = signalling.parse().ok();
    Latch::new(now, named.parse().ok(), signalling)
}

/// Packets of a source, one after another; how many are heard.
fn sends(latch: &mut Latch, now: Instant, source: &str, count: u16) -> usize {
    let mut numbers = 100..100 + count;
    let mut heard = 0;
    numbers.by_ref().for_each(|number| {
        heard += usize::from(latch.hears(now, from(source), 7, number));
    });
    heard
}

#[test]
fn the_address_that_was_named_is_heard_at_once_and_then_no_other() {
    let now = start();
    let mut latch = latch(now, PHONE, "192.0.2.50");
    assert_eq!(
        latch.remote(),
        Some(at(PHONE)),
        "media goes there before anything came"
    );
    assert_eq!(sends(&mut latch, now, PHONE, 1), 1);
    for other in ["192.0.2.50:4002", "192.0.2.51:4000", "203.0.113.9:4000"] {
        assert_eq!(sends(&mut latch, now, other, 50), 0, "{other}");
        assert_eq!(
            sends(&mut latch, now + LEARNING * 2, other, 50),
            0,
            "{other}"
        );
    }
    assert_eq!(latch.remote(), Some(at(PHONE)));
    assert_eq!(sends(&mut latch, now + LEARNING * 9, PHONE, 3), 3);
}

#[test]
fn another_port_of_the_host_is_heard_until_the_right_one_comes() {
    let now = start();
    let mut latch = latch(now, PHONE, "198.51.100.7");
    assert_eq!(sends(&mut latch, now, "192.0.2.50:9999", 2), 2);
    assert_eq!(latch.remote(), Some(at("192.0.2.50:9999")));
    assert_eq!(
        sends(&mut latch, now + MS, "192.0.2.50:9998", 2),
        0,
        "no better than the first"
    );
    assert_eq!(sends(&mut latch, now + MS, PHONE, 2), 2);
    assert_eq!(sends(&mut latch, now + MS, "192.0.2.50:9999", 2), 0);
}

#[test]
fn the_choice_is_final_when_the_learning_is_over() {
    let now = start();
    let mut latch = latch(now, PHONE, "198.51.100.7");
    assert_eq!(sends(&mut latch, now, "192.0.2.50:9999", 1), 1);
    assert_eq!(sends(&mut latch, now + LEARNING, PHONE, 9), 0);
    assert_eq!(sends(&mut latch, now + LEARNING, "192.0.2.50:9999", 9), 9);
}

#[test]
fn a_phone_behind_a_nat_is_heard_from_where_its_signalling_comes() {
    let described = start();
    let mut latch = latch(described, "192.168.1.20:4000", "203.0.113.9");
    let now = described + LEARNING * 3;
    assert_eq!(
        sends(&mut latch, now, "203.0.113.9:61000", 3),
        3,
        "however late"
    );
    assert_eq!(latch.remote(), Some(at("203.0.113.9:61000")));
}

#[test]
fn whoever_comes_from_elsewhere_is_not_heard_where_nobody_is_expected() {
    let now = start();
    let mut latch = latch(now, PHONE, "192.0.2.50");
    assert_eq!(sends(&mut latch, now, "203.0.113.66:5000", 1000), 0);
    assert_eq!(
        latch.remote(),
        Some(at(PHONE)),
        "nothing is sent to an intruder"
    );
}

#[test]
fn media_of_another_host_than_signalling_is_on_probation_and_in_time_only() {
    let now = start();
    let gateway = "203.0.113.40:6000";
    let mut first = latch(now, "192.168.1.20:4000", "203.0.113.9");
    assert_eq!(
        sends(&mut first, now, gateway, 20),
        20 - usize::from(PROBATION)
    );
    assert_eq!(first.remote(), Some(at(gateway)));

    let mut late = latch(now, "192.168.1.20:4000", "203.0.113.9");
    assert_eq!(sends(&mut late, now + LEARNING, gateway, 1000), 0);

    // Guesses that are not in a row do not pass it.
    let mut guessed = latch(now, "192.168.1.20:4000", "203.0.113.9");
    let heard = (0..1000_u16).filter(|i| guessed.hears(now, from(gateway), 7, i * 3));
    assert_eq!(heard.count(), 0);
}

#[test]
fn a_likelier_source_drives_out_one_from_elsewhere() {
    let now = start();
    let mut latch = latch(now, "192.168.1.20:4000", "203.0.113.9");
    assert!(sends(&mut latch, now, "203.0.113.66:5000", 30) > 0);
    assert_eq!(sends(&mut latch, now + MS, "203.0.113.9:61000", 5), 5);
    assert_eq!(latch.remote(), Some(at("203.0.113.9:61000")));
    assert_eq!(sends(&mut latch, now + MS, "203.0.113.66:5000", 500), 0);
}

#[test]
fn only_a_new_address_in_a_description_lets_another_source_be_chosen() {
    let now = start();
    let signalling = Some(at(PHONE).ip());
    let mut latch = latch(now, PHONE, "192.0.2.50");
    assert_eq!(sends(&mut latch, now, PHONE, 5), 5);
    // Hold without an address, and resumption where it was.
    latch.update(now + MS, None, signalling);
    assert_eq!(latch.remote(), Some(at(PHONE)));
    latch.update(now + MS * 2, Some(at(PHONE)), signalling);
    assert_eq!(sends(&mut latch, now + MS * 3, PHONE, 1), 1);
    assert_eq!(sends(&mut latch, now + MS * 3, "192.0.2.51:4000", 100), 0);
    // It has moved.
    let moved = "192.0.2.60:4400";
    latch.update(now + MS * 4, Some(at(moved)), signalling);
    assert_eq!(latch.remote(), Some(at(moved)));
    assert_eq!(sends(&mut latch, now + MS * 5, moved, 5), 5);
    assert_eq!(sends(&mut latch, now + MS * 6, PHONE, 5), 0);
}

#[test]
fn a_nat_that_forgot_the_port_during_a_hold_is_followed() {
    let now = start();
    let signalling = "203.0.113.9".parse().ok();
    let named = Some(at("192.168.1.20:4000"));
    let mut latch = latch(now, "192.168.1.20:4000", "203.0.113.9");
    assert_eq!(sends(&mut latch, now, "203.0.113.9:61000", 5), 5);
    assert_eq!(sends(&mut latch, now, "203.0.113.9:61001", 5), 0);
    latch.update(now + LEARNING * 9, named, signalling);
    let resumed = now + LEARNING * 9 + MS;
    assert_eq!(sends(&mut latch, resumed, "203.0.113.9:61001", 5), 5);
    assert_eq!(sends(&mut latch, resumed, "203.0.113.9:61000", 5), 0);
}

#[test]
fn an_authenticated_source_is_followed_wherever_it_goes() {
    let mut latch = latch(start(), PHONE, "192.0.2.50");
    for source in ["203.0.113.9:1", "203.0.113.10:2"] {
        latch.authenticated(from(source));
        assert_eq!(latch.remote(), Some(at(source)));
    }
}

proptest! {
    #[test]
    fn an_intruder_is_never_heard_nor_sent_to_once_the_phone_has_spoken(
        steps in prop::collection::vec((any::<bool>(), 0_u16..20, 0_u8..4, any::<u16>()), 1..200)
    ) {
        let mut now = start();
        let mut latch = latch(now, PHONE, "192.0.2.50");
        prop_assert!(latch.hears(now, from(PHONE), 1, 0));
        for (phone, port, host, number) in steps {
            now += MS * 100;
            if phone {
                prop_assert!(latch.hears(now, from(PHONE), 1, number));
            } else {
                let intruder = format!("192.0.2.{}:{}", 50 + host, 5000 + port);
                prop_assert!(!latch.hears(now, from(&intruder), 1, number));
            }
            prop_assert_eq!(latch.remote(), Some(at(PHONE)));
        }
    }
}
