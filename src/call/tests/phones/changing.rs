//! Sessions that change within their dialogs.

use std::time::Duration;

use sip::message::{HeaderName, Message, Method, Status};

use super::super::{OFFER_AUDIO, bench, names, orders};
use super::{is, sdp_answer};

fn held(sdp: &str) -> String {
    let anew = sdp.replace("a=sendrecv", "a=sendonly");
    assert_ne!(anew, sdp);
    anew
}

#[test]
fn a_telephone_holds_and_resumes_by_re_invite() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, _, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.take_commands();

    let hold = phone.in_dialog_with("INVITE", &ok, 2, "", &held(OFFER_AUDIO));
    bench.send(&phone, &hold);
    let held = bench.final_response(&phone);
    assert_eq!(held.status(), Status::OK);
    let answer = String::from_utf8(held.body().to_vec()).unwrap();
    assert!(answer.contains("a=recvonly"), "{answer}");
    assert_eq!(version(&answer), version_of(&ok) + 1);
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"unpatch 1 2".to_owned()), "{media:?}");
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 2));

    let resume = phone.in_dialog_with("INVITE", &ok, 3, "", OFFER_AUDIO);
    bench.send(&phone, &resume);
    let resumed = bench.final_response(&phone);
    let answer = String::from_utf8(resumed.body().to_vec()).unwrap();
    assert!(answer.contains("a=sendrecv"), "{answer}");
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 1 2".to_owned()), "{media:?}");
}

#[test]
fn an_update_without_a_description_changes_nothing() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, page, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.take_commands();
    bench.send(&phone, &phone.in_dialog("UPDATE", &ok, 2));
    let response = bench.final_response(&phone);
    assert_eq!(response.status(), Status::OK);
    assert!(response.body().is_empty());
    assert!(bench.take_commands().is_empty());
    assert!(bench.take(page).is_empty());
}

#[test]
fn an_offer_that_cannot_be_read_is_refused_and_the_call_goes_on() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, _, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.send(
        &phone,
        &phone.in_dialog_with("INVITE", &ok, 2, "", "nonsense"),
    );
    let response = bench.final_response(&phone);
    assert_eq!(response.status(), Status::NOT_ACCEPTABLE_HERE);
    assert!(response.headers().has(HeaderName::Warning));
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn a_re_invite_without_an_offer_gets_ours_and_the_ack_answers_it() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, _, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.take_commands();
    bench.send(&phone, &phone.in_dialog("INVITE", &ok, 2));
    let response = bench.final_response(&phone);
    let offer = String::from_utf8(response.body().to_vec()).unwrap();
    let answer = super::super::answer_to(&offer);
    bench.send(&phone, &phone.in_dialog_with("ACK", &ok, 2, "", &answer));
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"update 1".to_owned()), "{media:?}");
}

#[test]
fn a_request_out_of_turn_is_refused() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (ok, _, _) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    let hold = phone.in_dialog_with("INVITE", &ok, 2, "", &held(OFFER_AUDIO));
    bench.send(&phone, &hold);
    bench.take_sip(&phone);
    // The first has no ACK yet.
    let again = phone.in_dialog_with("INVITE", &ok, 3, "", OFFER_AUDIO);
    bench.send(&phone, &again);
    let response = bench.final_response(&phone);
    assert_eq!(response.status(), Status::SERVER_INTERNAL_ERROR);
    assert!(response.headers().has(HeaderName::RetryAfter));
}

#[test]
fn a_session_that_nobody_refreshes_ends() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let (ok, page, _) = bench.talk_to_page(&phone, timer, OFFER_AUDIO);
    let said = ok.headers().text(HeaderName::SessionExpires).unwrap();
    assert_eq!(said, "90;refresher=uac");
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.pass(Duration::from_secs(50));
    bench.send(&phone, &phone.in_dialog_with("UPDATE", &ok, 2, timer, ""));
    assert_eq!(bench.final_response(&phone).status(), Status::OK);
    bench.pass(Duration::from_secs(55));
    assert_eq!(bench.switch.status().calls, 1, "it was refreshed");
    bench.pass(Duration::from_secs(35));
    assert!(is(&bench.request(&phone), &Method::Bye));
    assert_eq!(names(&bench.take(page)).last().unwrap(), "FAILED");
    bench.assert_no_calls();
}

#[test]
fn a_session_that_is_ours_to_refresh_is_refreshed() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: UPDATE\r\n";
    let (ok, _, _) = bench.talk_to_page(&phone, timer, OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.pass(Duration::from_secs(46));
    let update = bench.request(&phone);
    assert!(is(&update, &Method::Update));
    bench.respond_with(
        &phone,
        &update,
        Status::OK,
        "Session-Expires: 90;refresher=uac",
    );
    bench.pass(Duration::from_secs(46));
    let update = bench.request(&phone);
    assert!(is(&update, &Method::Update), "and again");
    bench.respond(&phone, &update, Status::CALL_DOES_NOT_EXIST, None);
    assert_eq!(bench.end_code(), "connection_lost");
}

#[test]
fn an_interval_that_is_too_short_is_refused_with_the_least() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.guest("carol");
    let timer = "Supported: timer\r\nSession-Expires: 30\r\n";
    bench.dial_with(&phone, "carol", timer, OFFER_AUDIO);
    let response = bench.final_response(&phone);
    assert_eq!(response.status(), Status::SESSION_INTERVAL_TOO_SMALL);
    assert_eq!(response.headers().text(HeaderName::MinSe), Some("90"));
}

/// RFC 4028 7.3
#[test]
fn who_is_called_is_invited_again_with_the_interval_that_it_asks_for() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let first = bench.request(&phone);
    let too_small = Status::SESSION_INTERVAL_TOO_SMALL;
    bench.respond_with(&phone, &first, too_small, "Min-SE: 3600");
    let sent = bench.take_sip(&phone);
    let mut requests = sent.into_iter().map(|it| it.into_request().unwrap());
    let (ack, again) = (requests.next().unwrap(), requests.next().unwrap());
    assert!(is(&ack, &Method::Ack) && is(&again, &Method::Invite));
    assert_eq!((first.cseq(), again.cseq()), (1, 2));
    assert_eq!(again.call_id(), first.call_id());
    assert_eq!(again.body(), first.body());
    let headers = again.headers();
    assert_eq!(headers.text(HeaderName::SessionExpires), Some("3600"));
    assert_eq!(headers.text(HeaderName::MinSe), Some("3600"));
    let answer = sdp_answer(&again);
    bench.respond(&phone, &again, Status::OK, Some(&answer));
    assert!(is(&bench.request(&phone), &Method::Ack));
    assert_eq!(names(&bench.take(page)).last().unwrap(), "ESTABLISHED");
}

#[test]
fn an_interval_that_never_suffices_ends_the_call() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let too_small = Status::SESSION_INTERVAL_TOO_SMALL;
    for tries in 0.. {
        assert!(tries < 10, "it gives up");
        let sent = bench.take_sip(&phone).pop();
        let Some(invite) = sent.and_then(Message::into_request) else {
            break;
        };
        if is(&invite, &Method::Ack) {
            break;
        }
        bench.respond_with(&phone, &invite, too_small, "Min-SE: 3600");
    }
    assert_eq!(bench.end_code(), "refused");
    bench.assert_no_calls();
}

fn version(sdp: &str) -> u64 {
    let line = sdp.lines().find(|line| line.starts_with("o=")).unwrap();
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

fn version_of(response: &sip::message::Response) -> u64 {
    version(std::str::from_utf8(response.body()).unwrap())
}
