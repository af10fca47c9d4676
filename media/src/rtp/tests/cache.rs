//! What a packet cache keeps, for how long and at what cost.

use super::{ms, start};
use crate::rtp::{CacheConfig, PacketCache, Resend};

const INTERVAL: std::time::Duration = std::time::Duration::from_millis(20);

fn packet(number: u16, len: usize) -> Vec<u8> {
    let mut packet = vec![(number % 251) as u8; len];
    if len > 1 {
        packet[..2].copy_from_slice(&number.to_be_bytes());
    }
    packet
}

fn holds(cache: &mut PacketCache, now: std::time::Instant, number: u16, len: usize) -> bool {
    match cache.resend(now, number, ms(0), |_| true) {
        Resend::Packet(found) => {
            assert_eq!(found, packet(number, len));
            true
        }
        Resend::Gone => false,
        other => panic!("no limit was asked for: {other:?}"),
    }
}

#[test]
fn an_unused_cache_has_no_memory() {
    let mut cache = PacketCache::new(CacheConfig::default());
    assert_eq!(cache.allocated(), 0);
    assert_eq!(cache.resend(start(), 5, INTERVAL, |_| true), Resend::Gone);
    assert_eq!(cache.allocated(), 0);
}

#[test]
fn the_last_512_packets_are_kept_bit_for_bit_across_the_wrap() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    let number = |step: u16| 65_000u16.wrapping_add(step);
    for step in 0..2000 {
        cache.insert(now, number(step), &packet(number(step), 1100));
    }
    for step in 0..2000 {
        let kept = holds(&mut cache, now, number(step), 1100);
        assert_eq!(kept, step >= 2000 - 512, "{step}");
    }
}

#[test]
fn the_byte_budget_holds_with_the_oldest_going_first() {
    let now = start();
    let config = CacheConfig {
        max_packets: 4096,
        ..CacheConfig::default()
    };
    let mut cache = PacketCache::new(config);
    for number in 0..4000 {
        cache.insert(now, number, &packet(number, 1200));
    }
    let kept: Vec<u16> = (0..4000)
        .filter(|number| holds(&mut cache, now, *number, 1200))
        .collect();
    assert_eq!(kept.last(), Some(&3999));
    assert!(kept.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    let bytes = kept.len() * 1200;
    assert!((590_000..=640 * 1024).contains(&bytes), "{bytes}");
    assert!(cache.allocated() <= 640 * 1024 + 4096 * 40);
}

#[test]
fn memory_follows_the_bitrate_and_not_the_time() {
    let begin = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    // 50 packets of 100 bytes a second for ten minutes, as audio would be.
    for step in 0..30_000u32 {
        let now = begin + ms(20) * step;
        cache.insert(now, step as u16, &packet(step as u16, 100));
    }
    assert!(
        cache.allocated() <= 2 * 16 * 1024 + 512 * 40,
        "{}",
        cache.allocated()
    );
    let now = begin + ms(20) * 30_000;
    assert!(holds(&mut cache, now, 29_999u32 as u16, 100));
    assert!(
        holds(&mut cache, now, 29_951u32 as u16, 100),
        "a second ago"
    );
}

#[test]
fn reordered_packets_and_gaps_are_no_matter() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    for number in [10, 12, 11, 600, 13] {
        cache.insert(now, number, &packet(number, 50));
    }
    for number in [10, 11, 12, 13, 600] {
        assert!(holds(&mut cache, now, number, 50));
    }
    assert!(!holds(&mut cache, now, 14, 50));
    assert!(
        !holds(&mut cache, now, 10 + 512, 50),
        "another number of the same slot"
    );
}

#[test]
fn a_packet_is_given_out_again_only_after_the_interval() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 5, &packet(5, 50));
    assert!(matches!(
        cache.resend(now, 5, INTERVAL, |_| true),
        Resend::Packet(_)
    ));
    assert_eq!(
        cache.resend(now + ms(19), 5, INTERVAL, |_| true),
        Resend::TooSoon
    );
    assert!(matches!(
        cache.resend(now + ms(20), 5, INTERVAL, |_| true),
        Resend::Packet(_)
    ));
}

#[test]
fn a_packet_that_does_not_arrive_is_given_out_ever_more_slowly_and_then_no_more() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 5, &packet(5, 50));
    let mut given = Vec::new();
    let mut hopeless = None;
    for step in 0..3000 {
        match cache.resend(now + ms(step), 5, INTERVAL, |_| true) {
            Resend::Packet(_) => given.push(step),
            Resend::TooSoon => {}
            Resend::Hopeless => {
                hopeless = Some(step);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(given, [0, 20, 60, 140, 300, 500, 700, 900]);
    assert_eq!(hopeless, Some(1100));
}

#[test]
fn what_cannot_be_afforded_now_may_be_had_later() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 5, &packet(5, 50));
    let dear = |len: usize| len < 50;
    assert_eq!(cache.resend(now, 5, INTERVAL, dear), Resend::Refused);
    assert!(holds(&mut cache, now, 5, 50));
}

#[test]
fn what_was_sent_before_a_keyframe_is_of_no_use_any_more() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    for number in 65_530..=65_535 {
        cache.insert(now, number, &packet(number, 50));
    }
    for number in 0..4 {
        cache.insert(now, number, &packet(number, 50));
        // Each packet of the keyframe may say so.
        cache.begin_keyframe(number, 90_000);
    }
    assert!(!holds(&mut cache, now, 65_535, 50));
    assert!(holds(&mut cache, now, 0, 50) && holds(&mut cache, now, 3, 50));
}

#[test]
fn a_keyframe_long_ago_hides_nothing_when_numbers_come_round() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 0, &packet(0, 50));
    cache.begin_keyframe(0, 90_000);
    for number in 1..=40_000 {
        cache.insert(now, number, &packet(number, 50));
    }
    assert!(holds(&mut cache, now, 39_990, 50));
}

#[test]
fn packets_of_odd_lengths_are_not_kept() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 1, &[]);
    cache.insert(now, 2, &vec![0; 16 * 1024 + 1]);
    cache.insert(now, 3, &vec![0; 100_000]);
    assert_eq!(cache.allocated(), 0);
    cache.insert(now, 4, &packet(4, 16 * 1024));
    cache.insert(now, 5, &packet(5, 1));
    assert!(holds(&mut cache, now, 4, 16 * 1024));
    for number in 1..4 {
        assert_eq!(cache.resend(now, number, INTERVAL, |_| true), Resend::Gone);
    }
}

#[test]
fn a_cleared_cache_has_no_packets_and_no_memory() {
    let now = start();
    let mut cache = PacketCache::new(CacheConfig::default());
    cache.insert(now, 5, &packet(5, 50));
    cache.clear();
    assert_eq!(cache.allocated(), 0);
    assert_eq!(cache.resend(now, 5, INTERVAL, |_| true), Resend::Gone);
    cache.insert(now, 5, &packet(5, 60));
    assert!(holds(&mut cache, now, 5, 60));
}
