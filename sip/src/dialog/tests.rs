use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::message::{Limits, Message};

fn message(text: &str) -> Message {
    Message::parse(text.replace('\n', "\r\n").as_bytes(), &Limits::default()).unwrap()
}

fn request(method: &str, cseq: u32, to_tag: &str, more: &str) -> Request {
    let text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\nVia: SIP/2.0/UDP client.example.com;branch=z9hG4bK{cseq}\n\
         Max-Forwards: 70\nFrom: Alice <sip:alice@example.com>;tag=al\nTo: Bob <sip:bob@example.com>{to_tag}\n\
         Call-ID: c1@client\nCSeq: {cseq} {method}\n{more}Content-Length: 0\n\n"
    );
    message(&text).into_request().unwrap()
}

fn invite(more: &str) -> Request {
    request(
        "INVITE",
        314,
        "",
        &format!("Contact: <sip:alice@192.0.2.1:5062>\n{more}"),
    )
}

fn response(status: &str, cseq: &str, tag: &str, more: &str) -> Response {
    let text = format!(
        "SIP/2.0 {status}\nVia: SIP/2.0/UDP client.example.com;branch=z9hG4bK1\n\
         From: Alice <sip:alice@example.com>;tag=al\nTo: Bob <sip:bob@example.com>{tag}\n\
         Call-ID: c1@client\nCSeq: {cseq}\n{more}Content-Length: 0\n\n"
    );
    message(&text).into_response().unwrap()
}

fn ok(more: &str) -> Response {
    let more = format!("Contact: <sip:bob@192.0.2.4>\n{more}");
    response("200 OK", "314 INVITE", ";tag=bo", &more)
}

fn sent(builder: RequestBuilder) -> Request {
    builder
        .via("UDP", "192.0.2.9:5060", "z9hG4bKx")
        .build()
        .unwrap()
}

fn routes(request: &Request) -> Vec<String> {
    let values = request.headers().values(HeaderName::Route);
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

const TWO_ROUTES: &str = "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\n";

#[test]
fn rfc3261_12_1_2_the_uac_goes_back_the_way_that_the_response_came() {
    let mut dialog = Dialog::of_response(invite("").cseq(), &ok(TWO_ROUTES)).unwrap();
    assert_eq!(
        (dialog.role(), dialog.stage()),
        (Role::Uac, Stage::Confirmed)
    );
    assert_eq!(dialog.next_hop(), b"sip:p1.example.com;lr");
    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(bye.raw_uri(), b"sip:bob@192.0.2.4");
    assert_eq!(
        routes(&bye),
        ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    );
    assert_eq!(
        (bye.from_tag(), bye.to_tag()),
        (Some(&b"al"[..]), Some(&b"bo"[..]))
    );
    assert_eq!((bye.call_id(), bye.cseq()), (&b"c1@client"[..], 315));
}

#[test]
fn rfc3261_12_1_1_the_uas_keeps_the_order_of_the_routes_and_numbers_from_its_own() {
    let response = ok(TWO_ROUTES);
    let mut dialog = Dialog::of_request(&invite(TWO_ROUTES), &response).unwrap();
    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(bye.raw_uri(), b"sip:alice@192.0.2.1:5062");
    assert_eq!(
        routes(&bye),
        ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    );
    assert_eq!(
        (bye.from_tag(), bye.to_tag()),
        (Some(&b"bo"[..]), Some(&b"al"[..]))
    );
    assert_eq!(bye.cseq(), 1);
    assert_eq!(sent(dialog.request(Method::Info)).cseq(), 2);
}

#[test]
fn rfc3261_12_2_1_1_a_strict_router_is_addressed_itself_and_the_target_comes_last() {
    let more = "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com>\n";
    let mut dialog = Dialog::of_response(invite("").cseq(), &ok(more)).unwrap();
    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(bye.raw_uri(), b"sip:p1.example.com");
    assert_eq!(
        routes(&bye),
        ["<sip:p2.example.com;lr>", "<sip:bob@192.0.2.4>"]
    );
}

#[test]
fn both_sides_know_the_dialog_by_the_same_parts_the_other_way_round() {
    let (invite, ok) = (invite(""), ok(""));
    let uac = Dialog::of_response(invite.cseq(), &ok).unwrap();
    let uas = Dialog::of_request(&invite, &ok).unwrap();
    assert_eq!(uac.id().local_tag, uas.id().remote_tag);
    assert_eq!(uac.id().remote_tag, uas.id().local_tag);
    let bye = request("BYE", 315, ";tag=bo", "");
    assert_eq!(DialogId::of_request(&bye).as_ref(), Some(uas.id()));
    assert_eq!(DialogId::of_response(&ok).as_ref(), Some(uac.id()));
    assert_eq!(
        DialogId::of_request(&invite),
        None,
        "a request outside of dialogs names none"
    );
}

#[test]
fn an_early_dialog_is_confirmed_by_its_2xx_which_says_the_way_anew() {
    let more = "Contact: <sip:bob@early>\nRecord-Route: <sip:p9.example.com;lr>\n";
    let early = response("180 Ringing", "314 INVITE", ";tag=bo", more);
    let mut dialog = Dialog::of_response(invite("").cseq(), &early).unwrap();
    assert_eq!(dialog.stage(), Stage::Early);
    dialog.handle_response(&ok("")).unwrap();
    assert_eq!(dialog.stage(), Stage::Confirmed);
    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(
        (bye.raw_uri(), routes(&bye).len()),
        (&b"sip:bob@192.0.2.4"[..], 0)
    );
}

#[test]
fn each_fork_makes_a_dialog_of_its_own() {
    let ringing = |tag| response("180 Ringing", "314 INVITE", tag, "Contact: <sip:bob@x>\n");
    let one = Dialog::of_response(invite("").cseq(), &ringing(";tag=one")).unwrap();
    let two = Dialog::of_response(invite("").cseq(), &ringing(";tag=two")).unwrap();
    assert_ne!(one.id(), two.id());
}

#[test]
fn without_tag_or_contact_there_is_no_dialog() {
    let trying = response("180 Ringing", "314 INVITE", "", "Contact: <sip:bob@x>\n");
    assert_eq!(
        Dialog::of_response(invite("").cseq(), &trying),
        Err(DialogError::NoTag)
    );
    let lost = response("200 OK", "314 INVITE", ";tag=bo", "");
    assert_eq!(
        Dialog::of_response(invite("").cseq(), &lost),
        Err(DialogError::NoContact)
    );
    assert_eq!(
        Dialog::of_request(&request("INVITE", 1, "", ""), &ok("")),
        Err(DialogError::NoContact)
    );
    let route = "Record-Route: <tel:+123>\n";
    assert_eq!(
        Dialog::of_response(invite("").cseq(), &ok(route)),
        Err(DialogError::Malformed)
    );
}

#[test]
fn rfc3261_12_2_2_numbers_of_the_far_side_have_to_rise_and_may_leave_gaps() {
    let mut dialog = Dialog::of_request(&invite(""), &ok("")).unwrap();
    let status = |dialog: &mut Dialog, method, cseq| {
        let request = request(method, cseq, ";tag=bo", "");
        dialog
            .handle_request(&request)
            .err()
            .map(|rejection| rejection.status.code())
    };
    for (method, cseq, expected) in [
        ("INFO", 314, Some(500)),
        ("INFO", 313, Some(500)),
        // The ACK of the INVITE has its number.
        ("ACK", 314, None),
        ("INFO", 400, None),
        ("BYE", 399, Some(500)),
        ("BYE", 401, None),
    ] {
        assert_eq!(
            status(&mut dialog, method, cseq),
            expected,
            "{method} {cseq}"
        );
    }
}

#[test]
fn as_uac_the_first_request_of_the_far_side_may_have_any_number() {
    let mut dialog = Dialog::of_response(invite("").cseq(), &ok("")).unwrap();
    let info = request("INFO", 0, ";tag=al", "");
    assert!(dialog.handle_request(&info).is_ok());
    assert!(dialog.handle_request(&info).is_err());
}

#[test]
fn a_target_refresh_moves_the_target_and_nothing_else_does() {
    let mut dialog = Dialog::of_request(&invite(""), &ok("")).unwrap();
    let moved = "Contact: <sip:alice@198.51.100.7>\n";
    dialog
        .handle_request(&request("INFO", 315, ";tag=bo", moved))
        .unwrap();
    assert_eq!(dialog.remote_target(), b"sip:alice@192.0.2.1:5062");
    dialog
        .handle_request(&request("INVITE", 316, ";tag=bo", moved))
        .unwrap();
    assert_eq!(dialog.remote_target(), b"sip:alice@198.51.100.7");
    let refused = response(
        "488 Not Acceptable Here",
        "1 INVITE",
        "",
        "Contact: <sip:x@y>\n",
    );
    dialog.handle_response(&refused).unwrap();
    assert_eq!(dialog.remote_target(), b"sip:alice@198.51.100.7");
    let taken = response("200 OK", "1 UPDATE", "", "Contact: <sip:x@y>\n");
    dialog.handle_response(&taken).unwrap();
    assert_eq!(dialog.remote_target(), b"sip:x@y");
}

#[test]
fn rfc3261_13_2_2_4_the_ack_of_a_2xx_has_the_number_of_the_invite() {
    let mut dialog = Dialog::of_response(invite("").cseq(), &ok(TWO_ROUTES)).unwrap();
    sent(dialog.request(Method::Info));
    let ack = sent(dialog.ack(314));
    assert_eq!((ack.cseq(), ack.method()), (314, &Method::Ack));
    assert_eq!(routes(&ack).len(), 2);
}

proptest! {
    #[test]
    fn whatever_the_far_side_writes_makes_a_request_that_can_be_read_or_no_dialog(
        contact in "[ -~]{0,30}", route in "[ -~]{0,40}", tag in "[a-z0-9.~-]{1,12}",
    ) {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=al\r\n\
             To: <sip:c@d>;tag={tag}\r\nCall-ID: x\r\nCSeq: 314 INVITE\r\nContact: {contact}\r\n\
             Record-Route: {route}\r\nContent-Length: 0\r\n\r\n"
        );
        let bytes = Bytes::from(text);
        let Ok(Message::Response(response)) = Message::parse(&bytes, &Limits::default()) else {
            return Ok(());
        };
        if let Ok(mut dialog) = Dialog::of_response(invite("").cseq(), &response) {
            let request = dialog.request(Method::Bye).via("UDP", "h:1", "z9hG4bKx").build();
            prop_assert!(request.is_ok(), "{request:?}");
        }
    }
}
