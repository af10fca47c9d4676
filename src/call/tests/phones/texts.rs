//! Texts between telephones and pages.

use serde_json::json;
use sip::message::{Method, Status};

use super::super::bench;
use super::is;

#[test]
fn a_text_of_a_telephone_reaches_a_page() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    let message = phone.text("carol", "Lunch?");
    bench.send(&phone, &message);
    assert_eq!(bench.response(&phone).status(), Status::OK);
    let frames = bench.take(page);
    let data = &frames[0]["data"][0];
    assert_eq!(data["payload"]["from"], "1001", "{data}");
    assert_eq!(data["payload"]["body"], "Lunch?");
    assert_eq!(data["payload"]["contentType"], "text/plain");
}

#[test]
fn a_text_of_a_page_reaches_a_telephone() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    let payload = json!({ "type": "sipMessage", "to": "1001", "body": "At noon." });
    bench.say(
        page,
        "sendData",
        json!({ "operationId": "1", "payload": payload }),
    );
    let message = bench.request(&phone);
    assert!(is(&message, &Method::Message));
    assert_eq!(message.body(), b"At noon.");
    let from = message.from().uri().unwrap();
    assert_eq!(from.as_str(), "sip:carol@example.org");
}

#[test]
fn a_text_to_nobody_is_refused() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    bench.send(&phone, &phone.text("nobody", "Hello?"));
    assert_eq!(bench.response(&phone).status(), Status::NOT_FOUND);
    bench.send(&phone, &phone.text("alice", "Hello?"));
    assert_eq!(
        bench.response(&phone).status(),
        Status::TEMPORARILY_UNAVAILABLE
    );
}
