//! A call over a bad network, silence, and digits.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use media::event::{Event, Failure, SilenceCause};
use media::ids::{LegId, MediaKind};
use media::plan::{CodecPlan, Command, Encoding, Feedback, Format};
use media::rtp::rtcp::RtcpPacket;
use media::srtp::Profile;
use media::worker::Path;
use peer::call::{call, call_with};
use peer::packets::{Rtp, rtcp, rtx, vp8};
use peer::phone::{PICTURE, Phone, SERVER, call_of, ports, stream_of};
use peer::plans::{CHROMIUM, FIREFOX, client_ssrc, our_ssrc};
use peer::world::World;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// What a browser at the receiving end asks for again: numbers it has not, below the newest.
struct Listener {
    asked: BTreeMap<u16, u8>,
}

impl Listener {
    fn requests(&mut self, have: &BTreeSet<u16>) -> Vec<u16> {
        let (Some(first), Some(last)) = (have.first(), have.last()) else {
            return Vec::new();
        };
        let missing: Vec<u16> = (*first..*last).filter(|it| !have.contains(it)).collect();
        missing
            .into_iter()
            .filter(|number| {
                let asked = self.asked.entry(*number).or_default();
                *asked += 1;
                *asked % 3 == 1 && *asked < 30
            })
            .collect()
    }
}

/// Both numbers of the picture packets leg 2 has got, retransmitted ones among them.
fn pictures(world: &World) -> BTreeSet<u16> {
    let direct = world
        .heard_of(2, FIREFOX.vp8)
        .into_iter()
        .map(|it| it.sequence_number);
    let repaired = world
        .heard_of(2, FIREFOX.vp8_rtx)
        .into_iter()
        .filter_map(|it| {
            let original = it.payload.first_chunk::<2>()?;
            Some(u16::from_be_bytes(*original))
        });
    direct.chain(repaired).collect()
}

#[test]
fn video_survives_loss_reordering_and_duplication_on_both_sides() {
    let mut world = call(true);
    let mut rng = StdRng::seed_from_u64(5);
    let mut listener = Listener {
        asked: BTreeMap::new(),
    };
    let mut answered = 0;
    let mut next_rtx = 0;
    let mut last: Option<Rtp> = None;
    world.lose = Box::new(move |_, bytes| bytes[0] >= 128 && rng.random_range(0..20) == 0);
    let mut order = StdRng::seed_from_u64(6);
    const FRAMES: u16 = 600;
    for number in 100..100 + FRAMES {
        let packet = world.picture(1, number, number == 100);
        let bytes = packet.to_bytes();
        match order.random_range(0..20) {
            // Swapped with the one before.
            0 => last = Some(packet),
            _ => {
                world.say(1, &bytes);
                if let Some(swapped) = last.take() {
                    world.say(1, &swapped.to_bytes());
                }
            }
        }
        world.run_for(10 * MS);
        // The sender answers what it is asked for.
        let asked = world.nacked(1);
        for wanted in asked.iter().skip(answered) {
            let original = world.picture(1, *wanted, *wanted == 100);
            let ssrc = client_ssrc(1, MediaKind::Video) + 1;
            next_rtx += 1;
            let again = rtx(&original, CHROMIUM.vp8_rtx, ssrc, next_rtx);
            world.say(1, &again.to_bytes());
        }
        answered = asked.len();
        let missing = listener.requests(&pictures(&world));
        if !missing.is_empty() {
            let ssrc = client_ssrc(2, MediaKind::Video);
            let request = rtcp(ssrc, |writer| {
                writer.nack(ssrc, our_ssrc(2, MediaKind::Video), &missing)?;
                Ok(())
            });
            world.say(2, &request);
        }
    }
    world.run_for(SECOND);
    let have = pictures(&world);
    let (first, end) = (*have.first().unwrap(), *have.last().unwrap());
    let missing = usize::from(end - first) + 1 - have.len();
    assert!(have.len() >= usize::from(FRAMES) - 10, "{}", have.len());
    // The last ones may still be on their way when the frames end.
    assert!(missing <= 3, "{missing} were never repaired");
    assert_eq!(world.peers[&2].refused, 0);
}

#[test]
fn a_duplicated_packet_is_relayed_once() {
    let mut world = call(false);
    let plain = world.speech(1, 1).to_bytes();
    let bytes = world.peers.get_mut(&1).unwrap().protect(&plain);
    let path = Path::udp(peer::world::SERVER_V4, world.peers[&1].address);
    world.inject(path, &bytes);
    world.inject(path, &bytes);
    world.run_for(50 * MS);
    assert_eq!(world.heard(2).len(), 1);
}

#[test]
fn silence_is_reported_and_its_end_too() {
    let mut world = call(false);
    world.speak(1, 1, 50);
    assert!(!silent(&world), "while there is sound");
    world.run_for(4 * SECOND);
    assert!(silent(&world));
    world.speak(1, 51, 3);
    world.run_for(50 * MS);
    assert!(world.saw(&Event::Heard(LegId(1), MediaKind::Audio)));
    world.events.clear();
    world.run_for(4 * SECOND);
    assert!(silent(&world), "again");
}

fn silent(world: &World) -> bool {
    let of_leg_1 = |event: &Event| matches!(event, Event::Silent(LegId(1), MediaKind::Audio, ..));
    world.events.iter().any(of_leg_1)
}

fn inactive(world: &World) -> bool {
    world.saw(&Event::Failed(LegId(1), Failure::RtpInactivity))
}

#[test]
fn a_leg_that_sends_nothing_for_long_is_given_up_only_while_it_is_watched() {
    let mut world = call(false);
    for leg in [1, 2] {
        world.command(Command::WatchSilence {
            leg: LegId(leg),
            on: false,
        });
    }
    world.speak(1, 1, 5);
    world.run_for(90 * SECOND);
    assert!(!silent(&world) && !inactive(&world), "nobody watches");
    world.command(Command::WatchSilence {
        leg: LegId(1),
        on: true,
    });
    world.run_for(59 * SECOND);
    assert!(
        silent(&world) && !inactive(&world),
        "silence before the watch does not count"
    );
    world.run_for(2 * SECOND);
    assert!(inactive(&world));
    world.command(Command::RemoveLeg(LegId(1)));
    world.run_for(SECOND);
    assert!(world.peers[&1].closed_by_peer, "and is still told goodbye");
}

#[test]
fn a_leg_that_never_sends_is_given_up_without_anybody_having_to_ask() {
    let mut world = call(false);
    world.run_for(58 * SECOND);
    assert!(!inactive(&world));
    world.run_for(3 * SECOND);
    assert!(inactive(&world));
}

#[test]
fn hold_ends_the_watch() {
    let mut world = call(false);
    world.speak(1, 1, 5);
    world.command(Command::WatchSilence {
        leg: LegId(1),
        on: false,
    });
    world.run_for(120 * SECOND);
    assert!(!silent(&world) && !inactive(&world));
}

#[test]
fn a_video_source_may_pause_longer_than_an_audio_source() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    let video_silent = |world: &World| {
        let of_video = |it: &Event| matches!(it, Event::Silent(LegId(1), MediaKind::Video, ..));
        world.events.iter().any(of_video)
    };
    world.run_for(5 * SECOND);
    assert!(!video_silent(&world));
    world.run_for(6 * SECOND);
    assert!(video_silent(&world));
}

/// The cause that is named for the silence of leg 1, which sends something else than it should for
/// 3 s.
fn cause_of(
    (mut world, mut a, _b): (World, Phone, Phone),
    mut send: impl FnMut(&mut World, &mut Phone, u16),
) -> Option<SilenceCause> {
    world.events.clear();
    for number in 0..150 {
        send(&mut world, &mut a, number);
        world.run_for(20 * MS);
    }
    let mut causes = world.events.iter().filter_map(|event| match event {
        Event::Silent(LegId(1), MediaKind::Audio, _, cause) => Some(*cause),
        _ => None,
    });
    let cause = causes.next();
    assert_eq!(causes.next(), None, "it is said once");
    cause
}

#[test]
fn a_phone_that_is_not_heard_is_told_apart_by_what_it_sends_within_3_s() {
    let plain = || call_of(Phone::new(1), Phone::new(2), true);
    let spoken = || {
        let (mut world, mut a, b) = plain();
        world.phone_speaks(&mut a, 1, 5);
        (world, a, b)
    };
    let secret = Phone::encrypted(1, Profile::AesCm128HmacSha1_80);

    let cause = cause_of(plain(), |_, _, _| {});
    assert_eq!(cause, Some(SilenceCause::Nothing));
    let cause = cause_of(spoken(), |_, _, _| {});
    assert_eq!(cause, Some(SilenceCause::Stopped));
    let cause = cause_of(plain(), |world, a, _| {
        let report = rtcp(a.ssrc, |_| Ok(()));
        world.inject(a.rtcp_path(MediaKind::Audio), &report);
    });
    assert_eq!(cause, Some(SilenceCause::NothingSent));
    let cause = cause_of(plain(), |world, a, number| {
        let packet = Rtp::new(PICTURE, 77, number, 0).payload(&vp8(true));
        world.inject(a.path(MediaKind::Video), &packet.to_bytes());
    });
    assert_eq!(cause, Some(SilenceCause::PictureOnly));
    // It has moved and did not say so.
    let cause = cause_of(spoken(), |world, a, number| {
        let ours = (SERVER, ports(1, MediaKind::Audio).rtp()).into();
        let path = Path::udp(ours, "10.9.9.9:4000".parse().unwrap());
        world.inject(path, &a.speech(number + 6).to_bytes());
    });
    assert_eq!(cause, Some(SilenceCause::Foreign));
    let cause = cause_of(plain(), |world, a, number| {
        let packet = Rtp::new(99, a.ssrc, number, 0).payload(&[1; 40]);
        world.inject(a.path(MediaKind::Audio), &packet.to_bytes());
    });
    assert_eq!(cause, Some(SilenceCause::NotAgreed));
    let cause = cause_of(call_of(secret, Phone::new(2), false), |world, a, number| {
        world.inject(a.path(MediaKind::Audio), &a.speech(number).to_bytes());
    });
    assert_eq!(cause, Some(SilenceCause::Undecryptable));
    let cause = cause_of(plain(), |world, a, number| {
        let packet = a.speech(number);
        world.phone_says(a, &packet);
    });
    assert_eq!(cause, None, "one that is heard");
}

#[test]
fn a_phone_that_announces_silence_has_paused() {
    let expected = [
        (13, Format::ComfortNoise, 1, SilenceCause::Paused),
        // Two frames of speech and the description of silence.
        (18, Format::G729, 22, SilenceCause::Paused),
        (18, Format::G729, 20, SilenceCause::Stopped),
    ];
    for (pt, format, len, expected) in expected {
        let (mut world, a, b) = call_of(Phone::new(1), Phone::new(2), false);
        let mut plan = a.plan(false);
        stream_of(&mut plan, MediaKind::Audio)
            .codecs
            .push(CodecPlan {
                receive_pt: pt,
                send_pt: pt,
                clock_rate: 8_000,
                format,
                rtx: None,
                feedback: Feedback::default(),
                encoding: Encoding::default(),
                parameter_sets: None,
            });
        world.command(Command::UpdateLeg(Box::new(plan)));
        let cause = cause_of((world, a, b), |world, a, number| {
            if number == 0 {
                let packet = Rtp::new(pt, a.ssrc, 1, 160).payload(&vec![40; len]);
                world.phone_says(a, &packet);
            }
        });
        assert_eq!(cause, Some(expected), "{format:?}");
    }
}

#[test]
fn a_browser_that_sends_nothing_is_there() {
    let mut world = call(false);
    world.run_for(3 * SECOND);
    let named = world.events.iter().any(|event| {
        matches!(
            event,
            Event::Silent(LegId(1), MediaKind::Audio, _, SilenceCause::NothingSent)
        )
    });
    assert!(named);
}

#[test]
fn digits_are_sent_as_events_in_the_audio_stream() {
    let mut world = call(false);
    world.speak(1, 1, 10);
    world.run_for(30 * MS);
    let last = world.heard(2).pop().unwrap();
    world.forget(2);
    world.command(Command::SendDtmf {
        leg: LegId(2),
        digits: "7#".into(),
    });
    world.speak(1, 11, 30);
    world.run_for(50 * MS);
    let heard = world.heard(2);
    let events = world.heard_of(2, FIREFOX.telephone_event);
    assert_eq!(events.len(), 14);
    assert_eq!(events[0].payload[0], 7);
    assert_eq!(events[7].payload[0], 11);
    assert!(events[0].marker && events[7].marker);
    assert!(
        events[..7]
            .iter()
            .all(|it| it.timestamp == events[0].timestamp)
    );
    let numbers: Vec<u16> = heard.iter().map(|it| it.sequence_number).collect();
    assert_eq!(numbers[0], last.sequence_number.wrapping_add(1));
    assert!(
        numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{numbers:?}"
    );
    let stamps: Vec<u32> = heard.iter().map(|it| it.timestamp).collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert!(
        heard
            .iter()
            .all(|it| it.ssrc == our_ssrc(2, MediaKind::Audio))
    );
    let after = heard.len() - events.len();
    assert!((10..=30).contains(&after), "the voice comes back: {after}");
    let first_voice = heard
        .iter()
        .position(|it| it.payload_type == FIREFOX.opus)
        .unwrap();
    assert_eq!(first_voice, 14, "the voice has no place between");
}

#[test]
fn digits_are_sent_while_nobody_talks_and_while_the_call_is_held() {
    let mut world = call(false);
    world.command(Command::Unpatch {
        source: LegId(1),
        sink: LegId(2),
    });
    world.command(Command::SendDtmf {
        leg: LegId(2),
        digits: "1".into(),
    });
    world.run_for(SECOND);
    assert_eq!(world.heard_of(2, FIREFOX.telephone_event).len(), 7);
}

#[test]
fn digits_to_a_leg_without_an_event_format_are_tones_in_place_of_the_voice() {
    let mut world = call_with(false, |_| {}, |plan| plan.streams[0].codecs.truncate(1));
    world.command(Command::SendDtmf {
        leg: LegId(2),
        digits: "1".into(),
    });
    world.speak(1, 1, 20);
    world.run_for(50 * MS);
    let heard = world.heard(2);
    let is_voice = |it: &Rtp| it.payload == [0xAB; 20];
    let tones = heard.iter().take_while(|it| !is_voice(it)).count();
    assert_eq!(tones, 13, "160 ms of tone, 100 of silence");
    assert!(heard[tones..].iter().all(is_voice));
    assert!(
        (6..=8).contains(&(heard.len() - tones)),
        "and the voice goes on"
    );
}

#[test]
fn events_of_the_far_side_are_relayed() {
    let mut world = call(false);
    let ssrc = client_ssrc(1, MediaKind::Audio);
    let event = Rtp::new(CHROMIUM.telephone_event, ssrc, 1, 0).payload(&[5, 10, 0, 160]);
    world.say(1, &event.to_bytes());
    world.run_for(50 * MS);
    let heard = world.heard_of(2, FIREFOX.telephone_event);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].payload, [5, 10, 0, 160]);
}

#[test]
fn a_leg_that_is_removed_is_neither_fed_nor_feeds() {
    let mut world = call(true);
    world.show(1, 1, 3, true);
    world.command(Command::RemoveLeg(LegId(2)));
    world.show(1, 4, 30, true);
    world.run_for(SECOND);
    assert!(world.heard(1).is_empty());
    let mut reports = 0;
    world.each_told(1, |_, packet| {
        reports += usize::from(matches!(packet, RtcpPacket::ReceiverReport(_)));
    });
    assert!(reports > 0, "the other leg lives on");
}
