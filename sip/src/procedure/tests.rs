//! What the tests of procedures begin with: messages between Alice, who called, and Bob.

use std::time::{Duration, Instant};

use crate::dialog::Dialog;
use crate::message::{Limits, Message, Request, RequestBuilder, Response};

pub(super) fn message(text: &str) -> Message {
    Message::parse(text.replace('\n', "\r\n").as_bytes(), &Limits::default()).unwrap()
}

/// A request of Alice to Bob; `to_tag` is empty outside of a dialog.
pub(super) fn request(method: &str, cseq: u32, to_tag: &str, rows: &str, body: &str) -> Request {
    let to_tag = if to_tag.is_empty() {
        String::new()
    } else {
        format!(";tag={to_tag}")
    };
    let length = body.replace('\n', "\r\n").len();
    let text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK{cseq}\n\
         Max-Forwards: 70\nFrom: <sip:alice@example.com>;tag=al\nTo: <sip:bob@example.com>{to_tag}\n\
         Contact: <sip:alice@192.0.2.1>\nCall-ID: c1\nCSeq: {cseq} {method}\n{rows}\
         Content-Length: {length}\n\n{body}"
    );
    message(&text).into_request().unwrap()
}

/// A response of Bob to Alice.
pub(super) fn response(status: u16, cseq: &str, rows: &str, body: &str) -> Response {
    let length = body.replace('\n', "\r\n").len();
    let text = format!(
        "SIP/2.0 {status} Whatever\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\n\
         From: <sip:alice@example.com>;tag=al\nTo: <sip:bob@example.com>;tag=bo\n\
         Contact: <sip:bob@192.0.2.4>\nCall-ID: c1\nCSeq: {cseq}\n{rows}\
         Content-Length: {length}\n\n{body}"
    );
    message(&text).into_response().unwrap()
}

/// The dialog of `INVITE` 1, at Alice and at Bob.
pub(super) fn dialogs() -> (Dialog, Dialog) {
    let invite = request("INVITE", 1, "", "", "");
    let ok = response(200, "1 INVITE", "", "");
    let alice = Dialog::of_response(invite.cseq(), &ok).unwrap();
    (alice, Dialog::of_request(&invite, &ok).unwrap())
}

pub(super) fn sent(builder: RequestBuilder) -> Request {
    builder.via("UDP", "x", "z9hG4bKx").build().unwrap()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one moment that tests begin at"
)]
pub(super) fn start() -> Instant {
    Instant::now()
}

pub(super) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
