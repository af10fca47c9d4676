//! Telephones in browsers whose tab is closed, and those whose connection breaks.

use sip::flow::Transport;
use sip::message::{Method, Status};

use super::super::{Bench, OFFER_AUDIO, Page, bench, names};
use super::{Phone, is};
use crate::call::io::{FlowEnd, Input};

#[test]
fn a_websocket_closed_in_a_call_ends_it_at_once_for_the_other() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = talking(&mut bench, &phone);
    bench.close_sip(&phone, FlowEnd::Clean);
    assert_eq!(names(&bench.take(page)), ["FINISH"]);
    assert_eq!(bench.end_code(), "left");
    bench.assert_no_calls();
    assert_eq!(bench.switch.status().sessions, 1, "the page is left");
    assert_eq!(bench.switch.status().parked, 0);
}

#[test]
fn a_websocket_closed_by_a_caller_who_never_registered_ends_his_call() {
    let mut bench = bench();
    let phone = bench.silent_phone("1001", Transport::Wss, "127.0.0.1:50001");
    talking(&mut bench, &phone);
    bench.close_sip(&phone, FlowEnd::Clean);
    assert_eq!(bench.end_code(), "left");
    bench.assert_no_calls();
}

#[test]
fn a_websocket_closed_while_it_rings_there_ends_the_call() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let page = bench.guest("carol");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let invite = bench.request(&phone);
    assert!(is(&invite, &Method::Invite));
    bench.respond(&phone, &invite, Status::RINGING, None);
    bench.close_sip(&phone, FlowEnd::Clean);
    assert_eq!(bench.end_code(), "left");
    bench.assert_no_calls();
}

#[test]
fn a_call_outlives_a_websocket_that_breaks_and_ends_on_the_next_one() {
    let mut bench = bench();
    let mut phone = bench.phone("1001");
    let page = talking(&mut bench, &phone);
    bench.close_sip(&phone, FlowEnd::Abnormal);
    assert!(bench.take(page).is_empty());
    assert_eq!(bench.switch.status().calls, 1);
    // The same user agent: the same Contact, and the next number of its Call-ID.
    phone.flow = bench.open_sip(Transport::Ws, "127.0.0.1:50002");
    bench.send(&phone, &phone.register(2, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    assert_eq!(bench.switch.status().calls, 1);
    bench.pass(bench.switch.config.timing.grace * 2);
    assert_eq!(bench.switch.status().calls, 1, "it has come back");
}

#[test]
fn a_call_outlives_a_tcp_connection_that_a_telephone_closes() {
    let mut bench = bench();
    let phone = bench.silent_phone("1001", Transport::Tcp, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    let page = talking(&mut bench, &phone);
    bench.close_sip(&phone, FlowEnd::Clean);
    assert!(bench.take(page).is_empty());
    assert_eq!(bench.switch.status().calls, 1);
}

/// In a call with a page, which it called.
fn talking(bench: &mut Bench, phone: &Phone) -> Page {
    let page = bench.guest("carol");
    bench.dial(phone, "carol");
    let (call_id, offer) = bench.incoming(page);
    bench.take_sip(phone);
    bench.answer(page, &call_id, &offer);
    let ok = bench.response(phone);
    bench.send(phone, &phone.in_dialog("ACK", &ok, 1));
    bench.take(page);
    page
}

impl Bench {
    fn close_sip(&mut self, phone: &Phone, how: FlowEnd) {
        let flow = phone.flow;
        self.handle(Input::FlowClosed { flow, how });
    }
}
