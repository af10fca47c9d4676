//! Relaying a packet allocates nothing, nor does transcoding it: counted, not believed.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![allow(
    unsafe_code,
    reason = "a global allocator that counts can be written in no other way"
)]

mod peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use media::codec::resample::Resampler;
use media::codec::{
    AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings,
};
use media::dtmf::ToneDetector;
use media::ids::MediaKind;
use media::plan::{Command, Format};
use media::playout::{Arrived, JitterBuffer, Play, PlayoutConfig, SoundQueue, Stretch};
use media::srtp::Profile;
use media::worker::Path;
use peer::call::call;
use peer::phone::{Phone, call_of};
use peer::world::{SERVER_V4, World};

struct Counting;

thread_local! {
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count_one() {
    // While the thread ends the counter is gone, and nobody asks.
    let _ = COUNT.try_with(|count| count.set(count.get().map(|it| it + 1)));
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `act` runs.
fn allocations(act: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    act();
    COUNT.take().unwrap()
}

/// Relays packets of leg 1 that were protected before, and counts what each takes.
fn relay(world: &mut World, packets: &[Vec<u8>], every: Duration) -> u64 {
    let path = Path::udp(SERVER_V4, world.peers[&1].address);
    relay_over(world, path, packets, every)
}

fn relay_over(world: &mut World, path: Path, packets: &[Vec<u8>], every: Duration) -> u64 {
    let mut bytes = [0; 2048];
    let mut total = 0;
    for packet in packets {
        world.now += every;
        let datagram = &mut bytes[..packet.len()];
        datagram.copy_from_slice(packet);
        let before = world.worker.counters().rtp_sent;
        let World {
            worker,
            outbox,
            now,
            ..
        } = world;
        total += allocations(|| {
            worker.handle_datagram(*now, path, datagram, outbox);
        });
        assert_eq!(
            world.worker.counters().rtp_sent,
            before + 1,
            "it was relayed"
        );
        world.outbox.clear();
    }
    total
}

fn protected(world: &mut World, video: bool, numbers: std::ops::Range<u16>) -> Vec<Vec<u8>> {
    let make = |number| {
        let packet = if video {
            world.picture(1, number, number % 300 == 0)
        } else {
            world
                .speech(1, number)
                .extension(1, &[0x85])
                .extension(2, &[1, 2, 3])
        };
        let bytes = packet.to_bytes();
        world.peers.get_mut(&1).unwrap().protect(&bytes)
    };
    numbers.map(make).collect()
}

#[test]
fn a_relayed_audio_packet_allocates_nothing() {
    let mut world = call(false);
    let warm_up = protected(&mut world, false, 0..100);
    relay(&mut world, &warm_up, Duration::from_millis(20));
    let packets = protected(&mut world, false, 100..2100);
    assert_eq!(relay(&mut world, &packets, Duration::from_millis(20)), 0);
}

#[test]
fn a_relayed_video_packet_allocates_nothing_once_its_cache_is_warm() {
    let mut world = call(true);
    let warm_up = protected(&mut world, true, 0..1500);
    let growth = relay(&mut world, &warm_up, Duration::from_millis(2));
    assert!(
        growth > 0,
        "the cache grows with the first packets: the counter counts"
    );
    let packets = protected(&mut world, true, 1500..4500);
    assert_eq!(relay(&mut world, &packets, Duration::from_millis(2)), 0);
}

#[test]
fn a_packet_relayed_between_phones_allocates_nothing() {
    let phone = |id, encrypted| match encrypted {
        true => Phone::encrypted(id, Profile::AesCm128HmacSha1_80),
        false => Phone::new(id),
    };
    for (of_a, of_b) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut world, mut a, _b) = call_of(phone(1, of_a), phone(2, of_b), false);
        let mut packets = |numbers: std::ops::Range<u16>| -> Vec<Vec<u8>> {
            let mut packet = |number| {
                let plain = a.speech(number).to_bytes();
                a.protect(&plain)
            };
            numbers.map(&mut packet).collect()
        };
        let (warm_up, measured) = (packets(0..100), packets(100..2100));
        let path = a.path(MediaKind::Audio);
        let every = Duration::from_millis(20);
        relay_over(&mut world, path, &warm_up, every);
        assert_eq!(relay_over(&mut world, path, &measured, every), 0);
    }
}

/// In order, and where each second packet overtakes the one before it.
#[test]
fn a_packet_that_is_listened_to_for_tones_allocates_nothing() {
    let (mut world, a, _b) = call_of(Phone::new(1), Phone::new(2), false);
    let mut plan = a.plan(false);
    let codecs = &mut plan.streams[0].codecs;
    codecs.retain(|codec| codec.format != Format::TelephoneEvent);
    world.command(Command::UpdateLeg(Box::new(plan)));
    let packets = |numbers: std::ops::Range<u16>, swap: u16| -> Vec<Vec<u8>> {
        let swapped = numbers.map(|number| number ^ swap);
        swapped.map(|number| a.speech(number).to_bytes()).collect()
    };
    let path = a.path(MediaKind::Audio);
    let every = Duration::from_millis(20);
    relay_over(&mut world, path, &packets(0..100, 0), every);
    for (numbers, swap) in [(100..1100, 0), (1100..2100, 1)] {
        let measured = packets(numbers, swap);
        assert_eq!(relay_over(&mut world, path, &measured, every), 0);
    }
}

#[test]
fn decoding_encoding_concealing_and_resampling_allocate_nothing() {
    for codec in AudioCodec::COMPRESSED {
        for rate in codec.rates() {
            let mut encoder = Encoder::new(codec, *rate, Settings::default()).unwrap();
            let mut decoder = Decoder::new(codec, *rate).unwrap();
            let mut resampler = Resampler::new(*rate, SampleRate::Hz24000);
            let pcm: Vec<i16> = (0..rate.samples(20))
                .map(|n| (n % 80) as i16 * 90)
                .collect();
            let (mut payload, mut heard) = ([0; MAX_PAYLOAD], [0; MAX_PACKET_SAMPLES]);
            let mut other = [0; MAX_PACKET_SAMPLES];
            let mut len = 0;
            let encoding = allocations(|| {
                for _ in 0..5 {
                    len = encoder.encode(&pcm, &mut payload).unwrap();
                }
            });
            let payload = &payload[..len];
            let others = allocations(|| {
                for _ in 0..5 {
                    let samples = decoder.decode(payload, &mut heard).unwrap();
                    resampler.process(&heard[..samples], &mut other).unwrap();
                    decoder.conceal(&mut heard[..samples]);
                    decoder.recover(payload, &mut heard[..samples]);
                }
            });
            assert_eq!(others, 0, "decoding {codec:?} at {rate:?}");
            // The encoder of oxideav-g729 does: docs/adr/0012-codecs.md.
            if codec != AudioCodec::G729 {
                assert_eq!(encoding, 0, "encoding {codec:?} at {rate:?}");
            }
        }
    }
}

/// Packets in, sound out, stretched at times, with losses and copies: all memory is there before.
#[test]
fn a_packet_that_is_played_out_allocates_nothing() {
    let tick = Duration::from_millis(20);
    let mut now = call(false).now;
    let mut buffer = JitterBuffer::new(PlayoutConfig::default());
    let mut queue = SoundQueue::new(48_000);
    let mut detector = ToneDetector::new(48_000);
    let mut frame = [0i16; 960];
    for (n, sample) in frame.iter_mut().enumerate() {
        *sample = (n % 109 * 50) as i16;
    }
    let mut played = 0;
    let count = allocations(|| {
        for number in 0..5000u16 {
            now += tick;
            let late = Duration::from_millis(u64::from(number) * 7 % 30);
            let copies = if number % 50 == 0 {
                0
            } else {
                1 + number % 3 / 2
            };
            for _ in 0..copies {
                buffer.insert(&Arrived {
                    at: now + late,
                    ssrc: 1,
                    sequence_number: number,
                    timestamp: u32::from(number) * 960,
                    payload_type: 111,
                    marker: false,
                    clock_rate: 48_000,
                    duration: Some(960),
                    silence: false,
                    repairs: true,
                    payload: &[7; 80],
                });
            }
            let mut out = [0; 960];
            while queue.len() < out.len() {
                let step = buffer.poll(now, queue.duration(), tick);
                played += u32::from(matches!(step.play, Play::Packet(_)));
                let stretch = match number % 4 {
                    0 => Stretch::Shorten(tick),
                    1 => Stretch::Lengthen(tick),
                    _ => step.stretch,
                };
                queue.push(&mut frame, stretch, number % 100 == 0);
            }
            queue.take(&mut out);
            detector.hear(&out, |_| {});
        }
    });
    assert!(played > 4000 && queue.stretched() != 0);
    assert_eq!(count, 0);
}
