//! Hostile and broken peers cost those who talk no packet, and those who register their time at
//! most (SECURITY S07 to S10). The attacks are those of the load tool, `benches/calls`, which also
//! says how long a registration took.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a test on real sockets with a clock of its own, which says what it measured"
)]
#![allow(
    dead_code,
    reason = "the load tool is shared, and not all of it is needed"
)]

#[path = "../benches/calls/elsewhere.rs"]
mod elsewhere;
#[path = "../benches/calls/generator.rs"]
mod generator;
#[path = "../benches/calls/overload.rs"]
mod overload;
#[path = "../benches/calls/peer.rs"]
mod peer;
#[path = "../benches/calls/phones.rs"]
mod phones;
#[path = "../benches/calls/process.rs"]
mod process;
#[path = "../benches/calls/rtp.rs"]
mod rtp;
#[path = "../benches/calls/sdp.rs"]
mod sdp;
#[path = "../media/tests/peer/transport.rs"]
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is test code that is shared"
)]
mod transport;

use overload::{Attack, Endured, endure};

/// On a machine that is busy with something else the load is not what it should be.
const ATTEMPTS: usize = 5;

/// What the server may grow by in an attack: its tables have limits.
const MOST_GROWTH: u64 = 256 * 1024 * 1024;

fn people_talk_and_register_during(attack: Attack) {
    let mut attempts = (0..ATTEMPTS).map(|_| endure(attack).unwrap());
    let endured = attempts.find(|endured| !endured.outcome.is_void());
    let endured = endured.expect("the machine is too busy for the load");
    Endured::print_head();
    endured.print();
    assert!(endured.outcome.received() > 0 && endured.attempts > 0);
    assert_eq!((endured.outcome.lost(), endured.drops), (0, 0));
    assert!(!endured.registrations.is_empty());
    assert!(endured.growth < MOST_GROWTH, "{} bytes", endured.growth);
}

#[test]
fn s07_people_talk_and_register_while_peers_over_tcp_stall() {
    people_talk_and_register_during(Attack::StalledPeers);
}

#[test]
fn s08_people_talk_and_register_beside_ten_thousand_idle_connections() {
    people_talk_and_register_during(Attack::IdleConnections);
}

#[test]
fn s09_people_talk_and_register_under_sixty_thousand_stray_cancels() {
    people_talk_and_register_during(Attack::StrayCancels);
}

#[test]
fn s09_people_talk_and_register_under_a_flood_of_unproved_invites() {
    people_talk_and_register_during(Attack::UnprovedInvites);
}

#[test]
fn s10_people_talk_and_register_under_a_flood_of_unknown_registrations() {
    people_talk_and_register_during(Attack::UnknownRegistrations);
}
