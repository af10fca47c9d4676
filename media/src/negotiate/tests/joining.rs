//! Directions, transports and limits of the two legs that an answer joins.

use super::peer::{
    A, CHROMIUM_AUDIO, CHROMIUM_VIDEO, accept, accept_direction, exchange, exchanged, local, media,
    offer_to_b, parsed, refuse, remote, stream, transport,
};
use crate::ids::DtlsRole;
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::{Bridge, NegotiationError, Policy, bridge};
use crate::sdp::{Description, Direction, Setup};

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
        4,
        "the first of the group has the candidates"
    );
    assert!(
        bridge.summary.ends_with("bridge none|VP8"),
        "{}",
        bridge.summary
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
