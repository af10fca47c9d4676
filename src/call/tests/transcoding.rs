//! Calls between sides that have no codec for sound in common.

use ::media::negotiate::Transcoding;

use super::*;

/// A browser's description with one codec alone.
pub(super) fn with_one_codec(offer: &str, payload_type: &str) -> String {
    let kept = offer.lines().filter(|line| {
        let of_codec = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"];
        let number = of_codec.iter().find_map(|start| line.strip_prefix(start));
        number.is_none_or(|rest| rest.starts_with(&format!("{payload_type} ")))
    });
    let lines = kept.map(|line| match line.split_once("SAVPF ") {
        Some((start, _)) if line.starts_with("m=audio") => format!("{start}SAVPF {payload_type}"),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\r\n").collect()
}

/// Somebody whose browser has Opus alone calls somebody whose browser has PCMU alone.
fn call_that_needs_transcoding(bench: &mut Bench, caller: &str, callee: &str) -> (Page, Page) {
    call_between(bench, (caller, "111"), (callee, "0"))
}

/// Somebody calls somebody; the browser of each has one codec alone.
fn call_between(bench: &mut Bench, caller: (&str, &str), callee: (&str, &str)) -> (Page, Page) {
    let (ann, ben) = (bench.guest(caller.0), bench.guest(callee.0));
    bench.call_with(ann, callee.0, &with_one_codec(OFFER_AUDIO, caller.1));
    let (ben_id, offer) = bench.incoming(ben);
    let answer = with_one_codec(&answer_to(&offer), callee.1);
    bench.answer_with(ben, &ben_id, &answer);
    (ann, ben)
}

#[test]
fn sides_without_a_common_codec_are_transcoded_and_the_api_says_so() {
    let mut bench = bench();
    call_that_needs_transcoding(&mut bench, "ann", "ben");
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    assert_eq!(calls[0].audio.as_deref(), Some("opus/PCMU"));
    assert_eq!(
        calls[0].summary.as_deref(),
        Some("A offers opus; B accepts PCMU; bridge opus/PCMU")
    );
    let commands = bench.take_commands();
    let patches: Vec<_> = commands
        .iter()
        .filter_map(|it| match it {
            Command::Patch(patch) => Some(&**patch),
            _ => None,
        })
        .collect();
    assert_eq!(patches.len(), 2);
    assert!(patches.iter().all(|patch| patch.transcodes()));
}

#[test]
fn transcoding_that_the_operator_forbids_ends_the_call_in_words() {
    let mut config = config();
    config.media.policy.transcoding = Transcoding::Forbidden;
    let mut bench = Bench::new(config);
    let (ann, _) = call_that_needs_transcoding(&mut bench, "ann", "ben");
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(end["sipStatus"], 488);
    assert_eq!(end["info"], "Transcoding required, but disabled");
    let sentence = end["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("Transcoding required, but disabled")
            && sentence.contains("opus")
            && sentence.contains("PCMU"),
        "{sentence}"
    );
    assert_eq!(bench.end_code(), "transcoding_disabled");
    bench.assert_no_calls();
}

/// With as many calls transcoded as there may be: one.
fn full_of_transcoded_calls() -> Bench {
    let mut config = config();
    config.limits.transcoded_calls = 1;
    let mut bench = Bench::new(config);
    call_that_needs_transcoding(&mut bench, "ann", "ben");
    bench
}

#[test]
fn with_as_many_calls_transcoded_as_there_may_be_another_one_is_refused() {
    let mut bench = full_of_transcoded_calls();
    let (cai, _) = call_that_needs_transcoding(&mut bench, "cai", "dan");
    let end = bench.last_status(cai);
    assert_eq!(end["sipStatus"], 503);
    assert_eq!(bench.end_code(), "transcoding_limit");
    // One that is relayed has room.
    bench.take_commands();
    let (eve, fay) = (bench.guest("eve"), bench.guest("fay"));
    bench.talk(eve, fay, "fay");
}

#[test]
fn a_call_that_is_handed_over_to_somebody_with_another_codec_is_transcoded_from_then_on() {
    let mut bench = bench();
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    let ann_id = bench.call_with(ann, "ben", &with_one_codec(OFFER_AUDIO, "111"));
    let (ben_id, offer) = bench.incoming(ben);
    bench.answer_with(ben, &ben_id, &with_one_codec(&answer_to(&offer), "111"));
    bench.take(ann);
    bench.take(ben);
    bench.say(
        ann,
        "transfer",
        json!({ "callId": ann_id, "target": "cid" }),
    );
    let (cid_id, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer_with(cid, &cid_id, &with_one_codec(&answer_to(&offer), "0"));
    assert_eq!(bench.last_status(ann)["status"], "FINISH");
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    // Cid has taken the side of the caller.
    assert_eq!(calls[0].audio.as_deref(), Some("PCMU/opus"));
    let patches = bench.take_commands().into_iter().filter(|it| match it {
        Command::Patch(patch) => patch.transcodes(),
        _ => false,
    });
    assert_eq!(patches.count(), 2);
    assert!(
        names(&bench.take(ben))
            .iter()
            .all(|it| it == "callbox.media")
    );
}

#[test]
fn between_the_laws_of_g711_calls_have_room_however_many_are_transcoded() {
    let mut bench = full_of_transcoded_calls();
    for (caller, callee) in [("cai", "dan"), ("eve", "fay")] {
        bench.take_commands();
        call_between(&mut bench, (caller, "0"), (callee, "8"));
        let commands = bench.take_commands();
        let patches = commands.iter().filter_map(|it| match it {
            Command::Patch(patch) => Some(patch.transcodes()),
            _ => None,
        });
        assert_eq!(patches.collect::<Vec<_>>(), [false, false]);
    }
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    let between_laws = calls
        .iter()
        .filter(|it| it.audio.as_deref() == Some("PCMU/PCMA"));
    assert_eq!(between_laws.count(), 2);
    // Nor do they take any.
    call_that_needs_transcoding(&mut bench, "gus", "hal");
    assert_eq!(bench.end_code(), "transcoding_limit");
}
