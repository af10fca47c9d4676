use std::collections::BTreeSet;

use media::negotiate::{KeySeed, LocalRtp, RtpProfile};
use rand::SeedableRng;

use super::*;

fn pool(seed: u64) -> Pool {
    Pool::new(StdRng::seed_from_u64(seed))
}

#[test]
fn credentials_are_of_ice_characters_and_long_enough() {
    let mut pool = pool(1);
    for _ in 0..100 {
        let leg = pool.leg_id();
        let IceCredentials { ufrag, pwd } = pool.ice(leg);
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
        let leg = pool.leg_id();
        assert!(ufrags.insert(pool.ice(leg).ufrag));
        let local = rtp_local(&mut pool);
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
    let local = rtp_local(&mut pool);
    assert_eq!(pool.in_use(), 3);
    pool.release(&local);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn open_ports_are_handed_out_once_and_by_their_own_worker() {
    let mut pool = pool(4);
    let pair = PortPair::new(20_000).unwrap();
    pool.ports_are_open(1, pair);
    assert_eq!(pool.take_ports(0), None);
    assert_eq!(pool.take_ports(1), Some(pair));
    assert_eq!((pool.take_ports(1), pool.in_use()), (None, 1));
    assert!(pool.take_back(pair));
    assert_eq!(pool.in_use(), 0);
    assert_eq!(pool.take_ports(1), Some(pair));
}

/// What is ours on a leg without ports.
fn rtp_local(pool: &mut Pool) -> Local {
    let seed = [0; 32];
    pool.local(LocalTransport::Rtp(LocalRtp {
        address: [127, 0, 0, 1].into(),
        audio: None,
        video: None,
        profile: RtpProfile::default(),
        keys: KeySeed::new(seed),
        signalling: None,
        own_addresses: Vec::new(),
    }))
}
