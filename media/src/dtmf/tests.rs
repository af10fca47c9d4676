use std::f64::consts::TAU;
use std::time::Duration;

use super::*;

const RATES: [u32; 3] = [8_000, 16_000, 48_000];
const ALL: &str = "0123456789*#ABCD";

fn heard(rate: u32, sound: &[i16]) -> String {
    let mut detector = ToneDetector::new(rate);
    let mut digits = String::new();
    // As packets bring it.
    for packet in sound.chunks(rate as usize / 50) {
        detector.hear(packet, |digit| digits.push(digit));
    }
    digits
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn timed(on: u64, off: u64) -> ToneConfig {
    ToneConfig {
        on: ms(on),
        off: ms(off),
        ..ToneConfig::default()
    }
}

/// The digits after `before` samples of silence.
fn pressed(rate: u32, config: ToneConfig, digits: &str, before: usize) -> Vec<i16> {
    let mut sound = vec![0; before];
    let mut generator = ToneGenerator::new(rate, config);
    generator.press(digits);
    while generator.is_active() {
        let at = sound.len();
        sound.resize(at + 80, 0);
        generator.fill(&mut sound[at..]);
    }
    sound.resize(sound.len() + rate as usize / 10, 0);
    sound
}

struct Dice(u64);

impl Dice {
    fn noise(&mut self, level: i32) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 20) as i32 & 0xFFFF) * level / 0x8000 - level
    }
}

#[test]
fn every_digit_is_heard_once_at_every_rate() {
    for rate in RATES {
        let sound = pressed(rate, ToneConfig::default(), ALL, 333);
        assert_eq!(heard(rate, &sound), ALL, "{rate}");
    }
}

/// Q.24: 40 ms of tone and 40 ms of pause are enough, wherever the blocks lie.
#[test]
fn tones_and_pauses_of_40_ms_are_enough() {
    for rate in RATES {
        for before in (0..110).step_by(7) {
            let before = before * rate as usize / 8000;
            let sound = pressed(rate, timed(40, 40), ALL, before);
            assert_eq!(heard(rate, &sound), ALL, "{rate}, {before}");
            let sound = pressed(rate, timed(40, 40), "5555", before);
            assert_eq!(heard(rate, &sound), "5555", "{rate}, {before}");
        }
    }
}

#[test]
fn tones_of_20_ms_are_no_digits() {
    for before in 0..110 {
        let sound = pressed(8_000, timed(20, 100), ALL, before);
        assert_eq!(heard(8_000, &sound), "");
    }
}

#[test]
fn a_long_press_is_one_digit_even_with_short_breaks() {
    for rate in RATES {
        let mut sound = pressed(rate, timed(5_000, 100), "7", 50);
        assert_eq!(heard(rate, &sound), "7");
        let per_ms = rate as usize / 1000;
        for at in (400..4_500).step_by(500) {
            sound[at * per_ms..(at + 10) * per_ms].fill(0);
        }
        assert_eq!(heard(rate, &sound), "7", "{rate}");
    }
}

/// The digits in this sound, of which some packets of 20 ms were lost.
fn heard_without(rate: u32, sound: &[i16], lost: &[usize]) -> String {
    let mut detector = ToneDetector::new(rate);
    let mut digits = String::new();
    for (number, packet) in sound.chunks(rate as usize / 50).enumerate() {
        match lost.contains(&number) {
            true => detector.lose(packet.len()),
            false => detector.hear(packet, |digit| digits.push(digit)),
        }
    }
    digits
}

#[test]
fn a_press_is_one_digit_whichever_two_packets_of_it_are_lost() {
    for rate in RATES {
        let before = 37 * rate as usize / 8000;
        let sound = pressed(rate, timed(100, 80), "5", before);
        let packets = sound.len().div_ceil(rate as usize / 50);
        for one in 0..packets {
            for two in 0..=one {
                let digits = heard_without(rate, &sound, &[one, two]);
                assert_eq!(digits, "5", "{rate}: {one}, {two}");
            }
        }
    }
}

#[test]
fn two_presses_are_two_whichever_packet_of_them_is_lost() {
    for rate in RATES {
        let sound = pressed(rate, timed(100, 80), "55", 37 * rate as usize / 8000);
        for lost in 0..sound.len().div_ceil(rate as usize / 50) {
            assert_eq!(heard_without(rate, &sound, &[lost]), "55", "{rate}: {lost}");
        }
    }
}

#[test]
fn after_a_long_loss_the_same_digit_is_another_press() {
    let sound = pressed(8_000, timed(400, 80), "5", 0);
    let lost: Vec<usize> = (5..12).collect();
    assert_eq!(heard_without(8_000, &sound, &lost), "55");
}

#[test]
fn digits_without_a_pause_are_told_apart() {
    let sound = pressed(8_000, timed(80, 0), "159D", 0);
    assert_eq!(heard(8_000, &sound), "159D");
}

#[test]
fn twist_is_taken_as_far_as_lines_make_it() {
    let twisted = |low_level, high_level| {
        let config = ToneConfig {
            low_level,
            high_level,
            ..ToneConfig::default()
        };
        heard(8_000, &pressed(8_000, config, ALL, 17))
    };
    assert_eq!(twisted(-16.0, -12.0), ALL);
    assert_eq!(twisted(-12.0, -20.0), ALL);
    assert_eq!(twisted(-24.0, -10.0), "");
    assert_eq!(twisted(-10.0, -24.0), "");
}

#[test]
fn more_twist_is_taken_while_a_coder_settles_after_a_loss() {
    let config = ToneConfig {
        low_level: -21.0,
        high_level: -10.0,
        ..timed(100, 60)
    };
    let sound = pressed(8_000, config, "5", 0);
    for (settling, wanted) in [(0, ""), (800, "5")] {
        let mut detector = ToneDetector::new(8_000);
        detector.lose(160);
        detector.settle(settling);
        let mut digits = String::new();
        detector.hear(&sound, |digit| digits.push(digit));
        assert_eq!(digits, wanted, "{settling}");
    }
}

#[test]
fn weak_tones_are_taken_and_the_weakest_are_not() {
    let level = |level| {
        let config = ToneConfig {
            low_level: level,
            high_level: level,
            ..ToneConfig::default()
        };
        heard(8_000, &pressed(8_000, config, ALL, 17))
    };
    assert_eq!(level(-7.0), ALL);
    assert_eq!(level(-32.0), ALL);
    assert_eq!(level(-45.0), "");
}

/// Q.24: 1.5 % off is taken.
#[test]
fn frequencies_may_be_off_by_1_5_percent() {
    for off in [0.985, 1.015] {
        for digit in ALL.chars() {
            let (low, high) = frequencies(digit).unwrap();
            let wave = |hertz: f64, n: usize| (TAU * hertz * off * n as f64 / 8000.0).sin();
            let tone = (0..640).map(|n| (4000.0 * (wave(low, n) + wave(high, n))) as i16);
            let sound: Vec<i16> = tone.chain(std::iter::repeat_n(0, 400)).collect();
            assert_eq!(heard(8_000, &sound), digit.to_string(), "{off}");
        }
    }
}

#[test]
fn frequencies_off_by_4_percent_are_no_digits() {
    for off in [0.96, 1.04] {
        for digit in ALL.chars() {
            let (low, high) = frequencies(digit).unwrap();
            let wave = |hertz: f64, n: usize| (TAU * hertz * off * n as f64 / 8000.0).sin();
            let tone = (0..1600).map(|n| (4000.0 * (wave(low, n) + wave(high, n))) as i16);
            let sound: Vec<i16> = tone.collect();
            assert_eq!(heard(8_000, &sound), "", "{digit} {off}");
        }
    }
}

#[test]
fn digits_are_heard_through_noise() {
    let mut dice = Dice(77);
    for rate in RATES {
        let mut sound = pressed(rate, timed(60, 60), ALL, 100);
        for sample in &mut sound {
            // 15 dB below the tones.
            *sample = (i32::from(*sample) + dice.noise(2300)) as i16;
        }
        assert_eq!(heard(rate, &sound), ALL, "{rate}");
    }
}

#[test]
fn noise_is_no_digit() {
    let mut dice = Dice(5);
    let noise: Vec<i16> = (0..8_000 * 120).map(|_| dice.noise(8000) as i16).collect();
    assert_eq!(heard(8_000, &noise), "");
}

/// Voices of any pitch that rise and fall, with formants that move: a minute each of vowels alone, of
/// which two harmonics now and then are all that is there. Nobody speaks like that.
#[test]
fn a_voice_that_sings_is_hardly_ever_a_digit() {
    let mut digits = 0;
    for base in [90.0, 130.0, 180.0, 230.0, 300.0, 360.0] {
        let mut phase = 0.0;
        let sample = |n: usize| {
            let at = n as f64 / 8000.0;
            let pitch = base * (1.0 + 0.25 * (TAU * 0.31 * at).sin());
            phase += TAU * pitch / 8000.0;
            let formant = |centre: f64, hertz: f64| 1.0 / (1.0 + ((hertz - centre) / 90.0).powi(2));
            let first = 550.0 + 300.0 * (TAU * 1.3 * at).sin();
            let second = 1500.0 + 500.0 * (TAU * 0.9 * at).sin();
            let harmonic = |k: i32| {
                let hertz = pitch * f64::from(k);
                let loud = formant(first, hertz) + 0.5 * formant(second, hertz) + 0.02;
                loud * (phase * f64::from(k)).sin()
            };
            let loud = (0.5 + 0.5 * (TAU * 4.0 * at).sin()) * 6000.0;
            (loud * (1..=10).map(harmonic).sum::<f64>()) as i16
        };
        let voice: Vec<i16> = (0..8_000 * 60).map(sample).collect();
        digits += heard(8_000, &voice).len();
    }
    assert!(digits <= 6, "{digits} in 6 minutes");
}

/// A man and a woman read, each with a loud and a low voice.
#[test]
fn a_spoken_text_is_no_digit() {
    for voice in ["kal", "slt"] {
        let spoken = spoken(voice, TEXT);
        assert!(spoken.len() > 8_000 * 8, "{voice}");
        for shift in [0, 2] {
            let spoken: Vec<i16> = spoken.iter().map(|it| it >> shift).collect();
            assert_eq!(heard(8_000, &spoken), "", "{voice}, {shift}");
        }
    }
}

const TEXT: &str = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue \
    background. These days a chicken leg is a rare dish. A large size in stockings is hard to sell. \
    Read verse out loud for pleasure. Hoist the load to your left shoulder";

/// A text as one of the voices of ffmpeg speaks it, at 8 kHz.
fn spoken(voice: &str, text: &str) -> Vec<i16> {
    let source = format!("flite=text='{text}':voice={voice}");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source])
        .args(["-ar", "8000", "-ac", "1", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg, which ./test installs");
    assert!(made.status.success(), "{made:?}");
    let samples = made.stdout.chunks_exact(2);
    samples
        .map(|it| i16::from_le_bytes([it[0], it[1]]))
        .collect()
}

#[test]
fn single_tones_and_other_pairs_are_no_digits() {
    let pair = |a: f64, b: f64| -> Vec<i16> {
        let wave = |hertz: f64, n: usize| (TAU * hertz * n as f64 / 8000.0).sin();
        let sample = |n: usize| (4000.0 * (wave(a, n) + wave(b, n))) as i16;
        (0..8_000).map(sample).collect()
    };
    // Ringing, dial and busy tones, one tone alone, two of one group.
    for (a, b) in [
        (440.0, 480.0),
        (350.0, 440.0),
        (480.0, 620.0),
        (425.0, 425.0),
    ] {
        assert_eq!(heard(8_000, &pair(a, b)), "");
    }
    for (a, b) in [
        (697.0, 697.0),
        (1209.0, 1209.0),
        (697.0, 941.0),
        (1209.0, 1477.0),
    ] {
        assert_eq!(heard(8_000, &pair(a, b)), "");
    }
}

#[test]
fn what_is_no_digit_is_left_out_and_the_queue_is_bounded() {
    let mut generator = ToneGenerator::new(8_000, timed(40, 40));
    generator.press("xyz ,");
    let mut untouched = [7; 160];
    generator.fill(&mut untouched);
    assert_eq!((generator.is_active(), untouched), (false, [7; 160]));
    let sound = pressed(8_000, timed(40, 40), &"1".repeat(1000), 0);
    assert_eq!(heard(8_000, &sound).len(), 32);
}

#[test]
fn after_the_last_pause_the_sound_is_let_through() {
    let mut generator = ToneGenerator::new(8_000, timed(40, 40));
    generator.press("d");
    let mut sound = [7; 800];
    generator.fill(&mut sound);
    assert!(sound[..640].iter().all(|it| *it != 7) && sound[640..].iter().all(|it| *it == 7));
    assert!(!generator.is_active());
}
