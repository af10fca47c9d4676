//! From packets to sound.

use std::time::{Duration, Instant};

use media::codec::{AudioCodec, Decoder, MAX_PACKET_SAMPLES, SampleRate};
use media::playout::{Arrived, JitterBuffer, Play, PlayoutConfig, SoundQueue};

use crate::begin;

/// Audio packets of any number, time and length, in any order, and ticks between them: what is
/// held stays within its bounds, each tick ends, and every packet is accounted for.
pub fn playout(data: &[u8]) {
    let config = PlayoutConfig {
        max_packets: 16,
        max_bytes: 1024,
        ..PlayoutConfig::default()
    };
    let tick = Duration::from_millis(20);
    let mut buffer = JitterBuffer::new(config);
    let mut queue = SoundQueue::new(8000);
    let mut now = begin();
    let (mut number, mut timestamp) = (0u16, 0u32);
    for step in data.chunks_exact(8) {
        let &[kind, a, b, c, d, len, wait, plays] = step else {
            continue;
        };
        let (jump, far) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // Mostly a stream that goes on, so that what is rare happens within one.
        number = match kind & 0x03 {
            0 => number.wrapping_add(jump),
            _ => number.wrapping_add(1),
        };
        timestamp = match kind & 0x0C {
            0 => timestamp.wrapping_add(u32::from(far) << (jump & 0x0F)),
            _ => timestamp.wrapping_add(160),
        };
        now += Duration::from_millis(u64::from(wait));
        buffer.insert(&Arrived {
            at: now,
            ssrc: u32::from(kind == 0xFF),
            sequence_number: number,
            timestamp,
            payload_type: kind & 0x7F,
            marker: kind & 0x10 != 0,
            clock_rate: if plays == 0xFF { 0 } else { 8000 },
            duration: (plays & 1 == 1).then_some(u32::from(plays) * 8),
            silence: kind & 0x20 != 0,
            repairs: kind & 0x40 != 0,
            payload: &vec![kind; usize::from(len) * 5],
        });
        assert!(buffer.len() <= 16 && buffer.bytes() <= 1024);
        if kind & 0x40 != 0 {
            play(&mut buffer, &mut queue, now, tick);
        }
    }
    for _ in 0..100 {
        now += tick;
        play(&mut buffer, &mut queue, now, tick);
    }
    let stats = buffer.stats();
    let gone = stats.played + stats.duplicates + stats.unplayed();
    assert_eq!(stats.received, gone + buffer.len() as u64, "{stats:?}");
}

fn play(buffer: &mut JitterBuffer, queue: &mut SoundQueue, now: Instant, tick: Duration) {
    let samples = |duration: Duration| duration.as_micros() as usize / 125;
    while queue.duration() < tick {
        let held = buffer.len();
        let step = buffer.poll(now, queue.duration(), tick);
        let stretch = step.stretch;
        let (frame, resumes) = match step.play {
            Play::Packet(packet) => (samples(packet.duration), packet.resumes),
            Play::Recover { missing, .. } | Play::Conceal(missing) => (samples(missing), false),
            Play::Comfort(gap) | Play::Silence(gap) => (samples(gap), false),
        };
        assert!(frame > 0 || buffer.len() < held, "it goes on");
        queue.push(&mut vec![1000; frame], stretch, resumes);
        assert!(queue.duration() <= Duration::from_millis(400));
    }
    queue.take(&mut [0; 160]);
}

/// Payloads of every audio coder: the first byte says which, then each payload comes behind its
/// length. What is decoded lasts as long as was foretold, also between gaps.
pub fn codec(data: &[u8]) {
    let Some((which, mut rest)) = data.split_first() else {
        return;
    };
    let compressed = AudioCodec::COMPRESSED;
    let number = usize::from(*which) % (compressed.len() + 1);
    let coder = compressed.get(number).copied();
    let coder = coder.unwrap_or(AudioCodec::L16(SampleRate::Hz16000));
    let rate = coder.rates()[usize::from(which / 16) % coder.rates().len()];
    let Ok(mut decoder) = Decoder::new(coder, rate) else {
        return;
    };
    let mut out = [0; MAX_PACKET_SAMPLES];
    for packet in 0..64 {
        let Some((len, behind)) = rest.split_first() else {
            return;
        };
        let payload;
        (payload, rest) = behind.split_at(behind.len().min(usize::from(*len)));
        let gap = &mut out[..rate.samples(20)];
        match packet % 4 {
            2 => decoder.conceal(gap),
            3 => drop(decoder.recover(payload, gap)),
            _ => {}
        }
        let foretold = coder.samples_of(payload, rate);
        if let Ok(samples) = decoder.decode(payload, &mut out) {
            assert_eq!(foretold, Ok(samples));
        }
    }
}
