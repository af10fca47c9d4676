#![allow(clippy::disallowed_methods)]

use std::time::Duration;

use super::*;

const A: Timer = Timer::Session(FlowId(1));
const B: Timer = Timer::Session(FlowId(2));

#[test]
fn what_is_due_comes_in_order_and_once() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    timers.arm(A, start + Duration::from_secs(2));
    timers.arm(B, start + Duration::from_secs(1));
    assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
    assert_eq!(timers.pop(start), None);
    let later = start + Duration::from_secs(5);
    assert_eq!(timers.pop(later), Some(B));
    assert_eq!(timers.pop(later), Some(A));
    assert_eq!(timers.pop(later), None);
    assert_eq!(timers.next(), None);
}

#[test]
fn a_timer_has_one_deadline_the_latest_set() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    timers.arm(A, start);
    timers.set(A, Some(start + Duration::from_secs(1)));
    assert_eq!(timers.pop(start), None);
    assert!(timers.is_armed(A));
    timers.set(A, None);
    assert!(!timers.is_armed(A));
    assert_eq!(timers.next(), None);
    timers.disarm(A);
}
