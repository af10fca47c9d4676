//! The life of a call between two people.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::call::view::CallPhase;

#[test]
fn a_call_is_tried_rung_answered_and_hung_up() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let ann_id = bench.call(ann, "ben");
    assert_eq!(names(&bench.take(ann)), ["TRYING", "RING"]);
    let (ben_id, offer) = bench.incoming(ben);
    assert!(
        offer.contains("a=candidate:"),
        "all candidates are in the one SDP"
    );

    bench.answer(ben, &ben_id, &offer);
    assert_eq!(names(&bench.take(ann)), ["setRemoteSDP", "ESTABLISHED"]);
    assert_eq!(names(&bench.take(ben)), ["ESTABLISHED"]);
    assert_eq!(
        orders(&bench.take_commands()),
        ["add 2", "add 1", "update 2", "patch 1 2", "patch 2 1"]
    );

    bench.hang_up(ann, &ann_id);
    assert_eq!(names(&bench.take(ann)), ["FINISH"]);
    let end = bench.status(ben);
    assert_eq!(end["status"], "FINISH");
    assert_eq!(end["info"], "Normal call clearing");
    assert_eq!(end["sentence"], "ann hung up.");
    assert_eq!(orders(&bench.take_commands()), ["remove 1", "remove 2"]);
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.assert_no_calls();
}

#[test]
fn the_record_tells_who_when_how_long_and_with_what() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let ann_id = bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    bench.pass(Duration::from_secs(3));
    bench.answer(ben, &ben_id, &offer);
    bench.pass(Duration::from_secs(60));
    bench.hang_up(ann, &ann_id);
    let record = bench.records().remove(0);
    assert_eq!(record.call.caller, "ann@example.org");
    assert_eq!(record.call.callee, "ben@example.org");
    assert_eq!(record.call.phase, CallPhase::Ended);
    assert_eq!(record.call.started_ms, 1_800_000_000_000);
    assert_eq!(record.call.answered_ms, Some(1_800_000_003_000));
    assert_eq!(record.ended_ms, 1_800_000_063_000);
    assert_eq!(record.talked_ms, 60_000);
    assert_eq!(record.call.audio.as_deref(), Some("opus"));
    assert_eq!(record.call.video.as_deref(), Some("VP8"));
    assert_eq!(record.end.cause, "success");
    assert_eq!(record.end.caller_sentence, "You hung up.");
}

#[test]
fn the_callee_can_hang_up_too() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.hang_up(ben, &talk.callee_id);
    assert_eq!(bench.status(ann)["sentence"], "ben hung up.");
    assert_eq!(bench.status(ben)["status"], "FINISH");
    assert_eq!(bench.end_code(), "callee_hung_up");
}

#[test]
fn a_declined_call_is_busy_to_the_caller_and_finished_to_the_callee() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    let (ben_id, _) = bench.incoming(ben);
    bench.hang_up(ben, &ben_id);
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "BUSY");
    assert_eq!(end["sipStatus"], 603);
    assert_eq!(end["sentence"], "ben declined the call.");
    assert_eq!(bench.status(ben)["status"], "FINISH");
    assert_eq!(bench.end_code(), "rejected");
}

#[test]
fn a_cancelled_call_stops_ringing() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let ann_id = bench.call(ann, "ben");
    bench.incoming(ben);
    bench.take(ann);
    bench.hang_up(ann, &ann_id);
    assert_eq!(bench.status(ann)["status"], "FINISH");
    let end = bench.status(ben);
    assert_eq!(end["status"], "FINISH");
    assert_eq!(end["sentence"], "ann gave up before you answered.");
    assert_eq!(bench.end_code(), "cancelled");
    bench.assert_no_calls();
}

#[test]
fn an_answer_that_crosses_a_cancel_is_passed_over() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let ann_id = bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    bench.hang_up(ann, &ann_id);
    bench.take(ben);
    bench.take_commands();
    bench.answer(ben, &ben_id, &offer);
    assert_eq!(bench.take(ben), Vec::<Value>::new());
    assert!(bench.take_commands().is_empty());
    assert_eq!(bench.records().len(), 1);
}

#[test]
fn a_second_answer_is_passed_over() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    bench.answer(ben, &ben_id, &offer);
    bench.take(ben);
    bench.take(ann);
    bench.take_commands();
    bench.answer(ben, &ben_id, &offer);
    assert!(bench.take(ann).is_empty());
    assert!(bench.take_commands().is_empty());
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn hangups_for_unknown_calls_and_second_ones_are_passed_over() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.hang_up(ann, "never-was");
    assert!(bench.take(ann).is_empty());
    let talk = bench.talk(ann, ben, "ben");
    bench.hang_up(ann, &talk.caller_id);
    bench.take(ann);
    bench.hang_up(ann, &talk.caller_id);
    bench.hang_up(ben, &talk.callee_id);
    assert!(bench.take(ann).is_empty());
    assert_eq!(bench.records().len(), 1);
}

#[test]
fn a_call_that_nobody_answers_ends_after_the_ring_time() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.incoming(ben);
    bench.pass(Duration::from_secs(44));
    assert_eq!(bench.switch.status().calls, 1);
    bench.pass(Duration::from_secs(1));
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(end["sipStatus"], 408);
    assert_eq!(end["info"], "Failed by request timeout");
    assert_eq!(bench.status(ben)["status"], "FINISH");
    assert_eq!(bench.end_code(), "no_answer");
}

#[test]
fn an_answered_call_outlives_the_ring_time() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.talk(ann, ben, "ben");
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn who_is_called_can_be_written_in_many_ways() {
    let ways = [
        "ben",
        "Ben",
        "ben@example.org",
        "sip:ben@example.org",
        "ben@localhost",
        " ben ",
    ];
    for dialled in ways {
        let mut bench = bench();
        let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
        bench.call(ann, dialled);
        bench.incoming(ben);
    }
}

#[test]
fn calls_that_lead_nowhere_are_refused_with_the_reason() {
    let cases = [
        ("carol", "not_known", 404, "carol is not known here"),
        ("alice", "not_signed_in", 480, "alice is not signed in"),
        (
            "eve@elsewhere.net",
            "no_trunk",
            404,
            "No trunk leads to elsewhere.net",
        ),
        (
            "+44 20 7183 8750",
            "no_trunk",
            404,
            "No trunk leads to telephones",
        ),
        ("ann", "called_self", 480, "You called yourself"),
        ("<>", "bad_number", 484, "That is no name"),
    ];
    for (dialled, code, sip_status, sentence) in cases {
        let mut bench = bench();
        let ann = bench.guest("ann");
        bench.call(ann, dialled);
        let frames = bench.take(ann);
        assert_eq!(names(&frames), ["TRYING", "FAILED"], "{dialled}");
        let end = &frames[1]["data"][0];
        assert_eq!(end["sipStatus"], sip_status, "{dialled}");
        let said = end["sentence"].as_str().unwrap();
        assert!(said.starts_with(sentence), "{dialled}: {said}");
        assert!(
            bench.notices.iter().any(|notice| matches!(
                notice,
                Notice::CallRefused { end, .. } if end.code == code
            )),
            "{dialled}"
        );
        bench.assert_no_calls();
        assert!(bench.take_commands().is_empty());
    }
}

#[test]
fn an_offer_that_cannot_be_read_is_refused_with_what_is_wrong() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call_with(ann, "ben", "v=0\r\nnonsense\r\n");
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(end["sipStatus"], 488);
    assert!(
        end["sentence"]
            .as_str()
            .unwrap()
            .starts_with("Your device described its media")
    );
    assert!(bench.take(ben).is_empty());
    bench.assert_no_calls();
}

#[test]
fn no_common_codec_names_what_both_sides_have() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call_with(ann, "ben", OFFER_AUDIO);
    let (ben_id, offer) = bench.incoming(ben);
    let of_codecs = ["a=rtpmap", "a=fmtp", "a=rtcp-fb"];
    let kept = answer_to(&offer);
    let kept = kept
        .lines()
        .filter(|line| !of_codecs.iter().any(|start| line.starts_with(start)));
    let mut answer: String = kept
        .map(|line| match line.starts_with("m=audio") {
            true => "m=audio 9 UDP/TLS/RTP/SAVPF 77\r\n".to_owned(),
            false => format!("{line}\r\n"),
        })
        .collect();
    answer.push_str("a=rtpmap:77 SILK/24000\r\n");
    bench.answer_with(ben, &ben_id, &answer);
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(end["info"], "No common codecs");
    let sentence = end["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("opus") && sentence.contains("SILK"),
        "{sentence}"
    );
    assert_eq!(bench.status(ben)["status"], "FAILED");
    assert_eq!(bench.end_code(), "no_common_codec");
    bench.assert_no_calls();
}

#[test]
fn an_answer_that_cannot_be_read_ends_the_call_for_both() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    let (ben_id, _) = bench.incoming(ben);
    bench.answer_with(ben, &ben_id, "rubbish");
    assert_eq!(bench.last_status(ann)["status"], "FAILED");
    let end = bench.status(ben);
    assert_eq!(end["status"], "FAILED");
    assert!(end["sentence"].as_str().unwrap().starts_with("Your device"));
    assert_eq!(bench.end_code(), "bad_description");
    assert_eq!(orders(&bench.take_commands()), ["add 2", "remove 2"]);
}

#[test]
fn a_refused_video_leaves_a_call_with_sound_and_a_reason() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
    bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    let answer = answer_to(&offer);
    let (audio, video) = answer.split_once("m=video").unwrap();
    let (_, rest) = video.split_once(' ').unwrap();
    let (_, rest) = rest.split_once(' ').unwrap();
    bench.answer_with(ben, &ben_id, &format!("{audio}m=video 0 {rest}"));
    let frames = bench.take(ann);
    let media = frames
        .iter()
        .find(|frame| frame["message"] == "callbox.media")
        .unwrap();
    assert_eq!(media["data"][0]["audio"], "opus");
    assert_eq!(media["data"][0]["video"], Value::Null);
    assert!(
        media["data"][0]["video_reason"]
            .as_str()
            .unwrap()
            .contains("accepts no video")
    );
}

#[test]
fn a_busy_callee_is_busy_and_the_status_is_configured() {
    for (busy, said) in [
        (crate::wcs::session::BusyStatus::Busy, "BUSY"),
        (crate::wcs::session::BusyStatus::Failed, "FAILED"),
        (crate::wcs::session::BusyStatus::Finish, "FINISH"),
    ] {
        let mut config = config();
        config.session.busy = busy;
        let mut bench = Bench::new(config);
        let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
        bench.talk(ann, ben, "ben");
        bench.call(cid, "ben");
        let end = bench.last_status(cid);
        assert_eq!(end["status"], said);
        assert_eq!(end["sentence"], "ben is in another call. Try again later.");
        assert!(bench.take(ben).is_empty());
    }
}

#[test]
fn with_call_waiting_a_busy_callee_rings() {
    let mut config = config();
    config.call_waiting = true;
    let mut bench = Bench::new(config);
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    let first = bench.talk(ann, ben, "ben");
    bench.call(cid, "ben");
    let (second_id, offer) = bench.incoming(ben);
    bench.answer(ben, &second_id, &offer);
    assert_eq!(bench.switch.status().established, 2);
    bench.hang_up(ben, &first.callee_id);
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn of_two_who_call_each_other_at_once_one_rings_and_the_other_is_told() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.call(ben, "ann");
    let frames = bench.take(ben);
    let busy = frames
        .iter()
        .find(|frame| frame["data"][0]["status"] == "BUSY")
        .unwrap();
    assert_eq!(
        busy["data"][0]["sentence"],
        "ann is calling you right now: answer that call."
    );
    assert_eq!(bench.switch.status().calls, 1);
    let call_id = frames[0]["data"][0].as_str().unwrap();
    let offer = frames[0]["data"][1].as_str().unwrap();
    bench.answer(ben, call_id, offer);
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
}

#[test]
fn the_callee_hears_who_calls_by_name_and_by_display_name() {
    let mut bench = bench();
    let connection = json!({
        "sipLogin": "ann", "custom": { "callbox": { "display_name": "Ann Example" } },
    });
    let ann = bench.connect(here(), connection);
    let ben = bench.guest("ben");
    bench.call(ann, "ben");
    let frames = bench.take(ben);
    let notice = &frames[1]["data"][0];
    assert_eq!(notice["caller"], "ann");
    assert_eq!(notice["visibleName"], "Ann Example");
    assert_eq!(notice["callee"], "ben");
    assert_eq!(notice["incoming"], true);
}

#[test]
fn who_calls_says_the_session_and_not_the_frame() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let request = json!({
        "callId": "x", "callee": "ben", "caller": "alice", "visibleName": "Alice",
        "sdp": OFFER_AUDIO,
    });
    bench.say(ann, "call", request);
    let frames = bench.take(ben);
    assert_eq!(frames[1]["data"][0]["caller"], "ann");
    assert_eq!(frames[1]["data"][0]["visibleName"], "ann");
}

#[test]
fn an_operator_can_end_a_call() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.talk(ann, ben, "ben");
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].phase, CallPhase::Established);
    assert_eq!(calls[0].legs.len(), 2);
    let call = calls[0].id.clone();
    assert_eq!(
        bench.api(ApiAction::HangupCall { call: call.clone() }),
        ApiReply::Done
    );
    assert_eq!(bench.status(ann)["status"], "FINISH");
    assert_eq!(bench.status(ben)["sentence"], "An operator ended the call.");
    assert_eq!(bench.end_code(), "operator");
    assert!(matches!(
        bench.api(ApiAction::HangupCall { call }),
        ApiReply::NotFound(_)
    ));
}

#[test]
fn the_log_and_the_api_see_no_session_description() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.talk(ann, ben, "ben");
    let calls = serde_json::to_string(&bench.api(ApiAction::ListCalls)).unwrap();
    assert!(!calls.contains("ice-ufrag") && !calls.contains("m=audio"));
    let notices = serde_json::to_string(&bench.notices).unwrap();
    assert!(!notices.contains("ice-ufrag") && !notices.contains("m=audio"));
}
