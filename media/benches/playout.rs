//! What a packet costs on its way through the jitter buffer, and what stretching its sound costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use media::dtmf::ToneDetector;
use media::playout::{Arrived, JitterBuffer, Play, PlayoutConfig, SoundQueue, Stretch};

const TICK: Duration = Duration::from_millis(20);

/// How much later than the fastest a packet comes, ms.
fn lateness(n: u64, jitter: u64) -> Duration {
    let dice = n.wrapping_mul(6_364_136_223_846_793_005) >> 40;
    Duration::from_micros(dice % (jitter * 1000).max(1))
}

/// A packet in, and a tick: no decoder, no sound.
fn packet_and_tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("playout_packet");
    for jitter in [0, 30, 100] {
        #[allow(
            clippy::disallowed_methods,
            reason = "virtual time has to begin somewhere"
        )]
        let began = Instant::now();
        let mut buffer = JitterBuffer::new(PlayoutConfig::default());
        let payload = [0x55; 160];
        let mut n = 0u64;
        group.throughput(Throughput::Elements(1));
        group.bench_function(
            BenchmarkId::from_parameter(format!("{jitter}ms")),
            |bencher| {
                bencher.iter(|| {
                    let sent = began + TICK * n as u32;
                    buffer.insert(&Arrived {
                        at: sent + lateness(n, jitter),
                        ssrc: 1,
                        sequence_number: n as u16,
                        timestamp: (n as u32).wrapping_mul(160),
                        payload_type: 0,
                        marker: false,
                        clock_rate: 8000,
                        duration: Some(160),
                        silence: false,
                        repairs: false,
                        payload: black_box(&payload),
                    });
                    n += 1;
                    let step = buffer.poll(sent + TICK / 2, Duration::ZERO, TICK);
                    if let Play::Packet(packet) = step.play {
                        black_box(packet.payload);
                    }
                });
            },
        );
    }
    group.finish();
}

fn stretch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("playout_stretch_20ms");
    for rate in [8_000u32, 16_000, 48_000] {
        for (name, wish) in [
            ("keep", Stretch::Keep),
            ("shorten", Stretch::Shorten(TICK)),
            ("lengthen", Stretch::Lengthen(TICK)),
        ] {
            let count = rate as usize / 50;
            let wave = |n: usize| ((n as f64 * 900.0 / f64::from(rate)).sin() * 8000.0) as i16;
            let frame: Vec<i16> = (0..count).map(wave).collect();
            let mut queue = SoundQueue::new(rate);
            let mut heard = vec![0; 2 * count];
            group.bench_function(BenchmarkId::new(name, rate), |bencher| {
                bencher.iter_batched_ref(
                    || frame.clone(),
                    |frame| {
                        queue.push(frame, wish, false);
                        black_box(queue.take(&mut heard));
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

fn tones(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dtmf_detect_20ms");
    for rate in [8_000u32, 16_000, 48_000] {
        let wave = |n: usize| ((n as f64 * 900.0 / f64::from(rate)).sin() * 8000.0) as i16;
        let frame: Vec<i16> = (0..rate as usize / 50).map(wave).collect();
        let mut detector = ToneDetector::new(rate);
        group.bench_function(BenchmarkId::from_parameter(rate), |bencher| {
            bencher.iter(|| {
                detector.hear(black_box(&frame), |digit| assert!(black_box(digit) != ' '));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, packet_and_tick, stretch, tones);
criterion_main!(benches);
