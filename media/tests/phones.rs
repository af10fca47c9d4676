//! Legs of phones in the worker: where their packets come from and go to, their keys, their
//! reports, and when they are given up.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use media::event::{Event, Failure};
use media::ids::{LegId, MediaKind};
use media::plan::{CodecPlan, Command, Encoding, Feedback, Format, LegPlan, Passage, RtcpPlan};
use media::rtp::rtcp::RtcpPacket;
use media::srtp::Profile;
use media::worker::Path;
use peer::call::join;
use peer::packets::{Rtp, each_rtcp, rtcp, vp8};
use peer::phone::{
    EVENTS, PCMU, PICTURE, Phone, PhoneKeys, SERVER, call_of, keys, patch, phones, ports, remote,
    stream_of,
};
use peer::plans::{client_ssrc, our_ssrc};
use peer::world::World;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn update(world: &mut World, plan: LegPlan) {
    world.command(Command::UpdateLeg(Box::new(plan)));
}

#[test]
fn two_phones_hear_each_other_under_our_ssrc() {
    let (mut world, mut a, mut b) = phones(false);
    for leg in [a.leg(), b.leg()] {
        assert!(
            world.saw(&Event::MediaReady(leg)),
            "as soon as both are described"
        );
    }
    world.phone_speaks(&mut a, 500, 10);
    world.phone_speaks(&mut b, 900, 5);
    let heard = world.phone_heard(&mut b);
    assert_eq!(heard.len(), 10);
    assert_eq!(heard[0].payload_type, PCMU);
    assert_eq!(heard[0].ssrc, our_ssrc(b.id, MediaKind::Audio));
    assert_eq!(heard[9].timestamp.wrapping_sub(heard[0].timestamp), 9 * 160);
    assert_eq!(heard[0].payload, [0x55; 160]);
    assert_eq!(world.phone_heard(&mut a).len(), 5);
    assert!(world.saw(&Event::FirstPacket(a.leg(), MediaKind::Audio)));
}

#[test]
fn media_leaves_from_where_the_phone_sent_to() {
    let (mut world, mut a, mut b) = phones(false);
    world.phone_speaks(&mut a, 1, 1);
    let before = world
        .sent
        .iter()
        .find(|(_, path, _)| path.remote == b.address);
    assert!(
        before.unwrap().1.local.ip().is_unspecified(),
        "any address that leads there"
    );
    world.phone_speaks(&mut b, 1, 1);
    world.sent.clear();
    world.phone_speaks(&mut a, 2, 1);
    assert_eq!(world.sent[0].1, b.path(MediaKind::Audio));
}

#[test]
fn a_browser_and_a_phone_talk_g711() {
    let mut world = World::new();
    join(&mut world, 1, false, |plan| {
        plan.streams[0].codecs.push(CodecPlan {
            receive_pt: PCMU,
            send_pt: PCMU,
            clock_rate: 8_000,
            format: Format::Pcmu,
            rtx: None,
            feedback: Feedback::default(),
            encoding: Encoding::default(),
            parameter_sets: None,
        });
    });
    let mut phone = Phone::encrypted(2, Profile::AesCm128HmacSha1_80);
    world.command(Command::AddLeg(Box::new(phone.plan(false))));
    world.command(patch(1, 2));
    world.command(patch(2, 1));
    let ssrc = client_ssrc(1, MediaKind::Audio);
    for number in 0..5_u16 {
        let packet = Rtp::new(PCMU, ssrc, number, u32::from(number) * 160).payload(&[0x77; 160]);
        world.say(1, &packet.to_bytes());
        world.phone_speaks(&mut phone, 40 + number, 1);
    }
    world.run_for(50 * MS);
    let heard = world.phone_heard(&mut phone);
    assert_eq!((heard.len(), heard[0].payload[0]), (5, 0x77));
    let heard = world.heard_of(1, PCMU);
    assert_eq!((heard.len(), heard[0].payload[0]), (5, 0x55));
}

#[test]
fn nothing_is_taken_or_sent_before_the_phone_is_described() {
    let mut world = World::new();
    let (mut a, mut b) = (Phone::new(1), Phone::new(2));
    let mut open = a.plan(false);
    *remote(&mut open, MediaKind::Audio) = None;
    world.command(Command::AddLeg(Box::new(open)));
    world.command(Command::AddLeg(Box::new(b.plan(false))));
    world.command(patch(1, 2));
    world.command(patch(2, 1));
    world.phone_speaks(&mut a, 1, 50);
    world.phone_speaks(&mut b, 1, 50);
    assert!(!world.saw(&Event::MediaReady(a.leg())));
    assert!(world.phone_heard(&mut b).is_empty());
    assert!(world.sent_to(a.address).is_empty());
    update(&mut world, a.plan(false));
    assert!(world.saw(&Event::MediaReady(a.leg())));
    world.phone_speaks(&mut a, 51, 5);
    world.phone_speaks(&mut b, 51, 5);
    assert_eq!(
        (
            world.phone_heard(&mut b).len(),
            world.phone_heard(&mut a).len()
        ),
        (5, 5)
    );
}

#[test]
fn an_unknown_payload_type_is_dropped_and_counted_and_chooses_no_source() {
    let (mut world, mut a, mut b) = phones(false);
    let before = world.worker.counters().unmapped;
    for payload_type in [3, 13, 18, 127] {
        let packet = Rtp::new(payload_type, a.ssrc, u16::from(payload_type), 0);
        world.phone_says(&mut a, &packet);
    }
    assert_eq!(world.worker.counters().unmapped, before + 4);
    assert!(world.phone_heard(&mut b).is_empty());
    assert!(!world.saw(&Event::FirstPacket(a.leg(), MediaKind::Audio)));
}

/// A spray over the ports, during set-up and later, gets nothing.
#[test]
fn s27_whoever_sprays_the_ports_hears_nothing() {
    let (mut world, mut a, mut b) = phones(false);
    let intruder: SocketAddr = "10.0.66.66:5000".parse().unwrap();
    for round in 0..200_u16 {
        for port in 20_000..20_016 {
            let path = Path::udp(SocketAddr::new(SERVER, port), intruder);
            world.inject(path, &a.speech(round).to_bytes());
        }
        world.phone_speaks(&mut b, round, 1);
        if round >= 20 {
            world.phone_speaks(&mut a, round, 1);
        }
    }
    assert!(world.sent_to(intruder).is_empty());
    assert_eq!(
        world.phone_heard(&mut a).len(),
        200,
        "the phone missed nothing"
    );
    assert_eq!(
        world.phone_heard(&mut b).len(),
        180,
        "and nothing was put in between"
    );
    assert!(world.worker.counters().rtp_unchecked > 0);
}

/// An injection with all numbers right is not relayed.
#[test]
fn s28_whoever_guesses_ssrc_and_numbers_is_not_heard() {
    let (mut world, mut a, mut b) = phones(false);
    world.phone_speaks(&mut a, 1, 20);
    world.sent.clear();
    for remote in ["10.0.66.66:4000", "10.0.2.1:4002"] {
        let path = Path::udp(a.path(MediaKind::Audio).local, remote.parse().unwrap());
        for number in 21..60 {
            world.inject(path, &a.speech(number).to_bytes());
        }
        let goodbye = rtcp(a.ssrc, |writer| writer.bye(&[a.ssrc]).map(|_| ()));
        let path = Path::udp(a.rtcp_path(MediaKind::Audio).local, path.remote);
        world.inject(path, &goodbye);
    }
    assert!(world.phone_heard(&mut b).is_empty());
}

#[test]
fn a_phone_that_moves_by_a_description_is_followed() {
    let (mut world, mut a, mut b) = phones(false);
    world.phone_speaks(&mut a, 1, 5);
    let old = a.address;
    a.address.set_port(4400);
    update(&mut world, a.plan(false));
    world.sent.clear();
    world.phone_speaks(&mut b, 1, 5);
    assert_eq!(
        world.phone_heard(&mut a).len(),
        5,
        "before it has sent from there"
    );
    world.phone_speaks(&mut a, 6, 5);
    assert_eq!(world.phone_heard(&mut b).len(), 5);
    assert!(world.sent_to(old).is_empty());
}

#[test]
fn keys_of_the_description_protect_both_directions() {
    for profile in [
        Profile::AesCm128HmacSha1_80,
        Profile::AesCm128HmacSha1_32,
        Profile::AeadAes128Gcm,
        Profile::AeadAes256Gcm,
    ] {
        let (mut world, mut a, mut b) = call_of(Phone::encrypted(1, profile), Phone::new(2), false);
        world.phone_speaks(&mut a, 1, 5);
        world.phone_speaks(&mut b, 1, 5);
        assert_eq!(world.phone_heard(&mut b).len(), 5, "{profile}");
        assert_eq!(world.phone_heard(&mut a).len(), 5, "{profile}");
        world.run_for(6 * SECOND);
        let path = a.rtcp_path(MediaKind::Audio);
        let reports = world.sent_to(path.remote);
        assert!(!reports.is_empty() && reports.iter().all(|it| a.open(it).is_some()));
    }
}

#[test]
fn s32_s33_packets_that_are_forged_or_replayed_are_counted_and_the_call_stays() {
    let encrypted = Phone::encrypted(1, Profile::AesCm128HmacSha1_80);
    let (mut world, mut a, mut b) = call_of(encrypted, Phone::new(2), false);
    let captured = a.protect(&a.speech(1).to_bytes());
    let path = a.path(MediaKind::Audio);
    world.inject(path, &captured);
    for _ in 0..50 {
        world.inject(path, &captured);
    }
    for number in 2..52 {
        world.inject(path, &a.speech(number).to_bytes());
    }
    assert_eq!(world.worker.counters().rejected, 100);
    world.phone_speaks(&mut a, 60, 3);
    assert_eq!(world.phone_heard(&mut b).len(), 4);
}

#[test]
fn a_new_key_of_the_phone_is_taken_and_ours_goes_on() {
    let profile = Profile::AesCm128HmacSha1_80;
    let (mut world, mut a, mut b) = call_of(Phone::encrypted(1, profile), Phone::new(2), false);
    world.phone_speaks(&mut a, 1, 5);
    world.phone_speaks(&mut b, 1, 5);
    let heard_before = world.phone_heard(&mut a).len();
    let mut renewed = PhoneKeys::new(keys(profile, 1, 9));
    std::mem::swap(a.keys.as_mut().unwrap(), &mut renewed);
    update(&mut world, a.plan(false));
    world.sent.clear();
    world.phone_speaks(&mut a, 6, 5);
    world.phone_speaks(&mut b, 6, 5);
    assert_eq!(world.phone_heard(&mut b).len(), 5);
    assert_eq!((heard_before, world.phone_heard(&mut a).len()), (5, 5));
}

#[test]
fn a_stream_that_is_switched_off_and_on_again_goes_on_under_its_key() {
    let profile = Profile::AeadAes128Gcm;
    let (mut world, mut a, mut b) = call_of(Phone::encrypted(1, profile), Phone::new(2), true);
    let show = |world: &mut World, b: &mut Phone, first: u16| {
        for number in first..first + 5 {
            let packet = Rtp::new(PICTURE, 77, number, u32::from(number) * 3000);
            let bytes = packet.payload(&vp8(number == first)).to_bytes();
            world.inject(b.path(MediaKind::Video), &bytes);
        }
    };
    show(&mut world, &mut b, 1);
    update(&mut world, a.plan(false));
    show(&mut world, &mut b, 6);
    update(&mut world, a.plan(true));
    show(&mut world, &mut b, 11);
    let opened: Vec<_> = world
        .sent_to(a.video_address)
        .iter()
        .map(|bytes| Rtp::parse(&a.open(bytes).unwrap()).sequence_number)
        .collect();
    assert_eq!(opened.len(), 10);
    assert!(opened.is_sorted_by(|a, b| a < b), "{opened:?}");
}

#[test]
fn each_stream_reports_to_its_own_port() {
    let (mut world, mut a, b) = phones(true);
    world.phone_speaks(&mut a, 1, 100);
    world.run_for(5 * SECOND);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let path = a.rtcp_path(kind);
        let reports = world.sent_to(path.remote);
        assert!(reports.len() >= 2, "{kind}");
        let mut names = Vec::new();
        for report in &reports {
            each_rtcp(report, |packet| {
                if let RtcpPacket::Sdes(sdes) = packet {
                    names.extend(
                        sdes.chunks()
                            .map(|(ssrc, name)| (ssrc, name.unwrap().to_vec())),
                    );
                }
            });
        }
        let ours = (our_ssrc(a.id, kind), b"cname1".to_vec());
        assert!(names.iter().all(|it| *it == ours), "{names:?}");
    }
    let mut told = None;
    for report in world.sent_to(a.rtcp_path(MediaKind::Audio).remote) {
        each_rtcp(&report, |packet| {
            if let RtcpPacket::ReceiverReport(report) = packet {
                told = report.blocks.iter().next().or(told);
            }
        });
    }
    let told = told.unwrap();
    assert_eq!((told.ssrc, told.cumulative_lost), (a.ssrc, 0));
    drop(b);
}

#[test]
fn reports_follow_a_phone_behind_a_nat_and_the_multiplexed_way() {
    // The NAT has given RTP and RTCP ports of their own.
    let (mut world, mut a, _b) = phones(false);
    let signalling = "203.0.113.9".parse().unwrap();
    let mut plan = a.plan(false);
    remote(&mut plan, MediaKind::Audio)
        .as_mut()
        .unwrap()
        .signalling = Some(signalling);
    update(&mut world, plan);
    let seen = |port| SocketAddr::new(signalling, port);
    a.address = seen(61_000);
    world.phone_speaks(&mut a, 1, 5);
    world.run_for(4 * SECOND);
    assert!(
        !world.sent_to(seen(61_001)).is_empty(),
        "beside the one that is known"
    );
    let report = rtcp(a.ssrc, |_| Ok(()));
    let path = Path::udp(a.rtcp_path(MediaKind::Audio).local, seen(34_567));
    world.inject(path, &report);
    world.sent.clear();
    world.run_for(4 * SECOND);
    assert!(
        !world.sent_to(seen(34_567)).is_empty(),
        "where it reports from"
    );
    assert!(world.sent_to(seen(61_001)).is_empty());

    let (mut world, a, _b) = phones(false);
    let mut plan = a.plan(false);
    remote(&mut plan, MediaKind::Audio).as_mut().unwrap().rtcp = RtcpPlan::Muxed;
    update(&mut world, plan);
    world.run_for(4 * SECOND);
    assert!(!world.sent_to(a.address).is_empty());
    world.inject(a.path(MediaKind::Audio), &report);
    assert_eq!(world.worker.counters().rtp_unchecked, 0);
}

#[test]
fn reports_of_a_stranger_are_not_taken() {
    let (mut world, mut a, _b) = phones(false);
    world.phone_speaks(&mut a, 1, 5);
    let path = a.rtcp_path(MediaKind::Audio);
    let stranger: SocketAddr = "10.0.66.66:4001".parse().unwrap();
    let report = rtcp(a.ssrc, |_| Ok(()));
    for _ in 0..60 {
        world.inject(Path::udp(path.local, stranger), &report);
        world.run_for(SECOND);
    }
    assert_eq!(world.worker.counters().rtp_unchecked, 60);
    assert!(world.sent_to(stranger).is_empty(), "nothing is told to him");
    assert!(!world.sent_to(path.remote).is_empty());
    world.run_for(5 * SECOND);
    assert!(failed(&world, a.leg()), "nor does he keep a dead leg alive");
}

#[test]
fn keyframes_are_asked_for_by_feedback_where_it_was_agreed_and_not_otherwise() {
    for agreed in [true, false] {
        let (mut world, mut a, b) = phones(true);
        let mut plan = a.plan(true);
        stream_of(&mut plan, MediaKind::Video).codecs[0]
            .feedback
            .pli = agreed;
        update(&mut world, plan);
        let packet = Rtp::new(PICTURE, 77, 1, 0).payload(&vp8(true));
        world.inject(a.path(MediaKind::Video), &packet.to_bytes());
        world.sent.clear();
        world.events.clear();
        world.run_for(SECOND);
        let request = rtcp(our_ssrc(9, MediaKind::Video), |writer| {
            writer.pli(1, our_ssrc(b.id, MediaKind::Video)).map(|_| ())
        });
        world.inject(b.rtcp_path(MediaKind::Video), &request);
        world.run_for(SECOND);
        let mut asked = 0;
        for bytes in world.sent_to(a.rtcp_path(MediaKind::Video).remote) {
            each_rtcp(&bytes, |packet| {
                asked += usize::from(matches!(packet, RtcpPacket::Pli(_)));
            });
        }
        assert_eq!(asked > 0, agreed);
        let signalled = world
            .events
            .iter()
            .filter(|it| **it == Event::KeyframeWanted(a.leg()))
            .count();
        let expected = if agreed { 0..=0 } else { 1..=2 };
        assert!(expected.contains(&signalled), "{signalled}");
        a.ssrc = 0;
    }
}

#[test]
fn both_streams_may_use_the_same_payload_type() {
    let (mut world, a, b) = phones(true);
    let mut plans = [a.plan(true), b.plan(true)];
    for plan in &mut plans {
        let video = stream_of(plan, MediaKind::Video);
        (video.codecs[0].receive_pt, video.codecs[0].send_pt) = (EVENTS, EVENTS);
    }
    for plan in plans {
        update(&mut world, plan);
    }
    world.command(Command::Patch(Box::new(media::plan::PatchPlan {
        source: a.leg(),
        sink: b.leg(),
        codecs: vec![media::plan::CodecMap {
            kind: MediaKind::Video,
            from_pt: EVENTS,
            to_pt: EVENTS,
            passage: Passage::Relay,
        }],
    })));
    let packet = Rtp::new(EVENTS, 77, 1, 0).payload(&vp8(true));
    world.inject(a.path(MediaKind::Video), &packet.to_bytes());
    assert_eq!(world.sent_to(b.video_address).len(), 1);
    assert!(world.sent_to(b.address).is_empty());
}

fn failed(world: &World, leg: LegId) -> bool {
    world.saw(&Event::Failed(leg, Failure::RtpInactivity))
}

#[test]
fn a_phone_that_sends_nothing_is_given_up() {
    let (mut world, mut a, b) = phones(false);
    world.phone_speaks(&mut a, 1, 50);
    world.run_for(55 * SECOND);
    assert!(!failed(&world, a.leg()));
    world.run_for(10 * SECOND);
    assert!(failed(&world, a.leg()));
    assert!(failed(&world, b.leg()), "one that never sent anything, too");
}

#[test]
fn a_muted_phone_that_reports_is_there() {
    let (mut world, mut a, _b) = phones(false);
    world.phone_speaks(&mut a, 1, 50);
    let report = rtcp(a.ssrc, |_| Ok(()));
    for _ in 0..60 {
        world.inject(a.rtcp_path(MediaKind::Audio), &report);
        world.run_for(5 * SECOND);
    }
    assert!(!failed(&world, a.leg()));
    let silent = |it: &Event| matches!(it, Event::Silent(leg, ..) if *leg == a.leg());
    assert_eq!(
        world.events.iter().filter(|it| silent(it)).count(),
        1,
        "but it is said"
    );
    world.run_for(65 * SECOND);
    assert!(failed(&world, a.leg()));
}

#[test]
fn a_leg_on_hold_may_be_silent_for_as_long_as_it_likes() {
    // Held by the phone, with music (sendonly) that never comes or without (inactive); and by us.
    let (mut world, mut a, mut b) = phones(false);
    for receive in [true, false] {
        let mut plan = a.plan(false);
        let stream = stream_of(&mut plan, MediaKind::Audio);
        (stream.receive, stream.send) = (receive, false);
        update(&mut world, plan);
        world.command(Command::WatchSilence {
            leg: b.leg(),
            on: false,
        });
        world.run_for(600 * SECOND);
        assert!(!failed(&world, a.leg()), "{receive}");
    }
    let leg = b.leg();
    world.command(Command::WatchSilence { leg, on: false });
    world.run_for(600 * SECOND);
    assert!(!failed(&world, a.leg()) && !failed(&world, b.leg()));
    update(&mut world, a.plan(false));
    world.command(Command::WatchSilence { leg, on: true });
    world.run_for(50 * SECOND);
    assert!(
        !failed(&world, a.leg()) && !failed(&world, b.leg()),
        "time to begin again"
    );
    world.phone_speaks(&mut a, 1, 5);
    world.phone_speaks(&mut b, 1, 5);
    assert_eq!(world.phone_heard(&mut b).len(), 5);
    world.run_for(70 * SECOND);
    assert!(failed(&world, a.leg()) && failed(&world, b.leg()));
}

#[test]
fn nothing_is_sent_to_a_phone_that_holds() {
    let (mut world, mut a, mut b) = phones(false);
    let mut plan = a.plan(false);
    stream_of(&mut plan, MediaKind::Audio).send = false;
    remote(&mut plan, MediaKind::Audio).as_mut().unwrap().rtp = None;
    update(&mut world, plan);
    world.phone_speaks(&mut b, 1, 50);
    assert!(world.phone_heard(&mut a).is_empty());
    update(&mut world, a.plan(false));
    world.phone_speaks(&mut b, 51, 5);
    assert_eq!(world.phone_heard(&mut a).len(), 5);
}

#[test]
fn a_phone_that_comes_back_with_other_numbers_is_heard_at_once_and_goes_on_in_ours() {
    let (mut world, mut a, mut b) = phones(false);
    world.phone_speaks(&mut a, 30_000, 10);
    a.ssrc ^= 0x5555;
    world.run_for(60 * MS);
    world.phone_speaks(&mut a, 7, 10);
    let heard = world.phone_heard(&mut b);
    assert_eq!(heard.len(), 20, "no word is cut off");
    let numbers: Vec<u16> = heard.iter().map(|it| it.sequence_number).collect();
    assert!(
        numbers.windows(2).all(|it| it[1] == it[0].wrapping_add(1)),
        "{numbers:?}"
    );
    let step = heard[10].timestamp.wrapping_sub(heard[9].timestamp);
    assert!((160..=1600).contains(&step), "{step}");
    assert!(heard[10].marker, "timing begins anew");
}

#[test]
fn digits_are_sent_at_the_clock_of_the_phone() {
    let (mut world, mut a, mut b) = phones(false);
    world.phone_speaks(&mut a, 1, 5);
    world.sent.clear();
    let digits = "5".to_owned();
    world.command(Command::SendDtmf {
        leg: b.leg(),
        digits,
    });
    world.run_for(SECOND);
    let events: Vec<_> = world
        .phone_heard(&mut b)
        .into_iter()
        .filter(|it| it.payload_type == EVENTS)
        .collect();
    assert_eq!(events.len(), 7);
    assert_eq!(events[0].payload, [5, 10, 0, 160], "20 ms at 8000 Hz");
    assert_eq!(
        events[6].payload,
        [
            5,
            0x80 | 10,
            800_u16.to_be_bytes()[0],
            800_u16.to_be_bytes()[1]
        ]
    );
}

#[test]
fn a_pressed_key_is_told_once_and_passed_on() {
    let (mut world, mut a, mut b) = phones(false);
    for (digit, began) in [(1_u8, 1000), (11, 5000), (11, 9000)] {
        for step in 0..7_u16 {
            let number = (began / 40) as u16 + step;
            let packet = Rtp::new(EVENTS, a.ssrc, number, began).payload(&[digit, 10, 0, 160]);
            world.phone_says(&mut a, &packet);
            world.run_for(20 * MS);
        }
    }
    let digits: String = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Digit(leg, digit) if *leg == a.leg() => Some(*digit),
            _ => None,
        })
        .collect();
    assert_eq!(digits, "1##");
    let events = world.phone_heard(&mut b);
    assert_eq!(
        events.iter().filter(|it| it.payload_type == EVENTS).count(),
        21
    );
}

fn goodbyes(world: &World, phone: &Phone) -> usize {
    let mut byes = 0;
    for bytes in world.sent_to(phone.rtcp_path(MediaKind::Audio).remote) {
        each_rtcp(&bytes, |packet| {
            byes += usize::from(matches!(packet, RtcpPacket::Bye(_)));
        });
    }
    byes
}

/// "A participant which never sent an RTP or RTCP packet MUST NOT send a BYE packet when they leave
/// the group." (RFC 3550 6.3.7)
#[test]
fn a_leg_that_has_said_nothing_says_no_goodbye() {
    let (mut world, mut a, b) = phones(false);
    world.command(Command::RemoveLeg(a.leg()));
    assert_eq!(goodbyes(&world, &a), 0);
    assert!(world.sent.is_empty());

    a = Phone::new(1);
    world.command(Command::AddLeg(Box::new(a.plan(false))));
    world.run_for(SECOND);
    assert!(goodbyes(&world, &a) == 0 && !world.sent.is_empty());
    world.command(Command::RemoveLeg(a.leg()));
    world.command(Command::RemoveLeg(b.leg()));
    assert_eq!((goodbyes(&world, &a), goodbyes(&world, &b)), (1, 1));
}

#[test]
fn a_phone_is_told_goodbye_and_its_ports_are_free_again() {
    let (mut world, a, b) = phones(false);
    world.run_for(SECOND);
    world.command(Command::RemoveLeg(a.leg()));
    assert_eq!(goodbyes(&world, &a), 1);
    let mut late = a;
    world.phone_speaks(&mut late, 1, 5);
    assert!(
        world.sent_to(b.address).is_empty(),
        "nobody hears who has hung up"
    );
    late.id = 1;
    world.events.clear();
    world.command(Command::AddLeg(Box::new(late.plan(false))));
    assert!(world.saw(&Event::MediaReady(LegId(1))));
}

#[test]
fn ports_belong_to_one_leg() {
    let (mut world, mut a, mut b) = phones(false);
    let mut thief = a.plan(false);
    thief.leg = LegId(9);
    world.command(Command::AddLeg(Box::new(thief)));
    assert_eq!(world.worker.legs(), 2);
    world.phone_speaks(&mut a, 1, 5);
    assert_eq!(world.phone_heard(&mut b).len(), 5);
}

#[test]
fn what_is_no_rtp_is_counted_and_not_answered() {
    let (mut world, a, _b) = phones(false);
    let before = world.worker.counters().unknown;
    let binding_request = [
        0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2,
    ];
    for junk in [
        &binding_request[..],
        &[22, 254, 253, 0],
        b"\r\n\r\n",
        &[0; 1],
        &[],
    ] {
        world.inject(a.path(MediaKind::Audio), junk);
    }
    assert_eq!(world.worker.counters().unknown, before + 5);
    // Rubbish that begins as RTP and RTCP do.
    for first in 128..=191_u8 {
        for len in 0..40 {
            for second in [0, 72, 200, 201, 255] {
                let mut junk = vec![first, second];
                junk.resize(2 + len, 0xFF);
                world.inject(a.path(MediaKind::Audio), &junk);
                world.inject(a.rtcp_path(MediaKind::Audio), &junk);
            }
        }
    }
    assert!(world.sent_to(a.address).is_empty());
    assert_eq!(ports(1, MediaKind::Audio).rtp(), 20_004);
}
