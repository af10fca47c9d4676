//! Telephones: they register, call pages and each other, and are called.

mod announcements;
mod calling;
mod changing;
mod crossing;
mod domains;
mod early;
mod goodbyes;
mod gruus;
mod hops;
mod infos;
mod keep_alive;
mod keeping;
mod late;
mod leaving;
mod media;
mod partners;
mod redirecting;
mod referring;
mod registering;
mod reliable;
mod replacing;
mod scanning;
mod security;
mod sounds;
mod strangers;
mod subscribing;
mod texts;
mod updating;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sip::digest::{self, Client, ClientPolicy, Hash, Identity, Role, Secret};
use sip::flow::{FlowId, Transport};
use sip::message::{
    HeaderName, Limits, Message, Method, Request, Response, ResponseBuilder, Status,
};
use sip::uri::Host;

pub(super) use domains::with_domains as domains_config;

use ::media::event::Event;
use ::media::ports::PortPair;

use super::{Bench, Input, OFFER_AUDIO, Page, answer_to, peer};
use crate::call::io::SipEnds;

/// A SIP user agent on a flow of its own.
#[derive(Debug, Clone)]
pub(super) struct Phone {
    pub(super) flow: FlowId,
    pub(super) user: String,
    /// Its own name for itself.
    host: String,
    transport: Transport,
}

impl Bench {
    pub(super) fn open_sip(&mut self, transport: Transport, address: &str) -> FlowId {
        self.open_sip_for(None, transport, address)
    }

    /// The way that was asked for is open.
    pub(super) fn open_way(&mut self, connect: u64, address: &str) -> FlowId {
        self.open_way_over(connect, Transport::Udp, address)
    }

    pub(super) fn open_way_over(
        &mut self,
        connect: u64,
        transport: Transport,
        address: &str,
    ) -> FlowId {
        self.open_sip_for(Some(connect), transport, address)
    }

    fn open_sip_for(
        &mut self,
        connect: Option<u64>,
        transport: Transport,
        address: &str,
    ) -> FlowId {
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        let ends = SipEnds {
            peer: peer(address, address.starts_with("127.")),
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
        };
        self.handle(Input::SipOpened {
            flow,
            ends,
            connect,
        });
        flow
    }

    /// A telephone that has said nothing yet.
    pub(super) fn silent_phone(&mut self, user: &str, transport: Transport, at: &str) -> Phone {
        let flow = self.open_sip(transport, at);
        Phone {
            flow,
            user: user.to_owned(),
            host: format!("phone{}.invalid", flow.0),
            transport,
        }
    }

    /// A telephone of a guest, registered over a WebSocket.
    pub(super) fn phone(&mut self, user: &str) -> Phone {
        let phone = self.silent_phone(user, Transport::Ws, "127.0.0.1:50001");
        let request = phone.register(1, "");
        self.send(&phone, &request);
        assert_eq!(self.response(&phone).status(), Status::OK);
        phone
    }

    /// A telephone of an account, registered with its password.
    pub(super) fn account_phone(&mut self, user: &str) -> Phone {
        let phone = self.silent_phone(user, Transport::Ws, "127.0.0.1:50001");
        self.send(&phone, &phone.register(1, ""));
        let challenge = self.response(&phone);
        let credentials = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        self.send(&phone, &phone.register(2, &credentials));
        assert_eq!(self.response(&phone).status(), Status::OK);
        phone
    }

    /// A telephone of a guest, registered over UDP, whose media is RTP.
    pub(super) fn udp_phone(&mut self, user: &str) -> Phone {
        let phone = self.silent_phone(user, Transport::Udp, "127.0.0.1:50001");
        self.send(&phone, &phone.register(1, ""));
        assert_eq!(self.response(&phone).status(), Status::OK);
        phone
    }

    /// The worker opens ports for RTP.
    pub(super) fn open_ports(&mut self, count: u16) {
        for index in 0..count {
            let ports = PortPair::new(20_000 + 2 * index).unwrap();
            self.media(Event::PortsOpen { worker: 0, ports });
        }
    }

    pub(super) fn send(&mut self, phone: &Phone, text: &str) {
        let message = Message::parse(text.as_bytes(), &Limits::default()).expect("a message");
        let message = match message {
            Message::Request(mut request) => {
                request.set_source("127.0.0.1:50001".parse().unwrap());
                Message::Request(request)
            }
            response => response,
        };
        self.handle(Input::Sip {
            flow: phone.flow,
            message,
        });
    }

    pub(super) fn take_sip(&mut self, phone: &Phone) -> Vec<Message> {
        self.sip.remove(&phone.flow).unwrap_or_default()
    }

    /// The one response since the last look.
    pub(super) fn response(&mut self, phone: &Phone) -> Response {
        let mut messages = self.take_sip(phone);
        assert_eq!(messages.len(), 1, "one message, not {messages:?}");
        messages.remove(0).into_response().expect("a response")
    }

    /// The final response since the last look.
    pub(super) fn final_response(&mut self, phone: &Phone) -> Response {
        let messages = self.take_sip(phone).into_iter();
        let mut finals = messages
            .filter_map(Message::into_response)
            .filter(|response| response.status().is_final());
        let response = finals.next().expect("a final response");
        assert!(finals.next().is_none(), "one final response");
        response
    }

    /// The one request since the last look.
    pub(super) fn request(&mut self, phone: &Phone) -> Request {
        let mut messages = self.take_sip(phone);
        assert_eq!(messages.len(), 1, "one message, not {messages:?}");
        messages.remove(0).into_request().expect("a request")
    }

    pub(super) fn respond(
        &mut self,
        phone: &Phone,
        request: &Request,
        status: Status,
        sdp: Option<&str>,
    ) {
        let mut builder = ResponseBuilder::new(request, status)
            .to_tag("phone")
            .value(HeaderName::Contact, phone.contact());
        if let Some(sdp) = sdp {
            builder = builder.body("application/sdp", sdp.to_owned());
        }
        let response = builder.build().unwrap();
        self.handle(Input::Sip {
            flow: phone.flow,
            message: Message::Response(Box::new(response)),
        });
    }

    /// Responds with a header of its own.
    pub(super) fn respond_with(
        &mut self,
        phone: &Phone,
        request: &Request,
        status: Status,
        header: &str,
    ) {
        let (name, value) = header.split_once(": ").unwrap();
        let builder = ResponseBuilder::new(request, status)
            .to_tag("phone")
            .value(HeaderName::Contact, phone.contact())
            .other(name, value);
        let response = builder.build().unwrap();
        self.handle(Input::Sip {
            flow: phone.flow,
            message: Message::Response(Box::new(response)),
        });
    }

    /// A telephone calls; its INVITE.
    pub(super) fn dial(&mut self, phone: &Phone, callee: &str) -> String {
        self.dial_with(phone, callee, "", OFFER_AUDIO)
    }

    pub(super) fn dial_with(
        &mut self,
        phone: &Phone,
        callee: &str,
        headers: &str,
        sdp: &str,
    ) -> String {
        let uri = format!("sip:{callee}@example.org");
        let invite = phone.request("INVITE", &uri, callee, headers, sdp);
        self.send(phone, &invite);
        invite
    }

    /// A guest's page calls a telephone; with the page's call id, and the INVITE.
    pub(super) fn page_calls(&mut self, phone: &Phone) -> (Page, String, Request) {
        let page = self.guest("carol");
        let call_id = self.call_with(page, &phone.user, OFFER_AUDIO);
        (page, call_id, self.request(phone))
    }

    /// A telephone calls another one; the INVITE that rings there.
    pub(super) fn phone_calls(&mut self, from: &Phone, headers: &str, to: &Phone) -> Request {
        self.dial_with(from, &to.user, headers, OFFER_AUDIO);
        self.take_sip(from);
        self.request(to)
    }

    /// An answered call of a telephone to a guest's page; its 200, and the page with its call id.
    pub(super) fn talk_to_page(
        &mut self,
        phone: &Phone,
        headers: &str,
        sdp: &str,
    ) -> (Response, Page, String) {
        let page = self.guest("carol");
        self.dial_with(phone, "carol", headers, sdp);
        let (call_id, offer) = self.incoming(page);
        self.answer(page, &call_id, &offer);
        let ok = self.final_response(phone);
        assert_eq!(ok.status(), Status::OK);
        self.take(page);
        (ok, page, call_id)
    }
}

impl Phone {
    /// The same one, on another flow.
    pub(super) fn on(self, flow: FlowId) -> Self {
        Self { flow, ..self }
    }

    pub(super) fn contact(&self) -> String {
        let transport = self.transport.uri_name();
        format!("<sip:{}@{};transport={transport}>", self.user, self.host)
    }

    /// A text to somebody. Each has a number of its own.
    pub(super) fn text(&self, to: &str, body: &str) -> String {
        let uri = format!("sip:{to}@example.org");
        let cseq = 1 + u32::try_from(body.len() + to.len()).unwrap();
        self.numbered("MESSAGE", &uri, (&format!("<{uri}>"), cseq), "", body)
            .replacen("application/sdp", "text/plain", 1)
    }

    pub(super) fn register(&self, cseq: u32, headers: &str) -> String {
        let to = format!("<sip:{}@example.org>", self.user);
        let headers = format!("Expires: 600\r\n{headers}");
        self.numbered("REGISTER", "sip:example.org", (&to, cseq), &headers, "")
    }

    /// A request outside any dialog.
    pub(super) fn request(
        &self,
        method: &str,
        uri: &str,
        to: &str,
        headers: &str,
        body: &str,
    ) -> String {
        let to = format!("<sip:{to}@example.org>");
        self.numbered(method, uri, (&to, 1), headers, body)
    }

    /// A request with a To and a number of its own.
    pub(super) fn numbered(
        &self,
        method: &str,
        uri: &str,
        (to, cseq): (&str, u32),
        headers: &str,
        body: &str,
    ) -> String {
        let content = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        let (user, host, via) = (&self.user, &self.host, self.transport.via_name());
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{via} {host};branch=z9hG4bK-{host}-{method}-{cseq}\r\n\
             Max-Forwards: 70\r\n\
             From: \"{user}\" <sip:{user}@example.org>;tag=of-{user}\r\n\
             To: {to}\r\n\
             Call-ID: {method}-of-{host}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: {}\r\n\
             {headers}{content}Content-Length: {}\r\n\r\n{body}",
            self.contact(),
            body.len(),
        )
    }

    /// A request in the dialog that a response has made.
    pub(super) fn in_dialog(&self, method: &str, of: &Response, cseq: u32) -> String {
        self.in_dialog_with(method, of, cseq, "", "")
    }

    pub(super) fn in_dialog_with(
        &self,
        method: &str,
        of: &Response,
        cseq: u32,
        headers: &str,
        body: &str,
    ) -> String {
        let mut to = Vec::new();
        of.to().write(&mut to);
        let to = String::from_utf8(to).unwrap();
        let own = format!("Call-ID: {method}-of-");
        self.numbered(method, "sip:192.0.2.1:5060", (&to, cseq), headers, body)
            .replacen(&own, "Call-ID: INVITE-of-", 1)
    }
}

/// What a telephone answers to an offer of ours.
pub(super) fn sdp_answer(request: &Request) -> String {
    answer_to(std::str::from_utf8(request.body()).unwrap())
}

/// The Authorization row that answers a challenge with the password of all accounts here.
pub(super) fn credentials(phone: &Phone, challenge: &Response, method: &str, uri: &str) -> String {
    credentials_by(phone, challenge, method, uri, false)
}

/// The same; of a telephone that takes a challenge without `qop`, perhaps.
fn credentials_by(
    phone: &Phone,
    challenge: &Response,
    method: &str,
    uri: &str,
    without_qop: bool,
) -> String {
    let domain = Host::parse("example.org").unwrap();
    let identity = Identity {
        host: domain.clone(),
        realm: "example.org".into(),
        username: phone.user.as_str().into(),
        secret: Secret::Password("secret".into()),
    };
    let policy = ClientPolicy {
        weakest: Hash::Md5,
        without_qop,
    };
    let mut client = Client::new(identity, policy).unwrap();
    let values = challenge.headers().values(HeaderName::WwwAuthenticate);
    let mut rng = StdRng::seed_from_u64(phone.flow.0);
    client
        .handle_challenge(Role::Origin, &domain, None, values, &mut rng)
        .unwrap();
    let covered = digest::Request {
        method,
        uri,
        body: b"",
    };
    let sent = client.authorize(Role::Origin, &domain, &covered).unwrap();
    format!("Authorization: {sent}\r\n")
}

pub(super) fn is(request: &Request, method: &Method) -> bool {
    request.method() == method
}
