//! Files on a real disk.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use media::plan::Format;
use media::recording::{Channel, TappedPacket};

use super::file::{PartFile, failed, prepare};
use super::*;
use crate::call::io::RecordingOutcome;

const ID: RecordingId = RecordingId(5);
const MS: Duration = Duration::from_millis(1);

fn settings(directory: &Path) -> RecorderSettings {
    RecorderSettings {
        directory: directory.to_owned(),
        format: FileFormat::Wav,
        max_length: Duration::from_secs(60),
    }
}

fn begin(file: &str, at: Instant) -> RecordingOrder {
    let file = file.to_owned();
    RecordingOrder::Begin { id: ID, file, at }
}

/// A packet of 20 ms of µ-law.
fn packet(at: Instant, number: u16) -> Tapped {
    let mut packet = vec![0x80, 0];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend([0x20; 160]);
    Tapped::Packet(Box::new(TappedPacket {
        recording: ID,
        channel: Channel::Left,
        at,
        format: Format::Pcmu,
        clock_rate: 8_000,
        packet: packet.into(),
    }))
}

/// Two seconds of a call that lie behind.
fn speak(recorder: &Recorder, begin: Instant) {
    let mut numbers = 0..100;
    let mut way = recorder.tap_way();
    way.pass(|| {
        let number = numbers.next()?;
        Some(packet(begin + u32::from(number) * 20 * MS, number))
    });
    assert!(way.held.is_none());
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn next_outcome(recorder: &mut Recorder) -> RecordingOutcome {
    let report = recorder.reports.blocking_recv().unwrap();
    assert_eq!(report.id, ID);
    report.outcome
}

#[test]
fn a_file_appears_when_it_is_complete_and_only_its_owner_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("recordings");
    let mut recorder = Recorder::start(settings(&directory)).unwrap();
    let at = Instant::now() - 2_000 * MS;
    recorder.order(begin("a-1.wav", at));
    speak(&recorder, at);
    while !names(&directory).contains(&".a-1.wav.callbox-part".to_owned()) {
        std::thread::yield_now();
    }
    assert!(!directory.join("a-1.wav").exists());
    let at = at + 2_000 * MS;
    recorder.order(RecordingOrder::End { id: ID, at });
    assert_eq!(next_outcome(&mut recorder), RecordingOutcome::Kept);
    assert_eq!(names(&directory), ["a-1.wav"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.join("a-1.wav")), 0o600);
    assert_eq!(mode(&directory), 0o700);
    let file = fs::read(directory.join("a-1.wav")).unwrap();
    assert_eq!(file.len(), 44 + 2 * 64_000);
    assert_eq!(file[40..44], 128_000_u32.to_le_bytes());
    recorder.shut_down();
}

#[test]
fn the_end_of_the_server_is_the_end_of_recordings_and_they_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(settings(place.path())).unwrap();
    let at = Instant::now() - 2_000 * MS;
    recorder.order(begin("a-1.wav", at));
    speak(&recorder, at);
    recorder.shut_down();
    assert_eq!(names(place.path()), ["a-1.wav"]);
    let length = fs::metadata(place.path().join("a-1.wav")).unwrap().len();
    assert!(length >= 44 + 2 * 64_000, "{length}");
}

#[test]
fn what_a_crash_has_left_is_removed_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path();
    for name in [
        ".a-1.ogg.callbox-part",
        "b-1.ogg",
        ".hidden",
        "c.callbox-part",
    ] {
        fs::write(directory.join(name), "x").unwrap();
    }
    // Of another server, which writes it now.
    let living = PartFile::new(directory, "d-1.ogg").unwrap();
    prepare(directory).unwrap();
    let left = [
        ".d-1.ogg.callbox-part",
        ".hidden",
        "b-1.ogg",
        "c.callbox-part",
    ];
    assert_eq!(names(directory), left);
    drop(living);
    assert_eq!(names(directory), left[1..]);
}

#[test]
fn no_name_leads_out_of_the_directory_or_to_a_file_that_is_there() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("there.ogg"), "x").unwrap();
    for name in [
        "",
        "../a.ogg",
        "/tmp/a.ogg",
        "a/b.ogg",
        ".a.ogg",
        "..",
        "a\n.ogg",
        "a b",
        "é.ogg",
        "there.ogg",
    ] {
        assert!(PartFile::new(place.path(), name).is_err(), "{name:?}");
    }
    assert_eq!(names(place.path()), ["there.ogg"]);
}

#[test]
fn a_directory_that_cannot_be_made_fails_each_recording_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "x").unwrap();
    let mut recorder = Recorder::start(settings(&file.join("recordings"))).unwrap();
    recorder.order(begin("a-1.wav", Instant::now()));
    let RecordingOutcome::Failed(sentence) = next_outcome(&mut recorder) else {
        panic!("no failure")
    };
    assert!(
        sentence.contains("file/recordings") && sentence.contains("another recording.directory"),
        "{sentence}"
    );
    // It is over: its end is no news.
    let at = Instant::now();
    recorder.order(RecordingOrder::End { id: ID, at });
    recorder.shut_down();
}

#[test]
fn a_full_disk_and_one_that_is_not_ours_are_named_with_what_to_do() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = { full }.write_all(b"x").unwrap_err();
    let said = |error: &io::Error| failed("a-1.ogg", Path::new("/r"), error);
    let RecordingOutcome::Failed(sentence) = said(&error) else {
        panic!("no failure")
    };
    assert!(
        sentence.starts_with("there is no room in /r (No space left on device")
            && sentence.ends_with("make room there, or set another recording.directory"),
        "{sentence}"
    );
    let RecordingOutcome::Failed(sentence) = said(&io::ErrorKind::PermissionDenied.into()) else {
        panic!("no failure")
    };
    assert!(
        sentence.contains("make it writable for this user"),
        "{sentence}"
    );
}

#[test]
fn a_recording_that_is_as_long_as_it_may_be_ends_and_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(RecorderSettings {
        max_length: Duration::from_secs(1),
        ..settings(place.path())
    })
    .unwrap();
    let at = Instant::now() - 2_000 * MS;
    recorder.order(begin("a-1.wav", at));
    speak(&recorder, at);
    let RecordingOutcome::Cut(sentence) = next_outcome(&mut recorder) else {
        panic!("it goes on")
    };
    assert!(sentence.contains("recording.max_length_s"), "{sentence}");
    let length = fs::metadata(place.path().join("a-1.wav")).unwrap().len();
    assert_eq!(length, 44 + 64_000);
    recorder.shut_down();
}

#[test]
fn a_recording_with_a_hole_ends_there_and_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(settings(place.path())).unwrap();
    let at = Instant::now() - 2_000 * MS;
    recorder.order(begin("a-1.wav", at));
    speak(&recorder, at);
    let mut lost = Some(Tapped::Lost(ID));
    recorder.tap_way().pass(|| lost.take());
    let RecordingOutcome::Cut(sentence) = next_outcome(&mut recorder) else {
        panic!("it goes on")
    };
    assert!(sentence.contains("too slow"), "{sentence}");
    let length = fs::metadata(place.path().join("a-1.wav")).unwrap().len();
    assert!(length > 44 + 64_000, "{length}");
    recorder.shut_down();
}

#[test]
fn what_there_is_no_room_for_waits_in_its_order_and_nobody_waits_for_it() {
    let (way, tasks) = sync_channel(2);
    let mut taps = TapWay {
        ways: Ways(vec![way]),
        held: None,
    };
    let at = Instant::now();
    let mut numbers = 0..5;
    let mut next = || numbers.next().map(|number| packet(at, number));
    taps.pass(&mut next);
    assert!(taps.held.is_some());
    let mut received = Vec::new();
    for _ in 0..3 {
        received.extend(tasks.try_iter());
        taps.pass(&mut next);
    }
    let received: Vec<Tapped> = received
        .into_iter()
        .map(|task| match task {
            Task::Tapped(tapped) => tapped,
            Task::Order(order) => panic!("{order:?}"),
        })
        .collect();
    let sent: Vec<Tapped> = (0..5).map(|number| packet(at, number)).collect();
    assert!(received == sent && taps.held.is_none());
    // Threads that have ended take nothing, and that holds up nobody.
    drop(tasks);
    let mut more = vec![packet(at, 5), packet(at, 6), packet(at, 7)];
    taps.pass(|| more.pop());
    assert!(more.is_empty() && taps.held.is_none());
}
