//! When missing packets are asked for.

use super::{ms, start};
use crate::rtp::{NackConfig, NackTracker, NackVerdict};

fn asked(tracker: &mut NackTracker, now: std::time::Instant) -> Vec<u16> {
    let mut out = [0; 64];
    let count = tracker.poll(now, Some(ms(50)), &mut out);
    out[..count].to_vec()
}

#[test]
fn a_stream_without_gaps_asks_for_nothing() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    for sequence in 100..200 {
        assert_eq!(tracker.receive(now, sequence), NackVerdict::Tracked);
    }
    assert_eq!(tracker.poll_timeout(), None);
    assert_eq!(asked(&mut tracker, now + ms(100)), [0_u16; 0]);
}

#[test]
fn a_gap_is_asked_for_once_three_packets_overtook_it() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 65_535 + 65_536);
    tracker.receive(now, 131_073);
    assert_eq!(asked(&mut tracker, now), [0_u16; 0]);
    tracker.receive(now, 131_074);
    assert_eq!(asked(&mut tracker, now), [0_u16; 0]);
    tracker.receive(now, 131_075);
    assert_eq!(tracker.poll_timeout(), Some(now));
    assert_eq!(asked(&mut tracker, now), [0]);
    assert_eq!(asked(&mut tracker, now), [0_u16; 0]);
}

#[test]
fn a_gap_at_the_end_of_a_burst_is_asked_for_after_the_wait() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 12);
    assert_eq!(tracker.poll_timeout(), Some(now + ms(10)));
    assert_eq!(asked(&mut tracker, now + ms(9)), [0_u16; 0]);
    assert_eq!(asked(&mut tracker, now + ms(10)), [11]);
}

#[test]
fn reordered_packets_are_never_asked_for() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    for (at, sequence) in [10u64, 12, 13, 11, 15, 14, 16].into_iter().enumerate() {
        let now = now + ms(at as u64);
        let expected = match sequence {
            11 | 14 => NackVerdict::Recovered,
            _ => NackVerdict::Tracked,
        };
        assert_eq!(tracker.receive(now, sequence), expected);
        assert_eq!(asked(&mut tracker, now), [0_u16; 0]);
    }
    assert_eq!(tracker.missing(), 0);
    assert_eq!(tracker.poll_timeout(), None);
}

#[test]
fn one_late_report_does_not_stop_repairs() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 14);
    let requests = (0..1000).filter(|step| {
        let mut out = [0; 64];
        let count = tracker.poll(now + ms(*step), Some(ms(2_000)), &mut out);
        out[..count].contains(&11)
    });
    assert_eq!(requests.collect::<Vec<_>>(), [0, 300, 600, 900]);
}

#[test]
fn a_gap_given_up_is_told_once_with_the_time_it_opened() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now + ms(5), 12);
    for step in 0..1000 {
        asked(&mut tracker, now + ms(step));
        assert_eq!(tracker.take_unrepaired(), None);
    }
    for step in 1000..1500 {
        asked(&mut tracker, now + ms(step));
    }
    assert_eq!(tracker.take_unrepaired(), Some(now + ms(5)));
    assert_eq!(tracker.take_unrepaired(), None);
}

#[test]
fn requests_repeat_at_the_round_trip_ever_more_slowly_and_end() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 14);
    let mut requests = Vec::new();
    for step in 0..2000 {
        if asked(&mut tracker, now + ms(step)).contains(&11) {
            requests.push(step);
        }
    }
    assert_eq!(requests, [0, 50, 150, 300, 500, 750]);
    assert_eq!(tracker.given_up(), 3);
    assert_eq!(tracker.poll_timeout(), None);
}

#[test]
fn requests_end_with_the_packets_age() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 12);
    let mut count = 0;
    let mut out = [0; 4];
    for step in 0..3000 {
        count += tracker.poll(now + ms(step), Some(ms(300)), &mut out);
    }
    assert_eq!(count, 4, "at 10, 310, 610 and 910 ms");
    assert_eq!(tracker.given_up(), 1);
}

#[test]
fn a_recovered_packet_is_not_asked_for_again() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 15);
    assert_eq!(asked(&mut tracker, now), [11, 12]);
    assert_eq!(tracker.receive(now + ms(30), 12), NackVerdict::Recovered);
    assert_eq!(tracker.receive(now + ms(30), 12), NackVerdict::Tracked);
    assert_eq!(asked(&mut tracker, now + ms(60)), [11, 13, 14]);
}

#[test]
fn too_many_gaps_are_forgotten_for_a_keyframe() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    assert_eq!(tracker.receive(now, 10 + 513), NackVerdict::Tracked);
    assert_eq!(tracker.missing(), 512);
    assert_eq!(tracker.receive(now, 10 + 515), NackVerdict::Overflow);
    assert_eq!(tracker.missing(), 0);
    assert_eq!(tracker.poll_timeout(), None);
    assert_eq!(tracker.given_up(), 513);
    assert_eq!(tracker.receive(now, u64::MAX), NackVerdict::Overflow);
    assert_eq!(tracker.missing(), 0);
}

#[test]
fn what_finds_no_room_in_one_request_comes_with_the_next() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 0);
    tracker.receive(now, 100);
    let mut out = [0; 60];
    let later = now + ms(10);
    assert_eq!(tracker.poll(later, None, &mut out), 60);
    assert_eq!((out[0], out[59]), (1, 60));
    assert_eq!(tracker.poll_timeout(), Some(now), "some are due still");
    assert_eq!(tracker.poll(later, None, &mut out), 39);
    assert_eq!((out[0], out[38]), (61, 99));
}

#[test]
fn a_reset_begins_anew_wherever_the_stream_goes_on() {
    let now = start();
    let mut tracker = NackTracker::new(NackConfig::default());
    tracker.receive(now, 10);
    tracker.receive(now, 12);
    tracker.reset();
    assert_eq!(tracker.receive(now, 1_000_000), NackVerdict::Tracked);
    assert_eq!(tracker.missing(), 0);
}
