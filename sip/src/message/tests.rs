#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const OPTIONS: &str = "OPTIONS sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5066;branch=z9hG4bKabc;rport\r\n\
    v: SIP/2.0/TCP a.example.com;branch=z9hG4bKdef\r\n\
    Max-Forwards: 70\r\n\
    f: \"Alice\" <sip:alice@example.com>;tag=1\r\n\
    To: <sip:bob@example.com>\r\n\
    i: 1@192.0.2.1\r\n\
    CSeq: 7 OPTIONS\r\n\
    X-Kept : a,\r\n  b\r\n\
    l: 4\r\n\r\nbody";

pub(super) fn request(text: &str) -> Request {
    match Message::parse(text.as_bytes(), &Limits::default()) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_indexed_and_its_core_is_read() {
    let request = request(OPTIONS);
    assert_eq!(request.method(), &Method::Options);
    assert_eq!(request.raw_uri(), b"sip:bob@example.com");
    assert_eq!(request.branch(), Some(&b"z9hG4bKabc"[..]));
    assert_eq!(request.via().rport(), Some(None));
    assert_eq!(request.headers().values(HeaderName::Via).count(), 2);
    assert_eq!(request.from_tag(), Some(&b"1"[..]));
    assert_eq!(request.to_tag(), None);
    assert_eq!(request.call_id(), b"1@192.0.2.1");
    assert_eq!(request.cseq(), 7);
    assert_eq!(request.body(), b"body");
    let kept: Vec<_> = request.headers().other("x-kept").collect();
    assert_eq!(kept, [b"a,    b"]);
}

#[test]
fn a_response_has_what_the_request_had_and_says_where_it_came_from() {
    let mut request = request(OPTIONS);
    request.set_source("198.51.100.7:6000".parse().unwrap());
    let response = ResponseBuilder::new(&request, Status::OK)
        .to_tag("xyz")
        .value(HeaderName::Allow, "INVITE, ACK")
        .body("text/plain", "hi")
        .build()
        .unwrap();
    assert_eq!(
        std::str::from_utf8(response.as_bytes()).unwrap(),
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5066;branch=z9hG4bKabc;received=198.51.100.7;rport=6000\r\n\
         Via: SIP/2.0/TCP a.example.com;branch=z9hG4bKdef\r\n\
         From: \"Alice\" <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>;tag=xyz\r\n\
         Call-ID: 1@192.0.2.1\r\n\
         CSeq: 7 OPTIONS\r\n\
         Allow: INVITE, ACK\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: 2\r\n\r\nhi"
    );
}

#[test]
fn s26_no_value_becomes_a_header_of_its_own() {
    let request = request(OPTIONS);
    let injected =
        ResponseBuilder::new(&request, Status::OK).value(HeaderName::Server, "a\r\nEvil: 1");
    assert!(matches!(
        injected.build(),
        Err(BuildError::Injection(HeaderName::Server))
    ));
    let named = ResponseBuilder::new(&request, Status::OK).other("Evil: 1\r\nX", "a");
    assert!(matches!(named.build(), Err(BuildError::Injection(_))));
    assert!(
        ResponseBuilder::new(&request, Status::OK)
            .reason("a\r\nb")
            .build()
            .is_err()
    );
}

#[test]
fn each_limit_is_answered_with_its_own_status() {
    let status = |text: String| match Message::parse(text.as_bytes(), &Limits::default()) {
        Err(ParseError::Reject(rejected)) => rejected.rejection().status.code(),
        other => panic!("{other:?}"),
    };
    let with = |rows: &str| OPTIONS.replace("l: 4", &format!("{rows}l: 4"));
    assert_eq!(status(with(&"X: y\r\n".repeat(200))), 513);
    assert_eq!(status(with(&format!("X: {}\r\n", "y".repeat(9_000)))), 513);
    assert_eq!(
        status(with(&"Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\n".repeat(80))),
        483
    );
    let long = OPTIONS.replacen("sip:bob@", &format!("sip:{}@", "b".repeat(9_000)), 1);
    assert_eq!(status(long), 414);
}

proptest::proptest! {
    #[test]
    fn s03_damaged_messages_are_taken_answered_or_dropped_and_never_panic(
        cuts in proptest::collection::vec((0..OPTIONS.len(), proptest::prelude::any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = OPTIONS.as_bytes().to_vec();
        for (at, byte, how) in cuts {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        match Message::parse(&bytes, &Limits::default()) {
            // What is taken is taken again in the form in which it would be sent.
            Ok(message) => {
                let again = Message::parse(message.as_bytes(), &Limits::default());
                proptest::prop_assert_eq!(again.unwrap(), message);
            }
            Err(ParseError::Reject(rejected)) => {
                let status = rejected.rejection().status.code();
                proptest::prop_assert!((400..700).contains(&status));
                proptest::prop_assert!(rejected.response("t").starts_with(b"SIP/2.0 "));
            }
            Err(ParseError::Drop(_)) => {}
        }
    }
}
