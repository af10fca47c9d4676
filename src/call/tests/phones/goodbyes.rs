//! Calls that end after the flow of a telephone was lost.

use std::net::IpAddr;
use std::time::Duration;

use sip::flow::{FlowId, Transport};
use sip::message::{Method, Status};
use sip::resolve::Destination;
use sip::uri::Uri;

use super::super::{Bench, FlowEnd, Input, Page, bench, config};
use super::{Phone, is};
use crate::call::config::{GuestPolicy, SwitchConfig};

/// A telephone in a call with a page that it called.
fn talking(bench: &mut Bench, transport: Transport, at: &str) -> (Phone, Page, String) {
    bench.open_ports(4);
    let phone = bench.silent_phone("1001", transport, at);
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    let (ok, page, call_id) = bench.talk_to_page(&phone, "", super::super::OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    (phone, page, call_id)
}

fn lose(bench: &mut Bench, flow: FlowId) {
    let how = FlowEnd::Abnormal;
    bench.handle(Input::FlowClosed { flow, how });
}

fn destination(uri: &str) -> Destination {
    match Uri::parse(uri).unwrap() {
        Uri::Sip(uri) => Destination::of(&uri).unwrap(),
        _ => panic!("{uri}"),
    }
}

/// All that the leg had is given back, whether the BYE gets there or not.
fn assert_all_is_over(bench: &mut Bench) {
    bench.assert_no_calls();
    assert_eq!(bench.switch.pool.in_use(), 0, "ports are kept");
    assert!(bench.switch.sip.is_idle());
}

#[test]
fn a_bye_goes_over_a_new_connection_to_where_the_dialog_leads() {
    for (transport, uri) in [
        (Transport::Tcp, "sip:1001@phone1.invalid;transport=tcp"),
        (Transport::Tls, "sip:1001@phone1.invalid;transport=tls"),
    ] {
        let mut bench = bench();
        let (phone, page, call_id) = talking(&mut bench, transport, "127.0.0.1:50001");
        lose(&mut bench, phone.flow);
        assert_eq!(bench.switch.status().calls, 1, "it registered for a time");
        bench.hang_up(page, &call_id);
        let (connect, to, only) = bench.reaches.pop().expect("a connection is asked for");
        assert_eq!(to, destination(uri));
        // A Contact does not make us connect to others.
        assert_eq!(only, Some(IpAddr::from([127, 0, 0, 1])));
        let flow = bench.open_way_over(connect, transport, "127.0.0.1:5060");
        let bye = bench.request(&phone.clone().on(flow));
        assert!(is(&bye, &Method::Bye));
        assert_eq!(bye.raw_uri(), uri.as_bytes());
        let via = bye.headers().text(sip::message::HeaderName::Via).unwrap();
        assert!(via.contains(transport.via_name()), "{via}");
        assert_all_is_over(&mut bench);
    }
}

#[test]
fn a_bye_over_udp_goes_to_where_the_telephone_was() {
    let mut bench = bench();
    let (phone, page, call_id) = talking(&mut bench, Transport::Udp, "127.0.0.1:50001");
    lose(&mut bench, phone.flow);
    bench.hang_up(page, &call_id);
    let (connect, address) = bench.connects.pop().expect("a way is asked for");
    assert_eq!(address.to_string(), "127.0.0.1:50001");
    let flow = bench.open_way(connect, "127.0.0.1:50001");
    assert!(is(&bench.request(&phone.on(flow)), &Method::Bye));
    assert_all_is_over(&mut bench);
}

#[test]
fn a_leg_ends_though_nobody_can_be_told() {
    // The connection cannot be had.
    let mut bench = bench();
    let (phone, page, call_id) = talking(&mut bench, Transport::Tcp, "127.0.0.1:50001");
    lose(&mut bench, phone.flow);
    bench.hang_up(page, &call_id);
    let (connect, ..) = bench.reaches.pop().expect("a connection is asked for");
    let sentence = "refused".to_owned();
    bench.handle(Input::ConnectFailed { connect, sentence });
    assert_all_is_over(&mut bench);
    // Nobody calls a browser back.
    let mut bench = super::super::bench();
    let (phone, page, call_id) = talking(&mut bench, Transport::Wss, "127.0.0.1:50001");
    lose(&mut bench, phone.flow);
    bench.hang_up(page, &call_id);
    assert!(bench.reaches.is_empty() && bench.connects.is_empty());
    assert_all_is_over(&mut bench);
}

#[test]
fn calls_of_one_telephone_share_the_connection_of_their_ends() {
    let mut bench = Bench::new(SwitchConfig {
        guests: GuestPolicy::Private,
        call_waiting: true,
        ..config()
    });
    bench.open_ports(8);
    let phone = bench.silent_phone("1001", Transport::Tcp, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    let mut pages = Vec::new();
    for name in ["carol", "dave"] {
        let page = bench.guest(name);
        let call_id = bench.call_with(page, "1001", super::super::OFFER_AUDIO);
        let invite = bench.request(&phone);
        let answer = super::sdp_answer(&invite);
        bench.respond(&phone, &invite, Status::OK, Some(&answer));
        assert!(is(&bench.request(&phone), &Method::Ack));
        pages.push((page, call_id));
    }
    lose(&mut bench, phone.flow);
    for (page, call_id) in pages {
        bench.hang_up(page, &call_id);
    }
    assert_eq!(bench.reaches.len(), 1, "{:?}", bench.reaches);
    let (connect, ..) = bench.reaches.pop().unwrap();
    let flow = bench.open_way_over(connect, Transport::Tcp, "127.0.0.1:5060");
    assert_eq!(bench.take_sip(&phone.on(flow)).len(), 2);
    assert_all_is_over(&mut bench);
}

/// A telephone that has registered.
fn registered(bench: &mut Bench, user: &str, transport: Transport, at: &str) -> Phone {
    let phone = bench.silent_phone(user, transport, at);
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    phone
}

#[test]
fn a_call_whose_both_connections_break_ends_with_the_time_of_grace_and_leaves_nothing() {
    for transport in [
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ] {
        let mut bench = bench();
        bench.open_ports(4);
        let caller = registered(&mut bench, "1001", transport, "127.0.0.1:50001");
        let callee = registered(&mut bench, "1002", transport, "127.0.0.1:50002");
        let invite = bench.phone_calls(&caller, "", &callee);
        let answer = super::sdp_answer(&invite);
        bench.respond(&callee, &invite, Status::OK, Some(&answer));
        let ok = bench.final_response(&caller);
        bench.send(&caller, &caller.in_dialog("ACK", &ok, 1));
        assert_eq!(bench.switch.status().established, 1, "{transport:?}");
        bench.take_commands();

        // The second a little later: the first to lose its time ends the call.
        let (grace, moment) = (bench.switch.config.timing.grace, Duration::from_secs(1));
        lose(&mut bench, caller.flow);
        bench.pass(moment);
        lose(&mut bench, callee.flow);
        bench.pass(grace - 2 * moment);
        let status = bench.switch.status();
        assert_eq!((status.calls, status.parked), (1, 2), "{transport:?}");
        bench.pass(moment);
        assert_eq!(bench.end_code(), "connection_lost", "{transport:?}");
        let mut media = super::super::orders(&bench.take_commands());
        media.retain(|order| order.starts_with("remove"));
        assert_eq!(media, ["remove 1", "remove 2"], "{transport:?}");

        bench.pass(moment);
        for (connect, ..) in std::mem::take(&mut bench.reaches) {
            let sentence = "refused".to_owned();
            bench.handle(Input::ConnectFailed { connect, sentence });
        }
        assert_all_is_over(&mut bench);
        let status = bench.switch.status();
        let left = (status.registrations, status.users, status.sip_flows);
        assert_eq!(left, (0, 0, 0), "{transport:?}");
        let other = registered(&mut bench, "1003", transport, "127.0.0.1:50003");
        bench.dial(&other, "1001");
        let refusal = bench.final_response(&other);
        assert_eq!(refusal.status(), Status::NOT_FOUND, "{transport:?}");
    }
}
