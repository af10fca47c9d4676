use std::net::{IpAddr, SocketAddr};

use sip::flow::Transport;
use tokio::net::UdpSocket;

use super::*;
use crate::net::sip::ports::Ports;

/// A socket of ours on loopback, served until this is dropped.
struct Served {
    address: SocketAddr,
    _served: crate::net::sip::Served,
}

fn serve(shared: &Arc<Shared>, listen: &str) -> Served {
    let mut settings = shared.settings.clone();
    settings.udp = vec![listen.parse().unwrap()];
    (settings.tcp, settings.tls) = (Vec::new(), Vec::new());
    let ports = Ports::open(&settings);
    assert_eq!(ports.warnings, [""; 0]);
    let address = ports.addresses().udp[0];
    Served {
        address,
        _served: ports.serve(shared, means(None, None).0),
    }
}

struct Phone(UdpSocket);

impl Phone {
    async fn at(server: SocketAddr) -> Self {
        let ip: IpAddr = server.ip();
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        socket.connect(server).await.unwrap();
        Self(socket)
    }

    async fn send(&self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes.as_ref()).await.unwrap();
    }

    async fn next(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        let received = timeout(PATIENCE, self.0.recv(&mut buffer)).await;
        buffer.truncate(received.expect("nothing came").unwrap());
        buffer
    }
}

#[tokio::test]
async fn each_peer_is_a_flow_and_is_answered_from_the_address_it_came_to() {
    for (listen, reached) in [
        ("0.0.0.0:0", "127.0.0.1"),
        ("0.0.0.0:0", "127.0.0.2"),
        ("[::]:0", "::1"),
    ] {
        let (mut driver, shared) = TestDriver::new("");
        let served = serve(&shared, listen);
        let address = SocketAddr::new(reached.parse().unwrap(), served.address.port());
        let (one, other) = (Phone::at(address).await, Phone::at(address).await);
        let mut flows = Vec::new();
        for phone in [&one, &other] {
            phone.send(options("first")).await;
            let opened = driver.opened().await;
            assert_eq!(opened.ends.local, address);
            assert_eq!(opened.ends.transport, Transport::Udp);
            assert_eq!(opened.ends.peer.address, phone.0.local_addr().unwrap());
            assert!(opened.ends.peer.local);
            let (flow, message) = driver.said().await;
            assert_eq!(flow, opened.flow);
            let source = message.into_request().unwrap().source();
            assert_eq!(source, Some(opened.ends.peer.address));
            flows.push(opened);
        }
        one.send(options("second")).await;
        assert_eq!(driver.said().await.0, flows[0].flow);
        // A connected socket takes nothing from another address.
        flows[1].handle.send(answer(3)).unwrap();
        flows[0].handle.send(answer(2)).unwrap();
        assert_eq!(
            (one.next().await, other.next().await),
            (answer(2).into(), answer(3).into())
        );
    }
}

#[tokio::test]
async fn keep_alives_are_answered_and_make_no_flow() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, "127.0.0.1:0");
    let phone = Phone::at(served.address).await;
    phone.send("\r\n\r\n").await;
    assert_eq!(phone.next().await, b"\r\n");
    let binding = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
    phone.send(binding).await;
    let mapped = phone.next().await;
    assert_eq!(
        (&mapped[..2], &mapped[8..20]),
        (&b"\x01\x01"[..], &b"abcdefghijkl"[..])
    );
    let port = u16::from_be_bytes([mapped[26], mapped[27]]) ^ 0x2112;
    assert_eq!(port, phone.0.local_addr().unwrap().port());
    // Neither is an answer due to nothing.
    phone.send("").await;
    phone.send("\r\n").await;
    phone.send(broken("b")).await;
    assert!(phone.next().await.starts_with(b"SIP/2.0 400 "));
    assert!(driver.inbox.try_recv().is_err());
}

#[tokio::test]
async fn rubbish_is_counted_and_makes_no_flow() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, "127.0.0.1:0");
    let phone = Phone::at(served.address).await;
    for rubbish in ["\0", "hello", "GET / HTTP/1.1\r\n\r\n"] {
        phone.send(rubbish).await;
    }
    phone.send("\r\n\r\n").await;
    phone.next().await;
    assert_eq!(shared.drops.seen(), 3);
    assert!(driver.inbox.try_recv().is_err());
}

#[tokio::test]
async fn a_datagram_of_any_length_is_taken_whole() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, "127.0.0.1:0");
    let phone = Phone::at(served.address).await;
    let body = "x".repeat(60_000);
    let length = format!("Content-Length: 60000\r\n\r\n{body}");
    phone
        .send(options("long").replace("Content-Length: 0\r\n\r\n", &length))
        .await;
    let opened = driver.opened().await;
    let request = driver.said().await.1.into_request().unwrap();
    assert_eq!(request.body().len(), 60_000);
    opened.handle.send(answer(60_000)).unwrap();
    assert_eq!(phone.next().await.len(), answer(60_000).len());
}

#[tokio::test]
async fn a_full_table_forgets_strangers_and_spares_who_has_signed_in() {
    let (mut driver, shared) = TestDriver::new("[sip]\nudp_flows = 16\n");
    let served = serve(&shared, "127.0.0.1:0");
    let known = Phone::at(served.address).await;
    known.send(options("known")).await;
    let signed_in = driver.opened().await;
    driver.said().await;
    signed_in.handle.trust(true);
    let mut strangers = Vec::new();
    let mut phones = Vec::new();
    for _ in 0..15 {
        let phone = Phone::at(served.address).await;
        phone.send(options("stranger")).await;
        strangers.push(driver.opened().await);
        driver.said().await;
        phones.push(phone);
    }
    for oldest in &strangers[..3] {
        let late = Phone::at(served.address).await;
        late.send(options("late")).await;
        assert_eq!(driver.closed().await, (oldest.flow, FlowEnd::Abnormal));
        let opened = driver.opened().await;
        assert_ne!(opened.flow, oldest.flow);
        driver.said().await;
        phones.push(late);
    }
    // What is sent to one that is forgotten is lost.
    strangers[0].handle.send(answer(1)).unwrap();
    signed_in.handle.send(answer(2)).unwrap();
    assert_eq!(known.next().await, answer(2));
    known.send(options("again")).await;
    assert_eq!(driver.said().await.0, signed_in.flow);
}

#[tokio::test]
async fn s09_a_stranger_who_sends_too_much_is_dropped_and_another_address_is_served() {
    let (mut driver, shared) = TestDriver::new("[sip]\nmessages_per_second = 10\n");
    let served = serve(&shared, "0.0.0.0:0");
    let at = |ip: [u8; 4]| SocketAddr::from((ip, served.address.port()));
    let flooding = Phone::at(at([127, 0, 0, 1])).await;
    for index in 0..100 {
        flooding.send(options(&index.to_string())).await;
    }
    let quiet = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    quiet
        .send_to(options("quiet").as_bytes(), at([127, 0, 0, 1]))
        .await
        .unwrap();
    let opened = driver.opened().await;
    let mut taken = 0;
    loop {
        match driver.next().await {
            DriverInput::Sip { .. } => taken += 1,
            DriverInput::SipOpened { ends, .. } => {
                assert_eq!(ends.peer.address, quiet.local_addr().unwrap());
                break;
            }
            _ => panic!(),
        }
    }
    assert!((10..50).contains(&taken), "{taken} were taken");
    assert!(shared.drops.seen() >= 50);
    assert_eq!(call_id(&driver.said().await.1), "quiet");
    // Who has signed in is not counted.
    opened.handle.trust(true);
    for index in 0..100 {
        flooding.send(options(&index.to_string())).await;
    }
    for index in 0..100 {
        assert_eq!(call_id(&driver.said().await.1), index.to_string());
    }
}

#[tokio::test]
async fn a_closed_flow_is_forgotten_after_what_was_sent_before() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, "127.0.0.1:0");
    let phone = Phone::at(served.address).await;
    phone.send(options("first")).await;
    let opened = driver.opened().await;
    driver.said().await;
    opened.handle.send(answer(1)).unwrap();
    opened.handle.close(1000, "enough").unwrap();
    assert_eq!(phone.next().await, answer(1));
    assert_eq!(driver.closed().await, (opened.flow, FlowEnd::Clean));
    phone.send(options("second")).await;
    assert_ne!(driver.opened().await.flow, opened.flow);
}

#[tokio::test]
async fn a_public_address_is_told_to_peers_from_outside_only() {
    let (_, shared) = TestDriver::new("[sip]\npublic_address = \"203.0.113.7\"\n");
    let local = "10.0.0.5:5060".parse().unwrap();
    let at = |peer: &str| shared.reached_at(local, peer.parse().unwrap()).to_string();
    assert_eq!(at("198.51.100.1"), "203.0.113.7:5060");
    for inside in [
        "10.1.2.3",
        "127.0.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(at(inside), "10.0.0.5:5060", "{inside}");
    }
    let v6 = "[2001:db8::5]:5060".parse().unwrap();
    assert_eq!(shared.reached_at(v6, "2001:db8::9".parse().unwrap()), v6);
}
