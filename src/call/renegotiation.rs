//! An answered leg exchanges descriptions anew (RFC 3264 8): for hold, another address, other
//! codecs, a picture. Media between it and its partner follows. What the partner has to know of it
//! is the matter of [`partner`](super::partner).

use media::ids::{LegId, MediaKind};
use media::negotiate::{self, Agreement, LocalOffer, NegotiationError, RemoteOffer, Source};
use media::plan::Command;

use super::call::CallHandle;
use super::end::Side;
use super::leg::{Exchange, Leg, Signalling};
use super::negotiation::Description;
use super::switch::Switch;
use super::time::Now;

/// Both have a picture, but no way to show it to each other.
const NO_VIDEO_CODEC: &str = "the two sides agreed to different video codecs";

/// What a new offer of a leg comes to.
pub(super) enum Reply {
    /// This answer.
    Now(String),
    /// The partner is asked first; [`LegOrder::AnswerOffer`](super::leg::LegOrder) says when.
    Later,
}

impl Switch {
    /// The far side of an answered leg offers anew: our answer. Media follows it, and so does
    /// hold, if the offer says so. Where it `may_wait`, its partner is asked about what it has not
    /// agreed to yet.
    ///
    /// # Errors
    /// Why the offer is not taken; everything stays as it was.
    pub(super) fn answer_anew(
        &mut self,
        now: Now,
        id: LegId,
        sdp: &str,
        may_wait: bool,
    ) -> Result<Reply, NegotiationError> {
        let call = self.calls.of_leg(id);
        let leg = call.and_then(|call| call.leg(id)).ok_or_else(not_now)?;
        let offer = self.read_offer(&leg.party.user, sdp)?;
        if may_wait && self.ask_partner(id, &offer) {
            return Ok(Reply::Later);
        }
        self.lend_video_ports(id);
        let answer = self.answer_offer(now, id, &offer);
        self.shed_video_ports(id);
        Ok(Reply::Now(answer?))
    }

    fn answer_offer(
        &mut self,
        now: Now,
        id: LegId,
        offer: &RemoteOffer,
    ) -> Result<String, NegotiationError> {
        let policy = &self.policy_of_leg(id);
        let (leg, partner) = self.with_partner(id).ok_or_else(not_now)?;
        let mut local = leg.local.clone();
        local.session_version += 1;
        let source = partner.as_source().ok_or_else(not_now)?;
        let (before, most) = (leg.agreement(), partner.lets_partner());
        let answer = negotiate::answer(id, before, policy, offer, source, most, &local)?;
        let Some(leg) = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id)) else {
            return Err(not_now());
        };
        if !leg.describe(Description::RemoteOffer) || !leg.describe(Description::LocalAnswer) {
            return Err(not_now());
        }
        leg.local = local;
        self.adopt(now, id, answer.agreement);
        Ok(answer.sdp)
    }

    /// The far side of an answered leg wants to hear our offer.
    ///
    /// # Errors
    /// Why there is none; everything stays as it was.
    pub(super) fn offer_anew(&mut self, id: LegId) -> Result<LocalOffer, NegotiationError> {
        self.lend_video_ports(id);
        let offer = self.make_offer(id);
        if offer.is_err() {
            self.shed_video_ports(id);
        }
        offer
    }

    fn make_offer(&mut self, id: LegId) -> Result<LocalOffer, NegotiationError> {
        let (leg, partner) = self.with_partner(id).ok_or_else(not_now)?;
        let before = leg.agreement().ok_or_else(not_now)?;
        let mut local = leg.local.clone();
        local.session_version += 1;
        let policy = &self.policy_of_leg(id);
        let source = match &partner.proposal {
            Some(proposal) => Source::Offer(proposal),
            None => partner.as_source().ok_or_else(not_now)?,
        };
        let offer = negotiate::reoffer(before, policy, source, partner.lets_partner(), &local)?;
        let Some(leg) = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id)) else {
            return Err(not_now());
        };
        if !leg.describe(Description::LocalOffer) {
            return Err(not_now());
        }
        leg.local = local;
        Ok(offer)
    }

    /// What [`offer_anew`](Self::offer_anew) offered was refused: what was agreed before still is.
    pub(super) fn offer_failed(&mut self, id: LegId) {
        let leg = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id));
        if let Some(leg) = leg {
            leg.withdraw_offer();
        }
        self.shed_video_ports(id);
    }

    /// The far side answers what [`offer_anew`](Self::offer_anew) offered.
    ///
    /// # Errors
    /// Why the answer is none; what was agreed before still is.
    pub(super) fn on_answered_anew(
        &mut self,
        now: Now,
        id: LegId,
        offer: &LocalOffer,
        answer: &str,
    ) -> Result<(), NegotiationError> {
        let agreement = negotiate::settle(offer, answer, &self.policy_of_leg(id));
        let leg = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id));
        if let Some(leg) = leg {
            leg.describe(Description::RemoteAnswer);
        }
        let settled = agreement.map(|agreement| self.adopt(now, id, agreement));
        self.shed_video_ports(id);
        settled
    }

    /// An answered leg, and its partner.
    pub(super) fn with_partner(&self, id: LegId) -> Option<(&Leg, &Leg)> {
        let call = self.calls.of_leg(id)?;
        let leg = call.leg(id).filter(|leg| leg.is_confirmed())?;
        Some((leg, call.far_leg(id)?))
    }

    /// A leg has agreed to something else than before.
    fn adopt(&mut self, now: Now, id: LegId, agreement: Agreement) {
        let Some(call) = self.calls.of_leg_mut(id) else {
            return;
        };
        let handle = call.handle;
        let Some(leg) = call.leg_mut(id) else { return };
        let plan = agreement.plan().clone();
        // A page holds by a message of its own.
        let holds = match leg.signalling {
            Signalling::Wcs { .. } => leg.holds,
            Signalling::Sip { .. } => agreement.holds(),
        };
        let held = leg.holds;
        leg.exchange = Exchange::Settled(Box::new(agreement));
        self.media(handle, Command::UpdateLeg(Box::new(plan)));
        self.join_anew(handle);
        match holds == held {
            true => self.follow(id),
            false => self.on_hold(now, id, holds),
        }
    }

    /// Says in one line what flows.
    pub(super) fn summarise(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let name = call.id.clone();
        let Some(talk) = call.talk_mut() else { return };
        let word = |codec: &Option<smol_str::SmolStr>| {
            let codec = codec.as_ref();
            codec.map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        talk.summary = format!("bridge {}|{}", word(&talk.audio), word(&talk.video));
        tracing::info!(call = %name, summary = talk.summary, "media agreed");
    }

    /// Joins the two sides by what they have agreed to now.
    pub(super) fn join_anew(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let Some(talk) = call.talk() else { return };
        let agreed = |side| call.leg(talk.leg(side))?.agreement();
        let (Some(caller), Some(callee)) = (agreed(Side::Caller), agreed(Side::Callee)) else {
            return;
        };
        let policy = self.policy_of(handle);
        let (to_callee, to_caller) = negotiate::join(caller, callee, &policy);
        let video_reason = [caller, callee]
            .into_iter()
            .find(|side| side.codec(MediaKind::Video).is_none())
            .map(|side| side.absence(MediaKind::Video).to_string());
        let patches = (&to_callee, &to_caller);
        let codec = |kind| negotiate::codec_between(caller, callee, patches, kind);
        let (audio, video) = (codec(MediaKind::Audio), codec(MediaKind::Video));
        let flows = !call.is_held();
        let talk = self.calls.get_mut(handle).and_then(|call| call.talk_mut());
        if let Some(talk) = talk {
            talk.to_callee = to_callee;
            talk.to_caller = to_caller;
            talk.audio = audio;
            talk.video_reason = match &video {
                Some(_) => None,
                None => Some(video_reason.unwrap_or_else(|| NO_VIDEO_CODEC.to_owned())),
            };
            talk.video = video;
        }
        match flows {
            true => self.connect_media(handle, true),
            false => self.play_on_hold(handle),
        }
        self.tell_media(handle);
    }
}

/// The leg is not one that can be changed now.
fn not_now() -> NegotiationError {
    NegotiationError::AnswerMismatch("the call is not answered, or is ending".to_owned())
}
