use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sip::flow::Transport;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::net::sip::ports::Ports;
use crate::net::tls::Identity;

/// Ports of ours on loopback, served until this is dropped.
struct Served {
    tcp: SocketAddr,
    tls: SocketAddr,
    _served: crate::net::sip::Served,
}

fn serve(shared: &Arc<Shared>, acceptor: Option<TlsAcceptor>) -> Served {
    let mut settings = shared.settings.clone();
    settings.udp = Vec::new();
    settings.tcp = vec![([127, 0, 0, 1], 0).into()];
    settings.tls = settings.tcp.clone();
    let ports = Ports::open(&settings);
    assert_eq!(ports.warnings, [""; 0]);
    let addresses = ports.addresses();
    Served {
        tcp: addresses.tcp[0],
        tls: addresses.tls[0],
        _served: ports.serve(shared, means(acceptor, None).0),
    }
}

async fn expect<S: AsyncRead + Unpin>(stream: &mut S, expected: &[u8]) {
    let mut came = vec![0; expected.len()];
    let read = timeout(PATIENCE, stream.read_exact(&mut came)).await;
    read.expect("not enough came").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&came),
        String::from_utf8_lossy(expected)
    );
}

/// All that comes until the end.
async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut came = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut came)).await;
    // A reset is an end too.
    let _ = read.expect("it stays open");
    String::from_utf8_lossy(&came).into_owned()
}

/// Writes what no buffer between can have joined again.
async fn write_slowly<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn messages_are_cut_however_they_are_written() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    assert_eq!(opened.ends.transport, Transport::Tcp);
    assert_eq!(opened.ends.local, served.tcp);
    assert_eq!(opened.ends.peer.address, phone.local_addr().unwrap());
    for piece in [1, 7, 200, 10_000] {
        let body = "Content-Length: 4\r\n\r\nabcd";
        let two = [
            options("one").replace("Content-Length: 0\r\n\r\n", body),
            options("two"),
        ];
        write_slowly(&mut phone, two.concat().as_bytes(), piece).await;
        for expected in ["one", "two"] {
            let (flow, message) = driver.said().await;
            assert_eq!(flow, opened.flow);
            assert_eq!(call_id(&message), expected);
            let request = message.into_request().unwrap();
            assert_eq!(request.source(), Some(opened.ends.peer.address));
        }
    }
}

#[tokio::test]
async fn keep_alives_and_unreadable_requests_are_answered_in_their_order() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let _opened = driver.opened().await;
    phone.write_all(b"\r\n\r\n").await.unwrap();
    expect(&mut phone, b"\r\n").await;
    let both = format!("{}\r\n\r\n{}", broken("b"), options("after"));
    phone.write_all(both.as_bytes()).await.unwrap();
    expect(&mut phone, b"SIP/2.0 400 ").await;
    assert_eq!(call_id(&driver.said().await.1), "after");
    drop(driver);
}

#[tokio::test]
async fn s05_where_no_length_is_certain_the_request_is_answered_and_the_stream_closed() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let two = "Content-Length: 0\r\nContent-Length: 9\r\n\r\n";
    let request = options("two").replace("Content-Length: 0\r\n\r\n", two);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    let smuggled = format!("{request}{}", options("smuggled"));
    phone.write_all(smuggled.as_bytes()).await.unwrap();
    let came = rest(&mut phone).await;
    assert!(came.starts_with("SIP/2.0 400 "), "{came}");
    assert_eq!(came.matches("SIP/2.0 ").count(), 1, "{came}");
    drop(phone);
    assert_eq!(driver.closed().await.0, opened.flow);
}

#[tokio::test]
async fn s05_what_is_not_sip_closes_the_stream() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    phone.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut phone).await, "");
    drop(phone);
    assert_eq!(driver.closed().await.0, opened.flow);
    assert_eq!(shared.drops.seen(), 1);
}

#[tokio::test]
async fn s08_a_silent_stranger_makes_room_for_the_next_and_who_has_signed_in_stays() {
    let (mut driver, shared) = TestDriver::new("[limits]\nconnections = 3\n");
    let served = serve(&shared, None);
    let mut known = TcpStream::connect(served.tcp).await.unwrap();
    let signed_in = driver.opened().await;
    signed_in.handle.trust(true);
    let mut talks = TcpStream::connect(served.tcp).await.unwrap();
    let _talks = driver.opened().await;
    let mut silent = TcpStream::connect(served.tcp).await.unwrap();
    let evicted = driver.opened().await;
    talks.write_all(options("talks").as_bytes()).await.unwrap();
    assert_eq!(call_id(&driver.said().await.1), "talks");
    let mut newcomer = TcpStream::connect(served.tcp).await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
    let mut opened = None;
    for _ in 0..2 {
        match driver.next().await {
            DriverInput::Closed { flow, .. } => assert_eq!(flow, evicted.flow),
            DriverInput::SipOpened { handle, .. } => opened = Some(handle),
            _ => panic!("something else"),
        }
    }
    assert!(opened.is_some());
    for stream in [&mut known, &mut talks, &mut newcomer] {
        stream.write_all(b"\r\n\r\n").await.unwrap();
        expect(stream, b"\r\n").await;
    }
}

#[tokio::test]
async fn s07_a_message_that_comes_too_slowly_is_cut_off_whoever_sends_it() {
    let (mut driver, shared) = TestDriver::new("[sip]\nmessage_timeout_ms = 300\n");
    let served = serve(&shared, None);
    for trusted in [false, true] {
        let mut slow = TcpStream::connect(served.tcp).await.unwrap();
        let opened = driver.opened().await;
        opened.handle.trust(trusted);
        let (mut from, mut to) = slow.split();
        let started = std::time::Instant::now();
        let dribble = async {
            for byte in options("slow").bytes() {
                if to.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = dribble => panic!("all of it was taken"),
            came = rest(&mut from) => assert_eq!(came, ""),
        }
        assert!(started.elapsed() >= Duration::from_millis(300));
        drop(slow);
        assert_eq!(driver.closed().await.0, opened.flow);
    }
}

#[tokio::test]
async fn s07_who_connects_and_says_nothing_is_closed_also_if_he_keeps_it_alive() {
    let settings = "[limits]\nhandshake_timeout_ms = 300\n";
    let (mut driver, shared) = TestDriver::new(settings);
    let served = serve(&shared, None);
    let mut silent = TcpStream::connect(served.tcp).await.unwrap();
    let first = driver.opened().await;
    let mut talker = TcpStream::connect(served.tcp).await.unwrap();
    let stays = driver.opened().await;
    talker.write_all(options("t").as_bytes()).await.unwrap();
    silent.write_all(b"\r\n\r\n").await.unwrap();
    driver.said().await;
    assert_eq!(rest(&mut silent).await, "\r\n");
    drop(silent);
    assert_eq!(driver.closed().await.0, first.flow);
    talker.write_all(options("u").as_bytes()).await.unwrap();
    assert_eq!(driver.said().await.0, stays.flow);
}

#[tokio::test]
async fn s08_an_idle_stranger_is_closed_and_who_has_signed_in_stays() {
    let (mut driver, shared) = TestDriver::new("[sip]\nidle_timeout_s = 1\n");
    let served = serve(&shared, None);
    let mut stranger = TcpStream::connect(served.tcp).await.unwrap();
    let goes = driver.opened().await;
    let mut signed_in = TcpStream::connect(served.tcp).await.unwrap();
    let stays = driver.opened().await;
    for stream in [&mut stranger, &mut signed_in] {
        stream.write_all(options("x").as_bytes()).await.unwrap();
        driver.said().await;
    }
    stays.handle.trust(true);
    assert_eq!(rest(&mut stranger).await, "");
    drop(stranger);
    assert_eq!(driver.closed().await.0, goes.flow);
    signed_in.write_all(options("y").as_bytes()).await.unwrap();
    assert_eq!(driver.said().await.0, stays.flow);
}

#[tokio::test]
async fn s08_an_address_has_so_many_connections_and_who_has_signed_in_counts_no_more() {
    let (mut driver, shared) = TestDriver::new("[limits]\nconnections_per_address = 2\n");
    let served = serve(&shared, None);
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push((
            TcpStream::connect(served.tcp).await.unwrap(),
            driver.opened().await,
        ));
    }
    let mut third = TcpStream::connect(served.tcp).await.unwrap();
    assert_eq!(rest(&mut third).await, "");
    held[0].1.handle.trust(true);
    let _fourth = TcpStream::connect(served.tcp).await.unwrap();
    driver.opened().await;
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut_off_and_another_is_served() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let _deaf = TcpStream::connect(served.tcp).await.unwrap();
    let deaf = driver.opened().await;
    let mut other = TcpStream::connect(served.tcp).await.unwrap();
    let listens = driver.opened().await;
    let SipHandle::Connection(connection) = &deaf.handle else {
        panic!()
    };
    let queued = connection.queued();
    flood(&deaf.handle);
    assert!(
        queued.load(Ordering::Relaxed) < 1024 * 1024,
        "what waits is bounded"
    );
    listens.handle.send(answer(1)).unwrap();
    expect(&mut other, &answer(1)).await;
    deaf.handle.cut();
    assert_eq!(driver.closed().await, (deaf.flow, FlowEnd::Abnormal));
}

#[tokio::test]
async fn a_peer_that_takes_none_of_what_is_sent_is_given_up_in_time() {
    let (mut driver, shared) = TestDriver::new("[limits]\nwrite_timeout_ms = 300\n");
    let served = serve(&shared, None);
    let _deaf = TcpStream::connect(served.tcp).await.unwrap();
    let deaf = driver.opened().await;
    let mut waiting = true;
    while waiting {
        waiting = deaf.handle.send(answer(400_000)).is_ok();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(driver.closed().await, (deaf.flow, FlowEnd::Abnormal));
}

#[tokio::test]
async fn what_was_sent_before_a_close_still_arrives() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    opened.handle.send(answer(1)).unwrap();
    opened.handle.close(1000, "enough").unwrap();
    assert_eq!(rest(&mut phone).await.as_bytes(), answer(1));
    drop(phone);
    assert_eq!(driver.closed().await, (opened.flow, FlowEnd::Clean));
    // So it does when the driver ends.
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    opened.handle.send(answer(2)).unwrap();
    drop(opened);
    assert_eq!(rest(&mut phone).await.as_bytes(), answer(2));
}

#[tokio::test]
async fn who_closes_a_connection_may_come_back() {
    let (mut driver, shared) = TestDriver::new("");
    let served = serve(&shared, None);
    let phone = TcpStream::connect(served.tcp).await.unwrap();
    let opened = driver.opened().await;
    drop(phone);
    assert_eq!(driver.closed().await, (opened.flow, FlowEnd::Abnormal));
}

#[tokio::test]
async fn s09_a_stranger_who_sends_too_much_waits_and_loses_nothing() {
    let (mut driver, shared) = TestDriver::new("[sip]\nmessages_per_second = 20\n");
    let served = serve(&shared, None);
    let mut phone = TcpStream::connect(served.tcp).await.unwrap();
    let _opened = driver.opened().await;
    let started = std::time::Instant::now();
    for index in 0..30 {
        phone
            .write_all(options(&index.to_string()).as_bytes())
            .await
            .unwrap();
    }
    for index in 0..30 {
        assert_eq!(call_id(&driver.said().await.1), index.to_string());
    }
    // 20 at once, and 10 more at 20 a second.
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn tls_carries_the_same_under_the_certificate_of_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned()];
    let identity = Identity::load_or_make(directory.path(), &names, &[]).unwrap();
    let settings = "[limits]\nhandshake_timeout_ms = 1000\n";
    let (mut driver, shared) = TestDriver::new(settings);
    let served = serve(&shared, Some(identity.sip_acceptor()));
    let mut silent = TcpStream::connect(served.tls).await.unwrap();

    let pem = std::fs::read(directory.path().join("https-certificate.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"sip/2".to_vec()];
    let stream = TcpStream::connect(served.tls).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().unwrap();
    let mut phone = connector.connect(name, stream).await.unwrap();
    let opened = driver.opened().await;
    assert_eq!(opened.ends.transport, Transport::Tls);
    assert!(opened.ends.peer.secure);
    write_slowly(&mut phone, options("tls").as_bytes(), 50).await;
    assert_eq!(call_id(&driver.said().await.1), "tls");
    opened.handle.send(answer(10_000)).unwrap();
    expect(&mut phone, &answer(10_000)).await;
    phone.write_all(b"\r\n\r\n").await.unwrap();
    expect(&mut phone, b"\r\n").await;
    // Who does not even begin with TLS is closed, and no flow comes of it.
    assert_eq!(rest(&mut silent).await, "");
    assert!(driver.inbox.try_recv().is_err());
}

#[tokio::test]
async fn a_taken_port_costs_itself_and_says_so() {
    let (_, shared) = TestDriver::new("");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut settings = shared.settings.clone();
    settings.udp = vec![udp.local_addr().unwrap()];
    settings.tcp = vec![tcp.local_addr().unwrap(), ([127, 0, 0, 1], 0).into()];
    settings.tls = Vec::new();
    let ports = Ports::open(&settings);
    let addresses = ports.addresses();
    assert_eq!((addresses.udp.len(), addresses.tcp.len()), (0, 1));
    let [over_udp, over_tcp] = &ports.warnings[..] else {
        panic!("{:?}", ports.warnings)
    };
    for (warning, transport, key, hint) in [
        (over_udp, "UDP", "sip.udp", "ss -lunp"),
        (over_tcp, "TCP", "sip.tcp", "ss -ltnp"),
    ] {
        let start = format!("no SIP over {transport} on 127.0.0.1:");
        assert!(warning.starts_with(&start), "{warning}");
        assert!(warning.contains("is taken by another program"), "{warning}");
        assert!(warning.contains(key) && warning.contains(hint), "{warning}");
    }
}
