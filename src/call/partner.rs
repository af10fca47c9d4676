//! What a leg has to know of its partner (RFC 3264 8, RFC 7092 3.2): each leg has a session of its
//! own, and is offered another one only if what was agreed with it no longer is what its partner
//! has.
//!
//! * [`follow`](Switch::follow): a leg that leaves a codec, a picture or hold behind, or takes them
//!   up, has its partner offered what it has now.
//! * [`ask_partner`](Switch::ask_partner): a leg that wants more than its partner has agreed to waits
//!   for its answer until the partner was asked, so that it never is promised what nobody gives.

use std::sync::Arc;

use media::ids::LegId;
use media::negotiate::{self, RemoteOffer};

use super::leg::LegOrder;
use super::switch::Switch;
use super::time::Now;
use super::transfer::nothing_in_common;

impl Switch {
    /// A leg has changed: its partner is told, if it has to know and can be told. Whether it has to
    /// is seen when nothing crosses it any more.
    pub(super) fn follow(&mut self, changed: LegId) {
        let call = self.calls.of_leg(changed);
        let partner = call.and_then(|call| call.far_leg(changed));
        if let Some(partner) = partner.filter(|leg| leg.renegotiable).map(|leg| leg.id) {
            self.tell(partner, LegOrder::Reoffer);
        }
    }

    /// Whether what was agreed with a leg is no longer what its partner has, or wants.
    pub(super) fn is_reoffer_due(&self, id: LegId) -> bool {
        let Some((leg, partner)) = self.with_partner(id) else {
            return false;
        };
        let (Some(agreement), Some(source)) = (leg.agreement(), partner.as_source()) else {
            return false;
        };
        let asked = partner.proposal.is_some();
        let (most, policy) = (partner.lets_partner(), self.policy_of_leg(id));
        leg.renegotiable && (asked || !negotiate::suits(agreement, source, most, &policy))
    }

    /// A leg offers anew: its partner is asked about what it has not agreed to, if that can be
    /// asked. False: there is nothing to ask.
    pub(super) fn ask_partner(&mut self, id: LegId, offer: &RemoteOffer) -> bool {
        let Some((leg, partner)) = self.with_partner(id) else {
            return false;
        };
        let (Some(before), Some(theirs)) = (leg.agreement(), partner.agreement()) else {
            return false;
        };
        let can_be_asked = partner.renegotiable && partner.is_confirmed();
        if !can_be_asked || !negotiate::asks_for_more(offer, before, theirs) {
            return false;
        }
        let partner = partner.id;
        let leg = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id));
        if let Some(leg) = leg {
            leg.proposal = Some(Arc::new(offer.clone()));
        }
        self.tell(partner, LegOrder::Reoffer);
        true
    }

    /// Nobody is asked any more for what a leg has proposed.
    pub(super) fn forget_proposal(&mut self, id: LegId) {
        let leg = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id));
        if let Some(leg) = leg {
            leg.proposal = None;
        }
    }

    /// A leg was offered what its partner has or wants, and has accepted or refused. Whoever waits
    /// for that gets his answer now.
    pub(super) fn on_reoffered(&mut self, now: Now, id: LegId, accepted: bool) {
        let Some(call) = self.calls.of_leg(id) else {
            return;
        };
        let handle = call.handle;
        let partner = call.far_leg(id);
        if let Some(waiting) = partner.filter(|leg| leg.proposal.is_some()) {
            let waiting = waiting.id;
            self.forget_proposal(waiting);
            return self.tell(waiting, LegOrder::AnswerOffer);
        }
        let silent = call.talk().is_some_and(|talk| {
            talk.to_callee.codecs.is_empty() && talk.to_caller.codecs.is_empty()
        });
        if silent && !accepted {
            let reason = nothing_in_common(&self.policy_of(handle));
            self.end_call(now, handle, reason);
        }
    }
}
