//! A full house, played by the load tool of `benches/calls`: nobody loses a packet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test on real sockets with a clock of its own"
)]
#![allow(
    dead_code,
    reason = "the load tool is shared, and not all of it is needed"
)]

#[path = "../benches/calls/generator.rs"]
mod generator;
#[path = "../benches/calls/peer.rs"]
mod peer;
#[path = "../benches/calls/process.rs"]
mod process;
#[path = "../benches/calls/rtp.rs"]
mod rtp;
#[path = "../benches/calls/sdp.rs"]
mod sdp;
#[path = "../benches/calls/signalling.rs"]
mod signalling;
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

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use generator::{Generator, Load, Tally};
use process::Server;
use signalling::Calls;

const GUESTS: usize = 300;
const AUDIO_CALLS: usize = 100;
const VIDEO_CALLS: usize = 10;

/// On a machine that is busy with something else the load is not what it should be.
const ATTEMPTS: usize = 3;

#[test]
fn a_hundred_audio_and_ten_video_calls_of_three_hundred_guests_lose_no_packet() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut server = Server::start().unwrap();
    // All of them come from one address, as from behind one router.
    let mut calls = runtime
        .block_on(Calls::sign_in(server.url(), GUESTS))
        .unwrap();
    let mut generator = Generator::empty().unwrap();
    for index in 0..AUDIO_CALLS + VIDEO_CALLS {
        let video = index >= AUDIO_CALLS;
        runtime
            .block_on(calls.connect(index, video, &mut generator))
            .unwrap();
    }
    let load = Load {
        payload: 160,
        video_payload: 1200,
        interval: Duration::from_millis(20),
        length: Duration::from_secs(2),
    };
    let mut attempts = (0..ATTEMPTS).map(|_| generator.run(&load).unwrap());
    let outcome = attempts.find(|outcome| !outcome.is_void());
    let outcome = outcome.expect("the machine is too busy for the load");
    // Each way: sound in every call, and three packets of a picture beside it in some.
    let packets = 50 * 2 * (AUDIO_CALLS + 4 * VIDEO_CALLS) as u64;
    let all = Tally {
        sent: packets,
        received: packets,
    };
    assert_eq!((outcome.there, outcome.back), (all, all));

    // The counts are published once a second.
    std::thread::sleep(Duration::from_millis(1100));
    let counts = server.counts().unwrap();
    assert_eq!(counts.drops(), 0, "{counts:?}");
    assert_eq!(
        (counts.users, counts.established),
        (GUESTS as u64, (AUDIO_CALLS + VIDEO_CALLS) as u64)
    );
    drop(calls);
    server.stop().unwrap();
}

/// What an administrator does while people talk.
const CHANGES: [&[&str]; 6] = [
    &["account", "add", "alice", "--password-stdin"],
    &["domain", "add", "shop.example"],
    &["account", "add", "bob@shop.example", "--password-stdin"],
    &["reload"],
    &["domain", "remove", "shop.example", "--with-accounts"],
    &["account", "remove", "alice"],
];

/// Has the running server take a change over.
fn administer(config: &Path, change: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callbox"));
    command.args(change).arg("--config").arg(config);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who asks for no password does not read it.
    let _ = stdin.write_all(b"secret\n");
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("The running server has taken it over."),
        "{change:?}: {said}"
    );
}

#[test]
fn reloads_and_changes_of_accounts_and_domains_cost_calls_no_packet() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut server = Server::start().unwrap();
    let mut calls = runtime.block_on(Calls::sign_in(server.url(), 10)).unwrap();
    let mut generator = Generator::empty().unwrap();
    for index in 0..5 {
        runtime
            .block_on(calls.connect(index, false, &mut generator))
            .unwrap();
    }
    let load = Load {
        payload: 160,
        video_payload: 1200,
        interval: Duration::from_millis(20),
        length: Duration::from_secs(2),
    };
    let attempt = || {
        let config = server.config();
        let changes = std::thread::spawn(move || {
            for change in CHANGES {
                administer(&config, change);
            }
        });
        let outcome = generator.run(&load).unwrap();
        changes.join().unwrap();
        outcome
    };
    let mut attempts = std::iter::repeat_with(attempt).take(ATTEMPTS);
    let outcome = attempts.find(|outcome| !outcome.is_void());
    let outcome = outcome.expect("the machine is too busy for the load");
    assert_eq!(outcome.lost(), 0, "{outcome:?}");
    assert!(outcome.received() > 0);
    assert_eq!(server.counts().unwrap().established, 5);
    drop(calls);
    server.stop().unwrap();
}
