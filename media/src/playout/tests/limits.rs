//! What is bounded, and what happens beyond.

use super::*;

fn packet(number: u16, len: usize) -> Sent {
    Sent {
        arrives: 1000,
        ssrc: 1,
        number,
        timestamp: u32::from(number) * 160,
        clock_rate: 8000,
        duration: Some(160),
        plays: TICK,
        marker: false,
        silence: false,
        repairs: false,
        len,
    }
}

fn small(max_packets: usize, max_bytes: usize) -> Listener {
    Listener::new(PlayoutConfig {
        max_packets,
        max_bytes,
        max_delay: ms(60_000),
        ..PlayoutConfig::default()
    })
}

#[test]
fn of_too_many_packets_the_oldest_is_dropped() {
    let mut listener = small(8, 16_384);
    for number in 0..20 {
        listener.give(&packet(number, 20));
    }
    assert_eq!(listener.buffer.len(), 8);
    assert_eq!(listener.buffer.stats().overflowed, 12);
    for n in 0..20 {
        listener.tick(100_000 + n * 20_000);
    }
    assert_eq!(listener.played(), (12..20).collect::<Vec<u16>>());
}

#[test]
fn a_packet_older_than_all_that_are_held_is_dropped_itself_when_there_is_no_room() {
    let mut listener = small(4, 16_384);
    for number in [10, 11, 12, 13, 9] {
        listener.give(&packet(number, 20));
    }
    for n in 0..10 {
        listener.tick(100_000 + n * 20_000);
    }
    assert_eq!(listener.played(), [10, 11, 12, 13]);
    assert_eq!(listener.buffer.stats().overflowed, 1);
}

#[test]
fn of_too_many_bytes_the_oldest_are_dropped() {
    let mut listener = small(64, 1000);
    for number in 0..20 {
        listener.give(&packet(number, 150));
    }
    assert!(listener.buffer.bytes() <= 1000);
    assert_eq!(
        (listener.buffer.len(), listener.buffer.stats().overflowed),
        (6, 14)
    );
    listener.give(&packet(20, 900));
    assert_eq!(listener.buffer.len(), 1);
}

#[test]
fn a_packet_larger_than_all_the_room_is_refused_and_takes_nothing_with_it() {
    let mut listener = small(64, 1000);
    listener.give(&packet(0, 100));
    listener.give(&packet(1, 1001));
    assert_eq!(
        (listener.buffer.len(), listener.buffer.stats().overflowed),
        (1, 1)
    );
}

/// Payloads move within the arena: each keeps its bytes.
#[test]
fn payloads_keep_their_bytes_however_they_come_and_go() {
    let mut store = store::Store::new(16, 2000);
    let mut dice = Dice(1);
    let mut held: Vec<(i64, Vec<u8>)> = Vec::new();
    for _ in 0..20_000 {
        let sequence = dice.below(64) as i64 + held.last().map_or(0, |it| it.0 - 40).max(0);
        let payload: Vec<u8> = (0..dice.below(300))
            .map(|_| dice.below(256) as u8)
            .collect();
        let mut dropped = Vec::new();
        let slot = store::Slot::new(sequence, 0);
        let stored = store.insert(slot, &payload, |slot| dropped.push(slot.sequence));
        if !matches!(stored, store::Stored::Duplicate) {
            held.push((sequence, payload));
            held.sort();
        }
        held.retain(|it| !dropped.contains(&it.0));
        if dice.below(2) == 0 {
            let slot = store.pop();
            assert_eq!(slot.map(|it| it.sequence), held.first().map(|it| it.0));
            if let Some(slot) = slot {
                assert_eq!(store.payload(&slot), held.remove(0).1);
            }
        }
        assert!(store.len() <= 16 && store.bytes() <= 2000);
        assert_eq!(store.len(), held.len());
        assert_eq!(
            store.bytes(),
            held.iter().map(|it| it.1.len()).sum::<usize>()
        );
    }
}

#[test]
fn a_listener_who_does_not_listen_finds_the_newest_when_he_does() {
    let mut listener = Listener::new(PlayoutConfig::default());
    for packet in talk(500, 20, |_| Some(5_000)) {
        listener.give(&packet);
    }
    listener.tick(500 * 20_000);
    let first = listener.played()[0];
    assert!(first >= 495, "{first}");
    assert_eq!(listener.buffer.stats().overflowed, 500 - 64);
}

#[test]
fn a_clock_rate_or_a_tick_of_zero_harms_nothing() {
    let mut listener = Listener::new(PlayoutConfig::default());
    for number in 0..100 {
        listener.give(&Sent {
            clock_rate: 0,
            ..packet(number, 20)
        });
        let now = listener.began + Duration::from_millis(u64::from(number) * 20);
        let step = listener.buffer.poll(now, Duration::ZERO, Duration::ZERO);
        assert_ne!(step.play, Play::Conceal(Duration::ZERO));
    }
}
