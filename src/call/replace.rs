//! A new leg takes the place of one in a call (RFC 3891): of an answered one, whose side it takes,
//! or of one that rings, whose call it answers.

use std::sync::Arc;

use media::ids::LegId;
use media::negotiate::{self, Local, LocalAnswer, NegotiationError, RemoteOffer, Source};
use media::plan::{Command, PatchPlan};
use media::sdp::Direction;

use super::call::{CallHandle, Phase, Talk};
use super::end::{EndReason, Side};
use super::leg::{Exchange, Leg, LegOrder, LegState};
use super::local::MediaWay;
use super::negotiation::Description;
use super::setup::{NewCall, offer_refused};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::transfer::Joined;

/// The new leg before it is in the call.
struct Newcomer {
    new: NewCall,
    offer: Option<RemoteOffer>,
    local: Local,
    /// Of whoever it takes the place of.
    side: Side,
}

impl Switch {
    /// Puts a new leg in the place of `old`, which leaves.
    ///
    /// # Errors
    /// Why it is not done; the call goes on as it was, and nothing is left of the new leg.
    pub(super) fn replace(&mut self, now: Now, new: NewCall, old: LegId) -> Result<(), EndReason> {
        if self.stage != Stage::Running {
            return Err(EndReason::ShuttingDown);
        }
        let call = self.calls.of_leg(old).ok_or(EndReason::Cancelled)?;
        let (handle, worker, talks) = (call.handle, call.worker, call.talk().is_some());
        let side = call.leg(old).ok_or(EndReason::Cancelled)?.side;
        let live = call.legs.iter().filter(|leg| leg.is_live()).count();
        if live > self.config.limits.legs_per_call {
            return Err(EndReason::CallLimit);
        }
        let sdp = new.sdp.as_deref();
        let offer = sdp.map(|sdp| self.read_offer(&new.caller.user, sdp));
        let offer = offer.transpose().map_err(|error| offer_refused(&error))?;
        let way = MediaWay::of_caller(offer.as_ref(), new.rtp);
        let video = offer.as_ref().is_none_or(RemoteOffer::has_video);
        let local = self.local(new.leg, worker, way, video)?;
        let newcomer = Newcomer {
            new,
            offer,
            local: local.clone(),
            side,
        };
        let done = match talks {
            true => self.take_over(now, handle, newcomer, old),
            false => self.pick_up(now, handle, newcomer),
        };
        if done.is_err() {
            self.pool.release(&local);
        }
        done
    }

    /// The side of an answered leg is taken over.
    fn take_over(
        &mut self,
        now: Now,
        handle: CallHandle,
        newcomer: Newcomer,
        old: LegId,
    ) -> Result<(), EndReason> {
        let call = self.calls.get(handle).ok_or(EndReason::Cancelled)?;
        let far = call.far_leg(old).ok_or(EndReason::Cancelled)?;
        let (far_id, kept) = (far.id, far.agreement().ok_or(EndReason::Cancelled)?);
        let policy = &self.policy_for(handle, &newcomer.new.caller.user);
        let source = far.as_source().ok_or(EndReason::Cancelled)?;
        let id = newcomer.new.leg;
        let nothing = |source, sink| PatchPlan {
            source,
            sink,
            codecs: Vec::new(),
        };
        let (sdp, joined, exchange) = match &newcomer.offer {
            Some(offer) => {
                let answer = answer_to(id, policy, offer, source, &newcomer.local)?;
                let joined = Joined::new(kept, (answer.agreement.clone(), newcomer.side), policy);
                let settled = Exchange::Settled(Box::new(answer.agreement));
                (answer.sdp, joined, settled)
            }
            // His answer comes in the ACK, and media flows then.
            None => {
                let ours = negotiate::offer_from(id, policy, source, &newcomer.local);
                let ours = ours.map_err(|error| offer_refused(&error))?;
                let mut joined = Joined::new(kept, (kept.clone(), newcomer.side), policy);
                joined.to_new = nothing(far_id, id);
                joined.to_far = nothing(id, far_id);
                (ours.sdp.clone(), joined, Exchange::Ours(Box::new(ours)))
            }
        };
        self.add_newcomer(handle, newcomer, exchange);
        self.take_side(now, handle, (old, id), joined);
        let sdp = Some(sdp);
        self.tell(id, LegOrder::Established { sdp });
        Ok(())
    }

    /// A call that rings elsewhere is answered by the newcomer.
    fn pick_up(
        &mut self,
        now: Now,
        handle: CallHandle,
        newcomer: Newcomer,
    ) -> Result<(), EndReason> {
        let call = self.calls.get(handle).ok_or(EndReason::Cancelled)?;
        let caller = call.caller_leg().ok_or(EndReason::Cancelled)?;
        let policy = &self.policy_for(handle, &newcomer.new.caller.user);
        let both_silent = || {
            let what = "neither side has said what media it has";
            EndReason::BadDescription(Side::Callee, what.to_owned())
        };
        let offer = newcomer.offer.as_ref().ok_or_else(both_silent)?;
        let (id, caller_id) = (newcomer.new.leg, caller.id);
        let (ours, to_caller) = match &caller.exchange {
            Exchange::Theirs(theirs) => {
                let source = Source::Offer(theirs);
                let ours = answer_to(id, policy, offer, source, &newcomer.local)?;
                let source = Source::Agreement(&ours.agreement);
                let policy = &self.policy_of_leg(caller_id);
                let answer = answer_to(caller_id, policy, theirs, source, &caller.local)?;
                (ours, Some(answer))
            }
            Exchange::Settled(kept) => {
                let source = Source::Agreement(kept);
                let ours = answer_to(id, policy, offer, source, &newcomer.local)?;
                (ours, None)
            }
            _ => return Err(both_silent()),
        };
        let settled = Exchange::Settled(Box::new(ours.agreement));
        self.add_newcomer(handle, newcomer, settled);
        let told = self.answer_caller(now, handle, (caller_id, id), to_caller);
        let sdp = Some(ours.sdp);
        self.tell(caller_id, LegOrder::Established { sdp: told });
        self.tell(id, LegOrder::Established { sdp });
        self.join_anew(handle);
        self.summarise(handle);
        self.stop_ringing(handle, &EndReason::AnsweredElsewhere);
        self.on_talk(now, handle);
        Ok(())
    }

    fn answer_caller(
        &mut self,
        now: Now,
        handle: CallHandle,
        (caller, callee): (LegId, LegId),
        answer: Option<LocalAnswer>,
    ) -> Option<String> {
        self.timers.disarm(Timer::Ring(handle));
        let call = self.calls.get_mut(handle)?;
        let talk = Talk::new(now, (caller, callee), "picked up elsewhere".to_owned());
        call.phase = Phase::Talking(Box::new(talk));
        tracing::info!(call = %call.id, "call picked up");
        let leg = call.leg_mut(caller)?;
        leg.go(LegState::Confirmed);
        let answer = answer?;
        leg.describe(Description::LocalAnswer);
        leg.in_media = true;
        let plan = answer.agreement.plan().clone();
        leg.settle(answer.agreement);
        self.media(handle, Command::AddLeg(Box::new(plan)));
        Some(answer.sdp)
    }

    /// The newcomer is in the call, and its worker knows it.
    fn add_newcomer(&mut self, handle: CallHandle, newcomer: Newcomer, exchange: Exchange) {
        let Newcomer {
            new,
            offer,
            local,
            side,
        } = newcomer;
        let first = match offer {
            Some(offer) => Exchange::Theirs(Arc::new(offer)),
            None => Exchange::Nothing,
        };
        let mut leg = Leg::new((new.leg, local), side, new.caller, new.signalling, first);
        let plan = match &exchange {
            Exchange::Ours(ours) => {
                leg.go(LegState::Early);
                leg.describe(Description::LocalOffer);
                Some(ours.plan.clone())
            }
            Exchange::Settled(agreement) => {
                leg.describe(Description::LocalAnswer);
                Some(agreement.plan().clone())
            }
            _ => None,
        };
        leg.go(LegState::Confirmed);
        leg.exchange = exchange;
        leg.in_media = true;
        if let Some(device) = leg.device().and_then(|id| self.people.device_mut(id)) {
            device.legs.insert(leg.id);
        }
        self.calls.add_leg(handle, leg);
        if let Some(plan) = plan {
            self.media(handle, Command::AddLeg(Box::new(plan)));
        }
        self.board.mark_stale();
    }
}

fn answer_to(
    leg: LegId,
    policy: &negotiate::Policy,
    offer: &RemoteOffer,
    source: Source<'_>,
    local: &Local,
) -> Result<LocalAnswer, EndReason> {
    let answer = negotiate::answer(leg, None, policy, offer, source, Direction::SendRecv, local);
    // It is the callee's side that offers.
    answer.map_err(|error| match error {
        NegotiationError::NoCommonCodec { a, b } => EndReason::NoCommonCodec {
            caller: b,
            callee: a,
        },
        NegotiationError::TranscodingOff { a, b } => EndReason::TranscodingOff {
            caller: b,
            callee: a,
        },
        NegotiationError::TranscodingFull { .. } => EndReason::TranscodingLimit,
        error => EndReason::BadDescription(Side::Callee, error.to_string()),
    })
}
