use proptest::prelude::*;

use super::super::tests::{ms, request, response, s};
use super::*;

const SDP: &str = "v=0\n";

/// The status of the refusal, and its Retry-After.
fn refusal(underway: &Underway, method: &str, body: &str) -> Option<(u16, Option<String>)> {
    let request = request(method, 5, "bo", "", body);
    let rejection = underway.judge(&request, 10).err()?;
    let response = rejection.response(&request, "t").unwrap();
    let retry_after = response.headers().text(HeaderName::RetryAfter);
    Some((response.status().code(), retry_after.map(str::to_owned)))
}

fn pending() -> Option<(u16, Option<String>)> {
    Some((491, None))
}

fn overlapping() -> Option<(u16, Option<String>)> {
    Some((500, Some("10".into())))
}

#[test]
fn rfc3261_14_2_an_invite_that_crosses_ours_is_refused_with_491() {
    let mut underway = Underway::default();
    underway.begin(Side::Us, &Method::Invite);
    underway.offer(Side::Us);
    assert_eq!(refusal(&underway, "INVITE", SDP), pending());
    assert_eq!(refusal(&underway, "INVITE", ""), pending());
    underway.answer();
    underway.end(Side::Us, &Method::Invite);
    assert_eq!(refusal(&underway, "INVITE", SDP), None);
}

#[test]
fn rfc3261_14_2_a_second_invite_is_refused_with_500_and_a_time() {
    let mut underway = Underway::default();
    underway.begin(Side::Peer, &Method::Invite);
    assert_eq!(refusal(&underway, "INVITE", SDP), overlapping());
    underway.end(Side::Us, &Method::Invite);
    assert_eq!(
        refusal(&underway, "INVITE", SDP),
        overlapping(),
        "it was not ours that ended"
    );
    underway.end(Side::Peer, &Method::Invite);
    assert_eq!(refusal(&underway, "INVITE", SDP), None);
}

#[test]
fn rfc3311_5_2_an_update_is_judged_by_the_offers_under_way() {
    let mut underway = Underway::default();
    underway.offer(Side::Us);
    assert_eq!(refusal(&underway, "UPDATE", SDP), pending());
    assert_eq!(refusal(&underway, "UPDATE", ""), None, "it has no offer");
    underway.answer();
    underway.offer(Side::Peer);
    assert_eq!(refusal(&underway, "UPDATE", SDP), overlapping());
    underway.answer();
    assert_eq!(refusal(&underway, "UPDATE", SDP), None);
    underway.begin(Side::Peer, &Method::Update);
    assert_eq!(refusal(&underway, "UPDATE", ""), overlapping());
    underway.end(Side::Peer, &Method::Update);
    assert_eq!(refusal(&underway, "UPDATE", ""), None);
}

#[test]
fn rfc3311_5_2_an_update_is_taken_while_the_invite_that_was_answered_early_goes_on() {
    let mut underway = Underway::default();
    underway.begin(Side::Peer, &Method::Invite);
    underway.offer(Side::Peer);
    underway.answer();
    assert_eq!(refusal(&underway, "UPDATE", SDP), None);
    assert_eq!(underway.may_send(&Method::Update, true), Ok(()));
    assert_eq!(
        underway.may_send(&Method::Invite, true),
        Err(Wait::ForInvite)
    );
}

#[test]
fn rfc3261_14_1_we_wait_for_what_is_under_way() {
    for side in [Side::Us, Side::Peer] {
        let mut underway = Underway::default();
        underway.begin(side, &Method::Invite);
        assert_eq!(
            underway.may_send(&Method::Invite, true),
            Err(Wait::ForInvite)
        );
        underway.end(side, &Method::Invite);
        underway.offer(side);
        assert_eq!(underway.unanswered_offer(), Some(side));
        for method in [Method::Invite, Method::Update, Method::Prack] {
            assert_eq!(underway.may_send(&method, true), Err(Wait::ForAnswer));
        }
        assert_eq!(underway.may_send(&Method::Update, false), Ok(()));
        assert_eq!(underway.may_send(&Method::Bye, false), Ok(()));
    }
    let mut underway = Underway::default();
    underway.begin(Side::Us, &Method::Update);
    assert_eq!(
        underway.may_send(&Method::Update, false),
        Err(Wait::ForUpdate)
    );
    assert_eq!(
        underway.may_send(&Method::Invite, false),
        Err(Wait::ForUpdate)
    );
    underway.end(Side::Us, &Method::Update);
    assert_eq!(underway, Underway::default());
}

#[test]
fn invites_that_cross_are_both_refused_and_then_one_comes_first() {
    let (mut alice, mut bob) = (Underway::default(), Underway::default());
    for side in [&mut alice, &mut bob] {
        side.begin(Side::Us, &Method::Invite);
        side.offer(Side::Us);
    }
    for side in [&mut alice, &mut bob] {
        assert_eq!(refusal(side, "INVITE", SDP), pending());
    }
    for side in [&mut alice, &mut bob] {
        side.answer();
        side.end(Side::Us, &Method::Invite);
    }
    let refusal_491 = response(491, "2 INVITE", "", "");
    for random in 0..1000 {
        let alice_waits = wait_after(&refusal_491, Role::Uac, random).unwrap();
        let bob_waits = wait_after(&refusal_491, Role::Uas, 1000 - random).unwrap();
        assert!(bob_waits + ms(100) <= alice_waits);
    }
}

#[test]
fn a_refusal_says_when_or_that_it_is_for_good() {
    let after =
        |status, rows: &str| wait_after(&response(status, "2 INVITE", rows, ""), Role::Uac, 0);
    assert_eq!(after(500, "Retry-After: 7\n"), Some(s(7)));
    assert_eq!(after(503, "Retry-After: 3 (soon)\n"), Some(s(3)));
    assert_eq!(after(500, "Retry-After: 3600\n"), None);
    assert_eq!(after(500, "Retry-After: x\n"), None);
    assert_eq!(after(500, ""), None);
    assert_eq!(after(488, "Retry-After: 1\n"), None);
}

proptest! {
    #[test]
    fn rfc3261_14_1_waits_are_within_their_bounds_in_steps_of_10_ms(random: u32) {
        let refused = response(491, "2 INVITE", "", "");
        let owner = wait_after(&refused, Role::Uac, random).unwrap();
        prop_assert!((ms(2100)..=s(4)).contains(&owner));
        let other = wait_after(&refused, Role::Uas, random).unwrap();
        prop_assert!(other <= s(2));
        prop_assert_eq!((owner.as_millis() % 10, other.as_millis() % 10), (0, 0));
    }

    #[test]
    fn rfc3261_14_2_retry_after_is_at_most_10_s(random: u32) {
        let mut underway = Underway::default();
        underway.begin(Side::Peer, &Method::Invite);
        let request = request("INVITE", 5, "bo", "", "");
        let response = underway.judge(&request, random).unwrap_err().response(&request, "t");
        let response = response.unwrap();
        prop_assert!(response.headers().get::<RetryAfter>().unwrap().unwrap().delta_s <= 10);
    }
}
