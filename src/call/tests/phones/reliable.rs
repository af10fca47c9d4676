//! Reliable provisional responses (RFC 3262), as who sends and as who acknowledges them.

use std::time::Duration;

use sip::message::{HeaderName, Message, Method, Request, Response, ResponseBuilder, Status};

use super::super::{Bench, OFFER_AUDIO, bench};
use super::{Phone, is, sdp_answer};

const REQUIRED: &str = "Require: 100rel\r\n";

impl Bench {
    /// A telephone makes progress, reliably.
    fn respond_reliably(
        &mut self,
        phone: &Phone,
        request: &Request,
        (status, rseq): (Status, u32),
        sdp: Option<&str>,
    ) {
        let mut builder = ResponseBuilder::new(request, status)
            .to_tag("phone")
            .value(HeaderName::Contact, phone.contact())
            .value(HeaderName::Require, "100rel")
            .value(HeaderName::RSeq, rseq.to_string());
        if let Some(sdp) = sdp {
            builder = builder.body("application/sdp", sdp.to_owned());
        }
        let response = builder.build().unwrap();
        self.handle(super::Input::Sip {
            flow: phone.flow,
            message: Message::Response(Box::new(response)),
        });
    }

    /// The requests to a telephone since the last look: method and RAck.
    fn pracks(&mut self, phone: &Phone) -> Vec<String> {
        let requests = self.take_sip(phone).into_iter();
        let requests = requests.filter_map(Message::into_request);
        requests
            .map(|request| {
                let rack = request.headers().text(HeaderName::RAck).unwrap_or("");
                format!("{} {rack}", request.method().as_str())
            })
            .collect()
    }
}

fn prack(phone: &Phone, of: &Response, cseq: u32) -> String {
    let rseq = of.headers().text(HeaderName::RSeq).expect("a number");
    phone.in_dialog_with("PRACK", of, cseq, &format!("RAck: {rseq} 1 INVITE\r\n"), "")
}

/// The 180 of a call whose caller requires 100rel.
fn ringing(bench: &mut Bench, phone: &Phone) -> Response {
    let mut messages = bench.take_sip(phone);
    assert_eq!(messages.len(), 2, "{messages:?}");
    let ringing = messages.pop().and_then(Message::into_response).unwrap();
    assert_eq!(ringing.status(), Status::RINGING);
    ringing
}

#[test]
fn a_reliable_response_is_acknowledged_once_and_only_in_order() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    let supported = invite.headers().text(HeaderName::Supported).unwrap();
    assert!(supported.contains("100rel"), "{supported}");
    bench.respond_reliably(&phone, &invite, (Status::SESSION_PROGRESS, 7), None);
    assert_eq!(bench.pracks(&phone), ["PRACK 7 1 INVITE"]);
    for (status, rseq) in [
        (Status::SESSION_PROGRESS, 7),
        (Status::RINGING, 9),
        (Status::RINGING, 6),
    ] {
        bench.respond_reliably(&phone, &invite, (status, rseq), None);
        assert!(bench.pracks(&phone).is_empty(), "{rseq}");
    }
    bench.respond_reliably(&phone, &invite, (Status::RINGING, 8), None);
    assert_eq!(bench.pracks(&phone), ["PRACK 8 1 INVITE"]);
}

#[test]
fn requests_after_a_prack_have_higher_numbers_also_once_the_call_is_up() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    bench.respond_reliably(&phone, &invite, (Status::RINGING, 1), None);
    let prack = bench.request(&phone);
    assert_eq!((prack.method(), prack.cseq()), (&Method::Prack, 2));
    bench.respond(&phone, &prack, Status::OK, None);
    bench.respond(&phone, &invite, Status::OK, Some(&sdp_answer(&invite)));
    let ack = bench.request(&phone);
    assert_eq!((ack.method(), ack.cseq()), (&Method::Ack, 1));
    bench.hang_up(page, &call_id);
    let bye = bench.request(&phone);
    assert_eq!((bye.method(), bye.cseq()), (&Method::Bye, 3));
    bench.respond(&phone, &bye, Status::OK, None);
    bench.assert_no_calls();
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn an_answer_that_came_reliably_is_the_answer_of_a_2xx_without_one() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    let answer = sdp_answer(&invite);
    bench.respond_reliably(
        &phone,
        &invite,
        (Status::SESSION_PROGRESS, 1),
        Some(&answer),
    );
    bench.take_sip(&phone);
    bench.respond(&phone, &invite, Status::OK, None);
    assert!(is(&bench.request(&phone), &Method::Ack));
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
}

#[test]
fn what_is_reliable_is_acknowledged_even_after_the_call_was_cancelled() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    bench.hang_up(page, &call_id);
    bench.respond_reliably(&phone, &invite, (Status::RINGING, 1), None);
    let mut sent = bench.pracks(&phone);
    sent.sort();
    assert_eq!(sent, ["CANCEL ", "PRACK 1 1 INVITE"]);
    bench.respond(&phone, &invite, Status::REQUEST_TERMINATED, None);
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn whoever_requires_it_is_rung_reliably_until_he_acknowledges() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.guest("carol");
    bench.dial_with(&phone, "carol", REQUIRED, OFFER_AUDIO);
    let ringing = ringing(&mut bench, &phone);
    assert_eq!(ringing.headers().text(HeaderName::Require), Some("100rel"));
    // T1, doubled each time: 0.5 s, 1.5 s, 3.5 s.
    bench.pass(Duration::from_millis(3600));
    let again = bench.take_sip(&phone);
    assert_eq!(again.len(), 3);
    for message in again {
        let again = message.into_response().unwrap();
        assert_eq!(again.as_bytes(), ringing.as_bytes());
    }
    bench.send(&phone, &prack(&phone, &ringing, 2));
    let ok = bench.response(&phone);
    assert_eq!((ok.status(), ok.method()), (Status::OK, &Method::Prack));
    bench.pass(Duration::from_secs(20));
    assert!(bench.take_sip(&phone).is_empty());
}

#[test]
fn whoever_does_not_know_it_is_rung_as_ever() {
    for (headers, reliable) in [("", None), ("Supported: 100rel\r\n", None)] {
        let mut bench = bench();
        let phone = bench.phone("1001");
        bench.guest("carol");
        bench.dial_with(&phone, "carol", headers, OFFER_AUDIO);
        let ringing = ringing(&mut bench, &phone);
        assert_eq!(ringing.headers().text(HeaderName::RSeq), reliable);
    }
}

#[test]
fn a_prack_of_nothing_is_refused_and_so_is_a_second_one() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.guest("carol");
    bench.dial_with(&phone, "carol", REQUIRED, OFFER_AUDIO);
    let ringing = ringing(&mut bench, &phone);
    let wrong = phone.in_dialog_with("PRACK", &ringing, 2, "RAck: 5 1 INVITE\r\n", "");
    bench.send(&phone, &wrong);
    assert_eq!(bench.response(&phone).status(), Status::CALL_DOES_NOT_EXIST);
    for (cseq, status) in [(3, Status::OK), (4, Status::CALL_DOES_NOT_EXIST)] {
        bench.send(&phone, &prack(&phone, &ringing, cseq));
        assert_eq!(bench.response(&phone).status(), status);
    }
    let none = phone.in_dialog_with("PRACK", &ringing, 5, "", "");
    bench.send(&phone, &none);
    assert_eq!(bench.response(&phone).status(), Status::BAD_REQUEST);
}

#[test]
fn an_invite_whose_response_nobody_acknowledges_is_refused_and_its_call_ends() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.guest("carol");
    bench.dial_with(&phone, "carol", REQUIRED, OFFER_AUDIO);
    ringing(&mut bench, &phone);
    bench.pass(Duration::from_secs(33));
    assert_eq!(
        bench.final_response(&phone).status(),
        Status::SERVER_TIMEOUT
    );
    assert_eq!(bench.end_code(), "connection_lost");
    bench.assert_no_calls();
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn a_2xx_does_not_wait_for_the_prack_of_a_response_that_described_nothing() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.dial_with(&phone, "carol", REQUIRED, OFFER_AUDIO);
    let ringing = ringing(&mut bench, &phone);
    let (call_id, offer) = bench.incoming(page);
    bench.answer(page, &call_id, &offer);
    assert_eq!(bench.final_response(&phone).status(), Status::OK);
    // Its PRACK may still be on the way (RFC 3262 3).
    bench.send(&phone, &prack(&phone, &ringing, 2));
    assert_eq!(bench.response(&phone).status(), Status::OK);
}
