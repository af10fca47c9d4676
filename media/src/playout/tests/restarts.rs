//! Streams that begin anew.

use super::*;

/// `packets` of one sender, then as many of what `change` makes of it.
fn changed(packets: u32, change: impl FnMut(&mut Sent)) -> Vec<Sent> {
    let mut sent = talk(2 * packets, 20, |_| Some(5_000));
    sent.iter_mut().skip(packets as usize).for_each(change);
    sent
}

/// Nearly all was played, and the delay is small soon after the change.
fn assert_followed(listener: &Listener, sent: usize) {
    let played = listener.played().len();
    assert!(
        played + 8 >= sent,
        "{played} of {sent}: {:?}",
        listener.buffer.stats()
    );
    assert!(listener.highest_delay(28_000) <= 30.0);
    assert!(
        listener.buffer.stats().concealed <= ms(240),
        "{:?}",
        listener.buffer.stats()
    );
}

#[test]
fn another_sender_is_heard_at_once() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let sent = changed(1000, |packet| {
        packet.ssrc = 2;
        packet.number = packet.number.wrapping_add(40_000);
        packet.timestamp = packet.timestamp.wrapping_add(3_000_000_000);
    });
    listener.hear(sent, Duration::ZERO);
    assert_eq!(listener.buffer.stats().restarts, 1);
    assert_followed(&listener, 2000);
}

#[test]
fn a_numbering_that_begins_anew_is_followed() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let sent = changed(1000, |packet| {
        packet.number = packet.number.wrapping_add(30_000);
        packet.timestamp = packet.timestamp.wrapping_add(3_000_000_000);
    });
    listener.hear(sent, Duration::ZERO);
    assert_eq!(listener.buffer.stats().restarts, 1);
    assert_followed(&listener, 2000);
}

/// Forwards and backwards, by a little, by a minute and by half of the number space, with
/// numbers that go on.
#[test]
fn timestamps_that_jump_are_followed() {
    for by in [
        160i32,
        800,
        4_000,
        16_000,
        480_000,
        i32::MAX,
        -800,
        -4_000,
        -16_000,
        -480_000,
    ] {
        let mut listener = Listener::new(PlayoutConfig::default());
        let sent = changed(1000, |packet| {
            packet.timestamp = packet.timestamp.wrapping_add_signed(by);
        });
        listener.hear(sent, Duration::ZERO);
        let played = listener.played().len();
        let stats = listener.buffer.stats();
        assert!(played + 40 >= 2000, "{by}: {played}, {stats:?}");
        assert!(
            listener.highest_delay(38_000) <= 40.0,
            "{by}: {:?}",
            listener.delays.last()
        );
        assert!(stats.concealed <= ms(600), "{by}: {stats:?}");
    }
}

#[test]
fn a_stray_packet_is_dropped_and_changes_nothing() {
    type Change = fn(&mut Sent);
    let strays: [Change; 3] = [
        |it| it.number = it.number.wrapping_add(20_000),
        |it| it.number = it.number.wrapping_sub(20_000),
        |it| it.timestamp = it.timestamp.wrapping_add(900_000),
    ];
    for stray in strays {
        let mut listener = Listener::new(PlayoutConfig::default());
        let mut sent = talk(1000, 20, |_| Some(5_000));
        stray(&mut sent[500]);
        listener.hear(sent, Duration::ZERO);
        let stats = listener.buffer.stats();
        assert_eq!((stats.restarts, stats.discarded), (0, 1), "{stats:?}");
        assert_eq!(stats.concealed, TICK);
    }
}

/// A phone whose timestamps stand still while it is on hold.
#[test]
fn a_far_side_that_comes_back_from_hold_is_heard() {
    for seconds in [1, 3, 30, 600] {
        let mut listener = Listener::new(PlayoutConfig::default());
        let mut sent = talk(2000, 20, |_| Some(5_000));
        for packet in sent.iter_mut().skip(1000) {
            packet.arrives += seconds * 1_000_000;
        }
        listener.hear(sent, Duration::ZERO);
        let stats = listener.buffer.stats();
        let played = listener.played().len();
        assert!(played + 12 >= 2000, "{seconds} s: {played}, {stats:?}");
        let highest = listener.highest_delay(38_000 + seconds * 1000);
        assert!(highest <= 30.0, "{seconds} s: {highest}");
        assert!(stats.concealed <= ms(400), "{seconds} s: {stats:?}");
    }
}

#[test]
fn another_clock_is_another_timeline() {
    let mut listener = Listener::new(PlayoutConfig::default());
    let sent = changed(1000, |packet| {
        packet.clock_rate = 48_000;
        packet.duration = Some(960);
        packet.timestamp = packet.timestamp.wrapping_mul(6);
    });
    listener.hear(sent, Duration::ZERO);
    assert_eq!(listener.buffer.stats().restarts, 1);
    assert_followed(&listener, 2000);
}

#[test]
fn an_owner_who_knows_of_a_new_beginning_can_say_so() {
    let mut listener = Listener::new(PlayoutConfig::default());
    listener.hear(talk(200, 20, |_| Some(5_000)), Duration::ZERO);
    listener.buffer.restart();
    assert!(listener.buffer.is_empty());
    let step = listener
        .buffer
        .poll(listener.began + ms(4_020), Duration::ZERO, TICK);
    assert_eq!(step.play, Play::Silence(TICK));
}
