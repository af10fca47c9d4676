#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn home() -> Host {
    Host::parse("callbox.example").unwrap()
}

fn aor(text: &str) -> Aor {
    Aor::parse(text, &home()).unwrap()
}

#[test]
fn a_name_without_a_domain_is_at_home() {
    assert_eq!(aor("alice"), aor("alice@callbox.example"));
    assert_eq!(aor("alice").to_string(), "alice@callbox.example");
    assert_ne!(aor("alice"), aor("alice@example.com"));
    assert_eq!(aor("alice").shown_in(&home()), "alice");
    assert_eq!(
        aor("alice@example.com").shown_in(&home()),
        "alice@example.com"
    );
}

#[test]
fn capitals_make_nobody_else_and_are_kept_for_display() {
    let (typed, other) = (aor("Zoë@Example.COM"), aor("ZOË@example.com"));
    assert_eq!(typed, other);
    assert_eq!(HashSet::from([typed.clone(), other]).len(), 1);
    assert_eq!(typed.to_string(), "Zoë@example.com");
    assert_eq!(
        typed.cmp(&aor("zoë@example.com")),
        std::cmp::Ordering::Equal
    );
}

#[test]
fn what_could_be_taken_for_another_name_is_no_name() {
    for (text, error) in [
        ("", AorError::Empty),
        ("@example.com", AorError::Empty),
        (" alice", AorError::Character),
        ("al ice", AorError::Character),
        ("alice\u{202e}", AorError::Character),
        ("al\u{200b}ice", AorError::Character),
        ("alice\u{a0}", AorError::Character),
        ("alice\n", AorError::Character),
        ("alice:5060", AorError::Character),
        ("<alice>", AorError::Character),
        ("%61lice", AorError::Character),
        ("alice@", AorError::Domain),
        ("alice@b@c", AorError::Domain),
        ("alice@exa mple.com", AorError::Domain),
        (&"a".repeat(MAX_USER_BYTES + 1), AorError::TooLong),
    ] {
        assert_eq!(Aor::parse(text, &home()), Err(error), "{text:?}");
    }
}

#[test]
fn a_sip_uri_names_its_user_whatever_else_it_says() {
    let named = |text| match Uri::parse(text).unwrap() {
        Uri::Sip(uri) => Aor::from_uri(&uri),
        _ => unreachable!(),
    };
    assert_eq!(
        named("sip:%61lice:pw@Example.com:5070;transport=tcp?a=b"),
        Ok(aor("alice@example.com"))
    );
    assert_eq!(named("sips:alice@[::1]"), Ok(aor("alice@[::1]")));
    assert_eq!(named("sip:example.com"), Err(AorError::Uri));
    assert_eq!(named("sip:al%00ice@example.com"), Err(AorError::Character));
    assert_eq!(named("sip:al%40ice@example.com"), Err(AorError::Character));
    assert_eq!(named("sip:al%FFice@example.com"), Err(AorError::Character));
}

#[test]
fn display_names_are_one_visible_line() {
    let clean = |typed| DisplayName::clean(typed).map(|name| name.to_string());
    assert_eq!(clean("  Anna\t Maria \n"), Some("Anna Maria".to_owned()));
    assert_eq!(
        clean("An\u{202e}na\u{0} \u{200b} M"),
        Some("Anna M".to_owned())
    );
    assert_eq!(clean(" \u{200b}\u{feff}\n"), None);
    let long = clean(&"é".repeat(200)).unwrap();
    assert_eq!(long.len(), MAX_DISPLAY_NAME_BYTES);
}

proptest! {
    #[test]
    fn any_name_survives_as_a_uri(user in "\\PC{1,16}", domain in "[a-z]{1,8}\\.org") {
        if let Ok(aor) = Aor::new(&user, &Host::parse(&domain).unwrap()) {
            let Uri::Sip(uri) = aor.to_uri().unwrap() else { unreachable!() };
            let back = Aor::from_uri(&uri).unwrap();
            prop_assert_eq!(back.user(), user.as_str());
            prop_assert_eq!(&back, &aor);
            prop_assert_eq!(&Aor::parse(&aor.to_string(), &home()).unwrap(), &aor);
        }
    }

    #[test]
    fn a_cleaned_display_name_is_clean(typed in any::<String>()) {
        if let Some(name) = DisplayName::clean(&typed) {
            prop_assert!(name.as_str().len() <= MAX_DISPLAY_NAME_BYTES);
            prop_assert_eq!(DisplayName::clean(name.as_str()), Some(name));
        }
    }
}
