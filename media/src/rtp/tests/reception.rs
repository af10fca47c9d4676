//! Loss, jitter and round trip as RFC 3550 computes them.

use super::{ms, start};
use crate::rtp::ntp::to_compact;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::{Arrival, Ntp64, Reception, round_trip};

/// 20 ms at 48 kHz
const STEP: u32 = 960;

#[test]
fn nothing_is_reported_before_the_first_packet() {
    assert_eq!(Reception::new(1, 48_000).report_block(start()), None);
}

#[test]
fn loss_is_counted_in_total_and_by_interval() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    for number in (0..100u16).filter(|number| number % 10 != 5) {
        reception.receive(now, number, u32::from(number) * STEP, 100);
    }
    let block = reception.report_block(now).unwrap();
    assert_eq!(block.cumulative_lost, 10);
    assert_eq!(block.fraction_lost, 25, "10 of 100 in 1/256");
    assert_eq!(block.extended_highest, 99);
    assert_eq!((reception.packets(), reception.bytes()), (90, 9000));

    for number in 100..200 {
        reception.receive(now, number, u32::from(number) * STEP, 100);
    }
    let block = reception.report_block(now).unwrap();
    assert_eq!(block.cumulative_lost, 10);
    assert_eq!(block.fraction_lost, 0);
    assert_eq!(reception.fraction_lost(), 0.0);
    let block = reception.report_block(now).unwrap();
    assert_eq!(
        block.fraction_lost, 0,
        "nothing was expected in this interval"
    );
}

#[test]
fn the_highest_number_is_extended_by_its_cycles() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    for step in 0..70_000u32 {
        reception.receive(now, (65_000 + step) as u16, step, 1);
    }
    let block = reception.report_block(now).unwrap();
    assert_eq!(block.extended_highest, 65_000 + 69_999);
    assert_eq!(block.cumulative_lost, 0);
}

#[test]
fn late_packets_fill_their_gap_and_duplicates_make_loss_negative() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    assert_eq!(
        reception.receive(now, 65_535, 0, 1),
        Arrival::Ahead { missing: 0 }
    );
    assert_eq!(
        reception.receive(now, 1, 0, 1),
        Arrival::Ahead { missing: 1 }
    );
    assert_eq!(reception.receive(now, 0, 0, 1), Arrival::Late);
    assert_eq!(reception.report_block(now).unwrap().cumulative_lost, 0);
    assert_eq!(reception.receive(now, 1, 0, 1), Arrival::Late);
    assert_eq!(reception.report_block(now).unwrap().cumulative_lost, -1);
    assert_eq!(reception.lost(), 0);
}

#[test]
fn one_stray_number_is_not_believed_and_two_in_a_row_restart() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    for number in [10, 11, 13] {
        reception.receive(now, number, 0, 1);
    }
    assert_eq!(reception.receive(now, 30_000, 0, 1), Arrival::Jump);
    assert_eq!(
        reception.receive(now, 14, 0, 1),
        Arrival::Ahead { missing: 0 }
    );
    assert_eq!(reception.receive(now, 30_000, 0, 1), Arrival::Jump);
    assert_eq!(reception.receive(now, 30_001, 0, 1), Arrival::Restarted);
    let block = reception.report_block(now).unwrap();
    assert_eq!(block.extended_highest, 30_001);
    assert_eq!(block.cumulative_lost, 0);
    assert_eq!(reception.lost(), 1, "what was lost before is not forgotten");
    reception.receive(now, 30_005, 0, 1);
    assert_eq!(reception.lost(), 4);
}

#[test]
fn retransmissions_from_half_a_second_ago_are_late_and_no_restart() {
    let now = start();
    let mut reception = Reception::new(1, 90_000);
    for number in (0..800u16).filter(|number| !(100..103).contains(number)) {
        reception.receive(now, number, 0, 1);
    }
    for number in 100..103 {
        assert_eq!(reception.receive(now, number, 0, 1), Arrival::Late);
    }
    let block = reception.report_block(now).unwrap();
    assert_eq!((block.cumulative_lost, block.extended_highest), (0, 799));
}

#[test]
fn a_restart_may_fall_on_the_wrap() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    reception.receive(now, 30_000, 0, 1);
    assert_eq!(reception.receive(now, 65_535, 0, 1), Arrival::Jump);
    assert_eq!(reception.receive(now, 0, 0, 1), Arrival::Restarted);
    let block = reception.report_block(now).unwrap();
    assert_eq!(block.cumulative_lost, 0);
    assert_eq!(block.extended_highest, 0x1_0000);
}

#[test]
fn even_arrival_has_no_jitter_and_uneven_arrival_converges_to_it() {
    let now = start();
    let mut even = Reception::new(1, 48_000);
    let mut uneven = Reception::new(1, 48_000);
    for number in 0..500u16 {
        let sent = u32::from(number) * STEP;
        let at = now + ms(20 * u64::from(number));
        even.receive(at, number, sent, 1);
        // Every other packet is 8 ms late: each transit differs by 8 ms from the one before.
        uneven.receive(at + ms(8 * u64::from(number % 2)), number, sent, 1);
    }
    assert_eq!(even.report_block(now).unwrap().jitter, 0);
    let jitter = uneven.report_block(now).unwrap().jitter;
    assert!(
        (380..=384).contains(&jitter),
        "8 ms are 384 units, not {jitter}"
    );
    assert!(uneven.jitter() > ms(7) && uneven.jitter() <= ms(8));
}

#[test]
fn packets_of_one_frame_make_no_jitter() {
    let now = start();
    let mut reception = Reception::new(1, 90_000);
    for number in 0..300u16 {
        // Frames of ten packets every 33 1/3 ms, each paced over 9 ms.
        let frame = u32::from(number / 10);
        let at = now + ms(100 * u64::from(frame)) / 3 + ms(u64::from(number % 10));
        reception.receive(at, number, frame * 3000, 1);
    }
    assert!(reception.jitter() < ms(1), "{:?}", reception.jitter());
}

#[test]
fn a_jump_of_the_timeline_is_no_jitter() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    for number in 0..50u16 {
        let jump = if number < 25 { 0 } else { 0x7000_0000 };
        let at = now + ms(20 * u64::from(number));
        reception.receive(at, number, u32::from(number) * STEP + jump, 1);
    }
    assert_eq!(reception.jitter(), ms(0));
}

#[test]
fn a_clock_rate_of_zero_does_no_harm() {
    let now = start();
    let mut reception = Reception::new(1, 0);
    reception.receive(now, 1, 5, 1);
    reception.receive(now + ms(5), 2, 9, 1);
    assert_eq!(reception.jitter(), ms(0));
}

#[test]
fn the_last_sender_report_and_its_age_are_told() {
    let now = start();
    let mut reception = Reception::new(1, 48_000);
    reception.receive(now, 1, 0, 1);
    let block = reception.report_block(now).unwrap();
    assert_eq!((block.last_sender_report, block.delay_since_last), (0, 0));
    reception.sender_report(now, Ntp64(0x1111_2222_3333_4444));
    let block = reception.report_block(now + ms(1500)).unwrap();
    assert_eq!(block.last_sender_report, 0x2222_3333);
    assert_eq!(block.delay_since_last, 0x1_8000);
}

#[test]
fn the_round_trip_leaves_out_the_far_sides_delay() {
    let sent = Ntp64(0xFFFF_FFF0_0000_0000);
    let block = ReportBlock {
        last_sender_report: sent.middle(),
        delay_since_last: to_compact(ms(500)),
        ..ReportBlock::default()
    };
    let measured = round_trip(&block, sent.plus(ms(580))).unwrap();
    assert!(measured.abs_diff(ms(80)) < ms(1), "{measured:?}");
    assert_eq!(round_trip(&block, sent.plus(ms(500))), Some(ms(0)));
    assert_eq!(
        round_trip(&block, sent.plus(ms(300))),
        None,
        "it cannot be negative"
    );
    assert_eq!(round_trip(&ReportBlock::default(), sent), None);
}
