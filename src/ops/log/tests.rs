use super::*;
use crate::call::view::{CallPhase, EndView, OneWayView, RecordingView};

pub(in crate::ops) fn call() -> CallView {
    CallView {
        id: "k3".to_owned(),
        caller: "alice@localhost".to_owned(),
        caller_display_name: "Alice".to_owned(),
        callee: "bob@localhost".to_owned(),
        phase: CallPhase::Established,
        started_ms: 10_000,
        answered_ms: Some(12_150),
        audio: Some("opus".to_owned()),
        video: Some("VP8".to_owned()),
        video_reason: None,
        summary: None,
        transferred_to: None,
        one_way: None,
        recordings: Vec::new(),
        legs: Vec::new(),
    }
}

fn end() -> EndView {
    EndView {
        code: "hung_up",
        cause: "success",
        sip_status: 200,
        info: "Normal call clearing".to_owned(),
        caller_sentence: "Alice hung up.".to_owned(),
        callee_sentence: "Alice hung up.".to_owned(),
    }
}

pub(in crate::ops) fn record(call: CallView) -> CallRecord {
    CallRecord {
        call,
        ended_ms: 46_150,
        talked_ms: 34_000,
        media_ready_after_ms: Some(80),
        digits: 0,
        keys: None,
        end: end(),
    }
}

#[test]
fn an_answered_call_is_one_line_with_time_and_codecs() {
    let (level, line) = sentence(&Notice::CallAnswered(call()));
    let expected =
        "call k3: alice@localhost \u{2192} bob@localhost answered after 2.1 s, opus + VP8";
    assert_eq!((level, line.as_str()), (Level::INFO, expected));
}

#[test]
fn a_missing_picture_is_explained() {
    let mut call = call();
    call.video = None;
    call.video_reason = Some("no common codec".to_owned());
    let (_, line) = sentence(&Notice::CallAnswered(call));
    assert!(
        line.ends_with("opus, no picture: no common codec"),
        "{line}"
    );
}

#[test]
fn an_ended_call_says_how_long_it_was_and_why_it_ended() {
    let (_, line) = sentence(&Notice::CallEnded(record(call())));
    let expected = "call k3: alice@localhost \u{2192} bob@localhost ended after 34.0 s: Alice hung up. (hung_up)";
    assert_eq!(line, expected);
}

#[test]
fn an_ended_call_says_what_each_side_heard() {
    let leg = |user: &str, heard| LegView {
        id: "leg-1".to_owned(),
        user: user.to_owned(),
        caller: false,
        signalling: "wcs",
        state: "ended",
        media: "ready",
        holds: false,
        quality: None,
        heard,
    };
    let good = HeardView {
        codec: Some("opus"),
        mos_average: Some(4.32),
        mos_worst: Some(3.9),
        loss: Some(0.002),
        first_sound_ms: Some(120),
        first_keyframe_ms: None,
        one_way_times: 0,
    };
    let none = HeardView {
        codec: None,
        mos_average: None,
        mos_worst: None,
        loss: None,
        first_sound_ms: None,
        first_keyframe_ms: None,
        one_way_times: 1,
    };
    let mut call = call();
    call.legs = vec![
        leg("alice@localhost", Some(good)),
        leg("bob@localhost", Some(none)),
        leg("cid@localhost", None),
    ];
    let (_, line) = sentence(&Notice::CallEnded(record(call)));
    let expected = "(hung_up); alice@localhost heard opus, MOS 4.3 (worst 3.9), 0.2 % lost, \
                    after 0.1 s; bob@localhost heard nothing, one-way 1x";
    assert!(line.ends_with(expected), "{line}");
}

#[test]
fn one_way_audio_is_a_warning_with_its_cause() {
    let one_way = OneWayView {
        from: "bob@localhost".to_owned(),
        to: "alice@localhost".to_owned(),
        cause: "nothing_arrived",
        sentence: "Alice does not hear Bob: why.".to_owned(),
        since_ms: 0,
    };
    let (level, line) = sentence(&Notice::OneWayAudio {
        call: call(),
        one_way,
    });
    let expected = "call k3: alice@localhost \u{2192} bob@localhost: one-way audio: Alice does \
                    not hear Bob: why.";
    assert_eq!((level, line.as_str()), (Level::WARN, expected));
}

#[test]
fn the_line_about_the_end_names_the_files_in_which_a_call_is_recorded() {
    let mut call = call();
    let recording = |file: &str, state| RecordingView {
        file: file.to_owned(),
        state,
        problem: None,
    };
    call.recordings = vec![
        recording("a-1.ogg", RecordingState::Ended),
        recording("a-2.ogg", RecordingState::Failed),
        recording("a-3.ogg", RecordingState::Ended),
    ];
    let (_, line) = sentence(&Notice::CallEnded(record(call)));
    let end = "(hung_up); recorded in a-1.ogg; not recorded; recorded in a-3.ogg";
    assert!(line.ends_with(end), "{line}");
}
