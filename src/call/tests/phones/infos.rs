//! What telephones are told, and tell, by INFO: keys, and that a picture is wanted anew.

use sip::message::{HeaderName, Message, Method, Status};

use super::super::{Bench, OFFER_AUDIO, OFFER_VIDEO, Page, bench, orders};
use super::{Phone, sdp_answer};
use ::media::event::Event;
use ::media::ids::LegId;

/// A page talks with a telephone that it called; the call's name there. Legs: 1 and 2.
fn called(bench: &mut Bench, phone: &Phone, events: bool) -> (Page, String) {
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, &phone.user, OFFER_AUDIO);
    let invite = bench.request(phone);
    let mut answer = sdp_answer(&invite);
    assert!(answer.contains("telephone-event"), "{answer}");
    if !events {
        let kept = answer
            .lines()
            .filter(|line| !line.contains("telephone-event"));
        answer = kept.map(|line| format!("{line}\r\n")).collect();
    }
    bench.respond(phone, &invite, Status::OK, Some(&answer));
    bench.take_sip(phone);
    bench.take_commands();
    (page, call_id)
}

fn infos(bench: &mut Bench, phone: &Phone) -> Vec<String> {
    let messages = bench.take_sip(phone).into_iter();
    let requests = messages.filter_map(Message::into_request);
    let infos = requests.filter(|it| it.method() == &Method::Info);
    infos
        .map(|info| {
            let kind = info.headers().text(HeaderName::ContentType);
            assert_eq!(kind, Some("application/dtmf-relay"));
            let body = String::from_utf8_lossy(info.body()).into_owned();
            body.lines().next().unwrap_or_default().to_owned()
        })
        .collect()
}

fn press(bench: &mut Bench, page: Page, call_id: &str, digits: &str) {
    let key = serde_json::json!({ "callId": call_id, "type": "RFC2833", "dtmf": digits });
    bench.say(page, "sendDtmf", key);
}

#[test]
fn keys_reach_a_telephone_by_info_only_if_it_knows_no_events() {
    for (events, told, media) in [
        (true, &[][..], &["dtmf 2 1#"][..]),
        (false, &["Signal=1", "Signal=#"][..], &[][..]),
    ] {
        let mut bench = bench();
        let phone = bench.phone("1001");
        let (page, call_id) = called(&mut bench, &phone, events);
        press(&mut bench, page, &call_id, "1#");
        assert_eq!(infos(&mut bench, &phone), told);
        assert_eq!(orders(&bench.take_commands()), media);
    }
}

#[test]
fn keys_that_were_heard_in_the_sound_are_told_by_info_to_who_knows_no_events() {
    for (events, told) in [(true, &[][..]), (false, &["Signal=5"][..])] {
        let mut bench = bench();
        let phone = bench.phone("1001");
        called(&mut bench, &phone, events);
        let callers = bench.switch.calls.iter().next().unwrap().talk().unwrap();
        let (caller, callee) = (callers.caller_leg, callers.callee_leg);
        bench.media(Event::Digit(caller, '5'));
        // Its own it knows.
        bench.media(Event::Digit(callee, '6'));
        bench.media(Event::Digit(LegId(99), '7'));
        assert_eq!(infos(&mut bench, &phone), told);
    }
}

#[test]
fn a_telephone_that_cannot_show_the_picture_gets_a_whole_one() {
    const BODY: &str = "<?xml version=\"1.0\"?><media_control><vc_primitive><to_encoder>\
        <picture_fast_update/></to_encoder></vc_primitive></media_control>";
    for (offer, wanted) in [(OFFER_VIDEO, &["keyframe 1"][..]), (OFFER_AUDIO, &[][..])] {
        let mut bench = bench();
        let phone = bench.phone("1001");
        let (ok, ..) = bench.talk_to_page(&phone, "", offer);
        bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
        bench.take_commands();
        let info = phone
            .in_dialog_with("INFO", &ok, 2, "", BODY)
            .replace("application/sdp", "application/media_control+xml");
        bench.send(&phone, &info);
        assert_eq!(bench.response(&phone).status(), Status::OK);
        assert_eq!(orders(&bench.take_commands()), wanted);
    }
}

#[test]
fn a_telephone_that_takes_no_feedback_is_asked_for_a_whole_picture_by_info() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    called(&mut bench, &phone, true);
    bench.media(Event::KeyframeWanted(LegId(2)));
    let info = bench.request(&phone);
    assert_eq!(info.method(), &Method::Info);
    let kind = info.headers().text(HeaderName::ContentType);
    assert_eq!(kind, Some("application/media_control+xml"));
    let body = String::from_utf8_lossy(info.body()).into_owned();
    assert!(body.contains("<picture_fast_update/>"), "{body}");
    // It does not know what that is.
    bench.respond(&phone, &info, Status::UNSUPPORTED_MEDIA_TYPE, None);
    assert_eq!(bench.switch.status().established, 1);
    // Pages are asked by media, and what is not there by nobody.
    for leg in [1, 99] {
        bench.media(Event::KeyframeWanted(LegId(leg)));
        assert!(bench.take_sip(&phone).is_empty());
    }
}
