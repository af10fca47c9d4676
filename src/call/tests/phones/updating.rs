//! UPDATEs before the answer (RFC 3311 5.2, RFC 6337 3.1), of either side.

use sip::message::{HeaderName, Message, Request, Response, Status};

use super::super::{Bench, OFFER_AUDIO, bench};
use super::{Phone, sdp_answer};

/// The last response to a telephone since the last look.
fn last(bench: &mut Bench, phone: &Phone) -> Response {
    let messages = bench.take_sip(phone).into_iter();
    messages
        .filter_map(Message::into_response)
        .last()
        .expect("a response")
}

/// A request of whom we have invited, in the early dialog that its responses made.
fn of_callee(invite: &Request, method: &str, cseq: u32, body: &str) -> String {
    let from = String::from_utf8_lossy(invite.headers().value(HeaderName::From).unwrap());
    let content = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "{method} sip:192.0.2.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/WS phone.invalid;branch=z9hG4bK-{method}-{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1002@example.org>;tag=phone\r\nTo: {from}\r\n\
         Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:1002@phone.invalid>\r\n\
         {content}Content-Length: {}\r\n\r\n{body}",
        String::from_utf8_lossy(invite.call_id()),
        body.len(),
    )
}

#[test]
fn an_update_before_the_answer_is_accepted_where_it_offers_nothing() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.respond(&bob, &invite, Status::RINGING, None);
    let ringing = last(&mut bench, &alice);
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let update = alice.in_dialog_with("UPDATE", &ringing, 2, timer, "");
    bench.send(&alice, &update);
    let accepted = bench.response(&alice);
    assert_eq!(accepted.status(), Status::OK);
    assert!(accepted.body().is_empty());
    // There is no session yet that could be timed.
    assert!(!accepted.headers().has(HeaderName::SessionExpires));
    bench.send(&bob, &of_callee(&invite, "UPDATE", 1, ""));
    assert_eq!(bench.response(&bob).status(), Status::OK);
    bench.respond(&bob, &invite, Status::OK, Some(&sdp_answer(&invite)));
    assert_eq!(bench.final_response(&alice).status(), Status::OK);
}

#[test]
fn a_callers_second_offer_before_the_first_is_answered_has_to_come_again_later() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.respond(&bob, &invite, Status::RINGING, None);
    let ringing = last(&mut bench, &alice);
    for (cseq, method) in [(2, "UPDATE"), (3, "INVITE")] {
        let again = alice.in_dialog_with(method, &ringing, cseq, "", OFFER_AUDIO);
        bench.send(&alice, &again);
        let refused = bench.final_response(&alice);
        assert_eq!(refused.status(), Status::SERVER_INTERNAL_ERROR, "{method}");
        assert!(refused.headers().has(HeaderName::RetryAfter), "{method}");
    }
    bench.respond(&bob, &invite, Status::OK, Some(&sdp_answer(&invite)));
    assert_eq!(bench.final_response(&alice).status(), Status::OK);
}

/// No 504, which would ask for a re-INVITE that cannot be sent yet.
#[test]
fn a_callers_second_offer_after_a_reliable_answer_is_not_acceptable_yet() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "Supported: 100rel\r\n", &bob);
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::SESSION_PROGRESS, Some(&answer));
    let early = last(&mut bench, &alice);
    let update = |cseq| alice.in_dialog_with("UPDATE", &early, cseq, "", OFFER_AUDIO);
    bench.send(&alice, &update(2));
    let refused = bench.response(&alice);
    assert_eq!(
        refused.status(),
        Status::SERVER_INTERNAL_ERROR,
        "no PRACK yet"
    );
    let rseq = early.headers().text(HeaderName::RSeq).expect("a number");
    let rack = format!("RAck: {rseq} 1 INVITE\r\n");
    bench.send(&alice, &alice.in_dialog_with("PRACK", &early, 3, &rack, ""));
    assert_eq!(bench.response(&alice).status(), Status::OK);
    bench.send(&alice, &update(4));
    let refused = bench.response(&alice);
    assert_eq!(refused.status(), Status::NOT_ACCEPTABLE_HERE);
    bench.respond(&bob, &invite, Status::OK, Some(&answer));
    assert_eq!(bench.final_response(&alice).status(), Status::OK);
}

#[test]
fn a_callees_offer_crosses_ours_until_it_has_answered() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.respond(&bob, &invite, Status::RINGING, None);
    for (cseq, method) in [(1, "UPDATE"), (2, "INVITE")] {
        bench.send(&bob, &of_callee(&invite, method, cseq, OFFER_AUDIO));
        let refused = bench.final_response(&bob);
        assert_eq!(refused.status(), Status::REQUEST_PENDING, "{method}");
    }
    bench.respond(&bob, &invite, Status::OK, Some(&sdp_answer(&invite)));
    assert_eq!(last(&mut bench, &alice).status(), Status::OK);
}

#[test]
fn a_re_invite_before_the_ack_of_the_first_has_to_come_again_later() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, _, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    let again = |cseq| phone.in_dialog_with("INVITE", &ok, cseq, "", OFFER_AUDIO);
    bench.send(&phone, &again(2));
    let refused = bench.final_response(&phone);
    assert_eq!(refused.status(), Status::SERVER_INTERNAL_ERROR);
    assert!(refused.headers().has(HeaderName::RetryAfter));
    // An UPDATE needs no ACK to go before it.
    let update = phone.in_dialog_with("UPDATE", &ok, 3, "", OFFER_AUDIO);
    bench.send(&phone, &update);
    assert_eq!(bench.final_response(&phone).status(), Status::OK);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.send(&phone, &again(4));
    assert_eq!(bench.final_response(&phone).status(), Status::OK);
}
