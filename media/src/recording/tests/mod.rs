//! Two who talk, and what is found in the file.

mod files;
mod sides;

use std::time::{Duration, Instant};

use super::*;
use crate::codec::testing::{db, level_at};
use crate::codec::{AudioCodec, Encoder, MAX_PAYLOAD, SampleRate, Settings};
use crate::tests::start_of_time;

const MS: Duration = Duration::from_millis(1);
const RATE: SampleRate = SampleRate::Hz16000;

/// How loud everybody speaks.
const LEVEL: f64 = 8_000.0;

/// The left and the right channel.
type Heard = [Vec<i16>; 2];

/// Somebody who says a tone, 20 ms a packet.
struct Voice {
    channel: Channel,
    format: Format,
    rate: SampleRate,
    encoder: Encoder,
    hz: f64,
    ssrc: u32,
    number: u16,
    timestamp: u32,
    said: usize,
}

impl Voice {
    fn new(channel: Channel, format: Format, hz: f64) -> Self {
        let (codec, rate) = match format {
            Format::Opus => (AudioCodec::Opus, SampleRate::Hz48000),
            Format::G722 => (AudioCodec::G722, SampleRate::Hz16000),
            Format::Pcma => (AudioCodec::Pcma, SampleRate::Hz8000),
            _ => (AudioCodec::Pcmu, SampleRate::Hz8000),
        };
        Self {
            channel,
            format,
            rate,
            encoder: Encoder::new(codec, rate, Settings::default()).unwrap(),
            hz,
            ssrc: 1,
            number: 65_530,
            timestamp: u32::MAX - 5_000,
            said: 0,
        }
    }

    fn clock_rate(&self) -> u32 {
        self.encoder.codec().clock_rate()
    }

    /// The next packet, which arrives at this time.
    fn says(&mut self, at: Instant) -> TappedPacket {
        let step = std::f64::consts::TAU * self.hz / f64::from(self.rate.hz());
        let pcm: Vec<i16> = (self.said..self.said + self.rate.samples(20))
            .map(|n| ((step * n as f64).sin() * LEVEL) as i16)
            .collect();
        self.said += pcm.len();
        let mut payload = vec![0; MAX_PAYLOAD];
        let len = self.encoder.encode(&pcm, &mut payload).unwrap();
        let mut packet = vec![0x80, 96];
        packet.extend(self.number.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(&payload[..len]);
        self.number = self.number.wrapping_add(1);
        self.pause(20);
        TappedPacket {
            recording: RecordingId(1),
            channel: self.channel,
            at,
            format: self.format,
            clock_rate: self.clock_rate(),
            packet: packet.into(),
        }
    }

    /// Says nothing for so long.
    fn pause(&mut self, ms: u32) {
        self.timestamp = self.timestamp.wrapping_add(self.clock_rate() / 1000 * ms);
    }
}

/// Packets between two instants, in ms after the beginning.
fn speech(voice: &mut Voice, start: Instant, ms: std::ops::Range<u32>) -> Vec<TappedPacket> {
    ms.step_by(20)
        .map(|at| voice.says(start + at * MS))
        .collect()
}

const CONFIG: RecorderConfig = RecorderConfig {
    format: FileFormat::Wav,
    max_length: Duration::from_secs(600),
    serial: 7,
};

/// The file of a call that lasts so long.
fn file(
    config: RecorderConfig,
    start: Instant,
    mut packets: Vec<TappedPacket>,
    ms: u32,
) -> (Vec<u8>, Duration) {
    packets.sort_by_key(|packet| packet.at);
    let mut file = Vec::new();
    let mut recorder = Recorder::new(config, start, &mut file).unwrap();
    for packet in &packets {
        recorder.hear(packet, &mut file);
    }
    let ending = recorder.finish(start + ms * MS, &mut file);
    file[..ending.beginning.len()].copy_from_slice(&ending.beginning);
    (file, ending.length)
}

/// What is heard in a WAV file of ours.
fn heard(file: &[u8]) -> Heard {
    let samples: Vec<i16> = file[44..]
        .chunks_exact(2)
        .map(|it| i16::from_le_bytes([it[0], it[1]]))
        .collect();
    channels(&samples)
}

fn channels(samples: &[i16]) -> Heard {
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

/// A call of so many ms.
fn record(start: Instant, packets: Vec<TappedPacket>, ms: u32) -> Heard {
    heard(&file(CONFIG, start, packets, ms).0)
}

/// How far a tone is from how loud it was said, dB, in a part of a channel, ms.
fn level(channel: &[i16], hz: f64, ms: std::ops::Range<u16>) -> f64 {
    let part = &channel[RATE.samples(ms.start)..RATE.samples(ms.end)];
    db((level_at(RATE, hz, part) / LEVEL).max(1e-6))
}

/// When sound begins, from a place on, ms.
fn onset(channel: &[i16], from_ms: usize) -> usize {
    let from = from_ms * RATE.per_ms();
    let loud = channel[from..].iter().position(|it| it.abs() > 2_000);
    from_ms + loud.expect("sound") / RATE.per_ms()
}
