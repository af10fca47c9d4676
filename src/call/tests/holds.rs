//! Hold and digits.

use serde_json::json;

use super::*;

fn hold(bench: &mut Bench, page: Page, call_id: &str) {
    bench.say(page, "hold", json!({ "callId": call_id }));
}

fn unhold(bench: &mut Bench, page: Page, call_id: &str) {
    bench.say(page, "unhold", json!({ "callId": call_id }));
}

/// `callbox.media` frames to a page since the last look: who holds there.
fn remote_held(bench: &mut Bench, page: Page) -> Vec<bool> {
    let frames = bench.take(page);
    let media = frames
        .iter()
        .filter(|frame| frame["message"] == "callbox.media");
    media
        .map(|frame| frame["data"][0]["remote_held"].as_bool().unwrap())
        .collect()
}

#[test]
fn hold_stops_media_at_the_server_and_unhold_lets_it_flow() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    let (a, b) = (talk.caller_leg.0, talk.callee_leg.0);
    hold(&mut bench, ann, &talk.caller_id);
    assert_eq!(bench.status(ann)["status"], "HOLD");
    assert_eq!(
        orders(&bench.take_commands()),
        [
            format!("unpatch {a} {b}"),
            format!("unpatch {b} {a}"),
            format!("watch {a} false"),
            format!("watch {b} false"),
        ]
    );
    assert!(
        bench.take(ben).is_empty(),
        "the Web SDK hears nothing of a remote hold"
    );
    unhold(&mut bench, ann, &talk.caller_id);
    assert_eq!(bench.status(ann)["status"], "ESTABLISHED");
    assert_eq!(
        orders(&bench.take_commands()),
        [
            format!("patch {a} {b}"),
            format!("patch {b} {a}"),
            format!("watch {a} true"),
            format!("watch {b} true"),
        ]
    );
}

#[test]
fn our_page_is_told_that_the_other_side_holds() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
    let talk = bench.talk(ann, ben, "ben");
    hold(&mut bench, ann, &talk.caller_id);
    assert_eq!(remote_held(&mut bench, ben), [true]);
    assert_eq!(remote_held(&mut bench, ann), [false]);
    unhold(&mut bench, ann, &talk.caller_id);
    assert_eq!(remote_held(&mut bench, ben), [false]);
}

#[test]
fn held_by_both_media_flows_when_both_have_let_go() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    hold(&mut bench, ann, &talk.caller_id);
    bench.take_commands();
    hold(&mut bench, ben, &talk.callee_id);
    assert_eq!(bench.status(ben)["status"], "HOLD");
    assert!(bench.take_commands().is_empty());
    bench.take(ann);
    unhold(&mut bench, ann, &talk.caller_id);
    assert_eq!(bench.status(ann)["status"], "ESTABLISHED");
    assert!(bench.take_commands().is_empty(), "ben still holds");
    unhold(&mut bench, ben, &talk.callee_id);
    assert_eq!(orders(&bench.take_commands()).len(), 4);
}

#[test]
fn a_repeated_hold_is_answered_and_changes_nothing() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    hold(&mut bench, ann, &talk.caller_id);
    bench.take(ann);
    bench.take_commands();
    hold(&mut bench, ann, &talk.caller_id);
    assert_eq!(bench.status(ann)["status"], "HOLD");
    assert!(bench.take_commands().is_empty());
    unhold(&mut bench, ann, &talk.caller_id);
    unhold(&mut bench, ann, &talk.caller_id);
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
    assert_eq!(bench.take_commands().len(), 4);
}

#[test]
fn a_held_call_can_be_hung_up_by_either_side() {
    for by_caller in [true, false] {
        let mut bench = bench();
        let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
        let talk = bench.talk(ann, ben, "ben");
        hold(&mut bench, ann, &talk.caller_id);
        if by_caller {
            bench.hang_up(ann, &talk.caller_id);
        } else {
            bench.hang_up(ben, &talk.callee_id);
        }
        assert_eq!(bench.last_status(ann)["status"], "FINISH");
        assert_eq!(bench.last_status(ben)["status"], "FINISH");
        bench.assert_no_calls();
    }
}

#[test]
fn hold_before_the_answer_is_answered_with_the_status_that_stands() {
    let mut bench = bench();
    let (ann, _ben) = (bench.guest("ann"), bench.guest("ben"));
    let call_id = bench.call(ann, "ben");
    bench.take(ann);
    hold(&mut bench, ann, &call_id);
    assert_eq!(bench.status(ann)["status"], "RING");
}

#[test]
fn digits_go_to_the_other_side() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    for method in ["RFC2833", "INFO", "INFO_RELAY"] {
        let digits = json!({ "callId": talk.caller_id, "type": method, "dtmf": "1a#" });
        bench.say(ann, "sendDtmf", digits);
        let expected = format!("dtmf {} 1A#", talk.callee_leg.0);
        assert_eq!(orders(&bench.take_commands()), [expected]);
    }
    bench.say(
        ben,
        "sendDtmf",
        json!({ "callId": talk.callee_id, "dtmf": 5 }),
    );
    assert_eq!(
        orders(&bench.take_commands()),
        [format!("dtmf {} 5", talk.caller_leg.0)]
    );
    bench.hang_up(ann, &talk.caller_id);
    assert_eq!(bench.records()[0].call.id.len(), 32);
}

#[test]
fn the_record_counts_digits_and_does_not_tell_them() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.say(
        ann,
        "sendDtmf",
        json!({ "callId": talk.caller_id, "dtmf": "4711#" }),
    );
    bench.hang_up(ann, &talk.caller_id);
    let record = bench.records().remove(0);
    assert_eq!(record.digits, 5);
    assert!(!serde_json::to_string(&record).unwrap().contains("4711"));
}

#[test]
fn what_is_no_digit_goes_nowhere() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    for digits in [json!("x"), json!(""), json!("1 2"), json!("1".repeat(33))] {
        bench.say(
            ann,
            "sendDtmf",
            json!({ "callId": talk.caller_id, "dtmf": digits }),
        );
        assert!(bench.take_commands().is_empty());
    }
    hold(&mut bench, ann, &talk.caller_id);
    bench.take_commands();
    bench.say(
        ann,
        "sendDtmf",
        json!({ "callId": talk.caller_id, "dtmf": "1" }),
    );
    assert!(bench.take_commands().is_empty(), "held");
}
