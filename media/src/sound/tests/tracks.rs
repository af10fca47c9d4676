//! What is encoded, how often, and what it may take.

use std::time::Instant;

use super::*;
use crate::ids::MediaKind;
use crate::plan::{CodecPlan, Encoding, Feedback, Format, StreamPlan};
use crate::sound::{Played, Player, Repertoire};
use crate::tests::start_of_time;
use crate::transcode::{Grid, Workshop};

fn sound(ms: u16) -> Sound {
    let samples = (0..8 * u32::from(ms))
        .map(|n| (n as i16 % 100) * 50)
        .collect();
    Sound::new(Pcm { hz: 8_000, samples }).unwrap()
}

fn stream(format: Format, clock_rate: u32, bitrate: Option<u32>) -> StreamPlan {
    let codec = CodecPlan {
        receive_pt: 96,
        send_pt: 97,
        clock_rate,
        format,
        rtx: None,
        feedback: Feedback::default(),
        encoding: Encoding {
            max_bitrate: bitrate,
            ..Encoding::default()
        },
        parameter_sets: None,
    };
    StreamPlan::new(MediaKind::Audio, 1, vec![codec])
}

fn player(now: Instant, stream: &StreamPlan, repertoire: &mut Repertoire) -> Option<Player> {
    let grid = Grid {
        epoch: now,
        phase: 0,
    };
    Player::new(now, SoundId(0), stream, grid, repertoire, None)
}

/// Plays until the sound is over, or for so many packets: how many there were.
fn play(player: &mut Player, repertoire: &mut Repertoire, packets: usize) -> usize {
    let mut workshop = Workshop::new();
    for count in 0..packets {
        match player.tick(player.poll_timeout(), || 0, repertoire) {
            Played::Packet { number, .. } => {
                let payload = player.payload(number, repertoire, &mut workshop);
                assert!(payload.is_some_and(|it| !it.is_empty()));
            }
            Played::End => return count,
            Played::Nothing => unreachable!("it is due"),
        }
    }
    packets
}

#[test]
fn a_hundred_legs_hear_what_was_encoded_once() {
    let now = start_of_time();
    let mut repertoire = Repertoire::new([sound(1_000)].into());
    let stream = stream(Format::Opus, 48_000, None);
    for _ in 0..100 {
        let mut player = player(now, &stream, &mut repertoire).unwrap();
        assert_eq!(play(&mut player, &mut repertoire, 1_000), 50);
    }
    assert_eq!(repertoire.encoded(), 50);
}

#[test]
fn what_is_repeated_begins_anew_and_is_not_encoded_anew() {
    let now = start_of_time();
    let mut repertoire = Repertoire::new([sound(990).repeated()].into());
    let stream = stream(Format::Pcma, 8_000, None);
    let mut player = player(now, &stream, &mut repertoire).unwrap();
    assert_eq!(play(&mut player, &mut repertoire, 1_000), 1_000);
    assert_eq!(repertoire.encoded(), 50);
}

#[test]
fn each_bit_rate_that_somebody_asks_for_is_not_a_track_of_its_own() {
    let now = start_of_time();
    let mut repertoire = Repertoire::new([sound(100)].into());
    for bitrate in 6_000..6_200 {
        let stream = stream(Format::Opus, 48_000, Some(bitrate * 10));
        let mut player = player(now, &stream, &mut repertoire).unwrap();
        play(&mut player, &mut repertoire, 10);
    }
    assert_eq!(repertoire.encoded(), 5);
}

#[test]
fn tracks_that_nobody_hears_make_room_and_those_that_are_heard_stay() {
    let now = start_of_time();
    // A minute in G.711 is 480 KB.
    let sounds: Arc<[Sound]> = [sound(60_000)].into();
    let mut repertoire = Repertoire::with_room_for(sounds, 1_100_000);
    let mut make = |format| player(now, &stream(format, 8_000, None), &mut repertoire);
    let (first, second) = (make(Format::Pcmu), make(Format::Pcma));
    assert!(first.is_some() && second.is_some());
    assert!(make(Format::G722).is_none(), "both are heard");
    drop(first);
    assert!(make(Format::G722).is_some(), "one is not any more");
    assert!(second.is_some());
}

#[test]
fn a_stream_without_a_format_that_can_be_encoded_is_not_played_to() {
    let mut repertoire = Repertoire::new([sound(100)].into());
    let stream = stream(Format::TelephoneEvent, 8_000, None);
    assert!(player(start_of_time(), &stream, &mut repertoire).is_none());
}
