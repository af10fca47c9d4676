//! SIP in the Switch: the user agent at both ends of a call, and the registrar.
//!
//! The transaction layer (`sip::transaction`) repeats and absorbs; here is what a request means.
//! Calls know nothing of it: what the far side does becomes a `LegEvent`, and what it is told was a
//! [`LegOrder`].

mod change;
mod dialog;
mod early;
mod goodbye;
mod gruu;
mod identity;
mod invite;
mod invited;
mod inviting;
mod keep_alive;
mod keys;
mod legs;
mod listing;
mod news;
mod order;
mod past;
mod provisional;
mod refer;
mod refresh;
mod register;
mod reoffer;
mod replacing;
mod request;
mod scan;
mod subscribe;
mod text;
mod watches;
mod way;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use media::ids::LegId;
use rand::Rng;
use registrar::GruuMint;
use sip::digest;
use sip::flow::{FlowId, Transport};
use sip::header::OwnAddr;
use sip::message::{
    Capabilities, HeaderName, Message, Method, Request, RequestBuilder, ResponseBuilder,
};
use sip::procedure::info::KeyFormat;
use sip::transaction::{ClientId, Event, Timings, TransactionLimits, Transactions};
use sip::uri::{Host, Uri};

use self::goodbye::{Goodbyes, Lost};
use self::keep_alive::KeepAlive;
use self::legs::SipLegs;
pub(super) use self::watches::WatchId;
use self::watches::Watches;
use self::way::Ways;
use super::admission::Rate;
use super::io::{FlowEnd, Output, SipEnds};
use super::leg::LegOrder;
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;

/// What the Switch keeps for SIP.
pub(super) struct Sip {
    transactions: Transactions,
    flows: BTreeMap<FlowId, SipFlow>,
    legs: SipLegs,
    /// What legs are to be told, in order; see [`Switch::obey_sip`].
    orders: VecDeque<(LegId, LegOrder)>,
    /// Who asks for passwords, by domain.
    realms: BTreeMap<Host, digest::Server>,
    /// Of their nonces.
    nonce_secret: [u8; 32],
    /// Makes and reads the addresses of single user agents.
    gruus: GruuMint,
    capabilities: Capabilities,
    /// Ways that are being opened.
    ways: Ways,
    goodbyes: Goodbyes,
    keep_alive: KeepAlive,
    watches: Watches,
    /// Keys that were told by INFO, until that is answered.
    told_keys: BTreeMap<ClientId, (LegId, char, KeyFormat)>,
}

/// A flow that carries SIP.
#[derive(Debug)]
struct SipFlow {
    ends: SipEnds,
    /// Our end of it, as Via and Contact name it.
    sent_by: Box<str>,
    contact: Option<OwnAddr>,
    since: Now,
    /// Somebody has proved who he is on it.
    trusted: bool,
    /// Of calls of those who have not registered.
    calls: Rate,
}

impl SipFlow {
    fn new(ends: SipEnds, now: Now) -> Self {
        // Without the zone of a link-local address: it means something here alone (RFC 4007 6).
        let local = SocketAddr::new(ends.local.ip(), ends.local.port());
        let sent_by = local.to_string();
        Self {
            contact: contact_uri(ends.transport, &sent_by).map(|uri| OwnAddr::new("", &uri)),
            sent_by: sent_by.into(),
            ends,
            since: now,
            trusted: false,
            calls: Rate::new(now.mono),
        }
    }
}

impl Sip {
    /// `nonce_secret` is of the nonces, `gruu_secret` of the addresses of single user agents.
    pub(super) fn new(nonce_secret: [u8; 32], gruu_secret: [u8; 32]) -> Self {
        Self {
            transactions: Transactions::new(Timings::default(), TransactionLimits::default()),
            flows: BTreeMap::new(),
            legs: SipLegs::default(),
            orders: VecDeque::new(),
            realms: BTreeMap::new(),
            nonce_secret,
            gruus: GruuMint::new(gruu_secret),
            capabilities: capabilities(),
            ways: Ways::default(),
            goodbyes: Goodbyes::default(),
            keep_alive: KeepAlive::default(),
            watches: Watches::default(),
            told_keys: BTreeMap::new(),
        }
    }

    /// Nothing is going on, and nothing is remembered of what was. Transactions may be: they last
    /// a while longer than what they were for.
    pub(super) fn is_idle(&self) -> bool {
        self.legs.is_empty()
            && self.orders.is_empty()
            && self.goodbyes.is_empty()
            && self.watches.is_empty()
    }

    pub(super) fn open_flows(&self) -> usize {
        self.flows.len()
    }

    #[cfg(test)]
    pub(super) fn nonces_in_use(&self) -> usize {
        let realms = self.realms.values();
        realms.map(digest::Server::nonces_in_use).sum()
    }

    /// Transactions that are remembered.
    pub(super) fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// The rate of calls on the flow that a leg is on.
    pub(super) fn call_rate(&mut self, leg: LegId) -> Option<&mut Rate> {
        let flow = self.legs.get(leg)?.flow;
        self.flows.get_mut(&flow).map(|open| &mut open.calls)
    }

    fn transport(&self, flow: FlowId) -> Option<Transport> {
        self.flows.get(&flow).map(|open| open.ends.transport)
    }
}

/// What we understand.
fn capabilities() -> Capabilities {
    Capabilities {
        methods: vec![
            Method::Invite,
            Method::Ack,
            Method::Cancel,
            Method::Bye,
            Method::Options,
            Method::Register,
            Method::Info,
            Method::Update,
            Method::Message,
            Method::Refer,
            Method::Prack,
            Method::Subscribe,
        ],
        extensions: ["100rel", "gruu", "outbound", "path", "replaces", "timer"]
            .map(str::to_owned)
            .to_vec(),
        content_types: vec![SDP.to_owned()],
        any_content: vec![Method::Info, Method::Message],
        forwards: true,
    }
}

/// The type of a session description (RFC 8866 8.1).
const SDP: &str = "application/sdp";

/// What we write as `User-Agent` and `Server`.
const PRODUCT: &str = "Callbox";

impl Switch {
    pub(super) fn on_sip_opened(&mut self, now: Now, flow: FlowId, ends: SipEnds) {
        let full = self.sip.flows.len() >= self.config.limits.flows;
        if self.stage != Stage::Running || full {
            tracing::debug!(%flow, "a flow for SIP is refused");
            return self.outputs.push(Output::CloseFlow {
                flow,
                code: 1013,
                reason: "too many connections",
            });
        }
        self.sip.flows.insert(flow, SipFlow::new(ends, now));
    }

    pub(super) fn on_sip(&mut self, now: Now, flow: FlowId, message: Message) {
        // What comes on a flow that was refused or is unknown is not looked at.
        let Some(transport) = self.sip.transport(flow) else {
            return;
        };
        if self.drops_as_scan(now, flow, &message) {
            return;
        }
        self.sip
            .transactions
            .handle(now.mono, flow, transport, message);
    }

    /// True if it was one of SIP.
    pub(super) fn on_sip_flow_closed(&mut self, now: Now, flow: FlowId, how: FlowEnd) -> bool {
        let Some(closed) = self.sip.flows.remove(&flow) else {
            return false;
        };
        let socket = matches!(closed.ends.transport, Transport::Ws | Transport::Wss);
        self.sip.transactions.flow_closed(now.mono, flow);
        self.sip.legs.lose_flow(flow, Lost::new(&closed.ends));
        self.watchers_lost(now, flow);
        self.on_phones_gone(now, flow, socket && how == FlowEnd::Clean);
        true
    }

    /// Lets the transaction layer speak until it has nothing left, and tells legs what they are
    /// to be told.
    pub(super) fn settle_sip(&mut self, now: Now) {
        loop {
            if let Some((leg, order)) = self.sip.orders.pop_front() {
                self.carry_out_order(now, leg, order);
            } else if let Some(event) = self.sip.transactions.poll_event() {
                self.on_transaction_event(now, event);
            } else {
                break;
            }
        }
        // Only now: what is refused to strangers takes its 100 back.
        while let Some((flow, bytes)) = self.sip.transactions.poll_transmit() {
            self.outputs.push(Output::Sip { flow, bytes });
        }
        self.tell_of_calls(now);
        let due = self.sip.transactions.poll_timeout();
        self.timers.set(Timer::Transactions, due);
        self.timers
            .set(Timer::Bindings, self.location.poll_timeout());
        self.timers
            .set(Timer::KeepAlive, self.sip.keep_alive.poll_timeout());
    }

    /// Something else was said on a leg in the meantime, or it is gone: what is to be told waits
    /// until the event at hand has been dealt with.
    pub(super) fn obey_sip(&mut self, leg: LegId, order: LegOrder) {
        self.sip.orders.push_back((leg, order));
    }

    pub(super) fn on_transactions_due(&mut self, now: Now) {
        self.sip.transactions.handle_timeout(now.mono);
    }

    fn on_transaction_event(&mut self, now: Now, event: Event) {
        match event {
            Event::Request {
                server,
                flow,
                request,
            } => self.on_request(now, server, flow, *request),
            Event::Ack { flow, request } => self.on_ack(now, flow, &request),
            Event::Cancelled { server } => self.on_cancelled(now, server),
            Event::Response { client, response } => self.on_response(now, client, &response),
            Event::Failed { client, failure } => self.on_unanswered(now, client, failure),
            Event::NotAcknowledged { server } => {
                tracing::debug!(?server, "a refusal was not acknowledged");
            }
            Event::Stray { flow, response } => {
                tracing::debug!(%flow, status = response.status().code(), "a response to nothing");
                self.on_late_response(now, &response);
            }
        }
    }

    fn random(&mut self) -> u32 {
        self.pool.rng().next_u32()
    }

    /// The Via of a request of ours on a flow, with a branch that nobody used before (RFC 3261
    /// 8.1.1.7). `None` if the flow is gone.
    fn with_via(&mut self, flow: FlowId, builder: RequestBuilder) -> Option<RequestBuilder> {
        let open = self.sip.flows.get(&flow)?;
        let branch = ["z9hG4bK", &self.pool.token()].concat();
        Some(builder.via(open.ends.transport.via_name(), &open.sent_by, &branch))
    }

    /// Where the far side reaches us on a flow: the value of Contact.
    fn own_contact(&self, flow: FlowId) -> Option<OwnAddr> {
        self.sip.flows.get(&flow)?.contact.clone()
    }

    /// With our Contact on the flow of a leg. `None` if that is gone.
    fn with_contact(&self, id: LegId, builder: ResponseBuilder) -> Option<ResponseBuilder> {
        let contact = self.own_contact(self.sip.legs.get(id)?.flow)?;
        Some(builder.addr(HeaderName::Contact, &contact))
    }

    /// Sends a request within the dialog of a leg whose answer changes nothing (BYE, INFO).
    fn send_in_dialog(&mut self, now: Now, flow: FlowId, builder: RequestBuilder) {
        self.send_request(now, flow, builder);
    }

    /// Sends a request that lacks only Via. `None` if it was not sent.
    fn send_request(
        &mut self,
        now: Now,
        flow: FlowId,
        builder: RequestBuilder,
    ) -> Option<ClientId> {
        let transport = self.sip.transport(flow)?;
        let builder = self.with_via(flow, builder)?;
        let request = match builder.value(HeaderName::UserAgent, PRODUCT).build() {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a request of ours cannot be written");
                return None;
            }
        };
        let transactions = &mut self.sip.transactions;
        let sent = transactions.request(now.mono, flow, transport, request);
        if sent.is_err() {
            tracing::warn!(%flow, "as many transactions as there may be: a request is lost");
        }
        sent.ok()
    }
}

fn contact_uri(transport: Transport, sent_by: &str) -> Option<Uri> {
    let uri = match transport {
        Transport::Udp => ["sip:", sent_by].concat(),
        other => ["sip:", sent_by, ";transport=", other.uri_name()].concat(),
    };
    Uri::parse(&uri).ok()
}

/// The session description that a message carries; `None` if it has none.
fn description(headers: sip::message::Headers<'_>, body: &[u8]) -> Option<String> {
    let content_type = headers.text(HeaderName::ContentType)?;
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if body.is_empty() || !kind.eq_ignore_ascii_case(SDP) {
        return None;
    }
    Some(String::from_utf8_lossy(body).into_owned())
}

fn description_of_request(request: &Request) -> Option<String> {
    description(request.headers(), request.body())
}
