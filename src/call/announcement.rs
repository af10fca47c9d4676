//! A call that does not come about tells why, to a telephone that calls: early media, and then the
//! refusal (RFC 3960 4). Nobody is charged for it, and the status stays what it is.

use std::time::Duration;

use media::ids::LegId;
use media::plan::Command;
use registrar::Aor;

use super::call::{CallHandle, Phase};
use super::end::EndReason;
use super::leg::LegOrder;
use super::local::MediaWay;
use super::local_media::{Picture, is_telephone};
use super::people::Party;
use super::setup::{NewCall, Refused};
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;

/// For a telephone's media to come up, and for an end that the worker never reports.
const PATIENCE: Duration = Duration::from_secs(5);

impl Switch {
    /// A call ends. `None` if the caller hears why first: then it ends when that is over. What comes
    /// in the meantime, such as the caller's own giving up, ends it at once.
    pub(super) fn announce_end(
        &mut self,
        now: Now,
        handle: CallHandle,
        reason: EndReason,
    ) -> Option<EndReason> {
        let announcements = &self.config.media.sounds.announcements;
        let Some(announcement) = announcements.get(reason.code()).copied() else {
            return Some(reason);
        };
        let call = self.calls.get(handle).filter(|call| call.is_ringing());
        let caller = call.and_then(|call| call.caller_leg());
        let caller = caller.filter(|leg| leg.is_pending() && is_telephone(&leg.signalling));
        let Some(caller) = caller.map(|leg| (leg.id, leg.agreement().is_some())) else {
            return Some(reason);
        };
        let (leg, answer) = match caller {
            (leg, true) => (leg, None),
            _ => match self.answer_early(handle, Picture::Refused) {
                Some((leg, answer)) => (leg, Some(answer)),
                None => return Some(reason),
            },
        };
        let call = self.calls.get_mut(handle)?;
        tracing::info!(call = %call.id, code = reason.code(), "the caller hears why");
        call.phase = Phase::Announcing(reason.clone());
        let others = call
            .legs
            .iter()
            .filter(|it| it.id != leg && it.is_pending());
        let others: Vec<LegId> = others.map(|it| it.id).collect();
        for other in others {
            self.end_leg(other, reason.clone());
        }
        if answer.is_some() {
            let (rings, sdp) = (false, answer);
            self.tell(leg, LegOrder::Progress { rings, sdp });
        }
        let sound = announcement.sound;
        self.media(handle, Command::Play { leg, sound });
        let due = now.mono + announcement.length + PATIENCE;
        self.timers.arm(Timer::Ring(handle), due);
        None
    }

    /// A sound was played to its end.
    pub(super) fn on_sound_ended(&mut self, now: Now, leg: LegId) {
        if let Some(handle) = self.calls.of_leg(leg).map(|call| call.handle) {
            self.end_announced(now, handle);
        }
    }

    /// Ends a call whose caller has heard why. False if it is not one.
    pub(super) fn end_announced(&mut self, now: Now, handle: CallHandle) -> bool {
        let reason = match self.calls.get(handle).map(|call| &call.phase) {
            Some(Phase::Announcing(reason)) => reason.clone(),
            _ => return false,
        };
        self.end_call(now, handle, reason);
        true
    }

    /// A call was refused before there was one: there is one now, of the caller alone, if he is to
    /// hear why. False if he is not.
    pub(super) fn announce_refusal(&mut self, now: Now, call: NewCall, refused: &Refused) -> bool {
        let reason = refused.reason.clone();
        let announcements = &self.config.media.sounds.announcements;
        if !announcements.contains_key(reason.code()) || !is_telephone(&call.signalling) {
            return false;
        }
        let sdp = call.sdp.as_deref();
        let offer = sdp.map(|sdp| self.read_offer(&call.caller.user, sdp));
        let Some(Ok(offer)) = offer else { return false };
        let named = || {
            let user = Aor::parse(&call.callee, &self.config.domain).ok()?;
            let display_name = user.user().to_owned();
            Some(Party { user, display_name })
        };
        let Some(callee) = refused.callee.clone().or_else(named) else {
            return false;
        };
        let way = MediaWay::of_caller(Some(&offer), call.rtp);
        let worker = self.worker_for([&call.caller.user, &callee.user]);
        let video = offer.has_video();
        let Ok(local) = self.local(call.leg, worker, way, video) else {
            return false;
        };
        let handle = self.begin(now, (worker, local), &callee, call, Some(offer));
        self.announce(now, handle);
        self.end_call(now, handle, reason);
        true
    }
}
