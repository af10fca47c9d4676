//! What holds for every exchange, whatever the browsers say.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::peer::{A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, accept, local, parsed};
use crate::negotiate::{Bridge, LocalOffer, Policy, RemoteOffer, bridge, offer};
use crate::plan::{Format, LegPlan, Passage, PatchPlan};
use crate::sdp::{Description, Direction, Limits};
use crate::transcode::coder;

const OFFERS: [&str; 7] = [
    include_str!("../../../tests/data/firefox-offer-video-no-h264.sdp"),
    CHROMIUM_AUDIO,
    CHROMIUM_VIDEO,
    FIREFOX_VIDEO,
    include_str!("../../../tests/data/chromium-offer-recvonly.sdp"),
    include_str!("../../../tests/data/chromium-offer-video-sendonly.sdp"),
    include_str!("../../../tests/data/chromium-offer-video-stripped.sdp"),
];

proptest! {
    #[test]
    fn answers_obey_offer_answer_whatever_b_accepts(
        a in select(&OFFERS[..]),
        keep in vec(any::<bool>(), 64),
        shift in 0..20_u8,
        directions in vec(select(vec![
            Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive,
        ]), 2),
        refused in select(vec![None, Some(0), Some(1)]),
        excluded in select(vec![None, Some(Format::Opus), Some(Format::Vp8), Some(Format::H264)]),
    ) {
        let policy = Policy { excluded: excluded.into_iter().collect(), ..Policy::default() };
        let source = RemoteOffer::parse(a, &Limits::default()).expect("a usable offer");
        let offered = offer(B, &policy, &source, &local(B)).expect("an offer");
        let mut answer = accept(&parsed(&offered.sdp));
        for (index, media) in answer.media.iter_mut().enumerate() {
            let mut keep = keep.iter().cycle();
            media.codecs.retain(|_| *keep.next().unwrap_or(&true));
            let by = usize::from(shift) % media.codecs.len().max(1);
            media.codecs.rotate_left(by);
            media.direction = directions[index % 2];
            if media.codecs.is_empty() || refused == Some(index) {
                *media = super::peer::refuse(media);
            }
        }
        let result = bridge((A, &source, &local(A)), &offered, &answer.to_text(), &policy);
        if let Ok(bridge) = result {
            check(&parsed(a), &offered, &answer, &bridge);
        }
    }

    #[test]
    fn mutilated_offers_and_answers_never_panic(
        a in select(&OFFERS[..]),
        in_offer in cuts(),
        in_answer in cuts(),
    ) {
        let _ = RemoteOffer::parse(&cut(a, &in_offer), &Limits::default()).map(|source| {
            let offered = offer(B, &Policy::default(), &source, &local(B)).expect("an offer");
            let answer = cut(&accept(&parsed(&offered.sdp)).to_text(), &in_answer);
            if let Ok(bridge) = bridge((A, &source, &local(A)), &offered, &answer, &Policy::default()) {
                check(source.description(), &offered, &parsed(&answer), &bridge);
            }
        });
    }
}

fn cuts() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, String)>> {
    vec(
        (any::<prop::sample::Index>(), 0..60_usize, "[ -~\r\n]{0,12}"),
        0..6,
    )
}

fn cut(text: &str, cuts: &[(prop::sample::Index, usize, String)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, new) in cuts {
        let start = at.index(bytes.len().max(1)).min(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, new.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The rules of RFC 3264, RFC 8285, RFC 9143 and of our own plans.
fn check(a: &Description, offered: &LocalOffer, answer_of_b: &Description, bridge: &Bridge) {
    let answer = parsed(&bridge.answer_to_a);
    assert!(answer.ice_lite);
    assert_eq!(answer.media.len(), a.media.len(), "an m-line for each");
    for (ours, theirs) in answer.media.iter().zip(&a.media) {
        assert_eq!(
            (&ours.media, &ours.mid, &ours.protocol),
            (&theirs.media, &theirs.mid, &theirs.protocol)
        );
        assert!(
            ours.is_refused() || !theirs.is_refused(),
            "what is off stays off"
        );
        if ours.is_refused() {
            continue;
        }
        assert!(!ours.codecs.is_empty());
        for codec in &ours.codecs {
            let model = theirs
                .codec(codec.payload_type)
                .expect("only payload types of A");
            assert!(model.is(&codec.name));
            assert!(
                codec.apt().is_none_or(|apt| ours.codec(apt).is_some()),
                "no dangling rtx"
            );
            assert!(
                codec
                    .feedback
                    .iter()
                    .all(|feedback| feedback != "transport-cc")
            );
        }
        for map in &ours.extensions {
            assert!(
                theirs
                    .extensions
                    .iter()
                    .any(|known| known.id == map.id && known.uri == map.uri)
            );
        }
        let allowed = theirs.direction.reversed();
        assert_eq!(ours.direction, ours.direction.and(allowed));
        assert!(ours.rtcp_mux && ours.ice.is_some() && !ours.fingerprints.is_empty());
    }
    let accepted: Vec<_> = answer
        .media
        .iter()
        .filter(|media| !media.is_refused())
        .collect();
    assert!(!accepted.is_empty());
    assert!(accepted.iter().any(|media| !media.candidates.is_empty()));
    for group in &answer.bundle {
        for mid in group {
            assert!(
                accepted.iter().any(|media| media.mid.as_ref() == Some(mid)),
                "bundled and used"
            );
        }
    }
    assert_eq!(accepted.len(), bridge.plan_a.streams.len());
    assert_eq!(bridge.plan_a.streams.len(), bridge.plan_b.streams.len());

    check_patch(&bridge.a_to_b, &bridge.plan_a, &bridge.plan_b);
    check_patch(&bridge.b_to_a, &bridge.plan_b, &bridge.plan_a);
    for (a, b) in bridge.plan_a.streams.iter().zip(&bridge.plan_b.streams) {
        assert_eq!((a.kind, a.receive, a.send), (b.kind, b.send, b.receive));
        assert_eq!(
            a.rtx_ssrc.is_some(),
            a.codecs.iter().any(|codec| codec.rtx.is_some())
        );
        assert_eq!(
            b.rtx_ssrc.is_some(),
            b.codecs.iter().any(|codec| codec.rtx.is_some())
        );
        let index = offered
            .streams
            .iter()
            .position(|own| own.kind == b.kind)
            .expect("offered");
        for codec in &b.codecs {
            let own = &offered.streams[index].formats;
            assert!(
                own.iter()
                    .any(|own| own.codec.payload_type == codec.receive_pt)
            );
            assert!(answer_of_b.media[index].codec(codec.send_pt).is_some());
        }
    }
}

/// Each entry joins two payload types of the plans: of the same format, or such as can be
/// transcoded.
fn check_patch(patch: &PatchPlan, source: &LegPlan, sink: &LegPlan) {
    assert_eq!((patch.source, patch.sink), (source.leg, sink.leg));
    for map in &patch.codecs {
        let codec = |plan: &LegPlan, is: &dyn Fn(&crate::plan::CodecPlan) -> bool| {
            let stream = plan.streams.iter().find(|stream| stream.kind == map.kind);
            stream.and_then(|stream| stream.codecs.iter().find(|codec| is(codec)).cloned())
        };
        let from = codec(source, &|codec| codec.receive_pt == map.from_pt).expect("in the source");
        let to = codec(sink, &|codec| codec.send_pt == map.to_pt).expect("in the sink");
        match (map.passage, from.format) {
            (Passage::Transcode, _) => {
                let is_noise = from.format == Format::ComfortNoise;
                assert!(is_noise || coder(from.format, from.clock_rate).is_some());
                assert!(coder(to.format, to.clock_rate).is_some());
            }
            (Passage::Convert, from) => {
                let laws = [Format::Pcmu, Format::Pcma];
                assert!(from != to.format && [from, to.format].iter().all(|it| laws.contains(it)));
            }
            (Passage::Relay, Format::TelephoneEvent) => assert_eq!(to.format, from.format),
            (Passage::Relay, _) => {
                assert_eq!((from.format, from.clock_rate), (to.format, to.clock_rate));
            }
        }
    }
}
