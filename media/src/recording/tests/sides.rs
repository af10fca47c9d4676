//! Both sides in their channels, at the time at which they spoke.

use super::*;

#[test]
fn each_side_is_heard_in_its_own_channel_as_loud_as_it_spoke() {
    let pairs = [
        (Format::Pcmu, Format::Opus),
        (Format::Opus, Format::G722),
        (Format::G722, Format::Pcma),
    ];
    for (one, other) in pairs {
        let start = start_of_time();
        let mut left = Voice::new(Channel::Left, one, 440.0);
        let mut right = Voice::new(Channel::Right, other, 1_000.0);
        let mut packets = speech(&mut left, start, 0..2_000);
        packets.extend(speech(&mut right, start, 0..2_000));
        let [l, r] = record(start, packets, 2_000);
        let said = format!("{one:?} and {other:?}");
        assert_eq!((l.len(), r.len()), (32_000, 32_000), "{said}");
        for (channel, own, foreign) in [(&l, 440.0, 1_000.0), (&r, 1_000.0, 440.0)] {
            let own = level(channel, own, 500..1_500);
            assert!(own.abs() < 0.5, "{said}: {own:.2} dB");
            let foreign = level(channel, foreign, 500..1_500);
            assert!(foreign < -45.0, "{said}: {foreign:.1} dB of the other side");
        }
    }
}

#[test]
fn a_side_that_says_nothing_is_silent() {
    let start = start_of_time();
    let mut right = Voice::new(Channel::Right, Format::Pcmu, 440.0);
    let packets = speech(&mut right, start, 0..1_000);
    let [l, r] = record(start, packets, 1_000);
    assert!(l.iter().all(|sample| *sample == 0));
    assert!(level(&r, 440.0, 300..900).abs() < 0.5);
    let nobody = record(start, Vec::new(), 1_000);
    assert!(nobody.iter().flatten().all(|sample| *sample == 0));
    assert_eq!(nobody.map(|channel| channel.len()), [16_000; 2]);
}

#[test]
fn a_side_that_begins_later_is_heard_later_by_as_much() {
    let start = start_of_time();
    let mut left = Voice::new(Channel::Left, Format::Opus, 440.0);
    let mut right = Voice::new(Channel::Right, Format::Pcmu, 1_000.0);
    let mut packets = speech(&mut left, start, 310..3_000);
    packets.extend(speech(&mut right, start, 1_330..3_000));
    let [l, r] = record(start, packets, 3_000);
    for (channel, said) in [(&l, 310), (&r, 1_330)] {
        let begins = onset(channel, 0);
        assert!(begins.abs_diff(said) <= 30, "{begins} ms instead of {said}");
    }
}

#[test]
fn what_is_lost_on_the_way_moves_nothing() {
    let start = start_of_time();
    let mut left = Voice::new(Channel::Left, Format::Opus, 440.0);
    let mut right = Voice::new(Channel::Right, Format::Pcmu, 1_000.0);
    let mut packets = speech(&mut left, start, 0..6_000);
    packets.extend(speech(&mut right, start, 0..6_000));
    // One in twenty of each, and then three in a row.
    let mut number = 0;
    packets.retain(|_| {
        number += 1;
        number % 20 != 7 && !(100..103).contains(&number)
    });
    // Both say something else at the end.
    (left.hz, right.hz) = (600.0, 1_400.0);
    left.pause(500);
    right.pause(500);
    packets.extend(speech(&mut left, start, 6_500..8_000));
    packets.extend(speech(&mut right, start, 6_500..8_000));
    let [l, r] = record(start, packets, 8_000);
    for (channel, before, after) in [(&l, 440.0, 600.0), (&r, 1_000.0, 1_400.0)] {
        let own = level(channel, before, 3_000..5_000);
        assert!(own.abs() < 1.5, "{own:.2} dB");
        let begins = onset(channel, 6_300);
        assert!(begins.abs_diff(6_500) <= 30, "{begins} ms");
        assert!(level(channel, after, 7_000..7_900).abs() < 0.5);
    }
}

#[test]
fn hold_is_silence_and_ends_when_it_ended_whatever_the_timestamps_did_meanwhile() {
    for counted in [0, 2_500] {
        let start = start_of_time();
        let mut left = Voice::new(Channel::Left, Format::Pcma, 440.0);
        let mut right = Voice::new(Channel::Right, Format::Opus, 1_000.0);
        let mut packets = Vec::new();
        for voice in [&mut left, &mut right] {
            packets.extend(speech(voice, start, 0..1_000));
            voice.pause(counted);
            packets.extend(speech(voice, start, 3_500..5_000));
        }
        for channel in record(start, packets, 5_000) {
            let quiet = &channel[RATE.samples(1_400)..RATE.samples(3_400)];
            let loudest = quiet.iter().map(|it| it.abs()).max();
            assert!(loudest < Some(50), "{counted}: {loudest:?}");
            let resumes = onset(&channel, 2_000);
            assert!(resumes.abs_diff(3_500) <= 30, "{counted}: {resumes} ms");
        }
    }
}

#[test]
fn another_device_goes_on_in_the_same_channel() {
    let start = start_of_time();
    let mut before = Voice::new(Channel::Left, Format::Opus, 440.0);
    let mut after = Voice::new(Channel::Left, Format::Pcmu, 1_000.0);
    (after.ssrc, after.number, after.timestamp) = (99, 7, 123_456);
    let mut packets = speech(&mut before, start, 0..2_000);
    packets.extend(speech(&mut after, start, 2_000..4_000));
    let [l, _] = record(start, packets, 4_000);
    assert!(level(&l, 440.0, 500..1_900).abs() < 0.5);
    assert!(level(&l, 1_000.0, 2_500..3_900).abs() < 0.5);
    assert!(level(&l, 440.0, 2_500..3_900) < -45.0);
}

#[test]
fn sides_with_clocks_of_their_own_do_not_drift_apart() {
    // One device counts a thousandth too fast, the other as much too slow: 160 ms in all at the end.
    let start = start_of_time();
    let mut packets = Vec::new();
    for (channel, interval_us) in [(Channel::Left, 19_980), (Channel::Right, 20_020)] {
        let mut voice = Voice::new(channel, Format::Pcmu, 440.0);
        let mut at = Duration::ZERO;
        while at < Duration::from_secs(80) {
            // A beep of a second, every ten.
            voice.hz = match at.as_secs() % 10 {
                5 => 440.0,
                _ => 0.0,
            };
            packets.push(voice.says(start + at));
            at += Duration::from_micros(interval_us);
        }
    }
    let [l, r] = record(start, packets, 80_000);
    for second in (5..80).step_by(10) {
        let begin = |channel: &[i16]| onset(channel, second * 1_000 - 500);
        let (left, right) = (begin(&l), begin(&r));
        assert!(left.abs_diff(second * 1_000) <= 45, "left {left} ms");
        assert!(right.abs_diff(second * 1_000) <= 45, "right {right} ms");
        assert!(left.abs_diff(right) <= 45, "{left} and {right} ms");
    }
}

#[test]
fn jitter_is_evened_out() {
    let start = start_of_time();
    let mut left = Voice::new(Channel::Left, Format::Pcmu, 440.0);
    let mut packets = speech(&mut left, start, 0..5_000);
    let mut spread = 7_u32;
    for packet in &mut packets {
        spread = spread.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        packet.at += (spread >> 16) % 80 * MS;
    }
    let [l, _] = record(start, packets, 5_000);
    let (own, whole) = (level(&l, 440.0, 1_000..4_500), &l[16_000..72_000]);
    assert!(own.abs() < 0.5, "{own:.2} dB");
    let clean = crate::codec::testing::tone_to_noise(RATE, 440.0, whole);
    assert!(clean > 20.0, "{clean:.1} dB above all else");
}

#[test]
fn what_is_no_sound_or_no_packet_changes_nothing() {
    let start = start_of_time();
    let mut left = Voice::new(Channel::Left, Format::Pcmu, 440.0);
    let mut packets = speech(&mut left, start, 0..1_000);
    let clean = record(start, packets.clone(), 1_000);
    for at in [0, 300, 600] {
        let event = |format, packet: &[u8]| TappedPacket {
            format,
            packet: packet.into(),
            ..packets[0].clone()
        };
        let mut odd = [
            event(Format::TelephoneEvent, &packets[0].packet),
            event(Format::Pcmu, &[0x80, 0, 1]),
            event(Format::Pcmu, &[]),
            event(Format::Opus, &packets[3].packet[..12]),
        ];
        for packet in &mut odd {
            packet.at = start + at * MS;
            packet.channel = Channel::Right;
        }
        packets.extend(odd);
    }
    assert!(record(start, packets, 1_000) == clean);
}
