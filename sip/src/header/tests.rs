#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Debug;

use proptest::prelude::*;

use super::syntax::Values;
use super::*;

/// Reads a value, writes it and reads it again.
fn again<'a, H: Header<'a> + WriteHeader + Debug>(value: &'a str) -> String {
    let header = H::read(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"));
    let mut out = Vec::new();
    header.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn refused<'a, H: Header<'a>>(value: &'a str) -> Malformed {
    H::read(value.as_bytes())
        .err()
        .unwrap_or_else(|| panic!("{value} was taken"))
}

#[test]
fn what_is_read_is_written_again_as_it_was() {
    let via = "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;received=192.0.2.1;rport=5";
    assert_eq!(again::<Via<'_>>(via), via);
    let expires = "1800;refresher=uas";
    assert_eq!(again::<SessionExpires>(expires), expires);
    let replaces = "98732@sip.example.com;to-tag=r33;from-tag=f12;early-only";
    assert_eq!(again::<Replaces<'_>>(replaces), replaces);
    assert_eq!(again::<RAck<'_>>("776656 1 INVITE"), "776656 1 INVITE");
    assert_eq!(again::<CSeq<'_>>("4711 INVITE"), "4711 INVITE");
    assert_eq!(again::<Event<'_>>("refer;id=93809824"), "refer;id=93809824");
    let state = "terminated;reason=noresource";
    assert_eq!(again::<SubscriptionState<'_>>(state), state);
    let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
    assert_eq!(again::<Reason<'_>>(reason), reason);
    let warning = "399 callbox \"no \\\"common\\\" codec\"";
    assert_eq!(again::<Warning<'_>>(warning), warning);
    let content = "multipart/mixed;boundary=\"a b\"";
    assert_eq!(again::<ContentType<'_>>(content), content);
    assert_eq!(
        again::<Disposition<'_>>("session;handling=optional"),
        "session;handling=optional"
    );
    let date = "Sat, 13 Nov 2010 23:29:00 GMT";
    assert_eq!(again::<Date>(date), date);
    assert_eq!(again::<MinSe>("90"), "90");
    assert_eq!(again::<RetryAfter>("18000"), "18000");
    assert_eq!(again::<MaxForwards>("0"), "0");
    assert_eq!(again::<ReferSub>("False;a=b"), "false");
    assert_eq!(again::<ReferSub>("true"), "true");
}

#[test]
fn rfc3261_7_3_1_white_space_around_the_parts_means_nothing() {
    assert_eq!(
        again::<Via<'_>>("SIP / 2.0 / TCP  a.example.com : 5061 ;branch=z9hG4bKx"),
        "SIP/2.0/TCP a.example.com:5061;branch=z9hG4bKx"
    );
    assert_eq!(again::<CSeq<'_>>("4711 \t INVITE"), "4711 INVITE");
    assert_eq!(
        again::<ContentType<'_>>("application / sdp"),
        "application/sdp"
    );
}

#[test]
fn numbers_beyond_their_range_are_refused_and_not_wrapped() {
    assert_eq!(refused::<MaxForwards>("256"), Malformed::Range);
    assert_eq!(refused::<Expires>("4294967296"), Malformed::Range);
    assert_eq!(
        refused::<Expires>("99999999999999999999999"),
        Malformed::Range
    );
    assert_eq!(refused::<Expires>("-1"), Malformed::Grammar);
    assert_eq!(refused::<CSeq<'_>>("4294967296 INVITE"), Malformed::Range);
    assert_eq!(refused::<RAck<'_>>("1 1"), Malformed::Grammar);
    assert_eq!(refused::<Via<'_>>("SIP/2.0/UDP a:65536"), Malformed::Range);
}

#[test]
fn what_decides_where_an_answer_goes_has_to_be_right() {
    for params in ["received=somewhere", "rport=99999", "ttl=256", "maddr=a b"] {
        refused::<Via<'_>>(&format!("SIP/2.0/UDP a;branch=z9hG4bKx;{params}"));
    }
    let bare = "SIP/2.0/UDP a;received=2001:db8::9:255";
    let via = Via::read(bare.as_bytes()).unwrap();
    assert_eq!(
        via.received(),
        Some("2001:db8::9:255".parse().unwrap()),
        "RFC 5118 4.5"
    );
}

#[test]
fn rfc3891_6_1_replaces_has_each_tag_exactly_once() {
    refused::<Replaces<'_>>("a@b;to-tag=1");
    refused::<Replaces<'_>>("a@b;to-tag=1;to-tag=2;from-tag=3");
    refused::<Replaces<'_>>("a@b;to-tag=1;from-tag=2;from-tag=3");
}

#[test]
fn rfc3261_20_17_dates_are_in_gmt_and_exist() {
    let date = |text: &'static str| Date::read(text.as_bytes());
    assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT").unwrap().unix_s, 0);
    assert_eq!(
        date("Tue, 29 Feb 2000 12:00:00 GMT").unwrap().unix_s,
        951_825_600
    );
    assert!(date("Thu, 29 Feb 2001 12:00:00 GMT").is_err());
    assert!(date("Fri, 01 Jan 2010 16:00:00 EST").is_err());
    assert!(date("Thu, 01 Jan 1970 24:00:00 GMT").is_err());
}

#[test]
fn an_address_keeps_its_display_name_its_uri_and_its_own_parameters_apart() {
    let value =
        b"\"J \\\"Rosenberg\\\" \\\\\" <sip:j@example.com;lr?a=b>;tag=98asjd8;q=0.25;expires=60";
    let addr = NameAddr::read(value).unwrap();
    assert_eq!(addr.display_name().as_deref(), Some("J \"Rosenberg\" \\"));
    assert_eq!(addr.raw_uri(), b"sip:j@example.com;lr?a=b");
    assert_eq!(addr.tag(), Some(&b"98asjd8"[..]));
    assert_eq!(
        (addr.q_thousandths(), addr.expires_s()),
        (Ok(Some(250)), Ok(Some(60)))
    );
    let mut out = Vec::new();
    addr.write(&mut out);
    assert_eq!(out, value);
    // 20.10: without brackets, what follows the semicolon is the header's.
    let bare = NameAddr::read(b"sip:j@example.com;tag=1").unwrap();
    assert_eq!(
        (bare.raw_uri(), bare.tag()),
        (&b"sip:j@example.com"[..], Some(&b"1"[..]))
    );
    for broken in [
        "<sip:a@b",
        "\"open <sip:a@b>",
        "sip:a@b?c=d",
        "<sip:a@b>;tag=",
        "<>",
    ] {
        assert!(NameAddr::read(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn commas_part_values_only_outside_of_quotes_and_brackets() {
    let row = b"\"a, b\" <sip:x@y;m=1,2>, <sip:z@y> ,\t*";
    let values: Vec<_> = Values::new(row).collect();
    assert_eq!(
        values,
        [&b"\"a, b\" <sip:x@y;m=1,2>"[..], b"<sip:z@y>", b"*"]
    );
}

#[test]
fn s26_a_display_name_does_not_break_out_of_its_quotes_or_line() {
    let uri = crate::uri::Uri::parse("sip:a@b").unwrap();
    let addr = OwnAddr::new("x\" <sip:evil@e>\r\nEvil: 1", &uri);
    let read = NameAddr::read(addr.as_bytes()).unwrap();
    assert_eq!(read.raw_uri(), b"sip:a@b");
    assert_eq!(
        read.display_name().as_deref(),
        Some("x\" <sip:evil@e>Evil: 1")
    );
}

#[test]
fn rfc3261_20_10_parameters_have_a_limit() {
    let many = |count| ";a=b".repeat(count);
    assert!(Params::read(many(params::MAX_PARAMS).as_bytes()).is_ok());
    assert_eq!(
        Params::read(many(params::MAX_PARAMS + 1).as_bytes()),
        Err(Malformed::Range)
    );
}

#[test]
fn rfc3261_25_1_white_space_stands_around_the_marks_of_parameters_and_nowhere_else() {
    let read = |text: &'static str| {
        let params = Params::read(text.as_bytes())?;
        Ok(params
            .iter()
            .map(|(name, value)| {
                let text = |bytes| std::str::from_utf8(bytes).unwrap();
                (text(name), value.map(text))
            })
            .collect::<Vec<_>>())
    };
    assert_eq!(
        read(" ; lr\t;a = b ; q=\"c;d=\\\"e\" ;f=[::1];g=x/y@z=="),
        Ok(vec![
            ("lr", None),
            ("a", Some("b")),
            ("q", Some("\"c;d=\\\"e\"")),
            ("f", Some("[::1]")),
            ("g", Some("x/y@z==")),
        ])
    );
    for wrong in [
        "a",
        ";",
        ";;a",
        ";a;",
        ";=b",
        ";a=",
        ";a= ;b",
        ";a b",
        ";a=b c",
        ";a=b\"c\"",
        ";a=\"b\"c",
        ";a=b,c",
        ";a=<b>",
        ";a=b\\",
        ";\u{e9}=b",
        ";a=\u{e9}",
        ";a@b=c",
    ] {
        assert_eq!(read(wrong), Err(Malformed::Grammar), "{wrong}");
    }
    for open in [";a=\"b", ";a=\"b\\\""] {
        assert_eq!(read(open), Err(Malformed::Unbalanced), "{open}");
    }
}

/// What every reader does with a value: it refuses it, or writes something that it reads as the
/// same again.
fn settles<'a, H: Header<'a> + WriteHeader>(value: &'a [u8]) -> Option<Vec<u8>> {
    let header = H::read(value).ok()?;
    let mut out = Vec::new();
    header.write(&mut out);
    Some(out)
}

macro_rules! settled {
    ($value:expr; $($header:ty),*) => {
        $(if let Some(once) = settles::<$header>($value) {
            let twice = settles::<$header>(&once);
            prop_assert_eq!(twice.as_ref(), Some(&once), "{}", stringify!($header));
        })*
    };
}

proptest! {
    #[test]
    fn no_value_panics_a_reader_and_what_is_taken_can_be_written_and_read_again(
        value in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "[ -~\t]{0,60}".prop_map(String::into_bytes),
            "SIP/2.0/[A-Z]{2,4} [a-z:0-9.\\[\\]]{1,12}(;[a-z]{1,8}(=[a-z0-9\"]{1,6})?){0,4}"
                .prop_map(String::into_bytes),
            "[a-zA-Z0-9/@ ]{1,16}(;[a-z-]{1,8}(=[a-z0-9\"\\\\ ]{1,6})?){0,4}"
                .prop_map(String::into_bytes),
        ],
    ) {
        settled!(&value; Via<'_>, SessionExpires, MinSe, RetryAfter, RAck<'_>, CSeq<'_>,
            Event<'_>, SubscriptionState<'_>, Reason<'_>, ContentType<'_>, Disposition<'_>, Date,
            MaxForwards, Expires, RSeq, ReferSub);
        let _ = settles::<Warning<'_>>(&value);
        let _ = settles::<Replaces<'_>>(&value);
        let _ = Contact::read(&value).map(|contact| contact.addr().map(NameAddr::uri));
        prop_assert!(Values::new(&value).count() <= value.len() + 1);
    }

    #[test]
    fn a_name_is_read_as_it_was_given(name in "[^\r\n\0]{1,40}") {
        let uri = crate::uri::Uri::parse("sip:a@b").unwrap();
        let addr = OwnAddr::new(&name, &uri).tag("t");
        let read = NameAddr::read(addr.as_bytes()).unwrap();
        let plain = read.display_name();
        prop_assert_eq!(plain.as_deref(), Some(name.as_str()));
        prop_assert_eq!(read.tag(), Some(&b"t"[..]));
    }
}
