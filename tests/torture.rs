//! The torture tests of RFC 4475 and RFC 5118 on the wire (S01, S02): the real binary gives each
//! message the verdict that the parser's tests state, over UDP, TCP, TLS and WebSocket, and answers
//! the next request at once.

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

#[path = "torture/anomalies.rs"]
mod anomalies;
mod common;
#[path = "torture/tls.rs"]
mod tls;
#[path = "../sip/tests/torture/verdicts.rs"]
mod verdicts;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConnection, StreamOwned};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, WebSocket};

use common::{PATIENCE, Server};
use verdicts::{RFC_4475, RFC_5118, Verdict};

/// The next request is answered within this.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What is answered, by a server without accounts that serves `localhost`, to requests that
/// nothing is wrong with. None of them comes from somebody of that domain.
const AT_LOCALHOST: &[(&str, u16)] = &[
    // Who has a tag in To and no dialog here (RFC 3261 12.2.2).
    ("wsinv", 481),
    ("mult-ip-in-header", 481),
    ("via-received-param-with-delim", 481),
    // What can be done is told everybody (RFC 3261 11.2) ...
    ("lwsdisp", 200),
    ("semiuri", 200),
    ("transports", 200),
    ("badbranch", 200),
    ("via-received-param-no-delim", 200),
    ("ipv6-bug-abnf-3-colons", 200),
    ("ipv6-correct-abnf-2-colons", 200),
    // ... whose request may still travel (RFC 3261 16.3).
    ("zeromf", 483),
];

/// To the rest of them.
const FOREIGN: u16 = 403;

/// What is answered by one that serves `example.com`, where `j.user` has an account: by the rest
/// of them the same.
const AT_EXAMPLE_COM: &[(&str, u16)] = &[
    // Guests register with whatever addresses ...
    ("cparam01", 200),
    ("cparam02", 200),
    ("regescrt", 200),
    ("ipv6-good", 200),
    ("port-ambiguous", 200),
    ("port-unambiguous", 200),
    // ... but not under a name with a NUL in it.
    ("escnull", FOREIGN),
    // Texts are passed on, not bodies of several parts.
    ("mpart01", 415),
    // A user has to prove who he is, and this is no proof.
    ("dblreq", 401),
    ("regaut01", 401),
];

/// After these on a stream nobody knows where the next message begins: the connection is closed,
/// with this answer.
const LAST_ON_A_STREAM: &[(&str, Option<u16>)] = &[
    ("ncl", Some(400)),
    ("mcl01", Some(400)),
    ("inv2543", Some(400)),
    // Its second message is longer than it says.
    ("dblreq", None),
];

/// Says that it is much longer than it is: a stream waits for the rest.
const SHORT: &str = "clerr";

/// Have the branch of one before, and where answers are kept would be that request again (RFC 3261
/// 17.2.3); or the name of a guest who is there. Their server has seen nothing before.
const AFRESH: &[&str] = &[
    "regescrt",
    "ipv6-good",
    "ipv6-bad",
    "port-ambiguous",
    "port-unambiguous",
];

/// A way to the server for SIP.
trait Wire {
    /// As in Via.
    const VIA: &'static str;
    /// Messages are cut by their Content-Length.
    const STREAM: bool;

    fn open(server: &mut Server) -> Self;
    fn send(&mut self, bytes: &[u8]);
    /// The next response; `None` if the server closed the way.
    fn receive(&mut self) -> Option<Response>;
}

/// As much of a response as can be read even where the request could not.
struct Response {
    status: u16,
    text: String,
}

impl Response {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let line = text.strip_prefix("SIP/2.0 ").expect("no response came");
        let status = line.split(' ').next().unwrap().parse().unwrap();
        Self { status, text }
    }

    /// The first one in a stream, and how long it is.
    fn first(stream: &[u8]) -> Option<(Self, usize)> {
        let text = String::from_utf8_lossy(stream);
        let head = text.split_once("\r\n\r\n")?.0;
        let head_len = stream.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
        let said = head
            .lines()
            .find_map(|it| it.strip_prefix("Content-Length: "));
        let len = head_len + said.unwrap().parse::<usize>().unwrap();
        Some((Self::read(stream.get(..len)?), len))
    }

    fn is_of_the_probe(&self) -> bool {
        self.text.contains("\r\nCall-ID: probe-")
    }
}

struct Udp(UdpSocket);

impl Wire for Udp {
    const VIA: &'static str = "UDP";
    const STREAM: bool = false;

    fn open(server: &mut Server) -> Self {
        let to = server.sip("udp");
        let socket = UdpSocket::bind(SocketAddr::new(to.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(to).unwrap();
        Self(socket)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.send(bytes).unwrap();
    }

    fn receive(&mut self) -> Option<Response> {
        let mut buffer = vec![0; 65_536];
        let len = self.0.recv(&mut buffer).expect("nothing came");
        Some(Response::read(&buffer[..len]))
    }
}

/// A stream, and what was read from it and not yet taken.
struct Stream<S>(S, Vec<u8>);

impl<S: Read + Write> Stream<S> {
    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    fn receive(&mut self) -> Option<Response> {
        let mut buffer = [0; 4096];
        loop {
            if let Some((response, len)) = Response::first(&self.1) {
                self.1.drain(..len);
                return Some(response);
            }
            match self.0.read(&mut buffer).expect("nothing came") {
                0 => return None,
                len => self.1.extend_from_slice(&buffer[..len]),
            }
        }
    }
}

struct Tcp(Stream<TcpStream>);

impl Wire for Tcp {
    const VIA: &'static str = "TCP";
    const STREAM: bool = true;

    fn open(server: &mut Server) -> Self {
        Self(Stream(connect(server.sip("tcp")), Vec::new()))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.send(bytes);
    }

    fn receive(&mut self) -> Option<Response> {
        self.0.receive()
    }
}

struct Tls(Stream<StreamOwned<ClientConnection, TcpStream>>);

impl Wire for Tls {
    const VIA: &'static str = "TLS";
    const STREAM: bool = true;

    fn open(server: &mut Server) -> Self {
        let pem = server.place.path().join("data/https-certificate.pem");
        let certificate = CertificateDer::from_pem_slice(&std::fs::read(pem).unwrap()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = StreamOwned::new(client, connect(server.sip("tls")));
        Self(Stream(stream, Vec::new()))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.send(bytes);
    }

    fn receive(&mut self) -> Option<Response> {
        self.0.receive()
    }
}

struct Ws(WebSocket<TcpStream>);

impl Wire for Ws {
    const VIA: &'static str = "WS";
    const STREAM: bool = false;

    fn open(server: &mut Server) -> Self {
        let mut request = format!("ws://{}/", server.http)
            .into_client_request()
            .unwrap();
        let protocol = "sip".parse().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = tungstenite::client(request, connect(server.http)).unwrap();
        Self(socket)
    }

    fn send(&mut self, bytes: &[u8]) {
        let frame = tungstenite::Message::binary(bytes.to_vec());
        self.0.send(frame).unwrap();
    }

    fn receive(&mut self) -> Option<Response> {
        loop {
            match self.0.read().expect("nothing came") {
                tungstenite::Message::Close(_) => return None,
                frame @ (tungstenite::Message::Text(_) | tungstenite::Message::Binary(_)) => {
                    return Some(Response::read(&frame.into_data()));
                }
                _ => {}
            }
        }
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn message(rfc: &str, name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("sip/tests/torture")
        .join(rfc)
        .join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is to come back: a final status, or nothing.
fn expected(
    name: &str,
    verdict: Verdict,
    request: bool,
    answers: &[&[(&str, u16)]],
) -> Option<u16> {
    match verdict {
        Verdict::Status(code) => Some(code),
        Verdict::Accept if request => {
            let mut known = answers.iter().copied().flatten();
            let answer = known.find(|(known, _)| *known == name);
            Some(answer.map_or(FOREIGN, |(_, code)| *code))
        }
        Verdict::Accept | Verdict::Drop => None,
    }
}

/// Sends a message, and then a request that is answered in any case. Gives the first final status
/// that the message got before that, and how long the answer to the request took.
fn torture<W: Wire>(server: &mut Server, name: &str, bytes: &[u8]) -> (Option<u16>, Duration) {
    let mut wire = W::open(server);
    wire.send(bytes);
    if W::STREAM && name == SHORT {
        wire.send(&vec![b' '; missing(bytes)]);
    }
    let mut answer = None;
    if W::STREAM && LAST_ON_A_STREAM.iter().any(|it| it.0 == name) {
        while let Some(response) = wire.receive() {
            answer = answer.or(final_status(&response));
        }
        wire = W::open(server);
    }
    let asked = Instant::now();
    wire.send(probe(W::VIA, name).as_bytes());
    loop {
        let response = wire.receive();
        let response = response.unwrap_or_else(|| panic!("closed after {name}"));
        if response.is_of_the_probe() {
            assert_eq!(response.status, 200, "after {name}");
            return (answer, asked.elapsed());
        }
        answer = answer.or(final_status(&response));
    }
}

fn final_status(response: &Response) -> Option<u16> {
    (response.status >= 200).then_some(response.status)
}

/// How much the body is shorter than Content-Length says.
fn missing(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let said = head.split("Content-Length: ").nth(1).unwrap();
    let said: usize = said.lines().next().unwrap().parse().unwrap();
    said - body.len()
}

fn probe(via: &str, name: &str) -> String {
    format!(
        "OPTIONS sip:localhost SIP/2.0\r\n\
         Via: SIP/2.0/{via} probe.invalid;branch=z9hG4bKprobe{name};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:probe@localhost>;tag=1\r\nTo: <sip:localhost>\r\n\
         Call-ID: probe-{name}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn torture_all<W: Wire>(start: impl Fn() -> Server, answers: &[&[(&str, u16)]]) {
    let mut server = start();
    let mut wrong = Vec::new();
    let mut slow = Vec::new();
    let messages = [("rfc4475", RFC_4475), ("rfc5118", RFC_5118)];
    let messages = messages.map(|(rfc, table)| table.iter().map(move |it| (rfc, it)));
    for (rfc, (name, verdict)) in messages.into_iter().flatten() {
        if !W::STREAM && AFRESH.contains(name) {
            assert_eq!(server.stop(), Some(0));
            server = start();
        }
        let bytes = message(rfc, name);
        let request = !bytes.starts_with(b"SIP/2.0 ");
        let last = LAST_ON_A_STREAM
            .iter()
            .find(|it| W::STREAM && it.0 == *name);
        let expected = match last {
            Some((_, Some(code))) => Some(*code),
            _ if W::STREAM && *name == SHORT => Some(FOREIGN),
            _ => expected(name, *verdict, request, answers),
        };
        let (found, took) = torture::<W>(&mut server, name, &bytes);
        if found != expected {
            wrong.push((*name, expected, found));
        }
        if took > AT_ONCE {
            slow.push((*name, took));
        }
    }
    assert_eq!(wrong, [], "(message, what it should get, what it got)");
    assert_eq!(slow, [], "(message, how long the next request took)");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn s01_s02_each_torture_message_gets_its_verdict_over_udp() {
    torture_all::<Udp>(Server::start, &[AT_LOCALHOST]);
}

#[test]
fn s01_s02_each_torture_message_gets_its_verdict_over_tcp() {
    torture_all::<Tcp>(Server::start, &[AT_LOCALHOST]);
}

#[test]
fn s01_s02_each_torture_message_gets_its_verdict_over_tls() {
    torture_all::<Tls>(Server::start, &[AT_LOCALHOST]);
}

#[test]
fn s01_s02_each_torture_message_gets_its_verdict_over_websocket() {
    torture_all::<Ws>(Server::start, &[AT_LOCALHOST]);
}

#[test]
fn s01_s02_each_torture_message_gets_its_verdict_at_home() {
    let start = || {
        Server::start_with(|text| {
            text + "[local_videochat]\ndomain = \"example.com\"\n\
                    [[account]]\nname = \"j.user\"\n\
                    ha1_md5 = \"0123456789abcdef0123456789abcdef\"\n"
        })
    };
    torture_all::<Udp>(start, &[AT_EXAMPLE_COM, AT_LOCALHOST]);
}

#[test]
fn s02_each_torture_message_gets_its_verdict_over_ipv6() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return eprintln!("skipped: this machine has no ::1");
    }
    let start = || Server::start_with(|text| text.replacen("127.0.0.1:0", "[::1]:0", 1));
    torture_all::<Udp>(start, &[AT_LOCALHOST]);
}
