//! Our provisional responses to an INVITE: plain ones, and reliable ones (RFC 3262), which are
//! repeated until their PRACK comes.

use media::ids::LegId;
use sip::message::{HeaderName, Rejection, Request, ResponseBuilder, Status};
use sip::procedure::reliable::{Description, Due, Provisionals, Rel100};
use sip::transaction::ServerId;

use super::legs::Stage;
use super::request::no_dialog;
use super::{PRODUCT, SDP};
use crate::call::end::EndReason;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// Whether a provisional response to an INVITE that says so is to be sent reliably: where it is
/// required all of them, and where it is known those that nothing else brings.
pub(super) fn is_reliable(rel100: Rel100, described: bool) -> bool {
    match rel100 {
        Rel100::Unsupported => false,
        Rel100::Supported => described,
        Rel100::Required => true,
    }
}

impl Switch {
    /// Sends one, with a description of early media if there is some.
    pub(super) fn send_provisional(
        &mut self,
        now: Now,
        id: LegId,
        status: Status,
        sdp: Option<String>,
    ) {
        let random = self.random();
        let Some(builder) = self.begin_answer(id, status) else {
            return;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let Stage::Invited { server, .. } = leg.stage else {
            return;
        };
        let Some(invite) = leg.invite.whole() else {
            return;
        };
        let reliable = is_reliable(Rel100::of_request(invite), sdp.is_some());
        let builder = match sdp {
            Some(sdp) => builder.body(SDP, sdp),
            None => builder,
        };
        let response = if reliable {
            let provisionals = leg
                .provisionals
                .get_or_insert_with(|| Box::new(Provisionals::new(invite, random)));
            provisionals
                .send(now.mono, builder)
                .map_err(|error| tracing::debug!(leg = %id, %error, "a provisional response is not sent"))
                .ok()
                .flatten()
        } else {
            self.finish_answer(id, builder)
        };
        self.arm_provisional_timer(id);
        if let Some(response) = response {
            self.make_dialog(id, &response);
            self.sip.transactions.respond(now.mono, server, response);
        }
    }

    /// A reliable response has been acknowledged, perhaps.
    pub(super) fn on_prack(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        let leg = self.sip.legs.get_mut(id);
        let provisionals = leg.and_then(|leg| leg.provisionals.as_mut());
        let acknowledged = match provisionals {
            Some(provisionals) => provisionals.handle_prack(now.mono, request),
            None => Err(no_dialog()),
        };
        let acknowledged = match acknowledged {
            Ok(acknowledged) => acknowledged,
            Err(rejection) => return self.reject(now, server, request, &rejection),
        };
        match acknowledged.description {
            // Until the call is answered media stays as it was first agreed.
            Description::Offer => {
                let reason = "a call that is not answered is not changed";
                let rejection = Rejection::new(Status::NOT_ACCEPTABLE_HERE, reason);
                self.reject(now, server, request, &rejection);
            }
            _ => self.respond(now, server, ResponseBuilder::new(request, Status::OK)),
        }
        self.arm_provisional_timer(id);
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let Stage::Invited {
            server, accepts, ..
        } = &mut leg.stage
        else {
            return;
        };
        let server = *server;
        let accepts = std::mem::take(accepts);
        if let Some(next) = acknowledged.next {
            self.sip.transactions.respond(now.mono, server, next);
        }
        if accepts {
            self.accept_invite(now, id, None);
        }
    }

    /// A reliable response has waited for its PRACK for another while.
    pub(in crate::call) fn on_provisional_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let flow = leg.flow;
        let due = leg
            .provisionals
            .as_mut()
            .and_then(|it| it.handle_timeout(now.mono));
        match due {
            Some(Due::Repeat(bytes)) => self.sip.transactions.send(flow, bytes),
            Some(Due::GiveUp) => {
                tracing::info!(leg = %id, "a reliable provisional response was not acknowledged");
                return self.give_up_on(now, id);
            }
            None => {}
        }
        self.arm_provisional_timer(id);
    }

    /// "the UAS SHOULD reject the original request with a 5xx response" (RFC 3262 3).
    fn give_up_on(&mut self, now: Now, id: LegId) {
        let server = match self.sip.legs.get(id).map(|leg| &leg.stage) {
            Some(Stage::Invited { server, .. }) => *server,
            _ => return,
        };
        let response = self.begin_answer(id, Status::SERVER_TIMEOUT);
        if let Some(response) = response.and_then(|it| self.finish_answer(id, it)) {
            self.sip.transactions.respond(now.mono, server, response);
        }
        self.sip_leg_is_over(id);
        self.on_leg_gone(now, id, EndReason::ConnectionLost);
    }

    pub(super) fn arm_provisional_timer(&mut self, id: LegId) {
        let provisionals = self
            .sip
            .legs
            .get(id)
            .and_then(|leg| leg.provisionals.as_ref());
        let due = provisionals.and_then(|it| it.poll_timeout());
        self.timers.set(Timer::Provisional(id), due);
    }

    /// The beginning of an answer to the INVITE of a leg.
    pub(super) fn begin_answer(&self, id: LegId, status: Status) -> Option<ResponseBuilder> {
        let leg = self.sip.legs.get(id)?;
        let builder = ResponseBuilder::new(leg.invite.whole()?, status)
            .to_tag(&leg.local_tag)
            .value(HeaderName::Server, PRODUCT);
        if status >= Status::MULTIPLE_CHOICES {
            return Some(builder);
        }
        Some(builder.addr(HeaderName::Contact, &self.own_contact(leg.flow)?))
    }

    /// An answer that is complete.
    pub(super) fn finish_answer(
        &self,
        id: LegId,
        builder: ResponseBuilder,
    ) -> Option<sip::message::Response> {
        match builder.build() {
            Ok(response) => Some(response),
            Err(error) => {
                tracing::error!(%error, leg = %id, "an answer of ours cannot be written");
                None
            }
        }
    }
}
