//! What the media worker reports, and what people then hear of it.

use std::time::Duration;

use ::media::event::{DirectionStats, Failure, LegStats, StreamCodec, StreamStats};
use ::media::ids::MediaKind;
use ::media::plan::Format;

use super::*;

#[test]
fn media_counts_as_ready_when_it_is_on_both_sides() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.pass(Duration::from_millis(100));
    bench.media(Event::IceConnected(talk.caller_leg));
    bench.media(Event::MediaReady(talk.caller_leg));
    assert!(
        bench
            .take(ann)
            .iter()
            .all(|frame| frame["message"] != "callbox.media")
    );
    bench.pass(Duration::from_millis(200));
    bench.media(Event::MediaReady(talk.callee_leg));
    for page in [ann, ben] {
        let frames = bench.take(page);
        let media = frames
            .iter()
            .find(|frame| frame["message"] == "callbox.media")
            .unwrap();
        assert_eq!(media["data"][0]["ready"], true);
        assert_eq!(media["data"][0]["audio"], "opus");
        assert_eq!(media["data"][0]["video"], "VP8");
    }
    bench.hang_up(ann, &talk.caller_id);
    assert_eq!(bench.records()[0].media_ready_after_ms, Some(300));
}

#[test]
fn each_way_of_failing_ends_the_call_with_its_own_reason() {
    let cases = [
        (
            Failure::NeverReached,
            "media_never_reached",
            "Failed by ICE error",
            "did not reach",
        ),
        (
            Failure::DtlsTimeout,
            "dtls_timeout",
            "Failed by DTLS error",
            "not set up in time",
        ),
        (
            Failure::FingerprintMismatch,
            "dtls_fingerprint",
            "Failed by DTLS fingerprint error",
            "another certificate",
        ),
        (
            Failure::Dtls("alert".into()),
            "dtls_failed",
            "Failed by DTLS error",
            "alert",
        ),
        (
            Failure::ConsentLost,
            "media_path_lost",
            "Failed by ICE error",
            "broke",
        ),
        (
            Failure::RtpInactivity,
            "media_silent",
            "Failed by RTP activity",
            "No sound",
        ),
    ];
    for (failure, code, info, words) in cases {
        let mut bench = bench();
        let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
        let talk = bench.talk(ann, ben, "ben");
        bench.media(Event::Failed(talk.callee_leg, failure));
        for (page, whose) in [(ann, "ben's browser"), (ben, "our browser")] {
            let end = bench.status(page);
            assert_eq!(end["status"], "FAILED", "{code}");
            assert_eq!(end["info"], info);
            let sentence = end["sentence"].as_str().unwrap();
            assert!(sentence.contains(words), "{sentence}");
            assert!(sentence.contains(whose), "{sentence}");
        }
        assert_eq!(bench.end_code(), code);
        bench.assert_no_calls();
        // The other leg fails too, as it must: nothing more comes of it.
        bench.media(Event::Failed(talk.caller_leg, Failure::ConsentLost));
        assert!(bench.records().is_empty());
        assert!(bench.take(ann).is_empty());
    }
}

#[test]
fn a_closed_peer_connection_waits_a_moment_for_the_hangup() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.media(Event::Closed(talk.caller_leg));
    assert!(bench.take(ben).is_empty());
    bench.pass(Duration::from_secs(1));
    bench.hang_up(ann, &talk.caller_id);
    assert_eq!(bench.status(ben)["sentence"], "ann hung up.");
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.pass(Duration::from_secs(5));
    assert!(bench.records().is_empty());
}

#[test]
fn a_page_that_closes_its_media_and_says_nothing_ends_the_call() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.media(Event::Closed(talk.callee_leg));
    bench.pass(Duration::from_secs(2));
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(
        end["sentence"],
        "The browser of ben closed the call's sound and picture."
    );
    assert_eq!(bench.end_code(), "media_closed");
    bench.assert_no_calls();
}

#[test]
fn a_failure_after_the_goodbye_is_the_goodbye() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.media(Event::Closed(talk.callee_leg));
    bench.media(Event::Failed(talk.callee_leg, Failure::ConsentLost));
    assert_eq!(bench.end_code(), "media_closed");
}

#[test]
fn the_other_side_may_hang_up_while_a_leg_is_ending() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.media(Event::Closed(talk.callee_leg));
    bench.hang_up(ann, &talk.caller_id);
    assert_eq!(bench.end_code(), "caller_hung_up");
}

#[test]
fn a_device_whose_media_fails_while_it_rings_leaves_the_others_ringing() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(ann, "bob");
    bench.incoming(desk);
    bench.incoming(sofa);
    bench.media(Event::Failed(LegId(2), Failure::DtlsTimeout));
    assert_eq!(bench.switch.status().legs, 2);
    bench.media(Event::Failed(LegId(3), Failure::DtlsTimeout));
    assert_eq!(bench.last_status(ann)["status"], "FAILED");
    bench.assert_no_calls();
}

#[test]
fn events_of_legs_that_are_gone_are_passed_over() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.hang_up(ann, &talk.caller_id);
    bench.take_commands();
    for leg in [talk.caller_leg, talk.callee_leg, LegId(999)] {
        bench.media(Event::IceConnected(leg));
        bench.media(Event::MediaReady(leg));
        bench.media(Event::FirstPacket(leg, MediaKind::Audio));
        bench.media(Event::Closed(leg));
        bench.media(Event::Failed(leg, Failure::ConsentLost));
        bench.media(Event::Stats(Box::new(stats(leg, 0, 0.0))));
    }
    assert!(bench.take_commands().is_empty());
    assert_eq!(bench.records().len(), 1);
}

pub(super) fn stats(leg: LegId, bytes: u64, lost: f32) -> LegStats {
    let direction = |bytes: u64, fraction_lost: f32| DirectionStats {
        packets: bytes / 100,
        bytes,
        lost: 0,
        fraction_lost,
        jitter: Duration::from_millis(4),
        codec: Some(StreamCodec {
            format: Format::Opus,
            clock_rate: 48_000,
            repeats: false,
        }),
        ..DirectionStats::default()
    };
    LegStats {
        leg,
        streams: vec![StreamStats {
            received: direction(bytes, 0.0),
            sent: direction(bytes / 2, lost),
            reported: true,
            ..StreamStats::new(MediaKind::Audio)
        }],
        round_trip: Some(Duration::from_millis(30)),
        rejected: 0,
    }
}

#[test]
fn our_page_is_told_how_well_media_flows_and_others_are_not() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.media(Event::Stats(Box::new(stats(talk.caller_leg, 8_000, 0.0))));
    bench.take(ann);
    bench.pass(Duration::from_secs(2));
    bench.media(Event::Stats(Box::new(stats(talk.caller_leg, 16_000, 0.15))));
    bench.media(Event::Stats(Box::new(stats(talk.callee_leg, 16_000, 0.0))));
    let frames = bench.take(ann);
    let quality = frames
        .iter()
        .find(|frame| frame["message"] == "callbox.quality")
        .unwrap();
    let quality = &quality["data"][0];
    assert_eq!(quality["callId"], talk.caller_id.as_str());
    assert_eq!(quality["round_trip_ms"], 30.0);
    assert_eq!(quality["streams"][0]["sent"]["kbps"], 32.0);
    assert_eq!(quality["streams"][0]["received"]["kbps"], 16.0);
    assert_eq!(
        quality["words"],
        "poor: 15 % of what you should receive is lost"
    );
    assert!(quality["mos"].as_f64().unwrap() < 3.1);
    assert!(bench.take(ben).is_empty());
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    assert!(calls[0].legs[0].quality.is_some());
}
