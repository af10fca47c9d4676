//! What telephones hear of us: music while they are held, and that it rings.

use media::sound::SoundId;
use sip::message::{HeaderName, Message, Response, Status};

use super::super::{Bench, OFFER_AUDIO, OFFER_VIDEO, config, orders};
use super::partners::{body, desk};
use super::{Phone, sdp_answer};

fn bench(sounds: impl Fn(&mut crate::call::config::Sounds)) -> Bench {
    let mut config = config();
    sounds(&mut config.media.sounds);
    Bench::new(config)
}

fn with_ringback() -> Bench {
    bench(|sounds| sounds.ringback = Some(SoundId(5)))
}

/// Responses but 100: status and description.
fn told(bench: &mut Bench, phone: &Phone) -> Vec<Response> {
    let messages = bench.take_sip(phone).into_iter();
    let responses = messages.filter_map(Message::into_response);
    responses
        .filter(|it| it.status() > Status::TRYING)
        .collect()
}

/// Of sounds.
fn sounds(bench: &mut Bench) -> Vec<String> {
    let all = orders(&bench.take_commands()).into_iter();
    all.filter(|it| it.starts_with("play") || it.starts_with("stop"))
        .collect()
}

#[test]
fn a_telephone_that_is_held_hears_music() {
    let mut bench = bench(|sounds| sounds.music_on_hold = Some(SoundId(4)));
    let one = bench.udp_phone("1001");
    let other = bench.udp_phone("1002");
    bench.open_ports(8);
    bench.dial_with(&one, "1002", "", &desk("0 8", "sendrecv"));
    let invite = bench.request(&other);
    bench.respond(&other, &invite, Status::OK, Some(&desk("0 8", "sendrecv")));
    bench.take_sip(&other);
    let ok = bench.final_response(&one);
    bench.send(&one, &one.in_dialog("ACK", &ok, 1));
    bench.take_commands();
    let offer = desk("0 8", "sendonly").replace("o=- 1 1", "o=- 1 2");
    bench.send(&one, &one.in_dialog_with("INVITE", &ok, 2, "", &offer));
    let held = sounds(&mut bench);
    assert_eq!(held[held.len() - 2..], ["stop 1", "play 2 4"]);
    let reinvite = bench.request(&other);
    assert!(
        body(&reinvite).contains("a=sendonly"),
        "what it is offered lets it hear"
    );
    bench.respond(
        &other,
        &reinvite,
        Status::OK,
        Some(&desk("0 8", "recvonly")),
    );
    assert!(!sounds(&mut bench).contains(&"stop 2".to_owned()));
}

#[test]
fn a_telephone_that_calls_hears_that_it_rings_and_then_whoever_answers() {
    let mut bench = with_ringback();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.take_sip(&alice);
    bench.take_commands();
    bench.respond(&bob, &invite, Status::RINGING, None);
    let heard = told(&mut bench, &alice);
    let [early] = &heard[..] else {
        panic!("one response");
    };
    assert_eq!(early.status(), Status::SESSION_PROGRESS);
    assert!(!early.body().is_empty());
    assert_eq!(
        orders(&bench.take_commands()),
        ["add 1", "watch 1 false", "play 1 5"]
    );
    bench.respond(&bob, &invite, Status::RINGING, None);
    assert!(told(&mut bench, &alice).is_empty());
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::OK, Some(&answer));
    let ok = bench.final_response(&alice);
    assert_eq!(ok.body(), early.body(), "he has his answer");
    let media = orders(&bench.take_commands());
    let stop = media
        .iter()
        .position(|it| it == "stop 1")
        .expect("it stops");
    let patch = media.iter().position(|it| it == "patch 2 1");
    assert!(patch.is_some_and(|patch| stop < patch), "{media:?}");
    bench.send(&alice, &alice.in_dialog("ACK", &ok, 1));
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn early_media_of_the_callee_takes_the_place_of_the_ringing_tone_when_it_is_heard() {
    let mut bench = with_ringback();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "", &bob);
    bench.respond(&bob, &invite, Status::RINGING, None);
    bench.take_sip(&alice);
    bench.take_commands();
    let answer = sdp_answer(&invite);
    bench.respond(&bob, &invite, Status::SESSION_PROGRESS, Some(&answer));
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 2 1".to_owned()), "{media:?}");
    assert!(
        !media.contains(&"stop 1".to_owned()),
        "a description is no sound"
    );
}

#[test]
fn a_telephone_is_told_by_a_word_that_it_rings_where_the_tone_would_change_the_call() {
    let rings = |mut bench: Bench, offer: &str, headers: &str| {
        let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
        bench.dial_with(&alice, "1002", headers, offer);
        let invite = bench.request(&bob);
        bench.take_sip(&alice);
        bench.take_commands();
        bench.respond(&bob, &invite, Status::RINGING, None);
        let told = told(&mut bench, &alice);
        assert!(sounds(&mut bench).is_empty());
        let told = told.iter().map(|it| (it.status(), it.body().is_empty()));
        assert_eq!(told.collect::<Vec<_>>(), [(Status::RINGING, true)]);
    };
    rings(super::super::bench(), OFFER_AUDIO, "");
    rings(with_ringback(), OFFER_VIDEO, "");
    rings(with_ringback(), "", "");
}

#[test]
fn a_ringing_tone_is_announced_reliably_to_who_asks_for_it() {
    let mut bench = with_ringback();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let invite = bench.phone_calls(&alice, "Supported: 100rel\r\n", &bob);
    bench.take_sip(&alice);
    bench.respond(&bob, &invite, Status::RINGING, None);
    let early = bench.response(&alice);
    let rseq = early.headers().text(HeaderName::RSeq).expect("reliably");
    bench.respond(&bob, &invite, Status::OK, Some(&sdp_answer(&invite)));
    assert!(bench.take_sip(&alice).is_empty(), "the 2xx waits");
    let rack = format!("RAck: {rseq} 1 INVITE\r\n");
    bench.send(&alice, &alice.in_dialog_with("PRACK", &early, 2, &rack, ""));
    let told = told(&mut bench, &alice);
    assert!(
        told.iter()
            .all(|it| it.status() == Status::OK && it.body().is_empty())
    );
    assert_eq!(told.len(), 2, "of PRACK and INVITE");
}
