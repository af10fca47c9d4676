//! Who may register, and what he proves it by.

use sip::flow::Transport;
use sip::message::{HeaderName, Status};

use super::super::{FlowEnd, Input, OFFER_AUDIO, bench};

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
