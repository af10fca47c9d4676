//! What telephones are told, and tell, by INFO: keys, and that a picture is wanted anew.

use sip::message::{HeaderName, Message, Method, Response, ResponseBuilder, Status};

use super::super::{Bench, OFFER_AUDIO, OFFER_VIDEO, Page, bench, config, orders};
use super::{Phone, sdp_answer};
use crate::call::config::SwitchConfig;
use crate::call::io::Input;
use crate::call::view::CallRecord;
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

/// How a side tells of keys and hears of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Events,
    Info,
    Tones,
    Page,
}

const STYLES: [Style; 4] = [Style::Events, Style::Info, Style::Tones, Style::Page];

/// Two sides in a call; their legs are 1 and 2.
struct Keys {
    bench: Bench,
    page: Option<(Page, String)>,
    /// The telephone that called, and its 2xx.
    caller: Option<(Phone, Response)>,
    callee: Option<Phone>,
}

/// A description of who knows events, or of who knows none.
fn described(style: Style, sdp: &str) -> String {
    let knows = matches!(style, Style::Events | Style::Page);
    let kept = sdp
        .lines()
        .filter(|line| knows || !line.contains("telephone-event"));
    kept.map(|line| format!("{line}\r\n")).collect()
}

fn talking(caller: Style, callee: Style) -> Keys {
    talking_at(bench(), caller, callee)
}

fn talking_at(mut bench: Bench, caller: Style, callee: Style) -> Keys {
    let allow = |style| (style == Style::Tones).then_some("INVITE, ACK, BYE");
    let (caller_phone, callee_phone) = (bench.phone("1001"), bench.phone("1002"));
    let answering = bench.guest("dave");
    let called = match callee {
        Style::Page => "dave",
        _ => "1002",
    };
    let mut page = None;
    if caller == Style::Page {
        let calling = bench.guest("carol");
        let call_id = bench.call_with(calling, called, OFFER_AUDIO);
        page = Some((calling, call_id));
    } else {
        let header = allow(caller).map(|it| format!("Allow: {it}\r\n"));
        let offer = described(caller, OFFER_AUDIO);
        bench.dial_with(&caller_phone, called, &header.unwrap_or_default(), &offer);
    }
    if callee == Style::Page {
        let (call_id, offer) = bench.incoming(answering);
        bench.answer(answering, &call_id, &offer);
    } else {
        let invite = bench.request(&callee_phone);
        let mut builder = ResponseBuilder::new(&invite, Status::OK)
            .to_tag("phone")
            .value(HeaderName::Contact, callee_phone.contact())
            .body("application/sdp", described(callee, &sdp_answer(&invite)));
        if let Some(allow) = allow(callee) {
            builder = builder.value(HeaderName::Allow, allow);
        }
        bench.handle(Input::Sip {
            flow: callee_phone.flow,
            message: Message::Response(Box::new(builder.build().unwrap())),
        });
    }
    let mut caller = None;
    if page.is_none() {
        let ok = bench.final_response(&caller_phone);
        assert_eq!(ok.status(), Status::OK);
        bench.send(&caller_phone, &caller_phone.in_dialog("ACK", &ok, 1));
        caller = Some((caller_phone, ok));
    }
    bench.take_sip(&callee_phone);
    bench.take_commands();
    Keys {
        bench,
        page,
        caller,
        callee: (callee != Style::Page).then_some(callee_phone),
    }
}

impl Keys {
    /// The calling side presses a key, for the nth time.
    fn press(&mut self, style: Style, key: char, nth: u32) {
        match (style, &self.page, &self.caller) {
            (Style::Page, Some((page, call_id)), _) => {
                press(&mut self.bench, *page, call_id, &key.to_string());
            }
            (Style::Info, _, Some((phone, ok))) => {
                let body = format!("Signal={key}\r\nDuration=100\r\n");
                let info = phone.in_dialog_with("INFO", ok, 1 + nth, "", &body);
                let info = info.replace("application/sdp", "application/dtmf-relay");
                self.bench.send(phone, &info);
                assert_eq!(self.bench.response(phone).status(), Status::OK);
            }
            _ => self.bench.media(Event::Digit(LegId(1), key)),
        }
    }

    /// The calling telephone hangs up.
    fn over(&mut self) -> CallRecord {
        let (phone, ok) = self.caller.take().unwrap();
        let bye = phone.in_dialog("BYE", &ok, 9);
        self.bench.send(&phone, &bye);
        self.bench.records().remove(0)
    }

    /// What media and signalling were ordered since.
    fn told(&mut self) -> (Vec<String>, Vec<String>) {
        let told = match &self.callee {
            Some(phone) => infos(&mut self.bench, phone),
            None => Vec::new(),
        };
        (orders(&self.bench.take_commands()), told)
    }
}

#[test]
fn a_key_goes_from_any_style_to_any_other_in_one_way_alone() {
    for from in STYLES {
        for to in STYLES {
            let mut keys = talking(from, to);
            keys.press(from, '5', 1);
            let (media, told): (&[&str], &[&str]) = match (from, to) {
                // Media passes events on, and tones are heard.
                (Style::Events, Style::Events | Style::Page) | (Style::Tones, Style::Tones) => {
                    (&[], &[])
                }
                (Style::Tones, Style::Info) => (&["mute 2"], &["Signal=5"]),
                (_, Style::Info) => (&[], &["Signal=5"]),
                _ => (&["dtmf 2 5"], &[]),
            };
            let expected = (media.to_vec(), told.to_vec());
            let (media, told) = keys.told();
            let made = (
                media.iter().map(String::as_str).collect(),
                told.iter().map(String::as_str).collect(),
            );
            assert_eq!(made, expected, "{from:?} to {to:?}");
        }
    }
}

#[test]
fn a_telephone_that_refuses_keys_by_info_is_played_their_tones() {
    for refusal in [
        Status::METHOD_NOT_ALLOWED,
        Status::UNSUPPORTED_MEDIA_TYPE,
        Status::NOT_IMPLEMENTED,
    ] {
        let mut keys = talking(Style::Page, Style::Info);
        keys.press(Style::Page, '5', 1);
        let phone = keys.callee.take().unwrap();
        let info = keys.bench.request(&phone);
        keys.bench.respond(&phone, &info, refusal, None);
        assert_eq!(orders(&keys.bench.take_commands()), ["dtmf 2 5"]);
        keys.press(Style::Page, '6', 2);
        assert_eq!(orders(&keys.bench.take_commands()), ["dtmf 2 6"]);
        assert!(infos(&mut keys.bench, &phone).is_empty());
    }
}

#[test]
fn a_telephone_that_takes_keys_in_the_other_form_gets_them_so() {
    let mut keys = talking(Style::Page, Style::Info);
    keys.press(Style::Page, '#', 1);
    let phone = keys.callee.take().unwrap();
    let info = keys.bench.request(&phone);
    let refusal = Status::UNSUPPORTED_MEDIA_TYPE;
    let accepts = "Accept: application/sdp, application/dtmf";
    keys.bench.respond_with(&phone, &info, refusal, accepts);
    let again = keys.bench.request(&phone);
    let kind = again.headers().text(HeaderName::ContentType);
    assert_eq!(kind, Some("application/dtmf"));
    assert_eq!(again.body().trim_ascii(), b"#");
    keys.bench.respond(&phone, &again, Status::OK, None);
    assert!(keys.bench.take_commands().is_empty());
    // What it refuses then it takes in no form, whatever it says.
    keys.press(Style::Page, '1', 2);
    let info = keys.bench.request(&phone);
    keys.bench.respond_with(&phone, &info, refusal, accepts);
    assert_eq!(orders(&keys.bench.take_commands()), ["dtmf 2 1"]);
}

/// Some do, to be sure.
#[test]
fn a_telephone_that_tells_of_a_key_by_info_and_by_its_tone_presses_it_once() {
    let mut keys = talking(Style::Info, Style::Page);
    keys.press(Style::Tones, '5', 0);
    keys.press(Style::Info, '5', 1);
    assert_eq!(orders(&keys.bench.take_commands()), ["dtmf 2 5"]);
    keys.press(Style::Info, '5', 2);
    keys.press(Style::Tones, '5', 0);
    assert_eq!(orders(&keys.bench.take_commands()), ["dtmf 2 5"]);
}

#[test]
fn the_record_counts_keys_however_they_came() {
    for (style, presses) in [(Style::Events, 2), (Style::Tones, 2), (Style::Info, 2)] {
        let mut keys = talking(style, Style::Page);
        for nth in 1..=presses {
            keys.press(style, '7', nth);
        }
        let record = keys.over();
        assert_eq!((record.digits, record.keys), (presses, None), "{style:?}");
    }
}

#[test]
fn the_record_tells_the_first_keys_where_it_is_to() {
    let told = SwitchConfig {
        records_keys: true,
        ..config()
    };
    let mut keys = talking_at(Bench::new(told), Style::Events, Style::Page);
    for nth in 0..140 {
        let key = if nth % 2 == 0 { '4' } else { '#' };
        keys.press(Style::Events, key, nth);
    }
    let record = keys.over();
    assert_eq!(record.digits, 140);
    assert_eq!(record.keys.unwrap(), "4#".repeat(64));
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
