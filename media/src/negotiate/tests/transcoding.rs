//! Sides that have no codec for sound in common, and those that do though they could be
//! transcoded.

use super::peer::{
    A, B, CHROMIUM_AUDIO, accept, accept_codecs, converted, local, maps, media, parsed,
    payload_types, remote, stream, transcoded,
};
use super::phone::{PHONE, phone_answer, phone_local};
use crate::ids::MediaKind::{self, Audio};
use crate::negotiate::{
    Bridge, Local, NegotiationError, Policy, RemoteOffer, Security, Source, Transcoding, answer,
    bridge, join, offer, offer_from, settle, suits,
};
use crate::plan::Format;
use crate::sdp::{Description, Direction};

/// A browser's offer with these codecs alone.
fn browser_with(names: &[&str]) -> String {
    let keep = |codec: &crate::sdp::Codec| {
        codec.is("telephone-event") || names.iter().any(|name| codec.is(name))
    };
    let mut description = parsed(CHROMIUM_AUDIO);
    for media in &mut description.media {
        media.codecs.retain(&keep);
    }
    description.to_text()
}

fn plain(leg: crate::ids::LegId) -> Local {
    phone_local(leg, Security::Plain)
}

/// A phone that knows these payload types, and events.
fn phone_with(payload_types: &str) -> String {
    PHONE.replace("9 8 0 101", &format!("{payload_types} 101"))
}

/// A calls B, who takes of our offer what `keep` names.
fn call(
    a: &str,
    ours: (&Local, &Local),
    policy: &Policy,
    keep: &[&str],
) -> Result<(Description, Bridge), NegotiationError> {
    let source = remote(a);
    let offered = offer(B, policy, &source, ours.1)?;
    let described = parsed(&offered.sdp);
    let kept = |codec: &crate::sdp::Codec| {
        codec.is("telephone-event") || keep.iter().any(|name| codec.is(name))
    };
    let answer = match ours.1.is_rtp() {
        true => {
            let mut answer = phone_answer(&offered.sdp);
            answer.media[0].codecs.retain(kept);
            answer
        }
        false => accept_codecs(&described, Audio, kept),
    };
    let bridge = bridge((A, &source, ours.0), &offered, &answer.to_text(), policy)?;
    Ok((described, bridge))
}

fn names(description: &Description) -> Vec<String> {
    let codecs = description.media[0].codecs.iter();
    codecs
        .map(|codec| format!("{}/{}", codec.name, codec.clock_rate))
        .collect()
}

#[test]
fn a_browser_with_opus_alone_talks_with_a_phone_that_has_none_of_it() {
    let policy = Policy::default();
    let a = browser_with(&["opus"]);
    let (offered, bridge) = call(&a, (&local(A), &plain(B)), &policy, &["PCMU"]).expect("a bridge");
    let offered = names(&offered);
    assert_eq!(offered[0], "opus/48000", "what the browser has comes first");
    assert!(offered.contains(&"PCMU/8000".to_owned()) && offered.contains(&"PCMA/8000".to_owned()));
    assert_eq!(bridge.audio.codec(), Some("opus/PCMU"));
    assert_eq!(
        bridge.summary,
        "A offers opus; B accepts PCMU; bridge opus/PCMU"
    );
    let to_a = parsed(&bridge.answer_to_a);
    assert_eq!(payload_types(&to_a.media[0]), [111, 110]);
    assert_eq!(to_a.media[0].ptime_ms, None, "packet times are leg by leg");
    assert_eq!(
        to_a.media[0].codecs[0].parameters.as_deref(),
        Some("minptime=10;useinbandfec=1"),
        "those of our decoder"
    );
    assert_eq!(transcoded(&bridge.a_to_b.codecs), [(111, 0)]);
    assert_eq!(transcoded(&bridge.b_to_a.codecs), [(0, 111)]);
    assert!(bridge.a_to_b.transcodes() && bridge.b_to_a.transcodes());
    // Events cross between the clocks of both.
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio), [(110, 126)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Audio)[0].1, 110);
}

#[test]
fn two_browsers_of_which_one_has_g711_and_the_other_opus_talk() {
    let policy = Policy::default();
    for (a, keep, used) in [
        (["PCMU"], "opus", "PCMU/opus"),
        (["opus"], "PCMU", "opus/PCMU"),
    ] {
        let a = browser_with(&a);
        let (offered, bridge) =
            call(&a, (&local(A), &local(B)), &policy, &[keep]).expect("a bridge");
        assert_eq!(bridge.audio.codec(), Some(used));
        let opus = offered.media[0].codecs.iter().find(|it| it.is("opus"));
        assert!(opus.is_some());
        let events = offered.media[0].codecs.iter();
        let clocks: Vec<u32> = events
            .filter(|it| it.is("telephone-event"))
            .map(|it| it.clock_rate)
            .collect();
        assert!(
            clocks.contains(&48_000) && clocks.contains(&8_000),
            "{clocks:?}"
        );
    }
}

#[test]
fn where_a_codec_is_common_it_is_relayed_though_others_come_first() {
    let policy = Policy::default();
    // The phone has A-law and µ-law, the browser would rather have Opus, and both have µ-law.
    let (_, bridge) = call(
        &phone_with("8 0"),
        (&plain(A), &local(B)),
        &policy,
        &["opus", "PCMU"],
    )
    .expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("PCMU"));
    assert!(!bridge.a_to_b.transcodes() && !bridge.b_to_a.transcodes());
    assert_eq!(payload_types(&parsed(&bridge.answer_to_a).media[0])[0], 0);
    assert_eq!(maps(&bridge.b_to_a.codecs, Audio)[0], (0, 0));
    // Should the browser send Opus all the same, it is heard.
    let opus = stream(&bridge.plan_b, Audio)
        .codecs
        .iter()
        .find(|it| it.format == Format::Opus);
    let opus = opus.expect("it was accepted").receive_pt;
    assert_eq!(transcoded(&bridge.b_to_a.codecs), [(opus, 0)]);
}

#[test]
fn a_full_browser_is_offered_as_before_to_browsers() {
    let offered = offer(B, &Policy::default(), &remote(CHROMIUM_AUDIO), &local(B));
    let offered = parsed(&offered.expect("an offer").sdp);
    assert_eq!(
        payload_types(media(&offered, Audio)),
        [111, 9, 0, 8, 110, 126]
    );
}

#[test]
fn what_was_offered_with_another_payload_type_is_answered_with_that() {
    // The phone has Opus as 102, which the browser does not know; the browser has µ-law alone.
    let phone = phone_with("102")
        + "a=rtpmap:102 opus/48000/2\r\na=fmtp:102 maxaveragebitrate=16000; usedtx=1\r\n";
    let policy = Policy::default();
    let (_, bridge) = call(&phone, (&plain(A), &local(B)), &policy, &["PCMU"]).expect("a bridge");
    assert_eq!(
        payload_types(&parsed(&bridge.answer_to_a).media[0]),
        [102, 101]
    );
    assert_eq!(transcoded(&bridge.b_to_a.codecs), [(0, 102)]);
    let opus = &stream(&bridge.plan_a, Audio).codecs[0];
    assert_eq!((opus.receive_pt, opus.send_pt), (102, 102));
    assert_eq!(opus.encoding.max_bitrate, Some(16_000));
    assert!(opus.encoding.dtx && !opus.encoding.fec);
    assert_eq!(stream(&bridge.plan_a, Audio).send_ptime_ms, Some(20));
}

#[test]
fn without_leave_to_transcode_offers_are_the_partners_and_the_end_says_why() {
    for (transcoding, why) in [
        (Transcoding::Forbidden, "transcoding required, but disabled"),
        (Transcoding::Full, "no room to transcode"),
    ] {
        let policy = Policy {
            transcoding,
            ..Policy::default()
        };
        let a = browser_with(&["opus"]);
        let offered = offer(B, &policy, &remote(&a), &plain(B)).expect("an offer");
        assert_eq!(names(&parsed(&offered.sdp))[0], "opus/48000");
        assert!(!offered.sdp.contains("PCMU"), "{}", offered.sdp);
        // A phone that answers with what it has, asked or not.
        let answer = phone_answer(&offered.sdp)
            .to_text()
            .replace("RTP/AVP 111", "RTP/AVP 0");
        let error = bridge((A, &remote(&a), &local(A)), &offered, &answer, &policy);
        assert_eq!(
            error.expect_err("no codec").to_string(),
            format!("{why}: the caller offers opus, the callee accepts PCMU")
        );
    }
}

#[test]
fn what_the_operator_excludes_is_transcoded_neither_way() {
    let excluding = |format| Policy {
        excluded: vec![format],
        ..Policy::default()
    };
    let a = browser_with(&["opus"]);
    let offered = offer(B, &excluding(Format::Pcmu), &remote(&a), &plain(B)).expect("an offer");
    assert!(!offered.sdp.contains("PCMU") && offered.sdp.contains("PCMA"));
    let nothing = offer(B, &excluding(Format::Opus), &remote(&a), &plain(B));
    assert!(
        matches!(nothing, Err(NegotiationError::NoUsableMedia { .. })),
        "with the browser nobody can talk then"
    );
}

#[test]
fn what_the_operator_prefers_comes_first_of_what_is_added_and_of_what_is_answered() {
    let policy = Policy {
        preferred: vec![Format::Pcma],
        ..Policy::default()
    };
    let a = browser_with(&["opus"]);
    let offered = offer(B, &policy, &remote(&a), &plain(B)).expect("an offer");
    assert_eq!(
        names(&parsed(&offered.sdp))[..2],
        ["opus/48000", "PCMA/8000"],
        "the browser's own needs no transcoding"
    );
    let b = parsed(
        &offer(B, &policy, &remote(&a), &local(B))
            .expect("an offer")
            .sdp,
    );
    let opus = accept_codecs(&b, Audio, |codec| codec.is("opus"));
    let source = offer(B, &policy, &remote(&a), &local(B)).expect("an offer");
    let b = settle(&source, &opus.to_text(), &policy).expect("an agreement");
    let reply = answer(
        A,
        None,
        &policy,
        &remote(&phone_with("0 8")),
        Source::Agreement(&b),
        Direction::SendRecv,
        &plain(A),
    );
    let reply = parsed(&reply.expect("an answer").sdp);
    assert_eq!(payload_types(&reply.media[0])[..2], [8, 0]);
}

#[test]
fn legs_that_agreed_at_different_times_are_joined() {
    let policy = Policy::default();
    let (_, opus) =
        call(CHROMIUM_AUDIO, (&local(A), &local(B)), &policy, &["opus"]).expect("a bridge");
    let phone = phone_with("8");
    let (_, pcma) = call(&phone, (&plain(A), &local(B)), &policy, &["PCMA"]).expect("a bridge");
    let (to_phone, to_browser) = join(&opus.b, &pcma.a, &policy);
    assert_eq!(transcoded(&to_phone.codecs), [(111, 8)]);
    assert_eq!(transcoded(&to_browser.codecs), [(8, 111)]);
    let forbidden = Policy {
        transcoding: Transcoding::Forbidden,
        ..Policy::default()
    };
    let (to_phone, to_browser) = join(&opus.b, &pcma.a, &forbidden);
    assert!(
        to_phone.codecs.is_empty() && to_browser.codecs.is_empty(),
        "events alone are no talk"
    );
}

#[test]
fn a_picture_is_never_transcoded() {
    let (vp8, h264) = (
        "m=video 9 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
        "m=video 62002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n",
    );
    let policy = Policy::default();
    let source: RemoteOffer = remote(&format!("{PHONE}{vp8}"));
    let offered = offer(B, &policy, &source, &plain(B)).expect("an offer");
    assert!(!offered.sdp.contains("H264"));
    let sound = phone_answer(&offered.sdp).to_text();
    let (sound, _) = sound.split_at(sound.find("m=video").expect("video"));
    let answer = format!("{sound}{h264}");
    let bridge = bridge((A, &source, &plain(A)), &offered, &answer, &policy).expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("G722"));
    assert!(
        bridge
            .video
            .reason()
            .expect("no video")
            .starts_with("no common video codec")
    );
    assert!(maps(&bridge.a_to_b.codecs, MediaKind::Video).is_empty());
}

#[test]
fn comfort_noise_is_taken_of_a_phone_that_is_transcoded_and_of_no_other() {
    let policy = Policy::default();
    let phone = phone_with("0 13");
    let (_, bridge) = call(&phone, (&plain(A), &local(B)), &policy, &["opus"]).expect("a bridge");
    assert_eq!(
        payload_types(&parsed(&bridge.answer_to_a).media[0]),
        [0, 13, 101]
    );
    assert_eq!(
        transcoded(&bridge.a_to_b.codecs)
            .iter()
            .map(|map| map.0)
            .collect::<Vec<_>>(),
        [0, 13]
    );
    let (_, bridge) = call(&phone, (&plain(A), &local(B)), &policy, &["PCMU"]).expect("a bridge");
    assert_eq!(
        payload_types(&parsed(&bridge.answer_to_a).media[0]),
        [0, 101]
    );
    let accepted = accept(&parsed(
        &offer(B, &policy, &remote(&phone), &local(B))
            .expect("an offer")
            .sdp,
    ));
    assert!(accepted.media[0].codecs.iter().all(|codec| !codec.is("CN")));
}

#[test]
fn between_the_laws_of_g711_a_table_is_enough() {
    let policy = Policy::default();
    let (_, bridge) = call(
        &phone_with("0"),
        (&plain(A), &plain(B)),
        &policy,
        &["PCMA", "G729"],
    )
    .expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("PCMU/PCMA"));
    assert_eq!(converted(&bridge.a_to_b.codecs), [(0, 8)]);
    assert_eq!(converted(&bridge.b_to_a.codecs), [(8, 0)]);
    assert!(!bridge.a_to_b.transcodes() && !bridge.b_to_a.transcodes());
    assert_eq!(
        transcoded(&bridge.b_to_a.codecs),
        [(18, 0)],
        "should it come all the same"
    );
}

#[test]
fn a_phone_with_both_is_answered_with_what_a_table_makes_of_the_partners() {
    let policy = Policy::default();
    let a = phone_with("9 0 13").replace("a=ptime:20", "a=ptime:30\r\na=maxptime:60");
    let source = remote(&a);
    let offered = offer(B, &policy, &source, &plain(B)).expect("an offer");
    let mut answer_of_b = phone_answer(&offered.sdp);
    answer_of_b.media[0].codecs.retain(|it| it.is("PCMA"));
    answer_of_b.media[0].ptime_ms = Some(40);
    let sdp = answer_of_b.to_text();
    let bridge = bridge((A, &source, &plain(A)), &offered, &sdp, &policy).expect("a bridge");
    let to_a = parsed(&bridge.answer_to_a);
    assert_eq!(payload_types(&to_a.media[0])[..2], [0, 9]);
    assert!(to_a.media[0].codecs.iter().all(|codec| !codec.is("CN")));
    assert_eq!(
        to_a.media[0].ptime_ms,
        Some(40),
        "packets go end to end, and so does their length"
    );
    let stream_of_a = stream(&bridge.plan_a, Audio);
    assert_eq!(
        (stream_of_a.send_ptime_ms, stream_of_a.max_send_ptime_ms),
        (Some(30), Some(60))
    );
    assert_eq!(converted(&bridge.a_to_b.codecs), [(0, 8)]);
}

#[test]
fn without_leave_to_transcode_no_table_is_used_either() {
    let policy = Policy {
        transcoding: Transcoding::Forbidden,
        ..Policy::default()
    };
    let refused = call(&phone_with("0"), (&plain(A), &plain(B)), &policy, &["PCMA"]);
    assert!(refused.is_err());
}

fn full() -> Policy {
    Policy {
        transcoding: Transcoding::Full,
        ..Policy::default()
    }
}

#[test]
fn a_table_needs_no_room_among_the_coders() {
    let a = phone_with("0 18");
    let (offered, bridge) = call(&a, (&plain(A), &plain(B)), &full(), &["PCMA"]).expect("a bridge");
    assert_eq!(
        names(&offered),
        [
            "PCMU/8000",
            "G729/8000",
            "PCMA/8000",
            "telephone-event/8000"
        ]
    );
    assert_eq!(
        payload_types(&parsed(&bridge.answer_to_a).media[0]),
        [0, 101],
        "G.729 would need a coder"
    );
    assert_eq!(bridge.audio.codec(), Some("PCMU/PCMA"));
    assert_eq!(converted(&bridge.a_to_b.codecs), [(0, 8)]);
    assert_eq!(converted(&bridge.b_to_a.codecs), [(8, 0)]);
    for patch in [&bridge.a_to_b, &bridge.b_to_a] {
        assert!(!patch.transcodes() && transcoded(&patch.codecs).is_empty());
    }
    // Nor does it later, when either offers the same anew.
    assert!(suits(
        &bridge.b,
        Source::Willing(&bridge.a),
        Direction::SendRecv,
        &full()
    ));
    let (to_b, to_a) = join(&bridge.a, &bridge.b, &full());
    assert_eq!(to_b.codecs, bridge.a_to_b.codecs);
    assert_eq!(to_a.codecs, bridge.b_to_a.codecs);
}

#[test]
fn without_room_a_partner_that_may_go_on_with_another_codec_is_no_partner() {
    let a = remote(&phone_with("0"));
    let offered = offer(B, &Policy::default(), &a, &plain(B)).expect("an offer");
    let mut answer_of_b = phone_answer(&offered.sdp);
    let kept = |it: &crate::sdp::Codec| it.is("PCMA") || it.is("G722");
    answer_of_b.media[0].codecs.retain(kept);
    let answer_of_b = answer_of_b.to_text();
    let joined = |policy: Policy| bridge((A, &a, &plain(A)), &offered, &answer_of_b, &policy);
    let refused = joined(full()).expect_err("no room");
    assert!(
        matches!(refused, NegotiationError::TranscodingFull { .. }),
        "{refused}"
    );
    // They talk already, and others have taken the last room since.
    let bridge = joined(Policy::default()).expect("a bridge");
    let (to_b, to_a) = join(&bridge.a, &bridge.b, &full());
    assert_eq!(converted(&to_b.codecs), [(0, 8)]);
    assert!(to_a.codecs.is_empty(), "G.722 would not be heard");
    assert!(!suits(
        &bridge.a,
        Source::Willing(&bridge.b),
        Direction::SendRecv,
        &full()
    ));
    // Nobody is invited to what could not be heard.
    let policy = full();
    let newcomer = offer_from(B, &policy, Source::Agreement(&bridge.b), &plain(B));
    assert!(!newcomer.expect("an offer").sdp.contains("PCMU"));
}
