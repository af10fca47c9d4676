//! What a telephone does with the requests that reach it.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use sip::dialog::{Dialog, DialogId};
use sip::message::{HeaderName, Method, Rejection, Request, ResponseBuilder, Status};
use sip::procedure::Side;
use sip::procedure::accept::Accepted;
use sip::procedure::reliable::{Provisionals, Rel100};
use sip::transaction::ServerId;

use super::leg::{Leg, State};
use super::phone::Phone;
use super::sdp::describe;

impl Phone {
    pub(super) fn on_request(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        server: ServerId,
        request: &Request,
    ) {
        if request.to_tag().is_none() {
            return match request.method() {
                Method::Invite => self.on_invite(now, rng, server, request),
                _ => self.respond(
                    now,
                    server,
                    ResponseBuilder::new(request, Status::OK).to_tag("o"),
                ),
            };
        }
        let dialog = DialogId::of_request(request).unwrap();
        let found = self.legs.iter().find(|(_, leg)| {
            let own = leg.dialog.as_ref().map(Dialog::id);
            own == Some(&dialog) && leg.state != State::Over
        });
        let Some(id) = found.map(|(id, _)| *id) else {
            let gone = Rejection::new(Status::CALL_DOES_NOT_EXIST, "no such call");
            return self.reject(now, server, request, &gone);
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if let Err(rejection) = leg.dialog.as_mut().unwrap().handle_request(request) {
            return self.reject(now, server, request, &rejection);
        }
        let ok = ResponseBuilder::new(request, Status::OK);
        match request.method() {
            Method::Bye => {
                leg.state = State::Over;
                leg.accepted = None;
                self.respond(now, server, ok);
            }
            Method::Prack => {
                let provisionals = leg.provisionals.as_mut();
                match provisionals.map(|it| it.handle_prack(now, request)) {
                    Some(Ok(acknowledged)) => {
                        self.respond(now, server, ok);
                        let initial = self.legs.get(&id).and_then(|leg| leg.server);
                        if let (Some(next), Some(initial)) = (acknowledged.next, initial) {
                            self.respond_with(now, initial, next);
                        }
                    }
                    Some(Err(rejection)) => self.reject(now, server, request, &rejection),
                    None => {
                        let none = Rejection::new(Status::CALL_DOES_NOT_EXIST, "nothing waits");
                        self.reject(now, server, request, &none);
                    }
                }
            }
            Method::Invite | Method::Update => {
                if let Err(rejection) = self.on_change(now, rng, server, id, request) {
                    self.reject(now, server, request, &rejection);
                }
            }
            _ => self.respond(now, server, ok),
        }
    }

    fn on_invite(&mut self, now: Instant, rng: &mut StdRng, server: ServerId, request: &Request) {
        let live = self.legs.values().filter(|leg| leg.state != State::Over);
        if live.count() >= 2 {
            let busy = ResponseBuilder::new(request, Status::BUSY_HERE).to_tag("busy");
            return self.respond(now, server, busy);
        }
        let id = self.new_id();
        let port = self.port(id);
        let mut leg = Leg::called(request.clone(), port, server);
        let wait = Duration::from_millis(rng.random_range(0..12_000));
        let status = match rng.random_range(0..20) {
            0 => Status::BUSY_HERE,
            1 => Status::DECLINE,
            2 => Status::TEMPORARILY_UNAVAILABLE,
            _ => Status::OK,
        };
        // Some only ring.
        leg.decision = rng.random_bool(0.95).then_some((now + wait, status));
        let described = rng.random_bool(0.3) && !request.body().is_empty();
        let knows = Rel100::of_request(request) != Rel100::Unsupported;
        let reliable = self.kind.rel100.is_some() && knows && rng.random_bool(0.6);
        let status = match described {
            true => Status::SESSION_PROGRESS,
            false => Status::RINGING,
        };
        let mut builder = self.answer_to(id, request, status);
        if described {
            let offer = String::from_utf8_lossy(request.body()).into_owned();
            builder = builder.body("application/sdp", describe(port, 1, false, Some(&offer)));
        }
        let response = if reliable {
            let mut provisionals = Provisionals::new(request, rng.random());
            let sent = provisionals.send(now, builder).unwrap().unwrap();
            leg.provisionals = Some(provisionals);
            sent
        } else {
            builder.build().unwrap()
        };
        leg.dialog = Some(Dialog::of_request(request, &response).unwrap());
        self.legs.insert(id, leg);
        self.respond_with(now, server, response);
    }

    /// A response to the INVITE of a leg.
    fn answer_to(&self, id: u64, request: &Request, status: Status) -> ResponseBuilder {
        ResponseBuilder::new(request, status)
            .to_tag(&format!("of-{}-{id}", self.index))
            .addr(HeaderName::Contact, &self.contact())
            .value(
                HeaderName::Allow,
                "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO",
            )
    }

    pub(super) fn accept(&mut self, now: Instant, rng: &mut StdRng, id: u64) {
        let Some(leg) = self
            .legs
            .get_mut(&id)
            .filter(|leg| leg.state == State::Ringing)
        else {
            return;
        };
        // A description that went before has to be acknowledged first.
        if leg
            .provisionals
            .as_ref()
            .is_some_and(Provisionals::holds_2xx)
        {
            let wait = Duration::from_millis(rng.random_range(50..400));
            leg.decision = Some((now + wait, Status::OK));
            return;
        }
        let described = leg.provisionals.as_mut().is_some_and(|it| {
            it.finish();
            it.has_described()
        });
        let (port, invite, server) = (leg.port, leg.invite.clone(), leg.server.unwrap());
        let grant = leg.timer.judge(&invite).unwrap();
        leg.state = State::Accepted;
        leg.version += 1;
        let version = leg.version;
        if self.kind.timer {
            leg.timer.grant(now, &grant);
        }
        let mut builder = self.answer_to(id, &invite, Status::OK);
        if self.kind.timer {
            builder = grant.write(builder);
        }
        if !described {
            let offer = String::from_utf8_lossy(invite.body()).into_owned();
            let offer = Some(&*offer).filter(|offer| !offer.is_empty());
            builder = builder.body("application/sdp", describe(port, version, false, offer));
        }
        let response = builder.build().unwrap();
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.dialog.as_mut().unwrap().confirm();
        let bytes = response.as_bytes().clone();
        leg.accepted = Some(Accepted::new(now, invite.cseq(), bytes));
        self.respond_with(now, server, response);
    }

    pub(super) fn refuse(&mut self, now: Instant, id: u64, status: Status) {
        let Some(leg) = self
            .legs
            .get_mut(&id)
            .filter(|leg| leg.state == State::Ringing)
        else {
            return;
        };
        leg.state = State::Over;
        let (invite, server) = (leg.invite.clone(), leg.server.unwrap());
        let builder = self.answer_to(id, &invite, status);
        self.respond_with(now, server, builder.build().unwrap());
    }

    fn on_change(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        server: ServerId,
        id: u64,
        request: &Request,
    ) -> Result<(), Rejection> {
        let timed = self.kind.timer;
        let contact = self.contact();
        let Some(leg) = self.legs.get_mut(&id) else {
            return Ok(());
        };
        leg.underway.judge(request, rng.random())?;
        let grant = leg.timer.judge(request)?;
        let invite = *request.method() == Method::Invite;
        let mut builder = ResponseBuilder::new(request, Status::OK)
            .addr(HeaderName::Contact, &contact)
            .value(
                HeaderName::Allow,
                "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO",
            );
        if timed {
            builder = grant.write(builder);
            leg.timer.grant(now, &grant);
        }
        let offer = String::from_utf8_lossy(request.body()).into_owned();
        if invite || !offer.is_empty() {
            leg.version += 1;
            let to = Some(&*offer).filter(|offer| !offer.is_empty());
            let sdp = describe(leg.port, leg.version, leg.holds, to);
            builder = builder.body("application/sdp", sdp);
        }
        let response = builder.build().unwrap();
        if invite {
            leg.underway.begin(Side::Peer, &Method::Invite);
            if offer.is_empty() {
                leg.underway.offer(Side::Us);
            }
            let bytes = response.as_bytes().clone();
            leg.accepted = Some(Accepted::new(now, request.cseq(), bytes));
        }
        self.respond_with(now, server, response);
        Ok(())
    }

    pub(super) fn on_ack(&mut self, now: Instant, request: &Request) {
        let Some(dialog) = DialogId::of_request(request) else {
            return;
        };
        let found = self.legs.iter_mut().find(|(_, leg)| {
            leg.dialog.as_ref().map(Dialog::id) == Some(&dialog) && leg.state != State::Over
        });
        let Some((id, leg)) = found.map(|(id, leg)| (*id, leg)) else {
            return;
        };
        let cseq = request.cseq();
        if leg
            .accepted
            .take_if(|it| it.is_acknowledged_by(cseq))
            .is_none()
        {
            return;
        }
        if leg.state == State::Up {
            leg.underway.end(Side::Peer, &Method::Invite);
            leg.underway.answer();
            return;
        }
        leg.state = State::Up;
        if leg.ends {
            self.bye_after_ack(now, id);
        }
    }
}
