//! Sound of one law of G.711 for who has the other: by a table, packet by packet, as those at both ends
//! hear it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::Duration;

use media::codec::g711::{self, Law};
use media::dtmf::{ToneConfig, ToneGenerator};
use media::event::{Event, LegStats};
use media::ids::LegId;
use media::plan::{Command, Format, LegPlan};
use peer::packets::Rtp;
use peer::voice::{
    G722, PCMA, PCMU, Speech, Voice, add, convert, events_of, laws, measure, voices,
};
use peer::world::World;

const MS: Duration = Duration::from_millis(1);

/// What the far side of a leg wants.
fn wanting(voice: &Voice, ptime_ms: Option<u16>, maxptime_ms: Option<u16>) -> LegPlan {
    let mut plan = voice.plan(&[]);
    plan.streams[0].send_ptime_ms = ptime_ms;
    plan.streams[0].max_send_ptime_ms = maxptime_ms;
    plan
}

/// One with PCMU talks to one with PCMA who wants such packets.
fn to_one_who_wants(ptime_ms: Option<u16>, maxptime_ms: Option<u16>) -> (World, Voice, Voice) {
    to_leg(wanting(&Voice::new(2, PCMA), ptime_ms, maxptime_ms), 16)
}

fn to_leg(plan: LegPlan, max_transcoders: usize) -> (World, Voice, Voice) {
    let mut world = World::with(|config| config.max_transcoders = max_transcoders);
    let (a, b) = (Voice::new(1, PCMU), Voice::new(2, PCMA));
    add(&mut world, &a);
    world.command(Command::AddLeg(Box::new(plan)));
    world.command(Command::Patch(Box::new(convert(&a, &[], &b))));
    (world, a, b)
}

/// The next 40 ms in one packet.
fn long(voice: &mut Voice) -> Rtp {
    let (one, two) = (
        voice.packet(1_000.0, 8_000.0),
        voice.packet(1_000.0, 8_000.0),
    );
    voice.number = voice.number.wrapping_sub(1);
    let payload = [one.payload.clone(), two.payload].concat();
    one.payload(&payload)
}

fn say_long(world: &mut World, voice: &mut Voice, packets: usize) {
    for _ in 0..packets {
        let packet = long(voice);
        world.phone_says(&mut voice.phone, &packet);
        world.run_for(40 * MS);
    }
}

/// A packet of a key that is held, in the place of 20 ms of sound.
fn say_event(world: &mut World, voice: &mut Voice, began: u32, units: u16) {
    let [high, low] = units.to_be_bytes();
    let packet = voice.event(began, [5, 10, high, low]);
    voice.timestamp = voice.timestamp.wrapping_add(160);
    world.phone_says(&mut voice.phone, &packet);
    world.run_for(20 * MS);
}

fn in_the_other_law(law: Law, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    g711::convert(law, &mut payload);
    payload
}

/// Numbers without a gap, timestamps that never go back, one SSRC.
fn assert_one_stream(heard: &[Rtp]) {
    assert_without_gap(heard);
    for pair in heard.windows(2) {
        let forward = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(forward < 1 << 31, "{forward}");
    }
}

fn assert_without_gap(heard: &[Rtp]) {
    for pair in heard.windows(2) {
        let (one, next) = (&pair[0], &pair[1]);
        assert_eq!(next.sequence_number, one.sequence_number.wrapping_add(1));
        assert_eq!(next.ssrc, one.ssrc);
    }
}

/// Of a second of the tone, without its beginning.
fn level(world: &World, voice: &mut Voice) -> f64 {
    let sound = world.sound(voice);
    measure(&sound[4_000..12_000], voice.speech.rate, 1_000.0).0
}

fn stats(world: &World, leg: LegId) -> LegStats {
    let stats = world.events.iter().rev().find_map(|event| match event {
        Event::Stats(stats) if stats.leg == leg => Some(LegStats::clone(stats)),
        _ => None,
    });
    stats.unwrap()
}

#[test]
fn each_packet_is_sent_on_at_once_in_the_other_law_and_needs_no_transcoder() {
    let (mut world, mut a, mut b) = laws();
    for (law, back) in [(Law::Mu, false), (Law::A, true)] {
        let (from, to) = match back {
            false => (&mut a, &mut b),
            true => (&mut b, &mut a),
        };
        let mut said = Vec::new();
        for number in 0..10 {
            let mut packet = from.packet(1_000.0, 8_000.0);
            packet.marker = number == 5;
            said.push((world.now, packet.clone()));
            world.phone_says(&mut from.phone, &packet);
            world.run_for(20 * MS);
        }
        let heard = world.voice_heard(to);
        let times = world.times_of_sound(to);
        assert_eq!((heard.len(), times.len()), (10, 10));
        for ((at, said), (sent, heard)) in said.iter().zip(times.into_iter().zip(&heard)) {
            assert_eq!(*at, sent, "nothing waits");
            assert_eq!(heard.payload, in_the_other_law(law, &said.payload));
        }
        assert_one_stream(&heard);
        let markers: Vec<bool> = heard.iter().map(|it| it.marker).collect();
        assert!(markers[0] && markers[5] && markers.iter().filter(|it| **it).count() == 2);
    }
    assert_eq!(world.worker.transcoders(), 0);
    assert_eq!(world.worker.counters().rtp_encoded, 0);
}

#[test]
fn loss_order_and_silence_stay_what_they_are() {
    let (mut world, mut a, mut b) = laws();
    let mut said: Vec<Rtp> = (0..8).map(|_| a.packet(1_000.0, 8_000.0)).collect();
    // Half a minute of silence that is not sent (RFC 3551 4.1).
    for (number, packet) in (0..).zip(&mut said).skip(6) {
        packet.timestamp = packet.timestamp.wrapping_add(30 * 8_000);
        packet.marker = number == 6;
    }
    let arrived = [0, 1, 4, 3, 6, 7].map(|number: usize| said[number].clone());
    for packet in &arrived {
        world.phone_says(&mut a.phone, packet);
        world.run_for(20 * MS);
    }
    let heard = world.voice_heard(&mut b);
    assert_eq!(heard.len(), arrived.len());
    let places = |packets: &[Rtp]| -> Vec<(u16, u32)> {
        let first = packets[0].clone();
        let place = |it: &Rtp| {
            let number = it.sequence_number.wrapping_sub(first.sequence_number);
            (number, it.timestamp.wrapping_sub(first.timestamp))
        };
        packets.iter().map(place).collect()
    };
    assert_eq!(places(&heard), places(&arrived));
    let markers: Vec<bool> = heard.iter().map(|it| it.marker).collect();
    assert_eq!(markers, [true, false, false, false, true, false]);
}

#[test]
fn what_is_measured_names_the_codec_of_each_side_and_no_transcoder() {
    let (mut world, mut a, mut b) = laws();
    for number in 0..100 {
        let packet = a.packet(1_000.0, 8_000.0);
        // One of ten is lost.
        if number % 10 != 5 {
            world.phone_says(&mut a.phone, &packet);
        }
        world.run_for(20 * MS);
    }
    let format = |stats: Option<media::event::StreamCodec>| stats.map(|it| it.format);
    let (of_a, of_b) = (stats(&world, a.leg()), stats(&world, b.leg()));
    let (received, sent) = (&of_a.streams[0].received, &of_b.streams[0].sent);
    assert_eq!(format(received.codec), Some(Format::Pcmu));
    assert_eq!(format(sent.codec), Some(Format::Pcma));
    assert!(received.lost >= 8 && sent.packets + received.lost >= 98);
    assert_eq!(of_b.streams[0].transcoded.packets, 0);
    assert_eq!(
        world.voice_heard(&mut b).len(),
        90,
        "what is lost stays lost"
    );
}

#[test]
fn packets_as_long_as_the_far_side_wants_them_need_no_transcoder() {
    for (ptime, maxptime) in [
        (None, None),
        (Some(40), None),
        (None, Some(40)),
        (Some(40), Some(60)),
    ] {
        let (mut world, mut a, mut b) = to_one_who_wants(ptime, maxptime);
        say_long(&mut world, &mut a, 10);
        assert_eq!(world.worker.transcoders(), 0, "{ptime:?} {maxptime:?}");
        let heard = world.voice_heard(&mut b);
        assert!(heard.len() == 10 && heard.iter().all(|it| it.payload.len() == 320));
    }
}

#[test]
fn packets_of_another_length_than_the_far_side_wants_are_transcoded() {
    for (ptime, maxptime, octets) in [
        (Some(20), None, 160),
        (Some(30), Some(60), 240),
        (None, Some(20), 160),
    ] {
        let (mut world, mut a, mut b) = to_one_who_wants(ptime, maxptime);
        say_long(&mut world, &mut a, 50);
        assert_eq!(world.worker.transcoders(), 1, "{ptime:?} {maxptime:?}");
        world.run_for(200 * MS);
        let heard = world.voice_heard(&mut b);
        assert!(
            heard.iter().all(|it| it.payload.len() == octets),
            "{octets}"
        );
        assert!(
            heard.len() * octets >= 15_000,
            "{} of {octets}",
            heard.len()
        );
        assert_one_stream(&heard);
        let level = level(&world, &mut b);
        assert!(level.abs() < 0.5, "{level:.2} dB");
    }
}

#[test]
fn a_source_whose_packets_become_too_long_is_transcoded_until_it_pauses() {
    let (mut world, mut a, mut b) = to_one_who_wants(None, Some(20));
    world.tone(&mut a, 50);
    let by_table = world.voice_heard(&mut b).len();
    assert_eq!((by_table, world.worker.transcoders()), (50, 0));
    say_long(&mut world, &mut a, 25);
    // Nothing overtakes what is in the transcoder.
    world.tone(&mut a, 50);
    world.run_for(2_000 * MS);
    a.timestamp = a.timestamp.wrapping_add(2 * 8_000);
    let transcoded = world.voice_heard(&mut b).len();
    assert!((145..=160).contains(&transcoded), "{transcoded}");
    let began = world.now;
    world.tone(&mut a, 50);
    let times = world.times_of_sound(&b);
    assert_eq!(times[transcoded], began, "by the table again");
    let heard = world.voice_heard(&mut b);
    assert_eq!(heard.len(), transcoded + 50);
    assert_one_stream(&heard);
    assert!(heard.iter().all(|it| it.payload.len() == 160));
    let markers = [0, by_table, transcoded].map(|at| heard[at].marker);
    assert_eq!(markers, [true; 3]);
    let gap = heard[transcoded]
        .timestamp
        .wrapping_sub(heard[transcoded - 1].timestamp);
    assert!((12_000..17_000).contains(&gap), "timestamps go on: {gap}");
}

#[test]
fn without_room_for_a_transcoder_packets_of_any_length_are_heard() {
    let plan = wanting(&Voice::new(2, PCMA), Some(20), None);
    let (mut world, mut a, mut b) = to_leg(plan, 0);
    say_long(&mut world, &mut a, 10);
    let heard = world.voice_heard(&mut b);
    assert!(heard.len() == 10 && heard.iter().all(|it| it.payload.len() == 320));
    assert_eq!(world.worker.counters().untranscoded, 0);
}

#[test]
fn a_packet_without_sound_goes_on_as_it_is() {
    let (mut world, mut a, mut b) = to_one_who_wants(Some(20), None);
    world.tone(&mut a, 2);
    let empty = a.packet(1_000.0, 8_000.0).payload(&[]);
    world.phone_says(&mut a.phone, &empty);
    world.tone(&mut a, 2);
    let heard: Vec<usize> = world
        .voice_heard(&mut b)
        .iter()
        .map(|it| it.payload.len())
        .collect();
    assert_eq!(heard, [160, 160, 0, 160, 160]);
    assert_eq!(world.worker.transcoders(), 0);
}

#[test]
fn events_keep_their_place_among_the_packets_of_sound() {
    let (mut world, mut a, mut b) = laws();
    world.tone(&mut a, 5);
    let began = a.timestamp;
    for packet in 1..=5 {
        say_event(&mut world, &mut a, began, packet * 160);
    }
    world.tone(&mut a, 5);
    let heard = world.phone_heard(&mut b.phone);
    assert_eq!(heard.len(), 15);
    assert_one_stream(&heard);
    let (first, last) = (&heard[0], &heard[14]);
    assert_eq!(
        last.timestamp.wrapping_sub(first.timestamp),
        14 * 160,
        "nothing was timed anew"
    );
    assert!(
        heard[5..10]
            .iter()
            .all(|it| it.payload_type == events_of(PCMA))
    );
    assert!(
        heard[5..10]
            .iter()
            .all(|it| it.timestamp == heard[10].timestamp.wrapping_sub(800))
    );
    assert_eq!(heard[9].payload, [5, 10, 3, 32]);
}

/// The key would be heard twice if its timestamp changed (RFC 4733 2.2.1).
#[test]
fn an_event_stays_one_when_a_transcoder_begins_or_rests_within() {
    let (mut world, mut a, mut b) = to_one_who_wants(None, Some(20));
    world.tone(&mut a, 5);
    let mut press = |world: &mut World, a: &mut Voice, between: fn(&mut World, &mut Voice)| {
        let before = world.phone_heard(&mut b.phone).len();
        let began = a.timestamp;
        for packet in 1..=100 {
            say_event(world, a, began, packet * 160);
            if packet == 3 {
                between(world, a);
            }
        }
        let heard = world.phone_heard(&mut b.phone).split_off(before);
        let events: Vec<&Rtp> = heard.iter().filter(|it| it.payload_type == 101).collect();
        assert_eq!(events.len(), 100);
        assert!(events.iter().all(|it| it.timestamp == events[0].timestamp));
    };
    press(&mut world, &mut a, |world, a| say_long(world, a, 1));
    assert_eq!(world.worker.transcoders(), 1);
    say_long(&mut world, &mut a, 10);
    press(&mut world, &mut a, |_, _| {});
    // Sound within an event is later than its beginning.
    assert_without_gap(&world.phone_heard(&mut b.phone));
}

#[test]
fn a_source_may_change_its_codec_and_the_far_side_hears_one_stream() {
    let mut world = World::new();
    let (mut a, mut b) = (Voice::new(1, PCMU), Voice::new(2, PCMA));
    let others: [Speech; 2] = [PCMA, G722];
    world.command(Command::AddLeg(Box::new(a.plan(&others))));
    add(&mut world, &b);
    let patch = convert(&a, &others, &b);
    assert!(!patch.transcodes());
    world.command(Command::Patch(Box::new(patch)));
    for (speech, transcoders) in [(PCMU, 0), (PCMA, 0), (PCMU, 0), (G722, 1), (PCMU, 1)] {
        a.change(speech);
        world.tone(&mut a, 50);
        assert_eq!(world.worker.transcoders(), transcoders);
    }
    world.run_for(200 * MS);
    let heard = world.voice_heard(&mut b);
    assert!(heard.len() > 240, "{}", heard.len());
    assert_one_stream(&heard);
    let sound = world.sound(&mut b);
    for second in 0..5 {
        let part = &sound[second * 8_000 + 3_200..second * 8_000 + 7_200];
        let (level, _) = measure(part, b.speech.rate, 1_000.0);
        assert!(level.abs() < 1.0, "second {second}: {level:.2} dB");
    }
}

#[test]
fn a_description_or_hold_between_leaves_numbers_in_order() {
    let (mut world, mut a, mut b) = laws();
    world.tone(&mut a, 10);
    for leg in [a.plan(&[]), b.plan(&[])] {
        world.command(Command::UpdateLeg(Box::new(leg)));
        world.tone(&mut a, 10);
    }
    let (source, sink) = (a.leg(), b.leg());
    world.command(Command::Unpatch { source, sink });
    world.tone(&mut a, 10);
    let held = world.voice_heard(&mut b).len();
    assert_eq!(held, 30, "hold is silent");
    world.command(Command::Patch(Box::new(convert(&a, &[], &b))));
    world.tone(&mut a, 10);
    let heard = world.voice_heard(&mut b);
    assert_eq!(heard.len(), 40);
    assert_one_stream(&heard);
    assert!(heard[held].marker);
    assert_eq!(world.worker.transcoders(), 0);
}

#[test]
fn a_transcoder_that_is_needed_no_more_leaves_its_place() {
    let (mut world, a, b) = voices(PCMU, PCMA);
    assert_eq!(world.worker.transcoders(), 2);
    for patch in [convert(&a, &[], &b), convert(&b, &[], &a)] {
        world.command(Command::Patch(Box::new(patch)));
    }
    assert_eq!(world.worker.transcoders(), 0);
}

#[test]
fn keys_are_heard_in_the_sound_and_by_the_far_side() {
    let mut world = World::new();
    let (mut a, mut b) = (Voice::new(1, PCMU), Voice::new(2, PCMA));
    for voice in [&a, &b] {
        world.command(Command::AddLeg(Box::new(voice.plan_without_events())));
    }
    let mut patch = convert(&a, &[], &b);
    patch.codecs.truncate(1);
    world.command(Command::Patch(Box::new(patch)));
    let mut tones = ToneGenerator::new(8_000, ToneConfig::default());
    tones.press("7");
    for _ in 0..20 {
        let mut pcm = [0; 160];
        tones.fill(&mut pcm);
        let packet = a.say(&pcm);
        world.phone_says(&mut a.phone, &packet);
        world.run_for(20 * MS);
    }
    assert!(world.saw(&Event::Digit(a.leg(), '7')));
    assert_eq!(world.voice_heard(&mut b).len(), 20, "as it sounds");
    let loud = world
        .sound(&mut b)
        .iter()
        .filter(|it| it.unsigned_abs() > 1_000)
        .count();
    assert!(loud > 400, "{loud} samples");
}
