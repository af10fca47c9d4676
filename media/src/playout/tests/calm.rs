//! Where sound is made shorter.

use super::*;
use crate::playout::Calm;

const LITTLE: Stretch = Stretch::Shorten(Duration::from_millis(20));
const LOUD: [i16; 160] = [8_000; 160];
const SOFT: [i16; 160] = [700; 160];

#[test]
fn a_few_milliseconds_are_taken_out_of_a_pause_and_not_out_of_what_is_said() {
    let mut calm = Calm::default();
    for _ in 0..50 {
        assert_eq!(calm.choose(LITTLE, false, &LOUD), Stretch::Keep);
    }
    let first = (1..100).find(|_| calm.choose(LITTLE, false, &SOFT) == LITTLE);
    assert_eq!(first, Some(8));
    assert_eq!(calm.choose(LITTLE, false, &LOUD), Stretch::Keep);
}

/// A stop takes the voice away for a tenth of a second.
#[test]
fn the_closure_of_a_consonant_is_no_pause() {
    let mut calm = Calm::default();
    for _ in 0..10 {
        assert_eq!(calm.choose(LITTLE, false, &LOUD), Stretch::Keep);
        for _ in 0..6 {
            assert_eq!(calm.choose(LITTLE, false, &SOFT), Stretch::Keep);
        }
    }
}

#[test]
fn who_speaks_softly_all_the_time_has_no_pause_in_each_word() {
    let mut calm = Calm::default();
    calm.choose(Stretch::Keep, false, &LOUD);
    for _ in 0..500 {
        calm.choose(Stretch::Keep, false, &SOFT);
    }
    assert_eq!(calm.choose(LITTLE, false, &SOFT), Stretch::Keep);
}

#[test]
fn music_without_a_pause_is_shortened_after_some_seconds() {
    let mut calm = Calm::default();
    let first = (0..1_000).position(|_| calm.choose(LITTLE, false, &LOUD) == LITTLE);
    assert_eq!(first, Some(100));
}

#[test]
fn where_there_is_no_time_no_pause_is_waited_for() {
    let mut calm = Calm::default();
    for wish in [LITTLE, Stretch::Lengthen(ms(20))] {
        assert_eq!(calm.choose(wish, true, &LOUD), wish);
    }
}
