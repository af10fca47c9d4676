//! Who may register, and what he proves it by.

use sip::flow::Transport;
use sip::message::{HeaderName, Status};

use super::super::bench;

#[test]
fn an_account_is_challenged() {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    bench.send(&phone, &phone.register(1, ""));
    let response = bench.response(&phone);
    assert_eq!(response.status(), Status::UNAUTHORIZED);
    let challenges: Vec<_> = response
        .headers()
        .values(HeaderName::WwwAuthenticate)
        .collect();
    assert_eq!(challenges.len(), 2, "SHA-256 and MD5");
}
