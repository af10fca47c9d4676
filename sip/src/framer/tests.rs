#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::message::Status;

fn message(call_id: &str, body: &str) -> String {
    format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{call_id}\r\n\
         From: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 MESSAGE\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn drain(framer: &mut StreamFramer) -> Vec<Framed> {
    std::iter::from_fn(|| framer.poll()).collect()
}

fn all_of(opened: Opened, stream: &[u8], cuts: impl Iterator<Item = usize>) -> Vec<Framed> {
    let mut framer = StreamFramer::new(opened, Limits::default());
    let now = begin();
    let mut rest = stream;
    let mut out = Vec::new();
    for cut in cuts {
        let (part, after) = rest.split_at(cut.min(rest.len()));
        framer.push(now, part);
        out.extend(drain(&mut framer));
        rest = after;
    }
    framer.push(now, rest);
    out.extend(drain(&mut framer));
    out
}

/// Some instant to begin with.
#[allow(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn begin() -> Instant {
    Instant::now()
}

fn bodies(framed: &[Framed]) -> Vec<String> {
    framed
        .iter()
        .filter_map(|framed| match framed {
            Framed::Message(Message::Request(request)) => {
                Some(String::from_utf8_lossy(request.body()).into_owned())
            }
            _ => None,
        })
        .collect()
}

fn closed(stream: &str) -> Close {
    let mut framed = all_of(Opened::ByPeer, stream.as_bytes(), std::iter::empty());
    match framed.pop() {
        Some(Framed::Close(close)) if framed.is_empty() => *close,
        other => panic!("{framed:?}, then {other:?}"),
    }
}

#[test]
fn messages_of_one_read_come_one_by_one() {
    let stream = [message("a", "one"), message("b", ""), message("c", "three")].concat();
    let framed = all_of(Opened::ByPeer, stream.as_bytes(), std::iter::empty());
    assert_eq!(bodies(&framed), ["one", "", "three"]);
}

#[test]
fn two_line_ends_ask_for_a_pong_and_one_says_nothing() {
    let stream = format!(
        "\r\n\r\n{}\r\n{}\r\n\r\n",
        message("a", "x"),
        message("b", "y")
    );
    for size in 1..7 {
        let cuts = std::iter::repeat_n(size, stream.len());
        let framed = all_of(Opened::ByPeer, stream.as_bytes(), cuts);
        assert!(
            matches!(
                framed[..],
                [
                    Framed::Ping,
                    Framed::Message(_),
                    Framed::Message(_),
                    Framed::Ping
                ]
            ),
            "{framed:?}"
        );
    }
    let framed = all_of(Opened::ByUs, b"\r\n\r\n", std::iter::empty());
    assert_eq!(framed, [Framed::Pong, Framed::Pong]);
    assert_eq!(whole(PING, &Limits::default()), Framed::Ping);
    assert_eq!(whole(PONG, &Limits::default()), Framed::Pong);
}

#[test]
fn s05_a_content_length_nobody_can_trust_ends_the_stream_with_an_answer() {
    let good = message("a", "body");
    let next = message("smuggled", "");
    for (bad, fault) in [
        (
            good.replace("Content-Length: 4", "Content-Length: 4\r\nl: 9"),
            Fault::Repeated(crate::message::HeaderName::ContentLength),
        ),
        (
            good.replace("Content-Length: 4\r\n", ""),
            Fault::NoContentLength,
        ),
        (
            good.replace("Content-Length: 4", "Content-Length: 99999999"),
            Fault::BodyTooLong,
        ),
        (good.replace("\r\n", "\n"), Fault::LineEnd),
        (
            good.replace("Call-ID: a\r\n", "Call-ID: a\r"),
            Fault::LineEnd,
        ),
    ] {
        let close = closed(&(bad + &next));
        assert_eq!(close.fault, fault);
        let answer = close.answer.unwrap();
        assert_eq!(answer.rejection().status, fault.status());
    }
    for number in ["-4", "+4", "4 4", "0x4", "", "4,4", "99999999999999999999"] {
        let bad = good.replace("Content-Length: 4", &format!("Content-Length: {number}"));
        let close = closed(&(bad + &next));
        assert_eq!(
            close.answer.unwrap().rejection().status,
            Status::BAD_REQUEST
        );
    }
}

#[test]
fn an_invalid_request_of_certain_length_is_answered_and_the_stream_goes_on() {
    let bad = message("a", "body").replace("CSeq: 1 MESSAGE", "CSeq: 1 INVITE");
    let stream = bad + &message("b", "next");
    let framed = all_of(Opened::ByPeer, stream.as_bytes(), std::iter::empty());
    assert!(matches!(
        framed[..],
        [Framed::Rejected(_), Framed::Message(_)]
    ));
}

#[test]
fn what_is_not_sip_is_closed_at_once() {
    assert_eq!(closed("\x16\x03\x01\x02").fault, Fault::NotSip);
    assert_eq!(closed("\nINVITE").fault, Fault::NotSip);
}

#[test]
fn s05_the_rest_of_a_body_is_not_read_as_a_head() {
    // Content-Length said less than there was: what is left takes the next request in.
    let stream = message("a", "body").replace("Content-Length: 4", "Content-Length: 1");
    let stream = format!("{stream}\r\n{}", message("b", "next"));
    let framed = all_of(Opened::ByPeer, stream.as_bytes(), std::iter::empty());
    let [Framed::Message(_), Framed::Close(close)] = &framed[..] else {
        panic!("{framed:?}");
    };
    assert_eq!(close.fault, Fault::NotSip);
    assert_eq!(close.answer, None);
}

#[test]
fn the_buffer_is_bounded_and_a_head_without_end_is_refused() {
    let limits = Limits::default();
    let now = begin();
    let mut framer = StreamFramer::new(Opened::ByPeer, limits);
    let head = message("a", "");
    framer.push(now, head.trim_end_matches("\r\n").as_bytes());
    framer.push(now, b"\r\n");
    assert_eq!(drain(&mut framer), []);
    loop {
        framer.push(now, b"X-Filler: 0123456789\r\n");
        if let Some(framed) = framer.poll() {
            let Framed::Close(close) = framed else {
                panic!("{framed:?}");
            };
            assert_eq!(close.fault, Fault::HeadTooLong);
            assert_eq!(
                close.answer.unwrap().rejection().status,
                Status::MESSAGE_TOO_LARGE
            );
            break;
        }
        assert!(framer.buffered() <= limits.head_bytes);
    }
    assert_eq!(framer.buffered(), 0);
    framer.push(now, message("b", "").as_bytes());
    assert_eq!(framer.poll(), None);
    assert_eq!(framer.buffered(), 0);
}

#[test]
fn s07_a_slow_sender_is_seen_by_its_first_byte() {
    let start = begin();
    let at = |s| start + Duration::from_secs(s);
    let mut framer = StreamFramer::new(Opened::ByPeer, Limits::default());
    assert_eq!(framer.waiting_since(), None);
    framer.push(at(0), b"\r\n\r\n");
    assert_eq!(drain(&mut framer), [Framed::Ping]);
    assert_eq!(framer.waiting_since(), None);
    let text = message("a", "body");
    let (one, two) = text.split_at(20);
    framer.push(at(1), one.as_bytes());
    assert_eq!(framer.poll(), None);
    framer.push(at(5), &two.as_bytes()[..two.len() - 2]);
    assert_eq!(framer.poll(), None);
    assert_eq!(framer.waiting_since(), Some(at(1)));
    // The end of one message and the beginning of the next.
    framer.push(at(6), b"dyMESS");
    assert_eq!(bodies(&drain(&mut framer)), ["body"]);
    assert_eq!(framer.waiting_since(), Some(at(6)));
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z]{1,4}".prop_map(|body| message(&body, &body).into_bytes()),
        1 => Just(message("f", "body").replace("To: <", "To:\r\n  <").into_bytes()),
        1 => Just(message("x", "body").replace("Via", "Via ").into_bytes()),
        1 => Just(message("c", "body").replace("CSeq: 1", "CSeq: x").into_bytes()),
        1 => Just(message("l", "body").replace("\r\n", "\n").into_bytes()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\n".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just(vec![b'a'; 33_000]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_the_stream_is_cut_changes_nothing(
        stream in pieces(),
        cuts in prop::collection::vec(1..200_usize, 0..40),
        ours in any::<bool>(),
    ) {
        let opened = if ours { Opened::ByUs } else { Opened::ByPeer };
        let at_once = all_of(opened, &stream, std::iter::empty());
        let in_parts = all_of(opened, &stream, cuts.into_iter());
        prop_assert_eq!(at_once, in_parts);
    }

    #[test]
    fn byte_by_byte_is_as_good_as_at_once(stream in pieces()) {
        let stream = &stream[..stream.len().min(2_000)];
        let at_once = all_of(Opened::ByPeer, stream, std::iter::empty());
        let in_parts = all_of(Opened::ByPeer, stream, std::iter::repeat_n(1, stream.len()));
        prop_assert_eq!(at_once, in_parts);
    }
}
