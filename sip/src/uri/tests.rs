#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

fn sip(text: &str) -> SipUri {
    match Uri::parse(text) {
        Ok(Uri::Sip(uri)) => uri,
        other => panic!("{text} is {other:?}"),
    }
}

fn tel(text: &str) -> TelUri {
    match Uri::parse(text) {
        Ok(Uri::Tel(uri)) => uri,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn the_parts_of_a_full_uri_are_found_and_the_text_is_kept() {
    let text =
        "SIPS:al%69ce:s3c:ret@Example.COM.:5061;transport=TCP;lr;x=%20?Subject=Hi%21&To=sip:b%40c";
    // A colon may not stand in a password.
    assert_eq!(Uri::parse(text), Err(UriError::User));

    let text = text.replace("s3c:ret", "s3c&ret");
    let uri = sip(&text);
    assert_eq!(uri.as_str(), text);
    assert_eq!(uri.to_string(), text);
    assert_eq!(uri.scheme(), "SIPS");
    assert!(uri.is_secure());
    assert_eq!(uri.user(), Some("al%69ce"));
    assert_eq!(unescape(uri.user().unwrap()).as_ref(), b"alice");
    assert_eq!(uri.password(), Some("s3c&ret"));
    assert_eq!(uri.host(), &Host::Name("example.com".into()));
    assert_eq!(uri.port(), Some(5061));
    let params: Vec<_> = uri.params().collect();
    assert_eq!(
        params,
        [("transport", Some("TCP")), ("lr", None), ("x", Some("%20"))]
    );
    assert_eq!(uri.param("Transport"), Some(Some("TCP")));
    assert_eq!(uri.param("LR"), Some(None));
    assert_eq!(uri.param("maddr"), None);
    let headers: Vec<_> = uri.headers().collect();
    assert_eq!(headers, [("Subject", "Hi%21"), ("To", "sip:b%40c")]);
}

#[test]
fn a_host_alone_is_a_uri_without_user() {
    let uri = sip("sip:registrar.example.com");
    assert_eq!((uri.user(), uri.password(), uri.port()), (None, None, None));
    assert_eq!(uri.params().count() + uri.headers().count(), 0);
    assert!(!uri.is_secure());
}

#[test]
fn ipv6_hosts_are_read_as_rfc_5118_shows_them() {
    let address: Ipv6Addr = "2001:db8::10".parse().unwrap();
    // 4.1, 4.3: a port needs the brackets before it.
    let uri = sip("sip:[2001:db8::10]");
    assert_eq!((uri.host(), uri.port()), (&Host::V6(address), None));
    let uri = sip("sip:user@[2001:db8::10]:5070;lr");
    assert_eq!((uri.host(), uri.port()), (&Host::V6(address), Some(5070)));
    assert_eq!(uri.param("lr"), Some(None));
    // 4.3: inside the brackets it is a part of the address.
    let inside: Ipv6Addr = "2001:db8::10:5070".parse().unwrap();
    let uri = sip("sip:[2001:db8::10:5070]");
    assert_eq!((uri.host(), uri.port()), (&Host::V6(inside), None));
    // 4.2: without brackets it is no host.
    assert!(matches!(
        Uri::parse("sip:2001:db8::10"),
        Err(UriError::Host | UriError::Port)
    ));
    // 4.9: an IPv4 address may stand at its end; 4.10: three colons before it are two.
    sip("sip:user@[::ffff:192.0.2.10]");
    let three = sip("sip:user@[2001:db8:::192.0.2.1]");
    let two = sip("sip:user@[2001:db8::192.0.2.1]");
    assert_eq!(three.host(), two.host());
    assert!(three.equivalent(&two));
    for broken in [
        "sip:[::1",
        "sip:::1]",
        "sip:[]",
        "sip:[::1%25eth0]",
        "sip:[1.2.3.4]",
        "sip:[2001:db8:::1]",
        "sip:[2001:db8::::192.0.2.1]",
        "sip:[2001::db8:::192.0.2.1]",
        "sip:[::1]x",
    ] {
        assert!(Uri::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn rfc_4475_valid_uris_are_taken_as_they_are() {
    // wsinv, intmeth: each character that may stand there.
    let uri = sip("sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(uri.param("unknownparam"), Some(None));
    let uri = sip(
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
    );
    assert_eq!(
        uri.user(),
        Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    );
    assert_eq!(
        uri.password(),
        Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    );
    // esc01: escapes in users and parameters, and an escaped percent sign.
    let uri = sip("sip:sips%3Auser%40example.com@example.net");
    assert_eq!(
        unescape(uri.user().unwrap()).as_ref(),
        b"sips:user@example.com"
    );
    let uri = sip("sip:%75se%72@example.com");
    assert_eq!(unescape(uri.user().unwrap()).as_ref(), b"user");
    let uri = sip("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31");
    assert_eq!(uri.param("lr"), Some(None));
    assert_eq!(
        unescape(uri.param("name").unwrap().unwrap()).as_ref(),
        b"value%41"
    );
    // escnull
    let uri = sip("sip:null-%00-null@example.com");
    assert_eq!(unescape(uri.user().unwrap()).as_ref(), b"null-\0-null");
    // regescrt: a header in it.
    let uri = sip("sip:user@example.com?Route=%3Csip:sip.example.com%3E");
    assert_eq!(
        uri.headers().collect::<Vec<_>>(),
        [("Route", "%3Csip:sip.example.com%3E")]
    );
    // semiuri: a semicolon in the user part begins no parameter.
    let uri = sip("sip:user;par=u%40example.net@example.com");
    assert_eq!(uri.user(), Some("user;par=u%40example.net"));
    assert_eq!(uri.params().count(), 0);
    // transports: one that nobody has.
    assert_eq!(
        sip("sip:u@h.com;transport=UNKNOWN").param("transport"),
        Some(Some("UNKNOWN"))
    );
    // unkscm, novelsc: schemes that are not ours.
    for (text, scheme) in [
        (
            "nobodyKnowsThisScheme:totallyopaquecontent",
            "nobodyKnowsThisScheme",
        ),
        ("soap.beep://192.0.2.103:3002", "soap.beep"),
        ("http://www.example.com", "http"),
    ] {
        let uri = Uri::parse(text).unwrap();
        assert!(matches!(uri, Uri::Other(_)));
        assert_eq!((uri.scheme(), uri.as_str()), (scheme, text));
    }
}

#[test]
fn rfc_4475_invalid_uris_are_refused() {
    for (text, error) in [
        // ltgtruri: angle brackets around the Request-URI.
        ("<sip:user@example.com>", UriError::Character),
        // lwsruri: white space within it.
        ("sip:user@example.com; lr", UriError::Character),
        // esc02: percent signs that begin no escape.
        ("sip:%Z%45@example.com", UriError::Character),
        ("sip:user%4@example.com", UriError::Character),
        ("sip:user%", UriError::Character),
        // A header whose brackets are not escaped.
        (
            "sip:user@example.com?Route=<sip:example.com>",
            UriError::Character,
        ),
        ("sip:\u{e9}@example.com", UriError::Character),
        ("sip:a\r\nb@example.com", UriError::Character),
        ("", UriError::Scheme),
        ("alice", UriError::Scheme),
        ("1a:b", UriError::Scheme),
        ("a:", UriError::Scheme),
        ("sip:@example.com", UriError::User),
        ("sip:a@b@c", UriError::Host),
        ("sip:", UriError::Host),
        ("sip:a@", UriError::Host),
        ("sip:a@-b.com", UriError::Host),
        ("sip:a@b..com", UriError::Host),
        ("sip:a@1.2.3.400", UriError::Host),
        ("sip:a@b:", UriError::Port),
        ("sip:a@b:+5", UriError::Port),
        ("sip:a@b:65536", UriError::Port),
        ("sip:a@b;", UriError::Parameter),
        ("sip:a@b;;lr", UriError::Parameter),
        ("sip:a@b;=x", UriError::Parameter),
        ("sip:a@b;x=", UriError::Parameter),
        ("sip:a@b;lr;LR", UriError::Parameter),
        ("sip:a@b;l%72;lr", UriError::Parameter),
        ("sip:a@b?", UriError::Header),
        ("sip:a@b?x", UriError::Header),
        ("sip:a@b?=x", UriError::Header),
    ] {
        assert_eq!(Uri::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn limits_hold() {
    let long = format!("sip:{}@example.com", "a".repeat(MAX_URI_BYTES));
    assert_eq!(Uri::parse(&long), Err(UriError::TooLong));
    let params = |n: usize| (0..n).map(|i| format!(";p{i}")).collect::<String>();
    assert!(Uri::parse(&format!("sip:h.com{}", params(MAX_URI_FIELDS))).is_ok());
    let many = format!("sip:h.com{}", params(MAX_URI_FIELDS + 1));
    assert_eq!(Uri::parse(&many), Err(UriError::TooManyFields));
    let many = format!("sip:h.com?{}", vec!["h=v"; MAX_URI_FIELDS + 1].join("&"));
    assert_eq!(Uri::parse(&many), Err(UriError::TooManyFields));
    let many = format!("tel:+1{}", params(MAX_URI_FIELDS + 1));
    assert_eq!(Uri::parse(&many), Err(UriError::TooManyFields));
    assert!(Host::parse(&format!("{}.com", "a".repeat(63))).is_ok());
    assert!(Host::parse(&format!("{}.com", "a".repeat(64))).is_err());
    assert!(Host::parse(&vec!["abcd"; 51].join(".")).is_err());
}

#[test]
fn equality_is_that_of_rfc_3261_19_1_4() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlANta.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
    ] {
        assert!(sip(a).equivalent(&sip(b)), "{a} and {b}");
        assert!(sip(b).equivalent(&sip(a)), "{b} and {a}");
        assert_ne!(sip(a), sip(b));
    }
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:carol@chicago.com", "sips:carol@chicago.com"),
        ("sip:carol@chicago.com", "sip:chicago.com"),
        ("sip:carol:pw@chicago.com", "sip:carol@chicago.com"),
        ("sip:carol:pw@chicago.com", "sip:carol:PW@chicago.com"),
        ("sip:c@chicago.com?a=1&a=1", "sip:c@chicago.com?a=1&a=2"),
        // An escaped reserved character is not the plain one.
        ("sip:a%3Bb@chicago.com", "sip:a;b@chicago.com"),
    ] {
        assert!(!sip(a).equivalent(&sip(b)), "{a} and {b}");
        assert!(!sip(b).equivalent(&sip(a)), "{b} and {a}");
    }
}

#[test]
fn telephone_numbers_are_read_as_rfc_3966_writes_them() {
    let uri = tel("tel:+1-201-555-0123;ext=7");
    assert_eq!(uri.number(), "+12015550123");
    assert!(uri.is_global());
    assert_eq!(uri.param("EXT"), Some(Some("7")));
    let local = tel("TEL:7042;phone-context=example.com");
    assert_eq!(local.number(), "7042");
    assert!(!local.is_global());
    tel("tel:863-1234;phone-context=+1-914-555");
    assert!(uri.equivalent(&tel("tel:+1(201)555.0123;EXT=7")));
    assert!(!uri.equivalent(&tel("tel:+12015550123")));
    assert!(!uri.equivalent(&tel("tel:+12015550123;ext=8")));
    for (text, error) in [
        ("tel:7042", UriError::Number),
        ("tel:+", UriError::Number),
        ("tel:", UriError::Number),
        ("tel:+44x", UriError::Number),
        ("tel:--;phone-context=a", UriError::Number),
        ("tel:+1;", UriError::Parameter),
        ("tel:+1;a=1;A=2", UriError::Parameter),
    ] {
        assert_eq!(Uri::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_plain_user_part_survives_being_written_and_read() {
    let host = Host::parse("example.com").unwrap();
    let uri = SipUri::new("a b@c:%é", &host, Some(5080)).unwrap();
    assert_eq!(uri.as_str(), "sip:a%20b%40c%3A%25%C3%A9@example.com:5080");
    assert_eq!(
        unescape(uri.user().unwrap()).as_ref(),
        "a b@c:%é".as_bytes()
    );
    assert_eq!(SipUri::new("", &host, None), Err(UriError::User));
    let v6 = Host::parse("[::1]").unwrap();
    assert_eq!(SipUri::new("a", &v6, None).unwrap().as_str(), "sip:a@[::1]");
}

/// Text of the pieces URIs are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sip:".to_owned()),
        Just("tel:+".to_owned()),
        "[a-zA-Z0-9.@:;=?&%\\[\\]+-]{0,8}",
        "%[0-9A-F]{2}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_is_a_panic_and_a_uri_says_its_text_again(text in pieces()) {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert_eq!(uri.as_str(), text.as_str());
            prop_assert!(uri.equivalent(&uri));
            prop_assert_eq!(Uri::parse(uri.as_str()).unwrap(), uri);
        }
    }

    #[test]
    fn a_sip_uri_is_the_sum_of_its_parts(
        user in "[a-zA-Z0-9;?/&=+$,_.!~*'()-]{1,12}",
        host in "[a-z]([a-z0-9-]{0,6}[a-z0-9])?\\.[a-z]{2,5}",
        port in any::<Option<u16>>(),
        param in prop::option::of("[a-z]{1,5}(=[a-z0-9:/&+$\\[\\]]{1,5})?"),
        header in prop::option::of("[a-z]{1,5}=[a-z0-9:/?+$\\[\\]]{0,5}"),
    ) {
        let port_text = port.map_or_else(String::new, |port| format!(":{port}"));
        let param_text = param.as_ref().map_or_else(String::new, |param| format!(";{param}"));
        let header_text = header.as_ref().map_or_else(String::new, |header| format!("?{header}"));
        let text = format!("sip:{user}@{host}{port_text}{param_text}{header_text}");
        let uri = sip(&text);
        prop_assert_eq!(uri.user(), Some(user.as_str()));
        prop_assert_eq!(uri.host().to_string(), host);
        prop_assert_eq!(uri.port(), port);
        prop_assert_eq!(uri.params().count(), usize::from(param.is_some()));
        prop_assert_eq!(uri.headers().count(), usize::from(header.is_some()));
    }

    #[test]
    fn any_user_part_survives_escaping(user in "\\PC{1,20}") {
        let uri = SipUri::new(&user, &Host::parse("h.org").unwrap(), None).unwrap();
        let plain = unescape(uri.user().unwrap());
        prop_assert_eq!(plain.as_ref(), user.as_bytes());
    }

    #[test]
    fn equivalence_is_symmetric(a in pieces(), b in pieces()) {
        if let (Ok(a), Ok(b)) = (Uri::parse(&a), Uri::parse(&b)) {
            prop_assert_eq!(a.equivalent(&b), b.equivalent(&a));
        }
    }
}

#[test]
fn rfc3261_19_1_1_a_request_uri_has_no_headers_and_no_method() {
    let request_uri = |text: &str| {
        let uri = Uri::parse(text).unwrap();
        uri.as_sip().unwrap().to_request_uri().as_str().to_owned()
    };
    for (text, expected) in [
        ("sip:a@b", "sip:a@b"),
        ("sip:a?b@c?Replaces=x", "sip:a?b@c"),
        (
            "sip:a;m=1@b:5;x=1;method=INVITE;lr?q=1",
            "sip:a;m=1@b:5;x=1;lr",
        ),
        ("sips:b;%6dethod=BYE", "sips:b"),
        ("sip:b;method=INVITE", "sip:b"),
    ] {
        assert_eq!(request_uri(text), expected);
    }
}

#[test]
fn what_is_escaped_as_a_header_is_read_as_it_was() {
    let plain = b"a@b;to-tag=1;from-tag=\"?&=%\r\n";
    let text = format!("sip:a@b?Replaces={}", escape_header(plain));
    let uri = Uri::parse(&text).unwrap();
    let (_, value) = uri.as_sip().unwrap().headers().next().unwrap();
    assert_eq!(&*unescape(value), plain);
}
