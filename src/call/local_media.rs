//! What people hear that nobody says (ADR 16): music while they are held, and the ringing tone where a
//! telephone is to have it from here. Who hears what is decided here; the media worker plays it.

use media::ids::{LegId, MediaKind};
use media::negotiate::{self, Source};
use media::plan::Command;
use media::sdp::Direction;

use super::call::{CallHandle, Phase};
use super::leg::{Exchange, LegOrder, Signalling};
use super::negotiation::Description;
use super::switch::Switch;

impl Switch {
    /// Music for whoever of an answered call is held and does not hold himself, and for nobody else.
    pub(super) fn play_on_hold(&mut self, handle: CallHandle) {
        let Some(sound) = self.config.media.sounds.music_on_hold else {
            return;
        };
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let Some(talk) = call.talk() else { return };
        let waits = |leg| {
            let is_held = call.far_leg(leg).is_some_and(|far| far.holds);
            is_held && call.leg(leg).is_some_and(|leg| !leg.holds)
        };
        let orders = [talk.caller_leg, talk.callee_leg].map(|leg| match waits(leg) {
            true => Command::Play { leg, sound },
            false => Command::StopSound { leg },
        });
        for order in orders {
            self.media(handle, order);
        }
    }

    /// The caller is told that it rings: by the tone itself where he is to hear that from here, or by
    /// a word.
    pub(super) fn tell_ringing(&mut self, handle: CallHandle, caller: LegId) {
        let sdp = self.ring_back(handle);
        let rings = sdp.is_none();
        self.tell(caller, LegOrder::Progress { rings, sdp });
    }

    /// Plays the ringing tone to whoever calls. The answer that his offer gets for it; `None` if he
    /// makes his tone himself, or hears somebody already.
    fn ring_back(&mut self, handle: CallHandle) -> Option<String> {
        let sound = self.config.media.sounds.ringback?;
        let (leg, answer) = self.answer_early(handle, Picture::Awaited)?;
        self.media(handle, Command::Play { leg, sound });
        Some(answer)
    }

    /// The early media that a caller has heard is over, and somebody else still rings.
    pub(super) fn ring_on(&mut self, handle: CallHandle) {
        let (Some(sound), Some(call)) = (self.config.media.sounds.ringback, self.calls.get(handle))
        else {
            return;
        };
        let hears = matches!(&call.phase, Phase::Ringing(ringing) if ringing.early.is_some());
        let caller = call.caller_leg().filter(|leg| leg.agreement().is_some());
        if let Some(caller) = caller.filter(|leg| is_telephone(&leg.signalling))
            && call.rings()
            && !hears
        {
            let leg = caller.id;
            self.media(handle, Command::Play { leg, sound });
        }
    }

    /// Somebody has answered.
    pub(super) fn stop_ringback(&mut self, handle: CallHandle, caller: LegId) {
        if self.config.media.sounds.ringback.is_some() {
            self.media(handle, Command::StopSound { leg: caller });
        }
    }

    /// Answers the offer of a telephone that calls before anybody else has: with all the codecs that
    /// it has and we have, since nobody knows yet which of them those have who ring.
    pub(super) fn answer_early(
        &mut self,
        handle: CallHandle,
        picture: Picture,
    ) -> Option<(LegId, String)> {
        let call = self.calls.get(handle)?;
        let caller = call.caller_leg().filter(|leg| leg.is_pending())?;
        let policy = self.policy_of_leg(caller.id);
        let Exchange::Theirs(offer) = &caller.exchange else {
            return None;
        };
        let waits = picture == Picture::Awaited && offer.has_video();
        if !is_telephone(&caller.signalling) || waits {
            return None;
        }
        let (id, most) = (caller.id, Direction::SendRecv);
        let source = Source::Everything(&[MediaKind::Audio]);
        let answer = negotiate::answer(id, None, &policy, offer, source, most, &caller.local);
        let answer = answer
            .map_err(|error| tracing::debug!(leg = %id, %error, "no early answer"))
            .ok()?;
        let leg = self
            .calls
            .get_mut(handle)
            .and_then(|call| call.leg_mut(id))?;
        if !leg.describe(Description::LocalAnswer) {
            return None;
        }
        leg.in_media = true;
        let plan = answer.agreement.plan().clone();
        leg.settle(answer.agreement);
        self.media(handle, Command::AddLeg(Box::new(plan)));
        // Silence before the answer is no fault.
        self.media(handle, Command::WatchSilence { leg: id, on: false });
        Some((id, answer.sdp))
    }
}

/// What an early answer is to make of a picture that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// What becomes of it is for the callee to say: then there is no answer.
    Awaited,
    /// Nothing will come of it.
    Refused,
}

/// It makes no tones of its own where it is given some.
pub(super) fn is_telephone(signalling: &Signalling) -> bool {
    matches!(signalling, Signalling::Sip { .. })
}
