#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::tests::start_of_time as start;

const RATE: u32 = 48_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_source_is_carried_over_with_its_gaps_and_order() {
    let now = start();
    let mut line = Timeline::new(1000, 5000);
    let place = |line: &mut Timeline, seq, ts| line.place(now, 1, seq, ts, RATE);
    let first = place(&mut line, 65_535, 100).unwrap();
    assert_eq!(
        (first.sequence_number, first.timestamp, first.starts),
        (1001, 5001, true)
    );
    let third = place(&mut line, 1, 2020).unwrap();
    assert_eq!((third.sequence_number, third.timestamp), (1003, 6921));
    let late = place(&mut line, 0, 1060).unwrap();
    assert_eq!((late.sequence_number, late.timestamp), (1002, 5961));
    assert_eq!(
        place(&mut line, 0, 1060),
        Some(late),
        "a repeated packet is the same one"
    );
}

#[test]
fn another_source_goes_on_after_the_last_number_and_by_the_time_that_passed() {
    let now = start();
    let mut line = Timeline::new(10, 0);
    line.place(now, 1, 500, 0, RATE);
    line.place(now + ms(20), 1, 501, 960, RATE);
    let other = line.place(now + ms(1020), 2, 9, 77, RATE).unwrap();
    assert_eq!(
        (other.sequence_number, other.timestamp, other.starts),
        (13, 1 + 960 + RATE, true)
    );
    let next = line.place(now + ms(1040), 2, 10, 77 + 960, RATE).unwrap();
    assert_eq!(
        (next.sequence_number, next.timestamp),
        (14, 1 + 960 + RATE + 960)
    );
}

#[test]
fn the_same_source_after_hold_leaves_no_gap_and_its_late_packets_are_dropped() {
    let now = start();
    let mut line = Timeline::new(10, 0);
    line.place(now, 1, 500, 0, RATE);
    line.detach();
    let resumed = line
        .place(now + ms(60_000), 1, 3500, 60 * RATE, RATE)
        .unwrap();
    assert_eq!(
        (resumed.sequence_number, resumed.timestamp),
        (12, 1 + 60 * RATE)
    );
    assert_eq!(
        line.place(now + ms(60_000), 1, 3499, 60 * RATE - 960, RATE),
        None
    );
}

#[test]
fn a_source_that_jumps_far_ahead_begins_anew() {
    let now = start();
    let mut line = Timeline::new(10, 0);
    line.place(now, 1, 500, 0, RATE);
    let jumped = line.place(now + ms(20), 1, 20_000, 123, RATE).unwrap();
    assert_eq!((jumped.sequence_number, jumped.timestamp), (12, 1 + 960));
}

#[test]
fn packets_of_our_own_go_between() {
    let now = start();
    let mut line = Timeline::new(10, 0);
    line.place(now, 1, 500, 0, RATE);
    line.detach();
    let begins = line.timestamp_now(now + ms(20), RATE);
    assert_eq!(line.place_own(now + ms(20), begins).sequence_number, 12);
    assert_eq!(line.place_own(now + ms(40), begins).sequence_number, 13);
    let after = line.place(now + ms(200), 1, 510, 10 * 960, RATE).unwrap();
    assert_eq!(after.sequence_number, 14);
    assert!(after.timestamp > begins);
}

#[test]
fn packets_of_our_own_go_before_one_of_the_source_and_late_ones_keep_their_places() {
    let now = start();
    let mut line = Timeline::new(10, 0);
    let number = |place: Option<Place>| place.map(|place| place.sequence_number);
    let place = |line: &mut Timeline, seq: u16| {
        number(line.place(now, 1, seq, u32::from(seq) * 3000, RATE))
    };
    let insert = |line: &mut Timeline, seq: u16, count| {
        line.insert(now, (1, seq, u32::from(seq) * 3000), RATE, count)
    };
    let first = insert(&mut line, 500, 2).unwrap();
    assert_eq!((first.sequence_number, first.timestamp), (11, 1));
    let begins = line.place(now, 1, 500, 500 * 3000, RATE).unwrap();
    assert_eq!((begins.sequence_number, begins.timestamp), (13, 1));
    assert_eq!(place(&mut line, 501), Some(14));
    // 502 is late.
    let second = insert(&mut line, 503, 3).unwrap();
    assert_eq!((second.sequence_number, second.timestamp), (16, 9001));
    assert_eq!(place(&mut line, 503), Some(19));
    assert_eq!(place(&mut line, 502), Some(15));
    assert_eq!(place(&mut line, 501), Some(14));
    assert_eq!(insert(&mut line, 502, 1), None, "others were sent since");
    assert_eq!(insert(&mut line, 504, 0), None, "there is nothing to send");
    assert_eq!(place(&mut line, 504), Some(20));
    assert_eq!(number(insert(&mut line, 505, 1)), Some(21));
    assert_eq!(place(&mut line, 505), Some(22));
    assert_eq!(place(&mut line, 504), Some(20));
    assert_eq!(place(&mut line, 502), None, "two insertions ago");
}

#[test]
fn a_report_is_translated_for_the_current_source_only() {
    let now = start();
    let mut line = Timeline::new(10, 1000);
    line.place(now, 1, 500, 50, RATE);
    assert_eq!(line.translate(1, 60), Some(1011));
    assert_eq!(line.translate(2, 60), None);
    line.detach();
    assert_eq!(line.translate(1, 60), None);
}

proptest! {
    /// Two packets under one number would give their keystream away.
    #[test]
    fn different_packets_never_get_the_same_number(
        steps in prop::collection::vec((0_u32..3, any::<u16>(), 0_u64..100, any::<bool>()), 1..400),
        insertions in prop::collection::vec(0_u16..12, 400),
    ) {
        let mut now = start();
        let mut line = Timeline::new(65_500, u32::MAX - 1000);
        let mut owners = HashMap::new();
        let (mut spell, mut inserted) = (0, 0);
        for ((ssrc, seq, wait, detach), count) in steps.into_iter().zip(insertions) {
            now += ms(wait);
            // Mostly near each other, as on a real network, some anywhere.
            let seq = if seq % 5 == 0 { seq } else { seq % 50 };
            // Mostly none.
            let count = count.saturating_sub(8);
            if let Some(first) = line.insert(now, (ssrc, seq, 0), RATE, count) {
                inserted += 1;
                for own in 0..count {
                    let ours = first.sequence_number.wrapping_add(own);
                    let behind = (line.sequence as u16).wrapping_sub(ours);
                    let number = line.sequence - u64::from(behind);
                    prop_assert!(owners.insert(number, (u32::MAX, inserted, own)).is_none());
                }
            }
            if let Some(place) = line.place(now, ssrc, seq, u32::from(seq) * 960, RATE) {
                spell += u32::from(place.starts);
                let behind = (line.sequence as u16).wrapping_sub(place.sequence_number);
                let number = line.sequence - u64::from(behind);
                let owner = *owners.entry(number).or_insert((spell, ssrc, seq));
                prop_assert_eq!(owner, (spell, ssrc, seq));
            }
            if detach && seq % 7 == 0 {
                line.detach();
            }
        }
    }
}
