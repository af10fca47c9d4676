//! The offer to leg B.

use super::peer::{
    B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, local, media, offer_to_b, parsed,
    payload_types, remote, transport, webrtc,
};
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::{NegotiationError, Policy, offer};
use crate::plan::Format;
use crate::sdp::{Direction, Setup};

#[test]
fn the_offer_to_b_of_a_browsers_call_is_as_recorded() {
    let offered = offer_to_b(FIREFOX_VIDEO, &Policy::default());
    let golden = include_str!("../../../tests/data/golden-offer-to-b.sdp");
    assert_eq!(offered.sdp, golden, "\n{}", offered.sdp);
}

#[test]
fn payload_types_ids_and_mids_are_those_of_a() {
    for text in [CHROMIUM_VIDEO, FIREFOX_VIDEO] {
        let source = parsed(text);
        let offered = parsed(&offer_to_b(text, &Policy::default()).sdp);
        assert_eq!(offered.bundle, source.bundle);
        for (ours, theirs) in offered.media.iter().zip(&source.media) {
            assert_eq!(ours.mid, theirs.mid);
            for codec in &ours.codecs {
                let model = theirs
                    .codec(codec.payload_type)
                    .expect("a payload type of A");
                assert_eq!(
                    (&codec.name, &codec.parameters),
                    (&model.name, &model.parameters)
                );
            }
            for map in &ours.extensions {
                assert!(theirs.extensions.contains(map), "{map:?}");
            }
        }
    }
}

#[test]
fn neither_transport_wide_feedback_nor_mids_in_packets_are_offered() {
    for text in [CHROMIUM_VIDEO, FIREFOX_VIDEO] {
        let sdp = offer_to_b(text, &Policy::default()).sdp;
        for absent in [
            "transport-cc",
            "transport-wide",
            "sdes:",
            "red/",
            "ulpfec",
            "CN/",
            "rtcp-fb:111",
        ] {
            assert!(!sdp.contains(absent), "{absent}");
        }
        assert!(sdp.contains("abs-send-time"));
        assert!(
            media(&parsed(&sdp), Video).codecs[0]
                .feedback
                .contains(&"goog-remb".into())
        );
    }
}

#[test]
fn an_audio_offer_stays_without_video() {
    let offered = parsed(&offer_to_b(CHROMIUM_AUDIO, &Policy::default()).sdp);
    assert_eq!(offered.media.len(), 1);
    assert_eq!(
        payload_types(media(&offered, Audio)),
        [111, 9, 0, 8, 110, 126]
    );
}

#[test]
fn the_transport_is_whole_and_inline() {
    let offered = offer_to_b(CHROMIUM_VIDEO, &Policy::default());
    let description = parsed(&offered.sdp);
    assert!(description.ice_lite);
    for media in &description.media {
        assert_eq!(media.setup, Some(Setup::ActPass));
        assert_eq!(media.candidates.len(), 4);
        let priorities: Vec<u32> = media.candidates.iter().map(|it| it.priority).collect();
        assert!(priorities.is_sorted_by(|a, b| a > b), "{priorities:?}");
        assert!(media.end_of_candidates && media.rtcp_mux && media.rtcp_rsize);
        assert_eq!(media.port, 40_000);
        assert_eq!(media.connection, "192.0.2.10".parse().ok());
        assert_eq!(
            media.msids[0].stream, "stream2",
            "one stream for sound and picture"
        );
    }
    let transport = transport(&offered.plan);
    assert_eq!(transport.local_ice.ufrag, "ours2");
    assert_eq!(
        (&transport.remote_ice, transport.remote_fingerprint),
        (&None, None)
    );
}

#[test]
fn sources_of_the_plan_are_those_announced() {
    let offered = offer_to_b(CHROMIUM_VIDEO, &Policy::default());
    let description = parsed(&offered.sdp);
    let video = media(&description, Video);
    assert_eq!(video.source_groups[0].ssrcs, [202, 203]);
    assert_eq!(
        (
            offered.plan.streams[1].ssrc,
            offered.plan.streams[1].rtx_ssrc
        ),
        (202, Some(203))
    );
    assert_eq!(
        media(&description, Audio).sources[0].ssrc,
        offered.plan.streams[0].ssrc
    );
}

#[test]
fn directions_are_those_of_a_and_who_only_receives_announces_no_track() {
    let recvonly = include_str!("../../../tests/data/chromium-offer-recvonly.sdp");
    for media in parsed(&offer_to_b(recvonly, &Policy::default()).sdp).media {
        assert_eq!(media.direction, Direction::RecvOnly);
        assert!(media.sources.is_empty() && media.msids.is_empty());
    }
    let sendonly = include_str!("../../../tests/data/chromium-offer-video-sendonly.sdp");
    let offered = offer_to_b(sendonly, &Policy::default());
    assert_eq!(
        media(&parsed(&offered.sdp), Video).direction,
        Direction::SendOnly
    );
    assert!(offered.plan.streams[1].send && !offered.plan.streams[1].receive);
}

#[test]
fn policy_orders_and_leaves_out() {
    let policy = Policy {
        preferred: vec![Format::H264, Format::Pcma],
        excluded: vec![Format::Vp8, Format::Opus],
        ..Policy::default()
    };
    let offered = parsed(&offer_to_b(FIREFOX_VIDEO, &policy).sdp);
    assert_eq!(payload_types(media(&offered, Audio)), [8, 9, 0, 101]);
    assert_eq!(
        payload_types(media(&offered, Video)),
        [126, 127, 97, 98, 121, 125]
    );
}

#[test]
fn a_medium_that_policy_leaves_nothing_of_is_not_offered() {
    let video = [Format::Vp8, Format::Vp9, Format::H264, Format::Av1];
    let mut policy = Policy {
        excluded: video.into(),
        ..Policy::default()
    };
    assert_eq!(
        parsed(&offer_to_b(FIREFOX_VIDEO, &policy).sdp).media.len(),
        1
    );
    policy
        .excluded
        .extend([Format::Opus, Format::Pcmu, Format::Pcma, Format::G722]);
    let result = offer(B, &policy, &remote(FIREFOX_VIDEO), &local(B));
    let error = result.expect_err("nothing is left").to_string();
    assert!(
        error.contains("none of the caller's audio codecs (opus,G722,PCMU,PCMA)"),
        "{error}"
    );
}

#[test]
fn bit_rates_of_a_and_policy_become_our_limit() {
    let sdp = CHROMIUM_VIDEO.replace("a=mid:1", "b=AS:800\r\na=mid:1");
    let limit = |policy: Option<u64>, sdp: &str| {
        let policy = Policy {
            max_video_bitrate: policy,
            ..Policy::default()
        };
        let offered = offer_to_b(sdp, &policy);
        let written = media(&parsed(&offered.sdp), Video).bandwidth.bits();
        assert_eq!(offered.plan.streams[1].max_receive_bitrate, written);
        assert_eq!(offered.plan.streams[0].max_receive_bitrate, None);
        written
    };
    assert_eq!(limit(None, CHROMIUM_VIDEO), None);
    assert_eq!(limit(None, &sdp), Some(800_000));
    assert_eq!(limit(Some(500_000), &sdp), Some(500_000));
    assert_eq!(limit(Some(2_000_000), &sdp), Some(800_000));
    assert_eq!(limit(Some(2_000_000), CHROMIUM_VIDEO), Some(2_000_000));
}

#[test]
fn packet_times_are_passed_on() {
    let sdp = CHROMIUM_AUDIO.replace("a=mid:0", "a=mid:0\r\na=ptime:40\r\na=maxptime:60");
    let offered = parsed(&offer_to_b(&sdp, &Policy::default()).sdp);
    assert_eq!(
        (offered.media[0].ptime_ms, offered.media[0].maxptime_ms),
        (Some(40), Some(60))
    );
}

#[test]
fn a_server_without_an_address_offers_nothing() {
    for candidates in [vec![], vec!["0.0.0.0:40000".parse().expect("an address")]] {
        let mut local = local(B);
        webrtc(&mut local).candidates = candidates;
        let result = offer(B, &Policy::default(), &remote(CHROMIUM_AUDIO), &local);
        assert_eq!(
            result.expect_err("no address"),
            NegotiationError::NoCandidates
        );
    }
}

#[test]
fn a_tcp_candidate_stands_behind_every_udp_one_of_its_m_line() {
    for text in [CHROMIUM_VIDEO, FIREFOX_VIDEO] {
        let offered = parsed(&offer_to_b(text, &Policy::default()).sdp);
        for media in &offered.media {
            let (udp, tcp): (Vec<_>, Vec<_>) = media
                .candidates
                .iter()
                .partition(|candidate| candidate.transport == "udp");
            assert_eq!((udp.len(), tcp.len()), (2, 2));
            let least = udp.iter().map(|candidate| candidate.priority).min();
            for candidate in tcp {
                assert_eq!(candidate.tcp_type.as_deref(), Some("passive"));
                assert!(Some(candidate.priority) < least, "{candidate}");
                assert!(
                    udp.iter().all(|it| it.foundation != candidate.foundation),
                    "another transport is another foundation (RFC 8445 5.1.1.3): {candidate}"
                );
            }
        }
    }
}

#[test]
fn a_server_without_a_tcp_port_offers_no_tcp() {
    let mut local = local(B);
    webrtc(&mut local).tcp_candidates = Vec::new();
    let offered = offer(B, &Policy::default(), &remote(CHROMIUM_AUDIO), &local).expect("an offer");
    assert!(!offered.sdp.contains(" tcp "), "{}", offered.sdp);
}
