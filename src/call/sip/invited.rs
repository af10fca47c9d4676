//! A user agent invites us (RFC 3261 13.3): its leg is that of the caller.

use sip::dialog::{Dialog, MAX_FORWARDS};
use sip::flow::FlowId;
use sip::header::{MaxForwards, SessionId, Warning, WriteHeader};
use sip::message::{HeaderName, Request, Response, Status};
use sip::procedure::accept::Accepted;
use sip::transaction::ServerId;

use media::ids::LegId;

use super::identity::Identity;
use super::legs::{SipLeg, Stage};
use super::refresh::session_timer;
use super::{PRODUCT, SDP, description_of_request};
use crate::call::end::{EndReason, Side};
use crate::call::leg::{Finish, LegEvent, Signalling};
use crate::call::setup::NewCall;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;
use crate::wcs::message::Payload;

impl Switch {
    pub(super) fn on_invite(&mut self, now: Now, server: ServerId, flow: FlowId, request: Request) {
        let from = request.from();
        let Some(Identity { party, .. }) = self.identify_sender(now, server, flow, &request, &from)
        else {
            return;
        };
        let replaced = match self.read_replaces(&request, &party) {
            Ok(replaced) => replaced,
            Err(rejection) => return self.reject(now, server, &request, &rejection),
        };
        let mut timer = session_timer();
        let grant = match timer.judge(&request) {
            Ok(grant) => grant,
            Err(rejection) => return self.reject(now, server, &request, &rejection),
        };
        let callee = self.dialled_by(&request);
        let sdp = description_of_request(&request);
        let hops = hops_left(&request);
        let session_id = request.headers().get::<SessionId<'_>>().ok().flatten();
        let session_id = session_id.map(|it| it.0.into());
        let device = self.phone_on(flow, &party.user);
        let rtp = self.rtp_way(flow);
        let leg = self.pool.leg_id();
        let stage = Stage::Invited {
            server,
            rings: false,
            progresses: false,
            accepts: false,
        };
        let mut sip_leg = SipLeg::new(flow, request, self.pool.token(), stage, timer);
        sip_leg.grant = Some(grant);
        self.sip.legs.insert(leg, sip_leg);
        let call = NewCall {
            caller: party,
            signalling: Signalling::Sip { device },
            leg,
            rtp,
            callee,
            sdp,
            hops,
            session_id,
            custom: Payload(serde_json::Value::Null),
        };
        match replaced {
            Some(old) => self.replace_leg(now, call, old),
            None => self.place_call(now, call),
        }
    }

    /// Whom a request is for, as a person would dial it.
    pub(super) fn dialled_by(&self, request: &Request) -> String {
        match request.uri() {
            Ok(uri) => self.dialled(&uri),
            Err(_) => String::from_utf8_lossy(request.raw_uri()).into_owned(),
        }
    }

    /// It gave up before we answered.
    pub(super) fn on_cancelled(&mut self, now: Now, server: ServerId) {
        let Some(id) = self.sip.legs.of_server(server) else {
            return;
        };
        match self
            .sip
            .legs
            .get(id)
            .is_some_and(|leg| leg.deferred.is_some())
        {
            true => self.drop_deferred(now, id),
            false => self.on_leg_event(now, id, LegEvent::HungUp),
        }
    }

    /// Somebody rings for it, or something else happens; with the answer to its offer if there is
    /// early media. What it was told is not told again.
    pub(super) fn tell_progress(&mut self, now: Now, id: LegId, rings: bool, sdp: Option<String>) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let Stage::Invited {
            rings: rang,
            progresses: progressed,
            ..
        } = &mut leg.stage
        else {
            return;
        };
        let (status, told) = match rings {
            true => (Status::RINGING, std::mem::replace(rang, true)),
            false => (
                Status::SESSION_PROGRESS,
                std::mem::replace(progressed, true),
            ),
        };
        leg.early_answer = leg.early_answer.take().or_else(|| sdp.clone());
        match (sdp, told) {
            (None, true) => {}
            (None, false) => self.send_provisional(now, id, status, None),
            (Some(sdp), false) => self.send_provisional(now, id, status, Some(sdp)),
            (Some(sdp), true) => {
                self.send_provisional(now, id, Status::SESSION_PROGRESS, Some(sdp));
            }
        }
    }

    /// The call is up: our 2xx, which is repeated until its ACK comes.
    pub(super) fn accept_invite(&mut self, now: Now, id: LegId, sdp: Option<String>) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let Stage::Invited {
            server, accepts, ..
        } = &mut leg.stage
        else {
            return;
        };
        // "the UAS ... MUST NOT send the 2xx until" a description has been acknowledged that went
        // before it (RFC 3262 3).
        if leg.provisionals.as_ref().is_some_and(|it| it.holds_2xx()) {
            *accepts = true;
            return;
        }
        let server = *server;
        // "Once the UAS has sent ... an answer to the initial offer, it MUST NOT include any session
        // descriptions in any responses to the initial INVITE" (RFC 3261 13.2.1): that is, reliably.
        let described = leg.provisionals.as_mut().is_some_and(|it| {
            it.finish();
            it.has_described()
        });
        let early = leg.early_answer.take().filter(|_| !described);
        let body = sdp.or(early);
        let cseq = leg.invite.cseq();
        let grant = leg.grant;
        let (allow, supported) = self.abilities();
        let Some(builder) = self.begin_answer(id, Status::OK) else {
            return;
        };
        let builder = match &grant {
            Some(grant) => grant.write(builder),
            None => builder,
        };
        let builder = builder
            .value(HeaderName::Allow, allow)
            .value(HeaderName::Supported, supported);
        let builder = match body {
            Some(sdp) => builder.body(SDP, sdp),
            None => builder,
        };
        let Some(response) = self.finish_answer(id, builder) else {
            return;
        };
        self.timers.disarm(Timer::Provisional(id));
        self.make_dialog(id, &response);
        let accepted = Accepted::new(now.mono, cseq, response.as_bytes().clone());
        self.timers
            .arm(Timer::Accepted(id), accepted.poll_timeout());
        self.sip.legs.go(id, Stage::Accepted { over: false });
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.accepted = Some(accepted);
            if let Some(grant) = &grant {
                leg.timer.grant(now.mono, grant);
            }
        }
        self.arm_session_timer(id);
        self.sip.transactions.respond(now.mono, server, response);
    }

    /// The call does not come about.
    pub(super) fn refuse_invite(&mut self, now: Now, id: LegId, finish: &Finish) {
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        let Stage::Invited { server, .. } = leg.stage else {
            return;
        };
        let status = final_status(&finish.reason);
        let mut warning = Vec::new();
        Warning {
            code: 399,
            agent: PRODUCT,
            text: finish.sentence.as_str().into(),
        }
        .write(&mut warning);
        let builder = self.begin_answer(id, status).map(|builder| match status {
            Status::REQUEST_TERMINATED => builder,
            _ => builder.value(HeaderName::Warning, warning),
        });
        if let Some(response) = builder.and_then(|it| self.finish_answer(id, it)) {
            self.sip.transactions.respond(now.mono, server, response);
        }
        self.sip_leg_is_over(id);
    }

    pub(super) fn make_dialog(&mut self, id: LegId, response: &Response) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        if let Some(dialog) = &mut leg.dialog {
            if response.status().is_success() {
                dialog.confirm();
            }
            return;
        }
        let Some(invite) = leg.invite.whole() else {
            return;
        };
        match Dialog::of_request(invite, response) {
            Ok(dialog) => self.sip.legs.set_dialog(id, dialog),
            Err(error) => tracing::debug!(%error, leg = %id, "an INVITE makes no dialog"),
        }
    }

    /// What we say of ourselves: Allow and Supported.
    pub(super) fn abilities(&self) -> (String, String) {
        let we = &self.sip.capabilities;
        (we.allow(), we.extensions.join(", "))
    }
}

/// Hops that are left for what an INVITE leads to (RFC 7332 4): one less than it has, and never more
/// than we would give ourselves.
fn hops_left(invite: &Request) -> u8 {
    let said = invite.headers().get::<MaxForwards>().ok().flatten();
    let left = said.map_or(u32::from(MAX_FORWARDS), |it| it.0.into());
    let left = left.saturating_sub(1).min(u32::from(MAX_FORWARDS));
    u8::try_from(left).unwrap_or(MAX_FORWARDS)
}

/// The final response to an INVITE whose call ended so.
fn final_status(reason: &EndReason) -> Status {
    if *reason == EndReason::HungUp(Side::Caller) {
        // Our 2xx still waited when he gave up.
        return Status::REQUEST_TERMINATED;
    }
    let status = Status::new(reason.sip_status()).filter(|status| !status.is_success());
    status.unwrap_or(Status::TEMPORARILY_UNAVAILABLE)
}
