//! Hold, from either side or both, and pictures that are wanted anew. The browser is told nothing
//! about media: hold stops it here, whatever is still sent.

use media::ids::{LegId, MediaKind};
use media::plan::Command;

use super::call::CallHandle;
use super::leg::{LegOrder, NOT_TALKING, NotDone};
use super::switch::Switch;
use super::time::Now;
use super::view::Notice;

impl Switch {
    /// A side wants hold, or no longer. It is always answered; media flows while nobody holds.
    pub(super) fn on_hold(&mut self, _now: Now, leg_id: LegId, holds: bool) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let handle = call.handle;
        let was_held = call.is_held();
        match call.leg_mut(leg_id) {
            Some(leg) if leg.is_confirmed() => leg.holds = holds,
            _ => {
                return self.tell(leg_id, LegOrder::NotDone(NotDone::new(NOT_TALKING)));
            }
        }
        let is_held = call.is_held();
        tracing::debug!(call = %call.id, leg = %leg_id, holds, is_held, "hold");
        let view = call.view();
        match was_held == is_held {
            // Whoever waited holds as well now, or the other way round.
            true => self.play_on_hold(handle),
            false => self.connect_media(handle, !is_held),
        }
        let done = match holds {
            true => LegOrder::Held,
            false => LegOrder::Resumed,
        };
        self.tell(leg_id, done);
        self.tell_media(handle);
        self.outputs.notify(Notice::CallChanged(view));
        self.follow(leg_id);
    }

    /// Lets media flow between the two sides, or stops it. Silence is no fault while it is
    /// stopped.
    pub(super) fn connect_media(&mut self, handle: CallHandle, flows: bool) {
        let Some(talk) = self.calls.get(handle).and_then(|call| call.talk()) else {
            return;
        };
        let (caller, callee) = (talk.caller_leg, talk.callee_leg);
        let patches = [talk.to_callee.clone(), talk.to_caller.clone()];
        if flows {
            self.play_on_hold(handle);
            for patch in patches {
                self.media(handle, Command::Patch(Box::new(patch)));
            }
        } else {
            self.media(
                handle,
                Command::Unpatch {
                    source: caller,
                    sink: callee,
                },
            );
            self.media(
                handle,
                Command::Unpatch {
                    source: callee,
                    sink: caller,
                },
            );
            self.play_on_hold(handle);
        }
        for leg in [caller, callee] {
            self.media(handle, Command::WatchSilence { leg, on: flows });
        }
        self.forget_silence(handle);
    }

    /// A leg cannot show what it gets: its source is asked for a keyframe.
    pub(super) fn on_picture_wanted(&mut self, leg_id: LegId) {
        let Some(call) = self.calls.of_leg(leg_id).filter(|call| !call.is_held()) else {
            return;
        };
        let handle = call.handle;
        let Some(talk) = call.talk() else { return };
        let patch = match leg_id {
            leg if leg == talk.caller_leg => &talk.to_caller,
            leg if leg == talk.callee_leg => &talk.to_callee,
            _ => return,
        };
        if patch.codecs.iter().any(|map| map.kind == MediaKind::Video) {
            self.media(handle, Command::RequestKeyframe(leg_id));
        }
    }
}
