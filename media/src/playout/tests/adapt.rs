//! The delay: as little as the network allows.

use super::*;

#[test]
fn on_a_still_network_all_is_played_once_and_in_time() {
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(talk(3000, 20, |_| Some(5_000)), Duration::ZERO);
    let played = listener.played();
    assert!(played.windows(2).all(|two| two[1] == two[0] + 1));
    assert_eq!(listener.count(|did| *did == Did::Concealed), 0);
    assert!(
        listener.highest_delay(10_000) <= 30.0,
        "{:?}",
        listener.delays.last()
    );
    assert!(listener.buffer.target() <= ms(10));
    let stats = listener.buffer.stats();
    assert_eq!(stats.unplayed() + stats.duplicates + stats.restarts, 0);
}

/// Whatever the phase of the ticks against the packets, and though ticks come up to 3 ms late.
#[test]
fn at_any_phase_of_the_ticks_little_is_added_and_nothing_concealed() {
    for phase in (0..20_000).step_by(700) {
        let mut listener = Listener::new(PlayoutConfig::default());
        listener.phase = phase;
        listener.tick_late = |n| (n * 7919) % 3000;
        listener.hear(
            talk(1500, 20, |n| Some(5_000 + u64::from(n * 31 % 1000))),
            Duration::ZERO,
        );
        assert_eq!(
            listener.count(|did| *did == Did::Concealed),
            0,
            "phase {phase}"
        );
        let highest = listener.highest_delay(10_000);
        assert!(highest <= 38.0, "phase {phase}: {highest}");
    }
}

#[test]
fn under_jitter_few_packets_come_too_late_and_the_delay_stays_near_the_jitter() {
    for jitter in [30_000, 100_000] {
        let mut dice = Dice(7);
        let mut listener = Listener::new(PlayoutConfig::default());
        listener.hear(
            talk(6000, 20, |_| Some(5_000 + dice.below(jitter))),
            Duration::ZERO,
        );
        let stats = listener.buffer.stats();
        let concealed = stats.concealed.as_secs_f64() / stats.total.as_secs_f64();
        assert!(concealed < 0.03, "{jitter}: {concealed}");
        let highest = listener.highest_delay(5_000);
        assert!(
            highest <= jitter as f64 / 1000.0 + 50.0,
            "{jitter}: {highest}"
        );
    }
}

#[test]
fn a_network_that_gets_worse_is_believed_soon_and_one_that_gets_better_slowly() {
    let mut dice = Dice(3);
    let mut listener = Listener::new(PlayoutConfig::default());
    let bad = 500..1000;
    let packets = talk(3000, 20, |n| {
        let jitter = if bad.contains(&n) { 120_000 } else { 2_000 };
        Some(5_000 + dice.below(jitter))
    });
    listener.hear(packets, Duration::ZERO);
    let target = |at: u64| {
        let then = listener.delays.iter().find(|it| it.0 >= at * 1000);
        then.map_or(0.0, |it| it.2)
    };
    assert!(target(9_900) < 15.0, "{}", target(9_900));
    assert!(target(11_000) > 80.0, "{}", target(11_000));
    // What is late counts for five seconds more, then it falls slowly.
    assert!(target(21_000) > 70.0, "{}", target(21_000));
    assert!(target(50_000) < 15.0, "{}", target(50_000));
    let bad_second = 10_000_000..11_000_000;
    let concealed = |it: &&(u64, Did)| bad_second.contains(&it.0) && it.1 == Did::Concealed;
    assert!(listener.did.iter().filter(concealed).count() < 20);
    let concealed = |it: &&(u64, Did)| it.0 > 12_000_000 && it.1 == Did::Concealed;
    assert!(listener.did.iter().filter(concealed).count() < 25);
}

#[test]
fn a_way_that_becomes_longer_is_followed_without_lasting_delay() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(3000, 20, |n| Some(if n < 1000 { 5_000 } else { 105_000 }));
    listener.hear(packets, Duration::ZERO);
    assert!(listener.highest_delay(50_000) <= 30.0);
    assert!(listener.count(|did| *did == Did::Concealed) <= 6);
}

#[test]
fn a_way_that_becomes_shorter_is_followed_without_lasting_delay() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(3000, 20, |n| Some(if n < 1000 { 105_000 } else { 5_000 }));
    listener.hear(packets, TICK);
    assert!(listener.highest_delay(50_000) <= 30.0);
    assert_eq!(listener.count(|did| *did == Did::Concealed), 0);
    assert_eq!(listener.played().len() + listener.buffer.len(), 3000);
}

/// An hour of a far side whose clock is wrong by 200 ppm.
#[test]
fn a_clock_that_drifts_for_an_hour_stays_within_its_bound() {
    for ppm in [-200i64, 200] {
        let packets = 3600 * 50;
        let mut dice = Dice(11);
        let mut sent = talk(packets, 20, |_| Some(30_000 + dice.below(10_000)));
        for packet in &mut sent {
            let drift = packet.arrives as i64 * ppm / 1_000_000;
            packet.arrives = packet.arrives.saturating_add_signed(drift);
        }
        let mut listener = Listener::new(PlayoutConfig::default());
        listener.hear(sent, Duration::ZERO);
        let highest = listener.highest_delay(5_000);
        assert!(highest <= 50.0, "{ppm} ppm: {highest}");
        let stats = listener.buffer.stats();
        assert!(stats.unplayed() == 0 && stats.restarts == 0, "{stats:?}");
        let concealed = stats.concealed.as_secs_f64();
        assert!(concealed < 1.0, "{ppm} ppm: {concealed} s of an hour");
        // 0.72 s came or went.
        let stretched = listener.stretched as f64 / 1e6;
        let expected = ppm as f64 * 3600.0 / 1e6;
        assert!(
            (stretched - expected).abs() < 0.3,
            "{ppm} ppm: {stretched} s"
        );
    }
}

#[test]
fn a_single_straggler_moves_nothing() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(2000, 20, |n| Some(if n == 1000 { 85_000 } else { 5_000 }));
    listener.hear(packets, Duration::ZERO);
    assert!(listener.highest_delay(10_000) <= 30.0);
    assert_eq!(listener.buffer.stats().late, 1);
}

/// A busy machine, or a radio that looks around.
#[test]
fn packets_that_come_late_every_few_seconds_are_waited_for() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(3000, 20, |n| {
        Some(if n % 150 == 7 { 50_000 } else { 5_000 })
    });
    listener.hear(packets, Duration::ZERO);
    let concealed = |it: &&(u64, Did)| it.0 > 10_000_000 && it.1 == Did::Concealed;
    assert_eq!(listener.did.iter().filter(concealed).count(), 0);
    let highest = listener.highest_delay(20_000);
    assert!(highest <= 45.0 + 8.0 + 20.0, "{highest}");
}

#[test]
fn packets_that_come_late_every_ten_seconds_are_not_waited_for() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(5000, 20, |n| {
        Some(if n % 500 == 7 { 50_000 } else { 5_000 })
    });
    listener.hear(packets, Duration::ZERO);
    let highest = listener.delays.iter().filter(|it| it.0 > 15_000_000);
    let highest = highest.map(|it| it.2).fold(0.0, f64::max);
    assert!(highest < 15.0, "{highest}");
}

#[test]
fn a_stall_is_caught_up_with() {
    let mut listener = Listener::new(PlayoutConfig::default());
    // Nothing passes for 250 ms, then all of it at once.
    let packets = talk(2000, 20, |n| match n {
        500..513 => Some(5_000 + u64::from(513 - n) * 20_000),
        _ => Some(5_000),
    });
    listener.hear(packets, Duration::ZERO);
    let stats = listener.buffer.stats();
    assert_eq!((stats.late, stats.skipped), (0, 0), "{stats:?}");
    assert!(stats.concealed <= ms(120));
    assert!(
        listener.highest_delay(39_000) <= 30.0,
        "{:?}",
        listener.delays.last()
    );
}

#[test]
fn after_a_long_stall_the_delay_is_right_at_once() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let packets = talk(2000, 20, |n| match n {
        500..575 => Some(5_000 + u64::from(575 - n) * 20_000),
        _ => Some(5_000),
    });
    listener.hear(packets, Duration::ZERO);
    let max = PlayoutConfig::default().max_delay.as_secs_f64() * 1000.0;
    assert!(
        listener.highest_delay(0) <= max + 20.0,
        "{}",
        listener.highest_delay(0)
    );
    let stats = listener.buffer.stats();
    assert!(stats.skipped > 30, "{stats:?}");
    assert!(listener.highest_delay(39_000) <= 30.0);
}

#[test]
fn the_grid_may_be_of_10_20_or_30_ms_with_packets_of_any_length() {
    for tick in [10, 20, 30] {
        for ptime in [10, 20, 30, 40, 60] {
            let mut listener = Listener::new(PlayoutConfig::default());
            listener.tick = ms(tick);
            listener.hear(talk(60_000 / ptime, ptime, |_| Some(5_000)), Duration::ZERO);
            let concealed = listener.count(|did| *did == Did::Concealed);
            assert_eq!(concealed, 0, "tick {tick}, packets of {ptime}");
            let stretched = listener.stretched.abs();
            assert!(
                stretched <= 90_000,
                "tick {tick}, packets of {ptime}: {stretched}"
            );
            let highest = listener.highest_delay(20_000);
            let bound = 20.0 + 2.0 * tick as f64;
            assert!(
                highest <= bound,
                "tick {tick}, packets of {ptime}: {highest}"
            );
        }
    }
}
