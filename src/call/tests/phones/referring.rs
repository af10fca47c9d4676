//! Telephones that hand their calls over.

use sip::message::{HeaderName, Message, Method, Request, Response, Status};

use super::super::{Bench, OFFER_AUDIO, Page, bench, names};
use super::Phone;

fn notifications(bench: &mut Bench, phone: &Phone) -> Vec<Request> {
    let messages = bench.take_sip(phone).into_iter();
    messages.filter_map(Message::into_request).collect()
}

fn outcome(notify: &Request) -> (String, String) {
    assert_eq!(notify.method(), &Method::Notify);
    let state = notify.headers().text(HeaderName::SubscriptionState);
    let body = std::str::from_utf8(notify.body())
        .unwrap()
        .trim()
        .to_owned();
    (body, state.unwrap_or_default().to_owned())
}

/// A telephone that talks to a page: its 200, and the page.
fn talking() -> (Bench, Phone, Response, Page) {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, page, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    (bench, phone, ok, page)
}

#[test]
fn a_telephone_hands_a_page_over_to_another_page() {
    let (mut bench, phone, ok, carol) = talking();
    let dave = bench.guest("dave");
    let refer = "Refer-To: <sip:dave@example.org>\r\n";
    bench.send(&phone, &phone.in_dialog_with("REFER", &ok, 2, refer, ""));
    let messages = bench.take_sip(&phone);
    let accepted = messages[0].clone().into_response().unwrap();
    assert_eq!(accepted.status(), Status::ACCEPTED);
    let first = messages[1].clone().into_request().unwrap();
    let (body, state) = outcome(&first);
    assert_eq!(body, "SIP/2.0 100 Trying");
    assert!(state.starts_with("active"), "{state}");
    bench.respond(&phone, &first, Status::OK, None);

    let (call_id, offer) = bench.incoming(dave);
    bench.answer(dave, &call_id, &offer);
    let told = notifications(&mut bench, &phone);
    let (body, state) = outcome(&told[0]);
    assert_eq!(body, "SIP/2.0 200 OK");
    assert!(state.starts_with("terminated"), "{state}");
    assert_eq!(told[1].method(), &Method::Bye);
    assert!(!names(&bench.take(carol)).contains(&"FINISH".to_owned()));
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn a_transfer_to_nobody_is_told_and_the_call_goes_on() {
    let (mut bench, phone, ok, _) = talking();
    let refer = "Refer-To: <sip:nobody@example.org>\r\n";
    bench.send(&phone, &phone.in_dialog_with("REFER", &ok, 2, refer, ""));
    let told = notifications(&mut bench, &phone);
    let (body, state) = outcome(told.last().unwrap());
    assert_eq!(body, "SIP/2.0 404 Not Found");
    assert!(state.starts_with("terminated"), "{state}");
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn a_telephone_that_wants_no_news_gets_none() {
    let (mut bench, phone, ok, _) = talking();
    let refer = "Refer-To: <sip:nobody@example.org>\r\nRefer-Sub: false\r\n";
    bench.send(&phone, &phone.in_dialog_with("REFER", &ok, 2, refer, ""));
    let accepted = bench.response(&phone);
    assert_eq!(accepted.status(), Status::ACCEPTED);
    assert_eq!(accepted.headers().text(HeaderName::ReferSub), Some("false"));
}

#[test]
fn keys_that_a_held_call_does_not_take_do_not_end_a_transfer() {
    let (mut bench, phone, ok, _) = talking();
    let held = OFFER_AUDIO.replace("a=sendrecv", "a=sendonly");
    bench.send(&phone, &phone.in_dialog_with("INVITE", &ok, 2, "", &held));
    assert_eq!(bench.final_response(&phone).status(), Status::OK);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 2));
    let dave = bench.guest("dave");
    let refer = "Refer-To: <sip:dave@example.org>\r\n";
    bench.send(&phone, &phone.in_dialog_with("REFER", &ok, 3, refer, ""));
    let trying = notifications(&mut bench, &phone).remove(0);
    bench.respond(&phone, &trying, Status::OK, None);
    let key = phone.in_dialog_with("INFO", &ok, 4, "", "Signal=5\r\n");
    let key = key.replace("application/sdp", "application/dtmf-relay");
    bench.send(&phone, &key);
    assert!(notifications(&mut bench, &phone).is_empty());
    let (call_id, offer) = bench.incoming(dave);
    bench.answer(dave, &call_id, &offer);
    let told = notifications(&mut bench, &phone);
    assert_eq!(outcome(&told[0]).0, "SIP/2.0 200 OK");
}
