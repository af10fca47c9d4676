#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::*;

/// Seconds of silence at 8 kHz, µ-law.
fn wav(seconds: usize) -> Vec<u8> {
    let data = vec![0xFF; seconds * 8_000];
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    file.extend([7, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    file.extend(data);
    file
}

fn media(keys: &str, directory: &Path) -> Config {
    Config::parse(&format!("[media]\n{keys}\n"), directory).unwrap()
}

#[test]
fn nothing_is_played_unless_the_configuration_says_so() {
    let (all, played) = load(&media("", Path::new("/"))).unwrap();
    assert!(all.is_empty());
    assert!(played.music_on_hold.is_none() && played.ringback.is_none());
}

#[test]
fn files_are_found_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("m.wav"), wav(1)).unwrap();
    let media = media(
        "music_on_hold = \"m.wav\"\nringback = \"uk\"",
        directory.path(),
    );
    let (all, played) = load(&media).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(played.music_on_hold, Some(SoundId(0)));
    assert_eq!(played.ringback, Some(SoundId(1)));
}

#[test]
fn a_file_that_cannot_be_played_is_named_with_its_key_and_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let said = |name: &str| {
        let media = media(&format!("music_on_hold = {name:?}"), directory.path());
        load(&media).unwrap_err().to_string()
    };
    let path = |name: &str| -> PathBuf { directory.path().join(name) };
    assert_eq!(
        said("gone.wav"),
        format!(
            "media.music_on_hold: {} cannot be read: No such file or directory (os error 2)",
            path("gone.wav").display()
        )
    );
    std::fs::write(path("text.wav"), "la la la").unwrap();
    assert_eq!(
        said("text.wav"),
        format!(
            "media.music_on_hold: {} is neither a WAV nor an Ogg file",
            path("text.wav").display()
        )
    );
}

#[test]
fn an_announcement_is_short_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let with = |name: &str| {
        let keys = format!("[announcements]\nbusy = {name:?}\n");
        load(&Config::parse(&keys, directory.path()).unwrap())
    };
    std::fs::write(directory.path().join("short.wav"), wav(1)).unwrap();
    let (all, played) = with("short.wav").unwrap();
    let length = Duration::from_secs(1);
    let sound = SoundId(0);
    assert_eq!(
        played.announcements.get("busy"),
        Some(&Announcement { sound, length })
    );
    assert_eq!(all.len(), 1);
    std::fs::write(directory.path().join("long.wav"), wav(61)).unwrap();
    let said = with("long.wav").unwrap_err().to_string();
    assert!(
        said.ends_with("long.wav lasts 61 s, longer than the 60 s that an announcement may last"),
        "{said}"
    );
}
