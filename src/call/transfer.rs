//! Handing an answered call over to somebody else: he rings while the call goes on, and takes the
//! side of whoever hands it over when he answers. If he does not, the call stays as it was.
//!
//! The leg that is handed over keeps its description, which it could not exchange again: what
//! is offered to the new one is what was agreed with it, and its patches use that alone.

use media::ids::{LegId, MediaKind};
use media::negotiate::{self, Agreement, Policy, Transcoding};
use media::plan::{Command, PatchPlan};
use smol_str::SmolStr;

use super::answer::answer_refused;
use super::call::{CallHandle, Transfer};
use super::end::{Device, EndReason, Names, Side};
use super::invite::{Invitation, Partner};
use super::leg::{Exchange, Leg, LegOrder, LegState, NotDone};
use super::negotiation::Description;
use super::people::Party;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::Payload;

impl Switch {
    /// A side hands the call over. The page waits for an answer in any case.
    pub(super) fn on_transfer(&mut self, now: Now, by: LegId, target: &str) {
        let Some(call) = self.calls.of_leg(by) else {
            return;
        };
        let handle = call.handle;
        let legs = [call.leg(by), call.far_leg(by)];
        let obstacle = if !legs.into_iter().flatten().all(Leg::is_confirmed) {
            Some(NotDone::transfer(481, "The call is ending"))
        } else if call.talk().is_none_or(|talk| talk.transfer.is_some()) {
            let already = "The call is being handed over already";
            Some(NotDone::transfer(491, already))
        } else {
            None
        };
        if let Some(obstacle) = obstacle {
            return self.tell(by, LegOrder::NotDone(obstacle));
        }
        let callee = self.resolve(target).ok();
        if let Err(reason) = self.begin_transfer(now, handle, by, target) {
            let callee = callee.map_or_else(|| target.to_owned(), |party| party.display_name);
            self.refuse_transfer(by, &reason, &callee);
        }
    }

    fn begin_transfer(
        &mut self,
        now: Now,
        handle: CallHandle,
        by: LegId,
        target: &str,
    ) -> Result<(), EndReason> {
        let to = self.resolve(target)?;
        let Some(call) = self.calls.get(handle) else {
            return Err(EndReason::Cancelled);
        };
        let (Some(leg), Some(far)) = (call.leg(by), call.far_leg(by)) else {
            return Err(EndReason::Cancelled);
        };
        let targets = self.targets_of(now, target, &to, leg.device())?;
        let invitation = self.handing_over(handle, far.id, to.clone())?;
        if let Some(talk) = self.calls.get_mut(handle).and_then(|call| call.talk_mut()) {
            talk.transfer = Some(Transfer { by, to });
        }
        if let Err(reason) = self.invite_all(now, handle, &targets, &invitation) {
            if let Some(talk) = self.calls.get_mut(handle).and_then(|call| call.talk_mut()) {
                talk.transfer = None;
            }
            return Err(reason);
        }
        self.timers
            .arm(Timer::Ring(handle), now.mono + self.config.timing.ring);
        if let Some(call) = self.calls.get(handle) {
            tracing::info!(call = %call.id, "call is being handed over");
        }
        Ok(())
    }

    /// The invitation to talk to a leg that has settled its media.
    fn handing_over(
        &self,
        handle: CallHandle,
        far: LegId,
        to: Party,
    ) -> Result<Invitation, EndReason> {
        let call = self.calls.get(handle).ok_or(EndReason::Cancelled)?;
        let far = call.leg(far).ok_or(EndReason::Cancelled)?;
        let agreement = far.agreement().ok_or(EndReason::Cancelled)?;
        Ok(Invitation {
            partner: match far.renegotiable {
                true => Partner::Willing(Box::new(agreement.clone())),
                false => Partner::Agreed(Box::new(agreement.clone())),
            },
            from: far.party.clone(),
            to,
            hops: call.hops,
            session_id: call.session_id.clone(),
            custom: Payload(serde_json::Value::Null),
        })
    }

    /// The transfer does not come about: whoever wanted it is told why, and the call goes on.
    pub(super) fn fail_transfer(&mut self, handle: CallHandle, reason: &EndReason) {
        self.timers.disarm(Timer::Ring(handle));
        self.stop_ringing(handle, reason);
        let talk = self.calls.get_mut(handle).and_then(|call| call.talk_mut());
        let Some(Transfer { by, to }) = talk.and_then(|talk| talk.transfer.take()) else {
            return;
        };
        self.refuse_transfer(by, reason, &to.display_name);
    }

    fn refuse_transfer(&mut self, by: LegId, reason: &EndReason, to: &str) {
        tracing::info!(leg = %by, code = reason.code(), "call is not handed over");
        let names = Names {
            caller: "",
            callee: to,
            devices: [Device::Browser, Device::Telephone],
        };
        let sentence = reason.sentence(Side::Caller, names);
        let why = NotDone::transfer(reason.sip_status(), sentence);
        self.tell(by, LegOrder::NotDone(why));
    }

    /// Somebody who rings for a transfer answers.
    pub(super) fn on_transfer_answered(&mut self, now: Now, new: LegId, answer: &str) {
        let Some(call) = self.calls.of_leg(new) else {
            return;
        };
        let handle = call.handle;
        match self.fit(handle, new, answer) {
            Ok((by, joined)) => self.hand_over(now, handle, (by, new), joined),
            Err(reason) => self.fail_transfer(handle, &reason),
        }
    }

    /// What the new leg and the one that is handed over have in common.
    fn fit(
        &self,
        handle: CallHandle,
        new: LegId,
        answer: &str,
    ) -> Result<(LegId, Joined), EndReason> {
        let lost = EndReason::Cancelled;
        let call = self.calls.get(handle).ok_or(lost.clone())?;
        let transfer = call.talk().and_then(|talk| talk.transfer.as_ref());
        let by = transfer.ok_or(lost.clone())?.by;
        let legs = (call.leg(by), call.far_leg(by), call.leg(new));
        let (Some(leaves), Some(far), Some(new)) = legs else {
            return Err(lost);
        };
        let (Some(kept), Exchange::Ours(offer)) = (far.agreement(), &new.exchange) else {
            return Err(lost);
        };
        let policy = &self.policy_of(handle);
        let agreed = negotiate::settle(offer, answer, policy).map_err(answer_refused)?;
        let joined = Joined::new(kept, (agreed, leaves.side), policy);
        if joined.is_silent() {
            return Err(nothing_in_common(policy));
        }
        Ok((by, joined))
    }

    fn hand_over(
        &mut self,
        now: Now,
        handle: CallHandle,
        (by, new): (LegId, LegId),
        joined: Joined,
    ) {
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let Some(leg) = call.leg_mut(new) else {
            return;
        };
        leg.describe(Description::RemoteAnswer);
        leg.go(LegState::Confirmed);
        leg.settle(joined.agreed.clone());
        let plan = joined.agreed.plan().clone();
        self.media(handle, Command::UpdateLeg(Box::new(plan)));
        self.tell(new, LegOrder::Established { sdp: None });
        self.take_side(now, handle, (by, new), joined);
        self.stop_ringing(handle, &EndReason::AnsweredElsewhere);
    }

    /// An answered leg takes the side of another one, which leaves.
    pub(super) fn take_side(
        &mut self,
        now: Now,
        handle: CallHandle,
        (by, new): (LegId, LegId),
        joined: Joined,
    ) {
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let Some(side) = call.leg(by).map(|leg| leg.side) else {
            return;
        };
        let media = joined.media();
        let Joined { to_new, to_far, .. } = joined;
        let far = to_new.source;
        let holds = |id| call.leg(id).is_some_and(|leg| leg.holds);
        let is_held = holds(far) || holds(new);
        let Some(leg) = call.leg_mut(new) else {
            return;
        };
        leg.side = side;
        let to = leg.party.clone();
        if let Some(talk) = call.talk_mut() {
            talk.transfer = None;
            (talk.to_caller, talk.to_callee) = match side {
                Side::Caller => (to_new, to_far),
                Side::Callee => (to_far, to_new),
            };
            match side {
                Side::Caller => talk.caller_leg = new,
                Side::Callee => talk.callee_leg = new,
            }
            talk.summary = media.summary();
            talk.audio = media.audio;
            talk.video = media.video;
            talk.video_reason = media.video_reason;
        }
        call.transferred_to = Some(to.clone());
        let after = now.mono.saturating_duration_since(call.started.mono);
        tracing::info!(call = %call.id, after_ms = after.as_millis(), "call handed over");

        self.end_leg(
            by,
            EndReason::Transferred {
                to: to.display_name,
            },
        );
        match is_held {
            // If one held, he has left: media flows again.
            false => self.connect_media(handle, true),
            true => {
                for leg in [far, new] {
                    self.media(handle, Command::WatchSilence { leg, on: false });
                }
            }
        }
        self.record_if_wanted(now, handle);
        self.tell_media(handle);
        if let Some(view) = self.calls.get(handle).map(|call| call.view()) {
            self.outputs.notify(Notice::CallChanged(view));
        }
        // Whoever was held may be so no longer, and both have another partner.
        self.follow(new);
        self.follow(far);
    }
}

/// The new leg and the one that is handed over, joined.
pub(super) struct Joined {
    /// What was agreed with the new one.
    pub(super) agreed: Agreement,
    pub(super) to_new: PatchPlan,
    pub(super) to_far: PatchPlan,
    both_have_sound: bool,
    /// The codecs in use.
    codecs: Flowing,
}

/// What flows after a transfer.
#[derive(Debug, Clone)]
struct Flowing {
    audio: Option<SmolStr>,
    video: Option<SmolStr>,
    video_reason: Option<String>,
}

impl Joined {
    /// Of what the leg that is handed over and the new one have agreed to, which takes this side.
    pub(super) fn new(
        kept: &Agreement,
        (agreed, side): (Agreement, Side),
        policy: &Policy,
    ) -> Self {
        let (to_new, to_far) = negotiate::join(kept, &agreed, policy);
        // As the caller writes it.
        let flows = |kind| match side {
            Side::Caller => negotiate::codec_between(&agreed, kept, (&to_far, &to_new), kind),
            Side::Callee => negotiate::codec_between(kept, &agreed, (&to_new, &to_far), kind),
        };
        let video = flows(MediaKind::Video);
        let video_reason = match (&video, agreed.codec(MediaKind::Video)) {
            (Some(_), _) => None,
            (None, Some(_)) => Some("the new side's video codec was not agreed before".to_owned()),
            (None, None) => Some(agreed.absence(MediaKind::Video).to_string()),
        };
        let has_sound = |side: &Agreement| side.codec(MediaKind::Audio).is_some();
        let both_have_sound = has_sound(kept) && has_sound(&agreed);
        let codecs = Flowing {
            audio: flows(MediaKind::Audio),
            video,
            video_reason,
        };
        Self {
            agreed,
            to_new,
            to_far,
            both_have_sound,
            codecs,
        }
    }

    /// Nothing can flow, one way at least, or no sound though both sides have agreed to some.
    pub(super) fn is_silent(&self) -> bool {
        let has_sound = |patch: &PatchPlan| {
            let mut codecs = patch.codecs.iter();
            codecs.any(|map| map.kind == MediaKind::Audio)
        };
        let is_silent = |patch: &&PatchPlan| {
            patch.codecs.is_empty() || self.both_have_sound && !has_sound(patch)
        };
        [&self.to_new, &self.to_far].iter().any(is_silent)
    }

    fn media(&self) -> Flowing {
        let flows = !(self.to_new.codecs.is_empty() && self.to_far.codecs.is_empty());
        Flowing {
            audio: self.codecs.audio.clone().filter(|_| flows),
            video: self.codecs.video.clone().filter(|_| flows),
            video_reason: self.codecs.video_reason.clone(),
        }
    }
}

/// What was agreed before does not fit what is agreed now.
pub(super) fn nothing_in_common(policy: &Policy) -> EndReason {
    let (caller, callee) = (
        "what was agreed before".to_owned(),
        "something else".to_owned(),
    );
    match policy.transcoding {
        Transcoding::Allowed => EndReason::NoCommonCodec { caller, callee },
        Transcoding::Forbidden => EndReason::TranscodingOff { caller, callee },
        Transcoding::Full => EndReason::TranscodingLimit,
    }
}

impl Flowing {
    /// One line for log and operator.
    fn summary(&self) -> String {
        let name = |codec: &Option<SmolStr>| codec.clone().unwrap_or_else(|| "none".into());
        let (audio, video) = (name(&self.audio), name(&self.video));
        format!("handed over; bridge {audio}|{video}")
    }
}
