//! Who may register, and what he proves it by.

use sip::digest::Hash;
use sip::flow::Transport;
use sip::message::{HeaderName, Limits, Message, Status};

use super::super::{Bench, FlowEnd, Input, OFFER_AUDIO, bench, config};
use super::credentials;
use crate::call::config::SwitchConfig;

/// baresip 1.0 takes no challenge at all if any other algorithm is named beside.
#[test]
fn an_account_is_challenged_for_md5_alone() {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    bench.send(&phone, &phone.register(1, ""));
    let response = bench.response(&phone);
    assert_eq!(response.status(), Status::UNAUTHORIZED);
    let challenges: Vec<_> = response
        .headers()
        .values(HeaderName::WwwAuthenticate)
        .collect();
    assert_eq!(challenges.len(), 1, "MD5 alone");
}

#[test]
fn s14_md5_is_refused_where_it_is_not_offered() {
    let mut bench = Bench::new(SwitchConfig {
        digests: vec![Hash::Sha256],
        ..config()
    });
    let phone = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let text = std::str::from_utf8(challenge.as_bytes()).unwrap();
    let stripped = text.replace("algorithm=SHA-256", "algorithm=MD5");
    assert_ne!(text, stripped);
    let stripped = Message::parse(stripped.as_bytes(), &Limits::default()).unwrap();
    let stripped = stripped.into_response().unwrap();
    for (cseq, challenge, status) in [
        (2, &stripped, Status::UNAUTHORIZED),
        (3, &challenge, Status::OK),
    ] {
        let credentials = credentials(&phone, challenge, "REGISTER", "sip:example.org");
        bench.send(&phone, &phone.register(cseq, &credentials));
        assert_eq!(bench.response(&phone).status(), status);
    }
}

/// SIPp writes the address that it sends to, whatever the Request-URI says.
#[test]
fn credentials_may_name_the_domain_by_another_of_its_names() {
    assert_eq!(registered_with("sip:example.org"), Status::OK);
    assert_eq!(registered_with("sip:localhost:5060"), Status::OK);
}

#[test]
fn s13_credentials_for_another_host_or_user_are_refused() {
    for uri in ["sip:example.com", "sip:alice@example.org"] {
        assert_eq!(registered_with(uri), Status::BAD_REQUEST, "{uri}");
    }
}

/// What a REGISTER of `sip:example.org` is answered whose credentials are for another URI.
fn registered_with(uri: &str) -> Status {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let credentials = credentials(&phone, &challenge, "REGISTER", uri);
    bench.send(&phone, &phone.register(2, &credentials));
    bench.response(&phone).status()
}

#[test]
fn a_telephone_whose_flow_was_forgotten_is_found_by_its_address() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Clean,
    });
    bench.call_with(page, "1001", OFFER_AUDIO);
    let (connect, address) = bench.connects.pop().expect("a way is asked for");
    assert_eq!(address.to_string(), "127.0.0.1:50001");
    let flow = bench.open_way(connect, "127.0.0.1:50001");
    let phone = phone.on(flow);
    let invite = bench.request(&phone);
    assert_eq!(invite.method().as_str(), "INVITE");
}

#[test]
fn without_a_way_to_a_telephone_the_call_ends() {
    let mut bench = bench();
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Clean,
    });
    bench.call_with(page, "1001", OFFER_AUDIO);
    let (connect, _) = bench.connects.pop().expect("a way is asked for");
    bench.handle(Input::ConnectFailed {
        connect,
        sentence: "there is no UDP port for SIP".to_owned(),
    });
    assert_eq!(bench.end_code(), "connection_lost");
    bench.assert_no_calls();
}
