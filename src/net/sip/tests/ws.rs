use std::net::SocketAddr;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use futures_util::{SinkExt, StreamExt};
use sip::flow::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::call::io::Peer;
use crate::net::admission::Admission;
use crate::net::serve::Connection;
use crate::net::sip::upgrade;

/// Serves WebSockets, and nothing else.
async fn listen(shared: &Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(shared);
    let serve = move |offer: WebSocketUpgrade| async move {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let permit = Admission::new(1, 1).admit(Some(peer.ip())).unwrap();
        let permit = Arc::new(permit);
        let connection = Connection {
            peer,
            local: address,
            secure: false,
            meter: Default::default(),
            permit: Arc::clone(&permit),
        };
        let peer = Peer {
            address: peer,
            local: true,
            secure: false,
            user_agent: None,
        };
        upgrade(offer, &connection, peer, vec![permit], shared)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await });
    address
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, answer) = client_async(request, stream).await.unwrap();
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "sip");
        Self(socket)
    }

    async fn send(&mut self, frame: Frame) {
        self.0.send(frame).await.unwrap();
    }

    /// The next frame that is no ping.
    async fn next(&mut self) -> Frame {
        loop {
            let frame = timeout(PATIENCE, self.0.next())
                .await
                .expect("nothing came");
            match frame {
                Some(Ok(Frame::Ping(_))) => {}
                Some(Ok(frame)) => return frame,
                other => panic!("it broke: {other:?}"),
            }
        }
    }

    async fn close_code(&mut self) -> u16 {
        match self.next().await {
            Frame::Close(Some(frame)) => frame.code.into(),
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_come_in_text_and_in_binary_frames() {
    let (mut driver, shared) = TestDriver::new("");
    let address = listen(&shared).await;
    let mut client = Client::connect(address).await;
    let opened = driver.opened().await;
    assert_eq!(opened.ends.transport, Transport::Ws);
    assert_eq!(opened.ends.local, address);
    assert_eq!(opened.connect, None);
    client.send(Frame::text(options("text"))).await;
    client.send(Frame::binary(options("binary"))).await;
    for expected in ["text", "binary"] {
        let (flow, message) = driver.said().await;
        assert_eq!(flow, opened.flow);
        assert_eq!(call_id(&message), expected);
        let request = message.into_request().unwrap();
        assert_eq!(request.source(), Some(opened.ends.peer.address));
    }
}

#[tokio::test]
async fn what_is_no_utf8_goes_out_in_a_binary_frame() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let handle = driver.opened().await.handle;
    let latin = Bytes::from_static(b"SIP/2.0 200 Schl\xFCsse\r\n\r\n");
    handle.send(answer(1)).unwrap();
    handle.send(latin.clone()).unwrap();
    assert_eq!(client.next().await.into_data(), answer(1));
    assert_eq!(client.next().await, Frame::Binary(latin));
}

#[tokio::test]
async fn keep_alives_are_answered_without_the_driver() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let _opened = driver.opened().await;
    client.send(Frame::text("\r\n\r\n")).await;
    assert_eq!(client.next().await, Frame::text("\r\n"));
    client.send(Frame::Ping("x".into())).await;
    assert_eq!(client.next().await, Frame::Pong("x".into()));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_answered_with_a_tag_of_its_own() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let _opened = driver.opened().await;
    let mut tags = Vec::new();
    for _ in 0..2 {
        client.send(Frame::text(broken("b"))).await;
        let answer = client.next().await.into_text().unwrap();
        assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
        assert!(answer.contains(";rport=9\r\n"), "{answer}");
        let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
        tags.push(to.split("tag=").nth(1).unwrap().to_owned());
    }
    assert_eq!(tags[0].len(), 16);
    assert_ne!(tags[0], tags[1]);
}

#[tokio::test]
async fn what_is_not_sip_is_counted_and_gets_no_answer() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let _opened = driver.opened().await;
    client.send(Frame::text("hello")).await;
    client.send(Frame::text(options("after"))).await;
    assert_eq!(call_id(&driver.said().await.1), "after");
    assert_eq!(shared.drops.seen(), 1);
}

#[tokio::test]
async fn s39_a_message_too_long_is_answered_and_one_far_too_long_ends_the_flow() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let _opened = driver.opened().await;
    let with_body = |len: usize| {
        let length = format!("Content-Length: {len}\r\n\r\n{}", "x".repeat(len));
        options("long").replace("Content-Length: 0\r\n\r\n", &length)
    };
    client.send(Frame::text(with_body(65 * 1024))).await;
    let answer = client.next().await.into_text().unwrap();
    assert!(answer.starts_with("SIP/2.0 413 "), "{answer}");
    // What is not read any more may be refused by the network before it is all written.
    let _ = client.0.send(Frame::text(with_body(300 * 1024))).await;
    assert_eq!(driver.closed().await.1, FlowEnd::Abnormal);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut_off_and_another_is_served() {
    let (mut driver, shared) = TestDriver::new("[limits]\noutgoing_messages = 64\n");
    let address = listen(&shared).await;
    let _deaf = Client::connect(address).await;
    let deaf = driver.opened().await;
    flood(&deaf.handle);
    deaf.handle.cut();
    assert_eq!(driver.closed().await, (deaf.flow, FlowEnd::Abnormal));
    let mut other = Client::connect(address).await;
    let handle = driver.opened().await.handle;
    other.send(Frame::text(options("other"))).await;
    driver.said().await;
    handle.send(answer(1)).unwrap();
    assert_eq!(other.next().await.into_data(), answer(1));
}

#[tokio::test]
async fn a_peer_that_asks_and_never_reads_ends_itself() {
    let settings = "[limits]\noutgoing_messages = 64\nwrite_timeout_ms = 100\n\
                    [sip]\nmessages_per_second = 1000000\n";
    let (mut driver, shared) = TestDriver::new(settings);
    let mut deaf = Client::connect(listen(&shared).await).await;
    let opened = driver.opened().await;
    let talk = async {
        let padding = format!("X-Padding: {}\r\nMax-Forwards", "x".repeat(7_000));
        let question =
            broken("b").replace("Call-ID: b", &format!("Call-ID: {}", "b".repeat(7_000)));
        let question = question.replace("Max-Forwards", &padding);
        while deaf.0.send(Frame::text(question.clone())).await.is_ok() {}
    };
    let (_, closed) = tokio::join!(timeout(PATIENCE, talk), driver.closed());
    assert_eq!(closed, (opened.flow, FlowEnd::Abnormal));
}

#[tokio::test]
async fn what_was_sent_before_a_close_still_arrives() {
    let (mut driver, shared) = TestDriver::new("");
    let mut client = Client::connect(listen(&shared).await).await;
    let opened = driver.opened().await;
    opened.handle.send(answer(1)).unwrap();
    opened.handle.close(1000, "enough").unwrap();
    assert_eq!(client.next().await.into_data(), answer(1));
    assert_eq!(client.close_code().await, 1000);
    drop(client);
    assert_eq!(driver.closed().await, (opened.flow, FlowEnd::Clean));
}

#[tokio::test]
async fn a_close_frame_says_that_its_owner_left_and_a_broken_connection_does_not() {
    let (mut driver, shared) = TestDriver::new("");
    let address = listen(&shared).await;
    let mut leaving = Client::connect(address).await;
    let left = driver.opened().await;
    leaving.0.close(None).await.unwrap();
    assert_eq!(driver.closed().await, (left.flow, FlowEnd::Clean));
    let breaking = Client::connect(address).await;
    let broke = driver.opened().await;
    drop(breaking);
    assert_eq!(driver.closed().await, (broke.flow, FlowEnd::Abnormal));
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let (mut driver, shared) = TestDriver::new("[sip]\nping_interval_s = 1\n");
    let address = listen(&shared).await;
    let _silent = Client::connect(address).await;
    let silent = driver.opened().await;
    let mut lively = Client::connect(address).await;
    let lives = driver.opened().await;
    silent.handle.trust(true);
    lives.handle.trust(true);
    // Reading answers pings.
    let reading = tokio::spawn(async move {
        let frame = lively.next().await;
        (lively, frame)
    });
    assert_eq!(driver.closed().await, (silent.flow, FlowEnd::Abnormal));
    lives.handle.send(answer(1)).unwrap();
    let (_lively, frame) = timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!(frame.into_data(), answer(1));
}

#[tokio::test]
async fn s08_who_never_signs_in_is_closed_and_who_has_stays() {
    let (mut driver, shared) = TestDriver::new("[sip]\nidle_timeout_s = 1\n");
    let address = listen(&shared).await;
    let mut signed_in = Client::connect(address).await;
    let stays = driver.opened().await;
    stays.handle.trust(true);
    let mut stranger = Client::connect(address).await;
    let goes = driver.opened().await;
    assert_eq!(stranger.close_code().await, 1008);
    drop(stranger);
    assert_eq!(driver.closed().await.0, goes.flow);
    signed_in.send(Frame::text(options("later"))).await;
    assert_eq!(driver.said().await.0, stays.flow);
}
