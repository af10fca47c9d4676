//! The way to media: ICE-lite and DTLS against a full agent in the controlling role.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use media::event::{Event, Failure};
use media::ids::{DtlsRole, Fingerprint, LegId};
use media::plan::{Command, TransportPlan};
use media::worker::Path;
use peer::packets::Rtp;
use peer::plans::{CHROMIUM, complete, leg_plan};
use peer::transport::Version;
use peer::world::{SERVER_V4, SERVER_V6, World};

const SECOND: Duration = Duration::from_secs(1);

/// A world with one leg whose peer has got its answer and starts.
fn one_leg(servers: &[SocketAddr], version: Version) -> World {
    let mut world = World::new();
    world.add_peer(1, servers, version);
    let fingerprint = world.peers[&1].fingerprint;
    world.command(Command::AddLeg(Box::new(complete(
        leg_plan(1, CHROMIUM, false),
        fingerprint,
    ))));
    world
}

fn failure(world: &World) -> Option<Failure> {
    world.events.iter().find_map(|event| match event {
        Event::Failed(_, failure) => Some(failure.clone()),
        _ => None,
    })
}

#[test]
fn media_is_ready_over_ipv4_and_ipv6_with_either_dtls_version() {
    for server in [SERVER_V4, SERVER_V6] {
        for version in [Version::Dtls12, Version::Dtls13, Version::Auto] {
            let mut world = one_leg(&[server], version);
            assert!(
                world.run_until(3 * SECOND, |it| it.is_ready(1)),
                "{server} {version:?}"
            );
            assert!(world.saw(&Event::IceConnected(LegId(1))));
            assert!(world.run_until(SECOND, |it| it.peers[&1].connected()));
        }
    }
}

#[test]
fn the_certificate_is_the_one_that_the_configuration_announces() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    let announced = world.worker.fingerprint();
    assert!(world.run_until(3 * SECOND, |it| it.peers[&1].connected()));
    assert_eq!(world.peers[&1].peer_fingerprint, Some(announced));
}

#[test]
fn a_client_hello_before_the_first_check_is_kept_for_its_path() {
    let mut world = World::new();
    let mut first = true;
    world.lose = Box::new(move |_, bytes| bytes[0] < 4 && std::mem::take(&mut first));
    world.add_peer(1, &[SERVER_V4], Version::Dtls13);
    world.peers.get_mut(&1).unwrap().hasty = true;
    let fingerprint = world.peers[&1].fingerprint;
    world.command(Command::AddLeg(Box::new(complete(
        leg_plan(1, CHROMIUM, false),
        fingerprint,
    ))));
    // The first flight goes out before any check can have been answered, and is not repeated
    // within the time that is given here.
    world.with_peer(1, |peer, now, out| peer.poll(now, out));
    assert!(
        world.run_until(SECOND / 2, |it| it.is_ready(1)),
        "{:?}",
        world.events
    );
    assert!(
        world.worker.counters().dtls_unchecked > 0,
        "the hello came first"
    );
}

#[test]
fn a_handshake_that_ends_before_the_answer_is_known_is_held_back_until_then() {
    let mut world = World::new();
    world.add_peer(1, &[SERVER_V4], Version::Dtls13);
    let plan = leg_plan(1, CHROMIUM, false);
    world.command(Command::AddLeg(Box::new(plan.clone())));
    world.run_for(3 * SECOND);
    assert!(world.peers[&1].connected(), "the handshake itself is done");
    assert!(!world.is_ready(1), "but nobody knows yet with whom");
    let fingerprint = world.peers[&1].fingerprint;
    world.command(Command::UpdateLeg(Box::new(complete(plan, fingerprint))));
    assert!(world.is_ready(1));
}

#[test]
fn our_hello_is_repeated_until_the_peer_takes_it() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = World::new();
        world.add_peer(1, &[SERVER_V4], version);
        let start = world.now;
        let peer = world.peers.get_mut(&1).unwrap();
        peer.wait_for_hello(start, version);
        let mut answered = complete(leg_plan(1, CHROMIUM, false), peer.fingerprint);
        let TransportPlan::WebRtc(webrtc) = &mut answered.transport else {
            panic!("a WebRTC leg");
        };
        webrtc.role = DtlsRole::Client;
        let mut lost = 0;
        world.lose = Box::new(move |to_server, bytes| {
            let is_hello = !to_server && bytes[0] == 22;
            lost += usize::from(is_hello);
            is_hello && lost <= 2
        });
        world.command(Command::AddLeg(Box::new(leg_plan(1, CHROMIUM, false))));
        assert!(world.run_until(SECOND, |it| it.saw(&Event::IceConnected(LegId(1)))));
        world.command(Command::UpdateLeg(Box::new(answered)));
        assert!(
            world.run_until(4 * SECOND, |it| it.is_ready(1)),
            "{version:?}, {:?}",
            world.events
        );
    }
}

/// An answer of `a=setup:passive` makes us the DTLS client.
#[test]
fn a_peer_that_waits_for_our_hello_gets_it_whether_checks_or_answer_come_first() {
    for version in [Version::Dtls12, Version::Dtls13] {
        for answer_first in [true, false] {
            let mut world = World::new();
            world.add_peer(1, &[SERVER_V4], version);
            let start = world.now;
            let peer = world.peers.get_mut(&1).unwrap();
            peer.wait_for_hello(start, version);
            let mut answered = complete(leg_plan(1, CHROMIUM, false), peer.fingerprint);
            let TransportPlan::WebRtc(webrtc) = &mut answered.transport else {
                panic!("a WebRTC leg");
            };
            webrtc.role = DtlsRole::Client;
            world.command(Command::AddLeg(Box::new(leg_plan(1, CHROMIUM, false))));
            if !answer_first {
                assert!(world.run_until(SECOND, |it| it.saw(&Event::IceConnected(LegId(1)))));
            }
            world.command(Command::UpdateLeg(Box::new(answered)));
            assert!(
                world.run_until(3 * SECOND, |it| it.is_ready(1)),
                "{version:?}, answer first: {answer_first}, {:?}",
                world.events
            );
            assert!(world.run_until(SECOND, |it| it.peers[&1].connected()));
        }
    }
}

#[test]
fn s31_a_wrong_fingerprint_fails_the_leg_before_or_after_the_answer() {
    let wrong = Fingerprint([9; 32]);
    for answer_first in [true, false] {
        let mut world = World::new();
        world.add_peer(1, &[SERVER_V4], Version::Auto);
        let plan = leg_plan(1, CHROMIUM, false);
        if answer_first {
            world.command(Command::AddLeg(Box::new(complete(plan, wrong))));
            world.run_for(3 * SECOND);
        } else {
            world.command(Command::AddLeg(Box::new(plan.clone())));
            world.run_for(3 * SECOND);
            world.command(Command::UpdateLeg(Box::new(complete(plan, wrong))));
        }
        assert_eq!(failure(&world), Some(Failure::FingerprintMismatch));
        assert!(!world.is_ready(1));
    }
}

#[test]
fn a_leg_that_nobody_reaches_fails_with_that_reason() {
    let mut world = World::new();
    let plan = complete(leg_plan(1, CHROMIUM, false), Fingerprint([1; 32]));
    world.command(Command::AddLeg(Box::new(plan)));
    world.run_for(9 * SECOND);
    assert_eq!(failure(&world), None);
    world.run_for(2 * SECOND);
    assert_eq!(failure(&world), Some(Failure::NeverReached));
    assert_eq!(
        world.worker.poll_timeout(),
        None,
        "a dead leg wants nothing any more"
    );
}

#[test]
fn a_leg_that_is_checked_but_never_shakes_hands_fails_with_that_reason() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    world.lose = Box::new(|to_server, bytes| to_server && bytes[0] >= 20);
    world.run_for(11 * SECOND);
    assert_eq!(failure(&world), Some(Failure::DtlsTimeout));
}

#[test]
fn a_ringing_leg_does_not_time_out_before_its_answer() {
    let mut world = World::new();
    world.command(Command::AddLeg(Box::new(leg_plan(1, CHROMIUM, false))));
    world.run_for(60 * SECOND);
    assert_eq!(failure(&world), None);
}

#[test]
fn the_handshake_survives_loss() {
    let mut world = one_leg(&[SERVER_V4], Version::Dtls13);
    let mut count = 0;
    world.lose = Box::new(move |_, bytes| {
        count += 1;
        bytes[0] >= 20 && count % 3 == 0
    });
    assert!(
        world.run_until(9 * SECOND, |it| it.is_ready(1)),
        "{:?}",
        world.events
    );
}

#[test]
fn consent_is_lost_when_the_far_side_falls_silent() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    world.run_for(40 * SECOND);
    assert_eq!(failure(&world), None, "checks go on, so consent does");
    world.lose = Box::new(|to_server, _| to_server);
    world.run_for(14 * SECOND);
    assert_eq!(failure(&world), None);
    world.run_for(4 * SECOND);
    assert_eq!(failure(&world), Some(Failure::ConsentLost));
}

#[test]
fn sending_follows_the_peer_to_its_new_address() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.peers[&1].connected()));
    let moved = SocketAddr::from(([10, 0, 2, 1], 50_001));
    world.with_peer(1, |peer, now, out| {
        peer.move_to(now, moved);
        peer.poll(now, out);
    });
    world.run_for(5 * SECOND);
    world.command(Command::RemoveLeg(LegId(1)));
    let (_, path, goodbye) = world.sent.last().unwrap();
    assert!((20..64).contains(&goodbye[0]));
    assert_eq!(path.remote, moved);
}

#[test]
fn removing_a_leg_says_goodbye_and_forgets_it() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.peers[&1].connected()));
    assert!(world.run_until(SECOND, |it| it.is_ready(1)));
    world.command(Command::RemoveLeg(LegId(1)));
    world.run_for(SECOND);
    assert!(world.peers[&1].closed_by_peer);
    assert_eq!(world.worker.legs(), 0);
    let before = world.worker.counters().stun_ignored;
    world.run_for(10 * SECOND);
    assert!(
        world.worker.counters().stun_ignored > before,
        "its checks are nobody's now"
    );
}

#[test]
fn a_peer_that_closes_is_reported_once() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = one_leg(&[SERVER_V4], version);
        assert!(world.run_until(3 * SECOND, |it| it.peers[&1].connected()));
        world.run_for(SECOND);
        // Its last packet is overtaken by its goodbye.
        let peer = world.peers.get_mut(&1).unwrap();
        let straggler = peer.protect(&Rtp::new(111, 1, 1, 0).to_bytes());
        let path = Path::udp(SERVER_V4, peer.address);
        world.with_peer(1, |peer, now, out| peer.close(now, out));
        world.peers.remove(&1);
        world.run_for(SECOND / 10);
        world.inject(path, &straggler);
        world.run_for(7 * SECOND);
        assert!(world.saw(&Event::Closed(LegId(1))), "{version:?}");
        world.run_for(30 * SECOND);
        let closed = world
            .events
            .iter()
            .filter(|it| **it == Event::Closed(LegId(1)))
            .count();
        assert_eq!(closed, 1, "{version:?}");
        assert_eq!(failure(&world), None);
    }
}

/// What a server sends when a handshake is over: `change_cipher_spec` and `finished`, or an
/// acknowledgement under the keys of the connection.
fn is_end_of_handshake(datagram: &[u8]) -> bool {
    datagram[0] == 20 || matches!(datagram[0], 32..=63) && datagram[0] & 3 == 3
}

#[test]
fn the_end_of_a_handshake_is_repeated_to_a_client_that_missed_it() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = one_leg(&[SERVER_V4], version);
        let mut lost = 0;
        world.lose = Box::new(move |to_server, bytes| {
            let is_end = !to_server && is_end_of_handshake(bytes);
            lost += usize::from(is_end);
            is_end && lost <= 2
        });
        world.run_for(20 * SECOND);
        assert!(world.is_ready(1), "{version:?}");
        let peer = &world.peers[&1];
        assert!(peer.connected() && peer.dtls_error.is_none(), "{version:?}");
        let ends = |world: &World| {
            let sent = world.sent.iter();
            sent.filter(|(_, _, bytes)| is_end_of_handshake(bytes))
                .count()
        };
        let before = ends(&world);
        assert_eq!(before, 3, "{version:?}: the third one arrives");
        // Whoever asks on and on is not answered for ever.
        let path = Path::udp(SERVER_V4, world.peers[&1].address);
        for _ in 0..100 {
            world.inject(path, &[22, 254, 253, 0, 0]);
            world.run_for(SECOND / 20);
        }
        assert!((4..20).contains(&ends(&world)), "{version:?}");
        world.run_for(20 * SECOND);
        assert_eq!(failure(&world), None);
    }
}

#[test]
fn a_goodbye_that_somebody_forged_does_not_end_a_leg_that_is_there() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    let path = Path::udp(SERVER_V4, world.peers[&1].address);
    // It sends no media: its checks alone tell that it is there.
    for number in 0..20 {
        world.inject(path, &[0b0010_1111, 0, number, 0, 1, 2]);
        world.inject(path, &[21, 254, 253, 0, 1, 0, 0, 0, 0, 0, number, 0, 0]);
        world.run_for(SECOND);
    }
    assert!(!world.saw(&Event::Closed(LegId(1))));
    assert_eq!(failure(&world), None);
    // One from before its silence says nothing about it.
    world.run_for(8 * SECOND);
    world.lose = Box::new(|to_server, _| to_server);
    world.run_for(18 * SECOND);
    assert_eq!(failure(&world), Some(Failure::ConsentLost));
}

#[test]
fn s31_a_description_with_another_fingerprint_fails_a_leg_that_has_shaken_hands() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    world.run_for(SECOND);
    let plan = complete(leg_plan(1, CHROMIUM, false), Fingerprint([9; 32]));
    world.command(Command::UpdateLeg(Box::new(plan)));
    assert_eq!(failure(&world), Some(Failure::FingerprintMismatch));
}

#[test]
fn s30_a_client_hello_from_an_unchecked_address_is_dropped_before_and_after_set_up() {
    let hello = null_cipher_client_hello();
    let stranger = Path::udp(SERVER_V4, SocketAddr::from(([127, 0, 0, 3], 6666)));
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    world.inject(stranger, &hello);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    world.inject(stranger, &hello);
    world.run_for(20 * SECOND);
    assert_eq!(failure(&world), None);
    assert!(
        world
            .sent
            .iter()
            .all(|(_, path, _)| path.remote != stranger.remote)
    );
    assert_eq!(world.worker.counters().dtls_unchecked, 2);
}

#[test]
fn s34_forged_checks_are_ignored_without_an_answer() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    let stranger = Path::udp(SERVER_V4, SocketAddr::from(([127, 0, 0, 3], 6666)));
    let forged = binding_request("userver1:uclient1", "not the password", 0);
    let unknown = binding_request("nobody:uclient1", "not the password", 0);
    let bloated = binding_request("userver1:uclient1", "password-of-server1-0123456789", 100);
    let wrong_remote = binding_request("userver1:other", "password-of-server1-0123456789", 0);
    for _ in 0..1000 {
        for request in [&forged, &unknown, &bloated, &wrong_remote] {
            world.inject(stranger, request);
        }
    }
    assert_eq!(world.worker.counters().stun_ignored, 4000);
    assert!(
        world
            .sent
            .iter()
            .all(|(_, path, _)| path.remote != stranger.remote)
    );
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
}

#[test]
fn a_genuine_check_is_answered_with_fewer_bytes_than_it_has() {
    let mut world = one_leg(&[SERVER_V6], Version::Auto);
    let path = Path::udp(
        SERVER_V6,
        SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, 9], 9)),
    );
    let request = binding_request("userver1:uclient1", "password-of-server1-0123456789", 0);
    world.inject(path, &request);
    let (_, to, answer) = world.sent.last().unwrap();
    assert_eq!(*to, path);
    assert!(
        answer.len() <= request.len(),
        "{} for {}",
        answer.len(),
        request.len()
    );
}

#[test]
fn a_checked_path_is_not_taken_over_by_a_check_for_another_leg() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    let plan = complete(leg_plan(2, CHROMIUM, false), Fingerprint([1; 32]));
    world.command(Command::AddLeg(Box::new(plan)));
    let victim = Path::udp(SERVER_V4, world.peers[&1].address);
    let ignored = world.worker.counters().stun_ignored;
    let request = binding_request("userver2:uclient2", "password-of-server2-0123456789", 0);
    world.inject(victim, &request);
    assert_eq!(world.worker.counters().stun_ignored, ignored + 1);
}

#[test]
fn s35_nothing_that_arrives_makes_the_worker_panic() {
    let mut world = one_leg(&[SERVER_V4], Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    let own = Path::udp(SERVER_V4, world.peers[&1].address);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..20_000_usize {
        let bytes: Vec<u8> = (0..round % 97)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .collect();
        world.inject(own, &bytes);
    }
    let valid = binding_request("userver1:uclient1", "password-of-server1-0123456789", 0);
    for cut in 0..valid.len() {
        world.inject(own, &valid[..cut]);
    }
}

/// A ClientHello that offers nothing but `TLS_NULL_WITH_NULL_NULL`.
fn null_cipher_client_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([0x42; 32]);
    body.extend([0, 0, 0, 2, 0, 0, 1, 0]);
    let len = u8::try_from(body.len()).unwrap();
    let mut handshake = vec![1, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len];
    handshake.extend(body);
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    record.push(u8::try_from(handshake.len()).unwrap());
    record.extend(handshake);
    record
}

/// A Binding request by hand, with so many unknown attributes added.
fn binding_request(username: &str, password: &str, extra: usize) -> Vec<u8> {
    let mut attributes = Vec::new();
    let mut put = |kind: u16, value: &[u8]| {
        attributes.extend(kind.to_be_bytes());
        attributes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        attributes.extend(value);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    };
    put(0x0006, username.as_bytes());
    put(0x0024, &[0x6e, 0, 1, 0xff]);
    put(0x802a, &[1; 8]);
    put(0x0025, &[]);
    for _ in 0..extra {
        put(0xc000, &[]);
    }
    let mut message = vec![0, 1];
    message.extend(u16::try_from(attributes.len() + 24).unwrap().to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend([5; 12]);
    message.extend(&attributes);
    let key = aws_lc_rs::hmac::Key::new(
        aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        password.as_bytes(),
    );
    let mac = aws_lc_rs::hmac::sign(&key, &message);
    message.extend([0, 8, 0, 20]);
    message.extend(mac.as_ref());
    message
}
