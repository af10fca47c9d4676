//! A session is changed within its dialog: re-INVITE (RFC 3261 14), UPDATE (RFC 3311), with an
//! offer or wanting one.

use std::time::Duration;

use media::ids::LegId;
use media::negotiate::{LocalOffer, NegotiationError};
use sip::header::{Warning, WriteHeader};
use sip::message::{HeaderName, Method, Rejection, Request, ResponseBuilder, Status};
use sip::procedure::Side;
use sip::procedure::accept::Accepted;
use sip::procedure::session_timer::Grant;
use sip::transaction::ServerId;

use super::legs::Deferred;
use super::{PRODUCT, SDP, description_of_request};
use crate::call::renegotiation::Reply;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// How long a re-INVITE waits until the partner was asked: people may have to say whether they want
/// to be seen, and whoever waits has heard a 100.
const PATIENCE: Duration = Duration::from_secs(10);

impl Switch {
    /// A re-INVITE or an UPDATE.
    pub(super) fn on_change(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        if let Err(rejection) = self.change(now, server, id, request) {
            self.reject(now, server, request, &rejection);
        }
    }

    /// The partner of a leg whose offer waits was asked, or was waited for long enough.
    pub(in crate::call) fn answer_deferred(&mut self, now: Now, id: LegId) {
        if self.is_page(id) {
            return self.answer_page(now, id);
        }
        let Some((server, request)) = self.take_deferred(id) else {
            return;
        };
        let body = match description_of_request(&request) {
            Some(sdp) => self.answer_now(now, id, &sdp, false),
            None => Err(gone()),
        };
        let leg = self.sip.legs.get_mut(id).ok_or_else(gone);
        let grant = leg.and_then(|leg| leg.timer.judge(&request));
        let answered = body.and_then(|body| {
            let granted = (Some(grant?), body);
            self.accept_change(now, server, id, &request, granted)
        });
        if let Err(rejection) = answered {
            self.reject(now, server, &request, &rejection);
            self.reoffer_if_owed(now, id);
        }
    }

    /// It is not answered: it was cancelled, or the call is over (RFC 3261 9.2, 15.1.2).
    pub(super) fn drop_deferred(&mut self, now: Now, id: LegId) {
        if let Some((server, request)) = self.take_deferred(id) {
            let terminated = Status::REQUEST_TERMINATED;
            self.respond(now, server, ResponseBuilder::new(&request, terminated));
            self.reoffer_if_owed(now, id);
        }
    }

    fn defer(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.underway.begin(Side::Peer, &Method::Invite);
            leg.underway.offer(Side::Peer);
        }
        let request = request.clone();
        self.sip.legs.set_deferred(id, Deferred { server, request });
        self.timers.arm(Timer::Deferred(id), now.mono + PATIENCE);
    }

    fn take_deferred(&mut self, id: LegId) -> Option<(ServerId, Request)> {
        let deferred = self.sip.legs.take_deferred(id)?;
        self.timers.disarm(Timer::Deferred(id));
        self.forget_proposal(id);
        self.owe_partner(id);
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.underway.answer();
            leg.underway.end(Side::Peer, &Method::Invite);
        }
        Some((deferred.server, deferred.request))
    }

    /// Our answer to an offer; `None` if it has to wait.
    fn answer_now(
        &mut self,
        now: Now,
        id: LegId,
        sdp: &str,
        may_wait: bool,
    ) -> Result<Option<String>, Rejection> {
        match self.answer_anew(now, id, sdp, may_wait).map_err(refused)? {
            Reply::Now(answer) => Ok(Some(answer)),
            Reply::Later => Ok(None),
        }
    }

    fn change(
        &mut self,
        now: Now,
        server: ServerId,
        id: LegId,
        request: &Request,
    ) -> Result<(), Rejection> {
        let random = self.random();
        let leg = self.sip.legs.get_mut(id).ok_or_else(gone)?;
        leg.underway_in(request).judge(request, random)?;
        let invite = *request.method() == Method::Invite;
        if leg.is_unanswered() {
            // Where somebody is to be asked first RFC 3311 5.2 has 504, which means a re-INVITE. There
            // is none before the answer, and telephones take it for the end of the call.
            if description_of_request(request).is_some() {
                let reason = "a call that is not answered is not changed";
                return Err(Rejection::new(Status::NOT_ACCEPTABLE_HERE, reason));
            }
            return self.accept_change(now, server, id, request, (None, None));
        }
        let grant = leg.timer.judge(request)?;
        let body = match (description_of_request(request), invite) {
            // An UPDATE has to be answered at once (RFC 3311 5.2): with what is agreed so far. Its
            // partner is offered the rest, and it is offered what comes of that.
            (Some(sdp), may_wait) => match self.answer_now(now, id, &sdp, may_wait)? {
                Some(answer) => Some(answer),
                None => {
                    self.defer(now, server, id, request);
                    return Ok(());
                }
            },
            // "If the initial ... re-INVITE does not contain an offer, the UAS MUST [offer] in its
            // first non-failure reliable message back" (RFC 3261 13.2.1)
            (None, true) => {
                let offer = self.offer_anew(id).map_err(refused)?;
                let sdp = offer.sdp.clone();
                self.set_unanswered(id, offer);
                Some(sdp)
            }
            (None, false) => None,
        };
        self.accept_change(now, server, id, request, (Some(grant), body))
    }

    fn set_unanswered(&mut self, id: LegId, offer: LocalOffer) {
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.underway.offer(Side::Us);
            leg.offered = Some(Box::new(offer));
        }
    }

    fn accept_change(
        &mut self,
        now: Now,
        server: ServerId,
        id: LegId,
        request: &Request,
        (grant, body): (Option<Grant>, Option<String>),
    ) -> Result<(), Rejection> {
        let leg = self.sip.legs.get(id).ok_or_else(gone)?;
        let (allow, supported) = self.abilities();
        let contact = self.own_contact(leg.flow).ok_or_else(gone)?;
        let mut builder = ResponseBuilder::new(request, Status::OK)
            .value(HeaderName::Server, PRODUCT)
            .addr(HeaderName::Contact, &contact)
            .value(HeaderName::Allow, allow)
            .value(HeaderName::Supported, supported);
        if let Some(grant) = &grant {
            builder = grant.write(builder);
        }
        if let Some(sdp) = body {
            builder = builder.body(SDP, sdp);
        }
        let response = builder.build().map_err(|error| {
            tracing::error!(%error, leg = %id, "an answer of ours cannot be written");
            gone()
        })?;
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return Err(gone());
        };
        if let Some(grant) = &grant {
            leg.timer.grant(now.mono, grant);
        }
        if *request.method() == Method::Invite {
            leg.underway.begin(Side::Peer, &Method::Invite);
            let bytes = response.as_bytes().clone();
            let accepted = Accepted::new(now.mono, request.cseq(), bytes);
            self.timers
                .arm(Timer::Accepted(id), accepted.poll_timeout());
            leg.accepted = Some(accepted);
        }
        self.arm_session_timer(id);
        self.sip.transactions.respond(now.mono, server, response);
        Ok(())
    }

    /// The ACK of a re-INVITE's 2xx is here, with the answer if that had an offer.
    pub(super) fn on_change_acknowledged(&mut self, now: Now, id: LegId, ack: &Request) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        leg.underway.end(Side::Peer, &Method::Invite);
        let Some(offer) = leg.offered.take() else {
            return self.reoffer_if_owed(now, id);
        };
        leg.underway.answer();
        let answer = description_of_request(ack).unwrap_or_default();
        if let Err(error) = self.on_answered_anew(now, id, &offer, &answer) {
            tracing::info!(leg = %id, %error, "an offer of ours got no answer; media stays as it was");
        }
        self.reoffer_if_owed(now, id);
    }
}

fn gone() -> Rejection {
    Rejection::new(Status::CALL_DOES_NOT_EXIST, "the call is over")
}

/// 488 with the sentence that says why (RFC 3261 21.4.26).
fn refused(error: NegotiationError) -> Rejection {
    let text = error.to_string();
    let mut warning = Vec::new();
    Warning {
        code: 399,
        agent: PRODUCT,
        text: text.as_str().into(),
    }
    .write(&mut warning);
    Rejection::new(Status::NOT_ACCEPTABLE_HERE, text.clone()).with(
        HeaderName::Warning,
        String::from_utf8_lossy(&warning).into_owned(),
    )
}
