//! The ports for SIP of the real binary: what it says of them, what it answers on them by itself, and
//! what becomes of a call whose connection breaks.

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

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use common::page::{Came, Page};
use common::{PATIENCE, Place, Server, said};

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
        let address = server.sip(transport);
        let line = format!("{} {address}", transport.to_uppercase());
        server.wait_for_line(&line);
    }
}

#[test]
fn keep_alives_are_answered_over_udp_and_tcp() {
    let mut server = Server::start();
    let udp = server.sip("udp");
    assert_eq!(ask_over_udp(udp, b"\r\n\r\n"), b"\r\n");
    let mut phone = TcpStream::connect(server.sip("tcp")).unwrap();
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
    let answer = ask_over_udp(server.sip("udp"), question.as_bytes());
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
    let _silent = TcpStream::connect(server.sip("tcp")).unwrap();
    assert_eq!(server.stop(), Some(0));
}

/// A Binding request without attributes (RFC 5626 3.5.2, RFC 8489 5).
#[test]
fn a_stun_keep_alive_learns_its_address_over_udp() {
    let mut server = Server::start();
    let mut question = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    question.extend(*b"twelve bytes");
    let answer = ask_over_udp(server.sip("udp"), &question);
    assert_eq!(answer[..4], [1, 1, 0, 12], "a success with one attribute");
    assert_eq!(answer[8..20], *b"twelve bytes");
    // XOR-MAPPED-ADDRESS of an IPv4 address: 127.0.0.1 under the cookie.
    assert_eq!(answer[20..26], [0, 0x20, 0, 8, 0, 1]);
    assert_eq!(answer[28..], [127 ^ 0x21, 0x12, 0xA4, 1 ^ 0x42]);
}

/// A phone registers as a guest of this machine.
fn registers(server: SocketAddr) -> UdpSocket {
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    let here = phone.local_addr().unwrap();
    let register = format!(
        "REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKr1;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:2001@localhost>;tag=1\r\nTo: <sip:2001@localhost>\r\n\
         Call-ID: registers\r\nCSeq: 1 REGISTER\r\nContact: <sip:2001@{here}>\r\n\
         Expires: 300\r\nContent-Length: 0\r\n\r\n"
    );
    phone.send_to(register.as_bytes(), server).unwrap();
    let answer = next(&phone);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    phone
}

fn next(phone: &UdpSocket) -> String {
    let mut datagram = vec![0; 4096];
    let (len, _) = phone.recv_from(&mut datagram).unwrap();
    String::from_utf8_lossy(&datagram[..len]).into_owned()
}

#[test]
fn a_phone_is_asked_whether_it_is_there() {
    let mut server =
        Server::start_with(|text| text.replacen("tls =", "options_interval_s = 1, tls =", 1));
    let phone = registers(server.sip("udp"));
    let asked = next(&phone);
    assert!(asked.starts_with("OPTIONS sip:2001@127.0.0.1:"), "{asked}");
}

#[test]
fn status_lists_phones_and_flows() {
    let mut server = Server::start();
    let udp = server.sip("udp");
    let phone = registers(udp);
    let here = phone.local_addr().unwrap();
    let status = said(&server.place.command(&["status"], ""));
    for words in [
        "phones registered   1".to_owned(),
        format!("2001@localhost  UDP from {here}  sip:2001@{here}  for "),
        "reachable".to_owned(),
        format!("UDP {here} to {udp}  for "),
        "signed in".to_owned(),
    ] {
        assert!(status.contains(&words), "{words:?} in {status}");
    }
}

#[test]
fn s23_a_scanner_gets_no_answer_and_the_status_counts_it() {
    let mut server = Server::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let here = socket.local_addr().unwrap();
    for (name, agent) in [("scan", "friendly-scanner"), ("phone", "Linphone/5.2")] {
        let options = format!(
            "OPTIONS sip:100@localhost SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{name};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@localhost>;tag=1\r\nTo: <sip:100@localhost>\r\n\
             Call-ID: {name}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
        );
        socket
            .send_to(options.as_bytes(), server.sip("udp"))
            .unwrap();
    }
    let answer = next(&socket);
    assert!(answer.contains("Call-ID: phone\r\n"), "{answer}");
    let status = said(&server.place.command(&["status"], ""));
    let counted = "scanners banned     0 (1 requests dropped)";
    assert!(status.contains(counted), "{status}");
}

/// One message of a stream, its body included.
fn next_of(stream: &mut BufReader<TcpStream>) -> String {
    let mut message = String::new();
    while !message.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut message).unwrap() > 0, "{message}");
    }
    let length = header(&message, "Content-Length").parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    message + &String::from_utf8_lossy(&body)
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    let line = message.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {name} in {message}"))
}

fn reading(stream: TcpStream) -> BufReader<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

/// The 200 to a request, with further rows.
fn accepted(request: &str, rows: &str, body: &str) -> String {
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag = match header(request, name).contains("tag=") || name != "To" {
            true => "",
            false => ";tag=callee",
        };
        answer += &format!("{name}: {}{tag}\r\n", header(request, name));
    }
    format!("{answer}{rows}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn the_end_of_a_call_reaches_a_phone_whose_connection_broke_over_a_new_one() {
    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                       m=audio 5006 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
    let mut server = Server::start();
    let (udp, tcp) = (server.sip("udp"), server.sip("tcp"));
    let caller = registers(udp);
    let listens = TcpListener::bind("127.0.0.1:0").unwrap();
    let contact = format!("sip:2002@{};transport=tcp", listens.local_addr().unwrap());
    let mut callee = reading(TcpStream::connect(tcp).unwrap());
    let register = format!(
        "REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP phone.invalid;branch=z9hG4bKr2\r\n\
         Max-Forwards: 70\r\nFrom: <sip:2002@localhost>;tag=2\r\nTo: <sip:2002@localhost>\r\n\
         Call-ID: registers-2\r\nCSeq: 1 REGISTER\r\nContact: <{contact}>\r\n\
         Expires: 300\r\nContent-Length: 0\r\n\r\n"
    );
    callee.get_mut().write_all(register.as_bytes()).unwrap();
    assert!(next_of(&mut callee).starts_with("SIP/2.0 200 "));

    let here = caller.local_addr().unwrap();
    let say = |method: &str, cseq: u32, to: &str, body: &str| {
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let request = format!(
            "{method} sip:2002@localhost SIP/2.0\r\n\
             Via: SIP/2.0/UDP {here};branch=z9hG4bK{method};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:2001@localhost>;tag=1\r\nTo: {to}\r\nCall-ID: calls\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:2001@{here}>\r\n\
             {content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        caller.send_to(request.as_bytes(), udp).unwrap();
    };
    let final_answer = || loop {
        let answer = next(&caller);
        if !answer.starts_with("SIP/2.0 1") {
            break answer;
        }
    };
    say("INVITE", 1, "<sip:2002@localhost>", SDP);
    let trying = next(&caller);
    assert!(trying.starts_with("SIP/2.0 100 "), "{trying}");
    let invite = next_of(&mut callee);
    assert!(invite.starts_with("INVITE sip:2002@127.0.0.1:"), "{invite}");
    let rows = format!("Contact: <{contact}>\r\nContent-Type: application/sdp\r\n");
    let answer = accepted(&invite, &rows, SDP);
    callee.get_mut().write_all(answer.as_bytes()).unwrap();
    assert!(next_of(&mut callee).starts_with("ACK "));
    let ok = final_answer();
    assert!(ok.starts_with("SIP/2.0 200 "), "{ok}");
    let to = header(&ok, "To");
    say("ACK", 1, to, "");

    drop(callee);
    // The call goes on, though the server has noticed.
    let deadline = std::time::Instant::now() + PATIENCE;
    while said(&server.place.command(&["status"], "")).contains("TCP 127.0.0.1:") {
        assert!(std::time::Instant::now() < deadline, "it never notices");
    }
    say("BYE", 2, to, "");
    assert!(final_answer().starts_with("SIP/2.0 200 "));
    let mut again = reading(listens.accept().unwrap().0);
    let bye = next_of(&mut again);
    assert!(bye.starts_with(&format!("BYE {contact} ")), "{bye}");
    assert_eq!(header(&bye, "Call-ID"), header(&invite, "Call-ID"));
    again
        .get_mut()
        .write_all(accepted(&bye, "", "").as_bytes())
        .unwrap();
    let status = said(&server.place.command(&["status"], ""));
    assert!(status.contains("calls now           0 "), "{status}");
}

#[test]
fn memory_of_connections_that_are_gone_is_given_back() {
    let mut server = Server::start();
    let tcp = server.sip("tcp");
    let connected = |count: usize| {
        let phones: Vec<_> = (0..count)
            .map(|_| reading(TcpStream::connect(tcp).unwrap()))
            .collect();
        let answered = phones.into_iter().map(|mut phone| {
            // A message that is never finished takes memory.
            phone.get_mut().write_all(b"\r\n\r\n").unwrap();
            let mut pong = [0; 2];
            phone.read_exact(&mut pong).unwrap();
            let begun = format!("OPTIONS sip:x SIP/2.0\r\nSubject: {}", "x".repeat(8_000));
            phone.get_mut().write_all(begun.as_bytes()).unwrap();
            phone
        });
        answered.collect::<Vec<_>>()
    };
    drop(connected(10));
    let before = server.resident_kib();
    let phones = connected(500);
    let stood = server.wait_for_memory(|resident| resident > before + 4_000);
    drop(phones);
    server.wait_for_memory(|resident| resident < before + (stood - before) / 2);
}
