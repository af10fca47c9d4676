//! Which formats are the same format.

use smol_str::SmolStr;

use crate::ids::MediaKind;
use crate::negotiate::format;
use crate::negotiate::h264::Configuration;
use crate::sdp::{Codec, Media, MediaDescription};

fn same(one: (&str, &str), other: (&str, &str)) -> bool {
    let read = |(id, mode): (&str, &str)| Configuration::new(Some(id), Some(mode)).expect("H.264");
    read(one) == read(other)
}

#[test]
fn h264_profiles_written_differently_are_the_same() {
    // RFC 6184 8.1, table 5: constrained baseline in three ways, whatever the level.
    for id in ["42e01f", "42C00a", "4200ff", "420000"] {
        let constrained = id.starts_with("42e") || id.starts_with("42C");
        assert_eq!(same((id, "1"), ("42E034", "1")), constrained, "{id}");
    }
    assert!(same(("42e01f", "1"), ("4d801f", "1")));
    assert!(same(("42e01f", "1"), ("58c01f", "1")));
    assert!(same(("4d001f", "1"), ("4d0034", "1")), "main at two levels");
    assert!(
        same(("640c1f", "1"), ("640C34", "1")),
        "constrained high at two levels"
    );
}

#[test]
fn h264_profiles_and_packetization_modes_are_told_apart() {
    assert!(!same(("42e01f", "1"), ("42e01f", "0")));
    assert!(
        !same(("42e01f", "1"), ("42001f", "1")),
        "baseline is more than constrained baseline"
    );
    assert!(!same(("42e01f", "1"), ("4d001f", "1")));
    assert!(!same(("64001f", "1"), ("640c1f", "1")));
    assert!(
        !same(("f4001f", "1"), ("6e001f", "1")),
        "unknown ones only match themselves"
    );
}

/// How many formats a video codec with these parameters is, each under a payload type of its own.
fn variants(name: &str, parameters: &[&str]) -> usize {
    let protocol = SmolStr::new_static("UDP/TLS/RTP/SAVPF");
    let mut media = MediaDescription::new(Media::Kind(MediaKind::Video), protocol);
    let codecs = (96..)
        .zip(parameters)
        .map(|(payload_type, parameters)| Codec {
            payload_type,
            name: name.into(),
            clock_rate: 90_000,
            channels: 1,
            parameters: Some((*parameters).into()),
            feedback: Vec::new(),
        });
    media.codecs = codecs.collect();
    format::read(&media).len()
}

#[test]
fn vp9_and_av1_are_told_apart_by_profile_and_tier_but_not_by_level() {
    assert_eq!(variants("VP9", &["profile-id=0", "max-fr=30"]), 1);
    assert_eq!(variants("VP9", &["profile-id=0", "profile-id=2"]), 2);
    assert_eq!(variants("VP9", &["profile-id=x"]), 0);
    let same = ["profile=0;level-idx=5;tier=0", "level-idx=9", "tier=0"];
    assert_eq!(variants("AV1", &same), 1);
    assert_eq!(variants("AV1", &["profile=0", "profile=1", "tier=1"]), 3);
}

#[test]
fn h264_without_parameters_is_constrained_baseline_in_single_nal_mode() {
    assert_eq!(
        Configuration::new(None, None),
        Configuration::new(Some("42e01f"), Some("0"))
    );
}

#[test]
fn h264_parameters_that_cannot_be_read_make_no_format() {
    for (id, mode) in [
        ("42e01", "1"),
        ("42e01fff", "1"),
        ("42e0 f", "1"),
        ("+2e01f", "1"),
    ] {
        assert_eq!(Configuration::new(Some(id), Some(mode)), None, "{id}");
    }
    assert_eq!(Configuration::new(Some("42e01f"), Some("3")), None);
    assert_eq!(Configuration::new(Some("42e01f"), Some("-1")), None);
}
