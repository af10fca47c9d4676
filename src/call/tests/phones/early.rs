//! Early media (RFC 3960): what is to be heard before somebody answers.

use sip::message::{HeaderName, Message, Method, Response, ResponseBuilder, Status};

use super::super::{Bench, OFFER_AUDIO, Page, bench, names, orders};
use super::{Phone, is, sdp_answer};

const RELIABLE: &str = "Supported: 100rel\r\n";

/// Final and provisional responses but 100: status, and whether they describe media.
fn told(bench: &mut Bench, phone: &Phone) -> Vec<(u16, bool)> {
    let responses = all(bench, phone).into_iter();
    let told = responses.map(|it| (it.status().code(), !it.body().is_empty()));
    told.filter(|(status, _)| *status > 100).collect()
}

fn all(bench: &mut Bench, phone: &Phone) -> Vec<Response> {
    let messages = bench.take_sip(phone).into_iter();
    messages.filter_map(Message::into_response).collect()
}

/// Two telephones of alice, whose legs are 3 and 2, and the INVITEs of carol's call to them.
fn forked(bench: &mut Bench) -> (Page, [(Phone, sip::message::Request); 2]) {
    let phones = [bench.account_phone("alice"), bench.account_phone("alice")];
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    bench.take(page);
    let invited = phones.map(|phone| {
        let invite = bench.request(&phone);
        (phone, invite)
    });
    bench.take_commands();
    (page, invited)
}

#[test]
fn a_page_hears_early_media_of_a_telephone_and_gets_no_second_description() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (page, _, invite) = bench.page_calls(&phone);
    assert_eq!(names(&bench.take(page)), ["TRYING", "RING"]);
    bench.take_commands();
    let answer = sdp_answer(&invite);
    bench.respond(&phone, &invite, Status::SESSION_PROGRESS, Some(&answer));
    assert_eq!(names(&bench.take(page)), ["setRemoteSDP", "RING_MEDIA"]);
    assert_eq!(
        orders(&bench.take_commands()),
        [
            "add 1",
            "update 2",
            "watch 1 false",
            "watch 2 false",
            "patch 2 1"
        ],
        "the caller hears and is not heard"
    );
    bench.respond(&phone, &invite, Status::RINGING, None);
    assert!(bench.take(page).is_empty(), "he hears that it rings");
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    assert_eq!(names(&bench.take(page)), ["ESTABLISHED"]);
    let media = orders(&bench.take_commands());
    for expected in ["patch 1 2", "patch 2 1", "watch 1 true", "watch 2 true"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn a_telephone_that_does_not_know_100rel_hears_the_answer_twice() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::SESSION_PROGRESS, Some(&answer));
    let early = bench.response(&alice);
    assert_eq!(early.status(), Status::SESSION_PROGRESS);
    assert_eq!(early.headers().text(HeaderName::RSeq), None);
    bench.respond(&bob, &invite, Status::RINGING, None);
    assert_eq!(told(&mut bench, &alice), [(180, false)]);
    bench.respond(&bob, &invite, Status::OK, Some(&answer));
    let ok = bench.response(&alice);
    assert_eq!(ok.body(), early.body());
    bench.send(&alice, &alice.in_dialog("ACK", &ok, 1));
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn a_telephone_that_knows_100rel_gets_the_answer_once_and_the_2xx_waits_for_its_prack() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, RELIABLE, &bob);
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::SESSION_PROGRESS, Some(&answer));
    let early = bench.response(&alice);
    let rseq = early.headers().text(HeaderName::RSeq).expect("reliably");
    let rack = format!("RAck: {rseq} 1 INVITE\r\n");
    bench.respond(&bob, &invite, Status::OK, Some(&answer));
    assert!(bench.take_sip(&alice).is_empty(), "the 2xx waits");
    bench.send(&alice, &alice.in_dialog_with("PRACK", &early, 2, &rack, ""));
    assert_eq!(told(&mut bench, &alice), [(200, false), (200, false)]);
    bench.send(&alice, &alice.in_dialog("ACK", &early, 1));
    assert_eq!(bench.switch.status().established, 1);
    bench.send(&alice, &alice.in_dialog("BYE", &early, 3));
    assert_eq!(told(&mut bench, &alice), [(200, false)]);
    bench.assert_no_calls();
}

#[test]
fn a_caller_may_cancel_while_the_2xx_waits() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.dial_with(&alice, "1002", RELIABLE, OFFER_AUDIO);
    let to_bob = bench.request(&bob);
    let answer = sdp_answer(&to_bob);
    bench.respond(&bob, &to_bob, Status::SESSION_PROGRESS, Some(&answer));
    bench.respond(&bob, &to_bob, Status::OK, Some(&answer));
    bench.take_sip(&alice);
    bench.take_sip(&bob);
    bench.send(&alice, &super::calling::cancel_of(&invite));
    assert_eq!(told(&mut bench, &alice), [(200, false), (487, false)]);
    assert!(is(&bench.request(&bob), &Method::Bye));
    bench.assert_no_calls();
}

#[test]
fn progress_without_a_description_is_told_as_such() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    for _ in 0..2 {
        bench.respond(&bob, &invite, Status::SESSION_PROGRESS, None);
        bench.respond(&bob, &invite, Status::QUEUED, None);
    }
    assert_eq!(told(&mut bench, &alice), [(183, false)]);
    bench.respond(&bob, &invite, Status::RINGING, None);
    assert_eq!(told(&mut bench, &alice), [(180, false)]);
}

#[test]
fn a_page_is_told_of_progress_and_that_it_rings_after_that() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (page, _, invite) = bench.page_calls(&phone);
    bench.take(page);
    bench.respond(&phone, &invite, Status::SESSION_PROGRESS, None);
    assert_eq!(names(&bench.take(page)), ["SESSION_PROGRESS"]);
    bench.respond(&phone, &invite, Status::RINGING, None);
    assert_eq!(names(&bench.take(page)), ["RING"]);
}

#[test]
fn the_first_early_media_is_heard_until_its_end_and_the_final_answer_wins() {
    let mut bench = bench();
    let (page, [(desk, to_desk), (pocket, to_pocket)]) = forked(&mut bench);
    let answers = [sdp_answer(&to_desk), sdp_answer(&to_pocket)];
    bench.respond(&desk, &to_desk, Status::SESSION_PROGRESS, Some(&answers[0]));
    bench.respond(
        &pocket,
        &to_pocket,
        Status::SESSION_PROGRESS,
        Some(&answers[1]),
    );
    assert_eq!(names(&bench.take(page)), ["setRemoteSDP", "RING_MEDIA"]);
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 3 1".to_owned()), "{media:?}");
    assert!(!media.contains(&"patch 2 1".to_owned()), "{media:?}");
    bench.respond(&desk, &to_desk, Status::BUSY_HERE, None);
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"remove 3".to_owned()), "{media:?}");
    assert!(media.contains(&"patch 2 1".to_owned()), "{media:?}");
    assert!(bench.take(page).is_empty());
    bench.respond(&pocket, &to_pocket, Status::OK, Some(&answers[1]));
    assert_eq!(names(&bench.take(page)), ["ESTABLISHED"]);
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 1 2".to_owned()), "{media:?}");
}

#[test]
fn whoever_answers_is_heard_though_another_was_heard_before() {
    let mut bench = bench();
    let (page, [(desk, to_desk), (pocket, to_pocket)]) = forked(&mut bench);
    let answer = sdp_answer(&to_desk);
    bench.respond(&desk, &to_desk, Status::SESSION_PROGRESS, Some(&answer));
    bench.take_commands();
    let answer = sdp_answer(&to_pocket);
    bench.respond(&pocket, &to_pocket, Status::OK, Some(&answer));
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
    let media = orders(&bench.take_commands());
    for expected in ["patch 1 2", "patch 2 1", "remove 3"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
    assert!(is(&bench.request(&desk), &Method::Cancel));
}

#[test]
fn each_user_agent_behind_a_fork_has_a_dialog_of_its_own_and_may_answer() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (page, call_id, invite) = bench.page_calls(&phone);
    let answer = sdp_answer(&invite);
    let respond = |tag: &str, status, rseq: Option<u32>, bench: &mut Bench| {
        let mut builder = ResponseBuilder::new(&invite, status)
            .to_tag(tag)
            .value(HeaderName::Contact, phone.contact())
            .body("application/sdp", answer.clone());
        if let Some(rseq) = rseq {
            builder = builder
                .value(HeaderName::Require, "100rel")
                .value(HeaderName::RSeq, rseq.to_string());
        }
        let message = Message::Response(Box::new(builder.build().unwrap()));
        let flow = phone.flow;
        bench.handle(super::Input::Sip { flow, message });
        let requests = bench.take_sip(&phone).into_iter();
        let requests = requests.filter_map(Message::into_request);
        let told: Vec<_> = requests
            .map(|it| {
                (
                    it.method().clone(),
                    it.to_tag().unwrap().to_vec(),
                    it.cseq(),
                )
            })
            .collect();
        told
    };
    let prack = |tag: &str| vec![(Method::Prack, tag.as_bytes().to_vec(), 2)];
    let early = Status::SESSION_PROGRESS;
    assert_eq!(respond("one", early, Some(4), &mut bench), prack("one"));
    assert_eq!(respond("two", early, Some(9), &mut bench), prack("two"));
    let ack = vec![(Method::Ack, b"two".to_vec(), 1)];
    assert_eq!(respond("two", Status::OK, None, &mut bench), ack);
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
    // The other accepts, too: it is too late, and its dialog goes on with its numbers.
    let turned_away = vec![
        (Method::Ack, b"one".to_vec(), 1),
        (Method::Bye, b"one".to_vec(), 3),
    ];
    assert_eq!(respond("one", Status::OK, None, &mut bench), turned_away);
    bench.hang_up(page, &call_id);
    bench.assert_no_calls();
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn early_media_that_cannot_be_used_is_passed_over() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (page, _, invite) = bench.page_calls(&phone);
    bench.take(page);
    bench.respond(&phone, &invite, Status::SESSION_PROGRESS, Some("v=0\r\n"));
    assert_eq!(names(&bench.take(page)), ["SESSION_PROGRESS"]);
    let answer = sdp_answer(&invite);
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    assert_eq!(names(&bench.take(page)), ["setRemoteSDP", "ESTABLISHED"]);
}

#[test]
fn a_bye_in_an_early_dialog_is_refused() {
    let mut bench = bench();
    let phone = bench.phone("1002");
    let (_, _, invite) = bench.page_calls(&phone);
    bench.respond(&phone, &invite, Status::RINGING, None);
    let from = String::from_utf8_lossy(invite.headers().value(HeaderName::From).unwrap());
    let bye = format!(
        "BYE sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/WS phone.invalid;branch=z9hG4bKbye\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1002@example.org>;tag=phone\r\nTo: {from}\r\n\
         Call-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        String::from_utf8_lossy(invite.call_id()),
    );
    bench.send(&phone, &bye);
    assert_eq!(bench.response(&phone).status(), Status::CALL_DOES_NOT_EXIST);
    assert_eq!(bench.switch.status().calls, 1);
}
