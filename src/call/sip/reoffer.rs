//! We change a session within its dialog: a re-INVITE (RFC 3261 14.1) that offers what the partner
//! of a leg has now, or what is agreed already to refresh the session; or an UPDATE (RFC 3311) that
//! refreshes it without an offer.

use media::ids::LegId;
use sip::message::{HeaderName, Method, RequestBuilder, Response};
use sip::procedure::Side;
use sip::procedure::glare::wait_after;
use sip::procedure::session_timer::After;
use sip::transaction::ClientId;

use super::legs::{Change, Stage};
use super::{PRODUCT, SDP, description};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// How often an offer is sent again that was refused for the moment (491). Two that change their
/// minds at the same time come apart by the random times that they wait.
const MAX_TRIES: u8 = 5;

/// What a request of ours came to.
enum Outcome {
    /// The far side took it, and an offer that went with it has its answer.
    Accepted,
    /// It did not, or gave no answer that can be used. The session is as it was.
    Refused,
    /// It did not for the moment.
    NotNow(std::time::Duration),
}

impl Switch {
    /// The partner of a leg has changed: the leg is offered that, at once or as soon as nothing
    /// crosses it.
    pub(super) fn reoffer(&mut self, now: Now, id: LegId) {
        if self.is_page(id) {
            return self.reoffer_page(now, id);
        }
        let is_due = self.is_reoffer_due(id);
        let waits = self.timers.is_armed(Timer::Reoffer(id));
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return self.on_reoffered(now, id, false);
        };
        let is_free = matches!(leg.stage, Stage::Talking)
            && !waits
            && leg.underway.may_send(&Method::Invite, true).is_ok();
        // What crosses it may make it due.
        leg.is_owed_offer = !is_free;
        if is_due && is_free && !self.send_change(now, id, &Method::Invite) {
            self.on_reoffered(now, id, false);
        }
    }

    /// Nobody waits any more for what the partner of a leg is asked: it may come to have it, and is
    /// to be offered what there is then.
    pub(in crate::call) fn owe_partner(&mut self, id: LegId) {
        let Some(partner) = self.with_partner(id).map(|(_, partner)| partner.id) else {
            return;
        };
        if let Some(leg) = self.sip.legs.get_mut(partner)
            && leg.change.is_some()
        {
            leg.is_owed_offer = true;
        }
        self.owe_page(partner);
    }

    /// Something that stood in the way of an offer is over.
    pub(super) fn reoffer_if_owed(&mut self, now: Now, id: LegId) {
        if self.sip.legs.get(id).is_some_and(|leg| leg.is_owed_offer) {
            self.reoffer(now, id);
        }
    }

    /// It is time to try again.
    pub(in crate::call) fn on_reoffer_due(&mut self, now: Now, id: LegId) {
        match self.is_page(id) {
            true => self.on_page_answer(now, id, None),
            false => self.reoffer(now, id),
        }
    }

    /// Sends a re-INVITE with an offer, or an UPDATE without one. False if that cannot be done now.
    pub(super) fn send_change(&mut self, now: Now, id: LegId, method: &Method) -> bool {
        let Some(leg) = self.sip.legs.get(id) else {
            return false;
        };
        let invite = *method == Method::Invite;
        if leg.change.is_some() || leg.underway.may_send(method, invite).is_err() {
            return false;
        }
        let offer = match invite {
            false => None,
            true => match self.offer_anew(id) {
                Ok(offer) => Some(offer),
                Err(error) => {
                    tracing::debug!(leg = %id, %error, "nothing to offer anew");
                    return false;
                }
            },
        };
        let sdp = offer.as_ref().map(|it| &*it.sdp);
        let Some(client) = self.send_change_request(now, id, method, sdp) else {
            if offer.is_some() {
                self.offer_failed(id);
            }
            return false;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return false;
        };
        leg.underway.begin(Side::Us, method);
        if offer.is_some() {
            leg.underway.offer(Side::Us);
        }
        leg.offered = offer.map(Box::new);
        let cseq = leg.dialog.as_ref().map_or(0, |dialog| dialog.local_cseq());
        let method = method.clone();
        let change = Change {
            client,
            method,
            cseq,
        };
        self.sip.legs.set_change(id, change);
        true
    }

    fn send_change_request(
        &mut self,
        now: Now,
        id: LegId,
        method: &Method,
        sdp: Option<&str>,
    ) -> Option<ClientId> {
        let (allow, supported) = self.abilities();
        let leg = self.sip.legs.get_mut(id)?;
        let flow = leg.flow;
        let builder = leg.dialog.as_mut()?.request(method.clone());
        let builder = leg.timer.write_request(builder);
        let transport = self.sip.transport(flow)?;
        let contact = self.own_contact(flow)?;
        let mut builder = self
            .with_via(flow, builder)?
            .addr(HeaderName::Contact, &contact)
            .value(HeaderName::Allow, allow)
            .value(HeaderName::Supported, supported)
            .value(HeaderName::UserAgent, PRODUCT);
        if let Some(sdp) = sdp {
            builder = builder.body(SDP, sdp.to_owned());
        }
        let request = RequestBuilder::build(builder).ok()?;
        let transactions = &mut self.sip.transactions;
        transactions
            .request(now.mono, flow, transport, request)
            .ok()
    }

    /// A response to such a request; `None` if none came.
    pub(super) fn on_changed(&mut self, now: Now, id: LegId, response: Option<&Response>) {
        if response.is_some_and(|it| it.status().is_provisional()) {
            return;
        }
        let Some(change) = self.sip.legs.take_change(id) else {
            return;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        leg.underway.end(Side::Us, &change.method);
        let Some(response) = response else {
            return self.end_lost(now, id);
        };
        let after = leg.timer.handle_response(now.mono, response);
        if after == After::End {
            return self.end_lost(now, id);
        }
        let offered = leg.offered.is_some();
        let outcome = match response.status().is_success() {
            true => self.on_change_accepted(now, id, &change, response),
            false => self.on_change_refused(id, response),
        };
        self.arm_session_timer(id);
        if after == After::Retry && self.send_change(now, id, &change.method) {
            return;
        }
        match outcome {
            Outcome::NotNow(wait) if offered => {
                self.timers.arm(Timer::Reoffer(id), now.mono + wait);
            }
            outcome if offered => {
                let accepted = matches!(outcome, Outcome::Accepted);
                self.on_reoffered(now, id, accepted);
            }
            _ => {}
        }
        self.reoffer_if_owed(now, id);
    }

    fn on_change_accepted(
        &mut self,
        now: Now,
        id: LegId,
        change: &Change,
        response: &Response,
    ) -> Outcome {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return Outcome::Refused;
        };
        leg.tries = 0;
        if let Some(dialog) = &mut leg.dialog
            && let Err(error) = dialog.handle_response(response)
        {
            tracing::debug!(leg = %id, %error, "a 2xx without a usable Contact");
        }
        let offered = leg.offered.take();
        if change.method == Method::Invite {
            self.acknowledge(id, change.cseq);
        }
        let Some(offer) = offered else {
            return Outcome::Accepted;
        };
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.underway.answer();
        }
        let answer = description(response.headers(), response.body()).unwrap_or_default();
        match self.on_answered_anew(now, id, &offer, &answer) {
            Ok(()) => Outcome::Accepted,
            Err(error) => {
                tracing::info!(leg = %id, %error, "a new offer got no answer; media stays as it was");
                Outcome::Refused
            }
        }
    }

    /// "the session parameters MUST remain unchanged, as if no re-INVITE had been issued" (14.1).
    fn on_change_refused(&mut self, id: LegId, response: &Response) -> Outcome {
        let random = self.random();
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return Outcome::Refused;
        };
        let role = leg.dialog.as_ref().map(|dialog| dialog.role());
        let wait = role.and_then(|role| wait_after(response, role, random));
        let outcome = match wait {
            Some(wait) if leg.tries < MAX_TRIES => {
                leg.tries += 1;
                Outcome::NotNow(wait)
            }
            _ => {
                leg.tries = 0;
                Outcome::Refused
            }
        };
        if leg.offered.take().is_some() {
            leg.underway.answer();
            self.offer_failed(id);
        }
        outcome
    }
}
