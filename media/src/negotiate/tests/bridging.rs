//! From B's answer to A's, and to both plans.

use super::peer::{
    A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, accept, accept_codecs, accept_direction,
    exchange, local, media, offer_to_b, parsed, payload_types, refuse, remote,
};
use crate::ids::MediaKind::{Audio, Video};
use crate::ids::{DtlsRole, MediaKind};
use crate::negotiate::{Bridge, NegotiationError, Policy, bridge};
use crate::plan::{CodecMap, Extension, LegPlan, StreamPlan, TransportPlan, WebRtcPlan};
use crate::sdp::{Codec, Description, Direction, Setup};

/// Chromium's answer to a call with video.
const CHROMIUM_ANSWER: &str = include_str!("../../../tests/data/chromium-answer-video.sdp");

fn exchanged(a: &str, answer: impl FnOnce(&Description) -> Description) -> Bridge {
    exchange(a, &Policy::default(), |offer| answer(offer).to_text()).expect("a bridge")
}

fn stream(plan: &LegPlan, kind: MediaKind) -> &StreamPlan {
    plan.streams
        .iter()
        .find(|stream| stream.kind == kind)
        .expect("a stream")
}

fn transport(plan: &LegPlan) -> &WebRtcPlan {
    let TransportPlan::WebRtc(transport) = &plan.transport;
    transport
}

fn maps(codecs: &[CodecMap], kind: MediaKind) -> Vec<(u8, u8)> {
    codecs
        .iter()
        .filter(|map| map.kind == kind)
        .map(|map| (map.from_pt, map.to_pt))
        .collect()
}

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
            .contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\n")
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
fn an_answer_without_camera_leaves_video_one_way() {
    let recvonly = include_str!("../../../tests/data/chromium-answer-video-recvonly.sdp");
    let bridge = exchange(CHROMIUM_VIDEO, &Policy::default(), |_| recvonly.to_owned());
    let bridge = bridge.expect("a bridge");
    let answer = parsed(&bridge.answer_to_a);
    assert_eq!(media(&answer, Audio).direction, Direction::SendRecv);
    assert_eq!(media(&answer, Video).direction, Direction::RecvOnly);
    assert!(
        media(&answer, Video).msids.is_empty(),
        "A is told of no track that never comes"
    );
    let (a, b) = (stream(&bridge.plan_a, Video), stream(&bridge.plan_b, Video));
    assert_eq!((a.receive, a.send), (true, false));
    assert_eq!((b.receive, b.send), (false, true));
    assert_eq!(bridge.video.codec(), Some("VP8"));
}

#[test]
fn every_pair_of_directions_meets_in_the_middle() {
    let all = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    for a in all {
        for b in all {
            let (audio, video) =
                CHROMIUM_VIDEO.split_at(CHROMIUM_VIDEO.find("m=video").expect("it"));
            let sdp = format!("{audio}{}", video.replace("a=sendrecv", &format!("a={a}")));
            // B may answer anything; what A did not offer is cut off.
            let bridge = exchanged(&sdp, |offer| accept_direction(offer, Video, b));
            let (plan_a, plan_b) = (stream(&bridge.plan_a, Video), stream(&bridge.plan_b, Video));
            let (from_a, from_b) = (a.sends() && b.receives(), b.sends() && a.receives());
            assert_eq!((plan_a.receive, plan_a.send), (from_a, from_b), "{a} {b}");
            assert_eq!((plan_b.receive, plan_b.send), (from_b, from_a), "{a} {b}");
            let answer = parsed(&bridge.answer_to_a);
            assert_eq!(
                media(&answer, Video).direction,
                Direction::new(from_b, from_a),
                "{a} {b}"
            );
        }
    }
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
}

#[test]
fn video_alone_goes_on_without_sound() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept(offer);
        answer.media[0] = refuse(&answer.media[0]);
        answer.bundle = vec![vec!["1".into()]];
        answer
    });
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (None, Some("VP8"))
    );
    let answer = parsed(&bridge.answer_to_a);
    assert!(answer.media[0].is_refused());
    assert_eq!(answer.bundle, [["1"]]);
    assert_eq!(
        answer.media[1].candidates.len(),
        2,
        "the first of the group has the candidates"
    );
    assert!(
        bridge.summary.ends_with("bridge none|VP8"),
        "{}",
        bridge.summary
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
fn an_answer_of_another_shape_is_an_error() {
    let mismatch = |change: fn(&mut Description)| {
        let result = exchange(CHROMIUM_VIDEO, &Policy::default(), |offer| {
            let mut answer = accept(offer);
            change(&mut answer);
            answer.to_text()
        });
        let error = result.expect_err("a mismatch");
        assert!(
            matches!(error, NegotiationError::AnswerMismatch(_)),
            "{error}"
        );
        error.to_string()
    };
    assert_eq!(
        mismatch(|answer| drop(answer.media.pop())),
        "the answer does not fit the offer: it has 1 m-lines instead of 2"
    );
    assert_eq!(
        mismatch(|answer| answer.media.swap(0, 1)),
        "the answer does not fit the offer: m-line 1 is \"video\" instead of audio"
    );
    assert_eq!(
        mismatch(|answer| answer.media[1].mid = Some("x".into())),
        "the answer does not fit the offer: the mid of m-line 2 is another"
    );
}

#[test]
fn the_dtls_roles_follow_both_sides() {
    let role = |setup: Option<Setup>| {
        exchange(CHROMIUM_AUDIO, &Policy::default(), |offer| {
            let mut answer = accept(offer);
            answer.media[0].setup = setup;
            answer.to_text()
        })
        .map(|bridge| transport(&bridge.plan_b).role)
    };
    assert_eq!(role(Some(Setup::Active)), Ok(DtlsRole::Server));
    assert_eq!(role(Some(Setup::Passive)), Ok(DtlsRole::Client));
    for wrong in [Some(Setup::ActPass), Some(Setup::HoldConn), None] {
        assert!(
            matches!(role(wrong), Err(NegotiationError::Setup { .. })),
            "{wrong:?}"
        );
    }

    for (offered, answered, role) in [
        ("actpass", "passive", DtlsRole::Server),
        ("active", "passive", DtlsRole::Server),
        ("passive", "active", DtlsRole::Client),
    ] {
        let sdp = CHROMIUM_AUDIO.replace("setup:actpass", &format!("setup:{offered}"));
        let bridge = exchanged(&sdp, accept);
        assert!(
            bridge
                .answer_to_a
                .contains(&format!("a=setup:{answered}\r\n"))
        );
        assert_eq!(transport(&bridge.plan_a).role, role);
    }
}

#[test]
fn a_callee_that_does_not_bundle_keeps_its_first_stream() {
    let bridge = exchanged(CHROMIUM_VIDEO, |offer| {
        let mut answer = accept(offer);
        answer.bundle.clear();
        answer
    });
    assert_eq!(
        (bridge.audio.codec(), bridge.video.codec()),
        (Some("opus"), None)
    );
    assert!(parsed(&bridge.answer_to_a).media[1].is_refused());
}

#[test]
fn each_streams_transport_is_that_of_the_bundle_it_ends_up_in() {
    // An offerer may give each m-line credentials of its own until the answer bundles them.
    let (audio, video) = CHROMIUM_VIDEO.split_at(CHROMIUM_VIDEO.find("m=video").expect("video"));
    let sdp = format!(
        "{audio}{}",
        video.replace("ice-ufrag:h9Hd", "ice-ufrag:other")
    );
    let ufrag = |bridge: &Bridge| {
        transport(&bridge.plan_a)
            .remote_ice
            .as_ref()
            .expect("ICE")
            .ufrag
            .clone()
    };
    assert_eq!(ufrag(&exchanged(&sdp, accept)), "h9Hd");
    let video_only = exchanged(&sdp, |offer| {
        let mut answer = accept(offer);
        answer.media[0] = refuse(&answer.media[0]);
        answer
    });
    assert_eq!(ufrag(&video_only), "other");
}

#[test]
fn bit_rates_cross_over_to_the_other_side() {
    let policy = Policy {
        max_video_bitrate: Some(1_000_000),
        ..Policy::default()
    };
    let sdp = CHROMIUM_VIDEO.replace("a=mid:1", "b=TIAS:700000\r\na=mid:1");
    let limited = |limit: Option<&str>| {
        exchange(&sdp, &policy, |offer| {
            let line = limit.map(|limit| format!("b={limit}\r\na=mid:1"));
            let mut answer = accept(offer);
            answer.media[1].bandwidth = Default::default();
            answer
                .to_text()
                .replace("a=mid:1", line.as_deref().unwrap_or("a=mid:1"))
        })
        .expect("a bridge")
    };
    let bridge = limited(Some("AS:300"));
    let (a, b) = (stream(&bridge.plan_a, Video), stream(&bridge.plan_b, Video));
    assert_eq!(
        (a.max_receive_bitrate, a.max_send_bitrate),
        (Some(300_000), Some(700_000))
    );
    assert_eq!(
        (b.max_receive_bitrate, b.max_send_bitrate),
        (Some(700_000), Some(300_000))
    );
    assert!(bridge.answer_to_a.contains("b=AS:300\r\nb=TIAS:300000\r\n"));

    let bridge = limited(None);
    assert_eq!(
        stream(&bridge.plan_a, Video).max_receive_bitrate,
        Some(1_000_000)
    );
    assert_eq!(stream(&bridge.plan_b, Video).max_send_bitrate, None);
}

#[test]
fn m_lines_that_are_not_carried_are_refused_in_their_places() {
    let data =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\n";
    let sdp = CHROMIUM_VIDEO
        .replace("m=video", &format!("{data}m=video"))
        .replace("BUNDLE 0 1", "BUNDLE 0 d 1");
    let bridge = exchanged(&sdp, accept);
    let answer = parsed(&bridge.answer_to_a);
    let shape: Vec<_> = answer
        .media
        .iter()
        .map(|m| (m.media.as_str(), m.is_refused()))
        .collect();
    assert_eq!(
        shape,
        [("audio", false), ("application", true), ("video", false)]
    );
    assert_eq!(answer.media[1].other_formats, ["webrtc-datachannel"]);
    assert_eq!(answer.media[1].mid.as_deref(), Some("d"));
    assert_eq!(answer.bundle, [["0", "1"]]);
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
        excluded: vec![crate::plan::Format::Av1],
        ..Policy::default()
    };
    let bridge = exchange(&excluded, &policy, |offer| accept(offer).to_text()).expect("a bridge");
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("none of the caller's video codecs (AV1) can be carried")
    );
    assert!(parsed(&bridge.answer_to_a).media[1].is_refused());
}

#[test]
fn one_offer_serves_several_callees() {
    let offer = remote(CHROMIUM_VIDEO);
    let (first, second) = (
        offer_to_b(CHROMIUM_VIDEO, &Policy::default()),
        offer_to_b(CHROMIUM_VIDEO, &Policy::default()),
    );
    for offered in [first, second] {
        let answer = accept(&parsed(&offered.sdp)).to_text();
        let bridge = bridge(
            (A, &offer, &local(A)),
            &offered,
            &answer,
            &Policy::default(),
        );
        assert_eq!(bridge.expect("a bridge").video.codec(), Some("VP8"));
    }
}
