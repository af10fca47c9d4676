use super::*;
use crate::call::view::{CallPhase, EndView};

fn call() -> CallView {
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
    let record = CallRecord {
        call: call(),
        ended_ms: 46_150,
        talked_ms: 34_000,
        media_ready_after_ms: Some(80),
        digits: 0,
        end: end(),
    };
    let (_, line) = sentence(&Notice::CallEnded(record));
    let expected = "call k3: alice@localhost \u{2192} bob@localhost ended after 34.0 s: Alice hung up. (hung_up)";
    assert_eq!(line, expected);
}
