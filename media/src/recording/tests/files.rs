//! What others read in the files, and how long they are.

use std::process::Command;

use super::*;

/// What ffmpeg decodes of a file: 16 kHz, left and right.
fn by_ffmpeg(name: &str, file: &[u8]) -> Heard {
    let path = std::env::temp_dir().join(format!("recording-{}-{name}", std::process::id()));
    std::fs::write(&path, file).unwrap();
    // Its own decoder of Opus, not libopus. A wrong checksum or length is an error.
    let decoder: &[&str] = match name.ends_with("ogg") {
        true => &["-c:a", "opus"],
        false => &[],
    };
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-err_detect", "crccheck+explode"])
        .args(decoder)
        .arg("-i")
        .arg(&path)
        .args(["-ar", "16000", "-f", "s16le", "-"])
        .output()
        .unwrap_or_else(|error| panic!("ffmpeg, which ./test installs: {error}"));
    std::fs::remove_file(&path).unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{name}: {said}");
    let samples: Vec<i16> = done
        .stdout
        .chunks_exact(2)
        .map(|it| i16::from_le_bytes([it[0], it[1]]))
        .collect();
    channels(&samples)
}

#[test]
fn both_kinds_of_file_are_read_by_ffmpeg_with_each_side_in_its_channel() {
    for (format, apart) in [(FileFormat::Wav, -60.0), (FileFormat::Ogg, -35.0)] {
        let start = start_of_time();
        let mut left = Voice::new(Channel::Left, Format::Pcmu, 440.0);
        let mut right = Voice::new(Channel::Right, Format::Opus, 1_000.0);
        // Each alone for a second, and both together for another.
        let mut packets = speech(&mut left, start, 0..1_000);
        left.pause(1_000);
        packets.extend(speech(&mut left, start, 2_000..3_130));
        packets.extend(speech(&mut right, start, 1_000..3_130));
        let config = RecorderConfig { format, ..CONFIG };
        let (file, length) = file(config, start, packets, 3_130);
        assert_eq!(length, 3_140 * MS, "whole blocks");
        let [l, r] = by_ffmpeg(&format!("call.{}", format.extension()), &file);
        assert_eq!((l.len(), r.len()), (50_240, 50_240), "{format:?}");
        for part in [1_300..1_800, 2_300..2_900] {
            let own = level(&r, 1_000.0, part.clone());
            assert!(own.abs() < 0.5, "{format:?}: {own:.2} dB");
            let foreign = level(&l, 1_000.0, part);
            assert!(foreign < apart, "{format:?}: {foreign:.1} dB on the left");
        }
        for part in [300..800, 2_300..2_900] {
            let own = level(&l, 440.0, part.clone());
            assert!(own.abs() < 0.5, "{format:?}: {own:.2} dB");
            let foreign = level(&r, 440.0, part);
            assert!(foreign < apart, "{format:?}: {foreign:.1} dB on the right");
        }
        let begins = onset(&r, 700);
        assert!(begins.abs_diff(1_000) <= 30, "{format:?}: {begins} ms");
    }
}

#[test]
fn our_own_reader_takes_what_we_write() {
    let start = start_of_time();
    let mut left = Voice::new(Channel::Left, Format::Pcmu, 440.0);
    let packets = speech(&mut left, start, 0..3_000);
    for format in [FileFormat::Wav, FileFormat::Ogg] {
        let config = RecorderConfig { format, ..CONFIG };
        let (file, _) = file(config, start, packets.clone(), 3_000);
        let sound = crate::sound::Sound::read(&file).unwrap();
        assert_eq!(sound.length(), 3_000 * MS, "{format:?}");
    }
}

#[test]
fn a_call_that_ends_at_once_leaves_a_file_without_sound() {
    let start = start_of_time();
    let (wav, length) = file(CONFIG, start, Vec::new(), 0);
    assert_eq!((wav.len(), length), (44, Duration::ZERO));
    let config = RecorderConfig {
        format: FileFormat::Ogg,
        ..CONFIG
    };
    let (ogg, length) = file(config, start, Vec::new(), 0);
    assert!(length.is_zero() && ogg.starts_with(b"OggS"));
}

#[test]
fn a_file_is_no_longer_than_it_may_be() {
    let start = start_of_time();
    let config = RecorderConfig {
        max_length: Duration::from_secs(2),
        ..CONFIG
    };
    let mut left = Voice::new(Channel::Left, Format::Pcmu, 440.0);
    let mut bytes = Vec::new();
    let mut recorder = Recorder::new(config, start, &mut bytes).unwrap();
    for packet in speech(&mut left, start, 0..2_100) {
        recorder.hear(&packet, &mut bytes);
    }
    assert!(!recorder.is_full());
    for packet in speech(&mut left, start, 2_100..3_000) {
        recorder.hear(&packet, &mut bytes);
    }
    assert!(recorder.is_full());
    let length = bytes.len();
    recorder.advance(start + Duration::from_secs(3_600), &mut bytes);
    let ending = recorder.finish(start + Duration::from_secs(3_600), &mut bytes);
    assert_eq!(ending.length, Duration::from_secs(2));
    assert_eq!((bytes.len(), length), (44 + 128_000, 44 + 128_000));
}

#[test]
fn silence_is_written_while_nothing_comes() {
    let start = start_of_time();
    let mut bytes = Vec::new();
    let mut recorder = Recorder::new(CONFIG, start, &mut bytes).unwrap();
    recorder.advance(start + 5 * MS, &mut bytes);
    assert_eq!(recorder.length(), Duration::ZERO, "packets may still come");
    recorder.advance(start + 60_200 * MS, &mut bytes);
    assert_eq!(recorder.length(), 60_000 * MS);
    assert_eq!(bytes.len(), 44 + 60 * 64_000);
}
