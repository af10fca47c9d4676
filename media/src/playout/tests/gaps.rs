//! What is heard where nothing came.

use super::*;

fn lossy(lost: &[u32]) -> Vec<Sent> {
    talk(600, 20, |n| (!lost.contains(&n)).then_some(5_000))
}

#[test]
fn one_lost_packet_is_recovered_from_the_next_if_that_is_there() {
    // The target is high enough that the next one is there.
    let config = PlayoutConfig {
        min_delay: ms(40),
        ..PlayoutConfig::default()
    };
    let mut listener = Listener::new(config);
    listener.hear(lossy(&[300]), Duration::ZERO);
    let at = listener
        .did
        .iter()
        .position(|it| it.1 == Did::Recovered(301))
        .unwrap();
    let played = |number| Did::Played {
        number,
        resumes: false,
    };
    assert_eq!(listener.did[at - 1].1, played(299));
    assert_eq!(listener.did[at + 1].1, played(301));
    let stats = listener.buffer.stats();
    assert_eq!((stats.recoveries, stats.concealed), (1, TICK));
    assert_eq!(listener.count(|did| *did == Did::Concealed), 0);
}

/// On a still network the next packet is not there when one is missed.
#[test]
fn where_losses_can_be_repaired_packets_wait_for_the_next_one_and_no_longer_than_there_are_losses()
{
    let lost: Vec<u32> = (300..600).step_by(20).collect();
    for repairs in [false, true] {
        let mut packets = talk(1200, 20, |n| (!lost.contains(&n)).then_some(5_000));
        for packet in &mut packets {
            packet.repairs = repairs;
        }
        let mut listener = Listener::new(PlayoutConfig::default());
        listener.phase = 15_000;
        listener.hear(packets, Duration::ZERO);
        let recovered = listener.count(|did| matches!(did, Did::Recovered(_)));
        let expected = if repairs {
            lost.len() - 1..=lost.len()
        } else {
            0..=1
        };
        assert!(expected.contains(&recovered), "{repairs}: {recovered}");
        let target = |at: u64| {
            let after = listener.delays.iter().find(|it| it.0 >= at * 20_000);
            after.unwrap().2
        };
        let waiting = if repairs { 20.0 } else { 0.0 };
        assert_eq!(target(590) - target(1190), waiting);
    }
}

#[test]
fn of_three_lost_packets_two_are_concealed_and_the_last_recovered() {
    let config = PlayoutConfig {
        min_delay: ms(100),
        ..PlayoutConfig::default()
    };
    let mut listener = Listener::new(config);
    listener.hear(lossy(&[300, 301, 302]), Duration::ZERO);
    let at = listener
        .did
        .iter()
        .position(|it| it.1 == Did::Concealed)
        .unwrap();
    let did: Vec<Did> = listener.did[at..at + 4].iter().map(|it| it.1).collect();
    let last = Did::Played {
        number: 303,
        resumes: false,
    };
    assert_eq!(
        did,
        [Did::Concealed, Did::Concealed, Did::Recovered(303), last]
    );
    assert_eq!(listener.buffer.stats().concealed, ms(60));
}

#[test]
fn a_lost_packet_costs_its_length_and_no_more() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let lost: Vec<u32> = (50..600).step_by(20).collect();
    listener.hear(lossy(&lost), Duration::ZERO);
    let stats = listener.buffer.stats();
    assert_eq!(stats.concealed, TICK * lost.len() as u32);
    assert!(listener.highest_delay(5_000) <= 30.0);
}

#[test]
fn concealment_ends_after_its_time() {
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(lossy(&[]), ms(2_000));
    assert_eq!(listener.buffer.stats().concealed, ms(120));
    assert!(listener.count(|did| *did == Did::Silent) > 80);
}

/// 400 ms of talk, then a silence descriptor and 600 ms of nothing, over and over.
fn with_pauses(descriptor: bool, marker: bool) -> Vec<Sent> {
    let mut packets = Vec::new();
    let mut number = 0;
    for spurt in 0..20u32 {
        for n in 0..=20u32 {
            let is_descriptor = n == 20;
            if is_descriptor && !descriptor {
                continue;
            }
            let at = spurt * 1000 + n * 20;
            packets.push(Sent {
                arrives: u64::from(at) * 1000 + 5_000,
                ssrc: 1,
                number,
                timestamp: at * 8,
                clock_rate: 8000,
                duration: Some(160),
                plays: TICK,
                marker: marker && n == 0,
                silence: is_descriptor,
                repairs: false,
                len: 20,
            });
            number += 1;
        }
    }
    packets
}

#[test]
fn an_announced_pause_is_comfort_noise_and_never_concealed() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = with_pauses(true, true);
    let all = packets.len();
    listener.hear(packets, ms(500));
    let stats = listener.buffer.stats();
    assert_eq!((stats.concealed, stats.recoveries), (Duration::ZERO, 0));
    assert_eq!(listener.played().len(), all);
    assert!(listener.count(|did| *did == Did::Comfort) > 500);
    assert!(listener.highest_delay(10_000) <= 30.0);
}

#[test]
fn a_pause_that_nobody_announced_is_concealed_for_a_moment_and_then_silent() {
    for marker in [false, true] {
        let mut listener = Listener::new(PlayoutConfig::default());
        let packets = with_pauses(false, marker);
        let all = packets.len();
        listener.hear(packets, Duration::ZERO);
        let stats = listener.buffer.stats();
        assert!(stats.concealed <= ms(120 * 20), "{stats:?}");
        assert!(listener.played().len() >= all - 2);
        assert!(listener.highest_delay(10_000) <= 30.0);
    }
}

#[test]
fn a_spurt_whose_pause_was_not_heard_of_is_no_loss() {
    // The descriptor is lost: the number is missing, and the marker tells why.
    let mut packets = with_pauses(true, true);
    packets.retain(|packet| !packet.silence);
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(packets, Duration::ZERO);
    let stats = listener.buffer.stats();
    assert!(stats.concealed <= ms(120 * 20), "{stats:?}");
    assert_eq!(stats.recoveries, 0);
}

#[test]
fn each_spurt_begins_at_the_target_and_says_that_it_does_not_continue() {
    let mut dice = Dice(5);
    let mut packets = with_pauses(true, true);
    for packet in &mut packets {
        packet.arrives += dice.below(40_000);
    }
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(packets, Duration::ZERO);
    let stats = listener.buffer.stats();
    assert!(
        stats.concealed.as_secs_f64() < 0.04 * stats.total.as_secs_f64(),
        "{stats:?}"
    );
    let resumes = listener.count(|did| matches!(did, Did::Played { resumes: true, .. }));
    assert!((19..=22).contains(&resumes), "{resumes}");
}

#[test]
fn markers_on_all_packets_do_not_make_a_loss_a_pause() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let mut packets = lossy(&[300]);
    for packet in &mut packets {
        packet.marker = true;
    }
    listener.hear(packets, Duration::ZERO);
    assert_eq!(listener.buffer.stats().concealed, TICK);
    assert_eq!(listener.count(|did| *did == Did::Comfort), 0);
}

#[test]
fn a_packet_time_that_changes_in_the_middle_is_followed() {
    for known in [true, false] {
        let mut listener = Listener::new(PlayoutConfig::default());
        let (mut at, mut packets) = (0u32, Vec::new());
        for number in 0..900u16 {
            let ptime = match number {
                0..300 => 20,
                300..600 => 60,
                _ => 10,
            };
            packets.push(Sent {
                arrives: u64::from(at + ptime) * 1000,
                ssrc: 1,
                number,
                timestamp: at * 8,
                clock_rate: 8000,
                duration: known.then_some(ptime * 8),
                plays: ms(ptime.into()),
                marker: false,
                silence: false,
                repairs: false,
                len: 20,
            });
            at += ptime;
        }
        listener.hear(packets, Duration::ZERO);
        let played = listener.played();
        assert!(played.len() >= 890, "{}", played.len());
        let stats = listener.buffer.stats();
        assert!(stats.concealed <= ms(200), "{known}: {stats:?}");
        assert_eq!(stats.unplayed(), 0, "{known}: {stats:?}");
    }
}
