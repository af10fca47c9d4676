//! Sound between legs without a codec in common, as those at both ends hear it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::{Duration, Instant};

use media::event::Event;
use media::ids::{LegId, MediaKind};
use media::plan::{CodecMap, Command, Format, Passage};
use media::rtp::Ntp64;
use media::rtp::rtcp::{RtcpPacket, SenderInfo};
use peer::packets::{Rtp, each_rtcp, rtcp};
use peer::phone::{self, Phone};
use peer::plans::our_ssrc;
use peer::voice::{
    G722, G729, L16, OPUS, PCMA, PCMU, SPEEX, SPEEX_ULTRA_WIDE, SPEEX_WIDE, Speech, Voice, add,
    connect, events_of, measure, transcode, voices,
};
use peer::world::World;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Every format with a coder.
const ALL: [Speech; 9] = [
    PCMU,
    PCMA,
    OPUS,
    SPEEX,
    SPEEX_WIDE,
    SPEEX_ULTRA_WIDE,
    G722,
    G729,
    L16,
];

/// Numbers without a gap, timestamps that never go back, one SSRC.
fn is_one_stream(heard: &[Rtp]) -> bool {
    heard.windows(2).all(|pair| {
        let (one, next) = (&pair[0], &pair[1]);
        let forward = next.timestamp.wrapping_sub(one.timestamp);
        next.sequence_number == one.sequence_number.wrapping_add(1)
            && next.ssrc == one.ssrc
            && (1..1 << 31).contains(&forward)
    })
}

#[test]
fn a_tone_crosses_between_every_two_formats_both_ways() {
    for a in ALL {
        for b in ALL {
            if a == b {
                continue;
            }
            let (mut world, mut from, mut to) = voices(a, b);
            world.tone(&mut from, 150);
            world.run_for(200 * MS);
            let heard = world.voice_heard(&mut to);
            let pair = format!("{:?} to {:?}", a.format, b.format);
            assert!(
                (145..=160).contains(&heard.len()),
                "{pair}: {}",
                heard.len()
            );
            assert!(is_one_stream(&heard), "{pair}");
            assert_eq!(heard[0].ssrc, our_ssrc(2, MediaKind::Audio));
            let markers = heard.iter().filter(|it| it.marker).count();
            assert!(heard[0].marker && markers == 1, "{pair}: {markers}");
            let step = heard[1].timestamp.wrapping_sub(heard[0].timestamp);
            assert_eq!(step, b.clock_rate / 50, "{pair}: 20 ms");
            let sound = world.sound(&mut to);
            let (skip, len) = (b.rate.samples(500), b.rate.samples(2_000));
            let (level, clean) = measure(&sound[skip..skip + len], b.rate, 1_000.0);
            // Coders of speech make of a tone what they can.
            let has = |speech: &Speech| [a, b].contains(speech);
            let (off, least) = if has(&G729) {
                (1.5, 14.0)
            } else if [SPEEX, SPEEX_WIDE, SPEEX_ULTRA_WIDE, OPUS].iter().any(has) {
                (0.5, 25.0)
            } else {
                (0.3, 30.0)
            };
            assert!(level.abs() <= off, "{pair}: level {level:.2} dB");
            assert!(clean >= least, "{pair}: {clean:.1} dB above all else");
        }
    }
}

#[test]
fn packets_leave_at_an_even_pace_though_they_arrive_in_bursts_and_some_never() {
    let (mut world, mut a, mut b) = voices(PCMU, PCMA);
    let mut spread = 7_u32;
    let mut said = Vec::new();
    for number in 0..500_u64 {
        let packet = a.packet(1_000.0, 8_000.0);
        spread = spread.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let late = u64::from(spread >> 16) % 30;
        // One of twenty is lost.
        if number % 20 != 7 {
            said.push((Duration::from_millis(number * 20 + late), packet));
        }
    }
    world.say_in_time(&mut a, said);
    world.run_for(300 * MS);
    let times = world.times_of_sound(&b);
    let uneven = times.windows(2).filter(|pair| pair[1] - pair[0] != 20 * MS);
    assert_eq!(uneven.count(), 0);
    let heard = world.voice_heard(&mut b);
    assert!(heard.len() > 480 && is_one_stream(&heard));
    let sound = world.sound(&mut b);
    let (level, clean) = measure(&sound[8_000..72_000], b.speech.rate, 1_000.0);
    assert!(
        level.abs() < 1.5 && clean > 6.0,
        "{level:.2} dB, {clean:.1} dB"
    );
    let stats = world.events.iter().rev().find_map(|event| match event {
        Event::Stats(stats) if stats.leg == b.leg() => Some(stats.streams[0].transcoded),
        _ => None,
    });
    let stats = stats.unwrap();
    assert!(stats.packets > 380, "{stats:?}");
    assert!(
        stats.concealed >= 200 * MS && stats.concealed < SECOND,
        "{stats:?}"
    );
    assert!(stats.delay < 100 * MS, "{stats:?}");
}

#[test]
fn hold_and_another_source_leave_the_sinks_numbers_in_order() {
    let (mut world, mut a, mut b) = voices(PCMU, OPUS);
    let mut c = Voice::new(3, PCMA);
    add(&mut world, &c);
    world.tone(&mut a, 25);
    world.command(Command::Unpatch {
        source: a.leg(),
        sink: b.leg(),
    });
    let before = world.voice_heard(&mut b).len();
    world.tone(&mut a, 50);
    assert_eq!(world.voice_heard(&mut b).len(), before, "hold is silent");
    assert_eq!(world.worker.transcoders(), 1, "the other way");
    connect(&mut world, &a, &b);
    world.tone(&mut a, 25);
    let resumed = world.voice_heard(&mut b);
    connect(&mut world, &c, &b);
    world.tone(&mut c, 25);
    let heard = world.voice_heard(&mut b);
    assert!(is_one_stream(&heard) && heard.len() > resumed.len() + 15);
    let gap = resumed[before]
        .timestamp
        .wrapping_sub(resumed[before - 1].timestamp);
    assert!((48_000..60_000).contains(&gap), "a second of hold: {gap}");
    assert!(resumed[before].marker && heard[resumed.len()].marker);
}

#[test]
fn a_description_like_the_last_one_loses_no_sound() {
    let (mut world, mut a, mut b) = voices(PCMU, PCMA);
    world.tone(&mut a, 25);
    for leg in [a.plan(&[]), b.plan(&[])] {
        world.command(Command::UpdateLeg(Box::new(leg)));
        world.tone(&mut a, 25);
    }
    let heard = world.voice_heard(&mut b);
    assert!(is_one_stream(&heard));
    let steps = heard
        .windows(2)
        .map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
    assert!(steps.into_iter().all(|step| step == 160));
    assert_eq!(heard.iter().filter(|it| it.marker).count(), 1);
}

#[test]
fn silence_is_not_sent_and_sound_after_it_has_a_marker() {
    let (mut world, mut a, mut b) = voices(PCMU, PCMA);
    world.tone(&mut a, 25);
    world.run_for(5 * SECOND);
    let before = world.voice_heard(&mut b).len();
    assert!(
        before < 40,
        "nothing is sent for long after the last packet"
    );
    a.timestamp = a.timestamp.wrapping_add(5 * 8_000);
    world.tone(&mut a, 25);
    let heard = world.voice_heard(&mut b);
    assert!(is_one_stream(&heard) && heard[before].marker);
    let gap = heard[before]
        .timestamp
        .wrapping_sub(heard[before - 1].timestamp);
    assert!((38_000..43_000).contains(&gap), "timestamps go on: {gap}");
}

#[test]
fn a_last_packet_shorter_than_those_sent_is_no_sound_without_end() {
    let (mut world, mut a, mut b) = voices(PCMU, OPUS);
    world.tone(&mut a, 25);
    let packet = a.say(&[8_000; 80]);
    world.phone_says(&mut a.phone, &packet);
    world.run_for(5 * SECOND);
    let heard = world.voice_heard(&mut b).len();
    assert!((26..40).contains(&heard), "{heard} packets");
}

#[test]
fn a_source_may_change_its_codec_at_any_time() {
    let mut world = World::new();
    let (mut a, mut b) = (Voice::new(1, PCMU), Voice::new(2, OPUS));
    world.command(Command::AddLeg(Box::new(a.plan(&[PCMA, L16]))));
    add(&mut world, &b);
    let patch = transcode(&a, &[PCMA, L16], &b);
    world.command(Command::Patch(Box::new(patch)));
    for speech in [PCMU, PCMA, L16, PCMU] {
        a.change(speech);
        world.tone(&mut a, 50);
    }
    world.run_for(200 * MS);
    let heard = world.voice_heard(&mut b);
    assert!(
        is_one_stream(&heard) && heard.len() > 180,
        "{}",
        heard.len()
    );
    let sound = world.sound(&mut b);
    for second in 0..4 {
        let at = b.speech.rate.samples(1_000) * second + b.speech.rate.samples(400);
        let part = &sound[at..at + b.speech.rate.samples(500)];
        let (level, _) = measure(part, b.speech.rate, 1_000.0);
        assert!(level.abs() < 1.5, "second {second}: {level:.2} dB");
    }
}

#[test]
fn what_was_not_to_be_expected_is_transcoded_when_it_comes() {
    let mut world = World::new();
    let (mut a, mut b) = (Voice::new(1, PCMA), Voice::new(2, PCMA));
    world.command(Command::AddLeg(Box::new(a.plan(&[PCMU]))));
    add(&mut world, &b);
    let patch = transcode(&a, &[PCMU], &b);
    assert!(!patch.transcodes());
    world.command(Command::Patch(Box::new(patch)));
    world.tone(&mut a, 25);
    assert_eq!(world.worker.transcoders(), 0, "A-law is relayed");
    a.change(PCMU);
    world.tone(&mut a, 25);
    assert_eq!(world.worker.transcoders(), 1);
    a.change(PCMA);
    world.tone(&mut a, 25);
    let heard = world.voice_heard(&mut b);
    assert!(heard.len() > 65 && is_one_stream(&heard), "{}", heard.len());
}

#[test]
fn with_as_many_transcoders_as_there_may_be_others_are_silent_and_counted() {
    let mut world = World::with(|config| config.max_transcoders = 1);
    let (mut a, mut b) = (Voice::new(1, PCMU), Voice::new(2, PCMA));
    for voice in [&a, &b] {
        add(&mut world, voice);
    }
    connect(&mut world, &a, &b);
    connect(&mut world, &b, &a);
    world.tone(&mut a, 25);
    world.tone(&mut b, 25);
    assert!(world.voice_heard(&mut b).len() > 15);
    assert!(world.voice_heard(&mut a).is_empty());
    assert_eq!(world.worker.counters().untranscoded, 25);
    world.command(Command::RemoveLeg(b.leg()));
    assert_eq!(world.worker.transcoders(), 0, "its place is free again");
}

#[test]
fn digits_cross_between_clocks_once_and_their_sound_is_left_out() {
    for (from, to) in [(PCMU, OPUS), (OPUS, PCMU)] {
        let (mut world, mut a, mut b) = voices(from, to);
        world.tone(&mut a, 25);
        let step = from.clock_rate / 50;
        let (began, ssrc) = (a.timestamp, a.phone.ssrc);
        for packet in 0..7_u32 {
            let duration = u16::try_from(step * (packet.min(4) + 1))
                .unwrap()
                .to_be_bytes();
            let end = if packet >= 4 { 0x80 } else { 0 };
            let payload = [5, end | 10, duration[0], duration[1]];
            let event = Rtp::new(events_of(from), ssrc, a.number, began).payload(&payload);
            world.phone_says(&mut a.phone, &event);
            // It says what it hears of the key as well.
            a.number = a.number.wrapping_add(1);
            world.tone(&mut a, 1);
        }
        world.tone(&mut a, 25);
        let heard = world.phone_heard(&mut b.phone);
        assert!(is_in_order(&heard));
        let events: Vec<&Rtp> = heard
            .iter()
            .filter(|it| it.payload_type == events_of(to))
            .collect();
        assert_eq!(events.len(), 7);
        assert!(events.iter().all(|it| it.timestamp == events[0].timestamp));
        assert!(events[0].marker && events[1..].iter().all(|it| !it.marker));
        let durations: Vec<u32> = events
            .iter()
            .map(|it| u32::from(u16::from_be_bytes([it.payload[2], it.payload[3]])))
            .collect();
        let whole = to.clock_rate / 10;
        assert_eq!(durations[0], to.clock_rate / 50);
        assert_eq!(durations[4..], [whole, whole, whole]);
        let first = heard.iter().position(|it| it.payload_type == events_of(to));
        let between = &heard[first.unwrap()..first.unwrap() + 5];
        assert!(
            between.iter().all(|it| it.payload_type == events_of(to)),
            "no sound within"
        );
    }
}

/// Numbers without a gap, timestamps that never go back.
fn is_in_order(heard: &[Rtp]) -> bool {
    heard.windows(2).all(|pair| {
        let forward = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        pair[1].sequence_number == pair[0].sequence_number.wrapping_add(1) && forward < 1 << 31
    })
}

#[test]
fn sender_reports_tell_when_what_is_heard_was_said() {
    let (mut world, mut a, mut b) = voices(PCMU, OPUS);
    world.tone(&mut a, 50);
    let reported = a.timestamp;
    let ntp = Ntp64::from_unix(Duration::from_secs(1_800_000_000));
    let report = rtcp(a.phone.ssrc, |writer| {
        let info = SenderInfo {
            ssrc: a.phone.ssrc,
            ntp,
            rtp_timestamp: reported,
            packets: 0,
            octets: 0,
        };
        writer.sender_report(&info, &[]).map(|_| ())
    });
    world.inject(a.phone.rtcp_path(MediaKind::Audio), &report);
    // A second later a loud packet comes, and is silent before and after.
    let quiet = |world: &mut World, voice: &mut Voice, amplitude| {
        let packet = voice.packet(1_000.0, amplitude);
        world.phone_says(&mut voice.phone, &packet);
        world.run_for(20 * MS);
    };
    for _ in 0..50 {
        quiet(&mut world, &mut a, 0.0);
    }
    world.sent.clear();
    let loud_at = a.timestamp;
    quiet(&mut world, &mut a, 20_000.0);
    for _ in 0..200 {
        quiet(&mut world, &mut a, 0.0);
    }
    let sound = world.sound(&mut b);
    let heard = world.voice_heard(&mut b);
    let samples = sound.len() / heard.len();
    let loud = sound
        .chunks(samples)
        .position(|part| part.iter().any(|it| it.unsigned_abs() > 5_000))
        .unwrap();
    let mut told = None;
    for bytes in world.sent_to(b.phone.rtcp_path(MediaKind::Audio).remote) {
        each_rtcp(&bytes, |packet| {
            if let RtcpPacket::SenderReport(report) = packet {
                told = Some(report.sender);
            }
        });
    }
    let told = told.unwrap();
    // What was said at `loud_at` has this timestamp to the far side.
    let since = f64::from(loud_at.wrapping_sub(reported) as i32) / 8_000.0;
    let after = told.ntp.since(ntp).unwrap().as_secs_f64();
    let expected = told
        .rtp_timestamp
        .wrapping_add(((since - after) * 48_000.0) as i32 as u32);
    let off = heard[loud].timestamp.wrapping_sub(expected) as i32;
    assert!(off.abs() <= 48 * 25, "{off} units of 1/48 ms");
}

#[test]
fn relays_do_not_wait_for_transcoders() {
    let mut world = World::new();
    let mut pairs = Vec::new();
    for pair in 0..20_u64 {
        let (a, b) = (
            Voice::new(10 + 2 * pair, PCMU),
            Voice::new(11 + 2 * pair, OPUS),
        );
        add(&mut world, &a);
        add(&mut world, &b);
        connect(&mut world, &a, &b);
        pairs.push((a, b));
    }
    let (a, b) = (Phone::new(1), Phone::new(2));
    for phone in [&a, &b] {
        world.command(Command::AddLeg(Box::new(phone.plan(false))));
    }
    world.command(phone::patch(1, 2));
    for _ in 0..10 {
        for (a, _) in &mut pairs {
            let packet = a.packet(1_000.0, 8_000.0);
            world.phone_says(&mut a.phone, &packet);
        }
        world.run_for(20 * MS);
    }
    world.outbox.clear();
    // The machine stood still: all are due at once.
    let now = world.now + 40 * MS;
    world.worker.handle_timeout(now, &mut world.outbox);
    let made = world.outbox.datagrams().len();
    assert!((1..=8).contains(&made), "{made} at once");
    assert!(
        world.worker.poll_timeout().unwrap() <= now,
        "the rest is due still"
    );
    let mut packet = a.speech(1).to_bytes();
    let path = a.path(MediaKind::Audio);
    world
        .worker
        .handle_datagram(now, path, &mut packet, &mut world.outbox);
    assert_eq!(world.outbox.datagrams().len(), made + 1, "relayed at once");
    for _ in 0..20 {
        world.worker.handle_timeout(now, &mut world.outbox);
    }
    assert!(world.worker.poll_timeout().unwrap() > now);
    assert!(world.outbox.datagrams().len() > 20, "all had their turn");
}

#[test]
fn the_packets_of_many_calls_are_spread_over_the_time_between_two() {
    let mut world = World::new();
    let mut pairs = Vec::new();
    for pair in 0..10_u64 {
        let (a, b) = (
            Voice::new(10 + 2 * pair, PCMU),
            Voice::new(11 + 2 * pair, PCMA),
        );
        add(&mut world, &a);
        add(&mut world, &b);
        connect(&mut world, &a, &b);
        pairs.push((a, b));
    }
    for _ in 0..20 {
        // All speak at the same instant.
        for (a, _) in &mut pairs {
            let packet = a.packet(1_000.0, 8_000.0);
            world.phone_says(&mut a.phone, &packet);
        }
        world.run_for(20 * MS);
    }
    let end = world.now;
    let mut last: Vec<Instant> = world
        .sent
        .iter()
        .filter(|(at, ..)| end - *at <= 20 * MS)
        .map(|(at, ..)| *at)
        .collect();
    last.sort();
    last.dedup();
    assert!(last.len() >= 8, "{} instants", last.len());
}

#[test]
fn garbage_in_place_of_sound_harms_nobody() {
    for (from, to) in [(OPUS, PCMU), (PCMU, OPUS), (L16, PCMA)] {
        let (mut world, mut a, mut b) = voices(from, to);
        let mut seed = 1_u32;
        for number in 0..400_u16 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = usize::from((seed >> 20) as u16 % 1_400);
            let payload: Vec<u8> = (0..len)
                .map(|n| (seed >> (n % 24)) as u8 ^ n as u8)
                .collect();
            let mut packet = a.packet(1_000.0, 8_000.0);
            if number % 2 == 0 {
                packet = packet.payload(&payload);
            }
            world.phone_says(&mut a.phone, &packet);
            world.run_for(20 * MS);
        }
        world.sent.clear();
        world.tone(&mut a, 50);
        assert!(world.voice_heard(&mut b).len() > 40, "{:?}", from.format);
    }
}

/// A transfer from a side that is transcoded to one that is relayed.
#[test]
fn the_noise_of_a_source_that_is_relayed_is_not_taken_for_sound() {
    let mut world = World::new();
    let (mut a, mut b) = (Voice::new(1, PCMU), Voice::new(2, PCMU));
    let mut plan = a.plan(&[]);
    let mut noise = plan.streams[0].codecs[0].clone();
    (noise.receive_pt, noise.send_pt, noise.format) = (13, 13, Format::ComfortNoise);
    plan.streams[0].codecs.push(noise);
    world.command(Command::AddLeg(Box::new(plan)));
    add(&mut world, &b);
    let mut patch = transcode(&a, &[], &b);
    patch.codecs.push(CodecMap {
        kind: MediaKind::Audio,
        from_pt: 13,
        to_pt: 0,
        passage: Passage::Transcode,
    });
    world.command(Command::Patch(Box::new(patch)));
    world.tone(&mut a, 5);
    let mut packet = a.packet(1_000.0, 8_000.0).payload(&[60]);
    packet.payload_type = 13;
    world.phone_says(&mut a.phone, &packet);
    world.run_for(20 * MS);
    world.tone(&mut a, 5);
    let heard = world.voice_heard(&mut b);
    assert!(heard.len() == 10 && heard.iter().all(|it| it.payload.len() == 160));
    assert_eq!(world.worker.counters().unmapped, 1);
}

#[test]
fn an_entry_that_the_plans_do_not_carry_out_is_left_out() {
    let (mut world, mut a, mut b) = voices(PCMU, PCMA);
    let mut patch = transcode(&a, &[], &b);
    patch.codecs = vec![CodecMap {
        kind: MediaKind::Audio,
        from_pt: 0,
        to_pt: 77,
        passage: Passage::Transcode,
    }];
    world.command(Command::Patch(Box::new(patch)));
    world.tone(&mut a, 10);
    assert!(world.voice_heard(&mut b).is_empty());
    assert_eq!(world.worker.counters().unmapped, 10);
    assert!(!world.saw(&Event::Closed(LegId(1))));
}
