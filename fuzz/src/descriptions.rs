//! Session descriptions, and what is agreed by them.

use std::net::SocketAddr;

use media::ids::{Fingerprint, IceCredentials, LegId};
use media::negotiate::{
    KeySeed, Local, LocalRtp, LocalTransport, LocalWebRtc, OfferedTransport, Policy, RemoteOffer,
    RtpProfile, Security, Source, bridge, offer, reoffer, settle,
};
use media::ports::PortPair;
use media::sdp::{Description, Direction, Limits};

/// Session descriptions: what we write of one reads back as itself.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let limits = Limits::default();
    if let Ok(description) = Description::parse(text, &limits) {
        let written = description.to_text();
        let again = Description::parse(&written, &limits);
        assert_eq!(again.as_ref().map(Description::to_text), Ok(written));
    }
}

/// A caller's offer, our offers made from it, and an answer to them: both parts of the input,
/// parted by a NUL byte. The callee is once a browser and once a phone.
pub fn offer_answer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (caller, callee) = text.split_once('\0').unwrap_or((text, ""));
    let policy = Policy::default();
    let Ok(remote) = RemoteOffer::parse(caller, &policy.limits) else {
        return;
    };
    let ours_of_a = match remote.transport() {
        OfferedTransport::WebRtc => local("a", 10),
        OfferedTransport::Rtp { .. } => phone(10),
    };
    for ours_of_b in [local("b", 20), phone(20)] {
        let Ok(ours) = offer(LegId(2), &policy, &remote, &ours_of_b) else {
            continue;
        };
        // Our own offer, sent back as an answer, must at least be read.
        for answered in [callee, &ours.sdp] {
            let a = (LegId(1), &remote, &ours_of_a);
            let Ok(bridge) = bridge(a, &ours, answered, &policy) else {
                continue;
            };
            let (source, most) = (Source::Agreement(&bridge.a), Direction::SendOnly);
            if let Ok(again) = reoffer(&bridge.b, &policy, source, most, &ours_of_b) {
                let _ = settle(&again, callee, &policy);
            }
        }
    }
}

fn local(name: &str, base: u32) -> Local {
    Local {
        transport: LocalTransport::WebRtc(LocalWebRtc {
            ice: IceCredentials {
                ufrag: name.into(),
                pwd: "0123456789abcdefghijkl".into(),
            },
            fingerprint: Fingerprint([7; 32]),
            candidates: vec![SocketAddr::from(([127, 0, 0, 1], 40_000))],
            tcp_candidates: vec![SocketAddr::from(([127, 0, 0, 1], 40_000))],
            stream_id: "callbox".into(),
        }),
        ..phone(base)
    }
}

fn phone(base: u32) -> Local {
    Local {
        session_id: 1,
        session_version: 1,
        cname: "callbox".into(),
        audio_ssrc: base,
        video_ssrc: base + 1,
        video_rtx_ssrc: base + 2,
        transport: LocalTransport::Rtp(LocalRtp {
            address: [127, 0, 0, 1].into(),
            audio: PortPair::new(20_000),
            video: PortPair::new(20_002),
            profile: RtpProfile {
                security: Security::Opportunistic,
                feedback: true,
            },
            keys: KeySeed::new([9; 32]),
            signalling: None,
            own_addresses: Vec::new(),
        }),
    }
}
