#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn home() -> Host {
    Host::parse("callbox.example").unwrap()
}

fn dial(typed: &str) -> Result<Dialled, DialError> {
    Dialled::parse(typed, &home())
}

fn user(typed: &str) -> (String, Option<String>) {
    match dial(typed) {
        Ok(Dialled::User { aor, uri }) => (aor.to_string(), uri.map(|uri| uri.to_string())),
        other => unreachable!("{typed} is {other:?}"),
    }
}

#[test]
fn names_addresses_and_uris_name_users() {
    assert_eq!(user("  alice "), ("alice@callbox.example".into(), None));
    assert_eq!(user("1002"), ("1002@callbox.example".into(), None));
    assert_eq!(
        user("alice@Example.com"),
        ("alice@example.com".into(), None)
    );
    let uri = "sip:%61lice@example.com:5070;transport=tcp";
    assert_eq!(user(uri), ("alice@example.com".into(), Some(uri.into())));
    assert_eq!(
        user("SIPS:bob@[::1]"),
        ("bob@[::1]".into(), Some("SIPS:bob@[::1]".into()))
    );
}

#[test]
fn international_numbers_are_read_in_any_dress() {
    for typed in [
        "+44 20 7183 8750",
        "+442071838750",
        "+44 (0)20-7183.8750",
        "+44/20/71838750",
        "tel:+44-20-7183-8750;ext=5",
        "+44\u{a0}20\u{a0}7183\u{a0}8750",
    ] {
        assert_eq!(
            dial(typed),
            Ok(Dialled::Number("+442071838750".into())),
            "{typed}"
        );
    }
    // Too short or too long for a number, it is a name.
    assert_eq!(user("+12").0, "+12@callbox.example");
    assert_eq!(
        user("+1234567890123456").0,
        "+1234567890123456@callbox.example"
    );
}

#[test]
fn what_cannot_be_called_is_refused_with_its_reason() {
    for (typed, error) in [
        ("", DialError::Empty),
        ("   ", DialError::Empty),
        ("mailto:alice@example.com", DialError::Scheme),
        ("tel:7042;phone-context=example.com", DialError::Scheme),
        ("sip:example.com", DialError::Name(AorError::Uri)),
        ("sip:alice@", DialError::Uri(UriError::Host)),
        ("tel:7042", DialError::Uri(UriError::Number)),
        ("al ice", DialError::Name(AorError::Character)),
        ("alice@exa_mple..com", DialError::Name(AorError::Domain)),
        (&"a".repeat(600), DialError::TooLong),
    ] {
        assert_eq!(dial(typed), Err(error), "{typed:?}");
    }
}

proptest! {
    #[test]
    fn nothing_typed_is_a_panic(typed in any::<String>(), like in "[+a-z0-9:@.()/ -]{0,24}") {
        let _ = dial(&typed);
        if let Ok(Dialled::Number(number)) = dial(&like) {
            let digits = number.strip_prefix('+').unwrap();
            prop_assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
