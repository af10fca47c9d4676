//! Scanners, which get no answers any more, and telephones behind the same NAT, which do
//! (SECURITY S23).

use sip::flow::Transport;
use sip::message::Status;

use super::super::secrecy::log_of;
use super::super::{Bench, bench};
use super::{Phone, credentials};
use crate::call::view::{ApiAction, ApiReply};

const AFAR: &str = "198.51.100.9";

fn stranger(bench: &mut Bench, user: &str, port: u16) -> Phone {
    bench.silent_phone(user, Transport::Udp, &format!("{AFAR}:{port}"))
}

/// Registers with the password of all accounts here.
fn register(bench: &mut Bench, phone: &Phone, cseq: u32) {
    bench.send(phone, &phone.register(cseq, ""));
    let challenge = bench.response(phone);
    let proof = credentials(phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(phone, &phone.register(cseq + 1, &proof));
    assert_eq!(bench.response(phone).status(), Status::OK);
}

/// Goes through numbers until nothing is answered any more; how many were.
fn scan(bench: &mut Bench, headers: &str) -> usize {
    let numbers = 100..300;
    let answered = numbers.take_while(|number| {
        let phone = stranger(bench, &number.to_string(), 40_000 + number);
        bench.send(&phone, &phone.register(1, headers));
        !bench.take_sip(&phone).is_empty()
    });
    answered.count()
}

/// Addresses that are banned, and requests dropped.
fn counted(bench: &mut Bench) -> (usize, u64) {
    match bench.api(ApiAction::Status) {
        ApiReply::Status(status) => (status.banned_addresses, status.scans_dropped),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s23_who_goes_through_names_is_told_nothing_more_for_a_while() {
    let mut bench = bench();
    assert_eq!(scan(&mut bench, ""), 61);
    assert_eq!(counted(&mut bench), (1, 1));
    // Whatever it asks, wherever else nobody minds.
    let scanner = stranger(&mut bench, "500", 5060);
    for method in ["OPTIONS", "INVITE", "SUBSCRIBE", "MESSAGE"] {
        let request = scanner.request(method, "sip:500@example.org", "500", "", "");
        bench.send(&scanner, &request);
        assert!(bench.take_sip(&scanner).is_empty(), "{method}");
    }
    let other = bench.silent_phone("alice", Transport::Udp, "198.51.100.10:5060");
    register(&mut bench, &other, 1);
    assert_eq!(counted(&mut bench), (1, 5));
    bench.pass(bench.switch.config.scanners.ban);
    assert_eq!(counted(&mut bench), (0, 5));
    bench.send(&scanner, &scanner.register(2, ""));
    assert_eq!(bench.response(&scanner).status(), Status::UNAUTHORIZED);
}

#[test]
fn s23_a_scanner_that_says_so_never_gets_an_answer() {
    let mut bench = bench();
    // Not even on this machine.
    let scanner = bench.silent_phone("100", Transport::Udp, "127.0.0.1:50001");
    let headers = "User-Agent: friendly-scanner\r\n";
    let options = scanner.request("OPTIONS", "sip:100@example.org", "100", headers, "");
    bench.send(&scanner, &options);
    assert!(bench.take_sip(&scanner).is_empty());
    assert_eq!(counted(&mut bench), (0, 1));
    assert_eq!(scan(&mut bench, headers), 0);
    assert_eq!(bench.switch.sip.transactions(), 0);
}

#[test]
fn s23_telephones_that_have_signed_in_are_spared_behind_the_address_of_a_scanner() {
    let mut bench = bench();
    let phone = stranger(&mut bench, "alice", 5060);
    register(&mut bench, &phone, 1);
    scan(&mut bench, "");
    assert_eq!(counted(&mut bench).0, 1);
    // On its flow, and on another one: it was there before.
    register(&mut bench, &phone, 3);
    let moved = stranger(&mut bench, "alice", 5070);
    register(&mut bench, &moved, 1);
    // Who was not there before waits for the end of the ban.
    let new = stranger(&mut bench, "bob", 5080);
    bench.send(&new, &new.register(1, ""));
    assert!(bench.take_sip(&new).is_empty());
    bench.pass(bench.switch.config.scanners.ban);
    register(&mut bench, &new, 2);
}

#[test]
fn s23_many_telephones_behind_one_address_that_prove_themselves_are_no_scanner() {
    let mut bench = bench();
    for number in 0..200 {
        let user = if number % 2 == 0 { "alice" } else { "bob" };
        // As if each were somebody else.
        bench.switch.failures = crate::call::admission::Failures::default();
        let phone = stranger(&mut bench, user, 20_000 + number);
        bench.send(&phone, &phone.register(1, ""));
        let challenge = bench.response(&phone);
        let proof = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        bench.send(&phone, &phone.register(2, &proof));
        // More than may be registered is refused to whom it is known.
        assert_ne!(bench.response(&phone).status(), Status::UNAUTHORIZED);
    }
    assert_eq!(counted(&mut bench), (0, 0));
}

#[test]
fn s23_the_log_tells_of_a_ban_once_and_not_of_each_request() {
    let log = log_of(|bench| {
        for _ in 0..3 {
            scan(bench, "");
        }
    });
    assert_eq!(log.matches("banned").count(), 1, "{log}");
}
