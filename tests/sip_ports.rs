//! The ports for SIP of the real binary: what it says of them, and what it answers on them by
//! itself.

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

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use common::page::{Came, Page};
use common::{PATIENCE, Place, Server, said};

/// Where the server says that it listens for SIP over this.
fn port(server: &mut Server, transport: &str) -> SocketAddr {
    let line = server.wait_for_line("listening http=");
    let addresses = line.split(&format!("sip-{transport}=")).nth(1).unwrap();
    addresses.split([' ', ',']).next().unwrap().parse().unwrap()
}

/// What a UDP socket is answered.
fn ask_over_udp(server: SocketAddr, question: &[u8]) -> Vec<u8> {
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    phone.send_to(question, server).unwrap();
    let mut answer = vec![0; 2048];
    let (len, from) = phone.recv_from(&mut answer).unwrap();
    assert_eq!(from, server);
    answer.truncate(len);
    answer
}

#[test]
fn the_start_lists_the_ports_for_sip() {
    let mut server = Server::start();
    for transport in ["udp", "tcp", "tls"] {
        let address = port(&mut server, transport);
        let line = format!("{} {address}", transport.to_uppercase());
        server.wait_for_line(&line);
    }
}

#[test]
fn keep_alives_are_answered_over_udp_and_tcp() {
    let mut server = Server::start();
    let udp = port(&mut server, "udp");
    assert_eq!(ask_over_udp(udp, b"\r\n\r\n"), b"\r\n");
    let mut phone = TcpStream::connect(port(&mut server, "tcp")).unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    phone.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    phone.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[test]
fn a_request_that_cannot_be_read_is_answered_over_udp() {
    let mut server = Server::start();
    let question = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\n\
                    From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
    let answer = ask_over_udp(port(&mut server, "udp"), question.as_bytes());
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
}

#[tokio::test]
async fn taken_ports_for_sip_cost_sip_and_not_video_chat() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (udp, tcp) = (
        udp.local_addr().map(|it| (it, udp)),
        tcp.local_addr().map(|it| (it, tcp)),
    );
    let ((udp, _udp_socket), (tcp, _tcp_socket)) = (udp.unwrap(), tcp.unwrap());
    let mut server = Server::start_with(|text| {
        let (_, rest) = text.split_once('\n').unwrap();
        format!("sip = {{ udp = \"{udp}\", tcp = \"{tcp}\", tls = [] }}\n{rest}")
    });
    for (transport, key, address) in [("UDP", "sip.udp", udp), ("TCP", "sip.tcp", tcp)] {
        let line = server.wait_for_line(&format!("no SIP over {transport} on {address}"));
        assert!(line.contains("is taken by another program"), "{line}");
        assert!(
            line.contains(&format!("set another address under {key}")),
            "{line}"
        );
    }
    let mut page = Page::open(&server).await;
    let came = page.sign_in("alice", None).await;
    assert!(matches!(came, Came::Said(name, _) if name == "getUserData"));
}

#[test]
fn a_file_of_authorities_that_is_none_is_a_sentence() {
    let place = Place::new(|text| text.replacen("tls =", "ca_file = \"config.toml\", tls =", 1));
    let output = place.command(&["serve"], "");
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("sip.ca_file: ") && said.contains("has no certificate in it"),
        "{said}"
    );
}

#[test]
fn the_server_ends_well_with_connections_open() {
    let mut server = Server::start();
    let _silent = TcpStream::connect(port(&mut server, "tcp")).unwrap();
    assert_eq!(server.stop(), Some(0));
}
