//! From B's answer to A's, and to both plans: codecs, extensions and feedback.

use super::peer::{
    A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, accept, accept_codecs, exchange,
    exchanged, maps, media, parsed, payload_types, refuse, stream, transport,
};
use crate::ids::DtlsRole;
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::Policy;
use crate::plan::{Extension, Format};
use crate::sdp::Codec;

/// Chromium's answer to a call with video.
const CHROMIUM_ANSWER: &str = include_str!("../../../tests/data/chromium-answer-video.sdp");

/// Leaves only these video codecs in an offer's text.
fn with_video(sdp: &str, keep: impl Fn(&Codec) -> bool) -> String {
    accept_codecs(&parsed(sdp), Video, keep)
        .to_text()
        .replace("a=setup:active", "a=setup:actpass")
}

#[test]
fn the_answer_to_a_of_a_browsers_call_is_as_recorded() {
    let bridge = exchange(FIREFOX_VIDEO, &Policy::default(), |offer| {
        accept_codecs(offer, Video, |codec| codec.is("VP8")).to_text()
    })
    .expect("a bridge");
    let golden = include_str!("../../../tests/data/golden-answer-to-a.sdp");
    assert_eq!(bridge.answer_to_a, golden, "\n{}", bridge.answer_to_a);
    assert_eq!(
        bridge.summary,
        "A offers opus,G722,PCMU,PCMA|VP8,VP9,H264; B accepts opus,G722,PCMU,PCMA|VP8; \
         bridge opus|VP8"
    );
}

#[test]
fn two_chromiums_share_all_they_have() {
    let bridge = exchange(CHROMIUM_VIDEO, &Policy::default(), |_| {
        CHROMIUM_ANSWER.to_owned()
    })
    .expect("a bridge");
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (Some("opus"), Some("VP8"))
    );
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(answer.bundle, [["0", "1"]]);
    assert_eq!(payload_types(&answer.media[0]), [111, 9, 0, 8, 110, 126]);
    assert_eq!(payload_types(&answer.media[1])[..2], [96, 97]);

    assert_eq!((bridge.plan_a.leg, bridge.plan_b.leg), (A, B));
    let announced = answer.media[0].sources[0].cname.as_ref();
    assert_eq!(announced, Some(&bridge.plan_a.cname));
    assert_eq!((bridge.a_to_b.source, bridge.a_to_b.sink), (A, B));
    assert_eq!((bridge.b_to_a.source, bridge.b_to_a.sink), (B, A));
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio)[0], (111, 111));
    let (a, b) = (transport(&bridge.plan_a), transport(&bridge.plan_b));
    assert_eq!(a.remote_ice.as_ref().expect("ICE").ufrag, "h9Hd");
    assert_eq!(
        (a.local_ice.ufrag.as_str(), b.local_ice.ufrag.as_str()),
        ("ours1", "ours2")
    );
    assert_eq!((a.role, b.role), (DtlsRole::Server, DtlsRole::Server));
    assert_eq!(
        stream(&bridge.plan_a, Video).remote_ssrcs,
        [540_047_908, 267_098_878]
    );
    assert_eq!(stream(&bridge.plan_b, Video).remote_ssrcs.len(), 2);
    assert_eq!(stream(&bridge.plan_a, Video).rtx_ssrc, Some(103));
}

#[test]
fn the_codec_that_b_names_first_is_in_use_and_stands_first_toward_a() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept(offer);
        for media in &mut answer.media {
            media.codecs.reverse();
        }
        answer
    });
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (Some("PCMA"), Some("VP9"))
    );
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(
        payload_types(media(&answer, Audio))[..4],
        [8, 0, 9, 111],
        "events come last"
    );
    assert_eq!(payload_types(media(&answer, Video))[..2], [100, 101]);
    assert_eq!(stream(&bridge.plan_a, Video).codecs[0].receive_pt, 100);
}

#[test]
fn a_page_with_vp8_and_one_with_h264_keep_the_sound() {
    let vp8 = with_video(CHROMIUM_VIDEO, |codec| codec.is("VP8"));
    // A browser that has no codec in common refuses the m-line.
    let bridge = exchanged(&vp8, |offer| {
        accept_codecs(offer, Video, |codec| codec.is("H264"))
    });
    assert_eq!(bridge.audio.codec(), Some("opus"));
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("the callee accepts no video with the codecs offered (VP8)")
    );
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(answer.media.len(), 2);
    assert!(answer.media[1].is_refused());
    assert_eq!(answer.media[1].mid.as_deref(), Some("1"));
    assert_eq!(answer.bundle, [["0"]]);
    assert!(
        bridge
            .answer_to_a
            .contains("m=video 0 UDP/TLS/RTP/SAVPF 0\r\n")
    );
    assert_eq!(bridge.plan_a.streams.len(), 1);
    assert_eq!(bridge.plan_b.streams.len(), 1);
    assert!(
        bridge
            .summary
            .ends_with("B accepts opus,G722,PCMU,PCMA|none; bridge opus|none")
    );
}

#[test]
fn a_vp8_page_and_an_h264_page_each_find_what_a_full_browser_has() {
    for name in ["VP8", "H264"] {
        let some = with_video(CHROMIUM_VIDEO, |codec| codec.is(name));
        assert_eq!(
            exchanged(&some, accept).video.codec(),
            Some(name),
            "as the caller"
        );
        let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
            accept_codecs(offer, Video, |codec| codec.is(name))
        });
        assert_eq!(bridge.video.codec(), Some(name), "as the callee");
        let answer = parsed(&bridge.answer_to_a);
        let names: Vec<_> = media(&answer, Video)
            .codecs
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        assert!(
            names.iter().all(|found| [name, "rtx"].contains(found)),
            "{names:?}"
        );
    }
}

#[test]
fn h264_is_matched_by_profile_and_packetization_mode() {
    let high = "profile-level-id=64001f;packetization-mode=1";
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept_codecs(offer, Video, |codec| codec.payload_type == 108);
        answer.media[1].codecs[0].parameters =
            Some("profile-level-id=42e034;packetization-mode=1;level-asymmetry-allowed=1".into());
        answer
    });
    let video = stream(&bridge.plan_a, Video);
    assert_eq!((video.codecs.len(), video.codecs[0].receive_pt), (1, 108));
    let answer = parsed(&bridge.answer_to_a);
    let level = media(&answer, Video).codecs[0].parameter("profile-level-id");
    assert_eq!(
        level,
        Some("42e034"),
        "the level that the receiver can take"
    );

    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept_codecs(offer, Video, |codec| codec.payload_type == 108);
        answer.media[1].codecs[0].parameters = Some(high.into());
        answer
    });
    let reason = bridge.video.reason().expect("no video");
    assert!(
        reason.starts_with("no common video codec: the caller offers VP8,H264"),
        "{reason}"
    );
    assert!(reason.ends_with("the callee accepts H264"), "{reason}");
}

#[test]
fn vp9_profiles_are_told_apart() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        accept_codecs(offer, Video, |codec| {
            codec.parameter("profile-id") == Some("2")
        })
    });
    assert_eq!(maps(&bridge.a_to_b.codecs, Video), [(100, 100)]);
}

#[test]
fn b_may_number_payload_types_anew() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept_codecs(offer, Video, |codec| codec.is("VP8"));
        let opus = &mut answer.media[0].codecs;
        opus.retain(|codec| codec.is("opus"));
        opus[0].payload_type = 100;
        let vp8 = &mut answer.media[1].codecs;
        vp8[0].payload_type = 120;
        vp8[1].payload_type = 121;
        vp8[1].parameters = Some("apt=120".into());
        answer
    });
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio), [(111, 100)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Audio), [(111, 111)]);
    assert_eq!(maps(&bridge.a_to_b.codecs, Video), [(96, 120)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Video), [(96, 96)]);
    let vp8 = &stream(&bridge.plan_b, Video).codecs[0];
    assert_eq!(
        (vp8.receive_pt, vp8.send_pt, vp8.rtx),
        (96, 120, Some((97, 121)))
    );
    assert_eq!(
        payload_types(media(&parsed(&bridge.answer_to_a), Video)),
        [96, 97]
    );
}

#[test]
fn a_codec_that_was_not_offered_is_ignored() {
    let bridge = exchanged(CHROMIUM_AUDIO, |offer| {
        let mut answer = accept(offer);
        let strange = Codec {
            payload_type: 77,
            name: "VP8".into(),
            clock_rate: 90_000,
            channels: 1,
            parameters: None,
            feedback: Vec::new(),
        };
        answer.media[0].codecs.insert(0, strange);
        answer
    });
    assert_eq!(bridge.audio.codec(), Some("opus"));
    assert!(!bridge.answer_to_a.contains("VP8"));
}

#[test]
fn retransmissions_are_agreed_leg_by_leg() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept(offer);
        answer.media[1].codecs.retain(|codec| codec.is("VP8"));
        answer
    });
    let (a, b) = (stream(&bridge.plan_a, Video), stream(&bridge.plan_b, Video));
    assert_eq!((a.codecs[0].rtx, a.rtx_ssrc), (Some((97, 97)), Some(103)));
    assert_eq!((b.codecs[0].rtx, b.rtx_ssrc), (None, None));
}

#[test]
fn feedback_is_agreed_leg_by_leg() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept_codecs(offer, Video, |codec| codec.is("VP8"));
        answer.media[1].codecs[0].feedback = vec!["nack pli".into()];
        answer
    });
    let (a, b) = (stream(&bridge.plan_a, Video), stream(&bridge.plan_b, Video));
    assert!(a.codecs[0].feedback.nack && a.codecs[0].feedback.remb);
    assert!(b.codecs[0].feedback.pli && !b.codecs[0].feedback.nack && !b.codecs[0].feedback.remb);
}

#[test]
fn chromium_and_firefox_meet_with_the_callers_numbers() {
    // Firefox answers with fewer extensions; ids stay those of the offer (RFC 8285 6).
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept_codecs(offer, Video, |codec| codec.is("VP8") || codec.is("H264"));
        for media in &mut answer.media {
            let known = |uri: &str| uri.contains("audio-level") || uri.contains("abs-send-time");
            media.extensions.retain(|map| known(&map.uri));
        }
        answer
    });
    for plan in [&bridge.plan_a, &bridge.plan_b] {
        let ids: Vec<_> = stream(plan, Video)
            .extensions
            .iter()
            .map(|e| (e.id, e.extension))
            .collect();
        assert_eq!(ids, [(2, Extension::AbsSendTime)]);
    }
    let answer = parsed(&bridge.answer_to_a);
    assert!(
        !bridge.answer_to_a.contains("video-orientation"),
        "B could not turn the picture"
    );
    assert_eq!(media(&answer, Audio).extensions.len(), 2);

    let bridge = exchanged(FIREFOX_VIDEO, accept);
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio)[0], (109, 109));
    let extensions = &stream(&bridge.plan_b, Video).extensions;
    let ids: Vec<_> = extensions
        .iter()
        .map(|plan| (plan.id, plan.extension))
        .collect();
    assert_eq!(
        ids,
        [
            (4, Extension::AbsSendTime),
            (5, Extension::TransmissionOffset)
        ]
    );
    assert_eq!(
        stream(&bridge.plan_a, Video).remote_ssrcs,
        [3_735_928_559, 1_431_655_765]
    );
}

#[test]
fn a_captured_call_of_chromium_to_firefox_is_bridged() {
    let firefox = include_str!("../../../tests/data/firefox-answer-to-chromium.sdp");
    let bridge = exchange(CHROMIUM_VIDEO, &Policy::default(), |_| firefox.to_owned());
    let bridge = bridge.expect("a bridge");
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (Some("opus"), Some("VP8"))
    );
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(
        payload_types(media(&answer, Audio)),
        [111, 9, 0, 8, 126, 110]
    );
    assert_eq!(
        payload_types(media(&answer, Video)),
        [96, 97, 45, 46, 98, 99]
    );
    // Firefox takes the playout delay in one direction only.
    let found = stream(&bridge.plan_b, Video)
        .extensions
        .iter()
        .map(|plan| plan.extension);
    let expected = [Extension::TransmissionOffset, Extension::AbsSendTime];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(
        stream(&bridge.plan_b, Video).remote_ssrcs,
        [2_832_424_838, 1_589_968_948]
    );
}

#[test]
fn a_captured_call_of_firefox_to_chromium_is_bridged() {
    let firefox = include_str!("../../../tests/data/firefox-offer-video-no-h264.sdp");
    let chromium = include_str!("../../../tests/data/chromium-answer-to-firefox.sdp");
    let bridge = exchange(firefox, &Policy::default(), |_| chromium.to_owned());
    let bridge = bridge.expect("a bridge");
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (Some("opus"), Some("VP8"))
    );
    assert_eq!(maps(&bridge.a_to_b.codecs, Video)[0], (120, 120));
    assert_eq!(
        stream(&bridge.plan_a, Video).codecs[0].rtx,
        Some((124, 124))
    );
}

#[test]
fn an_extension_under_another_id_than_offered_is_not_in_use() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept(offer);
        answer.media[0].extensions[0].id = 12;
        answer
    });
    let left = &stream(&bridge.plan_b, Audio).extensions;
    assert_eq!(
        left.iter().map(|plan| plan.extension).collect::<Vec<_>>(),
        [Extension::AbsSendTime]
    );
}

#[test]
fn a_pcmu_only_callee_is_relayed_in_pcmu() {
    let pcmu = include_str!("../../../tests/data/chromium-answer-pcmu.sdp");
    let bridge =
        exchange(CHROMIUM_AUDIO, &Policy::default(), |_| pcmu.to_owned()).expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("PCMU"));
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(payload_types(&answer.media[0]), [0, 126]);
    assert_eq!(
        bridge.summary,
        "A offers opus,G722,PCMU,PCMA; B accepts PCMU; bridge PCMU"
    );
}

#[test]
fn events_are_answered_to_a_though_b_has_none() {
    let bridge = exchanged(CHROMIUM_AUDIO, |offer| {
        accept_codecs(offer, Audio, |codec| codec.is("opus"))
    });
    assert_eq!(
        payload_types(&parsed(&bridge.answer_to_a).media[0]),
        [111, 110]
    );
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio), [(111, 111)]);
    let bridge = exchanged(FIREFOX_VIDEO, |offer| {
        accept_codecs(offer, Audio, |codec| codec.is("opus"))
    });
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(
        payload_types(media(&answer, Audio)),
        [109, 101],
        "Firefox has no others"
    );
}

#[test]
fn no_common_codec_at_all_names_both_lists() {
    let result = exchange(CHROMIUM_VIDEO, &Policy::default(), |offer| {
        let mut answer = accept(offer);
        answer.media = answer.media.iter().map(refuse).collect();
        answer.to_text()
    });
    assert_eq!(
        result.expect_err("no codec").to_string(),
        "no common codec: the caller offers opus,G722,PCMU,PCMA|VP8,H264,AV1,VP9, \
         the callee accepts none|none"
    );
}

#[test]
fn video_that_a_does_not_offer_or_policy_forbids_says_so() {
    let bridge = exchanged(CHROMIUM_AUDIO, accept);
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("the caller offers no video")
    );
    let excluded = with_video(CHROMIUM_VIDEO, |codec| codec.is("AV1"));
    let policy = Policy {
        excluded: vec![Format::Av1],
        ..Policy::default()
    };
    let bridge = exchange(&excluded, &policy, |offer| accept(offer).to_text()).expect("a bridge");
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("none of the caller's video codecs (AV1) can be carried")
    );
    assert!(parsed(&bridge.answer_to_a).media[1].is_refused());
}
