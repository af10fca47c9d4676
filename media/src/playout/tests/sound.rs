//! What is heard when sound is made longer or shorter, or begins and ends.

use std::f64::consts::TAU;

use super::*;

const RATES: [u32; 4] = [8_000, 16_000, 32_000, 48_000];

fn tone(rate: u32, hertz: f64, seconds: f64, level: f64) -> Vec<i16> {
    let count = (f64::from(rate) * seconds) as usize;
    let sample = |n: usize| (level * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as i16;
    (0..count).map(sample).collect()
}

/// Harmonics of a voice whose pitch and loudness move.
fn voice(rate: u32, pitch: f64, seconds: f64) -> Vec<i16> {
    let count = (f64::from(rate) * seconds) as usize;
    let mut phase = 0.0;
    let sample = |n: usize| {
        let at = n as f64 / f64::from(rate);
        phase += TAU * pitch * (1.0 + 0.03 * (TAU * 2.0 * at).sin()) / f64::from(rate);
        let loud = 0.6 + 0.4 * (TAU * 3.0 * at).sin();
        let harmonic = |k: i32| (phase * f64::from(k)).sin() / f64::from(k * k).sqrt();
        (4000.0 * loud * (1..=8).map(harmonic).sum::<f64>()) as i16
    };
    (0..count).map(sample).collect()
}

/// Plays `sound` in frames of 20 ms, each third of them stretched as `wish` says.
fn stretched(rate: u32, sound: &[i16], wish: Stretch) -> (Vec<i16>, i64) {
    let mut queue = SoundQueue::new(rate);
    let mut out = Vec::new();
    for (n, frame) in sound.chunks(rate as usize / 50).enumerate() {
        let stretch = if n % 3 == 2 { wish } else { Stretch::Keep };
        queue.push(&mut frame.to_vec(), stretch, false);
        let mut heard = vec![0; queue.len()];
        queue.take(&mut heard);
        out.extend(heard);
    }
    (out, queue.stretched())
}

/// Of a tone, by the times it rises through zero.
fn frequency(rate: u32, sound: &[i16]) -> f64 {
    let rises = |two: &[i16]| {
        (two[0] < 0 && two[1] >= 0).then(|| {
            let (a, b) = (f64::from(two[0]), f64::from(two[1]));
            a / (a - b)
        })
    };
    let at: Vec<f64> = sound
        .windows(2)
        .enumerate()
        .filter_map(|(n, two)| rises(two).map(|part| n as f64 + part))
        .collect();
    let (first, last) = (at[0], at[at.len() - 1]);
    (at.len() - 1) as f64 * f64::from(rate) / (last - first)
}

fn steepest(sound: &[i16]) -> i32 {
    let step = |two: &[i16]| (i32::from(two[1]) - i32::from(two[0])).abs();
    sound.windows(2).map(step).max().unwrap_or(0)
}

fn power(sound: &[i16]) -> f64 {
    let squares = sound.iter().map(|it| f64::from(*it).powi(2));
    10.0 * (squares.sum::<f64>() / sound.len() as f64).log10()
}

const WISHES: [Stretch; 2] = [
    Stretch::Shorten(Duration::from_millis(20)),
    Stretch::Lengthen(Duration::from_millis(20)),
];

#[test]
fn a_tone_keeps_its_pitch_and_gets_no_clicks() {
    for rate in RATES {
        for hertz in [150.0, 440.0, 997.0, 3000.0] {
            let sound = tone(rate, hertz, 3.0, 8000.0);
            for wish in WISHES {
                let (out, by) = stretched(rate, &sound, wish);
                let what = format!("{hertz} Hz at {rate}, {wish:?}, {by} samples");
                assert_eq!(out.len() as i64 - sound.len() as i64, by, "{what}");
                let most = f64::from(rate) * 3.0 / 60.0 * 0.015;
                let share = by.abs() as f64 / most;
                assert!(
                    share > 0.3 && (by > 0) == matches!(wish, Stretch::Lengthen(_)),
                    "{what}"
                );
                assert!(
                    by.unsigned_abs() <= u64::from(rate) * 3 / 4,
                    "limited: {what}"
                );
                let heard = frequency(rate, &out);
                assert!((heard / hertz - 1.0).abs() < 0.004, "{what}: {heard} Hz");
                let (before, after) = (steepest(&sound), steepest(&out));
                assert!(
                    after <= before * 5 / 4,
                    "{what}: steps of {after}, {before} before"
                );
                assert!((power(&out) - power(&sound)).abs() < 0.3, "{what}");
            }
        }
    }
}

#[test]
fn a_voice_gets_no_clicks() {
    for rate in RATES {
        for pitch in [80.0, 120.0, 220.0] {
            let sound = voice(rate, pitch, 4.0);
            for wish in WISHES {
                let (out, by) = stretched(rate, &sound, wish);
                let what = format!("{pitch} Hz at {rate}, {wish:?}");
                let seconds = by.abs() as f64 / f64::from(rate);
                assert!((0.1..1.0).contains(&seconds), "{what}: {seconds} s");
                let (before, after) = (steepest(&sound), steepest(&out));
                assert!(
                    after <= before * 5 / 4,
                    "{what}: steps of {after}, {before} before"
                );
                assert!((power(&out) - power(&sound)).abs() < 0.5, "{what}");
            }
        }
    }
}

#[test]
fn noise_keeps_its_power() {
    let mut dice = Dice(9);
    let noise: Vec<i16> = (0..32_000)
        .map(|_| dice.below(8001) as i16 - 4000)
        .collect();
    for wish in WISHES {
        let (out, by) = stretched(8_000, &noise, wish);
        assert!(
            by.abs() > 300,
            "after a while noise is stretched, too: {by}"
        );
        assert!((power(&out) - power(&noise)).abs() < 0.3);
        // Where it was joined it is neither softer nor louder.
        for (before, after) in noise.chunks(8000).zip(out.chunks(8000)) {
            assert!((power(before) - power(after)).abs() < 0.6);
        }
    }
}

#[test]
fn silence_is_shortened_and_lengthened_at_the_full_rate() {
    for rate in RATES {
        for wish in WISHES {
            let (out, by) = stretched(rate, &vec![0; rate as usize * 3], wish);
            assert!(out.iter().all(|it| *it == 0));
            assert!(by.abs() >= i64::from(rate) * 3 / 60 / 400, "{by}");
        }
    }
}

#[test]
fn no_more_is_taken_away_than_was_asked_for() {
    for most in 0..20u64 {
        let mut queue = SoundQueue::new(8_000);
        let mut frame = tone(8_000, 400.0, 0.02, 8000.0);
        queue.push(&mut frame, Stretch::Shorten(ms(most)), false);
        let shorter = 160 - queue.len() as u64;
        assert!(shorter <= most * 8, "{shorter} samples of {most} ms");
        assert!(most < 3 || shorter > 0);
    }
}

#[test]
fn frames_of_any_length_are_stretched_or_left_alone() {
    for rate in RATES {
        for len in [0, 1, 7, 20, 80, 160, 480, 1920, 5760] {
            for wish in WISHES {
                let mut queue = SoundQueue::new(rate);
                queue.push(&mut vec![500; len], wish, true);
                queue.push(&mut vec![500; len], wish, false);
                assert!(queue.len() <= 3 * len + rate as usize / 50, "{rate}, {len}");
            }
        }
    }
}

#[test]
fn loud_sound_saturates() {
    let loud = vec![i16::MAX; 1600];
    for wish in WISHES {
        let (out, _) = stretched(8_000, &loud, wish);
        assert!(out.iter().all(|it| *it > 32_000));
    }
}

#[test]
fn sound_that_does_not_fit_fades_in_and_what_was_heard_dies_away() {
    for rate in RATES {
        let sound = tone(rate, 440.0, 0.1, 8000.0);
        let steep = steepest(&sound) + 8000 * 1000 / (rate as i32 * 5);
        let mut queue = SoundQueue::new(rate);
        // It stops anywhere; silence; begins anywhere; jumps.
        let anywhere = rate as usize / 1000 * 17 + 3;
        queue.push(&mut sound[..anywhere].to_vec(), Stretch::Keep, true);
        queue.push_silence(rate as usize / 50);
        queue.push(&mut sound[7..anywhere].to_vec(), Stretch::Keep, true);
        queue.push(&mut sound[41..anywhere].to_vec(), Stretch::Keep, true);
        queue.push_silence(rate as usize / 50);
        let mut out = vec![0; queue.len()];
        queue.take(&mut out);
        assert!(
            steepest(&out) <= steep,
            "{rate}: {} > {steep}",
            steepest(&out)
        );
        assert!(out.ends_with(&[0; 80]));
    }
}

#[test]
fn a_fade_begins_and_ends_in_silence() {
    let mut sound = vec![1000; 100];
    fade::fade_in(&mut sound, 40);
    fade::fade_out(&mut sound, 40);
    assert!(sound[0] < 50 && sound[99] == 0 && sound[50] == 1000);
    assert!(steepest(&sound) <= 26);
    fade::fade_in(&mut sound, 1000);
    fade::fade_out(&mut [], 10);
}

#[test]
fn of_sound_that_nobody_takes_the_oldest_is_dropped() {
    let mut queue = SoundQueue::new(8_000);
    for n in 0..100 {
        queue.push(&mut [n; 160], Stretch::Keep, false);
        assert!(queue.duration() <= ms(260));
    }
    assert!(queue.dropped() > 160 * 80);
    let mut out = [0; 160];
    queue.take(&mut out);
    assert!(out[0] >= 100 - 14, "{}", out[0]);
    queue.clear();
    assert_eq!(
        (queue.is_empty(), queue.take(&mut out), out[0]),
        (true, 0, 0)
    );
}

/// What room a microphone is in is heard between the words.
#[test]
fn out_of_a_pause_with_noise_as_much_is_taken_at_once_as_is_wanted() {
    for rate in RATES {
        let per_ms = rate as usize / 1000;
        let mut dice = 1_u32;
        let mut noise = || {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 24) as i16 - 128
        };
        let mut frame: Vec<i16> = (0..20 * per_ms).map(|_| noise()).collect();
        for (wish, least) in [
            (Stretch::Shorten(ms(12)), -12),
            (Stretch::Shorten(ms(40)), -15),
            (Stretch::Lengthen(ms(12)), 12),
            (Stretch::Lengthen(ms(40)), 15),
        ] {
            let mut queue = SoundQueue::new(rate);
            queue.push(&mut frame, Stretch::Keep, false);
            queue.pause_below(300.0);
            queue.push(&mut frame, wish, false);
            assert_eq!(
                queue.stretched(),
                least * per_ms as i64,
                "{wish:?} at {rate}"
            );
            let mut heard = vec![0; queue.len()];
            queue.take(&mut heard);
            assert!(
                (power(&heard) - power(&frame)).abs() < 1.0,
                "{wish:?} at {rate}"
            );
        }
    }
}
