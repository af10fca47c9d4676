//! INVITEs of ours that are accepted too late, by too many, or more than once.

use std::time::Duration;

use sip::message::{HeaderName, Message, Method, Request, ResponseBuilder, Status};

use super::super::{Bench, Input, OFFER_AUDIO, Page, bench};
use super::{Phone, is, sdp_answer};

#[test]
fn a_200_long_after_we_gave_up_is_acknowledged_and_ended() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let invite = given_up(&mut bench, &phone);
    // It never answers the CANCEL: nothing waits for it any more.
    bench.pass(Duration::from_secs(40));
    bench.take_sip(&phone);
    accept(&mut bench, &phone, &invite, "late");
    assert_eq!(requests(&mut bench, &phone), ["ACK late", "BYE late"]);
    accept(&mut bench, &phone, &invite, "late");
    assert_eq!(requests(&mut bench, &phone), ["ACK late"], "once again");
    bench.assert_no_calls();
}

#[test]
fn a_200_that_crosses_the_cancel_and_is_repeated_is_acknowledged_again() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let invite = given_up(&mut bench, &phone);
    accept(&mut bench, &phone, &invite, "phone");
    assert_eq!(requests(&mut bench, &phone), ["ACK phone", "BYE phone"]);
    accept(&mut bench, &phone, &invite, "phone");
    assert_eq!(requests(&mut bench, &phone), ["ACK phone"]);
    accept(&mut bench, &phone, &invite, "fork");
    assert_eq!(requests(&mut bench, &phone), ["ACK fork", "BYE fork"]);
    bench.assert_no_calls();
}

#[test]
fn of_several_that_accept_behind_one_contact_the_first_is_in_the_call() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (invite, page, call_id) = talking(&mut bench, &phone);
    accept(&mut bench, &phone, &invite, "fork");
    assert_eq!(requests(&mut bench, &phone), ["ACK fork", "BYE fork"]);
    accept(&mut bench, &phone, &invite, "fork");
    assert_eq!(requests(&mut bench, &phone), ["ACK fork"]);
    assert_eq!(bench.switch.status().established, 1);
    bench.hang_up(page, &call_id);
    assert_eq!(requests(&mut bench, &phone), ["BYE phone"]);
    bench.assert_no_calls();
}

#[test]
fn a_fork_that_accepts_after_the_end_of_the_call_is_ended_too() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (invite, page, call_id) = talking(&mut bench, &phone);
    bench.hang_up(page, &call_id);
    assert_eq!(requests(&mut bench, &phone), ["BYE phone"]);
    accept(&mut bench, &phone, &invite, "phone");
    assert_eq!(
        requests(&mut bench, &phone),
        ["ACK phone"],
        "it has its BYE"
    );
    accept(&mut bench, &phone, &invite, "fork");
    assert_eq!(requests(&mut bench, &phone), ["ACK fork", "BYE fork"]);
}

#[test]
fn a_200_to_what_we_never_sent_is_not_answered() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (invite, page, call_id) = talking(&mut bench, &phone);
    bench.hang_up(page, &call_id);
    bench.take_sip(&phone);
    let forged = ResponseBuilder::new(&invite, Status::OK).to_tag("x");
    let forged = forged.value(HeaderName::Contact, phone.contact());
    let forged = String::from_utf8(forged.build().unwrap().as_bytes().to_vec()).unwrap();
    let call_id = String::from_utf8_lossy(invite.call_id());
    bench.send(&phone, &forged.replace(&*call_id, "made-up"));
    assert!(bench.take_sip(&phone).is_empty());
}

#[test]
fn a_refresh_whose_ack_is_lost_is_acknowledged_again() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    // It does not know UPDATE: we refresh by re-INVITE.
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: INVITE, BYE\r\n";
    let (ok, _, _) = bench.talk_to_page(&phone, timer, OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.pass(Duration::from_secs(46));
    let refresh = bench.request(&phone);
    assert!(is(&refresh, &Method::Invite));
    for _ in 0..2 {
        let answer = sdp_answer(&refresh);
        let builder = ResponseBuilder::new(&refresh, Status::OK)
            .value(HeaderName::Contact, phone.contact())
            .other("Session-Expires", "90;refresher=uac")
            .body("application/sdp", answer);
        receive(&mut bench, &phone, builder);
        let ack = bench.request(&phone);
        assert!(is(&ack, &Method::Ack));
        assert_eq!(ack.cseq(), refresh.cseq());
    }
    assert_eq!(bench.switch.status().established, 1);
}

/// A page has called a telephone, which rang, and gave up; the INVITE.
fn given_up(bench: &mut Bench, phone: &Phone) -> Request {
    let (page, call_id, invite) = bench.page_calls(phone);
    bench.respond(phone, &invite, Status::RINGING, None);
    bench.hang_up(page, &call_id);
    bench.take_sip(phone);
    invite
}

/// A page has called a telephone, which answered; its INVITE.
fn talking(bench: &mut Bench, phone: &Phone) -> (Request, Page, String) {
    let (page, call_id, invite) = bench.page_calls(phone);
    accept(bench, phone, &invite, "phone");
    assert_eq!(requests(bench, phone), ["ACK phone"]);
    (invite, page, call_id)
}

fn accept(bench: &mut Bench, phone: &Phone, invite: &Request, tag: &str) {
    let builder = ResponseBuilder::new(invite, Status::OK)
        .to_tag(tag)
        .value(HeaderName::Contact, phone.contact())
        .body("application/sdp", sdp_answer(invite));
    receive(bench, phone, builder);
}

fn receive(bench: &mut Bench, phone: &Phone, builder: ResponseBuilder) {
    bench.handle(Input::Sip {
        flow: phone.flow,
        message: Message::Response(Box::new(builder.build().unwrap())),
    });
}

/// Methods of the requests that a telephone gets, each with its own tag.
fn requests(bench: &mut Bench, phone: &Phone) -> Vec<String> {
    let messages = bench.take_sip(phone).into_iter();
    let requests = messages.filter_map(Message::into_request);
    requests
        .map(|it| {
            let tag = String::from_utf8_lossy(it.to_tag().unwrap_or_default());
            format!("{} {tag}", it.method().as_str())
        })
        .collect()
}
