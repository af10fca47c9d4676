//! Before the answer: those who were invited ring or make other progress, with media of their own
//! (early media, RFC 3960) if they describe some. The caller hears the first of them, the others
//! wait for its end; nothing goes the other way until somebody answers.

use std::time::Duration;

use media::ids::LegId;
use media::negotiate::{self, Agreement, NegotiationError};
use media::plan::{Command, LegPlan, PatchPlan};

use super::answer::answer_refused;
use super::call::{Call, CallHandle, Phase, Talk};
use super::end::EndReason;
use super::leg::{Exchange, LegOrder, LegState, MediaState};
use super::negotiation::Description;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use super::transfer::nothing_in_common;

/// Media that the caller is to hear before anybody has answered.
struct EarlyMedia {
    callee: LegId,
    callee_plan: LegPlan,
    caller: LegId,
    to_caller: PatchPlan,
    /// What the caller is answered, unless that was done for somebody else before.
    answer: Option<(String, Box<Agreement>)>,
}

impl Switch {
    /// A leg that was invited rings, or something else happens there.
    pub(super) fn on_progress(&mut self, leg_id: LegId, rings: bool, sdp: Option<String>) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let (handle, somebody_rings) = (call.handle, call.rings());
        let described = sdp.is_some();
        let Some(leg) = call.leg_mut(leg_id).filter(|leg| leg.is_pending()) else {
            return;
        };
        if rings && *leg.state() == LegState::Inviting {
            leg.go(LegState::Early);
        }
        if let Some(sdp) = sdp {
            leg.early.get_or_insert_with(|| sdp.into());
        }
        let caller = call.caller_leg().map(|leg| leg.id);
        // Who hands a call over is told of the outcome alone.
        let (Some(ringing), Some(caller)) = (call.ringing_mut(), caller) else {
            return;
        };
        let progressed = std::mem::replace(&mut ringing.progressed, true);
        if described && self.let_through(handle, rings) {
            return;
        }
        if !somebody_rings && rings {
            self.tell_ringing(handle, caller);
        } else if !somebody_rings && !progressed {
            self.tell(caller, LegOrder::Progress { rings, sdp: None });
        }
    }

    /// Lets the caller hear whoever was the first to describe early media, if he hears nobody yet.
    /// True if he was told of it.
    pub(super) fn let_through(&mut self, handle: CallHandle, rings: bool) -> bool {
        let Some(early) = self.early_media(handle) else {
            return false;
        };
        let EarlyMedia {
            callee,
            callee_plan,
            caller,
            to_caller,
            answer,
        } = early;
        let Some(call) = self.calls.get_mut(handle) else {
            return false;
        };
        if let Some(ringing) = call.ringing_mut() {
            ringing.early = Some(callee);
        }
        tracing::debug!(call = %call.id, leg = %callee, "early media");
        let mut told = None;
        if let (Some((sdp, agreement)), Some(leg)) = (answer, call.leg_mut(caller)) {
            leg.describe(Description::LocalAnswer);
            leg.in_media = true;
            let plan = agreement.plan().clone();
            leg.settle(*agreement);
            self.media(handle, Command::AddLeg(Box::new(plan)));
            told = Some(sdp);
        }
        self.media(handle, Command::UpdateLeg(Box::new(callee_plan)));
        // Silence before the answer is no fault.
        for leg in [caller, callee] {
            self.media(handle, Command::WatchSilence { leg, on: false });
        }
        self.media(handle, Command::Patch(Box::new(to_caller)));
        let Some(sdp) = told else { return false };
        let sdp = Some(sdp);
        self.tell(caller, LegOrder::Progress { rings, sdp });
        true
    }

    fn early_media(&self, handle: CallHandle) -> Option<EarlyMedia> {
        let call = self.calls.get(handle)?;
        let Phase::Ringing(ringing) = &call.phase else {
            return None;
        };
        if ringing.early.is_some() {
            return None;
        }
        let mut described = call.legs.iter().filter(|leg| leg.is_pending());
        described.find_map(|leg| {
            let (Some(sdp), Exchange::Ours(offer)) = (&leg.early, &leg.exchange) else {
                return None;
            };
            let made = self.early_media_of(call, offer, sdp);
            made.map_err(|error| tracing::debug!(leg = %leg.id, %error, "no early media"))
                .ok()?
        })
    }

    fn early_media_of(
        &self,
        call: &Call,
        offer: &negotiate::LocalOffer,
        sdp: &str,
    ) -> Result<Option<EarlyMedia>, NegotiationError> {
        let Some(caller) = call.caller_leg() else {
            return Ok(None);
        };
        let policy = &self.policy_of_leg(caller.id);
        let (callee, to_caller, answer) = match &caller.exchange {
            Exchange::Theirs(theirs) => {
                let a = (caller.id, &**theirs, &caller.local);
                let bridge = negotiate::bridge(a, offer, sdp, policy)?;
                let answer = Some((bridge.answer_to_a, Box::new(bridge.a)));
                (bridge.b, bridge.b_to_a, answer)
            }
            Exchange::Settled(kept) => {
                let callee = negotiate::settle(offer, sdp, policy)?;
                let (_, to_caller) = negotiate::join(kept, &callee, policy);
                (callee, to_caller, None)
            }
            // Whoever offers nothing hears his first description in the 2xx.
            _ => return Ok(None),
        };
        Ok(Some(EarlyMedia {
            callee: callee.leg(),
            callee_plan: callee.plan().clone(),
            caller: caller.id,
            to_caller,
            answer,
        }))
    }

    /// A leg is over: if the caller heard its early media, he may hear another's.
    pub(super) fn end_early_media(&mut self, handle: CallHandle, leg: LegId) {
        let ringing = self.calls.get_mut(handle).and_then(Call::ringing_mut);
        if ringing.is_some_and(|ringing| ringing.early.take_if(|it| *it == leg).is_some()) {
            self.let_through(handle, false);
            self.ring_on(handle);
        }
    }

    /// A leg answers a call whose caller has his answer, since he heard early media.
    pub(super) fn on_answered_after_early(&mut self, now: Now, callee: LegId, sdp: &str) {
        let Some(call) = self.calls.of_leg(callee) else {
            return;
        };
        let handle = call.handle;
        let (Some(caller), Some(leg)) = (call.caller_leg(), call.leg(callee)) else {
            return;
        };
        let (Some(kept), Exchange::Ours(offer)) = (caller.agreement(), &leg.exchange) else {
            return;
        };
        let policy = self.policy_of(handle);
        let agreed = match negotiate::settle(offer, sdp, &policy) {
            Ok(agreed) => agreed,
            Err(error) => return self.end_call(now, handle, answer_refused(error)),
        };
        let (to_callee, to_caller) = negotiate::join(kept, &agreed, &policy);
        // Who can be offered something else is, as soon as he knows that the call is up.
        let fits = !to_callee.codecs.is_empty() && !to_caller.codecs.is_empty();
        if !fits && !caller.renegotiable {
            return self.end_call(now, handle, nothing_in_common(&policy));
        }
        let caller = caller.id;
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let plan = agreed.plan().clone();
        if let Some(leg) = call.leg_mut(caller) {
            leg.go(LegState::Confirmed);
        }
        if let Some(leg) = call.leg_mut(callee) {
            leg.describe(Description::RemoteAnswer);
            leg.go(LegState::Confirmed);
            leg.settle(agreed);
        }
        let mut talk = Talk::new(now, (caller, callee), "early media before".to_owned());
        let ready = |id| call.leg(id).is_some_and(|it| it.media == MediaState::Ready);
        if ready(caller) && ready(callee) {
            talk.ready_after = Some(Duration::ZERO);
        }
        call.phase = Phase::Talking(Box::new(talk));
        let waited = now.mono.saturating_duration_since(call.started.mono);
        tracing::info!(call = %call.id, waited_ms = waited.as_millis(), "call answered");
        self.media(handle, Command::UpdateLeg(Box::new(plan)));
        self.tell(caller, LegOrder::Established { sdp: None });
        self.tell(callee, LegOrder::Established { sdp: None });
        self.stop_ringback(handle, caller);
        self.join_anew(handle);
        self.summarise(handle);
        self.follow(callee);
        self.stop_ringing(handle, &EndReason::AnsweredElsewhere);
        self.on_talk(now, handle);
    }
}
