//! Header values, read and written.

use proptest::prelude::*;

use super::*;

const CREDENTIALS: &str = "Digest username=\"alice\", realm=\"example.com\", nonce=\"n\", \
     uri=\"sip:example.com\", response=\"00112233445566778899aabbccddeeff\"";

fn challenge(text: &str) -> Result<Challenge, ValueError> {
    Challenge::parse(text.as_bytes())
}

fn credentials(more: &str) -> Result<Authorization, ValueError> {
    Authorization::parse(format!("{CREDENTIALS}{more}").as_bytes())
}

/// RFC 3261 20.44.
#[test]
fn the_example_of_rfc_3261_is_read() {
    let read = challenge(
        "Digest realm=\"atlanta.com\", domain=\"sip:boxesbybob.com\", qop=\"auth\", \
         nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", opaque=\"\", stale=FALSE, algorithm=MD5",
    );
    assert_eq!(
        read,
        Ok(Challenge {
            realm: "atlanta.com".into(),
            nonce: "f84f1cec41e6cbe5aea9c8e88d359".into(),
            opaque: Some("".into()),
            algorithm: Algorithm::MD5,
            qops: Qops::AUTH,
            stale: false,
        }),
    );
}

#[test]
fn whitespace_folding_case_and_empty_elements_do_no_harm() {
    let read = challenge(
        "  dIGEST\r\n  REALM =\t\"a b\" ,, nonce= \"n\"\r\n\t,Stale = TRUE, QOP=\" auth-int ,foo\",",
    )
    .unwrap();
    assert_eq!(read.realm, "a b");
    assert!(read.stale);
    assert!(read.qops.auth_int && !read.qops.auth);
}

#[test]
fn escapes_are_undone_in_names_and_kept_in_what_is_hashed() {
    let read = challenge(r#"Digest realm="a\"b\\c\d", nonce="x\"y""#).unwrap();
    assert_eq!(read.realm, r#"a"b\cd"#);
    assert_eq!(read.nonce, r#"x\"y"#);
    let written = read.to_string();
    assert!(
        written.contains(r#"realm="a\"b\\cd", nonce="x\"y""#),
        "{written}"
    );
}

#[test]
fn what_is_no_parameter_is_refused() {
    for text in [
        "Digest realm",
        "Digest realm=",
        "Digest =x",
        "Digest realm=\"x",
        "Digest realm=\"x\\\"",
        "Digest realm=\"x\" nonce=\"y\"",
        "Digest realm=\"x\"y, nonce=z",
        "Digest realm=a b",
        "Digest realm=\"x\";nonce=\"y\"",
    ] {
        assert_eq!(challenge(text), Err(ValueError::Syntax), "{text}");
    }
    for text in [
        "",
        "Basic realm=\"x\"",
        "Digestrealm=\"x\"",
        "Digest,a=b",
        "Digest=a",
    ] {
        assert_eq!(challenge(text), Err(ValueError::Scheme), "{text}");
    }
}

#[test]
fn a_parameter_that_comes_twice_is_refused() {
    assert_eq!(
        challenge("Digest realm=\"a\", nonce=\"n\", Realm=\"b\""),
        Err(ValueError::Twice)
    );
    assert_eq!(credentials(", uri=\"sip:x\""), Err(ValueError::Twice));
}

#[test]
fn no_control_character_gets_through() {
    for text in [
        "Digest realm=\"a\r\nX: y\", nonce=\"n\"",
        "Digest realm=\"a\0\", nonce=\"n\"",
        "Digest realm=\"a\\\r\n\", nonce=\"n\"",
        "Digest realm=\"a\u{7f}\", nonce=\"n\"",
    ] {
        assert_eq!(challenge(text), Err(ValueError::Character), "{text:?}");
    }
    assert_eq!(
        Challenge::parse(b"Digest realm=\"\xff\", nonce=\"n\""),
        Err(ValueError::Character)
    );
}

#[test]
fn lengths_and_counts_are_bounded() {
    let long = format!("Digest realm=\"{}\"", "a".repeat(MAX_VALUE_BYTES));
    assert_eq!(challenge(&long), Err(ValueError::TooLong));
    let many: Vec<String> = (0..=MAX_PARAMS).map(|n| format!("p{n}=x")).collect();
    let many = format!("Digest {}", many.join(","));
    assert_eq!(challenge(&many), Err(ValueError::TooManyParams));
}

#[test]
fn what_is_missing_or_impossible_is_named() {
    assert_eq!(
        challenge("Digest nonce=\"n\""),
        Err(ValueError::Missing("realm"))
    );
    assert_eq!(
        challenge("Digest realm=\"r\""),
        Err(ValueError::Missing("nonce"))
    );
    assert_eq!(
        challenge("Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5"),
        Err(ValueError::Algorithm)
    );
    assert_eq!(
        challenge("Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\""),
        Err(ValueError::Qop)
    );
    assert_eq!(
        credentials(", algorithm=SHA-256"),
        Err(ValueError::Value("response"))
    );
    assert_eq!(credentials(", qop=auth"), Err(ValueError::Missing("nc")));
    assert_eq!(
        credentials(", qop=auth, nc=1, cnonce=\"c\""),
        Err(ValueError::Value("nc"))
    );
    assert_eq!(
        credentials(", qop=auth, nc=00000001"),
        Err(ValueError::Missing("cnonce"))
    );
    assert_eq!(
        credentials(", algorithm=MD5-sess"),
        Err(ValueError::Missing("qop"))
    );
}

#[test]
fn nonce_counts_keep_their_spelling_because_they_are_hashed() {
    let read = credentials(", qop=\"auth\", nc=0000000A, cnonce=\"c\"").unwrap();
    assert_eq!(read.protection.as_ref().map(Protection::nc), Some(10));
    assert!(read.to_string().contains("qop=auth, nc=0000000A"));
}

/// RFC 7616 3.4: `qop`, `nc` and `algorithm` go without quotes, the rest with them.
#[test]
fn credentials_are_written_as_the_grammar_wants_them() {
    let read = credentials(", qop=auth, nc=00000001, cnonce=\"c\", opaque=\"o\"").unwrap();
    assert_eq!(
        read.to_string(),
        format!("{CREDENTIALS}, algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\", opaque=\"o\""),
    );
}

#[test]
fn authentication_info_is_read_and_written() {
    let text = "nextnonce=\"abc\", rspauth=\"00ff\", qop=auth, nc=00000001, cnonce=\"c\"";
    let read = AuthenticationInfo::parse(text.as_bytes()).unwrap();
    assert_eq!(read.nextnonce.as_deref(), Some("abc"));
    assert_eq!(read.to_string(), text);
    assert!(AuthenticationInfo::parse(b"").unwrap().is_empty());
}

#[test]
fn roles_name_their_headers() {
    assert_eq!(Role::Origin.status(), 401);
    assert_eq!(Role::Proxy.status(), 407);
    assert_eq!(Role::Proxy.challenge_header(), "Proxy-Authenticate");
    assert_eq!(Role::Origin.authorization_header(), "Authorization");
    assert_eq!(Role::Proxy.info_header(), "Proxy-Authentication-Info");
}

proptest! {
    #[test]
    fn no_bytes_bring_a_parser_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let digest = [b"Digest ", &bytes[..]].concat();
        for value in [&bytes, &digest] {
            let _ = Challenge::parse(value);
            let _ = Authorization::parse(value);
            let _ = AuthenticationInfo::parse(value);
        }
    }

    #[test]
    fn what_looks_like_a_value_is_read_or_refused_and_reads_again(
        text in "(Digest )?((realm|nonce|qop|nc|cnonce|uri|username|opaque|response|algorithm|stale)\
                 ( ?= ?)([a-zA-Z0-9\\-]{1,8}|\"[ -~]{0,12}\")(, ?)?){0,12}",
    ) {
        let value = text.as_bytes();
        if let Ok(read) = Challenge::parse(value) {
            prop_assert_eq!(Challenge::parse(read.to_string().as_bytes()), Ok(read));
        }
        if let Ok(read) = Authorization::parse(value) {
            prop_assert_eq!(Authorization::parse(read.to_string().as_bytes()), Ok(read));
        }
        if let Ok(read) = AuthenticationInfo::parse(value) {
            prop_assert_eq!(AuthenticationInfo::parse(read.to_string().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn challenges_read_back_as_themselves(
        realm in "[^\\p{Cc}]{1,20}",
        nonce in "[a-zA-Z0-9+/=]{1,40}",
        opaque in prop::option::of("[a-z0-9]{0,10}"),
        session: bool, auth: bool, auth_int: bool, stale: bool,
    ) {
        let made = Challenge {
            realm: realm.into(),
            nonce: nonce.into(),
            opaque: opaque.map(Into::into),
            algorithm: Algorithm { hash: Hash::Sha256, session },
            qops: Qops { auth, auth_int },
            stale,
        };
        prop_assert_eq!(Challenge::parse(made.to_string().as_bytes()), Ok(made));
    }
}
