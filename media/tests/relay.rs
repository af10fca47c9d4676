//! What passes between two legs, and what does not.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::Duration;

use media::event::Event;
use media::ids::{LegId, MediaKind};
use media::plan::{Command, Format, LegPlan, StreamPlan};
use media::rtp::rtcp::{FirEntry, ReportBlock, RtcpPacket, SenderInfo};
use media::rtp::{CacheConfig, Ntp64, ntp};
use peer::call::{call, call_with, connect, join, numbers};
use peer::packets::{Rtp, rtcp};
use peer::plans::{CHROMIUM, FIREFOX, client_ssrc, complete, leg_plan, our_ssrc};
use peer::transport::Version;
use peer::world::{SERVER_V4, World};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn hold(world: &mut World) {
    for (source, sink) in [(1, 2), (2, 1)] {
        world.command(Command::Unpatch {
            source: LegId(source),
            sink: LegId(sink),
        });
    }
}

#[test]
fn audio_passes_under_our_ssrc_with_payload_type_and_extensions_mapped() {
    let mut world = call(false);
    let level = CHROMIUM.audio_level;
    let sent = world
        .speech(1, 500)
        .payload(b"opus frame")
        .extension(level, &[0x85])
        .extension(CHROMIUM.abs_send_time, &[1, 2, 3])
        .extension(14, b"mid");
    world.say(1, &sent.to_bytes());
    world.run_for(50 * MS);
    let heard = world.heard(2);
    assert_eq!(heard.len(), 1);
    let heard = &heard[0];
    assert_eq!(heard.payload_type, FIREFOX.opus);
    assert_eq!(heard.ssrc, our_ssrc(2, MediaKind::Audio));
    assert_eq!(heard.payload, b"opus frame");
    assert_eq!(
        heard.extensions,
        [
            (FIREFOX.audio_level, vec![0x85]),
            (FIREFOX.abs_send_time, vec![1, 2, 3])
        ],
        "the level is untouched, abs-send-time passes, what is not negotiated is dropped"
    );
    assert!(world.saw(&Event::FirstPacket(LegId(1), MediaKind::Audio)));
    assert!(world.heard(1).is_empty(), "nobody hears himself");
}

#[test]
fn both_directions_pass_at_once() {
    let mut world = call(false);
    world.speak(1, 1, 10);
    world.speak(2, 1, 5);
    world.run_for(50 * MS);
    assert_eq!((world.heard(2).len(), world.heard(1).len()), (10, 5));
    assert_eq!(world.heard(1)[0].payload_type, CHROMIUM.opus);
}

#[test]
fn order_gaps_and_time_of_the_source_are_kept() {
    let mut world = call(false);
    for number in [65_534, 65_535, 2, 1, 3] {
        let packet = world.speech(1, number);
        world.say(1, &packet.to_bytes());
        world.run_for(MS);
    }
    world.run_for(50 * MS);
    let heard = world.heard(2);
    let first = &heard[0];
    let ahead: Vec<u16> = heard
        .iter()
        .map(|it| it.sequence_number.wrapping_sub(first.sequence_number))
        .collect();
    assert_eq!(ahead, [0, 1, 4, 3, 5]);
    let units = heard[1].timestamp.wrapping_sub(first.timestamp);
    assert_eq!(units, 960);
}

#[test]
fn a_payload_type_without_an_entry_is_dropped_and_counted() {
    let mut world = call(false);
    let before = world.worker.counters().unmapped;
    for payload_type in [0, 13, 99, 127] {
        let ssrc = client_ssrc(1, MediaKind::Audio);
        world.say(
            1,
            &Rtp::new(payload_type, ssrc, 1 + u16::from(payload_type), 0).to_bytes(),
        );
    }
    world.run_for(50 * MS);
    assert!(world.heard(2).is_empty());
    assert_eq!(world.worker.counters().unmapped, before + 4);
}

#[test]
fn hold_stops_media_here_and_resuming_goes_on_monotonically_under_the_same_ssrc() {
    let mut world = call(false);
    world.speak(1, 100, 10);
    world.run_for(50 * MS);
    let before = world.heard(2).pop().unwrap();
    world.forget(2);
    hold(&mut world);
    world.speak(1, 110, 100);
    world.run_for(50 * MS);
    assert!(
        world.heard(2).is_empty(),
        "whatever the browser still sends"
    );
    connect(&mut world, 1, 2, false);
    world.speak(1, 210, 10);
    world.run_for(50 * MS);
    let after = world.heard(2);
    assert_eq!(after.len(), 10);
    assert_eq!(after[0].ssrc, before.ssrc);
    assert_eq!(
        after[0].sequence_number,
        before.sequence_number.wrapping_add(1)
    );
    assert!(after[0].marker, "timing begins anew");
    let pause = after[0].timestamp.wrapping_sub(before.timestamp);
    assert!(
        (48_000 * 2..48_000 * 3).contains(&pause),
        "about the time that passed: {pause}"
    );
    assert_eq!(world.peers[&2].refused, 0);
}

#[test]
fn another_source_goes_on_where_the_last_one_was() {
    let mut world = call(false);
    world.speak(1, 100, 10);
    world.run_for(50 * MS);
    let before = world.heard(2).pop().unwrap();
    world.forget(2);
    join(&mut world, 3, false, |_| {});
    connect(&mut world, 3, 2, false);
    // The old source still talks; a sink has one source.
    world.speak(1, 110, 5);
    world.speak(3, 40_000, 10);
    world.run_for(50 * MS);
    let after = world.heard(2);
    assert_eq!(after.len(), 10);
    assert_eq!(after[0].ssrc, before.ssrc);
    assert_eq!(
        after[0].sequence_number,
        before.sequence_number.wrapping_add(1)
    );
    assert_eq!(
        after[9].sequence_number,
        before.sequence_number.wrapping_add(10)
    );
}

#[test]
fn a_source_that_begins_its_numbers_anew_is_heard_on() {
    let mut world = call(false);
    world.speak(1, 100, 10);
    world.speak(1, 20_000, 10);
    world.run_for(50 * MS);
    let numbers: Vec<u16> = world.heard(2).iter().map(|it| it.sequence_number).collect();
    assert!(
        numbers.len() >= 19,
        "one packet may be lost on a jump: {}",
        numbers.len()
    );
    assert!(
        numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{numbers:?}"
    );
}

#[test]
fn a_second_ssrc_takes_over_only_when_the_first_is_silent() {
    let mut world = call(false);
    world.speak(1, 1, 10);
    let stranger = |number| Rtp::new(CHROMIUM.opus, 0x7777, number, u32::from(number) * 960);
    world.say(1, &stranger(1).to_bytes());
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 10, "two at once would tear the sound");
    world.run_for(SECOND);
    world.say(1, &stranger(2).to_bytes());
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 11);
}

#[test]
fn video_waits_for_a_keyframe_which_is_asked_for() {
    let mut world = call(true);
    world.show(1, 1, 5, false);
    assert!(
        world.heard(2).is_empty(),
        "a decoder cannot begin in the middle"
    );
    world.run_for(SECOND);
    assert!(
        world.keyframe_requests(1) > 0,
        "asked for again, as none came"
    );
    world.show(1, 6, 5, true);
    world.run_for(50 * MS);
    let seen = world.heard_of(2, FIREFOX.vp8);
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[0].ssrc, our_ssrc(2, MediaKind::Video));
}

/// The patches are there before either side has found its way.
#[test]
fn a_picture_patched_before_media_can_flow_is_asked_for_when_it_can() {
    let mut world = World::new();
    for leg in [1, 2] {
        world.command(Command::AddLeg(Box::new(leg_plan(leg, numbers(leg), true))));
    }
    connect(&mut world, 1, 2, true);
    connect(&mut world, 2, 1, true);
    world.run_for(SECOND);
    for leg in [1, 2] {
        world.add_peer(leg, &[SERVER_V4], Version::Auto);
        let plan = leg_plan(leg, numbers(leg), true);
        let plan = complete(plan, world.peers[&leg].fingerprint);
        world.command(Command::UpdateLeg(Box::new(plan)));
    }
    world.run_for(SECOND);
    for leg in [1, 2] {
        assert!(world.keyframe_requests(leg) > 0, "leg {leg} was not asked");
        assert!(
            !world.bitrates(leg).is_empty(),
            "leg {leg} was told no limit"
        );
    }
}

/// A page without a camera, whose description names no SSRC, and one that knows no requests.
#[test]
fn a_far_side_that_cannot_be_asked_for_a_picture_lets_the_worker_sleep() {
    let no_camera = |plan: &mut LegPlan| {
        video_of(plan).remote_ssrcs.clear();
        video_of(plan).receive = false;
    };
    let no_requests = |plan: &mut LegPlan| {
        for codec in &mut video_of(plan).codecs {
            (codec.feedback.pli, codec.feedback.fir) = (false, false);
        }
    };
    for adjust in [&no_camera as &dyn Fn(&mut LegPlan), &no_requests] {
        let mut world = call_with(true, |_| {}, adjust);
        world.run_for(10 * SECOND);
        assert_eq!(world.keyframe_requests(1) + world.keyframe_requests(2), 0);
        world.speak(1, 7, 10);
        assert_eq!(world.heard_of(2, FIREFOX.opus).len(), 10);
    }
}

/// Hold and its end, and another who takes the call over.
#[test]
fn a_picture_is_asked_for_anew_and_begins_with_a_keyframe_after_hold_and_from_another_source() {
    let mut world = call(true);
    world.show(1, 1, 5, true);
    hold(&mut world);
    world.show(1, 6, 60, false);
    world.forget(1);
    world.forget(2);
    connect(&mut world, 1, 2, true);
    world.show(1, 66, 5, false);
    assert_eq!(world.keyframe_requests(1), 1, "after hold");
    assert!(world.heard_of(2, FIREFOX.vp8).is_empty());
    world.show(1, 71, 5, true);
    assert_eq!(world.heard_of(2, FIREFOX.vp8).len(), 5);

    join(&mut world, 3, true, |_| {});
    world.show(3, 1, 60, true);
    world.forget(2);
    world.forget(3);
    connect(&mut world, 3, 2, true);
    world.show(3, 61, 5, false);
    assert_eq!(world.keyframe_requests(3), 1, "of the new source");
    assert!(world.heard_of(2, FIREFOX.vp8).is_empty());
    world.show(3, 66, 5, true);
    assert_eq!(world.heard_of(2, FIREFOX.vp8).len(), 5);
}

fn video_of(plan: &mut LegPlan) -> &mut StreamPlan {
    let mut streams = plan.streams.iter_mut();
    streams.find(|it| it.kind == MediaKind::Video).unwrap()
}

#[test]
fn keyframe_requests_reach_the_source_no_more_often_than_helps() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    world.run_for(3 * SECOND);
    world.forget(1);
    for round in 0..100_u16 {
        let request = rtcp(client_ssrc(2, MediaKind::Video), |writer| {
            writer.pli(
                client_ssrc(2, MediaKind::Video),
                our_ssrc(2, MediaKind::Video),
            )?;
            Ok(())
        });
        world.say(2, &request);
        world.run_for(20 * MS);
        if round % 30 == 29 {
            world.show(1, 100 + round, 1, true);
        }
    }
    let asked = world.keyframe_requests(1);
    assert!(
        (2..=5).contains(&asked),
        "100 wishes in 2 s made {asked} requests"
    );
}

#[test]
fn a_full_intra_request_becomes_what_the_source_negotiated() {
    let mut world = call_with(
        true,
        |_| {},
        |plan| {
            for stream in &mut plan.streams {
                for codec in &mut stream.codecs {
                    codec.feedback.pli = false;
                }
            }
        },
    );
    world.run_for(SECOND);
    let (mut fir, mut pli) = (0, 0);
    world.each_told(1, |_, packet| match packet {
        RtcpPacket::Fir(_) => fir += 1,
        RtcpPacket::Pli(_) => pli += 1,
        _ => {}
    });
    assert!(fir > 0 && pli == 0, "{fir} FIR, {pli} PLI");
}

/// Leg 2 wants a whole picture, under this number.
fn request_intra(world: &mut World, sequence_number: u8) {
    let ssrc = our_ssrc(2, MediaKind::Video);
    let request = rtcp(client_ssrc(2, MediaKind::Video), |writer| {
        let entry = FirEntry {
            ssrc,
            sequence_number,
        };
        writer.fir(client_ssrc(2, MediaKind::Video), entry)?;
        Ok(())
    });
    world.say(2, &request);
}

#[test]
fn a_full_intra_request_that_is_repeated_is_answered_once_and_the_next_one_anew() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    world.run_for(3 * SECOND);
    world.forget(1);
    let asked = |world: &mut World, number: u8, keyframe: u16| {
        let before = world.keyframe_requests(1);
        for round in 0..15 {
            request_intra(world, number);
            world.run_for(100 * MS);
            if round == 2 {
                world.show(1, keyframe, 1, true);
            }
        }
        world.keyframe_requests(1) - before
    };
    assert_eq!(asked(&mut world, 7, 4), 1);
    assert_eq!(asked(&mut world, 8, 5), 1);
    // Who does not count is heard again after a while.
    world.run_for(2 * SECOND);
    assert_eq!(asked(&mut world, 8, 6), 1);
}

#[test]
fn a_far_side_that_says_so_by_signalling_has_its_source_asked() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    world.run_for(3 * SECOND);
    world.forget(1);
    for _ in 0..10 {
        world.command(Command::RequestKeyframe(LegId(2)));
        world.run_for(20 * MS);
    }
    assert_eq!(world.keyframe_requests(1), 1);
    world.command(Command::RequestKeyframe(LegId(99)));
    world.show(1, 4, 1, true);
    // Nothing else has changed on the way.
    let seen = world.heard_of(2, FIREFOX.vp8);
    let numbers: Vec<u16> = seen.iter().map(|it| it.sequence_number).collect();
    let first = numbers[0];
    assert_eq!(numbers, [first, first + 1, first + 2, first + 3]);
}

#[test]
fn a_packet_lost_before_us_is_asked_for_and_its_retransmission_relayed_as_the_original() {
    let mut world = call(true);
    world.show(1, 10, 3, true);
    let lost = world.picture(1, 13, false);
    world.show(1, 14, 5, false);
    world.run_for(30 * MS);
    assert!(world.nacked(1).contains(&13), "{:?}", world.nacked(1));
    let again = rtx(&lost);
    world.say(1, &again.to_bytes());
    world.say(
        1,
        &Rtp {
            sequence_number: 2,
            ..again
        }
        .to_bytes(),
    );
    world.run_for(50 * MS);
    let seen = world.heard_of(2, FIREFOX.vp8);
    let mut numbers: Vec<u16> = seen.iter().map(|it| it.sequence_number).collect();
    numbers.sort_unstable();
    assert_eq!(
        numbers.len(),
        9,
        "all of them, and the one repaired only once"
    );
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
    assert_eq!(world.peers[&2].refused, 0);
    let asked = world.nacked(1).len();
    world.run_for(2 * SECOND);
    assert_eq!(
        world.nacked(1).len(),
        asked,
        "what came is not asked for again"
    );

    fn rtx(of: &Rtp) -> Rtp {
        peer::packets::rtx(
            of,
            CHROMIUM.vp8_rtx,
            client_ssrc(1, MediaKind::Video) + 1,
            1,
        )
    }
}

fn ask_again(world: &mut World, numbers: &[u16]) {
    let ssrc = client_ssrc(2, MediaKind::Video);
    let request = rtcp(ssrc, |writer| {
        writer.nack(ssrc, our_ssrc(2, MediaKind::Video), numbers)?;
        Ok(())
    });
    world.say(2, &request);
    world.run_for(50 * MS);
}

#[test]
fn a_packet_lost_behind_us_is_sent_again_as_a_retransmission() {
    let mut world = call(true);
    world.show(1, 10, 5, true);
    world.run_for(50 * MS);
    let seen = world.heard_of(2, FIREFOX.vp8);
    let wanted = &seen[2];
    world.forget(2);
    ask_again(&mut world, &[wanted.sequence_number]);
    let again = world.heard_of(2, FIREFOX.vp8_rtx);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].ssrc, our_ssrc(2, MediaKind::Video) + 1);
    assert_eq!(again[0].timestamp, wanted.timestamp);
    assert_eq!(again[0].payload[..2], wanted.sequence_number.to_be_bytes());
    assert_eq!(again[0].payload[2..], wanted.payload);
}

#[test]
fn without_rtx_the_very_same_packet_is_sent_again() {
    let mut world = call_with(
        true,
        |_| {},
        |plan| {
            for stream in &mut plan.streams {
                stream.rtx_ssrc = None;
                stream.codecs.iter_mut().for_each(|codec| codec.rtx = None);
            }
        },
    );
    let mut lose_next = false;
    world.show(1, 10, 1, true);
    world.run_for(50 * MS);
    let first = world.heard_of(2, FIREFOX.vp8)[0].sequence_number;
    world.lose = Box::new(move |to_server, bytes| {
        let is_next = !to_server && bytes[0] == 0x80 && bytes[1] & 0x7F == FIREFOX.vp8;
        is_next && !std::mem::replace(&mut lose_next, true)
    });
    world.show(1, 11, 2, false);
    world.run_for(50 * MS);
    let missing = first.wrapping_add(1);
    let has = |world: &World| {
        world
            .heard_of(2, FIREFOX.vp8)
            .iter()
            .any(|it| it.sequence_number == missing)
    };
    assert!(!has(&world));
    ask_again(&mut world, &[missing]);
    assert!(has(&world));
    assert_eq!(world.peers[&2].refused, 0);
}

#[test]
fn what_the_cache_does_not_hold_any_more_is_not_answered() {
    let mut world = call(true);
    world.show(1, 10, 1, true);
    world.run_for(50 * MS);
    let first = world.heard_of(2, FIREFOX.vp8)[0].sequence_number;
    let capacity = u16::try_from(CacheConfig::default().max_packets).unwrap();
    for number in 0..capacity + 10 {
        let packet = world.picture(1, 11 + number, false);
        world.say(1, &packet.to_bytes());
        world.run_for(MS);
    }
    world.run_for(50 * MS);
    world.forget(2);
    ask_again(&mut world, &[first, first.wrapping_sub(100)]);
    assert!(world.heard_of(2, FIREFOX.vp8_rtx).is_empty());
}

fn report_bitrate(world: &mut World, leg: u64, bitrate: u64) {
    let ssrc = client_ssrc(leg, MediaKind::Video);
    let report = rtcp(ssrc, |writer| {
        writer.remb(ssrc, bitrate, &[our_ssrc(leg, MediaKind::Video)])?;
        Ok(())
    });
    world.say(leg, &report);
}

#[test]
fn a_source_is_told_the_least_of_what_its_sink_and_the_configuration_allow() {
    let mut world = call(true);
    world.run_for(2 * SECOND);
    let near = |told: u64, wanted: u64| told.abs_diff(wanted) <= wanted / 1000;
    let told = world.bitrates(1);
    assert!(told.len() >= 2, "the configured limit is told and repeated");
    assert!(told.iter().all(|(_, told)| near(*told, 2_500_000)));
    report_bitrate(&mut world, 2, 400_000);
    let lowered = world.now;
    world.run_for(40 * MS);
    let (at, told) = *world.bitrates(1).last().unwrap();
    assert!(near(told, 400_000), "{told}");
    assert!(
        at - lowered <= 25 * MS,
        "at once: two ways through the network"
    );
    report_bitrate(&mut world, 2, 9_000_000);
    world.run_for(SECOND);
    assert!(near(world.bitrates(1).last().unwrap().1, 2_500_000));
    assert!(
        world
            .bitrates(2)
            .iter()
            .all(|(_, told)| near(*told, 2_500_000)),
        "not its own"
    );
}

#[test]
fn bitrates_are_told_to_nobody_who_did_not_negotiate_them() {
    let mut world = call_with(
        true,
        |_| {},
        |plan| {
            for stream in &mut plan.streams {
                stream
                    .codecs
                    .iter_mut()
                    .for_each(|codec| codec.feedback.remb = false);
            }
        },
    );
    report_bitrate(&mut world, 2, 400_000);
    world.run_for(3 * SECOND);
    assert!(world.bitrates(1).is_empty());
}

/// The receiver of leg 2 answers the sender report that it got last: nothing is lost, and the way
/// there and back is short.
fn report_no_loss(world: &mut World, lost_again: u8) {
    let mut latest = None;
    world.each_told(2, |at, packet| {
        if let RtcpPacket::SenderReport(report) = packet
            && report.sender.ssrc == our_ssrc(2, MediaKind::Video)
        {
            latest = Some((at, report.sender.ntp));
        }
    });
    let Some((at, ntp)) = latest else {
        return;
    };
    let ssrc = client_ssrc(2, MediaKind::Video);
    let block = ReportBlock {
        ssrc: our_ssrc(2, MediaKind::Video),
        last_sender_report: ntp.middle(),
        delay_since_last: ntp::to_compact(world.now - at),
        ..Default::default()
    };
    let repairs = ReportBlock {
        ssrc: our_ssrc(2, MediaKind::Video) + 1,
        fraction_lost: lost_again,
        ..Default::default()
    };
    let report = rtcp(ssrc, |writer| {
        writer.receiver_report(ssrc, &[block, repairs])?;
        Ok(())
    });
    world.say(2, &report);
}

/// 6.18 fixed point seconds, as `abs-send-time` has them.
fn send_time(since: Duration) -> u32 {
    u32::try_from((since.as_micros() << 18) / 1_000_000).unwrap()
}

#[test]
fn a_path_that_is_clear_again_is_probed_and_the_source_told_what_arrived() {
    let (bytes, told) = probed(0);
    // 800 kbit/s with the media, which has 242, for a second, and later twice a Mbit/s beside it.
    assert!((305_000..=325_000).contains(&bytes), "{bytes}");
    // Nine tenths of what arrived.
    assert!((1_080_000..=1_130_000).contains(&told), "{told}");
}

/// What is sent again has an SSRC of its own, and reports of its own.
#[test]
fn a_probe_of_which_something_is_lost_proves_nothing() {
    let (_, told) = probed(60);
    assert_eq!(told, 400_000);
}

/// The bytes that leg 2 is probed with in ten seconds, and what leg 1 is told then, if so much of 256
/// packets that are sent again is lost.
fn probed(lost_again: u8) -> (usize, u64) {
    let mut world = call(true);
    let begun = world.now;
    let ntp = Ntp64::from_unix(Duration::from_secs(1_800_000_000));
    let mut number = 10;
    let mut second = |world: &mut World| {
        for _ in 0..30 {
            let [_, time @ ..] = send_time(world.now - begun).to_be_bytes();
            let picture = world.picture(1, number, number == 10);
            let picture = picture.extension(CHROMIUM.abs_send_time, &time);
            world.say(1, &picture.to_bytes());
            number += 1;
            world.run_for(33 * MS);
        }
        tell_clock(world, 1, MediaKind::Video, ntp, u32::from(number) * 3000);
        report_no_loss(world, lost_again);
    };
    report_bitrate(&mut world, 2, 2_000_000);
    (0..4).for_each(|_| second(&mut world));
    assert!(world.heard_of(2, FIREFOX.vp8_rtx).is_empty());
    report_bitrate(&mut world, 2, 400_000);
    (0..10).for_each(|_| second(&mut world));
    let mut bytes = 0;
    for (at, packet) in &world.peers[&2].rtp {
        let packet = Rtp::parse(packet);
        if packet.payload_type != FIREFOX.vp8_rtx {
            continue;
        }
        bytes += packet.payload.len();
        let (id, time) = &packet.extensions[0];
        let time = u32::from_be_bytes([0, time[0], time[1], time[2]]);
        let late = send_time(*at - begun).wrapping_sub(time);
        assert_eq!(*id, FIREFOX.abs_send_time);
        assert!(
            late < send_time(40 * MS),
            "two ways through the network: {late}"
        );
    }
    let (_, told) = *world.bitrates(1).last().unwrap();
    (bytes, told)
}

fn tell_clock(world: &mut World, leg: u64, kind: MediaKind, ntp: Ntp64, rtp_timestamp: u32) {
    let ssrc = client_ssrc(leg, kind);
    let info = SenderInfo {
        ssrc,
        ntp,
        rtp_timestamp,
        packets: 1,
        octets: 1,
    };
    let report = rtcp(ssrc, |writer| {
        writer.sender_report(&info, &[])?;
        Ok(())
    });
    world.say(leg, &report);
}

#[test]
fn sender_reports_translate_the_source_clock_so_that_lip_sync_survives() {
    let mut world = call(true);
    world.speak(1, 0, 5);
    world.show(1, 0, 5, true);
    world.run_for(20 * MS);
    // Both timelines stand for the same instant of the source's clock.
    let ntp = Ntp64::from_unix(Duration::from_secs(1_800_000_000));
    tell_clock(&mut world, 1, MediaKind::Audio, ntp, 4 * 960);
    tell_clock(&mut world, 1, MediaKind::Video, ntp, 4 * 3000);
    world.run_for(2 * SECOND);
    let audio = world.heard_of(2, FIREFOX.opus)[4].timestamp;
    let video = world.heard_of(2, FIREFOX.vp8)[4].timestamp;
    let mut seen = 0;
    world.each_told(2, |_, packet| {
        let RtcpPacket::SenderReport(report) = packet else {
            return;
        };
        let (rate, base) = match report.sender.ssrc {
            ssrc if ssrc == our_ssrc(2, MediaKind::Audio) => (48_000.0, audio),
            ssrc if ssrc == our_ssrc(2, MediaKind::Video) => (90_000.0, video),
            other => panic!("not ours: {other:x}"),
        };
        seen += 1;
        let by_ntp = report.sender.ntp.since(ntp).unwrap().as_secs_f64();
        let by_rtp = f64::from(report.sender.rtp_timestamp.wrapping_sub(base)) / rate;
        assert!(
            (by_ntp - by_rtp).abs() < 0.001,
            "{by_ntp} s against {by_rtp} s"
        );
    });
    assert!(seen >= 2, "{seen}");
}

#[test]
fn without_the_clock_of_a_source_no_sender_report_is_made_up() {
    let mut world = call(true);
    world.speak(1, 0, 50);
    world.run_for(5 * SECOND);
    world.each_told(2, |_, packet| {
        assert!(!matches!(packet, RtcpPacket::SenderReport(_)));
    });
}

#[test]
fn reports_tell_each_side_its_own_loss() {
    let mut world = call(false);
    for number in (0..200).filter(|number| number % 10 != 3) {
        let packet = world.speech(1, number);
        world.say(1, &packet.to_bytes());
        world.run_for(20 * MS);
    }
    world.run_for(3 * SECOND);
    let mut lost = 0;
    world.each_told(1, |_, packet| {
        if let RtcpPacket::ReceiverReport(report) = packet {
            for block in report.blocks.iter() {
                assert_eq!(block.ssrc, client_ssrc(1, MediaKind::Audio));
                lost = lost.max(block.cumulative_lost);
            }
        }
    });
    assert_eq!(lost, 20);
    let mut names = Vec::new();
    world.each_told(1, |_, packet| {
        if let RtcpPacket::Sdes(sdes) = packet {
            names.extend(
                sdes.chunks()
                    .filter_map(|(_, name)| name.map(<[u8]>::to_vec)),
            );
        }
    });
    names.sort();
    names.dedup();
    assert_eq!(names, [b"cname1"], "one canonical name a leg");
}

#[test]
fn the_round_trip_is_told_from_the_answers_to_our_reports() {
    let mut world = call(false);
    world.speak(1, 0, 5);
    tell_clock(
        &mut world,
        1,
        MediaKind::Audio,
        Ntp64(0x1234_5678_0000_0000),
        0,
    );
    let mut answer = None;
    for _ in 0..100 {
        world.run_for(100 * MS);
        world.each_told(2, |at, packet| {
            if let RtcpPacket::SenderReport(report) = packet {
                answer = Some((at, report.sender.ntp));
            }
        });
        if answer.is_some() {
            break;
        }
    }
    let (_, ntp) = answer.expect("a sender report");
    let ssrc = client_ssrc(2, MediaKind::Audio);
    let block = ReportBlock {
        ssrc: our_ssrc(2, MediaKind::Audio),
        last_sender_report: ntp.middle(),
        fraction_lost: 64,
        ..Default::default()
    };
    let report = rtcp(ssrc, |writer| {
        writer.receiver_report(ssrc, &[block])?;
        Ok(())
    });
    let asked = world.now;
    world.say(2, &report);
    world.run_for(3 * SECOND);
    let stats = world.events.iter().rev().find_map(|event| match event {
        Event::Stats(stats) if stats.leg == LegId(2) => Some(stats.clone()),
        _ => None,
    });
    let stats = stats.unwrap();
    let round_trip = stats.round_trip.unwrap();
    assert!(
        round_trip >= 20 * MS && round_trip <= 200 * MS,
        "{round_trip:?} {asked:?}"
    );
    assert!((stats.streams[0].sent.fraction_lost - 0.25).abs() < 0.01);
}

#[test]
fn measurements_come_every_second_for_each_stream() {
    let mut world = call(true);
    world.events.clear();
    world.speak(1, 0, 250);
    let stats: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Stats(stats) if stats.leg == LegId(1) => Some(stats),
            _ => None,
        })
        .collect();
    assert!((4..=5).contains(&stats.len()), "{}", stats.len());
    let last = stats.last().unwrap();
    assert_eq!(last.streams.len(), 2);
    assert!(last.streams[0].received.packets >= 150);
    assert_eq!(last.streams[0].received.lost, 0);
}

#[test]
fn measurements_tell_codecs_and_when_sound_and_picture_came_first() {
    let mut world = call(true);
    let begun = world.now;
    world.speak(1, 0, 25);
    let pictured = world.now;
    world.show(1, 1, 5, true);
    world.run_for(2 * SECOND);
    let of = |leg| {
        let mut events = world.events.iter().rev();
        events.find_map(|event| match event {
            Event::Stats(stats) if stats.leg == LegId(leg) => Some(stats.streams.clone()),
            _ => None,
        })
    };
    let (source, sink) = (of(1).unwrap(), of(2).unwrap());
    for (direction, other) in [
        (source[0].received, source[0].sent),
        (sink[0].sent, sink[0].received),
    ] {
        let codec = direction.codec.unwrap();
        assert_eq!((codec.format, codec.clock_rate), (Format::Opus, 48_000));
        let first = direction.first_packet.unwrap();
        assert!(first >= begun && first <= begun + 200 * MS);
        assert_eq!((other.codec, other.first_packet), (None, None));
    }
    for direction in [source[1].received, sink[1].sent] {
        assert_eq!(direction.codec.unwrap().format, Format::Vp8);
        let first = direction.first_keyframe.unwrap();
        assert!(first >= pictured && first <= pictured + 200 * MS);
    }
}
