//! Registrations outlive a restart of the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by them"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a real program is watched"
)]

mod common;

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::phone::Phone;
use common::{PATIENCE, Server};
use nix::sys::signal::Signal;

/// A server whose port for SIP over UDP is the same after a restart.
fn server(more: &str) -> Server {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = free.local_addr().unwrap();
    drop(free);
    Server::start_with(|text| {
        text.replace("udp = \"127.0.0.1:0\"", &format!("udp = \"{udp}\"")) + more
    })
}

fn kept(server: &Server) -> PathBuf {
    server.place.path().join("data/registrations")
}

fn users(server: &Server) -> String {
    server.request("GET", "/api/v1/users", &[])
}

/// Waits until a snapshot names somebody.
fn wait_for_snapshot(server: &Server, name: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(kept(server)).is_ok_and(|text| text.contains(name)) {
        assert!(Instant::now() < deadline, "no snapshot names {name}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_telephone_is_called_after_a_restart_of_the_server() {
    let mut server = server("");
    let udp = server.sip("udp");
    let mut phone = Phone::new(udp, "ann", "localhost");
    assert_eq!(phone.register().status().code(), 200);
    assert_eq!(server.stop(), Some(0));
    let mode = fs::metadata(kept(&server)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.start_again();
    server.wait_for_line("1 registrations of before the restart go on");
    assert!(
        users(&server).contains("ann@localhost"),
        "{}",
        users(&server)
    );
    Phone::new(udp, "bob", "localhost").call("ann");
    assert_eq!(phone.request().method().as_str(), "INVITE");
}

#[test]
fn a_temporary_gruu_names_its_telephone_after_a_restart_of_the_server() {
    let mut server = server("");
    let udp = server.sip("udp");
    let mut phone = Phone::new(udp, "ann", "localhost");
    let gruu = phone.register_for_gruu();
    assert_eq!(server.stop(), Some(0));
    let secret = server.place.path().join("data/gruu-secret");
    let mode = fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.start_again();
    Phone::new(udp, "bob", "localhost").call_uri(&gruu);
    assert_eq!(phone.request().method().as_str(), "INVITE");
    // A damaged one is replaced.
    assert_eq!(server.stop(), Some(0));
    fs::write(&secret, "short").unwrap();
    server.start_again();
    assert_eq!(fs::read(&secret).unwrap().len(), 32);
    assert_ne!(phone.register_for_gruu(), gruu);
}

#[test]
fn a_telephone_is_here_after_the_server_was_killed() {
    let mut server = server("[registrar]\nsnapshot_interval_s = 1\n");
    let udp = server.sip("udp");
    let mut phone = Phone::new(udp, "ann", "localhost");
    assert_eq!(phone.register().status().code(), 200);
    wait_for_snapshot(&server, "ann@localhost");
    server.signal(Signal::SIGKILL);
    server.wait();
    server.start_again();
    assert!(
        users(&server).contains("ann@localhost"),
        "{}",
        users(&server)
    );
    assert_eq!(phone.register().status().code(), 200);
}

#[test]
fn a_damaged_snapshot_is_put_aside_and_the_server_starts_without() {
    let mut server = server("");
    let mut phone = Phone::new(server.sip("udp"), "ann", "localhost");
    assert_eq!(phone.register().status().code(), 200);
    assert_eq!(server.stop(), Some(0));
    let path = kept(&server);
    let damaged = fs::read_to_string(&path).unwrap().replace("ann@", "eve@");
    fs::write(&path, &damaged).unwrap();
    server.start_again();
    let line = server.wait_for_line("are damaged, so that phones register anew");
    assert!(
        line.contains("line 2 of the snapshot: it was damaged"),
        "{line}"
    );
    let aside = path.with_extension("damaged");
    assert_eq!(fs::read_to_string(aside).unwrap(), damaged);
    assert!(!users(&server).contains("@localhost"), "{}", users(&server));
    assert_eq!(phone.register().status().code(), 200);
}
