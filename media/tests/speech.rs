//! Speech that is transcoded, over networks that lose packets and bring them unevenly, against
//! what the bare coders make of the same packets.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout, reason = "the scores, for whoever compares them")]

mod peer;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use media::codec::resample::Resampler;
use media::codec::{Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings};
use peer::packets::Rtp;
use peer::speech::{Heard, scores, speech};
use peer::voice::{
    G722, G729, L16, OPUS, PCMA, PCMU, SPEEX, SPEEX_ULTRA_WIDE, SPEEX_WIDE, Speech, Voice, talking,
};

const MS: Duration = Duration::from_millis(1);
const PACKET: Duration = Duration::from_millis(20);

/// A single word that is heard a few milliseconds earlier or later than the rest costs so much of six
/// seconds; their mean is what counts.
const WORST_SHORTFALL: f64 = 0.6;

/// Opus whose user's sound card runs at 16 kHz.
const OPUS_WIDE: Speech = Speech {
    rate: SampleRate::Hz16000,
    ..OPUS
};

/// A network: of a hundred packets so many are lost, and each comes up to so much too late.
#[derive(Debug, Clone, Copy)]
struct Network {
    loss: u64,
    jitter: Duration,
}

/// Speech on its way through the server.
struct Passage {
    heard: Heard,
    /// What the bare coders make of it.
    bare: Heard,
    /// How long a packet's sound is under way through the server, beyond the mean of the network.
    added: Duration,
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) % end.max(1)
    }
}

fn is_wide(speech: Speech) -> bool {
    speech.rate != SampleRate::Hz8000
}

/// Says it as `from`, over such a network to the server, and hears it as `to`, over a good one.
fn pass(from: Speech, to: Speech, network: Network, seed: u64) -> Passage {
    let said = speech(from.rate);
    let original = speech(to.rate);
    let wide = is_wide(from) && is_wide(to);
    let (from, to) = (
        Voice::new(1, from).expecting_loss(network.loss),
        Voice::new(2, to),
    );
    let (mut world, mut from, mut to) = talking(from, to);
    let mut dice = Dice(seed | 1);
    let mut lost = BTreeSet::new();
    let mut packets = Vec::new();
    let mut flying = Vec::new();
    for (number, pcm) in said.chunks(from.speech.rate.samples(20)).enumerate() {
        let packet = from.say(pcm);
        packets.push(packet.clone());
        let late = dice.below(network.jitter.as_millis() as u64 + 1) as u32 * MS;
        if dice.below(100) < network.loss {
            lost.insert(number);
        } else {
            flying.push((PACKET * number as u32 + late, packet));
        }
    }
    let start = world.now;
    world.say_in_time(&mut from, flying);
    world.run_for(500 * MS);
    let times = world.times_of_sound(&to);
    let heard = world.voice_heard(&mut to);
    assert_eq!(times.len(), heard.len());
    let sound = on_time(start, &times, &heard, &mut to);
    let bare = tandem(&packets, &lost, from.speech, to.speech);
    let hear = |sound: Vec<i16>| Heard {
        rate: to.speech.rate,
        wide,
        original: original.clone(),
        sound,
    };
    let added = delay(&bare, &sound, to.speech.rate);
    Passage {
        added: added.saturating_sub(network.jitter / 2),
        heard: hear(sound),
        bare: hear(bare),
    }
}

/// What is heard, each packet at the time at which it came.
fn on_time(start: Instant, times: &[Instant], heard: &[Rtp], to: &mut Voice) -> Vec<i16> {
    let rate = to.speech.rate;
    let mut decoder = Decoder::new(to.speech.codec, rate).unwrap();
    let mut pcm = vec![0; MAX_PACKET_SAMPLES];
    let mut sound = Vec::new();
    for (at, packet) in times.iter().zip(heard) {
        let samples = decoder.decode(&packet.payload, &mut pcm).unwrap();
        let at = at.saturating_duration_since(start).as_millis() as usize * rate.per_ms();
        sound.resize(at.max(sound.len()), 0);
        sound.extend_from_slice(&pcm[..samples]);
    }
    sound
}

/// What the bare coders make of the packets that were not lost, without a server and a clock.
fn tandem(packets: &[Rtp], lost: &BTreeSet<usize>, from: Speech, to: Speech) -> Vec<i16> {
    let mut decoder = Decoder::new(from.codec, from.rate).unwrap();
    let mut pcm = vec![0; MAX_PACKET_SAMPLES];
    let mut sound = Vec::new();
    for (number, packet) in packets.iter().enumerate() {
        let samples = if lost.contains(&number) {
            let gap = &mut pcm[..from.rate.samples(20)];
            match packets.get(number + 1) {
                Some(next) if !lost.contains(&(number + 1)) => {
                    decoder.recover(&next.payload, gap);
                }
                _ => decoder.conceal(gap),
            }
            gap.len()
        } else {
            decoder.decode(&packet.payload, &mut pcm).unwrap()
        };
        sound.extend_from_slice(&pcm[..samples]);
    }
    let mut resampler = Resampler::new(from.rate, to.rate);
    let mut resampled = vec![0; to.rate.samples(20)];
    let mut encoder = Encoder::new(to.codec, to.rate, Settings::default()).unwrap();
    let mut payload = vec![0; MAX_PAYLOAD];
    let mut decoder = Decoder::new(to.codec, to.rate).unwrap();
    let mut heard = Vec::new();
    for frame in sound.chunks_exact(from.rate.samples(20)) {
        resampler.process(frame, &mut resampled).unwrap();
        let len = encoder.encode(&resampled, &mut payload).unwrap();
        let samples = decoder.decode(&payload[..len], &mut pcm).unwrap();
        heard.extend_from_slice(&pcm[..samples]);
    }
    heard
}

/// By how much `late` comes after `sound`: what fits best, of each second of it, in the middle.
fn delay(sound: &[i16], late: &[i16], rate: SampleRate) -> Duration {
    const LONGEST_MS: usize = 400;
    let second = rate.samples(1_000);
    let mut delays = Vec::new();
    for (number, part) in sound.chunks_exact(second).enumerate() {
        let begin = number * second;
        let likeness = |ms: usize| {
            let begin = begin + ms * rate.per_ms();
            let other = late.get(begin..begin + second).unwrap_or_default();
            let (mut same, mut power) = (0.0, 1.0);
            for (a, b) in part.iter().zip(other).step_by(4) {
                same += f32::from(*a) * f32::from(*b);
                power += f32::from(*b) * f32::from(*b);
            }
            (same / power.sqrt(), ms)
        };
        let all = (0..LONGEST_MS).map(likeness);
        let best = all.max_by(|a, b| a.0.total_cmp(&b.0));
        delays.extend(best.map(|(_, ms)| ms));
    }
    delays.sort_unstable();
    Duration::from_millis(delays[delays.len() / 2] as u64)
}

/// How much worse it is than what the bare coders make of the same packets, MOS.
fn shortfalls(passages: &[Passage], names: &[String]) -> Vec<f64> {
    let through: Vec<_> = passages.iter().map(|it| it.heard.clone()).collect();
    let bare: Vec<_> = passages.iter().map(|it| it.bare.clone()).collect();
    let scores = scores(&through).into_iter().zip(scores(&bare));
    let mut shortfalls = Vec::new();
    for ((passage, name), (score, bare)) in passages.iter().zip(names).zip(scores) {
        let added = passage.added;
        println!("{name}: {score:.2}, by the bare coders {bare:.2}, {added:?} later");
        assert!(score > bare - WORST_SHORTFALL, "{name}: {score} of {bare}");
        shortfalls.push(bare - score);
    }
    shortfalls
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn speech_between_any_two_formats_is_as_good_as_the_coders_make_it() {
    let good = Network {
        loss: 0,
        jitter: Duration::ZERO,
    };
    let all = [
        PCMU,
        PCMA,
        OPUS_WIDE,
        SPEEX,
        SPEEX_WIDE,
        SPEEX_ULTRA_WIDE,
        G722,
        G729,
        L16,
    ];
    let pairs = all.into_iter().flat_map(|a| all.map(|b| (a, b)));
    let pairs: Vec<_> = pairs.filter(|(a, b)| a != b).collect();
    let name = |(a, b): &(Speech, Speech)| format!("{:?} to {:?}", a.codec, b.codec);
    let names: Vec<_> = pairs.iter().map(name).collect();
    let passages: Vec<_> = pairs.iter().map(|(a, b)| pass(*a, *b, good, 1)).collect();
    for (passage, name) in passages.iter().zip(&names) {
        let added = passage.added;
        assert!(added <= 45 * MS, "{name}: {added:?} later");
    }
    assert!(mean(&shortfalls(&passages, &names)) < 0.08);
}

#[test]
fn lost_and_late_packets_cost_speech_little_more_than_their_sound() {
    for from in [OPUS_WIDE, PCMU, G722] {
        let (mut passages, mut names) = (Vec::new(), Vec::new());
        for loss in [0, 1, 5, 10] {
            // Mean of the delay that a network makes, and how much more may be added to it.
            for (jitter, most) in [(0, 45), (30, 60), (100, 100)] {
                let jitter = jitter * MS;
                let network = Network { loss, jitter };
                let passage = pass(from, L16, network, 0x5EED);
                let added = passage.added;
                let name = format!("{:?}, {network:?}", from.codec);
                assert!(added <= most * MS, "{name}: {added:?} later");
                passages.push(passage);
                names.push(name);
            }
        }
        assert!(
            mean(&shortfalls(&passages, &names)) < 0.15,
            "{:?}",
            from.codec
        );
    }
}

/// Where a network brings packets up to 100 ms late the delay has to grow, and falls again: each phrase
/// is to keep its pace all the same.
#[test]
fn a_delay_that_changes_costs_speech_little_whatever_comes_late() {
    const SEEDS: u64 = 4;
    let network = Network {
        loss: 0,
        jitter: 100 * MS,
    };
    for from in [OPUS_WIDE, G722] {
        let pass = |seed| pass(from, L16, network, 0x5EED + seed * 7_919);
        let passages: Vec<_> = (0..SEEDS).map(pass).collect();
        let name = |seed| format!("{:?}, {network:?}, {seed}", from.codec);
        let names: Vec<_> = (0..SEEDS).map(name).collect();
        for (passage, name) in passages.iter().zip(&names) {
            let added = passage.added;
            assert!(added <= 100 * MS, "{name}: {added:?} later");
        }
        assert!(
            mean(&shortfalls(&passages, &names)) < 0.15,
            "{:?}",
            from.codec
        );
    }
}
