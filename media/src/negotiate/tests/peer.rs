//! Both sides of a call: browsers' texts, our own part, and an answerer made of the model.

use std::net::SocketAddr;

use smol_str::SmolStr;

use crate::ids::{Fingerprint, IceCredentials, LegId, MediaKind};
use crate::negotiate::{
    Bridge, Local, LocalOffer, LocalTransport, LocalWebRtc, NegotiationError, Policy, RemoteOffer,
    bridge, offer,
};
use crate::plan::{CodecMap, LegPlan, Passage, StreamPlan, TransportPlan, WebRtcPlan};
use crate::sdp::{
    CertificateHash, Codec, Description, Direction, Limits, Media, MediaDescription, Setup,
};

pub(super) const A: LegId = LegId(1);
pub(super) const B: LegId = LegId(2);

pub(super) const CHROMIUM_AUDIO: &str =
    include_str!("../../../tests/data/chromium-offer-audio.sdp");
pub(super) const CHROMIUM_VIDEO: &str =
    include_str!("../../../tests/data/chromium-offer-video.sdp");
pub(super) const FIREFOX_VIDEO: &str = include_str!("../../../tests/data/firefox-offer-video.sdp");

/// Our part of a leg.
pub(super) fn local(leg: LegId) -> Local {
    let number = u32::try_from(leg.0).expect("a small leg number");
    Local {
        session_id: 7_000 + leg.0,
        session_version: 1,
        cname: format!("cname{number}").into(),
        audio_ssrc: number * 100 + 1,
        video_ssrc: number * 100 + 2,
        video_rtx_ssrc: number * 100 + 3,
        transport: LocalTransport::WebRtc(LocalWebRtc {
            ice: IceCredentials {
                ufrag: format!("ours{number}").into(),
                pwd: format!("our-password-of-leg-00{number}").into(),
            },
            fingerprint: Fingerprint([0x0C; 32]),
            candidates: candidates(40_000),
            tcp_candidates: candidates(40_001),
            stream_id: format!("stream{number}").into(),
        }),
    }
}

/// The WebRTC part of it.
pub(super) fn webrtc(local: &mut Local) -> &mut LocalWebRtc {
    match &mut local.transport {
        LocalTransport::WebRtc(webrtc) => webrtc,
        LocalTransport::Rtp(_) => panic!("an RTP leg"),
    }
}

fn candidates(port: u16) -> Vec<SocketAddr> {
    ["192.0.2.10", "2001:db8::10"]
        .map(|text| SocketAddr::new(text.parse().expect("an address"), port))
        .into()
}

pub(super) fn remote(sdp: &str) -> RemoteOffer {
    RemoteOffer::parse(sdp, &Limits::default()).expect("a usable offer")
}

pub(super) fn parsed(sdp: &str) -> Description {
    Description::parse(sdp, &Limits::default()).expect("a session description")
}

pub(super) fn media(description: &Description, kind: MediaKind) -> &MediaDescription {
    description
        .media
        .iter()
        .find(|media| media.kind() == Some(kind))
        .expect("an m-line")
}

pub(super) fn payload_types(media: &MediaDescription) -> Vec<u8> {
    media
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .collect()
}

/// Offers leg B what `a` says.
pub(super) fn offer_to_b(a: &str, policy: &Policy) -> LocalOffer {
    offer(B, policy, &remote(a), &local(B)).expect("an offer")
}

/// A whole exchange: B answers our offer with what `answer` makes of it.
pub(super) fn exchange(
    a: &str,
    policy: &Policy,
    answer: impl FnOnce(&Description) -> String,
) -> Result<Bridge, NegotiationError> {
    let offered = offer_to_b(a, policy);
    let answer = answer(&parsed(&offered.sdp));
    bridge((A, &remote(a), &local(A)), &offered, &answer, policy)
}

/// An answerer that takes all of an offer, with ICE and DTLS of its own.
pub(super) fn accept(offered: &Description) -> Description {
    let mut answer = offered.clone();
    answer.origin.session_id = SmolStr::new_static("4242");
    answer.ice_lite = false;
    for media in &mut answer.media {
        media.port = 9;
        media.ice = Some(IceCredentials {
            ufrag: "theirs".into(),
            pwd: "their-own-ice-password".into(),
        });
        media.fingerprints = vec![CertificateHash::Sha256(Fingerprint([0xB0; 32]))];
        media.setup = Some(Setup::Active);
        media.direction = media.direction.reversed();
        media.candidates.clear();
        media.sources.clear();
        media.source_groups.clear();
    }
    answer
}

/// [`accept`], with the codecs of a kind that `keep` lets through; rtx follows its codec.
pub(super) fn accept_codecs(
    offered: &Description,
    kind: MediaKind,
    keep: impl Fn(&Codec) -> bool,
) -> Description {
    let mut answer = accept(offered);
    for media in answer
        .media
        .iter_mut()
        .filter(|media| media.kind() == Some(kind))
    {
        let kept: Vec<u8> = media
            .codecs
            .iter()
            .filter(|c| keep(c))
            .map(|c| c.payload_type)
            .collect();
        media
            .codecs
            .retain(|codec| kept.contains(&codec.apt().unwrap_or(codec.payload_type)));
        if media.codecs.is_empty() {
            *media = refuse(media);
        }
    }
    answer
}

/// [`accept`], with another direction for a kind.
pub(super) fn accept_direction(
    offered: &Description,
    kind: MediaKind,
    direction: Direction,
) -> Description {
    let mut answer = accept(offered);
    for media in answer
        .media
        .iter_mut()
        .filter(|media| media.kind() == Some(kind))
    {
        media.direction = direction;
    }
    answer
}

/// As browsers refuse an m-line.
pub(super) fn refuse(media: &MediaDescription) -> MediaDescription {
    let mut refused = MediaDescription::new(Media::Other("".into()), media.protocol.clone());
    refused.media = media.media.clone();
    refused.other_formats = vec!["96".into()];
    refused.mid = media.mid.clone();
    refused
}

pub(super) fn exchanged(a: &str, answer: impl FnOnce(&Description) -> Description) -> Bridge {
    exchange(a, &Policy::default(), |offer| answer(offer).to_text()).expect("a bridge")
}

pub(super) fn stream(plan: &LegPlan, kind: MediaKind) -> &StreamPlan {
    plan.streams
        .iter()
        .find(|stream| stream.kind == kind)
        .expect("a stream")
}

pub(super) fn transport(plan: &LegPlan) -> &WebRtcPlan {
    match &plan.transport {
        TransportPlan::WebRtc(transport) => transport,
        TransportPlan::Rtp(_) => panic!("an RTP leg"),
    }
}

/// What is relayed.
pub(super) fn maps(codecs: &[CodecMap], kind: MediaKind) -> Vec<(u8, u8)> {
    passing(codecs, kind, Passage::Relay)
}

/// What is transcoded of the sound.
pub(super) fn transcoded(codecs: &[CodecMap]) -> Vec<(u8, u8)> {
    passing(codecs, MediaKind::Audio, Passage::Transcode)
}

/// What of the sound goes from one law of G.711 to the other.
pub(super) fn converted(codecs: &[CodecMap]) -> Vec<(u8, u8)> {
    passing(codecs, MediaKind::Audio, Passage::Convert)
}

fn passing(codecs: &[CodecMap], kind: MediaKind, passage: Passage) -> Vec<(u8, u8)> {
    codecs
        .iter()
        .filter(|map| map.kind == kind && map.passage == passage)
        .map(|map| (map.from_pt, map.to_pt))
        .collect()
}
