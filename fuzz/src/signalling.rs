//! SIP, names, and the Web SDK protocol.

use std::time::Duration;

use callbox::wcs::message::ClientMessage;
use registrar::Dialled;
use sip::digest::{AuthenticationInfo, Authorization, Challenge};
use sip::flow::{FlowId, Transport};
use sip::framer::{Framed, Opened, StreamFramer};
use sip::message::{
    Capabilities, Message, Method, ParseError, ResponseBuilder, Status, check_request,
};
use sip::procedure::register::Register;
use sip::transaction::{Event, Timings, TransactionLimits, Transactions};
use sip::uri::{Host, Uri};

use crate::begin;

/// SIP, SIPS and tel URIs: what is parsed keeps its bytes and equals itself.
pub fn sip_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.equivalent(&uri));
    }
}

/// SIP messages: what is taken is taken again in the form in which it would be sent, and what is
/// refused has an answer.
pub fn sip_message(data: &[u8]) {
    let limits = sip::message::Limits::default();
    match Message::parse(data, &limits) {
        Ok(message) => {
            let again = Message::parse(message.as_bytes(), &limits);
            assert_eq!(again.ok().as_ref(), Some(&message));
            if let Message::Request(request) = &message {
                let _ = check_request(request, &capabilities());
                let _ = Register::read(request);
                let _ = ResponseBuilder::new(request, Status::OK)
                    .to_tag("t")
                    .build();
            }
        }
        Err(ParseError::Reject(rejected)) => {
            assert!(rejected.response("t").starts_with(b"SIP/2.0 "));
        }
        Err(ParseError::Drop(_)) => {}
    }
}

/// SIP over TCP: how the stream is cut into reads changes nothing, and what is held is bounded.
pub fn sip_stream(data: &[u8]) {
    for opened in [Opened::ByPeer, Opened::ByUs] {
        let whole = framed(opened, data, data.len());
        // The input chooses one more cut.
        let some = usize::from(data.last().copied().unwrap_or(7));
        for len in [1, some + 2] {
            assert_eq!(framed(opened, data, len), whole, "in reads of {len}");
        }
        for framed in whole {
            match framed {
                Framed::Message(message) => sip_message(message.as_bytes()),
                Framed::Rejected(rejected) => {
                    assert!(rejected.response("t").starts_with(b"SIP/2.0 "));
                }
                _ => {}
            }
        }
    }
}

/// What a stream holds that is read in pieces of that length.
fn framed(opened: Opened, stream: &[u8], len: usize) -> Vec<Framed> {
    let limits = sip::message::Limits::default();
    let now = begin();
    let mut framer = StreamFramer::new(opened, limits);
    let mut framed = Vec::new();
    for read in stream.chunks(len.max(1)) {
        framer.push(now, read);
        framed.extend(std::iter::from_fn(|| framer.poll()));
        assert!(framer.buffered() <= limits.message_bytes());
    }
    framed
}

/// Messages in any order, as requests to us and as our own, with time going by: what is sent can
/// be read, and once all is answered or called off, nothing is left.
pub fn sip_transactions(data: &[u8]) {
    for transport in [Transport::Udp, Transport::Tcp] {
        transactions_over(transport, data);
    }
}

fn transactions_over(transport: Transport, data: &[u8]) {
    const FLOW: FlowId = FlowId(1);
    let mut now = begin();
    let mut layer = Transactions::new(Timings::default(), TransactionLimits::default());
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for framed in framed(Opened::ByPeer, data, data.len()) {
        let Framed::Message(message) = framed else {
            continue;
        };
        if let Message::Request(request) = &message
            && request.body().len() % 2 == 1
        {
            let request = (**request).clone();
            clients.extend(layer.request(now, FLOW, transport, request));
        }
        layer.handle(now, FLOW, transport, message);
        drain(&mut layer, &mut servers);
        if let Some((server, request)) = servers.last()
            && request.cseq() % 2 == 1
            && let Ok(ringing) = ResponseBuilder::new(request, Status::RINGING).build()
        {
            layer.respond(now, *server, ringing);
        }
        now += Duration::from_millis(700);
        layer.handle_timeout(now);
    }
    for (server, request) in std::mem::take(&mut servers) {
        let answer = ResponseBuilder::new(&request, Status::BUSY_HERE).to_tag("t");
        let Ok(response) = answer.build() else {
            layer.flow_closed(now, FLOW);
            continue;
        };
        layer.respond(now, server, response);
    }
    for client in clients {
        layer.cancel(now, client);
    }
    while let Some(due) = layer.poll_timeout() {
        layer.handle_timeout(due);
        drain(&mut layer, &mut servers);
    }
    assert!(layer.is_empty());
}

fn drain(
    layer: &mut Transactions,
    servers: &mut Vec<(sip::transaction::ServerId, sip::message::Request)>,
) {
    let limits = sip::message::Limits {
        head_bytes: usize::MAX,
        header_bytes: usize::MAX,
        ..sip::message::Limits::default()
    };
    while let Some((_, bytes)) = layer.poll_transmit() {
        assert!(Message::parse(&bytes, &limits).is_ok(), "{bytes:?}");
    }
    while let Some(event) = layer.poll_event() {
        if let Event::Request {
            server, request, ..
        } = event
        {
            servers.push((server, *request));
        }
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        methods: vec![Method::Invite, Method::Register],
        extensions: vec!["100rel".to_owned()],
        content_types: vec!["application/sdp".to_owned()],
        any_content: vec![Method::Message],
        forwards: true,
    }
}

/// Header values of digest authentication: what we write of one reads back as itself.
pub fn digest(data: &[u8]) {
    if let Ok(value) = Challenge::parse(data) {
        let written = value.to_string();
        assert_eq!(Challenge::parse(written.as_bytes()), Ok(value));
    }
    if let Ok(value) = Authorization::parse(data) {
        let written = value.to_string();
        assert_eq!(Authorization::parse(written.as_bytes()), Ok(value));
    }
    if let Ok(value) = AuthenticationInfo::parse(data) {
        let written = value.to_string();
        assert_eq!(AuthenticationInfo::parse(written.as_bytes()), Ok(value));
    }
}

/// What a person types to call somebody.
pub fn dialled_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(domain) = Host::parse("example.com") {
        let _ = Dialled::parse(text, &domain);
    }
}

/// Frames of the Web SDK protocol.
pub fn wcs_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = ClientMessage::parse(text);
}
