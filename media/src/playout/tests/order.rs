//! Packets out of order, twice, or after their time.

use super::*;

#[test]
fn packets_that_overtook_each_other_are_played_in_order() {
    let mut listener = Listener::new(PlayoutConfig::default());
    // Each third comes after the one that follows it.
    let packets = talk(600, 20, |n| Some(if n % 3 == 0 { 26_000 } else { 5_000 }));
    listener.hear(packets, Duration::ZERO);
    let played = listener.played();
    assert!(
        played.windows(2).all(|two| two[1] == two[0] + 1),
        "{played:?}"
    );
    let stats = listener.buffer.stats();
    assert!(stats.reordered > 190, "{stats:?}");
    assert_eq!(
        (stats.late, listener.count(|did| *did == Did::Concealed)),
        (0, 0)
    );
}

#[test]
fn a_packet_that_comes_twice_is_played_once() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let mut packets = talk(500, 20, |_| Some(5_000));
    // At once, and again after it was played.
    let again = |by: u64| {
        move |packet: &Sent| Sent {
            arrives: packet.arrives + by,
            ..packet.clone()
        }
    };
    let at_once: Vec<Sent> = packets.iter().map(again(100)).collect();
    let later: Vec<Sent> = packets.iter().map(again(300_000)).collect();
    packets.extend(at_once);
    packets.extend(later);
    listener.hear(packets, TICK);
    assert_eq!(listener.played(), (0..500).collect::<Vec<u16>>());
    let stats = listener.buffer.stats();
    assert_eq!((stats.duplicates, stats.late), (1000, 0));
    assert!(
        listener.buffer.target() < ms(15),
        "copies tell nothing of the network"
    );
}

#[test]
fn a_packet_after_its_time_is_late_once_and_a_duplicate_then() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let mut packets = talk(300, 20, |n| Some(if n == 200 { 205_000 } else { 5_000 }));
    let copy = packets.iter().find(|it| it.number == 200).cloned();
    packets.extend(copy.map(|it| Sent {
        arrives: it.arrives + 1000,
        ..it
    }));
    listener.hear(packets, Duration::ZERO);
    let stats = listener.buffer.stats();
    assert_eq!((stats.late, stats.duplicates), (1, 1));
    assert!(!listener.played().contains(&200));
}

#[test]
fn numbers_and_timestamps_wrap() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let mut packets = talk(1000, 20, |_| Some(5_000));
    for packet in &mut packets {
        packet.number = packet.number.wrapping_add(65_000);
        packet.timestamp = packet.timestamp.wrapping_sub(80_000);
    }
    listener.hear(packets, Duration::ZERO);
    let played = listener.played();
    assert!(
        played.len() >= 997
            && played
                .windows(2)
                .all(|two| two[1] == two[0].wrapping_add(1))
    );
    assert_eq!(listener.buffer.stats().restarts, 0);
    assert_eq!(listener.count(|did| *did == Did::Concealed), 0);
}

/// Two hours: the numbers go round five times.
#[test]
fn numbers_go_round_again_and_again() {
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(talk(360_000, 20, |_| Some(5_000)), Duration::ZERO);
    assert!(listener.played().len() >= 359_997);
    assert_eq!(listener.buffer.stats().unplayed(), 0);
}
