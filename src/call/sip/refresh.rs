//! Session timers of legs (RFC 4028): a session is refreshed before its time is over, and ends
//! when the far side, whose turn it was, did not.

use media::ids::LegId;
use sip::message::{HeaderName, Method, RequestBuilder, Response};
use sip::procedure::Side;
use sip::procedure::session_timer::{After, Due, SessionTimer, TimerPolicy};
use sip::transaction::ClientId;

use super::legs::Refresh;
use super::{PRODUCT, SDP, description};
use crate::call::end::EndReason;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// Half an hour, as RFC 4028 4 recommends; no shorter than it allows.
const POLICY: TimerPolicy = TimerPolicy {
    interval_s: 1800,
    min_s: 90,
};

/// The timer of a leg to come.
pub(super) fn session_timer() -> SessionTimer {
    SessionTimer::new(POLICY)
}

impl Switch {
    pub(super) fn arm_session_timer(&mut self, id: LegId) {
        let due = self
            .sip
            .legs
            .get(id)
            .and_then(|leg| leg.timer.poll_timeout());
        self.timers.set(Timer::SipSession(id), due);
    }

    pub(in crate::call) fn on_sip_session_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        match leg.timer.handle_timeout(now.mono) {
            Some(Due::Refresh) => self.refresh(now, id),
            Some(Due::GiveUp) => {
                tracing::info!(leg = %id, "nobody refreshed the session");
                self.end_lost(now, id);
            }
            None => {}
        }
        self.arm_session_timer(id);
    }

    /// The far side does not answer within the dialog any more, or has forgotten it.
    pub(super) fn end_lost(&mut self, now: Now, id: LegId) {
        self.hang_up_leg(now, id);
        self.on_leg_gone(now, id, EndReason::ConnectionLost);
    }

    /// By an UPDATE without a description where the far side knows it, else by a re-INVITE that
    /// offers what is agreed already.
    fn refresh(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        let method = leg.timer.refresh_method().clone();
        let invite = method == Method::Invite;
        // A re-INVITE under way refreshes, too.
        if leg.refresh.is_some() || leg.underway.may_send(&method, invite).is_err() {
            return;
        }
        let offer = match invite {
            false => None,
            true => match self.offer_anew(id) {
                Ok(offer) => Some(offer),
                Err(error) => {
                    return tracing::debug!(leg = %id, %error, "no refresh by a new offer");
                }
            },
        };
        let Some(client) = self.send_refresh(now, id, &method, offer.as_ref().map(|it| &*it.sdp))
        else {
            return self.offer_failed(id);
        };
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.underway.begin(Side::Us, &method);
            leg.offered = offer.map(Box::new);
            let cseq = leg.dialog.as_ref().map_or(0, |dialog| dialog.local_cseq());
            self.sip.legs.set_refresh(
                id,
                Refresh {
                    client,
                    method,
                    cseq,
                },
            );
        }
    }

    fn send_refresh(
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

    /// A response to a refresh; `None` if none came.
    pub(super) fn on_refreshed(&mut self, now: Now, id: LegId, response: Option<&Response>) {
        if response.is_some_and(|it| it.status().is_provisional()) {
            return;
        }
        let Some(refresh) = self.sip.legs.take_refresh(id) else {
            return;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        leg.underway.end(Side::Us, &refresh.method);
        let offered = leg.offered.take();
        let Some(response) = response else {
            return self.end_lost(now, id);
        };
        let after = leg.timer.handle_response(now.mono, response);
        if response.status().is_success() {
            if let Some(dialog) = &mut leg.dialog
                && let Err(error) = dialog.handle_response(response)
            {
                tracing::debug!(leg = %id, %error, "a 2xx without a usable Contact");
            }
            if refresh.method == Method::Invite {
                self.acknowledge(id, refresh.cseq);
            }
            let answer = description(response.headers(), response.body());
            if let Some(offer) = offered {
                let answered = self.on_answered_anew(now, id, &offer, &answer.unwrap_or_default());
                if let Err(error) = answered {
                    tracing::info!(leg = %id, %error, "a refresh got no answer; media stays as it was");
                }
            }
        } else {
            self.offer_failed(id);
        }
        match after {
            After::Nothing => {}
            After::Retry => self.refresh(now, id),
            After::End => return self.end_lost(now, id),
        }
        self.arm_session_timer(id);
    }
}
