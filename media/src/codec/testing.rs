//! Signals for the tests, and how like each other two are.

use std::f64::consts::TAU;

use super::{AudioCodec, Decoder, Encoder, SampleRate, Settings};

/// A sine, its peak at `level` of 32,767.
pub(crate) fn tone(rate: SampleRate, hz: f64, level: f64, ms: usize) -> Vec<i16> {
    (0..rate.per_ms() * ms)
        .map(|n| {
            let phase = TAU * hz * n as f64 / f64::from(rate.hz());
            (phase.sin() * level) as i16
        })
        .collect()
}

/// Something like speech: a gliding voice through three formants, syllables of a quarter of a
/// second with pauses and hissing consonants between them.
pub(crate) fn speech(rate: SampleRate, ms: usize) -> Vec<i16> {
    let hz = f64::from(rate.hz());
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        (noise >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let mut phase = 0.0;
    let mut formants = [[0.0_f64; 2]; 3];
    let mut hiss = 0.0;
    (0..rate.per_ms() * ms)
        .map(|n| {
            let time = n as f64 / hz;
            let syllable = (time / 0.25) as usize;
            let within = (time / 0.25).fract();
            let pitch = 110.0 + 25.0 * (time * 2.1).sin() + 8.0 * (syllable % 3) as f64;
            phase += pitch / hz;
            let mut pulse = random() * 0.004;
            if phase >= 1.0 {
                phase -= 1.0;
                pulse += (hz / 8000.0).sqrt();
            }
            let vowels = [
                [700.0, 1220.0, 2600.0],
                [300.0, 2200.0, 2900.0],
                [450.0, 800.0, 2600.0],
                [550.0, 1750.0, 2500.0],
            ];
            let mut voice = 0.0;
            for (index, state) in formants.iter_mut().enumerate() {
                let [one, two] = *state;
                let radius = (-TAU / 2.0 * (60.0 + 30.0 * index as f64) / hz).exp();
                let angle = TAU * vowels[syllable % 4][index] / hz;
                let out = pulse + 2.0 * radius * angle.cos() * one - radius * radius * two;
                *state = [out, one];
                voice += out / (1.0 + index as f64);
            }
            let envelope = (TAU / 2.0 * ((within - 0.12) / 0.76).clamp(0.0, 1.0)).sin();
            let white = random();
            let consonant = if within < 0.12 { white - hiss } else { 0.0 };
            hiss = white;
            (voice * envelope * 1400.0 + consonant * 500.0).clamp(-30_000.0, 30_000.0) as i16
        })
        .collect()
}

/// Encodes and decodes in packets of so many milliseconds.
pub(crate) fn round_trip(
    codec: AudioCodec,
    rate: SampleRate,
    settings: Settings,
    packet_ms: u16,
    pcm: &[i16],
) -> Vec<i16> {
    let mut encoder = Encoder::new(codec, rate, settings).unwrap();
    let mut decoder = Decoder::new(codec, rate).unwrap();
    let mut payload = [0; super::MAX_PAYLOAD];
    let mut heard = Vec::new();
    let packet = rate.samples(packet_ms);
    for pcm in pcm.chunks_exact(packet) {
        let start = heard.len();
        heard.resize(start + packet, 0);
        let len = encoder.encode(pcm, &mut payload).unwrap();
        let payload = &payload[..len];
        if len == 0 {
            decoder.conceal(&mut heard[start..]);
            continue;
        }
        assert_eq!(codec.samples_of(payload, rate), Ok(packet));
        assert_eq!(decoder.decode(payload, &mut heard[start..]), Ok(packet));
    }
    heard
}

/// The level of one frequency, as the peak of its sine (Goertzel).
pub(crate) fn level_at(rate: SampleRate, hz: f64, pcm: &[i16]) -> f64 {
    let step = TAU * hz / f64::from(rate.hz());
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let (sin, cos) = (step * n as f64).sin_cos();
        real += f64::from(*sample) * cos;
        imaginary += f64::from(*sample) * sin;
    }
    2.0 * real.hypot(imaginary) / pcm.len() as f64
}

/// A ratio of levels in dB.
pub(crate) fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// The power that is not the sine, under the power of the sine, dB.
pub(crate) fn tone_to_noise(rate: SampleRate, hz: f64, pcm: &[i16]) -> f64 {
    let level = level_at(rate, hz, pcm);
    let tone = level * level / 2.0;
    10.0 * (tone / (power(pcm) - tone).max(1e-9)).log10()
}

/// Mean square.
pub(crate) fn power(pcm: &[i16]) -> f64 {
    let sum: f64 = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    sum / pcm.len().max(1) as f64
}

/// Signal to noise ratio in dB at the delay (of up to `longest` samples) where it is best, with
/// the delay.
pub(crate) fn snr(sent: &[i16], heard: &[i16], longest: usize) -> (f64, usize) {
    let mut best = (f64::MIN, 0);
    for delay in 0..=longest {
        let pairs = sent.iter().zip(&heard[delay.min(heard.len())..]);
        let (mut signal, mut noise) = (0.0, 1e-9);
        for (sent, heard) in pairs {
            signal += f64::from(*sent).powi(2);
            noise += (f64::from(*sent) - f64::from(*heard)).powi(2);
        }
        let ratio = 10.0 * (signal / noise).log10();
        if ratio > best.0 {
            best = (ratio, delay);
        }
    }
    best
}

/// The widest step from one sample to the next.
pub(crate) fn widest_step(pcm: &[i16]) -> i32 {
    let steps = pcm.windows(2);
    steps
        .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
        .max()
        .unwrap_or(0)
}
