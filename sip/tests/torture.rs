//! The torture tests of RFC 4475 (49) and RFC 5118 (12): each message to the byte, with the
//! verdict that its section asks for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "torture/verdicts.rs"]
mod verdicts;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use sip::header::syntax::unquote;
use sip::header::{CSeq, Contact, MaxForwards};
use sip::message::{
    Capabilities, HeaderName, Limits, Message, Method, ParseError, Request, Status, check_request,
    check_response,
};
use sip::uri::unescape;

use verdicts::Verdict::{self, Accept, Drop};
use verdicts::{RFC_4475, RFC_5118, status};

fn directory(rfc: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/torture")
        .join(rfc)
}

fn bytes(rfc: &str, name: &str) -> Vec<u8> {
    let path = directory(rfc).join(format!("{name}.dat"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn request(name: &str) -> Request {
    let parsed = Message::parse(&bytes("rfc4475", name), &Limits::default());
    parsed.unwrap().into_request().unwrap()
}

fn capabilities() -> Capabilities {
    Capabilities {
        methods: vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Register,
            Method::Options,
            Method::Message,
        ],
        extensions: vec!["100rel".to_owned(), "timer".to_owned()],
        content_types: vec!["application/sdp".to_owned()],
        any_content: vec![Method::Message],
        forwards: false,
    }
}

fn verdict(bytes: &[u8]) -> Verdict {
    match Message::parse(bytes, &Limits::default()) {
        Ok(Message::Request(request)) => match check_request(&request, &capabilities()) {
            Ok(()) => Accept,
            Err(rejection) => {
                let response = rejection.response(&request, "tag").unwrap();
                assert_eq!(response.status(), rejection.status);
                status(rejection.status.code())
            }
        },
        Ok(Message::Response(response)) => match check_response(&response) {
            Ok(()) => Accept,
            Err(_) => Drop,
        },
        Err(ParseError::Drop(_)) => Drop,
        Err(ParseError::Reject(rejected)) => {
            let answer = rejected.response("tag");
            let line = format!("SIP/2.0 {} ", rejected.rejection().status);
            assert!(answer.starts_with(line.as_bytes()));
            status(rejected.rejection().status.code())
        }
    }
}

fn check_corpus(rfc: &str, table: &[(&str, Verdict)], count: usize) {
    assert_eq!(table.len(), count, "{rfc} has {count} messages");
    let listed: BTreeSet<_> = table
        .iter()
        .map(|(name, _)| format!("{name}.dat"))
        .collect();
    let there: BTreeSet<_> = fs::read_dir(directory(rfc))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(listed, there);
    let wrong: Vec<_> = table
        .iter()
        .map(|(name, expected)| (*name, *expected, verdict(&bytes(rfc, name))))
        .filter(|(_, expected, found)| expected != found)
        .collect();
    assert_eq!(wrong, [], "(message, the verdict of the RFC, ours)");
}

#[test]
fn s01_each_message_of_rfc_4475_gets_its_verdict() {
    check_corpus("rfc4475", RFC_4475, 49);
}

#[test]
fn s02_each_message_of_rfc_5118_gets_its_verdict() {
    check_corpus("rfc5118", RFC_5118, 12);
}

#[test]
fn s24_a_request_without_hops_goes_no_further() {
    let forwards = Capabilities {
        forwards: true,
        ..capabilities()
    };
    let rejection = check_request(&request("zeromf"), &forwards).unwrap_err();
    assert_eq!(rejection.status, Status::TOO_MANY_HOPS);
}

#[test]
fn what_is_not_supported_is_named_in_the_answer() {
    let rejection = check_request(&request("bext01"), &capabilities()).unwrap_err();
    let tags = "nothingSupportsThis, nothingSupportsThisEither".to_owned();
    assert_eq!(rejection.headers, [(HeaderName::Unsupported, tags)]);
    let rejection = check_request(&request("invut"), &capabilities()).unwrap_err();
    let types = "application/sdp".to_owned();
    assert_eq!(rejection.headers, [(HeaderName::Accept, types)]);
    let rejection = check_request(&request("esc02"), &capabilities()).unwrap_err();
    assert_eq!(rejection.headers[0].0, HeaderName::Allow);
}

#[test]
fn wsinv_is_unfolded_and_read_to_its_last_parameter() {
    let request = request("wsinv");
    assert_eq!(request.cseq(), 9);
    assert_eq!(request.to_tag(), Some(&b"1918181833n"[..]));
    assert_eq!(request.from_tag(), Some(&b"98asjd8"[..]));
    assert_eq!(
        request.from().display_name().as_deref(),
        Some("J Rosenberg \\\"")
    );
    let headers = request.headers();
    assert_eq!(headers.get::<MaxForwards>(), Ok(Some(MaxForwards(68))));
    assert_eq!(headers.value(HeaderName::Subject), Some(&b""[..]));
    let transports: Vec<_> = headers
        .all::<sip::header::Via<'_>>()
        .map(|via| {
            let via = via.unwrap();
            (via.transport, via.host.to_string(), via.branch())
        })
        .collect();
    assert_eq!(
        transports,
        [
            (&b"UDP"[..], "192.0.2.2".to_owned(), Some(&b"390skdjuw"[..])),
            (
                b"TCP",
                "spindle.example.com".to_owned(),
                Some(b"z9hG4bK9ikj8")
            ),
            (b"UDP", "192.168.255.111".to_owned(), Some(b"z9hG4bK30239")),
        ]
    );
    assert!(!request.via().has_rfc3261_branch());
    let unusual: Vec<_> = headers.other("unknownheaderwithunusualvalue").collect();
    assert_eq!(unusual, [b";;,,;;,;"]);
    let Some(Ok(Contact::Addr(contact))) = headers.contacts().next() else {
        panic!("no contact");
    };
    assert_eq!(
        contact.display_name().as_deref(),
        Some("Quoted string \"\"")
    );
    assert_eq!(contact.q_thousandths(), Ok(Some(330)));
    assert_eq!(contact.params().get("secondparam"), Some(None));
    assert_eq!(request.body().len(), 150);
}

#[test]
fn intmeth_keeps_every_byte() {
    let request = request("intmeth");
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(request.method(), &Method::Other(method.into()));
    let to = request.to();
    assert_eq!(
        unquote(to.raw_display().unwrap()).as_ref(),
        b"BEL:\x07 NUL:\0 DEL:\x7f"
    );
    let from = request.from();
    assert_eq!(
        from.raw_display(),
        Some(&b"token1~` token2'+_ token3*%!.-"[..])
    );
    assert_eq!(from.tag(), Some(&b"_token~1'+`*%!-."[..]));
    assert_eq!(
        from.params().text("fromParam''~+*_!.-%").as_deref(),
        Some("работающий")
    );
    assert_eq!(
        request.call_id(),
        b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    );
    let extension: Vec<_> = request
        .headers()
        .other("extensionHeader-!.%*+_`'~")
        .collect();
    assert_eq!(extension, ["\u{feff}大停電".as_bytes()]);
}

#[test]
fn escapes_are_read_where_they_are_escapes_and_nowhere_else() {
    let escaped = request("esc01");
    let user = escaped.to().uri().unwrap();
    let user = user.as_sip().unwrap().user().unwrap();
    assert_eq!(unescape(user).as_ref(), b"user");
    // esc02: a method, a display name and a header name with percent signs in them.
    let plain = request("esc02");
    assert_eq!(plain.method().as_str(), "RE%47IST%45R");
    assert_eq!(plain.to().display_name().as_deref(), Some("%Z%45"));
    assert_eq!(plain.headers().contacts().count(), 2);
    let cseq = plain.headers().get::<CSeq<'_>>().unwrap().unwrap();
    assert_eq!(cseq.method, b"RE%47IST%45R");
    // escnull: two contacts that are not the same.
    let null = request("escnull");
    let uris: Vec<_> = null
        .headers()
        .contacts()
        .map(|contact| contact.unwrap().addr().unwrap().uri().unwrap())
        .collect();
    assert!(!uris[0].equivalent(&uris[1]));
}

#[test]
fn a_datagram_ends_where_content_length_says() {
    let request = request("dblreq");
    assert_eq!(request.method(), &Method::Register);
    assert!(request.body().is_empty());
    assert!(request.as_bytes().ends_with(b"\r\n\r\n"));
    assert!(!request.as_bytes().ends_with(b"LPC\r\n"));
}

#[test]
fn binary_bodies_and_unusual_reasons_are_kept() {
    let message = request("mpart01");
    assert_eq!(message.body().len(), 553);
    assert!(message.body().contains(&0));
    let reason = |name| {
        let parsed = Message::parse(&bytes("rfc4475", name), &Limits::default());
        parsed
            .unwrap()
            .into_response()
            .unwrap()
            .raw_reason()
            .to_vec()
    };
    assert_eq!(reason("noreason"), b"");
    assert_eq!(
        reason("unreason"),
        "= 2**3 * 5**2 но сто девяносто девять - простое".as_bytes()
    );
}
