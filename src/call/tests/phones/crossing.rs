//! Offers of ours that cross others, are refused, or stay without an answer (RFC 3261 14).

use std::time::Duration;

use sip::message::{Message, Method, Request, Response, Status};

use super::super::{Bench, OFFER_AUDIO, OFFER_VIDEO, bench, pictures};
use super::partners::{
    body, browser_talks, desk, hold_page, of_callee, page_talks, talk, unhold_page,
};
use super::{Phone, is, sdp_answer};

/// RFC 3261 14.1: who made the Call-ID waits longer.
#[test]
fn offers_that_cross_are_refused_by_both_and_ours_comes_again_when_it_may() {
    let mut bench = bench();
    let (phone, invite, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    hold_page(&mut bench, page, &call_id);
    let ours = bench.request(&phone);
    let theirs = of_callee(&phone, &invite, "INVITE", 1, &desk("0", "sendrecv"));
    bench.send(&phone, &theirs);
    assert_eq!(
        bench.final_response(&phone).status(),
        Status::REQUEST_PENDING
    );
    let ack = of_callee(&phone, &invite, "ACK", 1, "");
    bench.send(&phone, &ack.replace("-ACK-1", "-INVITE-1"));
    let theirs = of_callee(&phone, &invite, "UPDATE", 2, &desk("0", "sendrecv"));
    bench.send(&phone, &theirs);
    assert_eq!(
        bench.final_response(&phone).status(),
        Status::REQUEST_PENDING
    );
    bench.respond(&phone, &ours, Status::REQUEST_PENDING, None);
    assert!(is(&bench.request(&phone), &Method::Ack));
    bench.pass(Duration::from_millis(2090));
    assert!(bench.take_sip(&phone).is_empty(), "the Call-ID is ours");
    bench.pass(Duration::from_millis(1910));
    let again = offers(&mut bench, &phone).pop().unwrap();
    assert!(again.contains("a=sendonly"), "{again}");
}

#[test]
fn an_offer_in_a_dialog_that_the_far_side_began_comes_again_sooner() {
    let mut talk = talk(&desk("0", "sendrecv"), &desk("0", "sendrecv"));
    let hold = of_callee(
        &talk.other,
        &talk.invite,
        "INVITE",
        1,
        &desk("0", "sendonly"),
    );
    talk.bench.send(&talk.other, &hold);
    talk.bench.final_response(&talk.other);
    let ours = talk.bench.request(&talk.one);
    talk.bench
        .respond(&talk.one, &ours, Status::REQUEST_PENDING, None);
    talk.bench.take_sip(&talk.one);
    talk.bench.pass(Duration::from_secs(2));
    assert_eq!(offers(&mut talk.bench, &talk.one).len(), 1);
}

#[test]
fn an_offer_that_never_fits_the_moment_is_given_up() {
    let mut bench = bench();
    let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    hold_page(&mut bench, page, &call_id);
    let mut sent = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let messages = bench.take_sip(&phone).into_iter();
        let requests = messages.filter_map(Message::into_request);
        for offer in requests.filter(|it| is(it, &Method::Invite)) {
            sent.insert(offer.cseq());
            bench.respond(&phone, &offer, Status::REQUEST_PENDING, None);
        }
        bench.pass(Duration::from_secs(4));
    }
    assert_eq!(sent.len(), 6, "{sent:?}");
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn a_hold_that_is_over_before_it_could_be_told_is_not_told() {
    let mut bench = bench();
    let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    hold_page(&mut bench, page, &call_id);
    let first = bench.request(&phone);
    bench.respond(&phone, &first, Status::REQUEST_PENDING, None);
    bench.take_sip(&phone);
    unhold_page(&mut bench, page, &call_id);
    bench.pass(Duration::from_secs(5));
    assert!(bench.take_sip(&phone).is_empty());
    // One that is told, and over while it is.
    hold_page(&mut bench, page, &call_id);
    let hold = bench.request(&phone);
    unhold_page(&mut bench, page, &call_id);
    assert!(bench.take_sip(&phone).is_empty(), "one after the other");
    let answer = desk("0", "recvonly");
    bench.respond(&phone, &hold, Status::OK, Some(&answer));
    let sent = bench.take_sip(&phone).into_iter();
    let sent: Vec<Request> = sent.filter_map(Message::into_request).collect();
    assert!(
        body(sent.last().unwrap()).contains("a=sendrecv"),
        "{sent:?}"
    );
}

#[test]
fn a_telephone_that_refuses_an_offer_stays_in_the_call_and_one_that_forgot_it_does_not() {
    for (status, stays) in [
        (Status::NOT_ACCEPTABLE_HERE, true),
        (Status::SERVER_INTERNAL_ERROR, true),
        (Status::CALL_DOES_NOT_EXIST, false),
        (Status::REQUEST_TIMEOUT, false),
    ] {
        let mut bench = bench();
        let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
        hold_page(&mut bench, page, &call_id);
        let offered = bench.request(&phone);
        bench.respond(&phone, &offered, status, None);
        assert_eq!(
            bench.switch.status().established,
            usize::from(stays),
            "{status:?}"
        );
        if stays {
            bench.take_sip(&phone);
            bench.pass(Duration::from_secs(5));
            assert!(bench.take_sip(&phone).is_empty(), "it is not asked again");
            unhold_page(&mut bench, page, &call_id);
            assert!(bench.take_sip(&phone).is_empty(), "it knows of no hold");
        } else {
            assert_eq!(bench.end_code(), "connection_lost");
            bench.assert_no_calls();
        }
    }
}

#[test]
fn a_telephone_that_does_not_answer_an_offer_at_all_is_gone() {
    let mut bench = bench();
    let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    hold_page(&mut bench, page, &call_id);
    bench.request(&phone);
    bench.pass(Duration::from_secs(33));
    assert_eq!(bench.end_code(), "connection_lost");
    bench.assert_no_calls();
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn an_offer_that_waits_can_be_cancelled_and_ends_with_the_call() {
    for cancelled in [true, false] {
        let mut talk = browser_talks();
        talk.offer(2, OFFER_VIDEO);
        talk.bench.request(&talk.other);
        talk.bench.take_sip(&talk.one);
        let invite = talk
            .one
            .in_dialog_with("INVITE", &talk.ok, 2, "", OFFER_VIDEO);
        let text = match cancelled {
            true => super::calling::cancel_of(&invite),
            false => talk.one.in_dialog("BYE", &talk.ok, 3),
        };
        talk.bench.send(&talk.one, &text);
        let told = talk.bench.take_sip(&talk.one).into_iter();
        let told: Vec<Response> = told.filter_map(Message::into_response).collect();
        let mut told: Vec<u16> = told.iter().map(|it| it.status().code()).collect();
        told.sort_unstable();
        assert_eq!(told, [200, 487], "{cancelled}");
        let calls = usize::from(cancelled);
        assert_eq!(talk.bench.switch.status().established, calls);
        if cancelled {
            talk.offer(3, OFFER_AUDIO);
            assert_eq!(talk.answered(3).0, Status::OK);
        }
    }
}

#[test]
fn who_waits_for_a_partner_that_does_not_answer_is_answered_in_time() {
    let mut talk = browser_talks();
    talk.offer(2, OFFER_VIDEO);
    let offered = talk.bench.request(&talk.other);
    talk.bench
        .respond(&talk.other, &offered, Status::TRYING, None);
    talk.bench.take_sip(&talk.one);
    talk.bench.pass(Duration::from_secs(10));
    assert_eq!(pictures(&talk.answered(2).1), [false]);
    // It wants to be seen, too late: nobody would see it.
    let answer = sdp_answer(&offered);
    talk.bench
        .respond(&talk.other, &offered, Status::OK, Some(&answer));
    let sent = talk.bench.take_sip(&talk.other).into_iter();
    let sent: Vec<Request> = sent.filter_map(Message::into_request).collect();
    let [ack, again] = &sent[..] else {
        panic!("an ACK and another offer, not {sent:?}");
    };
    assert!(is(ack, &Method::Ack) && is(again, &Method::Invite));
    assert_eq!(pictures(&body(again)), [false]);
}

/// What a telephone is offered, each once though it is sent again.
fn offers(bench: &mut Bench, phone: &Phone) -> Vec<String> {
    let messages = bench.take_sip(phone).into_iter();
    let requests = messages.filter_map(Message::into_request);
    let offers: std::collections::BTreeMap<u32, String> = requests
        .filter(|it| is(it, &Method::Invite))
        .map(|it| (it.cseq(), body(&it)))
        .collect();
    offers.into_values().collect()
}
