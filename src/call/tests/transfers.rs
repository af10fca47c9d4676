//! Handing a call over.

use std::time::Duration;

use ::media::ids::MediaKind;
use serde_json::json;

use super::*;

fn transfer(bench: &mut Bench, page: Page, call_id: &str, target: &str) {
    bench.say(
        page,
        "transfer",
        json!({ "callId": call_id, "target": target }),
    );
}

/// `fail` and the status that stands: why, and the status.
fn not_done(bench: &mut Bench, page: Page) -> (String, String) {
    let frames = bench.take(page);
    let names = names(&frames);
    assert_eq!(names.len(), 2, "{frames:?}");
    assert_eq!(names[0], "fail");
    (
        frames[0]["data"][0]["info"].as_str().unwrap().to_owned(),
        names[1].clone(),
    )
}

struct Three {
    bench: Bench,
    ann: Page,
    ben: Page,
    cid: Page,
    talk: Talk,
}

/// Ann has called Ben; Cid is there.
fn three() -> Three {
    let mut bench = bench();
    let (ann, ben, cid) = (
        bench.our_page("ann"),
        bench.our_page("ben"),
        bench.our_page("cid"),
    );
    let talk = bench.talk(ann, ben, "ben");
    Three {
        bench,
        ann,
        ben,
        cid,
        talk,
    }
}

#[test]
fn a_call_handed_over_by_its_caller_goes_on_between_the_others() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    assert!(bench.take(ann).is_empty(), "the end says that it is done");
    let frames = bench.take(cid);
    let notice = &frames[1]["data"][0];
    assert_eq!(notice["caller"], "ben", "who is handed over calls");
    let (cid_id, offer) = (
        notice["callId"].as_str().unwrap(),
        frames[0]["data"][1].as_str().unwrap(),
    );
    bench.take_commands();
    bench.answer(cid, cid_id, offer);

    let frames = bench.take(ann);
    assert_eq!(names(&frames), ["callbox.callEnded", "FINISH"]);
    assert_eq!(
        frames[1]["data"][0]["sentence"],
        "ben now talks to cid; you left the call."
    );
    assert_eq!(names(&bench.take(cid)), ["ESTABLISHED", "callbox.media"]);
    assert_eq!(
        names(&bench.take(ben)),
        ["callbox.media"],
        "no second description"
    );
    let (a, b) = (talk.caller_leg.0, talk.callee_leg.0);
    assert_eq!(
        orders(&bench.take_commands()),
        [
            "update 3".to_owned(),
            format!("remove {a}"),
            format!("patch 3 {b}"),
            format!("patch {b} 3"),
            "watch 3 true".to_owned(),
            format!("watch {b} true"),
        ]
    );
    let status = bench.switch.status();
    assert_eq!((status.calls, status.established, status.legs), (1, 1, 2));
    assert!(bench.records().is_empty(), "it is the same call");

    bench.hang_up(ben, &talk.callee_id);
    assert_eq!(bench.last_status(cid)["sentence"], "ben hung up.");
    let record = bench.records().remove(0);
    assert_eq!(record.call.caller, "ann@example.org");
    assert_eq!(
        record.call.transferred_to.as_deref(),
        Some("cid@example.org")
    );
    bench.assert_no_calls();
}

#[test]
fn a_call_handed_over_by_its_callee_goes_on_between_the_others() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    transfer(&mut bench, ben, &talk.callee_id, "cid");
    let (cid_id, offer) = bench.incoming(cid);
    bench.answer(cid, &cid_id, &offer);
    assert_eq!(bench.last_status(ben)["status"], "FINISH");
    assert_eq!(bench.status(cid)["status"], "ESTABLISHED");
    bench.take(ann);
    bench.hang_up(cid, &cid_id);
    assert_eq!(bench.status(ann)["sentence"], "cid hung up.");
    bench.assert_no_calls();
}

#[test]
fn the_new_side_is_offered_what_was_agreed_and_nothing_else() {
    let Three {
        mut bench,
        ann,
        cid,
        talk,
        ..
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    let (_, offer) = bench.incoming(cid);
    assert!(offer.contains("opus/48000") && offer.contains("VP8/90000"));

    let mut bench = self::bench();
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    let call_id = bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    // Ben's browser has no VP8.
    let answer: String = answer_to(&offer)
        .lines()
        .filter(|line| !line.starts_with("a=rtpmap:96 ") && !line.starts_with("a=rtcp-fb:96 "))
        .map(|line| line.replace("SAVPF 96 97 ", "SAVPF ") + "\r\n")
        .collect();
    bench.answer_with(ben, &ben_id, &answer);
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
    transfer(&mut bench, ann, &call_id, "cid");
    bench.take(ben);
    let (_, offer) = bench.incoming(cid);
    assert!(!offer.contains("VP8/90000"), "{offer}");
}

#[test]
fn patches_after_a_transfer_use_payload_types_that_the_old_side_agreed_to() {
    let Three {
        mut bench,
        ann,
        cid,
        talk,
        ..
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    let (cid_id, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer(cid, &cid_id, &offer);
    let patches = bench
        .take_commands()
        .into_iter()
        .filter_map(|command| match command {
            Command::Patch(patch) => Some(patch),
            _ => None,
        });
    for patch in patches {
        assert!(!patch.codecs.is_empty());
        assert!(
            patch
                .codecs
                .iter()
                .any(|map| (map.from_pt, map.to_pt) == (111, 111))
        );
    }
}

#[test]
fn a_transfer_that_is_declined_leaves_the_call_as_it_was() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    let (cid_id, _) = bench.incoming(cid);
    bench.take_commands();
    bench.hang_up(cid, &cid_id);
    let (why, stands) = not_done(&mut bench, ann);
    assert_eq!(
        (why.as_str(), stands.as_str()),
        ("cid declined the call.", "ESTABLISHED")
    );
    assert_eq!(orders(&bench.take_commands()), ["remove 3"]);
    assert!(bench.take(ben).is_empty());
    assert_eq!(bench.switch.status().established, 1);
    // And it can be tried again.
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    bench.take(cid);
    assert_eq!(bench.switch.status().legs, 3);
}

#[test]
fn a_transfer_that_nobody_answers_fails_after_the_ring_time() {
    let Three {
        mut bench,
        ann,
        cid,
        talk,
        ..
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    bench.incoming(cid);
    bench.take(ann);
    bench.pass(Duration::from_secs(45));
    let frames = bench.take(ann);
    let fail = frames
        .iter()
        .find(|frame| frame["message"] == "fail")
        .unwrap();
    assert_eq!(
        fail["data"][0]["info"],
        "cid did not answer. Try again later."
    );
    let end = bench.last_status(cid);
    assert_eq!(end["sentence"], "You missed a call from ben.");
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn transfers_that_lead_nowhere_are_refused_with_the_reason() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    let dan = bench.guest("dan");
    bench.talk(cid, dan, "dan");
    for (target, reason) in [
        ("nobody", "nobody is not known here"),
        ("alice", "alice is not signed in"),
        ("dan", "dan is in another call"),
        ("ben", "ben is in another call"),
        ("ann", "You called yourself"),
        ("x@elsewhere.net", "No trunk leads to elsewhere.net"),
    ] {
        transfer(&mut bench, ann, &talk.caller_id, target);
        let (why, stands) = not_done(&mut bench, ann);
        assert!(why.starts_with(reason), "{target}: {why}");
        assert_eq!(stands, "ESTABLISHED");
    }
    assert!(bench.take(ben).is_empty());
    assert_eq!(bench.switch.status().legs, 4);
}

#[test]
fn a_second_transfer_waits_for_the_first() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    assert_eq!(
        not_done(&mut bench, ann).0,
        "The call is being handed over already"
    );
    transfer(&mut bench, ben, &talk.callee_id, "cid");
    assert_eq!(
        not_done(&mut bench, ben).0,
        "The call is being handed over already"
    );
    bench.incoming(cid);
}

#[test]
fn hanging_up_during_a_transfer_stops_it_ringing() {
    for by_transferor in [true, false] {
        let Three {
            mut bench,
            ann,
            ben,
            cid,
            talk,
        } = three();
        transfer(&mut bench, ann, &talk.caller_id, "cid");
        bench.incoming(cid);
        match by_transferor {
            true => bench.hang_up(ann, &talk.caller_id),
            false => bench.hang_up(ben, &talk.callee_id),
        }
        let end = bench.last_status(cid);
        assert_eq!(end["status"], "FINISH");
        assert_eq!(end["sentence"], "ben gave up before you answered.");
        assert_eq!(bench.records().len(), 1);
        bench.assert_no_calls();
    }
}

#[test]
fn a_target_who_leaves_while_it_rings_fails_the_transfer() {
    for how in [FlowEnd::Clean, FlowEnd::Abnormal] {
        let Three {
            mut bench,
            ann,
            cid,
            talk,
            ..
        } = three();
        transfer(&mut bench, ann, &talk.caller_id, "cid");
        bench.incoming(cid);
        bench.close(cid, how);
        assert_eq!(not_done(&mut bench, ann).1, "ESTABLISHED");
        assert_eq!(bench.switch.status().legs, 2);
    }
}

#[test]
fn held_for_the_transfer_media_flows_again_after_it() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    bench.say(
        ann,
        "hold",
        json!({ "callId": talk.caller_id, "holdForTransfer": true }),
    );
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    bench.take(ben);
    let (cid_id, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer(cid, &cid_id, &offer);
    let made = orders(&bench.take_commands());
    assert!(
        made.contains(&format!("patch 3 {}", talk.callee_leg.0)),
        "{made:?}"
    );
    let frames = bench.take(ben);
    assert_eq!(frames[0]["data"][0]["remote_held"], false);
}

#[test]
fn held_by_the_side_that_stays_no_media_flows_until_it_lets_go() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    bench.say(ben, "hold", json!({ "callId": talk.callee_id }));
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    let (cid_id, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer(cid, &cid_id, &offer);
    let made = orders(&bench.take_commands());
    assert!(
        !made.iter().any(|order| order.starts_with("patch")),
        "{made:?}"
    );
    bench.say(ben, "unhold", json!({ "callId": talk.callee_id }));
    let made = orders(&bench.take_commands());
    assert_eq!(
        made.iter()
            .filter(|order| order.starts_with("patch"))
            .count(),
        2
    );
}

#[test]
fn a_transfer_rings_all_devices_and_the_first_answer_wins() {
    let Three {
        mut bench,
        ann,
        talk,
        ..
    } = three();
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    transfer(&mut bench, ann, &talk.caller_id, "bob");
    bench.incoming(desk);
    let (sofa_id, offer) = bench.incoming(sofa);
    bench.answer(sofa, &sofa_id, &offer);
    assert_eq!(
        bench.status(desk)["sentence"],
        "You answered on another device."
    );
    assert_eq!(bench.status(sofa)["status"], "ESTABLISHED");
    assert_eq!(bench.switch.status().legs, 2);
}

#[test]
fn a_transferred_call_can_be_transferred_again() {
    let Three {
        mut bench,
        ann,
        ben,
        cid,
        talk,
    } = three();
    let dan = bench.guest("dan");
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    let (cid_id, offer) = bench.incoming(cid);
    bench.answer(cid, &cid_id, &offer);
    bench.take(cid);
    transfer(&mut bench, cid, &cid_id, "dan");
    let (dan_id, offer) = bench.incoming(dan);
    bench.answer(dan, &dan_id, &offer);
    assert_eq!(bench.last_status(cid)["status"], "FINISH");
    bench.take(ben);
    bench.hang_up(dan, &dan_id);
    assert_eq!(bench.last_status(ben)["sentence"], "dan hung up.");
    bench.assert_no_calls();
}

/// An answer whose video is `payload_type` alone.
fn answer_with_video(offer: &str, payload_type: &str) -> String {
    let of_video = |line: &str, name: &str| {
        let rest = line
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(':'));
        rest.and_then(|rest| rest.split(' ').next())
            .map(str::to_owned)
    };
    let answer = answer_to(offer);
    let (audio, video) = answer.split_once("m=video ").unwrap();
    let mut text = format!("{audio}m=video 9 UDP/TLS/RTP/SAVPF {payload_type}\r\n");
    for line in video.lines().skip(1) {
        let named = ["a=rtpmap", "a=fmtp", "a=rtcp-fb"]
            .into_iter()
            .find_map(|name| of_video(line, name));
        if named.is_none_or(|named| named == payload_type) {
            text.push_str(&format!("{line}\r\n"));
        }
    }
    text
}

#[test]
fn a_codec_variant_that_was_not_agreed_before_is_not_used_after_a_transfer() {
    let mut bench = bench();
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    bench.call(ann, "ben");
    let (ben_id, offer) = bench.incoming(ben);
    // H.264 in two packetisation modes: ann has both and agrees to one.
    assert!(offer.contains("a=rtpmap:102 H264") && offer.contains("a=rtpmap:104 H264"));
    bench.answer_with(ben, &ben_id, &answer_with_video(&offer, "102"));
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    assert_eq!(calls[0].video.as_deref(), Some("H264"));
    bench.take(ann);

    transfer(&mut bench, ben, &ben_id, "cid");
    let (cid_id, offer) = bench.incoming(cid);
    bench.take_commands();
    bench.answer_with(cid, &cid_id, &answer_with_video(&offer, "104"));
    let kinds = |command: Command| match command {
        Command::Patch(patch) => patch.codecs.iter().map(|map| map.kind).collect(),
        _ => Vec::new(),
    };
    let kinds: Vec<MediaKind> = bench.take_commands().into_iter().flat_map(kinds).collect();
    assert!(kinds.contains(&MediaKind::Audio));
    assert!(
        !kinds.contains(&MediaKind::Video),
        "104 would mean nothing to ann's browser"
    );
    let ApiReply::Calls(calls) = bench.api(ApiAction::ListCalls) else {
        panic!("calls")
    };
    assert_eq!(calls[0].video, None);
    assert!(calls[0].video_reason.is_some());
}

#[test]
fn a_transfer_to_a_page_that_has_as_many_calls_as_it_may_can_be_tried_elsewhere() {
    let mut config = config();
    config.call_waiting = true;
    config.session.max_calls = 1;
    let mut bench = Bench::new(config);
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    let (dan, eve) = (bench.guest("dan"), bench.guest("eve"));
    let talk = bench.talk(ann, ben, "ben");
    bench.talk(cid, dan, "dan");
    transfer(&mut bench, ann, &talk.caller_id, "cid");
    assert!(
        not_done(&mut bench, ann)
            .0
            .starts_with("cid is in another call")
    );
    transfer(&mut bench, ann, &talk.caller_id, "eve");
    bench.incoming(eve);
}
