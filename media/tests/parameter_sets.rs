//! What a decoder of H.264 needs before a picture, and gets though the source does not repeat it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::Duration;

use media::ids::{LegId, MediaKind};
use media::plan::{Command, Format, LegPlan};
use media::rtp::h264::ParameterSets;
use peer::call::{call_with, connect, join};
use peer::packets::{Rtp, rtcp};
use peer::plans::{CHROMIUM, FIREFOX, client_ssrc, our_ssrc};
use peer::world::World;

const SPS: &[u8] = &[0x67, 0x42, 0xE0, 0x1F, 0x8C, 0x68, 0x05];
const PPS: &[u8] = &[0x68, 0xCE, 0x3C, 0x80];
/// The first part of a picture that needs no other.
const IDR: &[u8] = &[0x7C, 0x85, 0xB8, 0x00, 0x04];
/// Another slice of it.
const SLICE: &[u8] = &[0x65, 0x00, 0x7A, 0x11];
const OTHER: &[u8] = &[0x61, 0xE0, 0x22];

fn h264(plan: &mut LegPlan) {
    for stream in &mut plan.streams {
        if stream.kind == MediaKind::Video {
            stream.codecs[0].format = Format::H264;
        }
    }
}

fn call() -> World {
    call_with(true, |_| {}, h264)
}

/// Leg 1 sends a packet of this picture.
fn say(world: &mut World, number: u16, picture: u32, payload: &[u8]) {
    let ssrc = client_ssrc(1, MediaKind::Video);
    let packet = Rtp::new(CHROMIUM.vp8, ssrc, number, picture * 3000)
        .payload(payload)
        .extension(CHROMIUM.abs_send_time, &[1, 2, number.to_be_bytes()[1]]);
    world.say(1, &packet.to_bytes());
    world.run_for(Duration::from_millis(50));
}

fn payloads(seen: &[Rtp]) -> Vec<&[u8]> {
    seen.iter().map(|it| &*it.payload).collect()
}

/// The numbers of what was seen, from the first on.
fn numbers(seen: &[Rtp]) -> Vec<u16> {
    let first = seen.first().map_or(0, |it| it.sequence_number);
    let from_first = |it: &Rtp| it.sequence_number.wrapping_sub(first);
    seen.iter().map(from_first).collect()
}

#[test]
fn a_picture_without_its_parameter_sets_gets_those_that_came_before() {
    let mut world = call();
    for (number, payload) in [(1, SPS), (2, PPS), (3, IDR)] {
        say(&mut world, number, 1, payload);
    }
    say(&mut world, 4, 2, OTHER);
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(payloads(&seen), [SPS, PPS, IDR, OTHER], "all is there");
    for (number, payload) in [(5, IDR), (6, SLICE)] {
        say(&mut world, number, 3, payload);
    }
    say(&mut world, 7, 4, OTHER);
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(payloads(&seen)[4..], [SPS, PPS, IDR, SLICE, OTHER]);
    assert_eq!(numbers(&seen), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let [.., sps, pps, idr, slice, _] = &seen[..] else {
        panic!("{seen:?}");
    };
    for packet in [sps, pps, slice] {
        assert_eq!(packet.timestamp, idr.timestamp, "one picture");
        assert_eq!(packet.ssrc, our_ssrc(2, MediaKind::Video));
        assert!(!packet.marker);
    }
    assert_eq!(sps.extensions, [(FIREFOX.abs_send_time, vec![1, 2, 5])]);

    // They are repaired like everything else.
    let asked = sps.sequence_number;
    let request = rtcp(client_ssrc(2, MediaKind::Video), |writer| {
        let from = client_ssrc(2, MediaKind::Video);
        writer.nack(from, our_ssrc(2, MediaKind::Video), &[asked])?;
        Ok(())
    });
    world.say(2, &request);
    world.run_for(Duration::from_millis(100));
    let again = world.heard_of(2, FIREFOX.vp8_rtx);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].payload, [&asked.to_be_bytes(), SPS].concat());
}

#[test]
fn who_begins_to_look_later_gets_them_too() {
    let mut world = call();
    // In one packet, as most encoders send them.
    let together = [&[0x78, 0, 7], SPS, &[0, 4], PPS].concat();
    say(&mut world, 1, 1, &together);
    say(&mut world, 2, 1, IDR);
    join(&mut world, 3, true, h264);
    connect(&mut world, 1, 3, true);
    say(&mut world, 3, 2, OTHER);
    say(&mut world, 4, 3, IDR);
    say(&mut world, 5, 4, OTHER);
    let seen = world.heard_of(3, CHROMIUM.vp8);
    assert_eq!(payloads(&seen), [SPS, PPS, IDR, OTHER]);
    assert_eq!(numbers(&seen), [0, 1, 2, 3]);
    assert_eq!(world.heard_of(2, FIREFOX.vp8).len(), 7, "both hear him");
}

#[test]
fn sets_of_the_description_alone_are_sent_and_new_ones_of_a_later_description() {
    let described = |sprop: &str| {
        let sets = ParameterSets::from_sprop(sprop).unwrap();
        move |plan: &mut LegPlan| {
            h264(plan);
            if plan.leg == LegId(1) {
                plan.streams[1].codecs[0].parameter_sets = Some(Box::new(sets.clone()));
            }
        }
    };
    let adjust = described("Z0LgH4xoBQ==,aM48gA==");
    let mut world = call_with(true, |_| {}, &adjust);
    say(&mut world, 1, 1, IDR);
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(payloads(&seen), [SPS, PPS, IDR]);

    let fingerprint = world.peers[&1].fingerprint;
    let mut plan = peer::plans::complete(peer::plans::leg_plan(1, CHROMIUM, true), fingerprint);
    described("Z0LgH4xoCg==,aM48gA==")(&mut plan);
    world.command(Command::UpdateLeg(Box::new(plan)));
    say(&mut world, 2, 2, IDR);
    let seen = world.heard_of(2, FIREFOX.vp8);
    let larger = [&SPS[..6], &[0x0A]].concat();
    assert_eq!(payloads(&seen)[3..], [&larger[..], PPS, IDR]);
}

#[test]
fn what_is_missing_before_a_picture_may_be_its_sets() {
    let mut world = call();
    for (number, payload) in [(1, SPS), (2, PPS), (3, IDR)] {
        say(&mut world, number, 1, payload);
    }
    // 4 and 5 come late.
    say(&mut world, 6, 2, IDR);
    say(&mut world, 4, 2, SPS);
    say(&mut world, 5, 2, PPS);
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(payloads(&seen), [SPS, PPS, IDR, IDR, SPS, PPS]);
    assert_eq!(numbers(&seen), [0, 1, 2, 5, 3, 4]);
}

#[test]
fn a_picture_of_which_no_sets_are_known_passes_as_it_is() {
    let mut world = call();
    for (number, payload) in [(1, IDR), (2, SPS), (3, IDR)] {
        say(&mut world, number, number.into(), payload);
    }
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(payloads(&seen), [IDR, SPS, IDR]);
}
