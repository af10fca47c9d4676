//! A leg answers: the two sides are joined, everybody else stops ringing.

use media::ids::LegId;
use media::negotiate::{self, Bridge, NegotiationError};
use media::plan::Command;

use super::call::{CallHandle, Phase, Talk};
use super::end::{EndReason, Side};
use super::leg::{Exchange, Leg, LegOrder, LegState, MediaState};
use super::negotiation::Description;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;

impl Switch {
    /// The first answer wins; later ones find their leg ended and do not come here.
    pub(super) fn on_answered(&mut self, now: Now, leg_id: LegId, sdp: &str) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id).filter(|leg| leg.is_pending()) else {
            tracing::debug!(call = %call.id, leg = %leg_id, "an answer nobody asked for");
            return;
        };
        let handle = call.handle;
        let (Exchange::Ours(offer), Some(caller)) = (&leg.exchange, call.caller_leg()) else {
            return;
        };
        let theirs = match &caller.exchange {
            Exchange::Theirs(theirs) => theirs,
            Exchange::Nothing => return self.on_answered_first(now, leg_id, sdp),
            _ if call.talk().is_none() => return self.on_answered_after_early(now, leg_id, sdp),
            _ => return self.on_transfer_answered(now, leg_id, sdp),
        };
        let a = (caller.id, &**theirs, &caller.local);
        match negotiate::bridge(a, offer, sdp, &self.policy_of_leg(caller.id)) {
            Ok(bridge) => self.establish(now, handle, bridge),
            Err(error) => self.end_call(now, handle, answer_refused(error)),
        }
    }

    fn establish(&mut self, now: Now, handle: CallHandle, bridge: Bridge) {
        let (caller, callee) = (bridge.plan_a.leg, bridge.plan_b.leg);
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        if let Some(leg) = call.leg_mut(caller) {
            leg.describe(Description::LocalAnswer);
            leg.go(LegState::Confirmed);
            leg.in_media = true;
            leg.settle(bridge.a);
        }
        if let Some(leg) = call.leg_mut(callee) {
            leg.describe(Description::RemoteAnswer);
            leg.go(LegState::Confirmed);
            leg.settle(bridge.b);
        }
        call.phase = Phase::Talking(Box::new(Talk {
            since: now,
            caller_leg: caller,
            callee_leg: callee,
            to_callee: bridge.a_to_b.clone(),
            to_caller: bridge.b_to_a.clone(),
            audio: bridge.audio.codec().map(Into::into),
            video: bridge.video.codec().map(Into::into),
            video_reason: bridge.video.reason(),
            summary: bridge.summary,
            ready_after: None,
            transfer: None,
            one_way: None,
        }));
        let waited = now.mono.saturating_duration_since(call.started.mono);
        let summary = call.talk().map_or("", |talk| talk.summary.as_str());
        tracing::info!(call = %call.id, waited_ms = waited.as_millis(), summary, "call answered");

        // The worker knows both legs before either side may send to it.
        self.media(handle, Command::AddLeg(Box::new(bridge.plan_a)));
        self.media(handle, Command::UpdateLeg(Box::new(bridge.plan_b)));
        self.media(handle, Command::Patch(Box::new(bridge.a_to_b)));
        self.media(handle, Command::Patch(Box::new(bridge.b_to_a)));
        let sdp = Some(bridge.answer_to_a);
        self.tell(caller, LegOrder::Established { sdp });
        self.tell(callee, LegOrder::Established { sdp: None });
        self.tell_media(handle);
        self.stop_ringing(handle, &EndReason::AnsweredElsewhere);
        self.on_talk(now, handle);
    }

    /// Ends the legs that still ring.
    pub(super) fn stop_ringing(&mut self, handle: CallHandle, reason: &EndReason) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let ringing = call.legs.iter().filter(|leg| leg.is_pending());
        let ringing: Vec<LegId> = ringing.map(|leg| leg.id).collect();
        for leg in ringing {
            self.end_leg(leg, reason.clone());
        }
    }

    /// Tells the pages of an answered call what flows.
    pub(super) fn tell_media(&mut self, handle: CallHandle) {
        use crate::wcs::message::{CallMedia, ExtensionEvent};
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let Some(talk) = call.talk() else { return };
        let media = (
            talk.audio.clone(),
            talk.video.clone(),
            talk.video_reason.clone(),
        );
        let ready = [talk.caller_leg, talk.callee_leg].into_iter().all(|leg| {
            call.leg(leg)
                .is_some_and(|leg| leg.media == MediaState::Ready)
        });
        let held_by = |leg: Option<&Leg>| leg.is_some_and(|leg| leg.holds);
        let sides = [Side::Caller, Side::Callee].map(|side| {
            let leg = talk.leg(side);
            (leg, held_by(call.far_leg(leg)))
        });
        for (leg, remote_held) in sides {
            let (audio, video, video_reason) = media.clone();
            self.tell_page(leg, |call_id| {
                ExtensionEvent::Media(CallMedia {
                    call_id,
                    audio,
                    video,
                    video_reason,
                    ready,
                    remote_held,
                })
            });
        }
    }
}

/// The answer does not make a call.
pub(super) fn answer_refused(error: NegotiationError) -> EndReason {
    match error {
        NegotiationError::NoCommonCodec { a, b } => EndReason::NoCommonCodec {
            caller: a,
            callee: b,
        },
        // It is in the offer that nothing can be used, such as media that ought to be encrypted.
        error @ NegotiationError::NoUsableMedia { .. } => {
            EndReason::BadDescription(Side::Caller, error.to_string())
        }
        NegotiationError::TranscodingOff { a, b } => EndReason::TranscodingOff {
            caller: a,
            callee: b,
        },
        NegotiationError::TranscodingFull { .. } => EndReason::TranscodingLimit,
        error => EndReason::BadDescription(Side::Callee, error.to_string()),
    }
}
