//! Sound that can be told by ear: G.711 (ITU-T) of a tone, and the tone in what is heard.

use std::f64::consts::TAU;
use std::time::Duration;

use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::task::JoinHandle;
use tokio::time::interval;
use webrtc::media_stream::track_local::TrackLocal;

use super::agent::Agent;
use super::make::PCMU;

/// Hz
const RATE: f64 = 8_000.0;

/// Samples of a packet of 20 ms.
pub const FRAME: usize = 160;

/// A frame of a tone that goes on from frame to frame.
pub fn frame(frequency: f64, number: u32) -> Vec<u8> {
    let first = f64::from(number) * FRAME as f64;
    let sample = |at: usize| (TAU * frequency * (first + at as f64) / RATE).sin() * 8_000.0;
    (0..FRAME).map(|at| encode(sample(at) as i16)).collect()
}

/// Has an agent that knows G.711 say a tone until it is stopped.
pub fn speak(agent: &Agent, hz: f64) -> JoinHandle<()> {
    let local = agent.local(RtpCodecKind::Audio).clone();
    agent.spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        for number in 0_u32.. {
            ticks.tick().await;
            let header = rtp::Header {
                version: 2,
                payload_type: PCMU,
                sequence_number: number as u16,
                timestamp: number * FRAME as u32,
                ssrc: local.ssrc,
                ..Default::default()
            };
            let payload = frame(hz, number).into();
            let packet = rtp::Packet { header, payload };
            local.track.write_rtp(packet).await.unwrap();
        }
    })
}

/// The loudest frequency in the sound, to 10 Hz, and how much of all its power lies there.
pub fn loudest(sound: &[u8]) -> (f64, f64) {
    let samples: Vec<f64> = sound.iter().map(|byte| f64::from(decode(*byte))).collect();
    let power: f64 = samples.iter().map(|sample| sample * sample).sum();
    let bins = (10..390).map(|bin| f64::from(bin) * 10.0);
    let of = |frequency: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let angle = TAU * frequency * at as f64 / RATE;
            re += sample * angle.cos();
            im += sample * angle.sin();
        }
        2.0 * (re * re + im * im) / samples.len() as f64
    };
    let best = bins.map(|frequency| (frequency, of(frequency)));
    let (frequency, found) = best.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    (frequency, found / power.max(1.0))
}

/// Linear to µ-law.
fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32_635) + 132;
    let exponent = 7 - (magnitude << 1).leading_zeros().min(7) as u16;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

/// µ-law to linear.
fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let exponent = (byte >> 4) & 7;
    let mantissa = i16::from(byte & 0x0F);
    let magnitude = (((mantissa << 3) + 132) << exponent) - 132;
    if byte & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

#[test]
fn a_tone_is_found_again_and_silence_has_none() {
    for tone in [440.0, 1_000.0, 2_500.0] {
        let sound: Vec<u8> = (0..25).flat_map(|number| frame(tone, number)).collect();
        let (found, share) = loudest(&sound);
        assert!(
            (found - tone).abs() < 1.0 && share > 0.98,
            "{found} {share}"
        );
    }
    for sample in [-32_000, -1_000, -4, 0, 4, 1_000, 32_000] {
        let error = i32::from(decode(encode(sample))) - i32::from(sample);
        assert!(
            error.abs() <= i32::from(sample).abs() / 16 + 4,
            "{sample} {error}"
        );
    }
    assert!(loudest(&[0xFF; 4_000]).1 < 0.01);
}
