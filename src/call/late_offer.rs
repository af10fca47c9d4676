//! Calls whose caller offers nothing (RFC 3261 13.2.1): whoever is called hears our offer, and the
//! caller gets one made of the answer, in the 2xx. His own answer comes in the ACK.

use media::ids::LegId;
use media::negotiate::{self, Source};
use media::plan::Command;

use super::answer::answer_refused;
use super::call::{Phase, Talk};
use super::end::{EndReason, Side};
use super::leg::{Exchange, LegOrder, LegState};
use super::negotiation::Description;
use super::setup::offer_refused;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;

impl Switch {
    /// A leg answers a call whose caller has said nothing of media yet.
    pub(super) fn on_answered_first(&mut self, now: Now, callee: LegId, answer: &str) {
        let Some(call) = self.calls.of_leg(callee) else {
            return;
        };
        let handle = call.handle;
        let (Some(caller), Some(leg)) = (call.caller_leg(), call.leg(callee)) else {
            return;
        };
        let Exchange::Ours(offer) = &leg.exchange else {
            return;
        };
        let policy = &self.policy_of(handle);
        let agreement = match negotiate::settle(offer, answer, policy) {
            Ok(agreement) => agreement,
            Err(error) => return self.end_call(now, handle, answer_refused(error)),
        };
        let caller_id = caller.id;
        let policy = &self.policy_of_leg(caller_id);
        let source = Source::Agreement(&agreement);
        let ours = match negotiate::offer_from(caller_id, policy, source, &caller.local) {
            Ok(ours) => ours,
            Err(error) => return self.end_call(now, handle, offer_refused(&error)),
        };
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let callee_plan = agreement.plan().clone();
        if let Some(leg) = call.leg_mut(callee) {
            leg.describe(Description::RemoteAnswer);
            leg.go(LegState::Confirmed);
            leg.settle(agreement);
        }
        let (sdp, caller_plan) = (ours.sdp.clone(), ours.plan.clone());
        if let Some(leg) = call.leg_mut(caller_id) {
            leg.describe(Description::LocalOffer);
            leg.go(LegState::Confirmed);
            leg.in_media = true;
            leg.exchange = Exchange::Ours(Box::new(ours));
        }
        let summary = "the caller has yet to answer our offer".to_owned();
        let talk = Talk::new(now, (caller_id, callee), summary);
        call.phase = Phase::Talking(Box::new(talk));
        tracing::info!(call = %call.id, "call answered; the caller is offered what the answer has");
        self.media(handle, Command::AddLeg(Box::new(caller_plan)));
        self.media(handle, Command::UpdateLeg(Box::new(callee_plan)));
        self.tell(caller_id, LegOrder::Established { sdp: Some(sdp) });
        self.tell(callee, LegOrder::Established { sdp: None });
        self.stop_ringing(handle, &EndReason::AnsweredElsewhere);
        self.on_talk(now, handle);
    }

    /// The caller answers what he was offered in the 2xx; `None` if his ACK says nothing.
    pub(super) fn on_caller_answered(&mut self, now: Now, caller: LegId, answer: Option<&str>) {
        let Some(call) = self.calls.of_leg_mut(caller) else {
            return;
        };
        let handle = call.handle;
        let Some(leg) = call.leg_mut(caller) else {
            return;
        };
        let Exchange::Ours(offer) = &leg.exchange else {
            return;
        };
        let offer = offer.clone();
        let answered = match answer {
            Some(answer) => self
                .on_answered_anew(now, caller, &offer, answer)
                .map_err(|error| error.to_string()),
            None => Err("the ACK has no session description".to_owned()),
        };
        match answered {
            Ok(()) => self.summarise(handle),
            Err(what) => {
                self.end_call(now, handle, EndReason::BadDescription(Side::Caller, what));
            }
        }
    }
}
