//! Flows on real sockets over loopback, with a driver played by the test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

mod connect;
mod stream;
mod udp;
mod ws;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::flow::FlowId;
use sip::message::Message;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::handle::SipHandle;
use super::{Means, Place, Shared, Target, Trust, Wanted};
use crate::call::io::{FlowEnd, SipEnds};
use crate::config::Config;
use crate::net::admission::Admission;
use crate::net::driver::{DriverHandle, DriverInput};
use crate::net::flows::TooSlow;

/// Nothing here takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// The Switch's part, played by the test.
struct TestDriver {
    inbox: mpsc::Receiver<DriverInput>,
}

fn admission(config: &Config) -> Admission {
    let limits = &config.limits;
    Admission::new(limits.connections, limits.connections_per_address)
}

/// What is needed to serve, and the way to want flows.
fn means(acceptor: Option<TlsAcceptor>, ca_file: Option<&Path>) -> (Means, mpsc::Sender<Wanted>) {
    let (want, wanted) = mpsc::channel(16);
    let trust = Arc::new(Trust::new(ca_file).unwrap());
    let means = Means {
        acceptor,
        trust,
        wanted,
        dns: Err([7; 32]),
    };
    (means, want)
}

/// A flow that was opened.
struct Opened {
    flow: FlowId,
    ends: SipEnds,
    handle: SipHandle,
    connect: Option<u64>,
}

impl TestDriver {
    /// With a configuration made of the shipped one and this text.
    fn new(settings: &str) -> (Self, Arc<Shared>) {
        let config = Config::parse(settings, Path::new("/nowhere")).unwrap();
        let (handle, inbox) = DriverHandle::detached();
        (
            Self { inbox },
            Shared::new(&config, admission(&config), handle),
        )
    }

    async fn next(&mut self) -> DriverInput {
        let input = timeout(PATIENCE, self.inbox.recv()).await;
        input.expect("nothing came").unwrap()
    }

    async fn opened(&mut self) -> Opened {
        match self.next().await {
            DriverInput::SipOpened {
                flow,
                ends,
                handle,
                connect,
            } => Opened {
                flow,
                ends,
                handle,
                connect,
            },
            _ => panic!("no flow was opened"),
        }
    }

    async fn said(&mut self) -> (FlowId, Message) {
        match self.next().await {
            DriverInput::Sip { flow, message, .. } => (flow, message),
            _ => panic!("nothing was said"),
        }
    }

    async fn closed(&mut self) -> (FlowId, FlowEnd) {
        match self.next().await {
            DriverInput::Closed { flow, how } => (flow, how),
            _ => panic!("no flow was closed"),
        }
    }
}

/// A request with this Call-ID.
fn options(call_id: &str) -> String {
    format!(
        "OPTIONS sip:callbox.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP client.example;branch=z9hG4bK{call_id};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@callbox.example>;tag=a\r\n\
         To: <sip:callbox.example>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// One that is refused while it is read: its CSeq names another method.
fn broken(call_id: &str) -> String {
    options(call_id).replace("1 OPTIONS", "1 INVITE")
}

/// Something that a driver may send.
fn answer(filler: usize) -> Bytes {
    format!(
        "SIP/2.0 200 OK\r\nX-Filler: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(filler)
    )
    .into()
}

fn call_id(message: &Message) -> String {
    let id = match message {
        Message::Request(request) => request.call_id(),
        Message::Response(response) => response.call_id(),
    };
    String::from_utf8_lossy(id).into_owned()
}

/// Sends until the flow has to be cut off: the peer takes nothing.
fn flood(handle: &SipHandle) {
    let sent = (0..100_000).find(|_| handle.send(answer(8_000)) == Err(TooSlow));
    assert!(sent.is_some(), "whatever is sent finds room");
}
