//! Telephones for tests: REGISTER as they come over the wire.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Instant;

use sip::flow::{FlowId, Transport};
use sip::message::{Limits, Message, Request};
use sip::procedure::register::Register;
use sip::uri::Host;

use crate::aor::Aor;
use crate::location::Location;
use crate::register::{Refusal, RegisterPolicy, Registered, Registrant};
use crate::store::Store;

pub(crate) fn aor(name: &str) -> Aor {
    Aor::parse(name, &Host::parse("example.com").unwrap()).unwrap()
}

/// A telephone, and how it speaks.
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    pub(crate) aor: Aor,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) flow: FlowId,
    pub(crate) transport: Transport,
    pub(crate) source: SocketAddr,
    pub(crate) scheme: &'static str,
}

impl Phone {
    /// By UDP.
    pub(crate) fn of(name: &str, flow: u64) -> Self {
        Self {
            aor: aor(name),
            call_id: format!("{name}-{flow}"),
            cseq: 0,
            flow: FlowId(flow),
            transport: Transport::Udp,
            source: SocketAddr::from(([192, 0, 2, 1], 5060)),
            scheme: "sip",
        }
    }

    /// On a WebSocket.
    pub(crate) fn on_socket(name: &str, flow: u64) -> Self {
        Self {
            transport: Transport::Wss,
            ..Self::of(name, flow)
        }
    }

    /// Its next REGISTER, with these rows.
    pub(crate) fn request(&mut self, rows: &str) -> Request {
        self.cseq += 1;
        let address = format!("{}:{}", self.scheme, self.aor);
        let text = format!(
            "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP x.invalid;branch=z9hG4bK1\n\
             Max-Forwards: 70\nFrom: <{address}>;tag=a\nTo: <{address}>\n\
             Call-ID: {}\nCSeq: {} REGISTER\n{rows}Content-Length: 0\n\n",
            self.call_id, self.cseq
        );
        let bytes = text.replace('\n', "\r\n");
        let message = Message::parse(bytes.as_bytes(), &Limits::default()).unwrap();
        message.into_request().unwrap()
    }

    /// Sends it.
    pub(crate) fn register<S: Store>(
        &mut self,
        location: &mut Location<S>,
        now: Instant,
        policy: &RegisterPolicy,
        rows: &str,
    ) -> Result<Registered, Refusal> {
        let request = self.request(rows);
        let user = self.aor.clone();
        self.register_as(location, now, policy, &user, &request)
    }

    pub(crate) fn register_as<S: Store>(
        &self,
        location: &mut Location<S>,
        now: Instant,
        policy: &RegisterPolicy,
        user: &Aor,
        request: &Request,
    ) -> Result<Registered, Refusal> {
        let from = Registrant {
            aor: &self.aor,
            user,
            flow: self.flow,
            transport: self.transport,
            source: self.source,
        };
        let register = Register::read(request).unwrap();
        location.register(now, policy, &from, &register)
    }
}
