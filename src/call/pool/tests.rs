use std::collections::BTreeSet;

use rand::SeedableRng;

use super::*;

fn pool(seed: u64) -> Pool {
    Pool::new(StdRng::seed_from_u64(seed))
}

fn ice(local: &Local) -> &IceCredentials {
    match &local.transport {
        LocalTransport::WebRtc(webrtc) => &webrtc.ice,
        LocalTransport::Rtp(_) => panic!("a WebRTC leg"),
    }
}

#[test]
fn credentials_are_of_ice_characters_and_long_enough() {
    let mut pool = pool(1);
    for _ in 0..100 {
        let (_, local) = pool.local(Fingerprint([0; 32]), &[], &[]);
        let IceCredentials { ufrag, pwd } = ice(&local);
        // RFC 8839 5.4: 4 to 256 and 22 to 256 ice-chars.
        assert!((4..=256).contains(&ufrag.len()) && (22..=256).contains(&pwd.len()));
        let is_ice = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        assert!(ufrag.chars().all(is_ice) && pwd.chars().all(is_ice));
    }
}

#[test]
fn nothing_is_given_twice() {
    let mut pool = pool(2);
    let (mut ufrags, mut ssrcs, mut tokens) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..10_000 {
        let (_, local) = pool.local(Fingerprint([0; 32]), &[], &[]);
        assert!(ufrags.insert(ice(&local).ufrag.clone()));
        for ssrc in [local.audio_ssrc, local.video_ssrc, local.video_rtx_ssrc] {
            assert!(ssrc != 0 && ssrcs.insert(ssrc));
        }
        assert!(tokens.insert(pool.token()));
        assert!(local.session_id < 1 << 62);
    }
}

#[test]
fn two_pools_share_nothing_that_anybody_could_guess() {
    assert_ne!(pool(1).token(), pool(2).token());
    assert_eq!(pool(1).token().len(), 32);
}

#[test]
fn ssrcs_come_back() {
    let mut pool = pool(3);
    let (_, local) = pool.local(Fingerprint([0; 32]), &[], &[]);
    assert_eq!(pool.in_use(), 3);
    pool.release(&local);
    assert_eq!(pool.in_use(), 0);
}
