//! A telephone: it registers, calls, is called, holds, transfers and gives up, with transactions
//! and dialogs of its own. What it believes of its calls is compared with what the Switch does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use sip::digest::{self, Client, ClientPolicy, Hash, Identity, Role, Secret};
use sip::flow::{FlowId, Transport};
use sip::header::OwnAddr;
use sip::message::{
    HeaderName, Message, Method, Rejection, Request, RequestBuilder, Response, ResponseBuilder,
    Status,
};
use sip::procedure::session_timer::{After, Due as SessionDue};
use sip::transaction::{ClientId, Event, ServerId, Timings, TransactionLimits, Transactions};
use sip::uri::{Host, Uri};

use super::leg::{Change, Leg, State};

/// Registrations are for so long, s.
const EXPIRES_S: u64 = 120;

/// What a telephone knows and does.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// It knows reliable provisional responses; `Some(true)` demands them of whom it calls.
    pub rel100: Option<bool>,
    /// It knows session timers.
    pub timer: bool,
    pub transport: Transport,
}

/// What telephones lived through.
#[derive(Debug, Default, Clone)]
pub struct Deeds {
    pub cancels: u64,
    pub changes: u64,
    pub late_changes: u64,
    pub glare: u64,
    pub pracks: u64,
    pub refreshes: u64,
    pub refers: u64,
    pub late_offers: u64,
    pub crossed: u64,
}

pub struct Phone {
    pub index: usize,
    pub name: &'static str,
    pub kind: Kind,
    /// Its connection, if it has one.
    pub flow: Option<FlowId>,
    /// Without power: it says nothing and hears nothing.
    pub off: bool,
    pub address: SocketAddr,
    layer: Transactions,
    digest: Client,
    pub(super) legs: BTreeMap<u64, Leg>,
    purposes: BTreeMap<ClientId, Purpose>,
    names: u64,
    register_cseq: u32,
    register_at: Option<Instant>,
    pub deeds: Deeds,
}

/// What a request of ours was for.
#[derive(Debug, Clone)]
enum Purpose {
    Register,
    Invite(u64),
    Change(u64, Change),
    Other,
}

impl Phone {
    pub fn new(index: usize, name: &'static str, kind: Kind) -> Self {
        let domain = Host::parse("example.org").unwrap();
        let identity = Identity {
            host: domain,
            realm: "example.org".into(),
            username: name.into(),
            secret: Secret::Password("secret".into()),
        };
        let policy = ClientPolicy {
            weakest: Hash::Md5,
            without_qop: false,
        };
        Self {
            index,
            name,
            kind,
            flow: None,
            off: false,
            address: SocketAddr::from(([127, 0, 0, 1], 50_000 + index as u16)),
            layer: Transactions::new(Timings::default(), TransactionLimits::default()),
            digest: Client::new(identity, policy).unwrap(),
            legs: BTreeMap::new(),
            purposes: BTreeMap::new(),
            names: 0,
            register_cseq: 0,
            register_at: None,
            deeds: Deeds::default(),
        }
    }

    /// Whether each call that it takes itself to be in is held by it.
    pub fn calls(&self) -> Vec<bool> {
        let up = self.legs.values().filter(|leg| leg.state == State::Up);
        up.map(|leg| leg.holds).collect()
    }

    /// It is in no call, and none is on its way.
    pub fn is_idle(&self) -> bool {
        self.legs.values().all(|leg| leg.state == State::Over)
    }

    /// It would send to us from this port.
    pub fn speaks_on(&self, port: u16) -> bool {
        let mut live = self.legs.values().filter(|leg| leg.state != State::Over);
        !self.off && live.any(|leg| leg.port == port)
    }

    pub fn poll_transmit(&mut self) -> Option<(FlowId, bytes::Bytes)> {
        self.layer.poll_transmit()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.off {
            return None;
        }
        let legs = self.legs.values().filter_map(Leg::poll_timeout);
        legs.chain(self.layer.poll_timeout())
            .chain(self.register_at.filter(|_| self.flow.is_some()))
            .min()
    }

    /// It has a connection.
    pub fn opened(&mut self, now: Instant, flow: FlowId) {
        self.flow = Some(flow);
        self.register_at = Some(now);
        for leg in self.legs.values_mut() {
            leg.reconnected(now);
        }
    }

    /// It has none any more.
    pub fn lost(&mut self, now: Instant, rng: &mut StdRng) {
        let Some(flow) = self.flow.take() else { return };
        self.layer.flow_closed(now, flow);
        self.settle(now, rng);
        // Whoever called cannot be answered.
        for leg in self.legs.values_mut() {
            if leg.state == State::Ringing {
                leg.state = State::Over;
            }
        }
    }

    /// Somebody pulls the plug.
    pub fn power_off(&mut self) {
        self.off = true;
        self.flow = None;
        for leg in self.legs.values_mut() {
            leg.state = State::Over;
        }
        while self.layer.poll_transmit().is_some() {}
    }

    pub fn receive(&mut self, now: Instant, rng: &mut StdRng, flow: FlowId, message: Message) {
        self.layer.handle(now, flow, self.kind.transport, message);
        self.settle(now, rng);
    }

    pub fn handle_timeout(&mut self, now: Instant, rng: &mut StdRng) {
        self.layer.handle_timeout(now);
        self.settle(now, rng);
        if self.register_at.is_some_and(|at| at <= now) && self.flow.is_some() {
            self.register(now, "");
        }
        let ids: Vec<u64> = self.legs.keys().copied().collect();
        for id in ids {
            self.leg_is_due(now, rng, id);
        }
    }

    /// Whoever it is silent towards, since the Switch is: it gives up, as the user would.
    pub fn hears_nothing(&mut self, now: Instant, ports: &[u16]) -> bool {
        let deaf = |leg: &Leg| leg.state == State::Up && ports.contains(&leg.port);
        let deaf: Vec<u64> = self
            .legs
            .iter()
            .filter(|it| deaf(it.1))
            .map(|it| *it.0)
            .collect();
        for id in &deaf {
            self.bye(now, *id);
        }
        !deaf.is_empty()
    }

    /// The ports of the calls that it takes itself to be in.
    pub fn ports(&self) -> Vec<u16> {
        let up = self.legs.values().filter(|leg| leg.state == State::Up);
        up.map(|leg| leg.port).collect()
    }

    /// Something that people do.
    pub fn act(&mut self, now: Instant, rng: &mut StdRng, names: &[&'static str]) {
        if self.off || self.flow.is_none() {
            return;
        }
        let live = self.legs.iter().filter(|(_, leg)| leg.state != State::Over);
        let live: Vec<(u64, State)> = live.map(|(id, leg)| (*id, leg.state)).collect();
        let busy = live.len();
        if busy == 0 || (busy < 2 && rng.random_bool(0.1)) {
            if rng.random_bool(0.6) {
                let others = ["nobody", "ann", "ben"];
                let callee = match rng.random_bool(0.93) {
                    true => names[rng.random_range(0..names.len())],
                    false => others[rng.random_range(0..others.len())],
                };
                self.call(now, rng, callee);
            }
            return;
        }
        let (id, state) = live[rng.random_range(0..busy)];
        let deed = rng.random_range(0..100);
        match (state, deed) {
            (State::Calling, 0..25) => self.end(now, id),
            (State::Up, 0..15) => self.end(now, id),
            (State::Accepted, 0..20) => self.end(now, id),
            (State::Up, 15..40) => self.toggle_hold(now, id, Method::Invite),
            (State::Up, 40..52) => self.toggle_hold(now, id, Method::Update),
            (State::Up, 52..60) => self.change(now, id, Change::listening()),
            (State::Up, 60..66) => self.press(now, id),
            (State::Up, 66..74) => {
                let target = names[rng.random_range(0..names.len())];
                self.refer(now, id, target);
            }
            _ => {}
        }
    }

    pub fn hang_up_all(&mut self, now: Instant) {
        let ids: Vec<u64> = self.legs.keys().copied().collect();
        for id in ids {
            self.end(now, id);
        }
    }

    // --- requests of its own ---------------------------------------------------------------

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}-{}-{}", self.index, self.names)
    }

    pub(super) fn contact(&self) -> OwnAddr {
        let transport = self.kind.transport.uri_name();
        let uri = format!("sip:{}@{};transport={transport}", self.name, self.address);
        OwnAddr::new("", &Uri::parse(&uri).unwrap())
    }

    fn own(&self) -> OwnAddr {
        address(self.name)
    }

    fn with_via(&mut self, builder: RequestBuilder) -> RequestBuilder {
        let branch = format!("z9hG4bK{}", self.name("branch"));
        let sent_by = self.address.to_string();
        builder.via(self.kind.transport.via_name(), &sent_by, &branch)
    }

    fn send(
        &mut self,
        now: Instant,
        builder: RequestBuilder,
        purpose: Purpose,
    ) -> Option<ClientId> {
        let flow = self.flow?;
        let request = self.with_via(builder).build().unwrap();
        let transport = self.kind.transport;
        let client = self.layer.request(now, flow, transport, request).unwrap();
        self.purposes.insert(client, purpose);
        Some(client)
    }

    fn register(&mut self, now: Instant, credentials: &str) {
        self.register_cseq += 1;
        self.register_at = Some(now + Duration::from_secs(EXPIRES_S / 2));
        let uri = Uri::parse("sip:example.org").unwrap();
        let mut builder = RequestBuilder::new(Method::Register, &uri)
            .max_forwards(70)
            .from(&self.own().tag(&format!("r{}", self.index)))
            .to(&self.own())
            .call_id(format!("registration-{}", self.index))
            .cseq(self.register_cseq)
            .addr(HeaderName::Contact, &self.contact())
            .value(HeaderName::Expires, EXPIRES_S.to_string());
        if !credentials.is_empty() {
            builder = builder.value(HeaderName::Authorization, credentials);
        }
        self.send(now, builder, Purpose::Register);
    }

    fn call(&mut self, now: Instant, rng: &mut StdRng, callee: &str) {
        let id = self.new_id();
        let late = rng.random_bool(0.25);
        let port = self.port(id);
        let uri = Uri::parse(&format!("sip:{callee}@example.org")).unwrap();
        let tag = self.name("tag");
        let call_id = self.name("call");
        let mut builder = RequestBuilder::new(Method::Invite, &uri)
            .max_forwards(70)
            .from(&self.own().tag(&tag))
            .to(&address(callee))
            .call_id(call_id)
            .cseq(1)
            .addr(HeaderName::Contact, &self.contact());
        builder = self.abilities(builder);
        if self.kind.rel100 == Some(true) {
            builder = builder.value(HeaderName::Require, "100rel");
        }
        let timer = Leg::new_timer();
        if self.kind.timer {
            builder = timer.write_request(builder);
        }
        if late {
            self.deeds.late_offers += 1;
        } else {
            let sdp = super::sdp::describe(port, 1, false, None);
            builder = builder.body("application/sdp", sdp);
        }
        let invite = self.with_via(builder).build().unwrap();
        self.invite(now, id, Leg::calling(invite, port, timer));
    }

    /// Sends the INVITE of a leg.
    fn invite(&mut self, now: Instant, id: u64, mut leg: Leg) {
        let Some(flow) = self.flow else { return };
        let invite = leg.invite.clone();
        let client = self.layer.request(now, flow, self.kind.transport, invite);
        let client = client.unwrap();
        leg.client = Some(client);
        self.legs.insert(id, leg);
        self.purposes.insert(client, Purpose::Invite(id));
    }

    fn abilities(&self, builder: RequestBuilder) -> RequestBuilder {
        let mut supported = vec!["replaces"];
        if self.kind.rel100.is_some() {
            supported.push("100rel");
        }
        if self.kind.timer {
            supported.push("timer");
        }
        let allow = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, NOTIFY, REFER, OPTIONS";
        builder
            .value(HeaderName::Allow, allow)
            .value(HeaderName::Supported, supported.join(", "))
    }

    /// The same INVITE once more, with the next number.
    fn invite_again(&mut self, now: Instant, id: u64, credentials: Option<String>) {
        let Some(mut leg) = self.legs.remove(&id) else {
            return;
        };
        let mut builder = RequestBuilder::like(&leg.invite);
        for name in [HeaderName::Via, HeaderName::CSeq, HeaderName::Authorization] {
            builder = builder.without(name);
        }
        builder = builder.cseq(leg.invite.cseq() + 1);
        if self.kind.timer {
            builder = builder.without(HeaderName::SessionExpires);
            builder = leg.timer.write_request(builder.without(HeaderName::MinSe));
        }
        if let Some(credentials) = credentials {
            builder = builder.value(HeaderName::Authorization, credentials);
        }
        leg.invite = self.with_via(builder).build().unwrap();
        leg.tries += 1;
        self.invite(now, id, leg);
    }

    /// Hangs up, or gives up, or refuses.
    fn end(&mut self, now: Instant, id: u64) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        match leg.state {
            State::Calling => {
                leg.state = State::Cancelling;
                let client = leg.client.unwrap();
                self.deeds.cancels += 1;
                self.layer.cancel(now, client);
            }
            State::Ringing => self.refuse(now, id, Status::BUSY_HERE),
            State::Accepted => leg.ends = true,
            State::Up => self.bye(now, id),
            State::Cancelling | State::Over => {}
        }
    }

    fn bye(&mut self, now: Instant, id: u64) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.state = State::Over;
        leg.accepted = None;
        if let Some(dialog) = &mut leg.dialog {
            let bye = dialog.request(Method::Bye);
            self.send(now, bye, Purpose::Other);
        }
    }

    fn toggle_hold(&mut self, now: Instant, id: u64, method: Method) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let change = Change {
            holds: Some(!leg.holds),
            method,
        };
        self.change(now, id, change);
    }

    /// Sends a re-INVITE or an UPDATE, unless something is on its way.
    fn change(&mut self, now: Instant, id: u64, change: Change) {
        let contact = self.contact();
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.state == State::Up) else {
            return;
        };
        let method = change.method.clone();
        let offers = change.holds.is_some();
        let listens = !offers && method == Method::Invite;
        if leg.underway.may_send(&method, offers || listens).is_err() || leg.accepted.is_some() {
            return leg.try_later(now, change);
        }
        let Some(dialog) = &mut leg.dialog else {
            return;
        };
        let mut builder = dialog.request(method.clone());
        builder = builder.addr(HeaderName::Contact, &contact);
        if self.kind.timer {
            builder = leg.timer.write_request(builder);
        }
        if let Some(holds) = change.holds {
            leg.version += 1;
            let sdp = super::sdp::describe(leg.port, leg.version, holds, None);
            builder = builder.body("application/sdp", sdp);
            leg.underway.offer(sip::procedure::Side::Us);
            self.deeds.changes += 1;
        } else if listens {
            self.deeds.late_changes += 1;
        }
        leg.underway.begin(sip::procedure::Side::Us, &method);
        let builder = self.abilities(builder);
        if self
            .send(now, builder, Purpose::Change(id, change.clone()))
            .is_none()
            && let Some(leg) = self.legs.get_mut(&id)
        {
            leg.underway.end(sip::procedure::Side::Us, &method);
            leg.underway.answer();
            leg.try_later(now, change);
        }
    }

    fn press(&mut self, now: Instant, id: u64) {
        let dialog = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut());
        if let Some(dialog) = dialog {
            let info = dialog.request(Method::Info);
            let info = info.body("application/dtmf-relay", "Signal=5\r\nDuration=100\r\n");
            self.send(now, info, Purpose::Other);
        }
    }

    fn refer(&mut self, now: Instant, id: u64, target: &str) {
        let contact = self.contact();
        let dialog = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut());
        if let Some(dialog) = dialog {
            let refer = dialog.request(Method::Refer);
            let refer = refer
                .addr(HeaderName::Contact, &contact)
                .value(HeaderName::ReferTo, format!("<sip:{target}@example.org>"));
            self.deeds.refers += 1;
            self.send(now, refer, Purpose::Other);
        }
    }

    // --- deadlines -------------------------------------------------------------------------

    fn leg_is_due(&mut self, now: Instant, rng: &mut StdRng, id: u64) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.state == State::Over {
            return;
        }
        let flow = self.flow;
        match leg.accepted_due(now) {
            Some(sip::procedure::accept::Due::Repeat(bytes)) => {
                if let Some(flow) = flow {
                    self.layer.send(flow, bytes);
                }
            }
            Some(sip::procedure::accept::Due::GiveUp) => return self.bye(now, id),
            None => {}
        }
        match leg
            .provisionals
            .as_mut()
            .and_then(|it| it.handle_timeout(now))
        {
            Some(sip::procedure::reliable::Due::Repeat(bytes)) => {
                if let Some(flow) = flow {
                    self.layer.send(flow, bytes);
                }
            }
            Some(_) => return self.refuse(now, id, Status::SERVER_INTERNAL_ERROR),
            None => {}
        }
        match leg.timer.handle_timeout(now) {
            Some(SessionDue::Refresh) => {
                let change = Change {
                    holds: match leg.timer.refresh_method() {
                        Method::Invite => Some(leg.holds),
                        _ => None,
                    },
                    method: leg.timer.refresh_method().clone(),
                };
                self.deeds.refreshes += 1;
                return self.change(now, id, change);
            }
            Some(SessionDue::GiveUp) if leg.state == State::Up => return self.bye(now, id),
            _ => {}
        }
        if let Some((_, change)) = leg.later.take_if(|(at, _)| *at <= now) {
            return self.change(now, id, change);
        }
        if let Some((_, status)) = leg.decision.take_if(|(at, _)| *at <= now) {
            match status {
                Status::OK => self.accept(now, rng, id),
                refusal => self.refuse(now, id, refusal),
            }
        }
    }

    // --- what happens ----------------------------------------------------------------------

    fn settle(&mut self, now: Instant, rng: &mut StdRng) {
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request {
                    server, request, ..
                } => self.on_request(now, rng, server, &request),
                Event::Ack { request, .. } => self.on_ack(now, &request),
                Event::Cancelled { server } => {
                    let found = self.legs.iter().find(|(_, leg)| leg.server == Some(server));
                    if let Some(id) = found.map(|(id, _)| *id) {
                        self.refuse(now, id, Status::REQUEST_TERMINATED);
                    }
                }
                Event::Response { client, response } => {
                    self.on_response(now, rng, client, Some(&response));
                }
                Event::Failed { client, .. } => self.on_response(now, rng, client, None),
                Event::Stray { response, .. } => self.on_stray(now, &response),
                Event::NotAcknowledged { .. } => {}
            }
        }
    }

    fn on_response(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        client: ClientId,
        response: Option<&Response>,
    ) {
        let status = response.map(Response::status);
        match self.purposes.get(&client).cloned() {
            Some(Purpose::Register) => match (status, response) {
                (Some(Status::UNAUTHORIZED), Some(challenge))
                    if !self.register_cseq.is_multiple_of(8) =>
                {
                    let credentials = self.credentials(challenge, "REGISTER", rng);
                    self.register(now, &credentials);
                }
                (Some(status), _) if status.is_success() || status.is_provisional() => {}
                _ => self.register_at = Some(now + Duration::from_secs(3)),
            },
            Some(Purpose::Invite(id)) => self.on_invite_response(now, rng, id, response),
            Some(Purpose::Change(id, change)) => self.on_changed(now, rng, id, change, response),
            Some(Purpose::Other) | None => {}
        }
    }

    fn on_invite_response(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        id: u64,
        response: Option<&Response>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let Some(response) = response else {
            leg.state = State::Over;
            return;
        };
        let status = response.status();
        if status.is_provisional() {
            if status > Status::TRYING
                && let Some(prack) = leg.provisional(response)
            {
                self.deeds.pracks += 1;
                self.send(now, prack, Purpose::Other);
            }
        } else if status.is_success() {
            self.on_accepted(now, id, response);
        } else if leg.state == State::Calling && leg.tries < 3 {
            let credentials = match status {
                Status::UNAUTHORIZED => {
                    let uri = String::from_utf8_lossy(leg.invite.raw_uri()).into_owned();
                    Some(self.credentials_for(response, "INVITE", &uri, rng))
                }
                _ => None,
            };
            let Some(leg) = self.legs.get_mut(&id) else {
                return;
            };
            let again = leg.timer.handle_response(now, response) == After::Retry;
            match again || credentials.is_some() {
                true => self.invite_again(now, id, credentials),
                false => leg.state = State::Over,
            }
        } else {
            leg.state = State::Over;
        }
    }

    fn on_accepted(&mut self, now: Instant, id: u64, response: &Response) {
        let (timed, flow) = (self.kind.timer, self.flow);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let cseq = response.cseq();
        if leg.acks.contains_key(&cseq) {
            return self.acknowledge_again(id, cseq);
        }
        let ack = leg.accepted_by(response);
        let ack = self.with_via(ack).build().unwrap().as_bytes().clone();
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.acks.insert(cseq, ack.clone());
        if let Some(flow) = flow {
            self.layer.send(flow, ack);
        }
        match leg.state {
            State::Calling => {
                leg.state = State::Up;
                if timed {
                    leg.timer.handle_response(now, response);
                }
            }
            // It crossed our CANCEL.
            _ => {
                self.deeds.crossed += 1;
                self.bye(now, id);
            }
        }
    }

    fn acknowledge_again(&mut self, id: u64, cseq: u32) {
        let ack = self.legs.get(&id).and_then(|leg| leg.acks.get(&cseq));
        if let (Some(ack), Some(flow)) = (ack.cloned(), self.flow) {
            self.layer.send(flow, ack);
        }
    }

    /// A 2xx whose transaction is gone: on an earlier connection, or long ago.
    fn on_stray(&mut self, now: Instant, response: &Response) {
        if !response.status().is_success() || *response.method() != Method::Invite {
            return;
        }
        let call_id = response.call_id();
        let found = self
            .legs
            .iter()
            .find(|(_, leg)| leg.invite.call_id() == call_id);
        let Some((id, leg)) = found.map(|(id, leg)| (*id, leg)) else {
            return;
        };
        if leg.acks.contains_key(&response.cseq()) {
            self.acknowledge_again(id, response.cseq());
        } else if leg.client.is_some() {
            // It had given that call up.
            self.on_accepted(now, id, response);
        }
    }

    fn on_changed(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        id: u64,
        change: Change,
        response: Option<&Response>,
    ) {
        let timed = self.kind.timer;
        if let Some(response) = response
            && *response.method() == Method::Invite
            && response.status().is_success()
            && let Some(leg) = self.legs.get_mut(&id)
        {
            let cseq = response.cseq();
            if leg.acks.contains_key(&cseq) {
                return self.acknowledge_again(id, cseq);
            }
            let ack = leg.acknowledge(response, change.holds.is_none());
            let ack = self.with_via(ack).build().unwrap().as_bytes().clone();
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.acks.insert(cseq, ack.clone());
            }
            if let Some(flow) = self.flow {
                self.layer.send(flow, ack);
            }
        }
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if response.is_some_and(|it| it.status().is_provisional()) {
            return;
        }
        let lost = self.flow.is_none();
        match leg.changed(now, rng, &change, response, (timed, lost)) {
            After::Nothing => {}
            After::Retry => {
                self.deeds.glare += 1;
            }
            After::End => self.bye(now, id),
        }
    }

    fn credentials(&mut self, challenge: &Response, method: &str, rng: &mut StdRng) -> String {
        self.credentials_for(challenge, method, "sip:example.org", rng)
    }

    fn credentials_for(
        &mut self,
        challenge: &Response,
        method: &str,
        uri: &str,
        rng: &mut StdRng,
    ) -> String {
        let domain = Host::parse("example.org").unwrap();
        let values = challenge.headers().values(HeaderName::WwwAuthenticate);
        // A challenge that says the password is wrong would be a mistake of the Switch.
        self.digest
            .handle_challenge(Role::Origin, &domain, None, values, rng)
            .unwrap();
        let covered = digest::Request {
            method,
            uri,
            body: b"",
        };
        let sent = self.digest.authorize(Role::Origin, &domain, &covered);
        sent.unwrap().to_string()
    }

    pub(super) fn respond(&mut self, now: Instant, server: ServerId, builder: ResponseBuilder) {
        let builder = builder.addr(HeaderName::Contact, &self.contact());
        self.layer.respond(now, server, builder.build().unwrap());
    }

    pub(super) fn respond_with(&mut self, now: Instant, server: ServerId, response: Response) {
        self.layer.respond(now, server, response);
    }

    pub(super) fn reject(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        rejection: &Rejection,
    ) {
        let response = rejection.response(request, "none").unwrap();
        self.layer.respond(now, server, response);
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// A port of its own for each leg.
    pub(super) fn port(&self, id: u64) -> u16 {
        10_000 + 2_000 * self.index as u16 + 2 * (id % 1_000) as u16
    }

    pub(super) fn bye_after_ack(&mut self, now: Instant, id: u64) {
        self.bye(now, id);
    }
}

/// Somebody's address.
fn address(name: &str) -> OwnAddr {
    let uri = format!("sip:{name}@example.org");
    OwnAddr::new("", &Uri::parse(&uri).unwrap())
}
