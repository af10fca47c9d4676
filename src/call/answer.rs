//! A leg answers: the two sides are joined, everybody else stops ringing.

use media::ids::LegId;
use media::negotiate::{self, Bridge, NegotiationError};
use media::plan::Command;

use super::call::{CallHandle, Phase, Talk};
use super::end::{EndReason, Side};
use super::leg::{Leg, LegState, Offer};
use super::negotiation::Description;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;

impl Switch {
    /// The first answer wins; later ones find their leg ended and do not come here.
    pub(super) fn on_answered(&mut self, now: Now, leg_id: LegId, sdp: &str) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let handle = call.handle;
        let rings = call
            .leg(leg_id)
            .is_some_and(|leg| leg.is_pending() && leg.side == Side::Callee);
        if !rings || call.talk().is_some() {
            tracing::debug!(call = %call.id, leg = %leg_id, "an answer nobody asked for");
            return;
        }
        let Some(caller_leg) = call.caller_leg().map(|leg| leg.id) else {
            return;
        };
        match self.join(handle, caller_leg, leg_id, sdp) {
            Ok(bridge) => self.establish(now, handle, (caller_leg, leg_id), bridge),
            Err(reason) => self.end_call(now, handle, reason),
        }
    }

    fn join(
        &self,
        handle: CallHandle,
        caller: LegId,
        callee: LegId,
        answer: &str,
    ) -> Result<Bridge, EndReason> {
        let call = self.calls.get(handle);
        let offers = call.and_then(|call| Some((call.leg(caller)?, call.leg(callee)?)));
        let Some((a, b)) = offers else {
            return Err(EndReason::Cancelled);
        };
        let (Offer::Theirs(theirs), Offer::Ours(ours)) = (&a.offer, &b.offer) else {
            return Err(EndReason::Cancelled);
        };
        negotiate::bridge(
            (caller, theirs, &a.local),
            ours,
            answer,
            &self.config.media.policy,
        )
        .map_err(answer_refused)
    }

    fn establish(
        &mut self,
        now: Now,
        handle: CallHandle,
        (caller, callee): (LegId, LegId),
        bridge: Bridge,
    ) {
        // The worker knows both legs before either side may send to it.
        self.media(handle, Command::AddLeg(Box::new(bridge.plan_a)));
        self.media(handle, Command::UpdateLeg(Box::new(bridge.plan_b)));
        self.media(handle, Command::Patch(Box::new(bridge.a_to_b.clone())));
        self.media(handle, Command::Patch(Box::new(bridge.b_to_a.clone())));
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        for (id, description) in [
            (caller, Description::LocalAnswer),
            (callee, Description::RemoteAnswer),
        ] {
            if let Some(leg) = call.leg_mut(id) {
                leg.describe(description);
                leg.go(LegState::Confirmed);
                leg.in_media = true;
            }
        }
        call.phase = Phase::Talking(Box::new(Talk {
            since: now,
            caller_leg: caller,
            callee_leg: callee,
            to_callee: bridge.a_to_b,
            to_caller: bridge.b_to_a,
            audio: bridge.audio.codec().map(Into::into),
            video: bridge.video.codec().map(Into::into),
            video_reason: bridge.video.reason(),
            summary: bridge.summary,
            ready_after: None,
        }));
        let losers: Vec<LegId> = call
            .legs
            .iter()
            .filter(|leg| leg.is_pending())
            .map(|leg| leg.id)
            .collect();
        let waited = now.mono.saturating_duration_since(call.started.mono);
        let summary = call.talk().map_or("", |talk| talk.summary.as_str());
        tracing::info!(call = %call.id, waited_ms = waited.as_millis(), summary, "call answered");
        let view = call.view();

        let sdp = bridge.answer_to_a;
        self.tell(caller, |session, call_id| {
            session.established(call_id, Some(sdp.into()));
        });
        self.tell(callee, |session, call_id| {
            session.established(call_id, None);
        });
        self.tell_media(handle);
        for loser in losers {
            self.end_leg(loser, EndReason::AnsweredElsewhere);
        }
        self.outputs.notify(Notice::CallAnswered(view));
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
        let ready = talk.ready_after.is_some();
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
fn answer_refused(error: NegotiationError) -> EndReason {
    match error {
        NegotiationError::NoCommonCodec { a, b } => EndReason::NoCommonCodec {
            caller: a,
            callee: b,
        },
        error => EndReason::BadDescription(Side::Callee, error.to_string()),
    }
}
