//! What the HTTP port lets in: guests, origins, hosts, and what a hostile peer may send
//! (SECURITY S07, S08, S39, S40).

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

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::page::{Came, Page};
use common::{PATIENCE, Server};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const SOON: &str = "[limits]\nhandshake_timeout_ms = 500\n";

fn impatient() -> Server {
    Server::start_with(|text| format!("{text}{SOON}"))
}

/// Reads until the peer closes; how long that took.
fn until_closed(stream: &mut TcpStream) -> Duration {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let started = Instant::now();
    let mut sink = Vec::new();
    match stream.read_to_end(&mut sink) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("it stayed open: {error}"),
    }
    started.elapsed()
}

/// A raw WebSocket, upgraded.
fn raw_websocket(server: &Server) -> TcpStream {
    raw_websocket_for(server, "")
}

/// The same with further headers.
fn raw_websocket_for(server: &Server, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.http).unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n",
        server.http
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    stream
}

async fn still_serves(server: &Server) {
    let mut page = Page::open(server).await;
    assert!(
        matches!(page.sign_in("witness", None).await, Came::Said(name, _) if name == "getUserData")
    );
}

#[tokio::test]
async fn a_guest_on_this_machine_signs_in() {
    let server = Server::start();
    let mut page = Page::open(&server).await;
    let Came::Said(name, data) = page.sign_in("Alice", None).await else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), &data[0]["sipLogin"]),
        ("getUserData", &"Alice".into())
    );
    assert!(
        data[0]["authToken"]
            .as_str()
            .is_some_and(|token| token.len() >= 16)
    );
    let Came::Said(name, _) = page.next().await else {
        panic!()
    };
    assert_eq!(name, "registered");
}

#[test]
fn the_page_learns_where_it_is_served_encrypted() {
    let server = Server::start();
    let port = server.https.port();
    let answer = server.request("GET", "/page.json", &[]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.ends_with(&format!(r#"{{"https_port":{port}}}"#)),
        "{answer}"
    );
}

#[tokio::test]
async fn s39_nobody_behind_a_proxy_is_a_loopback_guest_by_accident() {
    let server = Server::start();
    for header in [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
    ] {
        let mut page = Page::open_with(&server, &[header]).await.unwrap();
        let Came::Said(name, data) = page.sign_in("alice", None).await else {
            panic!()
        };
        assert_eq!(
            (name.as_str(), &data[0]["status"]),
            ("fail", &"FAILED".into()),
            "{header:?}"
        );
        assert!(page.ended().await.is_some());
    }
}

#[tokio::test]
async fn s39_a_foreign_page_gets_403_and_the_log_names_the_key() {
    let mut server = Server::start();
    let origin = ("Origin", "https://evil.example");
    assert_eq!(Page::open_with(&server, &[origin]).await.err(), Some(403));
    let line = server.wait_for_line("http.allowed_origins");
    assert!(
        line.contains("WARN") && line.contains("https://evil.example"),
        "{line}"
    );
}

#[tokio::test]
async fn s39_pages_of_this_server_and_of_localhost_are_let_in() {
    let server = Server::start();
    let own = format!("http://{}", server.http);
    for origin in [own.as_str(), "http://localhost:3000"] {
        assert!(
            Page::open_with(&server, &[("Origin", origin)])
                .await
                .is_ok(),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn s39_an_allowed_origin_is_let_in_but_is_no_loopback_guest() {
    let server = Server::start_with(|text| {
        text.replace(
            "[https]",
            "allowed_origins = [\"https://shop.example\"]\n[https]",
        )
    });
    let mut page = Page::open_with(&server, &[("Origin", "https://shop.example")])
        .await
        .unwrap();
    assert!(matches!(page.sign_in("alice", None).await, Came::Said(name, _) if name == "fail"));
}

#[tokio::test]
async fn s39_a_foreign_page_gets_403_for_sip_too() {
    let server = Server::start();
    let sip = ("Sec-WebSocket-Protocol", "sip");
    let origin = ("Origin", "https://evil.example");
    assert_eq!(
        Page::open_with(&server, &[sip, origin]).await.err(),
        Some(403)
    );
    let host = ("Host", "evil.example");
    assert_eq!(
        Page::open_with(&server, &[sip, host]).await.err(),
        Some(403)
    );
    assert!(Page::open_with(&server, &[sip]).await.is_ok());
}

#[tokio::test]
async fn sip_over_websocket_is_served_on_the_port_of_the_page() {
    let server = Server::start();
    let sip = ("Sec-WebSocket-Protocol", "sip");
    let mut phone = Page::open_with(&server, &[sip]).await.unwrap();
    phone.socket.send(Message::text("\r\n\r\n")).await.unwrap();
    let pong = tokio::time::timeout(PATIENCE, phone.socket.next())
        .await
        .unwrap();
    assert_eq!(pong.unwrap().unwrap(), Message::text("\r\n"));
}

#[tokio::test]
async fn s39_a_message_of_10_megabytes_closes_the_connection() {
    let server = Server::start();
    let mut page = Page::open(&server).await;
    page.sign_in("alice", None).await;
    let _ = page.socket.send(Message::text("x".repeat(10 << 20))).await;
    page.ended().await;
    still_serves(&server).await;
}

#[tokio::test]
async fn s39_an_unmasked_frame_closes_the_connection() {
    let server = Server::start();
    let mut stream = raw_websocket(&server);
    stream.write_all(b"\x81\x02{}").unwrap();
    until_closed(&mut stream);
    still_serves(&server).await;
}

#[tokio::test]
async fn s39_endless_fragments_close_the_connection() {
    let server = Server::start();
    let mut stream = raw_websocket(&server);
    // A text frame without FIN, then continuation frames of one byte each, masked with zeros.
    let mut frames = b"\x01\x81\0\0\0\0a".to_vec();
    frames.extend(b"\x00\x81\0\0\0\0a".repeat(1_000_000));
    // The server closes long before all are sent.
    let _ = stream.write_all(&frames);
    until_closed(&mut stream);
    still_serves(&server).await;
}

#[tokio::test]
async fn s39_endless_empty_fragments_close_the_connection() {
    let server = impatient();
    let mut stream = raw_websocket(&server);
    let started = Instant::now();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"\x01\x80\0\0\0\0").unwrap();
    let burst = b"\x00\x80\0\0\0\0".repeat(1_000);
    while stream.write_all(&burst).is_ok() {
        assert!(started.elapsed() < PATIENCE, "it stays open for ever");
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn s39_compressed_frames_are_not_taken() {
    let server = Server::start();
    let mut stream = raw_websocket(&server);
    // RSV1 marks a compressed message (RFC 7692), which was not negotiated.
    stream.write_all(b"\xC1\x82\0\0\0\0{}").unwrap();
    until_closed(&mut stream);
    still_serves(&server).await;
}

#[tokio::test]
async fn s39_who_takes_nothing_is_cut_off_and_others_go_on() {
    let mut server = Server::start_with(|text| format!("{text}[limits]\noutgoing_messages = 64\n"));
    let mut deaf = Page::open(&server).await;
    deaf.sign_in("deaf", None).await;
    let mut talker = Page::open(&server).await;
    talker.sign_in("talker", None).await;
    // Far more than the kernel's buffers and the queue hold. Nobody reads on the other side.
    for index in 0..390 {
        let payload = json!({ "to": "deaf", "type": "sipMessage", "body": "x".repeat(60_000) });
        talker
            .say(
                "sendData",
                json!({ "operationId": index.to_string(), "payload": payload }),
            )
            .await;
    }
    server.wait_for_line("takes its messages too slowly and is cut off");
    still_serves(&server).await;
}

#[test]
fn s39_a_websocket_that_says_nothing_is_closed() {
    let server = impatient();
    let mut stream = raw_websocket(&server);
    assert!(until_closed(&mut stream) >= Duration::from_millis(300));
}

#[tokio::test]
async fn s07_a_sip_message_that_comes_byte_by_byte_is_cut_off_and_who_is_idle_is_not() {
    let server =
        Server::start_with(|text| text.replacen("sip = {", "sip = { message_timeout_ms = 300,", 1));
    let sip = ("Sec-WebSocket-Protocol", "sip");
    let mut idle = Page::open_with(&server, &[sip]).await.unwrap();
    let ping = Message::text("\r\n\r\n");
    idle.socket.send(ping.clone()).await.unwrap();
    idle.socket.next().await.unwrap().unwrap();

    let mut slow = raw_websocket_for(&server, "Sec-WebSocket-Protocol: sip\r\n");
    let started = Instant::now();
    // A text frame of 60,000 bytes, masked with zeros.
    slow.write_all(b"\x81\xFE\xEA\x60\0\0\0\0").unwrap();
    let mut came = slow.try_clone().unwrap();
    let closed = std::thread::spawn(move || until_closed(&mut came));
    while !closed.is_finished() {
        // It may be closed in between.
        let _ = slow.write_all(b"x");
        assert!(started.elapsed() < PATIENCE, "it stays open");
        std::thread::sleep(Duration::from_millis(25));
    }
    assert!(closed.join().unwrap() >= Duration::from_millis(200));

    idle.socket.send(ping).await.unwrap();
    let pong = idle.socket.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::text("\r\n"));
}

#[test]
fn s07_a_head_that_comes_byte_by_byte_is_cut_off() {
    let server = impatient();
    let mut stream = TcpStream::connect(server.http).unwrap();
    let started = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
        .iter()
        .cycle()
    {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "it stays open for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn s07_silent_connections_are_closed_on_both_ports() {
    let server = impatient();
    for address in [server.http, server.https] {
        let mut stream = TcpStream::connect(address).unwrap();
        assert!(
            until_closed(&mut stream) >= Duration::from_millis(300),
            "{address}"
        );
    }
}

#[test]
fn s08_one_address_has_so_many_connections_and_another_is_served() {
    let server = Server::start_with(|text| {
        let text = text.replace(
            "[http]\nlisten = \"127.0.0.1:0\"",
            "[http]\nlisten = \"0.0.0.0:0\"",
        );
        format!("{text}[limits]\nconnections_per_address = 8\n")
    });
    let from = |source: &str| {
        use nix::sys::socket::{
            AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket,
        };
        use std::os::fd::AsRawFd;
        let fd = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::empty(),
            None,
        )
        .unwrap();
        let source: std::net::SocketAddrV4 = format!("{source}:0").parse().unwrap();
        bind(fd.as_raw_fd(), &SockaddrIn::from(source)).unwrap();
        let target = std::net::SocketAddrV4::new([127, 0, 0, 1].into(), server.http.port());
        connect(fd.as_raw_fd(), &SockaddrIn::from(target)).unwrap();
        TcpStream::from(fd)
    };
    let _held: Vec<TcpStream> = (0..8).map(|_| from("127.0.0.3")).collect();
    until_closed(&mut from("127.0.0.3"));
    let mut other = from("127.0.0.2");
    other
        .write_all(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// With so few places, and nothing that closes a silent connection but another that needs its place.
fn crowded(places: usize) -> Server {
    let limits = format!("connections = {places}\nhandshake_timeout_ms = 60000\n");
    Server::start_with(|text| format!("{text}[limits]\n{limits}"))
}

/// Of a telephone in a browser that nobody knows.
const OPTIONS: &str = "OPTIONS sip:localhost SIP/2.0\r\n\
    Via: SIP/2.0/WS x.invalid;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n\
    From: <sip:x@localhost>;tag=1\r\nTo: <sip:localhost>\r\nCall-ID: 1\r\n\
    CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/// Asks for something on a connection that stays open; the answer.
fn ask(connection: &mut TcpStream) -> String {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let question = b"GET /page.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.write_all(question).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    // The body is one object.
    while !answer.ends_with(b"}") {
        connection.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn s08_silent_strangers_on_http_and_websockets_make_room_and_who_has_signed_in_stays() {
    let server = crowded(5);
    let newcomer = || {
        let mut connection = TcpStream::connect(server.http).unwrap();
        let answer = ask(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        connection
    };
    let mut known = Page::open(&server).await;
    let came = known.sign_in("alice", None).await;
    assert!(matches!(came, Came::Said(name, _) if name == "getUserData"));
    let mut page = Page::open(&server).await;
    let protocol = [("Sec-WebSocket-Protocol", "sip")];
    let mut sip = Page::open_with(&server, &protocol).await.unwrap().socket;
    let mut silent = TcpStream::connect(server.http).unwrap();
    let mut talks = newcomer();
    // All places are taken; these two have been silent for less long than the others.
    sip.send(Message::text(OPTIONS)).await.unwrap();
    let answer = sip.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(ask(&mut talks).starts_with("HTTP/1.1 200 "));
    let mut others = vec![talks, newcomer()];
    assert_eq!(page.ended().await, None, "a page that never signed in");
    others.push(newcomer());
    until_closed(&mut silent);
    others.push(newcomer());
    assert!(
        !matches!(sip.next().await, Some(Ok(_))),
        "of SIP, without a close frame"
    );
    for stays in &mut others {
        assert!(ask(stays).starts_with("HTTP/1.1 200 "));
    }
    let ping = Message::Ping(b"here?"[..].into());
    known.socket.send(ping).await.unwrap();
    loop {
        let came = known.socket.next().await.unwrap().unwrap();
        if came == Message::Pong(b"here?"[..].into()) {
            break;
        }
    }
}

#[tokio::test]
async fn s08_where_all_have_signed_in_a_newcomer_is_closed_unread() {
    let server = crowded(2);
    let mut pages = Vec::new();
    for name in ["alice", "bob"] {
        let mut page = Page::open(&server).await;
        page.sign_in(name, None).await;
        assert!(matches!(page.next().await, Came::Said(name, _) if name == "registered"));
        pages.push(page);
    }
    until_closed(&mut TcpStream::connect(server.http).unwrap());
    let mut bob = pages.pop().unwrap();
    bob.socket.close(None).await.unwrap();
    bob.ended().await;
    drop(bob);
    // His place is free in a moment.
    let deadline = Instant::now() + PATIENCE;
    let is_served = || {
        let mut connection = TcpStream::connect(server.http).unwrap();
        let question = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        // It may be closed at any moment.
        let _ = connection.write_all(question);
        let _ = connection.read_to_end(&mut answer);
        answer.starts_with(b"HTTP/1.1 200 ")
    };
    while !is_served() {
        assert!(Instant::now() < deadline, "the place stays taken");
    }
}

#[test]
fn s40_a_rebound_name_gets_403_and_the_log_names_the_key() {
    let mut server = Server::start();
    let answer = server.request("GET", "/api/v1/status", &[("Host", "evil.example")]);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    server.wait_for_line("http.allowed_hosts");
}

#[test]
fn s40_the_api_answers_this_machine_and_no_foreign_page() {
    let server = Server::start();
    for path in ["/api/v1/status", "/metrics"] {
        let status = |headers: &[(&str, &str)]| {
            let answer = server.request("GET", path, headers);
            answer.split(' ').nth(1).unwrap().to_owned()
        };
        assert_eq!(status(&[]), "200");
        assert_eq!(status(&[("X-Forwarded-For", "198.51.100.4")]), "403");
        assert_eq!(status(&[("Origin", "https://evil.example")]), "403");
        assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]), "403");
        assert_eq!(status(&[("Sec-Fetch-Site", "same-origin")]), "200");
    }
}

#[test]
fn metrics_are_text_that_scrapers_read() {
    let server = Server::start();
    let answer = server.request("GET", "/metrics", &[]);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(body.contains("\ncallbox_users 0\n"), "{body}");
}

#[test]
fn s40_orders_of_a_foreign_page_are_refused() {
    let server = Server::start();
    let headers = [
        ("Origin", "http://localhost:3000"),
        ("Sec-Fetch-Site", "same-site"),
    ];
    let answer = server.request("POST", "/api/v1/reload", &headers);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn the_api_speaks_json_also_of_what_is_not_there() {
    let server = Server::start();
    let ask = |method, path| {
        let answer = server.request(method, path, &[]);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    };
    assert_eq!(
        ask("GET", "/api/v1/calls"),
        ("200".to_owned(), Value::Array(Vec::new()))
    );
    assert_eq!(
        ask("GET", "/api/v1/users"),
        ("200".to_owned(), Value::Array(Vec::new()))
    );
    let (status, body) = ask("POST", "/api/v1/calls/none/hangup");
    assert_eq!(status, "404");
    assert!(body["error"].is_string(), "{body}");
    assert_eq!(ask("GET", "/api/v1/nothing").0, "404");
    assert_eq!(ask("DELETE", "/api/v1/calls").0, "405");
}

#[test]
fn every_answer_carries_the_security_headers() {
    let server = Server::start();
    for path in ["/", "/nothing", "/api/v1/status"] {
        let answer = server.request("GET", path, &[]).to_ascii_lowercase();
        let policy = answer
            .lines()
            .find(|line| line.starts_with("content-security-policy"))
            .unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}");
        }
        assert!(
            answer.contains("camera=(self), microphone=(self)"),
            "{path}"
        );
    }
}
