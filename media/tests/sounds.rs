//! Sounds that the worker plays itself, as those who hear them do: where they begin, and what
//! becomes of them when somebody speaks.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use media::event::Event;
use media::ids::MediaKind;
use media::plan::Command;
use media::rtp::is_rtcp;
use media::sound::{Sound, SoundId};
use peer::packets::Rtp;
use peer::plans::our_ssrc;
use peer::voice::{G722, OPUS, PCMA, PCMU, SPEEX, Speech, Voice, add, connect, convert, measure};
use peer::world::World;

const MS: Duration = Duration::from_millis(1);

const MUSIC: SoundId = SoundId(0);
const WORDS: SoundId = SoundId(1);

/// A tone of 500 Hz at 16 kHz, in a file.
fn file(ms: u32) -> Vec<u8> {
    let samples = (0..16 * ms).map(|n| 8_000.0 * (TAU * 500.0 * f64::from(n) / 16_000.0).sin());
    let data: Vec<u8> = samples.flat_map(|it| (it as i16).to_le_bytes()).collect();
    let mut file =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0\x10\0data"
            .to_vec();
    file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    file.extend(data);
    file
}

/// Two in a call that nothing joins yet, and a server that can play music and say 400 ms.
fn two(a: Speech, b: Speech) -> (World, Voice, Voice) {
    let music = Sound::read(&file(1_000)).unwrap().repeated();
    let words = Sound::read(&file(400)).unwrap();
    let mut world = World::with(|config| config.sounds = [music, words].into());
    let (a, b) = (Voice::new(1, a), Voice::new(2, b));
    add(&mut world, &a);
    add(&mut world, &b);
    (world, a, b)
}

fn play(world: &mut World, to: &Voice, sound: SoundId) {
    let leg = to.leg();
    world.command(Command::Play { leg, sound });
}

fn stop(world: &mut World, to: &Voice) {
    world.command(Command::StopSound { leg: to.leg() });
}

fn part(world: &mut World, source: &Voice, sink: &Voice) {
    let (source, sink) = (source.leg(), sink.leg());
    world.command(Command::Unpatch { source, sink });
}

/// When packets went to a voice.
fn times(world: &World, to: &Voice) -> Vec<Instant> {
    let address = to.phone.address;
    let sent = world.sent.iter();
    let rtp = sent.filter(|(_, path, bytes)| path.remote == address && !is_rtcp(bytes));
    rtp.map(|(at, ..)| *at).collect()
}

fn longest_gap(times: &[Instant]) -> Duration {
    times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .max()
        .unwrap()
}

/// One SSRC, numbers without a gap, and timestamps that go on by a packet, or a little more where
/// something else begins; a marker says that it does.
fn assert_one_stream(heard: &[Rtp], clock_rate: u32) {
    for pair in heard.windows(2) {
        let (one, next) = (&pair[0], &pair[1]);
        assert_eq!(next.sequence_number, one.sequence_number.wrapping_add(1));
        assert_eq!(
            (next.ssrc, next.ssrc),
            (one.ssrc, our_ssrc(2, MediaKind::Audio))
        );
        let (step, packet) = (next.timestamp.wrapping_sub(one.timestamp), clock_rate / 50);
        let most = if next.marker { 2 * packet } else { packet };
        assert!(
            (packet..=most).contains(&step),
            "{step} of {packet}, {}",
            next.marker
        );
    }
}

/// How loud a tone is in dB against what a voice says, and how far it stands above all else.
fn tone(sound: &[i16], speech: Speech, hz: f64) -> (f64, f64) {
    measure(sound, speech.rate, hz)
}

#[test]
fn who_is_held_hears_music_in_his_own_format_and_then_the_other_again() {
    for speech in [PCMU, OPUS, G722, SPEEX] {
        let (mut world, mut a, mut b) = two(speech, speech);
        connect(&mut world, &a, &b);
        world.tone(&mut a, 50);
        part(&mut world, &a, &b);
        play(&mut world, &b, MUSIC);
        // Twice is once.
        play(&mut world, &b, MUSIC);
        world.run_for(3_000 * MS);
        stop(&mut world, &b);
        connect(&mut world, &a, &b);
        world.tone(&mut a, 50);
        assert!(times(&world, &a).is_empty(), "nobody plays to who holds");
        assert!(longest_gap(&times(&world, &b)) <= 40 * MS, "{speech:?}");
        let heard = world.voice_heard(&mut b);
        assert_one_stream(&heard, speech.clock_rate);
        let markers = heard.iter().filter(|it| it.marker).count();
        assert_eq!(markers, 3, "{speech:?}: the voice, the music, the voice");
        let sound = world.sound(&mut b);
        let (second, tenth) = (speech.rate.samples(1_000), speech.rate.samples(100));
        let clean = if speech == SPEEX { 12.0 } else { 18.0 };
        for (start, hz) in [(0, 1_000.0), (second, 500.0), (2 * second, 500.0)] {
            // The seam of each repetition is left out.
            let piece = &sound[start + 2 * tenth..start + 8 * tenth];
            let (level, above) = tone(piece, speech, hz);
            assert!(
                level.abs() < 1.0 && above > clean,
                "{speech:?} {hz}: {level} dB, {above} dB"
            );
        }
        // A speech coder goes on with what it has heard of a steady tone, here of another one.
        if speech == SPEEX {
            continue;
        }
        let last = &sound[sound.len() - 6 * tenth..sound.len() - tenth];
        let (level, above) = tone(last, speech, 1_000.0);
        assert!(
            level.abs() < 1.0 && above > clean,
            "{speech:?}: {level} dB, {above} dB"
        );
    }
}

#[test]
fn music_fades_where_a_voice_follows_that_would_make_it_click() {
    let (mut world, mut a, mut b) = two(PCMU, PCMU);
    play(&mut world, &b, MUSIC);
    world.run_for(333 * MS);
    connect(&mut world, &a, &b);
    stop(&mut world, &b);
    for _ in 0..10 {
        let silence = a.packet(1_000.0, 0.0);
        world.phone_says(&mut a.phone, &silence);
        world.run_for(20 * MS);
    }
    let sound = world.sound(&mut b);
    let steps = sound
        .windows(2)
        .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    // 500 Hz at this level rises by 3,100 from one sample to the next.
    assert!(steps.max().unwrap() < 3_600);
    assert!(sound[..2_400].iter().any(|it| it.abs() > 7_000));
    assert!(sound[sound.len() - 800..].iter().all(|it| it.abs() < 10));
}

#[test]
fn a_sound_goes_on_until_the_first_packet_of_the_source_and_not_a_packet_longer() {
    let (mut world, mut a, mut b) = two(PCMA, PCMA);
    play(&mut world, &b, MUSIC);
    connect(&mut world, &a, &b);
    world.run_for(490 * MS);
    assert_eq!(world.voice_heard(&mut b).len(), 25);
    let (switch, spoken) = (world.now, 50);
    world.tone(&mut a, spoken);
    let times = times(&world, &b);
    assert!(longest_gap(&times) <= 20 * MS);
    let after = times.iter().filter(|at| **at >= switch).count();
    assert_eq!(
        after,
        spoken + 1,
        "the packet it fades in, and what is said"
    );
    assert_one_stream(&world.voice_heard(&mut b), 8_000);
}

#[test]
fn a_sound_gives_way_to_a_source_that_is_transcoded_when_that_comes_out() {
    let (mut world, mut a, mut b) = two(PCMU, OPUS);
    play(&mut world, &b, MUSIC);
    connect(&mut world, &a, &b);
    world.run_for(500 * MS);
    world.tone(&mut a, 50);
    world.run_for(100 * MS);
    let heard = world.voice_heard(&mut b);
    assert!(longest_gap(&times(&world, &b)) <= 40 * MS);
    for pair in heard.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..=1_920).contains(&step), "{step}");
    }
    let sound = world.sound(&mut b);
    let (level, above) = tone(
        &sound[sound.len() - 24_000..sound.len() - 4_800],
        OPUS,
        1_000.0,
    );
    assert!(level.abs() < 1.0 && above > 20.0, "{level} dB, {above} dB");
}

#[test]
fn what_is_said_once_ends_and_says_so() {
    let (mut world, _, mut b) = two(PCMU, PCMU);
    play(&mut world, &b, WORDS);
    world.run_for(390 * MS);
    assert!(!world.saw(&Event::SoundEnded(b.leg())));
    world.run_for(60 * MS);
    assert!(world.saw(&Event::SoundEnded(b.leg())));
    world.run_for(500 * MS);
    assert_eq!(world.voice_heard(&mut b).len(), 20);
    assert_eq!(times(&world, &b).len(), 20);
}

#[test]
fn music_ends_with_the_first_packet_of_who_has_the_other_law() {
    let (mut world, mut a, mut b) = two(PCMU, PCMA);
    world.command(Command::Patch(Box::new(convert(&a, &[], &b))));
    world.tone(&mut a, 25);
    part(&mut world, &a, &b);
    play(&mut world, &b, MUSIC);
    world.run_for(1_000 * MS);
    world.command(Command::Patch(Box::new(convert(&a, &[], &b))));
    world.run_for(200 * MS);
    let until = world.voice_heard(&mut b).len();
    assert!((80..=90).contains(&until), "it goes on until then: {until}");
    a.timestamp = a.timestamp.wrapping_add(60 * 160);
    world.tone(&mut a, 25);
    let heard = world.voice_heard(&mut b);
    assert_one_stream(&heard, PCMA.clock_rate);
    assert!(
        (25..=26).contains(&(heard.len() - until)),
        "{}",
        heard.len()
    );
    assert_eq!(world.worker.transcoders(), 0);
    let sound = world.sound(&mut b);
    let (level, clean) = tone(&sound[sound.len() - 3_200..], PCMA, 1_000.0);
    assert!(
        level.abs() < 0.3 && clean > 30.0,
        "{level:.2} dB, {clean:.1} dB"
    );
}

#[test]
fn a_sound_that_there_is_not_is_over_at_once() {
    let (mut world, _, b) = two(PCMU, PCMU);
    play(&mut world, &b, SoundId(9));
    assert!(world.saw(&Event::SoundEnded(b.leg())));
}

#[test]
fn music_goes_on_in_the_format_of_a_new_description() {
    let (mut world, _, mut b) = two(PCMU, PCMU);
    play(&mut world, &b, MUSIC);
    world.run_for(200 * MS);
    let before = world.voice_heard(&mut b).len();
    b.change(PCMA);
    world.command(Command::UpdateLeg(Box::new(b.plan(&[]))));
    world.run_for(200 * MS);
    let after = world.voice_heard(&mut b);
    assert!((9..=11).contains(&before) && (9..=11).contains(&after.len()));
    assert!(longest_gap(&times(&world, &b)) <= 40 * MS);
}
