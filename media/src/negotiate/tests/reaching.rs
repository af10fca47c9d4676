//! Where phones may have media sent to (SECURITY S38).

use super::peer::{A, B, accept, local, parsed, remote};
use super::phone::{PHONE, far_side, phone_local, rtp};
use crate::ids::MediaKind::Audio;
use crate::negotiate::{Policy, Security, bridge, offer};
use crate::plan::RtcpPlan;

const FAR: &str = "192.0.2.50";

/// Where media goes of a phone that signals from `peer` and names `named`, as we see it.
fn sent_to(peer: &str, named: &str) -> (Option<String>, RtcpPlan) {
    let family = if named.contains(':') { "IP6" } else { "IP4" };
    let sdp = PHONE.replace("c=IN IP4 192.0.2.50", &format!("c=IN {family} {named}"));
    let sdp = format!("{sdp}a=rtcp:53020 IN {family} {named}\r\n");
    let source = remote(&sdp);
    let offered = offer(B, &Policy::default(), &source, &local(B)).expect("an offer");
    let mut ours = phone_local(A, Security::Plain);
    rtp(&mut ours).signalling = Some(peer.parse().expect("an IP"));
    rtp(&mut ours).own_addresses = vec!["10.0.0.5".parse().expect("an IP")];
    let answer = accept(&parsed(&offered.sdp)).to_text();
    let a = (A, &source, &ours);
    let bridge = bridge(a, &offered, &answer, &Policy::default()).expect("a bridge");
    let far = far_side(&bridge.plan_a, Audio);
    (far.rtp.map(|it| it.ip().to_string()), far.rtcp)
}

#[test]
fn s38_nobody_elsewhere_has_media_sent_to_this_machine_its_link_or_many() {
    for named in [
        "127.0.0.1",
        "127.8.0.1",
        "::1",
        "::ffff:127.0.0.1",
        // The metadata service of clouds.
        "169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "0.0.0.1",
        "::",
        "224.0.0.5",
        "ff02::1",
        "255.255.255.255",
        // Where we told him to send to, and another address of ours.
        "198.51.100.1",
        "::ffff:198.51.100.1",
        "10.0.0.5",
    ] {
        let nowhere = (None, RtcpPlan::Separate(None));
        assert_eq!(sent_to(FAR, named), nowhere, "{named}");
    }
    // Behind a NAT, or media apart from signalling: that is how phones are.
    for named in [FAR, "192.168.1.20", "10.0.0.6", "203.0.113.9"] {
        assert_eq!(sent_to(FAR, named).0.as_deref(), Some(named));
    }
}

#[test]
fn s38_a_peer_that_is_there_itself_may_name_it() {
    for (peer, named) in [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.3"),
        // It is on this machine, whichever address of ours it uses.
        ("198.51.100.1", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1"),
        // It has no other address.
        ("169.254.3.4", "169.254.3.4"),
    ] {
        assert_eq!(sent_to(peer, named).0.as_deref(), Some(named), "{peer}");
    }
    assert_eq!(sent_to("127.0.0.1", "0.0.0.0").0, None);
}
