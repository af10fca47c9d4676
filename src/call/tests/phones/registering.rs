//! Who may register, and what he proves it by.

use sip::digest::Hash;
use sip::flow::Transport;
use sip::message::{HeaderName, Limits, Message, Status};

use super::super::{Bench, FlowEnd, Input, OFFER_AUDIO, bench, config};
use super::{Phone, credentials};
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
fn a_guest_whose_flow_was_forgotten_keeps_his_name_at_his_address_alone() {
    let mut bench = bench();
    let phone = bench.udp_phone("1001");
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Clean,
    });
    for (cseq, address, status) in [
        (2, "127.0.0.1:50002", Status::FORBIDDEN),
        (3, "127.0.0.1:50001", Status::OK),
    ] {
        let flow = bench.open_sip(Transport::Udp, address);
        let phone = phone.clone().on(flow);
        bench.send(&phone, &phone.register(cseq, ""));
        assert_eq!(bench.response(&phone).status(), status, "{address}");
    }
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

/// Two telephones behind a proxy, over its one TCP connection, which breaks.
fn behind_a_proxy() -> (Bench, [Phone; 2]) {
    let mut bench = bench();
    bench.open_ports(4);
    let first = bench.silent_phone("1001", Transport::Tcp, "127.0.0.1:50001");
    let second = Phone {
        user: "1002".to_owned(),
        ..first.clone()
    };
    for (phone, cseq) in [(&first, 1), (&second, 2)] {
        let path = "Path: <sip:edge.example.net;transport=tcp;lr>\r\nSupported: path\r\n";
        bench.send(phone, &phone.register(cseq, path));
        assert_eq!(bench.response(phone).status(), Status::OK);
    }
    bench.handle(Input::FlowClosed {
        flow: first.flow,
        how: FlowEnd::Abnormal,
    });
    (bench, [first, second])
}

#[test]
fn a_proxy_whose_connection_breaks_is_called_back_once_for_all_behind_it() {
    let (mut bench, [first, second]) = behind_a_proxy();
    assert_eq!(bench.reaches.len(), 1, "{:?}", bench.reaches);
    let (connect, destination, only) = bench.reaches.pop().unwrap();
    assert_eq!(destination.host.to_string(), "edge.example.net");
    assert_eq!(destination.transport, Some(Transport::Tcp));
    assert_eq!(only, Some("127.0.0.1".parse().unwrap()), "and nowhere else");
    let flow = bench.open_way_over(connect, Transport::Tcp, "127.0.0.1:5060");
    bench.pass(bench.switch.config.timing.grace * 2);
    assert_eq!(bench.switch.status().registrations, 2);
    assert_eq!(bench.switch.status().parked, 0);
    let page = bench.guest("carol");
    for phone in [first, second] {
        bench.call_with(page, &phone.user, OFFER_AUDIO);
        let invite = bench.request(&phone.on(flow));
        assert_eq!(invite.method().as_str(), "INVITE");
        let route = invite.headers().text(HeaderName::Route);
        assert_eq!(route, Some("<sip:edge.example.net;transport=tcp;lr>"));
    }
}

#[test]
fn behind_a_proxy_that_cannot_be_called_back_nobody_is_kept() {
    let (mut bench, _) = behind_a_proxy();
    let (connect, ..) = bench.reaches.pop().unwrap();
    bench.handle(Input::ConnectFailed {
        connect,
        sentence: "the DNS knows no server of that name".to_owned(),
    });
    assert_eq!(bench.switch.status().parked, 2);
    bench.pass(bench.switch.config.timing.grace);
    assert_eq!(bench.switch.status().registrations, 0);
}

#[test]
fn without_a_path_nobody_is_called_back() {
    let mut bench = bench();
    let phone = bench.silent_phone("1001", Transport::Tcp, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Abnormal,
    });
    assert!(bench.reaches.is_empty() && bench.connects.is_empty());
}
