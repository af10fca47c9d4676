//! Which calls are recorded, and what orders there are about it.

use std::collections::BTreeSet;

use ::media::recording::{Channel, FileFormat, RecordingId};
use serde_json::json;

use super::*;
use crate::call::config::RecordingMode;
use crate::call::io::{RecordingOutcome, RecordingReport};
use crate::call::view::{CallView, RecordingState, RecordingView};

fn recording(mode: RecordingMode, accounts: &[&str]) -> Bench {
    let mut config = config();
    let aor = |name: &&str| Aor::new(name, &Host::parse("example.org").unwrap()).unwrap();
    config.recording = RecordingConfig {
        mode,
        accounts: accounts.iter().map(aor).collect::<BTreeSet<_>>(),
        format: FileFormat::Wav,
    };
    Bench::new(config)
}

/// A call between two, its legs, and what is ordered of the worker beside what every call orders.
fn talk(bench: &mut Bench, caller: Page, callee: Page, name: &str) -> (Talk, Vec<Command>) {
    let caller_id = bench.call(caller, name);
    let (callee_id, offer) = bench.incoming(callee);
    bench.answer(callee, &callee_id, &offer);
    bench.take(caller);
    bench.take(callee);
    let commands = bench.take_commands();
    let mut legs = commands.iter().filter_map(|command| match command {
        Command::AddLeg(plan) => Some(plan.leg),
        _ => None,
    });
    let (callee_leg, caller_leg) = (legs.next().unwrap(), legs.next().unwrap());
    let talk = Talk {
        caller_id,
        callee_id,
        caller_leg,
        callee_leg,
    };
    (talk, taps(&commands))
}

fn taps(commands: &[Command]) -> Vec<Command> {
    let is_about_it = |it: &&Command| matches!(it, Command::Tap { .. } | Command::Untap { .. });
    commands.iter().filter(is_about_it).cloned().collect()
}

/// Which leg is heard where.
fn places(commands: &[Command]) -> Vec<(LegId, RecordingId, Channel)> {
    let place = |it: &Command| match it {
        Command::Tap {
            leg,
            recording,
            channel,
        } => Some((*leg, *recording, *channel)),
        _ => None,
    };
    commands.iter().filter_map(place).collect()
}

fn only_call(bench: &mut Bench) -> CallView {
    match bench.api(ApiAction::ListCalls) {
        ApiReply::Calls(calls) if calls.len() == 1 => calls[0].clone(),
        other => panic!("{other:?}"),
    }
}

fn start(bench: &mut Bench, call: &CallView) -> ApiReply {
    let call = call.id.clone();
    bench.api(ApiAction::StartRecording { call })
}

fn stop(bench: &mut Bench, call: &CallView) -> ApiReply {
    let call = call.id.clone();
    bench.api(ApiAction::StopRecording { call })
}

#[test]
fn nothing_is_recorded_unless_the_configuration_says_so_not_even_on_request() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let (_, taps) = talk(&mut bench, ann, ben, "ben");
    assert!(taps.is_empty() && bench.recordings.is_empty());
    let call = only_call(&mut bench);
    let ApiReply::Refused(sentence) = start(&mut bench, &call) else {
        panic!("a refusal")
    };
    assert!(sentence.contains("recording.mode"), "{sentence}");
    assert!(bench.recordings.is_empty() && call.recordings.is_empty());
}

#[test]
fn where_all_calls_are_recorded_one_is_from_its_answer_to_its_end() {
    let mut bench = recording(RecordingMode::All, &[]);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let (talk, taps) = talk(&mut bench, ann, ben, "ben");
    let [RecordingOrder::Begin { id, file, at }] = &bench.recordings[..] else {
        panic!("{:?}", bench.recordings)
    };
    let (id, file) = (*id, file.clone());
    assert_eq!(*at, bench.now.mono);
    assert_eq!(
        places(&taps),
        [
            (talk.caller_leg, id, Channel::Left),
            (talk.callee_leg, id, Channel::Right)
        ]
    );
    let call = only_call(&mut bench);
    let view = RecordingView {
        file: file.clone(),
        state: RecordingState::Running,
        problem: None,
    };
    assert_eq!(call.recordings, [view]);
    bench.recordings.clear();
    bench.pass(Duration::from_secs(3));
    bench.hang_up(ann, &talk.caller_id);
    let at = bench.now.mono;
    assert_eq!(bench.recordings, [RecordingOrder::End { id, at }]);
    let record = bench.records().remove(0);
    assert_eq!(record.call.recordings[0].state, RecordingState::Ended);
    assert_eq!(record.call.recordings[0].file, file);
    // What came of it is of no interest to a call that is over.
    let outcome = RecordingOutcome::Kept;
    bench.handle(Input::Recorded(RecordingReport { id, outcome }));
}

#[test]
fn the_name_of_a_file_has_the_time_and_nothing_that_people_say() {
    let mut bench = recording(RecordingMode::All, &[]);
    let (ann, ben) = (bench.guest("ann-..-x"), bench.guest("ben"));
    talk(&mut bench, ann, ben, "ben");
    let call = only_call(&mut bench);
    let name = &call.recordings[0].file;
    assert_eq!(*name, format!("20270115T080000Z-{}-1.wav", &call.id[..16]));
}

#[test]
fn calls_of_an_account_that_is_recorded_are_whoever_calls_and_others_are_not() {
    let mut bench = recording(RecordingMode::Accounts, &["alice"]);
    let (alice, ben, cid) = (
        bench.account("alice"),
        bench.guest("ben"),
        bench.guest("cid"),
    );
    let (first, taps) = talk(&mut bench, alice, ben, "ben");
    assert_eq!(taps.len(), 2, "she calls");
    bench.hang_up(alice, &first.caller_id);
    bench.take(alice);
    bench.take(ben);
    bench.take_commands();
    let (second, taps) = talk(&mut bench, ben, alice, "alice");
    assert_eq!(places(&taps)[1].0, second.callee_leg, "she is called");
    bench.hang_up(alice, &second.callee_id);
    bench.take(alice);
    bench.take(ben);
    bench.take_commands();
    let (_, taps) = talk(&mut bench, cid, ben, "ben");
    assert!(taps.is_empty(), "she has no part in it");
}

#[test]
fn a_call_is_recorded_on_request_and_no_longer_on_request() {
    let mut bench = recording(RecordingMode::Accounts, &[]);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let call_id = bench.call(ann, "ben");
    let ringing = only_call(&mut bench);
    let refused = |reply: ApiReply| match reply {
        ApiReply::Refused(sentence) => sentence,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(start(&mut bench, &ringing)),
        "The call is not answered yet."
    );
    let (answered, offer) = bench.incoming(ben);
    bench.answer(ben, &answered, &offer);
    assert!(bench.recordings.is_empty());
    let call = only_call(&mut bench);
    assert_eq!(
        refused(stop(&mut bench, &call)),
        "The call is not recorded."
    );
    bench.take_commands();

    let ApiReply::Recording(first) = start(&mut bench, &call) else {
        panic!("a recording")
    };
    assert_eq!(taps(&bench.take_commands()).len(), 2);
    assert_eq!(
        refused(start(&mut bench, &call)),
        "The call is recorded already."
    );
    assert_eq!(stop(&mut bench, &call), ApiReply::Done);
    let untapped = taps(&bench.take_commands());
    assert!(matches!(
        untapped[..],
        [Command::Untap { .. }, Command::Untap { .. }]
    ));
    let ApiReply::Recording(second) = start(&mut bench, &call) else {
        panic!("another recording")
    };
    assert_ne!(first.file, second.file);
    let states: Vec<_> = only_call(&mut bench)
        .recordings
        .iter()
        .map(|it| it.state)
        .collect();
    assert_eq!(states, [RecordingState::Ended, RecordingState::Running]);
    bench.hang_up(ann, &call_id);
    let begun = |it: &&RecordingOrder| matches!(it, RecordingOrder::Begin { .. });
    assert_eq!(bench.recordings.iter().filter(begun).count(), 2);
    assert_eq!(bench.recordings.len(), 4, "each ends once");
    assert!(matches!(stop(&mut bench, &call), ApiReply::NotFound(_)));
}

#[test]
fn a_recording_that_cannot_be_written_is_told_of_and_the_call_goes_on() {
    let mut bench = recording(RecordingMode::All, &[]);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let (talk, _) = talk(&mut bench, ann, ben, "ben");
    let id = bench.recordings[0].id();
    bench.recordings.clear();
    let outcome = RecordingOutcome::Failed("The disk is full.".to_owned());
    bench.handle(Input::Recorded(RecordingReport { id, outcome }));
    assert_eq!(taps(&bench.take_commands()).len(), 2, "nothing is copied");
    let call = only_call(&mut bench);
    assert_eq!(call.recordings[0].state, RecordingState::Failed);
    assert_eq!(
        call.recordings[0].problem.as_deref(),
        Some("The disk is full.")
    );
    bench.hang_up(ann, &talk.caller_id);
    assert!(bench.recordings.is_empty(), "there is nothing to end");
    assert_eq!(bench.end_code(), "caller_hung_up");
}

#[test]
fn a_call_that_is_handed_over_goes_on_in_the_same_file() {
    let mut bench = recording(RecordingMode::All, &[]);
    let (ann, ben, cid) = (
        bench.our_page("ann"),
        bench.our_page("ben"),
        bench.our_page("cid"),
    );
    let (talk, _) = talk(&mut bench, ann, ben, "ben");
    let id = bench.recordings[0].id();
    bench.say(
        ben,
        "transfer",
        json!({ "callId": talk.callee_id, "target": "cid" }),
    );
    let (cid_call, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer(cid, &cid_call, &offer);
    let places = places(&bench.take_commands());
    let [left, right] = places[..] else {
        panic!("{places:?}")
    };
    assert_eq!(left, (talk.caller_leg, id, Channel::Left));
    assert_eq!((right.1, right.2), (id, Channel::Right));
    assert_ne!(right.0, talk.callee_leg);
    assert_eq!(bench.recordings.len(), 1, "no other file");
}
