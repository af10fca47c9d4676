//! Phones: their texts, and our part of their legs.

use std::net::{IpAddr, SocketAddr};

use super::peer::{B, local, parsed, remote};
use crate::ids::{LegId, MediaKind};
use crate::negotiate::{
    KeySeed, Local, LocalOffer, LocalRtp, LocalTransport, Policy, RtpProfile, Security, offer,
};
use crate::plan::{LegPlan, RtcpPlan, RtpRemote, RtpStreamPlan, TransportPlan};
use crate::ports::PortPair;
use crate::sdp::Description;

/// A desk phone.
pub(super) const PHONE: &str = "v=0\r\n\
    o=root 8000 8000 IN IP4 192.0.2.50\r\n\
    s=call\r\n\
    c=IN IP4 192.0.2.50\r\n\
    b=CT:1000\r\n\
    t=0 0\r\n\
    m=audio 62000 RTP/AVP 9 8 0 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n";

/// Its m-line for video.
pub(super) const VIDEO: &str = "m=video 62002 RTP/AVP 96 97\r\n\
    a=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\n\
    a=rtpmap:97 H263-1998/90000\r\n";

/// Our part of a phone's leg.
pub(super) fn phone_local(leg: LegId, security: Security) -> Local {
    let base = 20_000 + 4 * u16::try_from(leg.0).expect("a small leg number");
    Local {
        transport: LocalTransport::Rtp(LocalRtp {
            address: IpAddr::from([198, 51, 100, 1]),
            audio: PortPair::new(base),
            video: PortPair::new(base + 2),
            profile: RtpProfile {
                security,
                feedback: false,
            },
            keys: KeySeed::new([leg.0 as u8; 32]),
            signalling: Some(IpAddr::from([192, 0, 2, 50])),
            own_addresses: Vec::new(),
        }),
        ..local(leg)
    }
}

pub(super) fn rtp(local: &mut Local) -> &mut LocalRtp {
    match &mut local.transport {
        LocalTransport::Rtp(rtp) => rtp,
        LocalTransport::WebRtc(_) => panic!("a WebRTC leg"),
    }
}

/// Offers a phone what `a` says.
pub(super) fn offer_to_phone(a: &str, security: Security) -> LocalOffer {
    let local = phone_local(B, security);
    offer(B, &Policy::default(), &remote(a), &local).expect("an offer")
}

pub(super) fn lines(sdp: &str) -> Vec<&str> {
    sdp.lines().collect()
}

pub(super) fn way(plan: &LegPlan, kind: MediaKind) -> &RtpStreamPlan {
    let TransportPlan::Rtp(rtp) = &plan.transport else {
        panic!("a WebRTC leg");
    };
    let mut streams = rtp.streams.iter();
    streams.find(|it| it.kind == kind).expect("a stream")
}

pub(super) fn far_side(plan: &LegPlan, kind: MediaKind) -> &RtpRemote {
    way(plan, kind).remote.as_ref().expect("a far side")
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) fn separate(text: &str) -> RtcpPlan {
    RtcpPlan::Separate(Some(address(text)))
}

/// How a phone answers an offer: the same m-lines with an address of its own.
pub(super) fn phone_answer(offered: &str) -> Description {
    let mut answer = parsed(offered);
    for media in &mut answer.media {
        if !media.is_refused() {
            media.port = 62_000 + 2 * u16::from(media.kind() == Some(MediaKind::Video));
            media.connection = Some(IpAddr::from([192, 0, 2, 50]));
            media.direction = media.direction.reversed();
            media.crypto.truncate(1);
        }
    }
    answer
}
