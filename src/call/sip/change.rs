//! A session is changed within its dialog: re-INVITE (RFC 3261 14), UPDATE (RFC 3311), with an
//! offer or wanting one.

use media::ids::LegId;
use media::negotiate::{LocalOffer, NegotiationError};
use sip::header::{Warning, WriteHeader};
use sip::message::{HeaderName, Method, Rejection, Request, ResponseBuilder, Status};
use sip::procedure::Side;
use sip::procedure::accept::Accepted;
use sip::procedure::session_timer::Grant;
use sip::transaction::ServerId;

use super::{PRODUCT, SDP, description_of_request};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

impl Switch {
    /// A re-INVITE or an UPDATE.
    pub(super) fn on_change(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        if let Err(rejection) = self.change(now, server, id, request) {
            self.reject(now, server, request, &rejection);
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
        leg.underway.judge(request, random)?;
        let grant = leg.timer.judge(request)?;
        let invite = *request.method() == Method::Invite;
        let body = match (description_of_request(request), invite) {
            (Some(sdp), _) => Some(self.answer_anew(now, id, &sdp).map_err(refused)?),
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
        self.accept_change(now, server, id, request, (grant, body))
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
        (grant, body): (Grant, Option<String>),
    ) -> Result<(), Rejection> {
        let leg = self.sip.legs.get(id).ok_or_else(gone)?;
        let (allow, supported) = self.abilities();
        let contact = self.own_contact(leg.flow).ok_or_else(gone)?;
        let mut builder = ResponseBuilder::new(request, Status::OK)
            .value(HeaderName::Server, PRODUCT)
            .addr(HeaderName::Contact, &contact)
            .value(HeaderName::Allow, allow)
            .value(HeaderName::Supported, supported);
        builder = grant.write(builder);
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
        leg.timer.grant(now.mono, &grant);
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
            return;
        };
        leg.underway.answer();
        let answer = description_of_request(ack).unwrap_or_default();
        if let Err(error) = self.on_answered_anew(now, id, &offer, &answer) {
            tracing::info!(leg = %id, %error, "an offer of ours got no answer; media stays as it was");
        }
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
