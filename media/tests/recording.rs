//! What a worker copies for recordings, and what calls notice of it: nothing.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::time::Duration;

use media::ids::LegId;
use media::plan::{Command, Format};
use media::recording::{Channel, RecordingId, Tapped, TappedPacket};
use media::rtp::Packet;
use peer::phone::phones;
use peer::voice::{OPUS, PCMA, PCMU, connect, voices};
use peer::world::World;

const MS: Duration = Duration::from_millis(1);
const RECORDING: RecordingId = RecordingId(3);

fn tap(world: &mut World, leg: LegId, channel: Channel) {
    world.command(Command::Tap {
        leg,
        recording: RECORDING,
        channel,
    });
}

fn tapped(world: &mut World) -> Vec<TappedPacket> {
    let all = std::iter::from_fn(|| world.worker.poll_tapped());
    all.map(|tapped| match tapped {
        Tapped::Packet(packet) => *packet,
        Tapped::Lost(recording) => panic!("{recording} has lost packets"),
    })
    .collect()
}

/// What both legs of a call are sent, with the time, while one is recorded or not.
fn traffic(recorded: bool) -> Vec<(Duration, Vec<u8>)> {
    let (mut world, mut a, mut b) = phones(false);
    if recorded {
        tap(&mut world, a.leg(), Channel::Left);
        tap(&mut world, b.leg(), Channel::Right);
    }
    for number in 0..50 {
        for phone in [&mut a, &mut b] {
            world.phone_speaks(phone, number, 1);
        }
    }
    let start = world.start;
    assert_eq!(tapped(&mut world).is_empty(), !recorded);
    let sent = world.sent.into_iter();
    sent.map(|(at, _, bytes)| (at - start, bytes)).collect()
}

#[test]
fn a_call_that_is_relayed_is_recorded_and_does_not_notice() {
    assert!(traffic(true) == traffic(false));
}

#[test]
fn both_sides_are_copied_as_they_were_sent_relayed_or_transcoded() {
    for (one, other) in [(PCMU, PCMU), (OPUS, PCMA)] {
        let (mut world, mut a, mut b) = voices(one, other);
        tap(&mut world, a.leg(), Channel::Left);
        tap(&mut world, b.leg(), Channel::Right);
        world.tone(&mut a, 25);
        let begun = world.now;
        world.tone(&mut b, 25);
        let all = tapped(&mut world);
        let of = |channel| all.iter().filter(move |it| it.channel == channel);
        assert_eq!(of(Channel::Left).count(), 25);
        assert_eq!(of(Channel::Right).count(), 25);
        assert!(all.iter().all(|it| it.recording == RECORDING));
        let first = of(Channel::Right).next().unwrap();
        assert_eq!(first.at, begun);
        assert_eq!(
            (first.format, first.clock_rate),
            (other.format, other.clock_rate)
        );
        let packet = Packet::parse(&first.packet).unwrap();
        assert_eq!(packet.header.payload_type, other.payload_type);
    }
}

#[test]
fn nothing_is_copied_on_hold_or_after_the_recording() {
    let (mut world, mut a, b) = voices(PCMU, PCMU);
    world.tone(&mut a, 5);
    assert!(tapped(&mut world).is_empty(), "not recorded yet");
    tap(&mut world, a.leg(), Channel::Left);
    world.command(Command::Unpatch {
        source: a.leg(),
        sink: b.leg(),
    });
    world.tone(&mut a, 5);
    assert!(
        tapped(&mut world).is_empty(),
        "what nobody hears is private"
    );
    connect(&mut world, &a, &b);
    world.tone(&mut a, 5);
    assert_eq!(tapped(&mut world).len(), 5);
    world.command(Command::Untap { leg: a.leg() });
    world.tone(&mut a, 5);
    assert!(tapped(&mut world).is_empty());
}

#[test]
fn digits_are_not_copied() {
    let (mut world, mut a, _) = phones(false);
    tap(&mut world, a.leg(), Channel::Left);
    let mut event = a.speech(1);
    event.payload_type = peer::phone::EVENTS;
    event.payload = vec![5, 10, 0, 160];
    world.phone_says(&mut a, &event);
    let voice = a.speech(2);
    world.phone_says(&mut a, &voice);
    let copied = tapped(&mut world);
    assert_eq!(copied.len(), 1);
    assert_eq!(copied[0].format, Format::Pcmu);
}

#[test]
fn whoever_takes_nothing_loses_the_recording_and_not_the_call() {
    let (mut world, mut a, mut b) = phones(false);
    tap(&mut world, a.leg(), Channel::Left);
    let most = 4096;
    for number in 0..most + 10 {
        let packet = a.speech(number);
        world.phone_says(&mut a, &packet);
    }
    let heard = world.phone_heard(&mut b);
    assert_eq!(heard.len(), usize::from(most) + 10, "all of it is heard");
    let all: Vec<Tapped> = std::iter::from_fn(|| world.worker.poll_tapped()).collect();
    assert_eq!(all.len(), usize::from(most) + 1);
    assert_eq!(all.last(), Some(&Tapped::Lost(RECORDING)));
    let more = a.speech(most + 10);
    world.phone_says(&mut a, &more);
    world.run_for(20 * MS);
    assert!(world.worker.poll_tapped().is_none(), "it is over");
}
