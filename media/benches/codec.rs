//! What a packet of 20 ms costs to encode and to decode, by coder, beside the bare calls of the
//! library; and what a packet costs to resample.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use media::codec::resample::Resampler;
use media::codec::{
    AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings, SpeexBand,
    g711,
};

const CODERS: [(AudioCodec, SampleRate); 9] = [
    (AudioCodec::Pcmu, SampleRate::Hz8000),
    (AudioCodec::Pcma, SampleRate::Hz8000),
    (AudioCodec::G722, SampleRate::Hz16000),
    (AudioCodec::G729, SampleRate::Hz8000),
    (AudioCodec::Speex(SpeexBand::Narrow), SampleRate::Hz8000),
    (AudioCodec::Speex(SpeexBand::Wide), SampleRate::Hz16000),
    (AudioCodec::Opus, SampleRate::Hz8000),
    (AudioCodec::Opus, SampleRate::Hz16000),
    (AudioCodec::Opus, SampleRate::Hz48000),
];

/// A second of something like a voice: a buzz through a resonance that moves.
fn voice(rate: SampleRate) -> Vec<i16> {
    let hz = f64::from(rate.hz());
    let (mut phase, mut one, mut two) = (0.0, 0.0, 0.0);
    (0..rate.samples(1000))
        .map(|n| {
            let time = n as f64 / hz;
            phase += (120.0 + 20.0 * (time * 9.0).sin()) / hz;
            let pulse = if phase >= 1.0 { 800.0 } else { 0.0 };
            phase %= 1.0;
            let resonance = 700.0 + 400.0 * (time * 7.0).sin();
            let angle = std::f64::consts::TAU * resonance / hz;
            let radius = (-250.0 / hz).exp();
            let out = pulse + 2.0 * radius * angle.cos() * one - radius * radius * two;
            (two, one) = (one, out);
            out.clamp(-30_000.0, 30_000.0) as i16
        })
        .collect()
}

fn packets(codec: AudioCodec, rate: SampleRate, settings: Settings) -> Vec<Vec<u8>> {
    let Ok(mut encoder) = Encoder::new(codec, rate, settings) else {
        return Vec::new();
    };
    let mut out = [0; MAX_PAYLOAD];
    voice(rate)
        .chunks_exact(rate.samples(20))
        .filter_map(|pcm| {
            let len = encoder.encode(pcm, &mut out).ok()?;
            Some(out.get(..len)?.to_vec())
        })
        .collect()
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode_20_ms");
    for (codec, rate) in CODERS {
        let pcm = voice(rate);
        for complexity in [1, 5] {
            let settings = Settings {
                complexity,
                ..Settings::default()
            };
            let Ok(mut encoder) = Encoder::new(codec, rate, settings) else {
                continue;
            };
            let mut out = [0; MAX_PAYLOAD];
            let mut frames = pcm.chunks_exact(rate.samples(20)).cycle();
            let name = format!("{codec:?} at {} Hz", rate.hz());
            group.bench_function(BenchmarkId::new(name, complexity), |bencher| {
                bencher.iter(|| {
                    let frame = frames.next().unwrap_or_default();
                    black_box(encoder.encode(black_box(frame), &mut out))
                });
            });
            if !matches!(codec, AudioCodec::Opus | AudioCodec::Speex(_)) {
                break;
            }
        }
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_20_ms");
    for (codec, rate) in CODERS {
        let payloads = packets(codec, rate, Settings::default());
        let Ok(mut decoder) = Decoder::new(codec, rate) else {
            continue;
        };
        let mut out = [0; MAX_PACKET_SAMPLES];
        let mut payloads = payloads.iter().cycle();
        group.bench_function(format!("{codec:?} at {} Hz", rate.hz()), |bencher| {
            bencher.iter(|| {
                let payload = payloads.next().map(Vec::as_slice).unwrap_or_default();
                black_box(decoder.decode(black_box(payload), &mut out))
            });
        });
    }
    group.finish();
}

/// The libraries without anything of ours around them.
fn bare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bare_20_ms");
    for rate in [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz48000] {
        let pcm = voice(rate);
        let application = opus::Application::Voip;
        let made = opus::Encoder::new(rate.hz(), opus::Channels::Mono, application);
        let Ok(mut encoder) = made else { continue };
        let bits = match rate {
            SampleRate::Hz8000 => 20_000,
            SampleRate::Hz16000 => 28_000,
            _ => 40_000,
        };
        let set = encoder
            .set_complexity(5)
            .and_then(|()| encoder.set_signal(opus::Signal::Voice))
            .and_then(|()| encoder.set_bitrate(opus::Bitrate::Bits(bits)));
        if set.is_err() {
            continue;
        }
        let mut out = [0; MAX_PAYLOAD];
        let mut frames = pcm.chunks_exact(rate.samples(20)).cycle();
        let name = format!("opus at {} Hz", rate.hz());
        group.bench_function(BenchmarkId::new("encode", &name), |bencher| {
            bencher.iter(|| {
                let frame = frames.next().unwrap_or_default();
                black_box(encoder.encode(black_box(frame), &mut out))
            });
        });
        let payloads = packets(AudioCodec::Opus, rate, Settings::default());
        let made = opus::Decoder::new(rate.hz(), opus::Channels::Mono);
        let Ok(mut decoder) = made else { continue };
        let mut out = [0; MAX_PACKET_SAMPLES];
        let mut payloads = payloads.iter().cycle();
        group.bench_function(BenchmarkId::new("decode", &name), |bencher| {
            bencher.iter(|| {
                let payload = payloads.next().map(Vec::as_slice).unwrap_or_default();
                black_box(decoder.decode(black_box(payload), &mut out, false))
            });
        });
    }
    {
        use audio_codec::g722::{G722Decoder, G722Encoder};
        use audio_codec::{Decoder as _, Encoder as _};
        let pcm = voice(SampleRate::Hz16000);
        let mut frames = pcm.chunks_exact(320).cycle();
        let (mut encoder, mut decoder) = (G722Encoder::new(), G722Decoder::new());
        let mut bytes = [0; 160];
        group.bench_function("encode/g722", |bencher| {
            bencher.iter(|| {
                let frame = frames.next().unwrap_or_default();
                black_box(encoder.encode_into(black_box(frame), &mut bytes).is_ok())
            });
        });
        let mut out = [0; 320];
        group.bench_function("decode/g722", |bencher| {
            bencher.iter(|| black_box(decoder.decode_into(black_box(&bytes), &mut out).is_ok()));
        });
    }
    let mut payload = [0x55; 160];
    group.bench_function("from µ-law to A-law", |bencher| {
        bencher.iter(|| g711::convert(g711::Law::Mu, black_box(&mut payload)));
    });
    group.finish();
}

fn resample(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample_20_ms");
    let pairs = [
        (SampleRate::Hz8000, SampleRate::Hz16000),
        (SampleRate::Hz8000, SampleRate::Hz48000),
        (SampleRate::Hz16000, SampleRate::Hz8000),
        (SampleRate::Hz16000, SampleRate::Hz48000),
        (SampleRate::Hz48000, SampleRate::Hz8000),
        (SampleRate::Hz48000, SampleRate::Hz16000),
    ];
    for (from, to) in pairs {
        let mut resampler = Resampler::new(from, to);
        let pcm = voice(from);
        let mut frames = pcm.chunks_exact(from.samples(20)).cycle();
        let mut out = [0; MAX_PACKET_SAMPLES];
        group.bench_function(format!("{} to {} Hz", from.hz(), to.hz()), |bencher| {
            bencher.iter(|| {
                let frame = frames.next().unwrap_or_default();
                black_box(resampler.process(black_box(frame), &mut out))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode, decode, bare, resample);
criterion_main!(benches);
