//! What a hostile network and a hostile far side may send (SECURITY S29, S31 to S33, S35).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::Duration;

use media::event::{Event, Failure};
use media::ids::{Fingerprint, LegId, MediaKind};
use media::plan::Command;
use media::worker::Path;
use peer::call::{call, connect, join};
use peer::packets::{Rtp, rtcp};
use peer::plans::{CHROMIUM, client_ssrc, complete, leg_plan, our_ssrc};
use peer::transport::Version;
use peer::world::{SERVER_V4, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn stranger() -> Path {
    Path::udp(SERVER_V4, ([127, 0, 0, 3], 6666).into())
}

fn path_of(world: &World, leg: u64) -> Path {
    Path::udp(SERVER_V4, world.peers[&leg].address)
}

fn failed(world: &World) -> bool {
    world
        .events
        .iter()
        .any(|event| matches!(event, Event::Failed(..)))
}

#[test]
fn s29_media_from_an_unchecked_address_is_neither_relayed_nor_learned() {
    let mut world = call(true);
    world.speak(1, 1, 3);
    world.run_for(50 * MS);
    world.forget(2);
    // Even a genuine packet: somebody on the path replays it from elsewhere, first.
    let genuine = world.speech(1, 50).to_bytes();
    let genuine = world.peers.get_mut(&1).unwrap().protect(&genuine);
    world.inject(stranger(), &genuine);
    for number in 0..1000_u16 {
        let packet = Rtp::new(CHROMIUM.opus, client_ssrc(1, MediaKind::Audio), number, 0);
        world.inject(stranger(), &packet.to_bytes());
        let ssrc = our_ssrc(2, MediaKind::Video);
        world.inject(
            stranger(),
            &rtcp(ssrc, |writer| writer.pli(ssrc, ssrc).map(|_| ())),
        );
    }
    world.run_for(SECOND);
    assert!(world.heard(2).is_empty());
    assert_eq!(world.worker.counters().rtp_unchecked, 2001);
    world.speak(2, 1, 5);
    assert!(
        world
            .sent
            .iter()
            .all(|(_, path, _)| path.remote != stranger().remote)
    );
    assert!(!failed(&world));
}

#[test]
fn s31_no_media_passes_a_leg_whose_certificate_is_wrong_or_unchecked() {
    for wrong in [true, false] {
        let mut world = World::new();
        join(&mut world, 2, false, |_| {});
        world.add_peer(1, &[SERVER_V4], Version::Dtls13);
        let mut plan = leg_plan(1, CHROMIUM, false);
        if wrong {
            plan = complete(plan, Fingerprint([1; 32]));
        }
        world.command(Command::AddLeg(Box::new(plan)));
        connect(&mut world, 1, 2, false);
        connect(&mut world, 2, 1, false);
        assert!(world.run_until(5 * SECOND, |it| it.peers[&1].connected()));
        world.speak(1, 1, 20);
        world.speak(2, 1, 20);
        world.run_for(SECOND);
        assert!(world.heard(1).is_empty() && world.heard(2).is_empty());
        let mismatch = Event::Failed(LegId(1), Failure::FingerprintMismatch);
        assert_eq!(world.saw(&mismatch), wrong);
    }
}

#[test]
fn s32_corrupt_packets_are_counted_and_the_call_stays() {
    let mut world = call(false);
    world.speak(1, 1, 3);
    let path = path_of(&world, 1);
    let before = world.worker.counters().rejected;
    let mut rng = StdRng::seed_from_u64(32);
    for round in 0..100_000_u32 {
        let number = 10 + (round % 30_000) as u16;
        let mut bytes = world.speech(1, number).to_bytes();
        bytes.resize(bytes.len() + 16, rng.random());
        world.inject(path, &bytes);
    }
    assert_eq!(world.worker.counters().rejected, before + 100_000);
    world.run_for(50 * MS);
    world.forget(2);
    world.speak(1, 4, 5);
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 5, "the flood moved no replay window");
    assert!(!failed(&world));
}

#[test]
fn s32_corrupt_packets_do_not_keep_a_dead_leg_alive() {
    let mut world = call(false);
    world.lose = Box::new(|to_server, _| to_server);
    for _ in 0..20 {
        let bytes = world.speech(1, 7).to_bytes();
        world.inject(path_of(&world, 1), &bytes);
        world.run_for(SECOND);
    }
    assert!(world.saw(&Event::Failed(LegId(1), Failure::ConsentLost)));
}

#[test]
fn s33_replayed_media_is_dropped() {
    let mut world = call(false);
    let mut captured = Vec::new();
    for number in 0..500 {
        let plain = world.speech(1, number).to_bytes();
        let bytes = world.peers.get_mut(&1).unwrap().protect(&plain);
        world.inject(path_of(&world, 1), &bytes);
        captured.push(bytes);
        world.run_for(20 * MS);
    }
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 500);
    let before = world.worker.counters().rejected;
    for bytes in &captured {
        world.inject(path_of(&world, 1), bytes);
    }
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 500);
    assert_eq!(world.worker.counters().rejected, before + 500);
    world.speak(1, 500, 5);
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 505);
}

#[test]
fn s35_rtp_of_a_peer_that_lies_in_every_field_does_no_harm() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    let mut rng = StdRng::seed_from_u64(35);
    let ssrcs = [
        client_ssrc(1, MediaKind::Audio),
        client_ssrc(1, MediaKind::Video),
        client_ssrc(1, MediaKind::Video) + 1,
    ];
    let types = [
        CHROMIUM.opus,
        CHROMIUM.vp8,
        CHROMIUM.vp8_rtx,
        CHROMIUM.telephone_event,
        0,
        127,
    ];
    let mut numbers = [20_u16, 20, 20];
    let mut sent = 0;
    for _ in 0..30_000 {
        let which = rng.random_range(0..ssrcs.len());
        // Numbers must rise or else SRTP itself refuses; sometimes they leap.
        let leap = if rng.random_range(0..500) == 0 {
            5000
        } else {
            1
        };
        numbers[which] = numbers[which].wrapping_add(leap);
        let payload_type = types[rng.random_range(0..types.len())];
        let mut packet = Rtp::new(payload_type, ssrcs[which], numbers[which], rng.random());
        let len = rng.random_range(0..40);
        packet.payload = (0..len).map(|_| rng.random()).collect();
        for _ in 0..rng.random_range(0..3) {
            let data: Vec<u8> = (0..rng.random_range(1..17)).map(|_| rng.random()).collect();
            packet.extensions.push((rng.random_range(0..15), data));
        }
        let mut bytes = packet.to_bytes();
        // CSRC count, padding and extension bits beyond what is there.
        if rng.random_range(0..3) == 0 {
            bytes[0] = 0x80 | (rng.random::<u8>() & 0x3F);
        }
        if bytes[0] & 0x10 != 0 && rng.random_range(0..4) == 0 && bytes.len() > 16 {
            bytes[15] = rng.random();
        }
        // What our own writer refuses to protect, no peer can have authenticated.
        if media::rtp::Header::parse(&bytes).is_err() {
            continue;
        }
        let protected = world.peers.get_mut(&1).unwrap().protect(&bytes);
        world.inject(path_of(&world, 1), &protected);
        sent += 1;
        if sent % 50 == 0 {
            world.run_for(MS);
        }
    }
    assert!(sent > 10_000);
    world.run_for(5 * SECOND);
    assert_eq!(
        world.peers[&2].refused, 0,
        "whatever comes out is sound SRTP"
    );
    assert!(!failed(&world));
    world.forget(2);
    let last = numbers[0].wrapping_add(1);
    world.speak(1, last, 5);
    world.run_for(50 * MS);
    assert!(
        world.heard(2).len() >= 3,
        "the call goes on: {}",
        world.heard(2).len()
    );
}

#[test]
fn s35_rtcp_of_a_peer_that_lies_does_no_harm() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    world.show(2, 1, 3, true);
    let mut rng = StdRng::seed_from_u64(3535);
    for _ in 0..20_000 {
        let len = 4 * rng.random_range(2..40);
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.random()).collect();
        bytes[0] = 0x80 | (bytes[0] & 0x3F);
        bytes[1] = 200 + rng.random_range(0..8);
        // Only as many senders as SRTP takes at all.
        let sender = client_ssrc(1, MediaKind::Audio) + rng.random_range(0..4);
        bytes[4..8].copy_from_slice(&sender.to_be_bytes());
        if rng.random() {
            bytes[2..4].copy_from_slice(&((len / 4 - 1) as u16).to_be_bytes());
        }
        if rng.random() && len >= 12 {
            bytes[8..12].copy_from_slice(&our_ssrc(1, MediaKind::Video).to_be_bytes());
        }
        let protected = world.peers.get_mut(&1).unwrap().protect(&bytes);
        world.inject(path_of(&world, 1), &protected);
    }
    world.run_for(5 * SECOND);
    assert!(!failed(&world));
    world.forget(2);
    world.show(1, 4, 5, true);
    world.run_for(50 * MS);
    assert!(!world.heard(2).is_empty());
}

/// How many datagrams one datagram makes that asks seven times for 500 packets.
fn burst_of_repairs(receivable: Option<u64>) -> usize {
    let mut world = call(true);
    world.show(1, 1, 1, true);
    for number in 2..500 {
        let packet = world.picture(1, number, false);
        world.say(1, &packet.to_bytes());
        world.run_for(MS);
    }
    world.run_for(50 * MS);
    let all: Vec<u16> = world.heard(2).iter().map(|it| it.sequence_number).collect();
    let (ssrc, ours) = (
        client_ssrc(2, MediaKind::Video),
        our_ssrc(2, MediaKind::Video),
    );
    if let Some(bitrate) = receivable {
        let report = rtcp(ssrc, |writer| {
            writer.remb(ssrc, bitrate, &[ours])?;
            Ok(())
        });
        world.say(2, &report);
        world.run_for(50 * MS);
    }
    let before = world.sent.len();
    let request = rtcp(ssrc, |writer| {
        for _ in 0..7 {
            writer.nack(ssrc, ours, &all)?;
        }
        Ok(())
    });
    world.say(2, &request);
    world.run_for(15 * MS);
    assert_eq!(world.outbox.overflowed(), 0);
    world.sent.len() - before
}

#[test]
fn s35_one_datagram_of_requests_makes_a_bounded_burst() {
    // The way is wide, so that only the limit of one datagram holds.
    let burst = burst_of_repairs(Some(100_000_000));
    assert!((100..=130).contains(&burst), "{burst} datagrams");
}

#[test]
fn s35_repairs_take_no_more_than_their_share_of_a_narrow_way() {
    let narrow = burst_of_repairs(Some(100_000));
    // 12 kB may be saved up: ten of these packets, and a report of the time.
    assert!((5..=12).contains(&narrow), "{narrow} datagrams");
}
