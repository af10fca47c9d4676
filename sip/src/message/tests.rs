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
