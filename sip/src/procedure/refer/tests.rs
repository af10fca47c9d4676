use std::time::Instant;

use proptest::prelude::*;

use super::super::subscribe::Subscribe;
use super::super::tests::{dialogs, request, response, s, sent, start};
use super::*;
use crate::dialog::{Dialog, Role, Stage};
use crate::message::Method;

fn refer(rows: &str) -> Request {
    request("REFER", 7, "bo", rows, "")
}

fn read(rows: &str) -> Refer {
    Refer::read(&refer(rows)).unwrap()
}

fn refused(rows: &str) -> u16 {
    Refer::read(&refer(rows)).unwrap_err().status.code()
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

fn notify(rows: &str, body: &str) -> Request {
    let rows = format!("Content-Type: message/sipfrag;version=2.0\n{rows}");
    request("NOTIFY", 8, "bo", &rows, body)
}

fn active(body: &str) -> Request {
    let rows = "Event: refer;id=7\nSubscription-State: active;expires=60\n";
    notify(rows, body)
}

fn terminated(body: &str) -> Request {
    let rows = "Event: refer\nSubscription-State: terminated;reason=noresource\n";
    notify(rows, body)
}

fn accepted(rows: &str) -> crate::message::Response {
    response(202, "7 REFER", rows, "")
}

/// The NOTIFY that is due now: Subscription-State and body.
fn told(referral: &mut Referral, now: Instant, dialog: &mut Dialog) -> Option<(String, String)> {
    let notify = sent(referral.handle_timeout(now, dialog)?);
    let state = notify.headers().text(HeaderName::SubscriptionState);
    let body = String::from_utf8_lossy(notify.body()).into_owned();
    Some((state.unwrap().to_owned(), body))
}

fn tells(state: &str, body: &str) -> Option<(String, String)> {
    Some((state.to_owned(), format!("SIP/2.0 {body}\r\n")))
}

fn referral(now: Instant) -> Referral {
    Referral::new(now, &read("Refer-To: <sip:c@d>\n"), true)
}

#[test]
fn a_blind_transfer_is_read() {
    let refer = read("Refer-To: Carol <sip:carol@example.com;x=1;method=INVITE?Subject=hi>\n");
    assert_eq!(refer.target.as_str(), "sip:carol@example.com;x=1");
    assert_eq!((refer.replaces, refer.referred_by), (None, None));
    assert_eq!((refer.subscribes, refer.id), (true, 7));
    let refer =
        read("r: tel:+15551234\nb: <sip:alice@example.com>;cid=\"1@a\"\nRefer-Sub: false\n");
    assert_eq!(refer.target.as_str(), "tel:+15551234");
    assert_eq!(
        refer.referred_by.as_deref(),
        Some("<sip:alice@example.com>;cid=\"1@a\"")
    );
    assert!(!refer.subscribes);
}

#[test]
fn an_attended_transfer_names_the_call_as_the_one_to_be_called_knows_it() {
    let refer =
        read("Refer-To: <sip:c@d?Replaces=12345%40host%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>\n");
    assert_eq!(refer.target.as_str(), "sip:c@d");
    let replaced = refer.replaces.unwrap();
    assert_eq!(replaced.dialog.call_id, "12345@host");
    assert_eq!(replaced.dialog.local_tag, "12345");
    assert_eq!(replaced.dialog.remote_tag, "5FFE-3994");
    assert!(!replaced.early_only);
}

#[test]
fn what_is_no_call_or_malformed_is_refused() {
    assert_eq!(refused(""), 400);
    assert_eq!(refused("Refer-To: <sip:a@b>, <sip:c@d>\n"), 400);
    assert_eq!(refused("Refer-To: <sip:a@b:99999>\n"), 400);
    assert_eq!(refused("Refer-To: <sip:a@b;method=BYE>\n"), 403);
    assert_eq!(refused("Refer-To: <sip:a@b;method=invite>\n"), 403);
    assert_eq!(refused("Refer-To: <http://example.com>\n"), 416);
    assert_eq!(refused("Refer-To: <sip:a@b>\nReferred-By: <x\n"), 400);
    assert_eq!(refused("Refer-To: <sip:a@b>\nRefer-Sub: perhaps\n"), 400);
    let replaces = "Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2";
    let twice = format!("Refer-To: <sip:a@b?{replaces}&{replaces}>\n");
    assert_eq!(refused(&twice), 400);
    assert_eq!(
        refused("Refer-To: <sip:a@b?Replaces=a%3Bto-tag%3D1>\n"),
        400
    );
}

#[test]
fn s26_nothing_in_a_refer_to_becomes_a_header_of_ours() {
    let injected = "Replaces=a%0D%0AEvil:%201%3Bto-tag%3D1%3Bfrom-tag%3D2";
    assert_eq!(refused(&format!("Refer-To: <sip:a@b?{injected}>\n")), 400);
    let injected = "Replaces=a%3Bto-tag%3D1%0D%0AEvil:1%3Bfrom-tag%3D2";
    assert_eq!(refused(&format!("Refer-To: <sip:a@b?{injected}>\n")), 400);
    let refer = read("Refer-To: <sip:a@b?Route=%3Csip:evil%3E&body=x&From=mallory>\n");
    assert_eq!(refer.target.as_str(), "sip:a@b");
    assert_eq!(refer.replaces, None);
}

#[test]
fn what_we_ask_for_is_read_as_the_same() {
    let (mut alice, bob) = dialogs();
    let (target, by) = (
        uri("sip:carol@example.com?a=b"),
        uri("sip:alice@example.com"),
    );
    let replaced = Replaced::naming(&bob);
    assert_eq!(&replaced.dialog, alice.id(), "as Bob's far side knows it");
    let order = ReferTo {
        target: &target,
        replaces: Some(&replaced),
        referred_by: Some(&by),
        subscribe: false,
    };
    let request = sent(order.write(alice.request(Method::Refer)));
    let read = Refer::read(&request).unwrap();
    assert_eq!(read.target.as_str(), "sip:carol@example.com");
    assert_eq!(read.replaces, Some(replaced));
    assert_eq!(read.referred_by.as_deref(), Some("<sip:alice@example.com>"));
    assert!(!read.subscribes);
    let plain = ReferTo {
        target: &uri("tel:+1555"),
        replaces: None,
        referred_by: None,
        subscribe: true,
    };
    let request = sent(plain.write(alice.request(Method::Refer)));
    assert_eq!(
        request.headers().text(HeaderName::ReferTo),
        Some("<tel:+1555>")
    );
    assert!(Refer::read(&request).unwrap().subscribes);
}

#[test]
fn rfc3891_3_replaces_is_judged_where_it_stands_and_by_what_it_names() {
    let replaces = "Replaces: c9;to-tag=1;from-tag=2;early-only\n";
    let of = |method: &str, rows: &str| Replaced::of_request(&request(method, 1, "", rows, ""));
    assert_eq!(of("INVITE", ""), Ok(None));
    let early = of("INVITE", replaces).unwrap().unwrap();
    assert_eq!(early.value(), b"c9;to-tag=1;from-tag=2;early-only");
    let join = format!("{replaces}Join: c;to-tag=1;from-tag=2\n");
    for (method, rows) in [
        ("REFER", replaces),
        ("INVITE", &*join),
        ("INVITE", "Replaces: c9;to-tag=1\n"),
    ] {
        assert_eq!(of(method, rows).unwrap_err().status.code(), 400);
    }
    let any = Replaced {
        early_only: false,
        ..early.clone()
    };
    let refusal = |replaced: &Replaced, role, stage| {
        let refused = replaced.may_replace(role, stage).err()?;
        Some(refused.status.code())
    };
    assert_eq!(refusal(&any, Role::Uas, Stage::Confirmed), None);
    assert_eq!(refusal(&any, Role::Uac, Stage::Early), None);
    assert_eq!(refusal(&any, Role::Uas, Stage::Early), Some(481));
    assert_eq!(refusal(&early, Role::Uac, Stage::Confirmed), Some(486));
    assert_eq!(refusal(&early, Role::Uac, Stage::Early), None);
}

#[test]
fn rfc3515_2_4_4_the_sender_hears_each_step_and_the_end() {
    let (start, (_, mut bob)) = (start(), dialogs());
    let mut referral = referral(start);
    assert_eq!(referral.poll_timeout(), Some(start));
    assert_eq!(
        told(&mut referral, start, &mut bob),
        tells("active;expires=180", "100 Trying")
    );
    referral.progress(start + s(1), Status::RINGING);
    assert_eq!(
        told(&mut referral, start + s(1), &mut bob),
        tells("active;expires=179", "180 Ringing")
    );
    referral.progress(start + s(2), Status::RINGING);
    assert_eq!(told(&mut referral, start + s(2), &mut bob), None, "no news");
    referral.progress(start + s(3), Status::OK);
    referral.progress(start + s(3), Status::BUSY_HERE);
    assert_eq!(
        told(&mut referral, start + s(3), &mut bob),
        tells("terminated;reason=noresource", "200 OK")
    );
    assert!(referral.is_over());
    referral.progress(start + s(4), Status::BUSY_HERE);
    assert_eq!(told(&mut referral, start + s(4), &mut bob), None);
}

#[test]
fn a_referral_whose_time_is_over_says_what_it_last_knew() {
    let (start, (_, mut bob)) = (start(), dialogs());
    let mut referral = referral(start);
    told(&mut referral, start, &mut bob);
    referral.progress(start, Status::RINGING);
    told(&mut referral, start, &mut bob);
    assert_eq!(referral.poll_timeout(), Some(start + s(180)));
    assert_eq!(
        told(&mut referral, start + s(180), &mut bob),
        tells("terminated;reason=timeout", "180 Ringing")
    );
    assert_eq!(referral.poll_timeout(), None);
}

#[test]
fn steps_without_end_are_told_up_to_a_limit_and_the_end_is_always_told() {
    let (start, (_, mut bob)) = (start(), dialogs());
    let mut referral = referral(start);
    let mut count = 0;
    for step in 0..1000 {
        let status = [Status::RINGING, Status::SESSION_PROGRESS][step % 2];
        referral.progress(start, status);
        count += usize::from(told(&mut referral, start, &mut bob).is_some());
    }
    assert_eq!(count, 16);
    referral.progress(start, Status::DECLINE);
    assert_eq!(
        told(&mut referral, start, &mut bob),
        tells("terminated;reason=noresource", "603 Decline")
    );
}

#[test]
fn rfc3515_2_4_6_a_second_refer_of_a_dialog_is_told_by_its_number() {
    let (start, (_, mut bob)) = (start(), dialogs());
    let refer = read("Refer-To: <sip:c@d>\n");
    for (first, event) in [(true, "refer"), (false, "refer;id=7")] {
        let mut referral = Referral::new(start, &refer, first);
        let notify = sent(referral.handle_timeout(start, &mut bob).unwrap());
        assert_eq!(notify.headers().text(HeaderName::Event), Some(event));
    }
}

#[test]
fn the_sender_may_renew_or_end_the_subscription() {
    let (start, (_, mut bob)) = (start(), dialogs());
    let mut referral = referral(start);
    told(&mut referral, start, &mut bob);
    let subscribe =
        |rows: &str| Subscribe::read(&request("SUBSCRIBE", 9, "bo", rows, ""), &[&REFER]).unwrap();
    let other = subscribe("Event: refer;id=3\nExpires: 0\n");
    assert!(!referral.handle_subscribe(start, &other));
    let renew = subscribe("Event: refer\nExpires: 100000\n");
    assert!(referral.handle_subscribe(start, &renew));
    assert_eq!(
        told(&mut referral, start, &mut bob),
        tells("active;expires=600", "100 Trying")
    );
    let end = subscribe("Event: refer\nExpires: 0\n");
    assert!(referral.handle_subscribe(start, &end));
    assert_eq!(
        told(&mut referral, start, &mut bob),
        tells("terminated;reason=timeout", "100 Trying")
    );
    assert!(referral.is_over());
}

#[test]
fn a_sender_that_is_gone_is_told_nothing_more() {
    let start = start();
    let mut referral = referral(start);
    referral.handle_response(&response(481, "1 NOTIFY", "", ""));
    assert!(referral.is_over());
    assert_eq!(referral.poll_timeout(), None);
}

#[test]
fn rfc4488_4_a_refer_without_subscription_is_answered_as_such() {
    let request = refer("Refer-To: <sip:c@d>\nRefer-Sub: false\n");
    let read = Refer::read(&request).unwrap();
    let builder = read.write(ResponseBuilder::new(&request, Status::ACCEPTED));
    let accepted = builder.build().unwrap();
    assert_eq!(accepted.headers().get(), Ok(Some(ReferSub(false))));
    let mut transfer = Transfer::new(start(), 7);
    assert_eq!(
        transfer.handle_response(start(), &accepted),
        Some(News::Done(Outcome::Unknown))
    );
    assert_eq!(transfer.poll_timeout(), None);
}

#[test]
fn we_hear_of_acceptance_steps_and_the_end() {
    let (start, mut transfer) = (start(), Transfer::new(start(), 7));
    let trying = response(100, "7 REFER", "", "");
    assert_eq!(transfer.handle_response(start, &trying), None);
    let news = transfer.handle_response(start, &accepted(""));
    assert_eq!(news, Some(News::Accepted));
    let news = |transfer: &mut Transfer, notify| transfer.handle_notify(start, &notify).unwrap();
    assert_eq!(news(&mut transfer, active("SIP/2.0 100 Trying\n")), None);
    assert_eq!(
        news(&mut transfer, active("SIP/2.0 180 Ringing\n")),
        Some(News::Progress(Status::RINGING))
    );
    assert_eq!(
        news(&mut transfer, terminated("SIP/2.0 200 OK\n")),
        Some(News::Done(Outcome::Answered(Status::OK)))
    );
    assert_eq!(news(&mut transfer, terminated("SIP/2.0 200 OK\n")), None);
    assert_eq!(transfer.handle_response(start, &accepted("")), None);
}

#[test]
fn rfc6665_4_4_1_a_notification_may_come_before_the_response() {
    let (start, mut transfer) = (start(), Transfer::new(start(), 7));
    let news = transfer.handle_notify(start, &active("SIP/2.0 100 Trying\n"));
    assert_eq!(news, Ok(Some(News::Accepted)));
    assert_eq!(transfer.handle_response(start, &accepted("")), None);
    assert_eq!(transfer.poll_timeout(), Some(start + s(60)));
}

#[test]
fn a_far_side_that_falls_silent_or_never_ends_is_not_waited_for_for_ever() {
    let start = start();
    let unknown = Some(News::Done(Outcome::Unknown));
    let mut silent = Transfer::new(start, 7);
    silent.handle_response(start, &accepted(""));
    assert_eq!(silent.handle_timeout(start + s(31)), None);
    assert_eq!(silent.handle_timeout(start + s(32)), unknown);
    assert_eq!(silent.poll_timeout(), None);
    let mut endless = Transfer::new(start, 7);
    let mut now = start;
    while endless.handle_timeout(now).is_none() {
        endless
            .handle_notify(now, &active("SIP/2.0 100 Trying\n"))
            .unwrap();
        now += s(10);
    }
    assert_eq!(now, start + s(300));
}

#[test]
fn a_refusal_and_an_end_without_a_status_are_told_apart() {
    let start = start();
    let mut refused = Transfer::new(start, 7);
    let declined = response(603, "7 REFER", "", "");
    assert_eq!(
        refused.handle_response(start, &declined),
        Some(News::Done(Outcome::Refused(Status::DECLINE)))
    );
    for body in ["", "SIP/2.0 180 Ringing\n"] {
        let mut transfer = Transfer::new(start, 7);
        let news = transfer.handle_notify(start, &terminated(body));
        assert_eq!(news, Ok(Some(News::Done(Outcome::Unknown))));
    }
}

#[test]
fn a_notification_that_is_not_ours_or_malformed_is_refused_and_changes_nothing() {
    let start = start();
    let mut transfer = Transfer::new(start, 7);
    let ok = "SIP/2.0 200 OK\n";
    let state = "Subscription-State: terminated\n";
    let plain = format!("Content-Type: text/plain\nEvent: refer\n{state}");
    for (notify, status) in [
        (notify(&format!("Event: dialog\n{state}"), ok), 489),
        (notify(state, ok), 489),
        (notify(&format!("Event: refer;id=8\n{state}"), ok), 481),
        (notify("Event: refer\n", ok), 400),
        (terminated("OK\n"), 400),
        (request("NOTIFY", 8, "bo", &plain, ok), 415),
    ] {
        let refused = transfer.handle_notify(start, &notify).unwrap_err();
        assert_eq!(refused.status.code(), status);
    }
    assert!(transfer.poll_timeout().is_some());
}

#[test]
fn a_status_line_is_read_and_nothing_else_is() {
    assert_eq!(read_sipfrag(b"sip/2.0 486 Busy"), Some(Status::BUSY_HERE));
    assert_eq!(read_sipfrag(b"\r\nSIP/2.0 200\r\nTo: x"), Some(Status::OK));
    for body in [
        "",
        "SIP/2.0",
        "SIP/2.0 20",
        "SIP/2.0 2000",
        "SIP/2.0 700 X",
        "SIP/3.0 200 OK",
    ] {
        assert_eq!(read_sipfrag(body.as_bytes()), None, "{body}");
    }
    let written = write_sipfrag(Status::BUSY_HERE);
    assert_eq!(written, "SIP/2.0 486 Busy Here\r\n");
}

proptest! {
    #[test]
    fn no_refer_to_panics_and_its_target_is_fit_for_a_request(value in "<sips?:[ -~]{1,60}>?") {
        let message = refer(&format!("Refer-To: {value}\n"));
        if let Ok(Refer { target: Uri::Sip(uri), .. }) = Refer::read(&message) {
            prop_assert!(uri.headers().next().is_none());
            prop_assert!(uri.param("method").is_none());
        }
    }

    #[test]
    fn every_dialog_is_named_so_that_it_is_read_again(
        call_id in "[a-zA-Z0-9@.!%*_+`'~()<>:/?{}\\[\\]-]{1,30}",
        tag in "[a-zA-Z0-9.!%*_+`'~-]{1,20}",
        early_only: bool,
    ) {
        prop_assume!(crate::message::is_call_id(call_id.as_bytes()));
        let replaced = Replaced {
            dialog: crate::dialog::DialogId {
                call_id: call_id.into(),
                local_tag: tag.clone().into(),
                remote_tag: tag.into(),
            },
            early_only,
        };
        let order = ReferTo {
            target: &uri("sip:c@d"),
            replaces: Some(&replaced),
            referred_by: None,
            subscribe: true,
        };
        let (mut alice, _) = dialogs();
        let request = sent(order.write(alice.request(Method::Refer)));
        prop_assert_eq!(Refer::read(&request).unwrap().replaces, Some(replaced));
    }
}
