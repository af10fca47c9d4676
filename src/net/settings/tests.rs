use std::path::Path;

use super::*;

const ALICE: &str =
    "[[account]]\nname = \"alice\"\nha1_md5 = \"00000000000000000000000000000000\"\n";

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("/")).unwrap()
}

fn switch_of(text: &str) -> SwitchConfig {
    switch(
        &config(text),
        Fingerprint([0; 32]),
        vec![Vec::new()],
        vec![Vec::new()],
        Sounds::default(),
        Vec::new(),
    )
}

#[test]
fn nobody_signs_in_where_local_videochat_is_off() {
    let off = switch_of(&format!("[local_videochat]\nenabled = false\n{ALICE}"));
    assert_eq!(off.guests, GuestPolicy::None);
    assert!(off.accounts.is_empty());
    let on = switch_of(ALICE);
    assert_eq!((on.guests, on.accounts.len()), (GuestPolicy::Loopback, 1));
}

#[test]
fn sessions_are_kept_alive_and_told_of_the_busy_as_configured() {
    let text = "[wcs]\nping_interval_ms = 700\nmissed_pings = 2\nbusy_status = \"FAILED\"\n";
    let session = switch_of(text).session;
    assert_eq!(session.keep_alive.interval.as_millis(), 700);
    assert_eq!(session.keep_alive.missed_pings, 2);
    assert_eq!(session.busy, crate::wcs::session::BusyStatus::Failed);
}

#[test]
fn workers_have_one_port_after_another() {
    let fixed = config("[media]\nport = 40000\nworkers = 3\n");
    assert_eq!(
        [0, 1, 2].map(|index| worker_port(&fixed, index)),
        [40_000, 40_001, 40_002]
    );
    let any = config("[media]\nport = 0\nworkers = 2\n");
    assert_eq!([0, 1].map(|index| worker_port(&any, index)), [0, 0]);
}

#[test]
fn the_packet_cache_has_room_for_whole_packets() {
    let certificate = dtls_certificate().unwrap();
    let worker = worker(
        &config("[media]\npacket_cache_packets = 100\n"),
        certificate,
        Arc::default(),
        [0; 32],
    );
    assert_eq!(worker.packet_cache.packets, 100);
    assert_eq!(worker.packet_cache.bytes, 150_000);
}

#[test]
fn each_worker_has_a_tcp_port_of_its_own_and_is_told_of_under_the_same_addresses() {
    let ports = |text: &str| {
        let config = config(&format!("[media]\n{text}\n"));
        [0, 1].map(|index| worker_tcp(&config, index).map(|tcp| tcp.port))
    };
    assert_eq!(ports("workers = 2"), [Some(40_000), Some(40_001)]);
    assert_eq!(ports("port = 0"), [Some(0), Some(0)]);
    assert_eq!(ports("tcp_port = 0"), [None, None]);
}
