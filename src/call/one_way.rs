//! A call in which one side hears nothing: found, named with its likely cause, and told to whom it
//! concerns. On hold nobody has to be heard.

use media::event::SilenceCause;
use media::ids::LegId;

use super::call::{Call, CallHandle};
use super::end::Side;
use super::leg::{Leg, MediaState};
use super::switch::Switch;
use super::time::Now;
use super::view::{Notice, OneWayView};
use super::words;

/// A partner is measured every second; the second time is soon enough to be heard of within 3 s,
/// and longer than setting up takes.
const UNREADY_FOR: u8 = 2;

/// One side is not heard, while the other is.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneWay {
    /// Who is not heard.
    pub(super) from: Side,
    pub(super) cause: SilenceCause,
    pub(super) since: Now,
}

impl Leg {
    /// Its sound arrives.
    fn is_heard(&self) -> bool {
        self.media == MediaState::Ready && self.meter.is_heard()
    }

    /// Why its sound does not arrive though it should.
    fn silence(&self) -> Option<SilenceCause> {
        let unready = self.meter.unready >= UNREADY_FOR;
        match self.media {
            // Who listens may well say nothing.
            MediaState::Ready => (self.meter.silence).filter(|it| *it != SilenceCause::Paused),
            MediaState::New if unready => Some(SilenceCause::NoPath),
            MediaState::Connected if unready => Some(SilenceCause::NoKeys),
            MediaState::New | MediaState::Connected | MediaState::Dead => None,
        }
    }
}

impl Call {
    /// Who is not heard, and why, if the other side is.
    fn find_one_way(&self) -> Option<(Side, SilenceCause)> {
        let talk = self.talk().filter(|_| !self.is_held())?;
        [Side::Caller, Side::Callee].into_iter().find_map(|side| {
            let cause = self.leg(talk.leg(side))?.silence()?;
            let other = self.leg(talk.leg(side.other()))?;
            other.is_heard().then_some((side, cause))
        })
    }

    /// What a side is told of it.
    pub(super) fn one_way_sentence(&self, side: Side) -> Option<String> {
        let OneWay { from, cause, .. } = self.talk()?.one_way?;
        Some(words::one_way(cause, from, Some(side), self.names()))
    }

    /// For the API.
    pub(super) fn one_way_view(&self) -> Option<OneWayView> {
        let talk = self.talk()?;
        let OneWay { from, cause, since } = talk.one_way?;
        let user = |side| Some(self.leg(talk.leg(side))?.party.user.to_string());
        Some(OneWayView {
            from: user(from)?,
            to: user(from.other())?,
            cause: cause.as_str(),
            sentence: words::one_way(cause, from, None, self.names()),
            since_ms: since.wall.as_millis(),
        })
    }
}

impl Switch {
    /// The worker hears nothing of a leg's sound.
    pub(super) fn on_sound_missing(&mut self, now: Now, leg: LegId, cause: SilenceCause) {
        self.set_silence(now, leg, Some(cause));
    }

    /// It hears it, for the first time or again.
    pub(super) fn on_sound_heard(&mut self, now: Now, leg: LegId) {
        self.set_silence(now, leg, None);
    }

    fn set_silence(&mut self, now: Now, leg_id: LegId, silence: Option<SilenceCause>) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let handle = call.handle;
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        leg.meter.silence = silence;
        leg.meter.has_sounded |= silence.is_none();
        self.look_for_one_way(now, handle);
    }

    /// A leg was measured: was there a way to its partner, too?
    pub(super) fn note_unready_partner(&mut self, leg: LegId) {
        let Some(call) = self.calls.of_leg_mut(leg) else {
            return;
        };
        let far = call.far_leg(leg).map(|far| far.id);
        if let Some(far) = far.and_then(|far| call.leg_mut(far)) {
            far.meter.unready = match far.media {
                MediaState::New | MediaState::Connected => far.meter.unready.saturating_add(1),
                MediaState::Ready | MediaState::Dead => 0,
            };
        }
    }

    /// Sound flows from now on, or no more: what was silent before does not count.
    pub(super) fn forget_silence(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        for leg in &mut call.legs {
            leg.meter.silence = None;
            leg.meter.unready = 0;
        }
        let one_way = call.talk_mut().and_then(|talk| talk.one_way.take());
        if one_way.is_some() {
            self.tell_both_quality(handle);
        }
    }

    /// Looks whether one side alone is heard, and says so when that has changed. True if the pages
    /// were told.
    pub(super) fn look_for_one_way(&mut self, now: Now, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get_mut(handle) else {
            return false;
        };
        let found = call.find_one_way();
        let Some(talk) = call.talk_mut() else {
            return false;
        };
        if talk.one_way.map(|it| (it.from, it.cause)) == found {
            return false;
        }
        let one_way = found.map(|(from, cause)| OneWay {
            from,
            cause,
            since: now,
        });
        talk.one_way = one_way;
        if let Some(one_way) = one_way {
            self.note_one_way(handle, one_way);
        }
        self.tell_both_quality(handle);
        true
    }

    /// Who speaks for the first time in vain is worth a line in the log; who is muted again and
    /// again is not.
    fn note_one_way(&mut self, handle: CallHandle, one_way: OneWay) {
        self.figures.note_one_way(one_way.cause);
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let Some(leg) = call.talk().map(|talk| talk.leg(one_way.from.other())) else {
            return;
        };
        let times = call.leg_mut(leg).map_or(0, |leg| {
            leg.meter.one_way = leg.meter.one_way.saturating_add(1);
            leg.meter.one_way
        });
        let cause = one_way.cause.as_str();
        tracing::debug!(call = %call.id, %leg, cause, times, "one side is not heard");
        let view = call.view();
        if times == 1
            && let Some(one_way) = call.one_way_view()
        {
            self.outputs.notify(Notice::OneWayAudio {
                call: view,
                one_way,
            });
        }
    }

    fn tell_both_quality(&mut self, handle: CallHandle) {
        let talk = self.calls.get(handle).and_then(Call::talk);
        let legs = talk.map(|talk| [talk.caller_leg, talk.callee_leg]);
        for leg in legs.into_iter().flatten() {
            self.tell_quality(leg);
        }
    }
}
