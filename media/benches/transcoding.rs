//! What 20 ms of a call cost in the worker, both ways: relayed, transcoded, and the coders' calls
//! alone that the transcoded one needs; and recorded, in the worker and beside it. A hundredth of a
//! core is 200 µs.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/peer/mod.rs"]
mod peer;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use media::codec::g711::{Law, convert};
use media::codec::{Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings};
use media::ids::MediaKind;
use media::plan::Command;
use media::recording::{Channel, FileFormat, Recorder, RecorderConfig, RecordingId, Tapped};
use media::worker::Path;
use peer::voice::{OPUS, PCMA, PCMU, Speech, Voice, laws, voices};
use peer::world::World;

const TICK: Duration = Duration::from_millis(20);

/// Packets of a tone that is never the same twice, sent over and over.
struct Source {
    packets: Vec<Vec<u8>>,
    path: Path,
    number: u16,
    timestamp: u32,
    step: u32,
}

impl Source {
    fn new(mut voice: Voice) -> Self {
        let say = |number: u32| {
            voice
                .packet(200.0 + f64::from(number * 37 % 900), 6_000.0)
                .to_bytes()
        };
        Self {
            packets: (0..50).map(say).collect(),
            path: voice.phone.path(MediaKind::Audio),
            number: 0,
            timestamp: 0,
            step: voice.speech.clock_rate / 50,
        }
    }

    fn next(&mut self) -> (Path, Vec<u8>) {
        let mut packet = self.packets[usize::from(self.number) % 50].clone();
        packet[2..4].copy_from_slice(&self.number.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        self.number = self.number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        (self.path, packet)
    }
}

/// 20 ms of a call.
fn step(world: &mut World, sources: &mut [Source; 2]) {
    world.now += TICK;
    for source in sources {
        let (path, mut packet) = source.next();
        world
            .worker
            .handle_datagram(world.now, path, &mut packet, &mut world.outbox);
    }
    while world
        .worker
        .poll_timeout()
        .is_some_and(|due| due <= world.now)
    {
        world.worker.handle_timeout(world.now, &mut world.outbox);
    }
    black_box(world.outbox.datagrams().len());
    world.outbox.clear();
    while world.worker.poll_event().is_some() {}
}

fn call(criterion: &mut Criterion, name: &str, (mut world, a, b): (World, Voice, Voice)) {
    let mut sources = [Source::new(a), Source::new(b)];
    for _ in 0..100 {
        step(&mut world, &mut sources);
    }
    criterion.bench_function(&format!("call/{name}"), |bencher| {
        bencher.iter(|| step(&mut world, &mut sources));
    });
}

/// The same of a call that is recorded: what the worker has to do with it, and what is done elsewhere.
fn recorded(criterion: &mut Criterion, name: &str, a: Speech, b: Speech) {
    let (mut world, a, b) = voices(a, b);
    let recording = RecordingId(1);
    for (leg, channel) in [(a.leg(), Channel::Left), (b.leg(), Channel::Right)] {
        world.command(Command::Tap {
            leg,
            recording,
            channel,
        });
    }
    let mut sources = [Source::new(a), Source::new(b)];
    let mut copied = Vec::new();
    for _ in 0..100 {
        step(&mut world, &mut sources);
        copied.extend(std::iter::from_fn(|| world.worker.poll_tapped()));
    }
    criterion.bench_function(&format!("call/{name} recorded"), |bencher| {
        bencher.iter(|| {
            step(&mut world, &mut sources);
            while let Some(tapped) = world.worker.poll_tapped() {
                black_box(tapped);
            }
        });
    });
    for format in [FileFormat::Wav, FileFormat::Ogg] {
        let config = RecorderConfig {
            format,
            max_length: Duration::from_secs(1_000_000),
            serial: 1,
        };
        let mut file = Vec::new();
        let mut recorder = Recorder::new(config, world.start, &mut file).unwrap();
        let mut number = 0_u32;
        criterion.bench_function(&format!("recorder/{name} to {format:?}"), |bencher| {
            bencher.iter(|| {
                for tapped in copied.iter().take(2) {
                    let Tapped::Packet(packet) = tapped else {
                        continue;
                    };
                    let mut packet = packet.clone();
                    let step = packet.clock_rate / 50;
                    packet.packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
                    let timestamp = number.wrapping_mul(step);
                    packet.packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
                    packet.at = world.start + number * TICK;
                    recorder.hear(&packet, &mut file);
                }
                number = number.wrapping_add(1);
                black_box(file.len());
                file.clear();
            });
        });
    }
}

/// Decoding and encoding both ways, at the rate that a transcoder takes.
fn coders(criterion: &mut Criterion, name: &str, a: Speech, b: Speech, rate: SampleRate) {
    let settings = Settings::default();
    let coders = |speech: Speech| {
        let encoder = Encoder::new(speech.codec, rate, settings).unwrap();
        let decoder = Decoder::new(speech.codec, rate).unwrap();
        (encoder, decoder)
    };
    let mut sides = [coders(a), coders(b)];
    let mut payloads = [vec![0; MAX_PAYLOAD], vec![0; MAX_PAYLOAD]];
    let mut lens = [0, 0];
    let mut pcm = vec![0_i16; MAX_PACKET_SAMPLES];
    let mut phase = 0_u32;
    let len = rate.samples(20);
    for (n, sample) in pcm.iter_mut().enumerate() {
        *sample = (6_000.0 * (n as f64 / 7.0).sin()) as i16;
    }
    for ((encoder, _), (payload, filled)) in
        sides.iter_mut().zip(payloads.iter_mut().zip(&mut lens))
    {
        *filled = encoder.encode(&pcm[..len], payload).unwrap();
    }
    criterion.bench_function(&format!("coders/{name}"), |bencher| {
        bencher.iter(|| {
            phase = phase.wrapping_add(1);
            for from in 0..2 {
                let to = 1 - from;
                let payload = &payloads[from][..lens[from]];
                let samples = sides[from].1.decode(payload, &mut pcm).unwrap();
                let made = sides[to].0.encode(&pcm[..samples], &mut payloads[to]);
                lens[to] = black_box(made.unwrap());
            }
        });
    });
}

/// A packet each way from one law of G.711 to the other.
fn table(criterion: &mut Criterion) {
    let mut payloads = [Law::Mu, Law::A].map(|law| (law, [0x55_u8; 160]));
    criterion.bench_function("coders/PCMU to PCMA by table", |bencher| {
        bencher.iter(|| {
            for (law, payload) in &mut payloads {
                convert(*law, black_box(payload));
            }
        });
    });
}

fn transcoding(criterion: &mut Criterion) {
    call(criterion, "PCMU relayed", voices(PCMU, PCMU));
    recorded(criterion, "PCMU relayed", PCMU, PCMU);
    recorded(criterion, "opus relayed", OPUS, OPUS);
    call(criterion, "PCMU to PCMA", laws());
    call(criterion, "PCMU to PCMA by coders", voices(PCMU, PCMA));
    coders(criterion, "PCMU to PCMA", PCMU, PCMA, SampleRate::Hz8000);
    table(criterion);
    call(criterion, "opus to PCMU", voices(OPUS, PCMU));
    coders(criterion, "opus to PCMU", OPUS, PCMU, SampleRate::Hz8000);
}

criterion_group!(benches, transcoding);
criterion_main!(benches);
