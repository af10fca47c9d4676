//! Calls of telephones, from the first INVITE to the last BYE.

use sip::flow::{FlowId, Transport};
use sip::message::{HeaderName, Message, Method, Status};

use super::super::{Bench, Input, OFFER_AUDIO, bench, config, names, peer};
use super::{is, sdp_answer};
use crate::call::end::EndReason;
use crate::call::io::SipEnds;

#[test]
fn a_telephone_calls_a_page_and_hangs_up() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.dial(&phone, "carol");
    let statuses: Vec<u16> = responses(&mut bench, &phone);
    assert_eq!(statuses, [100, 180]);
    let (call_id, offer) = bench.incoming(page);
    bench.answer(page, &call_id, &offer);
    let ok = bench.response(&phone);
    assert_eq!(ok.status(), Status::OK);
    assert!(ok.body().starts_with(b"v=0"));
    let ack = phone.in_dialog("ACK", &ok, 1);
    bench.send(&phone, &ack);
    assert_eq!(bench.switch.status().calls, 1);
    bench.take(page);

    let bye = phone.in_dialog("BYE", &ok, 2);
    bench.send(&phone, &bye);
    assert_eq!(bench.response(&phone).status(), Status::OK);
    assert_eq!(names(&bench.take(page)), ["FINISH"]);
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.assert_no_calls();
}

/// A bug once: what Via and Contact had with the zone in it could not be written.
#[test]
fn the_zone_of_a_link_local_address_is_not_told_to_telephones() {
    let mut bench = bench();
    let flow = FlowId(1_000);
    let ends = SipEnds {
        peer: peer("[fe80::2]:50001", true),
        transport: Transport::Tcp,
        local: "[fe80::1%3]:5060".parse().unwrap(),
    };
    let connect = None;
    bench.handle(Input::SipOpened {
        flow,
        ends,
        connect,
    });
    let phone = bench.silent_phone("1001", Transport::Tcp, "127.0.0.1:50001");
    let phone = phone.on(flow);
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    bench.open_ports(2);

    let (_, _, invite) = bench.page_calls(&phone);
    assert_eq!(invite.via().host.to_string(), "[fe80::1]");
    let contact = invite.headers().text(HeaderName::Contact).unwrap();
    assert_eq!(contact, "<sip:[fe80::1]:5060;transport=tcp>");
}

#[test]
fn whoever_has_not_registered_calls_too_but_not_too_often() {
    let mut config = config();
    config.limits.calls_per_second_per_user = 1;
    let mut bench = Bench::new(config);
    let phone = bench.silent_phone("1001", Transport::Ws, "127.0.0.1:50001");
    let page = bench.guest("carol");
    bench.dial(&phone, "carol");
    assert_eq!(responses(&mut bench, &phone), [100, 180]);
    let (call_id, _) = bench.incoming(page);
    bench.hang_up(page, &call_id);
    assert_eq!(responses(&mut bench, &phone), [603]);

    let to = "<sip:nobody@example.org>";
    let mut refusals = (2..20).map(|cseq| {
        let uri = "sip:nobody@example.org";
        let invite = phone.numbered("INVITE", uri, (to, cseq), "", OFFER_AUDIO);
        bench.send(&phone, &invite);
        bench.final_response(&phone).status().code()
    });
    assert_eq!(refusals.next(), Some(404));
    assert_eq!(refusals.find(|status| *status != 404), Some(503));
}

#[test]
fn a_page_calls_a_telephone_and_hangs_up() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    assert!(is(&invite, &Method::Invite));
    assert_eq!(
        invite.from().uri().unwrap().as_str(),
        "sip:carol@example.org"
    );
    bench.respond(&phone, &invite, Status::RINGING, None);
    let answer = sdp_answer(&invite);
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    let ack = bench.request(&phone);
    assert!(is(&ack, &Method::Ack));
    assert_eq!(names(&bench.take(page)).last().unwrap(), "ESTABLISHED");

    bench.hang_up(page, &call_id);
    let bye = bench.request(&phone);
    assert!(is(&bye, &Method::Bye));
    bench.respond(&phone, &bye, Status::OK, None);
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.assert_no_calls();
}

#[test]
fn a_telephone_calls_a_telephone_which_hangs_up() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    bench.dial(&alice, "1002");
    assert_eq!(responses(&mut bench, &alice), [100]);
    let invite = bench.request(&bob);
    bench.respond(&bob, &invite, Status::RINGING, None);
    assert_eq!(responses(&mut bench, &alice), [180]);
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::OK, Some(&answer));
    assert!(is(&bench.request(&bob), &Method::Ack));
    let ok = bench.response(&alice);
    bench.send(&alice, &alice.in_dialog("ACK", &ok, 1));

    let bye = format!(
        "BYE sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/WS phone.invalid;branch=z9hG4bKbye\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1002@example.org>;tag=phone\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        text(invite.headers().value(HeaderName::From)),
        String::from_utf8_lossy(invite.call_id()),
    );
    bench.send(&bob, &bye);
    assert_eq!(bench.response(&bob).status(), Status::OK);
    assert!(is(&bench.request(&alice), &Method::Bye));
    assert_eq!(bench.end_code(), "callee_hung_up");
    bench.assert_no_calls();
}

#[test]
fn a_caller_cancels_while_it_rings() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.dial(&alice, "1002");
    let to_bob = bench.request(&bob);
    bench.respond(&bob, &to_bob, Status::RINGING, None);
    bench.take_sip(&alice);
    let cancel = cancel_of(&invite);
    bench.send(&alice, &cancel);
    assert_eq!(responses(&mut bench, &alice), [200, 487]);
    assert!(is(&bench.request(&bob), &Method::Cancel));
    assert_eq!(bench.end_code(), "cancelled");
    bench.assert_no_calls();
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.dial(&alice, "1002");
    let to_bob = bench.request(&bob);
    bench.respond(&bob, &to_bob, Status::RINGING, None);
    bench.send(&alice, &cancel_of(&invite));
    bench.take_sip(&bob);
    let answer = sdp_answer(&to_bob);
    bench.respond(&bob, &to_bob, Status::OK, Some(&answer));
    assert_eq!(requests(&mut bench, &bob), ["ACK", "BYE"]);
    bench.assert_no_calls();
}

#[test]
fn whoever_does_not_answer_first_hears_that_somebody_else_did() {
    let mut bench = bench();
    let (desk, pocket) = (bench.account_phone("alice"), bench.account_phone("alice"));
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    let (to_desk, to_pocket) = (bench.request(&desk), bench.request(&pocket));
    bench.respond(&desk, &to_desk, Status::RINGING, None);
    bench.respond(&pocket, &to_pocket, Status::RINGING, None);
    let answer = sdp_answer(&to_desk);
    bench.respond(&desk, &to_desk, Status::OK, Some(&answer));
    let cancel = bench.request(&pocket);
    assert!(is(&cancel, &Method::Cancel));
    assert_eq!(
        cancel.headers().text(HeaderName::Reason),
        Some(r#"SIP;cause=200;text="Call completed elsewhere""#)
    );
}

#[test]
fn what_a_telephone_refuses_with_reaches_the_caller() {
    for (status, code, told) in [
        (Status::BUSY_HERE, "busy", 486),
        (Status::DECLINE, "rejected", 603),
        (Status::TEMPORARILY_UNAVAILABLE, "not_signed_in", 480),
        (Status::NOT_ACCEPTABLE_HERE, "refused", 488),
        (Status::SERVER_INTERNAL_ERROR, "refused", 500),
    ] {
        let mut bench = bench();
        let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
        bench.dial(&alice, "1002");
        let invite = bench.request(&bob);
        bench.respond(&bob, &invite, status, None);
        assert_eq!(bench.final_response(&alice).status().code(), told);
        assert_eq!(bench.end_code(), code);
        bench.assert_no_calls();
    }
}

#[test]
fn whom_nobody_knows_cannot_be_called() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.dial(&phone, "nobody");
    let response = bench.final_response(&phone);
    assert_eq!(response.status(), Status::NOT_FOUND);
    let warning = response.headers().text(HeaderName::Warning).unwrap();
    assert!(warning.contains("nobody is not known here"), "{warning}");
}

#[test]
fn a_2xx_is_repeated_until_its_ack_and_the_call_ends_without_one() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.dial(&phone, "carol");
    let (call_id, offer) = bench.incoming(page);
    bench.answer(page, &call_id, &offer);
    bench.take_sip(&phone);
    bench.pass(std::time::Duration::from_millis(1600));
    assert_eq!(responses(&mut bench, &phone), [200, 200]);
    bench.pass(std::time::Duration::from_secs(31));
    let last = bench.take_sip(&phone).pop().and_then(Message::into_request);
    assert!(last.is_some_and(|it| is(&it, &Method::Bye)));
    assert_eq!(
        bench.end_code(),
        EndReason::ConnectionLost(crate::call::end::Side::Caller).code()
    );
}

#[test]
fn a_bye_waits_for_the_ack_of_our_2xx() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.dial(&phone, "carol");
    let (call_id, offer) = bench.incoming(page);
    bench.answer(page, &call_id, &offer);
    bench.take_sip(&phone);
    let ok = {
        bench.pass(std::time::Duration::from_millis(500));
        bench.response(&phone)
    };
    bench.hang_up(page, &call_id);
    assert!(bench.take_sip(&phone).is_empty());
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    assert!(is(&bench.request(&phone), &Method::Bye));
}

#[test]
fn a_request_for_a_dialog_from_somebody_else_is_refused() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.dial(&phone, "carol");
    let (call_id, offer) = bench.incoming(page);
    bench.take_sip(&phone);
    bench.answer(page, &call_id, &offer);
    let ok = bench.response(&phone);
    let stranger = bench.silent_phone("1001", Transport::Ws, "203.0.113.5:4000");
    bench.send(&stranger, &phone.in_dialog("BYE", &ok, 2));
    assert_eq!(
        bench.response(&stranger).status(),
        Status::CALL_DOES_NOT_EXIST
    );
    assert_eq!(bench.switch.status().calls, 1);
}

fn responses(bench: &mut Bench, phone: &super::Phone) -> Vec<u16> {
    let messages = bench.take_sip(phone).into_iter();
    let responses = messages.filter_map(Message::into_response);
    responses.map(|it| it.status().code()).collect()
}

fn requests(bench: &mut Bench, phone: &super::Phone) -> Vec<String> {
    let messages = bench.take_sip(phone).into_iter();
    let requests = messages.filter_map(Message::into_request);
    requests.map(|it| it.method().as_str().to_owned()).collect()
}

pub(super) fn cancel_of(invite: &str) -> String {
    let (head, _) = invite.split_once("\r\n\r\n").unwrap();
    let kept = head
        .lines()
        .filter(|line| !line.starts_with("Content-"))
        .map(|line| match line.starts_with("CSeq: ") {
            true => format!("{}\r\n", line.replacen("INVITE", "CANCEL", 1)),
            false => format!("{}\r\n", line.replacen("INVITE sip:", "CANCEL sip:", 1)),
        });
    format!("{}Content-Length: 0\r\n\r\n", kept.collect::<String>())
}

fn text(value: Option<&[u8]>) -> String {
    String::from_utf8(value.unwrap().to_vec()).unwrap()
}
