//! Paths over TCP connections (RFC 6544): like UDP ones, but they end with their connection.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use media::event::{Event, Failure};
use media::ids::{Fingerprint, LegId};
use media::plan::Command;
use media::worker::{ConnectionId, Path};
use peer::call::call;
use peer::plans::{CHROMIUM, complete, leg_plan};
use peer::transport::Version;
use peer::world::{SERVER_V4, SERVER_V6, World};

const SECOND: Duration = Duration::from_secs(1);

fn connection(number: u64) -> ConnectionId {
    ConnectionId(NonZeroU64::new(number).unwrap())
}

/// Leg 1's path over a connection, or over UDP.
fn path(world: &World, connection: Option<ConnectionId>) -> Path {
    Path {
        connection,
        ..Path::udp(SERVER_V4, world.peers[&1].address)
    }
}

/// A leg whose peer comes over TCP connection 1.
fn leg_over_tcp(server: SocketAddr, version: Version) -> World {
    let mut world = World::new();
    world.connections.insert(1, connection(1));
    world.add_peer(1, &[server], version);
    let fingerprint = world.peers[&1].fingerprint;
    let plan = complete(leg_plan(1, CHROMIUM, false), fingerprint);
    world.command(Command::AddLeg(Box::new(plan)));
    world
}

/// Its connection breaks: nothing more reaches the worker over it.
fn close(world: &mut World, number: u64) {
    let closed = path(world, Some(connection(number)));
    world.connections.remove(&1);
    world.worker.handle_path_closed(closed);
    world.sent.clear();
}

fn failure(world: &World) -> Option<Failure> {
    world.events.iter().find_map(|event| match event {
        Event::Failed(_, failure) => Some(failure.clone()),
        _ => None,
    })
}

#[test]
fn media_is_ready_over_tcp_and_everything_leaves_over_the_connection() {
    for server in [SERVER_V4, SERVER_V6] {
        for version in [Version::Dtls12, Version::Dtls13] {
            let mut world = leg_over_tcp(server, version);
            assert!(
                world.run_until(3 * SECOND, |it| it.peers[&1].connected() && it.is_ready(1)),
                "{server} {version:?}: {:?}",
                world.events
            );
            let own = Path {
                connection: Some(connection(1)),
                ..Path::udp(server, world.peers[&1].address)
            };
            assert!(world.worker.knows(&own));
            world.command(Command::RemoveLeg(LegId(1)));
            assert!(world.sent.iter().all(|(_, path, _)| *path == own));
            assert!(!world.worker.knows(&own), "it leads to no leg any more");
        }
    }
}

#[test]
fn one_side_of_a_call_comes_over_tcp_and_hears_the_other() {
    let mut world = call(false);
    world.connections.insert(1, connection(1));
    // Its next check comes over the connection, and is what the worker follows.
    world.run_for(6 * SECOND);
    world.sent.clear();
    for number in 0..50 {
        let packet = world.speech(2, number).to_bytes();
        let protected = world.peers.get_mut(&2).unwrap().protect(&packet);
        let from = Path::udp(SERVER_V4, world.peers[&2].address);
        world.inject(from, &protected);
    }
    let own = path(&world, Some(connection(1)));
    let heard = world.sent.iter().filter(|(_, path, _)| *path == own);
    assert_eq!(heard.count(), 50);
}

#[test]
fn a_closed_connection_is_left_at_once_for_the_path_heard_of_before() {
    let mut world = World::new();
    world.add_peer(1, &[SERVER_V4], Version::Auto);
    let fingerprint = world.peers[&1].fingerprint;
    let plan = complete(leg_plan(1, CHROMIUM, false), fingerprint);
    world.command(Command::AddLeg(Box::new(plan)));
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    world.connections.insert(1, connection(1));
    world.run_for(6 * SECOND);
    let last = world.sent.last().unwrap().1;
    assert_eq!(last.connection, Some(connection(1)), "it has moved to TCP");

    close(&mut world, 1);
    world.command(Command::RemoveLeg(LegId(1)));
    let (_, to, goodbye) = world.sent.last().unwrap();
    assert!((20..64).contains(&goodbye[0]));
    assert_eq!(*to, path(&world, None));
}

#[test]
fn a_leg_moves_to_udp_as_soon_as_its_peer_takes_it_and_its_connection_stays_valid() {
    let mut world = leg_over_tcp(SERVER_V4, Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    world.connections.remove(&1);
    world.run_for(6 * SECOND);
    assert!(world.worker.knows(&path(&world, Some(connection(1)))));
    world.sent.clear();
    world.command(Command::RemoveLeg(LegId(1)));
    let (_, to, goodbye) = world.sent.last().unwrap();
    assert!((20..64).contains(&goodbye[0]));
    assert_eq!(*to, path(&world, None));
    // Both end with the leg.
    assert!(!world.worker.knows(&path(&world, Some(connection(1)))));
    assert!(!world.worker.knows(&path(&world, None)));
}

#[test]
fn without_any_path_the_leg_waits_for_a_new_connection_and_goes_on_over_it() {
    let mut world = leg_over_tcp(SERVER_V4, Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    close(&mut world, 1);
    world.lose = Box::new(|to_server, _| to_server);
    world.run_for(8 * SECOND);
    assert!(world.sent.is_empty(), "nothing has a way: {:?}", world.sent);
    world.lose = Box::new(|_, _| false);
    world.connections.insert(1, connection(2));
    world.run_for(20 * SECOND);
    assert_eq!(failure(&world), None);
    assert!(world.worker.knows(&path(&world, Some(connection(2)))));
    let connected = |it: &&Event| **it == Event::IceConnected(LegId(1));
    assert_eq!(world.events.iter().filter(connected).count(), 1);
}

#[test]
fn without_a_new_connection_consent_is_lost() {
    let mut world = leg_over_tcp(SERVER_V4, Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    close(&mut world, 1);
    world.lose = Box::new(|to_server, _| to_server);
    world.run_for(18 * SECOND);
    assert_eq!(failure(&world), Some(Failure::ConsentLost));
}

#[test]
fn a_leg_that_loses_its_connection_before_the_answer_still_says_the_first_word_over_the_next() {
    let mut world = World::new();
    world.connections.insert(1, connection(1));
    world.add_peer(1, &[SERVER_V4], Version::Dtls13);
    let start = world.now;
    let peer = world.peers.get_mut(&1).unwrap();
    peer.wait_for_hello(start, Version::Dtls13);
    let mut answered = complete(leg_plan(1, CHROMIUM, false), peer.fingerprint);
    let media::plan::TransportPlan::WebRtc(webrtc) = &mut answered.transport else {
        panic!("a WebRTC leg");
    };
    webrtc.role = media::ids::DtlsRole::Client;
    world.command(Command::AddLeg(Box::new(leg_plan(1, CHROMIUM, false))));
    assert!(world.run_until(SECOND, |it| it.saw(&Event::IceConnected(LegId(1)))));
    close(&mut world, 1);
    world.command(Command::UpdateLeg(Box::new(answered)));
    world.connections.insert(1, connection(2));
    assert!(
        world.run_until(8 * SECOND, |it| it.is_ready(1)),
        "{:?}",
        world.events
    );
}

#[test]
fn the_next_connection_from_the_same_port_inherits_nothing() {
    let mut world = leg_over_tcp(SERVER_V4, Version::Auto);
    assert!(world.run_until(3 * SECOND, |it| it.is_ready(1)));
    let next = path(&world, Some(connection(2)));
    close(&mut world, 1);
    for over in [next, path(&world, None)] {
        assert!(!world.worker.knows(&over));
        let before = world.worker.counters();
        world.inject(over, &[0x80; 40]);
        world.inject(over, &[22; 40]);
        let after = world.worker.counters();
        assert_eq!(after.rtp_unchecked, before.rtp_unchecked + 1);
        assert_eq!(after.dtls_unchecked, before.dtls_unchecked + 1);
    }
}

#[test]
fn what_came_too_early_over_a_connection_is_forgotten_with_it() {
    let mut world = World::new();
    world.connections.insert(1, connection(1));
    // Its first flight arrives, no check does.
    world.lose = Box::new(|to_server, bytes| to_server && bytes[0] < 4);
    world.add_peer(1, &[SERVER_V4], Version::Dtls13);
    world.peers.get_mut(&1).unwrap().hasty = true;
    let plan = complete(leg_plan(1, CHROMIUM, false), Fingerprint([1; 32]));
    world.command(Command::AddLeg(Box::new(plan)));
    world.with_peer(1, |peer, now, out| peer.poll(now, out));
    world.run_for(SECOND / 10);
    assert!(world.worker.counters().dtls_unchecked > 0);
    close(&mut world, 1);
    world.connections.insert(1, connection(1));
    world.lose = Box::new(|to_server, bytes| to_server && bytes[0] >= 20);
    world.run_for(SECOND);
    assert!(world.worker.knows(&path(&world, Some(connection(1)))));
    assert!(
        world.sent.iter().all(|(_, _, bytes)| bytes[0] < 4),
        "only checks are answered: the hello is gone"
    );
}
