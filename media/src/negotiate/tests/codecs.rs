//! Which formats are the same format.

use crate::negotiate::h264::Configuration;

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
