use std::net::SocketAddr;

use sip::flow::Transport;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::net::dns::{Dns, tests as dns};
use crate::net::sip::ports::Ports;
use crate::net::tls::Identity;

/// What opens flows for us, until this is dropped.
struct Opening {
    driver: TestDriver,
    udp: Vec<SocketAddr>,
    want: mpsc::Sender<Wanted>,
    _served: crate::net::sip::Served,
}

impl Opening {
    /// With UDP sockets at these addresses.
    fn with(udp: &[&str], ca_file: Option<&Path>) -> Self {
        Self::with_dns(udp, ca_file, None)
    }

    fn with_dns(udp: &[&str], ca_file: Option<&Path>, dns: Option<Dns>) -> Self {
        let (driver, shared) = TestDriver::new("[sip]\nconnect_timeout_ms = 500\n");
        let mut settings = shared.settings.clone();
        settings.udp = udp.iter().map(|address| address.parse().unwrap()).collect();
        (settings.tcp, settings.tls) = (Vec::new(), Vec::new());
        let ports = Ports::open(&settings);
        assert_eq!(ports.warnings, [""; 0]);
        let udp = ports.addresses().udp;
        let (mut means, want) = means(None, ca_file);
        if let Some(dns) = dns {
            means.dns = Ok(dns);
        }
        Self {
            driver,
            udp,
            want,
            _served: ports.serve(&shared, means),
        }
    }

    async fn want(&self, connect: u64, transport: Transport, address: SocketAddr, name: &str) {
        let place = Place::At(Target {
            transport,
            address,
            name: (!name.is_empty()).then(|| name.to_owned()),
        });
        self.want.send(Wanted { connect, place }).await.unwrap();
    }

    /// The same by name, at one address alone.
    async fn want_named(&self, connect: u64, uri: &str, only: &str) {
        let place = Place::Of {
            destination: dns::destination(uri),
            only: Some(only.parse().unwrap()),
        };
        self.want.send(Wanted { connect, place }).await.unwrap();
    }

    /// The sentence with which it failed.
    async fn failed(&mut self, expected: u64) -> String {
        match self.driver.next().await {
            DriverInput::ConnectFailed { connect, sentence } => {
                assert_eq!(connect, expected);
                sentence
            }
            _ => panic!("it did not fail"),
        }
    }
}

/// A certificate for `localhost`, in a directory.
fn identity() -> (TempDir, Identity) {
    let directory = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned()];
    let addresses = [[127, 0, 0, 1].into()];
    let identity = Identity::load_or_make(directory.path(), &names, &addresses).unwrap();
    (directory, identity)
}

#[tokio::test]
async fn a_tcp_connection_is_opened_and_carries_both_ways() {
    let mut opening = Opening::with(&[], None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    opening.want(7, Transport::Tcp, address, "").await;
    let opened = opening.driver.opened().await;
    let (mut server, from) = listener.accept().await.unwrap();
    assert_eq!(opened.connect, Some(7));
    assert_eq!(opened.ends.transport, Transport::Tcp);
    assert_eq!(
        (opened.ends.peer.address, opened.ends.local),
        (address, from)
    );
    opened.handle.send(answer(1)).unwrap();
    let mut came = vec![0; answer(1).len()];
    server.read_exact(&mut came).await.unwrap();
    assert_eq!(came, answer(1));
    // On a stream that we opened line ends are pongs, and get no answer.
    let both = format!("\r\n\r\n{}{}", broken("b"), options("in"));
    server.write_all(both.as_bytes()).await.unwrap();
    assert_eq!(call_id(&opening.driver.said().await.1), "in");
    let mut start = [0; 12];
    server.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"SIP/2.0 400 ");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_in_words() {
    let mut opening = Opening::with(&[], None);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    opening.want(1, Transport::Tcp, address, "").await;
    assert_eq!(opening.failed(1).await, "nothing listens there");
    for transport in [Transport::Ws, Transport::Wss] {
        opening.want(2, transport, address, "").await;
        assert!(opening.failed(2).await.contains("by the other side only"));
    }
    // It takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    opening.want(3, Transport::Tls, address, "").await;
    assert_eq!(opening.failed(3).await, "no answer within 500 ms");
}

#[tokio::test]
async fn s41_only_a_server_whose_certificate_names_it_and_is_vouched_for_is_talked_to() {
    let (directory, ours) = identity();
    let certificate = directory.path().join("https-certificate.pem");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = ours.sip_acceptor();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                stream.write_all(options("tls").as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                held.push(stream);
            }
        }
    });
    let mut opening = Opening::with(&[], Some(&certificate));
    for (connect, name) in [(1, "localhost"), (2, "")] {
        opening.want(connect, Transport::Tls, address, name).await;
        let opened = opening.driver.opened().await;
        assert_eq!(opened.connect, Some(connect));
        assert_eq!(opened.ends.transport, Transport::Tls);
        assert!(opened.ends.peer.secure);
        assert_eq!(opening.driver.said().await.0, opened.flow);
        drop(opened);
        opening.driver.closed().await;
    }
    opening
        .want(3, Transport::Tls, address, "sip.example")
        .await;
    assert!(opening.failed(3).await.starts_with("TLS failed: "));
    opening.want(4, Transport::Tls, address, "no name").await;
    assert!(
        opening
            .failed(4)
            .await
            .contains("no name that a certificate could have")
    );
    // Nobody vouches for it.
    let (other_directory, _) = identity();
    let other = other_directory.path().join("https-certificate.pem");
    let mut opening = Opening::with(&[], Some(&other));
    opening.want(5, Transport::Tls, address, "localhost").await;
    let sentence = opening.failed(5).await;
    assert!(sentence.starts_with("TLS failed: "), "{sentence}");
}

#[tokio::test]
async fn the_way_to_a_udp_peer_leaves_from_our_port_and_is_one_flow() {
    let mut opening = Opening::with(&["0.0.0.0:0"], None);
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    opening.want(1, Transport::Udp, address, "").await;
    let opened = opening.driver.opened().await;
    assert_eq!(opened.connect, Some(1));
    let local = SocketAddr::from(([127, 0, 0, 1], opening.udp[0].port()));
    assert_eq!(
        (opened.ends.local, opened.ends.peer.address),
        (local, address)
    );
    opened.handle.send(answer(1)).unwrap();
    let mut buffer = [0; 2048];
    let (len, from) = peer.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..len], from), (&answer(1)[..], local));
    // What comes back is on that flow, and who wants it again gets the same.
    peer.send_to(options("back").as_bytes(), local)
        .await
        .unwrap();
    assert_eq!(opening.driver.said().await.0, opened.flow);
    opening.want(2, Transport::Udp, address, "").await;
    let again = opening.driver.opened().await;
    assert_eq!((again.flow, again.connect), (opened.flow, Some(2)));
}

#[tokio::test]
async fn a_udp_peer_that_none_of_our_ports_reaches_is_told_with_the_key_to_change() {
    let mut opening = Opening::with(&["127.0.0.2:0"], None);
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    opening
        .want(1, Transport::Udp, peer.local_addr().unwrap(), "")
        .await;
    assert!(opening.failed(1).await.contains("sip.udp"));
}

#[tokio::test]
async fn of_the_servers_of_a_name_the_first_that_can_be_reached_is_taken() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let names = dns::NameServer::with(vec![
        dns::srv("_sip._tcp.example.net", 1, port(&gone), "host.example.net"),
        dns::srv("_sip._tcp.example.net", 2, port(&there), "host.example.net"),
        dns::a("host.example.net", 60, [127, 0, 0, 1]),
    ])
    .await;
    drop(gone);
    let mut opening = Opening::with_dns(&[], None, Some(names.dns()));
    let uri = "sip:example.net;transport=tcp";
    opening.want_named(3, uri, "127.0.0.1").await;
    let opened = opening.driver.opened().await;
    assert_eq!(opened.connect, Some(3));
    assert_eq!(opened.ends.peer.address, there.local_addr().unwrap());
    let _open = there.accept().await.unwrap();
    drop(there);
    opening.want_named(4, uri, "127.0.0.1").await;
    let sentence = opening.failed(4).await;
    let expected = "nothing listens there; none of its servers could be reached";
    assert_eq!(sentence, expected);
}

/// S38: a name does not lead to another address than the one that may be meant.
#[tokio::test]
async fn a_name_leads_to_no_other_address_than_is_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let names = dns::NameServer::with(vec![dns::a("host.example.net", 60, [127, 0, 0, 1])]).await;
    let mut opening = Opening::with_dns(&[], None, Some(names.dns()));
    let uri = format!("sip:host.example.net:{port};transport=tcp");
    for only in ["127.0.0.2", "192.0.2.7"] {
        opening.want_named(5, &uri, only).await;
        opening.failed(5).await;
    }
    let nobody = listener.accept();
    let nobody = timeout(Duration::from_millis(50), nobody).await;
    assert!(nobody.is_err(), "it was reached all the same");
}
