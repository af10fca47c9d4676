//! Telephones that are asked whether they are there, and those that do not answer.

use std::collections::BTreeMap;
use std::time::Duration;

use sip::flow::Transport;
use sip::message::{Message, Method, Request, Status};

use super::super::{Bench, FlowEnd, Input, OFFER_AUDIO, config};
use super::{Phone, is};
use crate::call::config::{KeepAlive, SwitchConfig};
use crate::call::view::{ApiAction, ApiReply};

const INTERVAL: Duration = Duration::from_secs(30);

fn asking(per_second: u32) -> Bench {
    Bench::new(SwitchConfig {
        keep_alive: KeepAlive {
            interval: INTERVAL,
            per_second,
            misses: 2,
        },
        ..config()
    })
}

/// How many different requests of that method came since the last look.
fn asked(bench: &mut Bench, phone: &Phone) -> Vec<Request> {
    let requests = bench.take_sip(phone).into_iter();
    let mut requests: Vec<Request> = requests.filter_map(Message::into_request).collect();
    assert!(requests.iter().all(|request| is(request, &Method::Options)));
    requests.dedup_by(|a, b| a.call_id() == b.call_id());
    requests
}

fn state(bench: &mut Bench) -> &'static str {
    match bench.api(ApiAction::ListRegistrations) {
        ApiReply::Registrations(rows) => rows[0].state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_telephone_that_answers_is_asked_again_after_the_interval() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let mut bench = asking(100);
        let phone = bench.silent_phone("1001", transport, "127.0.0.1:50001");
        bench.send(&phone, &phone.register(1, ""));
        assert_eq!(bench.response(&phone).status(), Status::OK);
        for _ in 0..3 {
            bench.pass(INTERVAL - Duration::from_millis(1));
            assert!(asked(&mut bench, &phone).is_empty());
            bench.pass(Duration::from_millis(1));
            let options = asked(&mut bench, &phone).remove(0);
            assert_eq!(
                options.raw_uri(),
                phone.contact().trim_matches(['<', '>']).as_bytes()
            );
            assert_eq!(options.to().uri().unwrap().as_str(), "sip:1001@example.org");
            // Any answer says that somebody is there.
            bench.respond(&phone, &options, Status::METHOD_NOT_ALLOWED, None);
        }
        assert_eq!(state(&mut bench), "reachable");
    }
}

#[test]
fn browsers_are_not_asked_since_their_sockets_are() {
    let mut bench = asking(100);
    let phone = bench.phone("1001");
    bench.pass(4 * INTERVAL);
    assert!(asked(&mut bench, &phone).is_empty());
}

#[test]
fn nobody_is_asked_with_an_interval_of_zero() {
    let mut bench = Bench::new(config());
    let phone = bench.udp_phone("1001");
    bench.pass(4 * INTERVAL);
    assert!(asked(&mut bench, &phone).is_empty());
}

#[test]
fn a_telephone_that_does_not_answer_twice_does_not_ring_until_it_does() {
    let mut bench = asking(100);
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    // Each goes unanswered for 64*T1 (RFC 3261 17.1.2.2).
    bench.pass(INTERVAL + Duration::from_secs(33));
    assert_eq!(state(&mut bench), "reachable", "one may be lost");
    bench.pass(Duration::from_secs(32));
    assert_eq!(state(&mut bench), "unreachable");
    assert_eq!(bench.switch.status().parked, 1);
    assert_eq!(asked(&mut bench, &phone).len(), 2);

    bench.call_with(page, "1001", OFFER_AUDIO);
    assert!(bench.take_sip(&phone).is_empty());
    assert_eq!(bench.end_code_of_refusal(), "not_signed_in");

    bench.pass(INTERVAL);
    let options = asked(&mut bench, &phone).remove(0);
    bench.respond(&phone, &options, Status::OK, None);
    assert_eq!(state(&mut bench), "reachable");
    bench.call_with(page, "1001", OFFER_AUDIO);
    assert!(is(&bench.request(&phone), &Method::Invite));
}

#[test]
fn a_telephone_that_was_unreachable_is_back_when_it_registers() {
    let mut bench = asking(100);
    let phone = bench.udp_phone("1001");
    bench.pass(INTERVAL + Duration::from_secs(70));
    assert_eq!(state(&mut bench), "unreachable");
    bench.take_sip(&phone);
    bench.send(&phone, &phone.register(2, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    assert_eq!(state(&mut bench), "reachable");
    assert_eq!(bench.switch.status().registrations, 1);
}

#[test]
fn a_telephone_that_stays_unreachable_goes_when_its_registration_expires() {
    let mut bench = asking(100);
    let _phone = bench.udp_phone("1001");
    bench.pass(Duration::from_secs(599));
    assert_eq!(bench.switch.status().registrations, 1);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.switch.status().registrations, 0);
    bench.pass(2 * INTERVAL);
    assert!(bench.switch.is_idle() || bench.switch.status().sip_flows == 1);
}

#[test]
fn a_flow_that_closes_says_nothing_against_its_telephone() {
    let mut bench = asking(100);
    let phone = bench.udp_phone("1001");
    bench.pass(INTERVAL);
    assert_eq!(asked(&mut bench, &phone).len(), 1);
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Clean,
    });
    // The way is opened anew, and asked over.
    bench.pass(INTERVAL);
    let (connect, _) = bench.connects.pop().expect("a way is asked for");
    let phone = phone.on(bench.open_way(connect, "127.0.0.1:50001"));
    bench.pass(INTERVAL);
    assert_eq!(asked(&mut bench, &phone).len(), 1);
    assert_eq!(state(&mut bench), "reachable");
}

#[test]
fn telephones_that_registered_at_once_are_asked_one_after_the_other() {
    let mut bench = asking(10);
    let phones: Vec<Phone> = (0..40)
        .map(|index| bench.udp_phone_named(&format!("2{index:03}")))
        .collect();
    let mut seen = BTreeMap::new();
    bench.pass(INTERVAL);
    for tenth in 0..60 {
        for phone in &phones {
            for options in asked(&mut bench, phone) {
                *seen.entry(tenth).or_insert(0) += 1;
                bench.respond(phone, &options, Status::OK, None);
            }
        }
        bench.pass(Duration::from_millis(100));
    }
    assert_eq!(seen.values().sum::<u32>(), 40, "each once");
    assert!(seen.values().all(|count| *count <= 2), "{seen:?}");
    assert!(seen.len() >= 39, "{seen:?}");
}

impl Bench {
    /// Why the call that was placed last did not come about.
    fn end_code_of_refusal(&mut self) -> &'static str {
        let notices = std::mem::take(&mut self.notices).into_iter();
        let mut refused = notices.filter_map(|notice| match notice {
            crate::call::view::Notice::CallRefused { end, .. } => Some(end.code),
            _ => None,
        });
        refused.next_back().expect("a refusal")
    }

    /// One of many telephones, each from a place of its own.
    fn udp_phone_named(&mut self, user: &str) -> Phone {
        let at = format!("127.0.0.1:{}", 40_000 + self.switch.status().sip_flows);
        let phone = self.silent_phone(user, Transport::Udp, &at);
        self.send(&phone, &phone.register(1, ""));
        assert_eq!(self.response(&phone).status(), Status::OK);
        phone
    }
}
