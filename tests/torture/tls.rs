//! What comes over TLS too slowly (S07).

use std::io::Write;
use std::time::{Duration, Instant};

use super::{PATIENCE, Server, Tls, Wire, probe};

#[test]
fn s07_a_message_that_comes_byte_by_byte_over_tls_is_cut_off_and_others_go_on() {
    let change = |text: String| text.replacen("sip = {", "sip = { message_timeout_ms = 300,", 1);
    let mut server = Server::start_with(change);
    let mut other = Tls::open(&mut server);
    let mut slow = Tls::open(&mut server);
    let began = Instant::now();
    let request = probe("TLS", "slow");
    // One byte at a time, until it is closed: each write tells sooner or later.
    let cut_off = request.bytes().cycle().any(|byte| {
        assert!(began.elapsed() < PATIENCE, "it is never cut off");
        std::thread::sleep(Duration::from_millis(20));
        slow.0
            .0
            .write_all(&[byte])
            .and_then(|()| slow.0.0.flush())
            .is_err()
    });
    assert!(cut_off && began.elapsed() >= Duration::from_millis(300));
    other.send(probe("TLS", "other").as_bytes());
    assert_eq!(other.receive().expect("an answer").status, 200);
    assert_eq!(server.stop(), Some(0));
}
