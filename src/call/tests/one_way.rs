//! Calls in which one side is not heard, and how good is what is.

use std::time::Duration;

use ::media::event::{Failure, SilenceCause};
use ::media::ids::MediaKind;

use super::super::end::{Device, EndReason, Names, Side};
use super::super::view::{CallView, HeardView, OneWayView};
use super::media::stats;
use super::*;

fn silent(bench: &mut Bench, leg: LegId, cause: SilenceCause) {
    let silence = Duration::from_millis(2_500);
    bench.media(Event::Silent(leg, MediaKind::Audio, silence, cause));
}

fn call_of(bench: &mut Bench) -> CallView {
    let ApiReply::Calls(mut calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    calls.remove(0)
}

/// The last alarm that a page was told, if its last news of quality had one.
fn alarm(bench: &mut Bench, page: Page) -> Option<String> {
    let frames = bench.take(page);
    let mut news = frames.iter().rev();
    let last = news.find(|frame| frame["message"] == "callbox.quality")?;
    last["data"][0]["alarm"].as_str().map(str::to_owned)
}

fn one_way_notices(bench: &Bench) -> Vec<&OneWayView> {
    let notices = bench.notices.iter();
    let named = notices.filter_map(|notice| match notice {
        Notice::OneWayAudio { one_way, .. } => Some(one_way),
        _ => None,
    });
    named.collect()
}

/// Two pages of ours in a call; media is ready on both sides, and only the caller is heard.
fn half_a_call() -> (Bench, [Page; 2], Talk) {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
    let talk = bench.talk(ann, ben, "ben");
    for leg in [talk.caller_leg, talk.callee_leg] {
        bench.media(Event::IceConnected(leg));
        bench.media(Event::MediaReady(leg));
    }
    bench.media(Event::FirstPacket(talk.caller_leg, MediaKind::Audio));
    (bench, [ann, ben], talk)
}

#[test]
fn who_is_not_heard_is_named_with_the_cause_to_all_whom_it_concerns() {
    let (mut bench, [ann, ben], talk) = half_a_call();
    let callee = talk.callee_leg;
    assert_eq!(call_of(&mut bench).one_way, None);
    silent(&mut bench, callee, SilenceCause::NothingSent);
    let view = call_of(&mut bench).one_way.expect("one way");
    assert_eq!(
        (view.from.as_str(), view.to.as_str()),
        ("ben@example.org", "ann@example.org")
    );
    assert_eq!(view.cause, "nothing_sent");
    assert_eq!(
        view.sentence,
        "ann does not hear ben: ben's browser is connected but sends no sound. Its microphone may \
         be off."
    );
    let told = alarm(&mut bench, ann).expect("the listener is told");
    assert!(
        told.starts_with("You do not hear ben: ben's browser is connected"),
        "{told}"
    );
    let told = alarm(&mut bench, ben).expect("and who is not heard");
    assert!(
        told.starts_with("ann does not hear you: your browser is connected"),
        "{told}"
    );
    assert_eq!(one_way_notices(&bench).len(), 1);
}

#[test]
fn a_side_that_is_heard_again_is_no_alarm_and_a_second_one_is_not_logged() {
    let (mut bench, [ann, _], talk) = half_a_call();
    let callee = talk.callee_leg;
    silent(&mut bench, callee, SilenceCause::Nothing);
    bench.media(Event::FirstPacket(callee, MediaKind::Audio));
    assert_eq!(call_of(&mut bench).one_way, None);
    assert_eq!(alarm(&mut bench, ann), None);
    silent(&mut bench, callee, SilenceCause::Stopped);
    assert!(call_of(&mut bench).one_way.is_some());
    bench.media(Event::Heard(callee, MediaKind::Audio));
    assert_eq!(call_of(&mut bench).one_way, None);
    assert_eq!(one_way_notices(&bench).len(), 1);
    let legs = call_of(&mut bench).legs;
    assert_eq!(
        legs[0].heard.as_ref().map(|heard| heard.one_way_times),
        Some(2)
    );
}

#[test]
fn silence_on_both_sides_is_not_one_way_until_one_is_heard() {
    let (mut bench, _, talk) = half_a_call();
    let (caller, callee) = (talk.caller_leg, talk.callee_leg);
    silent(&mut bench, caller, SilenceCause::Stopped);
    silent(&mut bench, callee, SilenceCause::Nothing);
    assert_eq!(call_of(&mut bench).one_way, None);
    bench.media(Event::Heard(caller, MediaKind::Audio));
    let view = call_of(&mut bench).one_way.expect("one way");
    assert_eq!(view.cause, "nothing_arrived");
}

#[test]
fn who_says_nothing_for_a_while_is_heard_all_the_same() {
    let (mut bench, _, talk) = half_a_call();
    let (caller, callee) = (talk.caller_leg, talk.callee_leg);
    bench.media(Event::FirstPacket(callee, MediaKind::Audio));
    silent(&mut bench, callee, SilenceCause::Paused);
    assert_eq!(call_of(&mut bench).one_way, None);
    silent(&mut bench, caller, SilenceCause::Stopped);
    let view = call_of(&mut bench).one_way.expect("one way");
    assert_eq!(view.from, "ann@example.org");
}

#[test]
fn a_picture_that_does_not_come_is_no_alarm() {
    let (mut bench, _, talk) = half_a_call();
    let callee = talk.callee_leg;
    bench.media(Event::Silent(
        callee,
        MediaKind::Video,
        Duration::from_secs(8),
        SilenceCause::NothingSent,
    ));
    assert_eq!(call_of(&mut bench).one_way, None);
}

#[test]
fn on_hold_nobody_has_to_be_heard() {
    let (mut bench, [ann, ben], talk) = half_a_call();
    let callee = talk.callee_leg;
    silent(&mut bench, callee, SilenceCause::Nothing);
    bench.say(ann, "hold", json!({ "callId": talk.caller_id }));
    assert_eq!(call_of(&mut bench).one_way, None);
    assert_eq!(alarm(&mut bench, ben), None);
    silent(&mut bench, callee, SilenceCause::Nothing);
    assert_eq!(call_of(&mut bench).one_way, None);
}

#[test]
fn a_side_without_a_way_to_the_media_port_is_named_after_two_seconds() {
    for (connected, cause) in [(false, "no_path"), (true, "no_keys")] {
        let mut bench = bench();
        let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
        let talk = bench.talk(ann, ben, "ben");
        bench.media(Event::MediaReady(talk.caller_leg));
        bench.media(Event::FirstPacket(talk.caller_leg, MediaKind::Audio));
        if connected {
            bench.media(Event::IceConnected(talk.callee_leg));
        }
        for second in 1..=2_u64 {
            assert_eq!(call_of(&mut bench).one_way, None);
            bench.pass(Duration::from_secs(1));
            bench.media(Event::Stats(Box::new(stats(
                talk.caller_leg,
                8_000 * second,
                0.0,
            ))));
        }
        assert_eq!(call_of(&mut bench).one_way.expect("one way").cause, cause);
        bench.media(Event::MediaReady(talk.callee_leg));
        bench.pass(Duration::from_secs(1));
        bench.media(Event::Stats(Box::new(stats(talk.caller_leg, 24_000, 0.0))));
        assert_eq!(call_of(&mut bench).one_way, None);
    }
}

#[test]
fn both_directions_are_scored_and_the_record_keeps_average_and_worst() {
    let (mut bench, [ann, _], talk) = half_a_call();
    let (caller, callee) = (talk.caller_leg, talk.callee_leg);
    bench.media(Event::FirstPacket(callee, MediaKind::Audio));
    for second in 1..=4_u64 {
        bench.pass(Duration::from_secs(1));
        // One bad second on the way to the caller.
        let loss = if second == 2 { 0.2 } else { 0.0 };
        bench.media(Event::Stats(Box::new(stats(caller, 8_000 * second, loss))));
        bench.media(Event::Stats(Box::new(stats(callee, 8_000 * second, 0.0))));
    }
    let view = call_of(&mut bench);
    for leg in &view.legs {
        let stream = &leg.quality.as_ref().unwrap().streams[0];
        for direction in [stream.sent, stream.received] {
            assert_eq!(direction.codec, Some("opus"));
            let mos = direction.mos.unwrap();
            assert!((4.2..4.5).contains(&mos), "{mos}");
        }
    }
    bench.hang_up(ann, &talk.caller_id);
    let record = bench.records().remove(0);
    let heard: Vec<&HeardView> = record.call.legs.iter().flat_map(|leg| &leg.heard).collect();
    let (worst, average) = (heard[0].mos_worst.unwrap(), heard[0].mos_average.unwrap());
    assert!(worst < 3.5 && average > worst + 0.5, "{worst} {average}");
    assert!(heard[1].mos_worst.unwrap() > 4.2);
    let ApiReply::Figures(_, figures) = bench.api(ApiAction::Figures) else {
        panic!("figures")
    };
    let scored: u64 = figures.mos["opus"].counts.iter().sum();
    assert_eq!(scored, 8);
    assert_eq!(figures.ends["success"], 1);
}

#[test]
fn a_telephone_that_falls_silent_is_called_a_telephone() {
    let names = |devices| Names {
        caller: "Ann",
        callee: "Ben",
        devices,
    };
    let reason = EndReason::Media(Side::Callee, Failure::RtpInactivity);
    let phone = names([Device::Browser, Device::Telephone]);
    assert_eq!(
        reason.sentence(Side::Caller, phone),
        "No sound or picture came from Ben's telephone for too long. Check microphone and \
         network, then call again."
    );
    assert!(
        reason
            .sentence(Side::Callee, phone)
            .contains("from your telephone")
    );
    let browser = names([Device::Telephone, Device::Browser]);
    assert!(
        reason
            .sentence(Side::Callee, browser)
            .contains("from your browser")
    );
}
