//! Serial numbers and NTP time.

use std::time::Duration;

use proptest::prelude::*;

use super::{ms, start};
use crate::rtp::ntp::{from_compact, to_compact};
use crate::rtp::sequence::{is_newer, is_newer_timestamp};
use crate::rtp::{Ntp64, NtpClock, SequenceUnwrapper, TimestampUnwrapper};

#[test]
fn newer_is_told_across_the_wrap() {
    assert!(is_newer(0, 65_535));
    assert!(!is_newer(65_535, 0));
    assert!(!is_newer(5, 5));
    assert!(is_newer(0x7FFF, 0));
    assert!(
        !is_newer(0x8000, 0),
        "RFC 1982 leaves it undefined: not newer"
    );
    assert!(is_newer_timestamp(10, u32::MAX - 10));
    assert!(!is_newer_timestamp(u32::MAX - 10, 10));
}

#[test]
fn sequence_numbers_extend_across_wraps_in_both_directions() {
    let mut unwrapper = SequenceUnwrapper::default();
    let first = unwrapper.unwrap(2);
    assert_eq!(unwrapper.unwrap(65_535), first - 3);
    assert_eq!(unwrapper.unwrap(3), first + 1);
    assert_eq!(unwrapper.unwrap(30_000), first + 29_998);
    assert_eq!(unwrapper.unwrap(60_000), first + 59_998);
    assert_eq!(unwrapper.unwrap(10), first + 65_544);
    assert_eq!(unwrapper.unwrap(60_001), first + 59_999);
    assert_eq!(unwrapper.highest(), Some(first + 65_544));
}

#[test]
fn timestamps_extend_across_wraps() {
    let mut unwrapper = TimestampUnwrapper::default();
    let first = unwrapper.unwrap(u32::MAX - 959);
    assert_eq!(unwrapper.unwrap(0), first + 960);
    assert_eq!(unwrapper.unwrap(u32::MAX - 1919), first - 960);
}

#[test]
fn ntp_time_counts_from_1900_in_fixed_point() {
    let ntp = Ntp64::from_unix(Duration::new(1_000_000_000, 500_000_000));
    assert_eq!(ntp.0 >> 32, 3_208_988_800);
    assert_eq!(ntp.0 as u32, 0x8000_0000);
    assert_eq!(ntp.middle(), (3_208_988_800u32 << 16) | 0x8000);
    assert_eq!(ntp.plus(ms(1500)).since(ntp), Ok(ms(1500)));
    assert_eq!(ntp.since(ntp.plus(ms(250))), Err(ms(250)));
}

#[test]
fn ntp_time_survives_2036() {
    let before = Ntp64::from_unix(Duration::from_secs(0xFFFF_FFFF - 2_208_988_800));
    assert_eq!(before.0 >> 32, 0xFFFF_FFFF);
    let after = before.plus(Duration::from_secs(2));
    assert_eq!(after.0 >> 32, 1);
    assert_eq!(after.since(before), Ok(Duration::from_secs(2)));
}

#[test]
fn a_clock_follows_monotonic_time() {
    let at = start();
    let clock = NtpClock::new(at, Duration::from_secs(1_700_000_000));
    let elapsed = clock.ntp(at + ms(2500)).since(clock.ntp(at));
    assert_eq!(elapsed, Ok(ms(2500)));
}

#[test]
fn abs_send_time_is_6_18_fixed_point() {
    assert_eq!(Ntp64(1 << 32).abs_send_time(), [0x04, 0, 0]);
    assert_eq!(Ntp64(64 << 32).abs_send_time(), [0, 0, 0], "wraps at 64 s");
    assert_eq!(Ntp64(0x8000_0000).abs_send_time(), [0x02, 0, 0]);
}

proptest! {
    #[test]
    fn any_walk_of_small_steps_is_followed(
        first: u16, steps in prop::collection::vec(-0x7FFFi64..0x8000, 1..100)
    ) {
        let mut unwrapper = SequenceUnwrapper::default();
        let mut truth = unwrapper.unwrap(first) as i64;
        let mut highest = truth;
        for step in steps {
            let next = (highest + step).max(0x8000);
            truth = if (next - highest).abs() < 0x8000 { next } else { truth };
            prop_assert_eq!(unwrapper.unwrap(truth as u16), truth as u64);
            highest = highest.max(truth);
        }
    }

    #[test]
    fn compact_durations_round_trip(units: u32) {
        let back = to_compact(from_compact(units));
        prop_assert!(units.abs_diff(back) <= 1);
    }
}
