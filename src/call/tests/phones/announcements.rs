//! Telephones that call hear why their call does not come about, and then are refused.

use std::time::Duration;

use media::event::Event;
use media::ids::LegId;
use media::sound::SoundId;
use sip::message::{Message, Response, Status};

use super::super::{Bench, OFFER_AUDIO, OFFER_VIDEO, config, names, orders};
use super::Phone;
use crate::call::config::Announcement;

/// Busy and not known are announced.
fn bench() -> Bench {
    let mut config = config();
    let length = Duration::from_secs(3);
    for (code, sound) in [
        ("busy", SoundId(6)),
        ("not_known", SoundId(7)),
        ("no_answer", SoundId(8)),
    ] {
        let announcement = Announcement { sound, length };
        config.media.sounds.announcements.insert(code, announcement);
    }
    Bench::new(config)
}

/// Responses but 100: status, and whether they describe media.
fn told(bench: &mut Bench, phone: &Phone) -> Vec<(u16, bool)> {
    let messages = bench.take_sip(phone).into_iter();
    let responses = messages.filter_map(Message::into_response);
    let told = responses.map(|it: Response| (it.status().code(), !it.body().is_empty()));
    told.filter(|(status, _)| *status > 100).collect()
}

#[test]
fn a_telephone_hears_that_the_other_is_busy_and_is_refused_when_that_is_said() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.take_commands();
    bench.respond(&bob, &invite, Status::BUSY_HERE, None);
    assert_eq!(told(&mut bench, &alice), [(183, true)]);
    assert_eq!(
        orders(&bench.take_commands()),
        ["remove 2", "add 1", "watch 1 false", "play 1 6"]
    );
    bench.media(Event::SoundEnded(LegId(1)));
    assert_eq!(told(&mut bench, &alice), [(486, false)]);
    assert_eq!(orders(&bench.take_commands()), ["remove 1"]);
    bench.assert_no_calls();
}

#[test]
fn who_dials_what_nobody_has_hears_that_though_there_is_no_call() {
    let mut bench = bench();
    let alice = bench.phone("1001");
    bench.dial(&alice, "4711");
    assert_eq!(told(&mut bench, &alice), [(183, true)]);
    assert_eq!(
        orders(&bench.take_commands()),
        ["add 1", "watch 1 false", "play 1 7"]
    );
    bench.media(Event::SoundEnded(LegId(1)));
    assert_eq!(told(&mut bench, &alice), [(404, false)]);
    bench.assert_no_calls();
}

#[test]
fn an_announcement_that_never_ends_is_ended() {
    let mut bench = bench();
    let alice = bench.phone("1001");
    bench.dial(&alice, "4711");
    bench.take_sip(&alice);
    bench.pass(Duration::from_secs(7));
    assert!(told(&mut bench, &alice).is_empty());
    bench.pass(Duration::from_secs(2));
    assert_eq!(told(&mut bench, &alice), [(404, false)]);
    bench.assert_no_calls();
}

#[test]
fn who_gives_up_during_an_announcement_is_gone_at_once() {
    let mut bench = bench();
    let alice = bench.phone("1001");
    let invite = bench.dial(&alice, "4711");
    bench.take_sip(&alice);
    bench.send(&alice, &super::calling::cancel_of(&invite));
    assert_eq!(told(&mut bench, &alice), [(200, false), (487, false)]);
    bench.assert_no_calls();
}

#[test]
fn a_picture_that_is_offered_is_refused_by_an_announcement() {
    let mut bench = bench();
    let alice = bench.phone("1001");
    bench.dial_with(&alice, "4711", "", OFFER_VIDEO);
    let early = bench
        .take_sip(&alice)
        .pop()
        .and_then(Message::into_response);
    let early = early.expect("early media");
    assert_eq!(early.status().code(), 183);
    let sdp = String::from_utf8(early.body().to_vec()).unwrap();
    assert!(
        sdp.contains("m=audio 4") || sdp.contains("m=audio 9"),
        "{sdp}"
    );
    assert!(sdp.contains("m=video 0 "), "{sdp}");
}

#[test]
fn what_is_not_announced_ends_as_ever() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.respond(&bob, &invite, Status::DECLINE, None);
    assert_eq!(told(&mut bench, &alice), [(603, false)], "no file for it");
    bench.dial_with(&bob, "4711", "", "");
    assert_eq!(
        told(&mut bench, &bob),
        [(404, false)],
        "nothing to hear with"
    );
    let page = bench.guest("carol");
    bench.call_with(page, "4711", OFFER_AUDIO);
    assert!(
        names(&bench.take(page)).contains(&"FAILED".to_owned()),
        "a page has words"
    );
    bench.assert_no_calls();
}
