//! Telephones that send calls on to somebody else (302).

use sip::message::{HeaderName, Method, Request, Status};

use super::super::{Bench, OFFER_AUDIO, bench, names};
use super::{Phone, is, sdp_answer};

fn send_on(bench: &mut Bench, phone: &Phone, invite: &Request, contacts: &str) {
    let status = Status::MOVED_TEMPORARILY;
    let builder = sip::message::ResponseBuilder::new(invite, status)
        .to_tag("phone")
        .value(HeaderName::Contact, contacts);
    let response = Box::new(builder.build().unwrap());
    bench.handle(super::Input::Sip {
        flow: phone.flow,
        message: sip::message::Message::Response(response),
    });
    let ack = bench.request(phone);
    assert!(is(&ack, &Method::Ack));
}

#[test]
fn a_call_that_is_sent_on_rings_there_and_is_answered_there() {
    let mut bench = bench();
    let (bob, dave) = (bench.phone("1002"), bench.phone("1003"));
    let page = bench.guest("carol");
    bench.call_with(page, "1002", OFFER_AUDIO);
    let invite = bench.request(&bob);
    send_on(&mut bench, &bob, &invite, "<sip:1003@example.org>");
    let invite = bench.request(&dave);
    assert_eq!(
        invite.from().uri().unwrap().as_str(),
        "sip:carol@example.org"
    );
    bench.respond(&dave, &invite, Status::OK, Some(&sdp_answer(&invite)));
    assert_eq!(names(&bench.take(page)).last().unwrap(), "ESTABLISHED");
    assert!(bench.take_sip(&bob).is_empty());
}

#[test]
fn all_contacts_ring_and_pages_do_too() {
    let mut bench = bench();
    let (bob, dave) = (bench.phone("1002"), bench.phone("1003"));
    let (erin, page) = (bench.guest("erin"), bench.guest("carol"));
    bench.call_with(page, "1002", OFFER_AUDIO);
    let invite = bench.request(&bob);
    let contacts = "<sip:1003@example.org>;q=0.2, <sip:erin@example.org>;q=0.9";
    send_on(&mut bench, &bob, &invite, contacts);
    assert!(is(&bench.request(&dave), &Method::Invite));
    let (call_id, offer) = bench.incoming(erin);
    bench.answer(erin, &call_id, &offer);
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
}

#[test]
fn calls_are_not_sent_on_to_where_nothing_leads_and_the_caller_is_told_so() {
    for contacts in [
        "<sip:1003@elsewhere.net>",
        "<tel:+4930123456>",
        "<sip:nobody@example.org>",
        "<mailto:bob@example.org>",
    ] {
        let mut bench = bench();
        let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
        bench.dial(&alice, "1002");
        let invite = bench.request(&bob);
        send_on(&mut bench, &bob, &invite, contacts);
        let refused = bench.final_response(&alice);
        assert_eq!(refused.status(), Status::TEMPORARILY_UNAVAILABLE);
        let warning = refused.headers().text(HeaderName::Warning).unwrap();
        assert!(warning.contains("sends calls on"), "{warning}");
        assert!(!warning.contains("elsewhere.net"), "{warning}");
        assert_eq!(bench.end_code(), "sent_away", "{contacts}");
        bench.assert_no_calls();
    }
}

#[test]
fn a_call_that_two_send_on_to_each_other_ends() {
    let mut bench = bench();
    let (bob, dave) = (bench.phone("1002"), bench.phone("1003"));
    let alice = bench.phone("1001");
    bench.dial(&alice, "1002");
    let invite = bench.request(&bob);
    send_on(&mut bench, &bob, &invite, "<sip:1003@example.org>");
    let invite = bench.request(&dave);
    send_on(&mut bench, &dave, &invite, "<sip:1002@example.org>");
    assert!(bench.take_sip(&bob).is_empty());
    let refused = bench.final_response(&alice);
    assert_eq!(refused.status(), Status::LOOP_DETECTED);
    assert_eq!(bench.end_code(), "loop");
    bench.assert_no_calls();
}

#[test]
fn a_call_is_sent_on_a_few_times_and_no_more() {
    let mut bench = bench();
    let phones: Vec<Phone> = (0..8).map(|n| bench.phone(&format!("200{n}"))).collect();
    let alice = bench.phone("1001");
    bench.dial(&alice, "2000");
    let mut hops = 0;
    for (phone, next) in phones.iter().zip(phones.iter().skip(1)) {
        let Some(invite) = bench.take_sip(phone).pop() else {
            break;
        };
        hops += 1;
        let contact = format!("<sip:{}@example.org>", next.user);
        send_on(&mut bench, phone, &invite.into_request().unwrap(), &contact);
    }
    assert_eq!(hops, 6);
    let refused = bench.final_response(&alice);
    assert_eq!(refused.status(), Status::LOOP_DETECTED);
    bench.assert_no_calls();
}

#[test]
fn where_others_still_ring_a_telephone_that_sends_calls_away_is_passed_over() {
    let mut bench = bench();
    let phones = [bench.account_phone("alice"), bench.account_phone("alice")];
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    let invites = phones.each_ref().map(|phone| bench.request(phone));
    let [desk, pocket] = &phones;
    send_on(&mut bench, desk, &invites[0], "<sip:x@elsewhere.net>");
    let answer = sdp_answer(&invites[1]);
    bench.respond(pocket, &invites[1], Status::OK, Some(&answer));
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
}
