//! Replay window and index estimate.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::SrtpError;
use super::super::stream::estimate_index;
use super::super::window::{Standing, Window};

#[test]
fn a_window_tells_fresh_used_and_too_old() {
    let mut window = Window::<2>::new(1000);
    assert_eq!(window.standing(1000), Standing::Used);
    assert_eq!(window.standing(1001), Standing::Fresh);
    assert_eq!(window.standing(1000 - 127), Standing::Fresh);
    assert_eq!(window.standing(1000 - 128), Standing::TooOld);
    window.insert(1127);
    assert_eq!(window.standing(1000), Standing::Used);
    assert_eq!(window.standing(999), Standing::TooOld);
    assert_eq!(window.standing(1126), Standing::Fresh);
    window.insert(1128);
    assert_eq!(window.standing(1000), Standing::TooOld);
    window.insert(1_000_000);
    assert_eq!(window.standing(1_000_000 - 1), Standing::Fresh);
    assert_eq!(window.standing(1127), Standing::TooOld);
}

#[test]
fn the_index_is_guessed_nearest_to_the_highest() {
    assert_eq!(estimate_index(0xFFFF, 0), Ok(0x1_0000));
    assert_eq!(estimate_index(0x1_0000, 0xFFFF), Ok(0xFFFF));
    assert_eq!(estimate_index(0x1_0005, 0x0004), Ok(0x1_0004));
    assert_eq!(estimate_index(0x2_7FFF, 0xFFFF), Ok(0x2_FFFF));
    assert_eq!(estimate_index(0x2_7FFE, 0xFFFF), Ok(0x1_FFFF));
    assert_eq!(estimate_index(0x2_8000, 0x0000), Ok(0x2_0000));
    assert_eq!(estimate_index(0x2_8001, 0x0000), Ok(0x3_0000));
}

#[test]
fn there_is_no_index_before_the_first_or_after_the_last() {
    assert_eq!(estimate_index(2, 0xFFFF), Err(SrtpError::TooOld));
    assert_eq!(
        estimate_index(0xFFFF_FFFF_FFFF, 0),
        Err(SrtpError::KeyExhausted)
    );
}

proptest! {
    #[test]
    fn a_window_agrees_with_a_set_of_all_indices(
        steps in prop::collection::vec(-200i64..200, 1..200)
    ) {
        let mut at = 10_000i64;
        let mut window = Window::<2>::new(at as u64);
        let mut used = HashSet::from([at]);
        let mut highest = at;
        for step in steps {
            at = (at + step).max(0);
            let expected = if at + 128 <= highest {
                Standing::TooOld
            } else if used.contains(&at) {
                Standing::Used
            } else {
                Standing::Fresh
            };
            prop_assert_eq!(window.standing(at as u64), expected);
            window.insert(at as u64);
            used.insert(at);
            highest = highest.max(at);
            prop_assert_eq!(window.highest(), highest as u64);
        }
    }

    #[test]
    fn any_index_is_found_again_from_one_nearby(
        highest in 0x1_0000u64..0xFFFF_FFFF_0000, step in -0x7FFFi64..0x8000
    ) {
        let index = highest.checked_add_signed(step).unwrap();
        prop_assert_eq!(estimate_index(highest, index as u16), Ok(index));
    }
}
