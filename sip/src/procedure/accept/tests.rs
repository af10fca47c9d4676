#![allow(clippy::disallowed_methods)]

use super::*;

#[test]
fn rfc3261_13_3_1_4_a_2xx_is_repeated_ever_more_slowly_and_given_up_after_32_s() {
    let start = Instant::now();
    let mut accepted = Accepted::new(start, 7, Bytes::from_static(b"SIP/2.0 200 OK"));
    let mut repeats = Vec::new();
    let end = loop {
        let now = accepted.poll_timeout();
        match accepted.handle_timeout(now).unwrap() {
            Due::Repeat(response) => {
                assert_eq!(response, "SIP/2.0 200 OK");
                repeats.push((now - start).as_millis());
            }
            Due::GiveUp => break now - start,
        }
    };
    assert_eq!(
        repeats,
        [
            500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    assert_eq!(end, Duration::from_secs(32));
}

#[test]
fn nothing_is_done_before_it_is_due() {
    let start = Instant::now();
    let mut accepted = Accepted::new(start, 7, Bytes::new());
    assert_eq!(
        accepted.handle_timeout(start + Duration::from_millis(499)),
        None
    );
}

#[test]
fn only_the_ack_of_the_same_invite_counts() {
    let accepted = Accepted::new(Instant::now(), 7, Bytes::new());
    assert!(accepted.is_acknowledged_by(7) && !accepted.is_acknowledged_by(8));
}
