use std::time::Instant;

use super::super::tests::{dialogs, ms, request, response, s, sent, start};
use super::*;
use crate::header::{RAck, RSeq};
use crate::message::{Method, Response, ResponseBuilder, Status};

const SDP: &str = "v=0\n";

fn invite(body: &str) -> Request {
    request("INVITE", 1, "", "Supported: 100rel\n", body)
}

fn ringing() -> ResponseBuilder {
    ResponseBuilder::new(&invite(""), Status::RINGING).to_tag("bo")
}

fn progress() -> ResponseBuilder {
    let builder = ResponseBuilder::new(&invite(""), Status::SESSION_PROGRESS);
    builder.to_tag("bo").body("application/sdp", "v=0\r\n")
}

fn rseq(response: &Response) -> u32 {
    response.headers().get::<RSeq>().unwrap().unwrap().0
}

fn prack(rack: &str, body: &str) -> Request {
    request("PRACK", 2, "bo", &format!("RAck: {rack}\n"), body)
}

fn provisionals() -> Provisionals {
    Provisionals::new(&invite(SDP), 2000)
}

fn reliable(status: u16, rseq: u32, body: &str) -> Response {
    let rows = format!("Require: 100rel\nRSeq: {rseq}\n");
    response(status, "1 INVITE", &rows, body)
}

fn in_order(acknowledger: &mut Acknowledger, response: &Response) -> Prack {
    match acknowledger.handle_response(response) {
        Received::InOrder(prack) => prack,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc3262_3_an_invite_says_whether_reliable_responses_are_known() {
    let of = |rows| Rel100::of_request(&request("INVITE", 1, "", rows, ""));
    assert_eq!(of(""), Rel100::Unsupported);
    assert_eq!(of("Supported: timer, 100rel\n"), Rel100::Supported);
    assert_eq!(of("Require: 100rel\n"), Rel100::Required);
}

#[test]
fn rfc3262_3_the_first_number_is_random_from_1_to_below_2_31_and_the_next_is_one_higher() {
    for (random, first) in [(0, 1), (1, 1), (2000, 1000), (u32::MAX, 2_147_482_623)] {
        let mut provisionals = Provisionals::new(&invite(SDP), random);
        let response = provisionals.send(start(), ringing()).unwrap().unwrap();
        assert_eq!(rseq(&response), first);
        assert!(response.headers().lists(HeaderName::Require, "100rel"));
        let rack = format!("{first} 1 INVITE");
        provisionals
            .handle_prack(start(), &prack(&rack, ""))
            .unwrap();
        let next = provisionals.send(start(), ringing()).unwrap().unwrap();
        assert_eq!(rseq(&next), first + 1);
    }
}

#[test]
fn rfc3262_3_a_response_is_repeated_ever_more_slowly_until_the_invite_is_refused() {
    let (start, mut provisionals) = (start(), provisionals());
    let first = provisionals.send(start, ringing()).unwrap().unwrap();
    let mut repeats = Vec::new();
    let end = loop {
        let at = provisionals.poll_timeout().unwrap();
        assert_eq!(provisionals.handle_timeout(at - ms(1)), None);
        match provisionals.handle_timeout(at).unwrap() {
            Due::Repeat(bytes) => {
                assert_eq!(&bytes, first.as_bytes());
                repeats.push((at - start).as_millis());
            }
            Due::GiveUp => break at,
        }
    };
    assert_eq!(repeats, [500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(end - start, s(32));
    assert_eq!(provisionals.poll_timeout(), None);
    assert_eq!(provisionals.send(end, ringing()), Err(SendError::Finished));
}

#[test]
fn a_prack_ends_the_repetition_and_lets_the_next_response_go() {
    let (start, mut provisionals) = (start(), provisionals());
    provisionals.send(start, ringing()).unwrap();
    assert_eq!(provisionals.send(start, progress()), Ok(None));
    let acknowledged = provisionals.handle_prack(start + s(1), &prack("1000 1 INVITE", ""));
    let next = acknowledged.unwrap().next.unwrap();
    assert_eq!(
        (next.status(), rseq(&next)),
        (Status::SESSION_PROGRESS, 1001)
    );
    assert_eq!(provisionals.poll_timeout(), Some(start + ms(1500)));
    let acknowledged = provisionals.handle_prack(start + s(1), &prack("1001 1 INVITE", ""));
    assert_eq!(acknowledged.unwrap().next, None);
    assert_eq!(provisionals.poll_timeout(), None);
}

#[test]
fn rfc3262_3_a_prack_of_something_else_is_refused_and_changes_nothing() {
    let (start, mut provisionals) = (start(), provisionals());
    let mut refused = |rack: &str| {
        let result = provisionals.handle_prack(start, &prack(rack, ""));
        result.unwrap_err().status.code()
    };
    assert_eq!(refused("1000 1 INVITE"), 481, "before any response");
    provisionals.send(start, ringing()).unwrap();
    let mut refused = |rack: &str| {
        let result = provisionals.handle_prack(start, &prack(rack, ""));
        result.unwrap_err().status.code()
    };
    assert_eq!(refused("1001 1 INVITE"), 481);
    assert_eq!(refused("1000 2 INVITE"), 481);
    assert_eq!(refused("1000 1 UPDATE"), 481);
    assert_eq!(refused("1000 1"), 400);
    let bare = request("PRACK", 2, "bo", "", "");
    let missing = provisionals.handle_prack(start, &bare).unwrap_err();
    assert_eq!(missing.status.code(), 400);
    assert!(provisionals.poll_timeout().is_some());
    let right = prack("1000 1 INVITE", "");
    assert!(provisionals.handle_prack(start, &right).is_ok());
    let again = provisionals.handle_prack(start, &right).unwrap_err();
    assert_eq!(again.status.code(), 481, "a second one, not a repetition");
}

#[test]
fn responses_that_nobody_acknowledges_do_not_pile_up() {
    let (start, mut provisionals) = (start(), provisionals());
    for _ in 0..=MAX_QUEUED {
        provisionals.send(start, ringing()).unwrap();
    }
    assert_eq!(
        provisionals.send(start, ringing()),
        Err(SendError::QueueFull)
    );
}

#[test]
fn rfc3262_3_a_2xx_waits_for_the_acknowledgement_of_a_description() {
    let (start, mut provisionals) = (start(), provisionals());
    provisionals.send(start, ringing()).unwrap();
    assert!(!provisionals.holds_2xx());
    provisionals
        .handle_prack(start, &prack("1000 1 INVITE", ""))
        .unwrap();
    provisionals.send(start, progress()).unwrap();
    assert!(provisionals.holds_2xx());
    provisionals
        .handle_prack(start, &prack("1001 1 INVITE", ""))
        .unwrap();
    assert!(!provisionals.holds_2xx());
}

#[test]
fn rfc3262_3_after_a_final_response_nothing_is_repeated_but_a_late_prack_is_taken() {
    let (start, mut provisionals) = (start(), provisionals());
    provisionals.send(start, progress()).unwrap();
    provisionals.send(start, ringing()).unwrap();
    provisionals.finish();
    assert!(!provisionals.holds_2xx());
    assert_eq!(provisionals.poll_timeout(), None);
    assert_eq!(provisionals.handle_timeout(start + s(60)), None);
    let late = provisionals.handle_prack(start + s(1), &prack("1000 1 INVITE", ""));
    assert_eq!(late.unwrap().next, None, "what waited is not sent any more");
}

#[test]
fn rfc3262_5_the_uas_hears_what_a_description_in_a_prack_is() {
    // The INVITE has the offer, the response the answer, the PRACK may have another offer.
    let (start, mut uas) = (start(), provisionals());
    uas.send(start, progress()).unwrap();
    let offer = uas
        .handle_prack(start, &prack("1000 1 INVITE", SDP))
        .unwrap();
    assert_eq!(offer.description, Description::Offer);
    assert!(!offer.answer_missing);
    // The INVITE has none, the response the offer, the PRACK the answer.
    let mut uas = Provisionals::new(&invite(""), 2000);
    uas.send(start, progress()).unwrap();
    let answer = uas
        .handle_prack(start, &prack("1000 1 INVITE", SDP))
        .unwrap();
    assert_eq!(answer.description, Description::Answer);
    let mut uas = Provisionals::new(&invite(""), 2000);
    uas.send(start, progress()).unwrap();
    let none = uas
        .handle_prack(start, &prack("1000 1 INVITE", ""))
        .unwrap();
    assert!(none.answer_missing);
    assert_eq!(none.description, Description::None);
}

#[test]
fn rfc3262_4_each_response_in_order_is_acknowledged_once() {
    let mut acknowledger = Acknowledger::new(true);
    let (mut dialog, _) = dialogs();
    let owed = in_order(&mut acknowledger, &reliable(180, 77, ""));
    let prack = sent(owed.request(&mut dialog));
    assert_eq!(prack.method(), &Method::Prack);
    assert_eq!(prack.headers().text(HeaderName::RAck), Some("77 1 INVITE"));
    assert_eq!((prack.cseq(), prack.to_tag()), (2, Some(&b"bo"[..])));
    for dropped in [77, 79, 76, 0, u32::MAX] {
        let response = reliable(180, dropped, "");
        assert_eq!(acknowledger.handle_response(&response), Received::Dropped);
    }
    in_order(&mut acknowledger, &reliable(183, 78, ""));
}

#[test]
fn rfc3262_4_only_what_requires_it_is_acknowledged() {
    let mut acknowledger = Acknowledger::new(true);
    for response in [
        response(180, "1 INVITE", "RSeq: 1\n", ""),
        response(180, "1 INVITE", "Require: 100rel\n", ""),
        response(180, "1 INVITE", "Require: 100rel\nRSeq: x\n", ""),
        reliable(100, 1, ""),
        reliable(200, 1, ""),
        response(183, "1 UPDATE", "Require: 100rel\nRSeq: 1\n", ""),
    ] {
        let received = acknowledger.handle_response(&response);
        assert_eq!(received, Received::Unreliable, "{response:?}");
    }
}

#[test]
fn a_number_at_its_end_does_not_wrap() {
    let mut acknowledger = Acknowledger::new(true);
    in_order(&mut acknowledger, &reliable(180, u32::MAX, ""));
    let wrapped = acknowledger.handle_response(&reliable(180, 0, ""));
    assert_eq!(wrapped, Received::Dropped);
}

#[test]
fn rfc3262_5_the_uac_hears_what_a_description_in_a_response_is() {
    let mut offered = Acknowledger::new(true);
    let none = in_order(&mut offered, &reliable(180, 1, ""));
    assert_eq!(none.description, Description::None);
    let answer = in_order(&mut offered, &reliable(183, 2, SDP));
    assert_eq!(answer.description, Description::Answer);
    assert_eq!(offered.acknowledge(true), Description::Offer);
    let repeated = in_order(&mut offered, &reliable(183, 3, SDP));
    assert_eq!(repeated.description, Description::Repeated);
    let mut offerless = Acknowledger::new(false);
    let offer = in_order(&mut offerless, &reliable(183, 1, SDP));
    assert_eq!(offer.description, Description::Offer);
    assert_eq!(offerless.acknowledge(true), Description::Answer);
}

#[test]
fn rfc3262_both_sides_agree_over_a_way_that_loses_every_other_message() {
    let start = start();
    let (mut uas, mut uac) = (provisionals(), Acknowledger::new(true));
    let (mut alice, _) = dialogs();
    let mut now = start;
    let mut on_the_way = uas.send(now, ringing()).unwrap();
    for _ in 0..4 {
        uas.send(now, progress()).unwrap();
    }
    let (mut seen, mut lost, mut owed) = (Vec::new(), false, None);
    while seen.len() < 5 || owed.is_some() {
        if let Some(response) = on_the_way.take() {
            lost = !lost;
            if !lost && let Received::InOrder(prack) = uac.handle_response(&response) {
                seen.push(rseq(&response));
                owed = Some(sent(prack.request(&mut alice)));
            }
        }
        if let Some(prack) = owed.take() {
            on_the_way = uas.handle_prack(now, &prack).unwrap().next;
            continue;
        }
        now = next(&uas, now);
        if let Some(Due::Repeat(bytes)) = uas.handle_timeout(now) {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let message = super::super::tests::message(&text.replace('\r', ""));
            on_the_way = message.into_response();
        }
    }
    assert_eq!(seen, [1000, 1001, 1002, 1003, 1004]);
    assert_eq!(uas.poll_timeout(), None);
}

fn next(uas: &Provisionals, now: Instant) -> Instant {
    uas.poll_timeout().unwrap_or(now)
}

#[test]
fn a_rack_is_read_as_the_uac_writes_it() {
    let (mut dialog, _) = dialogs();
    let mut acknowledger = Acknowledger::new(true);
    let owed = in_order(&mut acknowledger, &reliable(180, 9, ""));
    let prack = sent(owed.request(&mut dialog));
    let rack = prack.headers().get::<RAck<'_>>().unwrap().unwrap();
    assert_eq!((rack.rseq, rack.cseq, rack.method), (9, 1, &b"INVITE"[..]));
}
