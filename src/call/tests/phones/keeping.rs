//! Registrations outlive a restart of the server.

use std::time::Duration;

use sip::flow::Transport;
use sip::message::{Method, Status};

use super::super::{Bench, Input, OFFER_AUDIO, bench, config};
use super::{credentials, is};
use crate::call::config::{GuestPolicy, SwitchConfig};

/// What outlives a restart, too.
const SECRET: [u8; 32] = [9; 32];

/// Another server on what was kept by this one, after some time.
fn restarted(old: &Bench, config: SwitchConfig, after: Duration) -> Bench {
    let mut new = Bench::new(config);
    new.now = old.now;
    new.advance(after);
    new.switch.keep_gruus(SECRET);
    let kept = old.kept.as_deref().expect("a snapshot");
    new.switch.restore(new.now, kept).unwrap();
    new
}

fn users(bench: &Bench) -> usize {
    bench.switch.status().users
}

#[test]
fn a_telephone_over_udp_is_called_after_a_restart() {
    let mut bench = bench();
    let phone = bench.udp_phone("1001");
    let over_websocket = bench.phone("1002");
    bench.pass(Duration::from_secs(30));
    let mut bench = restarted(&bench, config(), Duration::from_secs(60));
    assert_eq!(users(&bench), 1, "whose connection is gone is not here");
    bench.open_ports(4);
    let page = bench.guest("carol");
    bench.call_with(page, "1002", OFFER_AUDIO);
    assert_eq!(bench.last_status(page)["status"], "FAILED");
    bench.call_with(page, "1001", OFFER_AUDIO);
    let (connect, address) = bench.connects.pop().expect("a way is asked for");
    assert_eq!(address.to_string(), "127.0.0.1:50001");
    let flow = bench.open_way(connect, "127.0.0.1:50001");
    let phone = phone.on(flow);
    assert_eq!(bench.request(&phone).method().as_str(), "INVITE");
    drop(over_websocket);
}

#[test]
fn a_telephone_that_was_taken_up_goes_on_registering() {
    let mut bench = bench();
    let phone = bench.udp_phone("1001");
    bench.pass(Duration::from_secs(30));
    let mut bench = restarted(&bench, config(), Duration::from_secs(60));
    let flow = bench.open_sip(Transport::Udp, "127.0.0.1:50001");
    let phone = phone.on(flow);
    bench.send(&phone, &phone.register(2, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    assert_eq!((users(&bench), bench.switch.status().sessions), (1, 1));
    bench.pass(Duration::from_secs(601));
    assert_eq!(users(&bench), 0, "it lapsed");
}

#[test]
fn time_that_the_server_was_down_counts() {
    let mut bench = bench();
    bench.udp_phone("1001");
    bench.pass(Duration::from_secs(30));
    for (after, here) in [(569, 1), (571, 0)] {
        let again = restarted(&bench, config(), Duration::from_secs(after));
        assert_eq!(users(&again), here, "{after} s later");
    }
    let mut again = restarted(&bench, config(), Duration::from_secs(500));
    again.pass(Duration::from_secs(71));
    assert_eq!(users(&again), 0);
}

#[test]
fn snapshots_are_written_in_time_after_a_change_and_not_without_one() {
    let mut bench = bench();
    bench.pass(Duration::from_secs(120));
    assert!(bench.kept.is_none(), "nothing to keep");
    bench.phone("ann");
    bench.pass(Duration::from_secs(60));
    assert!(bench.kept.is_none(), "nothing that would outlive a restart");
    let phone = bench.udp_phone("1001");
    bench.pass(Duration::from_secs(29));
    assert!(bench.kept.is_none());
    bench.pass(Duration::from_secs(2));
    let first = bench.kept.take().expect("a snapshot");
    bench.pass(Duration::from_secs(120));
    assert!(bench.kept.is_none(), "nothing changed");
    bench.send(&phone, &phone.register(2, ""));
    bench.pass(Duration::from_secs(31));
    assert_ne!(bench.kept.take().expect("a snapshot"), first);
}

#[test]
fn the_end_of_the_server_keeps_who_is_registered() {
    let mut bench = bench();
    bench.udp_phone("1001");
    bench.handle(Input::Shutdown);
    assert!(bench.shutdown_complete);
    let again = restarted(&bench, config(), Duration::from_secs(5));
    assert_eq!(users(&again), 1);
}

#[test]
fn who_could_not_register_any_more_is_not_taken_up() {
    let mut bench = bench();
    bench.udp_phone("1001");
    let phone = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let proof = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(&phone, &phone.register(2, &proof));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    bench.pass(Duration::from_secs(31));
    let again = |config| users(&restarted(&bench, config, Duration::from_secs(1)));
    assert_eq!(again(config()), 2);
    let no_guests = SwitchConfig {
        guests: GuestPolicy::None,
        ..config()
    };
    assert_eq!(again(no_guests), 1);
    let mut no_alice = config();
    let alice = no_alice.accounts.iter().next().unwrap().aor.clone();
    no_alice.accounts.remove(&alice).unwrap();
    // As a guest she may not come from there.
    assert_eq!(again(no_alice), 1);
}

#[test]
fn a_damaged_snapshot_leaves_the_server_empty() {
    let mut bench = bench();
    bench.udp_phone("1001");
    bench.pass(Duration::from_secs(31));
    let mut damaged = bench.kept.clone().unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut again = Bench::new(config());
    assert!(again.switch.restore(again.now, &damaged).is_err());
    assert!(again.switch.is_idle());
}

#[test]
fn rfc5627_5_4_the_gruus_of_a_telephone_over_udp_name_it_after_a_restart() {
    for kind in [0, 1] {
        let mut bench = bench();
        bench.switch.keep_gruus(SECRET);
        let (phone, public, temporary) = bench.phone_with_gruus_over(Transport::Udp, 1);
        bench.pass(Duration::from_secs(31));
        let mut bench = restarted(&bench, config(), Duration::from_secs(60));
        bench.open_ports(4);
        let caller = bench.phone("1009");
        bench.invite_to(&caller, [&public, &temporary][kind], 1);
        let (connect, _) = bench.connects.pop().expect("a way is asked for");
        let phone = phone.on(bench.open_way(connect, "127.0.0.1:50001"));
        assert!(is(&bench.request(&phone), &Method::Invite));
        let (_, again, _) = bench.phone_with_gruus_over(Transport::Udp, 1);
        assert_eq!(again, public, "the same for ever");
    }
}
