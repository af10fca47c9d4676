//! The driver with a Switch and a media worker, and connections played by the test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::SocketAddr;
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sip::flow::Transport;
use sip::message::{Limits, Message};
use sip::uri::Host;
use tokio::time::timeout;

use super::*;
use crate::config::Config;
use crate::net::media_worker::{MediaWorker, MediaWorkerConfig};
use crate::net::sip::{Mailbox, Order, Standing, connection};
use crate::net::{settings, sounds};

/// Nothing here takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// With the shipped configuration, and one media worker.
fn driver() -> (Driver, DriverHandle) {
    let config = Config::parse("", Path::new("/nowhere")).unwrap();
    let certificate = settings::dtls_certificate().unwrap();
    let (library, played) = sounds::load(&config).unwrap();
    let fingerprint = certificate.fingerprint();
    let worker = MediaWorker::start(MediaWorkerConfig {
        index: 0,
        port: 0,
        ipv6: false,
        rtp_ports: settings::worker_rtp_ports(&config, 0),
        tcp: None,
        worker: settings::worker(&config, certificate, library, [1; 32]),
    })
    .unwrap();
    let candidates = vec![settings::candidates(&config, &worker.monitor)];
    let aliases = vec![Host::parse("localhost").unwrap()];
    let switch = settings::switch(
        &config,
        fingerprint,
        candidates,
        vec![Vec::new()],
        played,
        aliases,
    );
    let switch = Switch::new(switch, StdRng::from_seed([2; 32]));
    let (kept, _) = watch::channel(Vec::new());
    let (driver, handle, _) = Driver::new(switch, vec![worker], None, kept, None);
    (driver, handle)
}

/// A telephone over TCP, on this machine.
async fn connected(driver: &DriverHandle, port: u16) -> (FlowId, Mailbox) {
    let flow = driver.new_flow();
    let (way, mailbox) = connection(64, Standing::new(Vec::new()));
    let ends = SipEnds {
        peer: Peer {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            local: true,
            secure: false,
            user_agent: None,
        },
        transport: Transport::Tcp,
        local: SocketAddr::from(([127, 0, 0, 1], 5060)),
    };
    assert!(driver.sip_opened(flow, ends, way, None).await);
    (flow, mailbox)
}

async fn say(driver: &DriverHandle, flow: FlowId, text: &str) {
    let message = Message::parse(text.as_bytes(), &Limits::default()).unwrap();
    assert!(driver.sip_said(flow, message, &Turns::default()).await);
}

/// The first lines of what a telephone is sent, up to one that begins so.
async fn hears(mailbox: &mut Mailbox, last: &str) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let order = timeout(PATIENCE, mailbox.next()).await;
        let Some(Order::Send(bytes)) = order.expect("nothing came") else {
            panic!("it was closed after {heard:?}");
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        heard.extend(text.lines().next().map(str::to_owned));
        if text.starts_with(last) {
            return heard;
        }
    }
}

/// It got no INVITE, because the caller was told that no port was left for RTP: the worker's thread
/// had not had its first turn.
#[tokio::test]
async fn a_call_in_the_first_moment_finds_the_ports_that_the_worker_opened() {
    let (driver, handle) = driver();
    let (caller, _answers) = connected(&handle, 50_001).await;
    let (callee, mut rings) = connected(&handle, 50_002).await;
    let request = |method: &str, uri: &str, user: &str, to: &str, rows: &str, body: &str| {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP {user}.invalid;branch=z9hG4bK{user}{method}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@localhost>;tag=1\r\nTo: <sip:{to}@localhost>\r\n\
             Call-ID: {method}-{user}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:{user}@{user}.invalid;transport=tcp>\r\n\
             {rows}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // All that waits for the driver before it begins.
    for (flow, user) in [(caller, "2001"), (callee, "2002")] {
        let register = request(
            "REGISTER",
            "sip:localhost",
            user,
            user,
            "Expires: 300\r\n",
            "",
        );
        say(&handle, flow, &register).await;
    }
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 5004 RTP/AVP 0\r\n";
    let rows = "Content-Type: application/sdp\r\n";
    let invite = request("INVITE", "sip:2002@localhost", "2001", "2002", rows, sdp);
    say(&handle, caller, &invite).await;
    let driving = tokio::spawn(driver.run());
    let heard = hears(&mut rings, "INVITE ").await;
    assert_eq!(heard.len(), 2, "after its 200: {heard:?}");
    driving.abort();
}
