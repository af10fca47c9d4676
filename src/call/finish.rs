//! How legs and calls end: each once, with one reason, leaving nothing behind.

use media::ids::LegId;
use media::plan::Command;

use super::call::{CallHandle, Phase};
use super::end::{Cause, EndReason, Side};
use super::leg::{Finish, LegOrder, LegState};
use super::people::DeviceId;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use super::view::{CallPhase, CallRecord, Notice};

impl Switch {
    /// Ends a call on all its legs; of one that does not come about the caller may hear why first.
    pub(super) fn end_call(&mut self, now: Now, handle: CallHandle, reason: EndReason) {
        let Some(reason) = self.announce_end(now, handle, reason) else {
            return;
        };
        self.end_recording(now, handle);
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let mut record = CallRecord {
            call: call.view(),
            ended_ms: now.wall.as_millis(),
            talked_ms: 0,
            media_ready_after_ms: None,
            digits: call.digits.count(),
            keys: call.digits.keys(),
            end: reason.view(call.names()),
        };
        if let Some(talk) = call.talk() {
            record.talked_ms = millis(now.mono.saturating_duration_since(talk.since.mono));
            record.media_ready_after_ms = talk.ready_after.map(millis);
        }
        let talking = call.talk().is_some();
        let live = call.legs.iter().filter(|leg| leg.is_live());
        let legs: Vec<(LegId, bool)> = live.map(|leg| (leg.id, leg.is_pending())).collect();
        for (leg, pending) in legs {
            // Who rings for a transfer has no part in how the call itself ends.
            let reason = match talking && pending {
                true => EndReason::Cancelled,
                false => reason.clone(),
            };
            self.end_leg(leg, reason);
        }
        self.timers.disarm(Timer::Ring(handle));
        let Some(call) = self.calls.remove(handle) else {
            return;
        };
        record.call.phase = CallPhase::Ended;
        record.call.legs = call.leg_views();
        if reason.cause() != Cause::Success {
            self.totals.failed += 1;
        }
        self.figures.note_end(reason.cause());
        tracing::info!(call = %call.id, code = reason.code(), talked_ms = record.talked_ms, "call ended");
        self.outputs.notify(Notice::CallEnded(record));
    }

    /// Ends one leg. The call goes on if it can: that is for the caller to see to.
    pub(super) fn end_leg(&mut self, leg_id: LegId, reason: EndReason) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id) else { return };
        let handle = call.handle;
        let finish = Finish::new(reason.clone(), leg.side, call.names_for(leg));
        let (device, signalling, in_media) = (leg.device(), leg.signalling.clone(), leg.in_media);
        self.tell(leg_id, LegOrder::Finished(Box::new(finish)));
        if in_media {
            self.media(handle, Command::RemoveLeg(leg_id));
        }
        if let Some(leg) = self
            .calls
            .of_leg_mut(leg_id)
            .and_then(|call| call.leg_mut(leg_id))
        {
            leg.go(LegState::Ended(reason));
            self.pool.release(&leg.local);
        }
        self.calls.unlist_leg(leg_id, &signalling);
        self.timers.disarm(Timer::MediaClosed(leg_id));
        if let Some(device) = device.and_then(|id| self.people.device_mut(id)) {
            device.legs.remove(&leg_id);
        }
        self.end_early_media(handle, leg_id);
        self.board.mark_stale();
    }

    /// The device behind a leg is gone, or has forgotten the call.
    pub(super) fn on_leg_gone(&mut self, now: Now, leg_id: LegId, reason: fn(Side) -> EndReason) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id) else { return };
        let (handle, side) = (call.handle, leg.side);
        if leg.is_pending() && side == Side::Callee {
            self.end_leg(leg_id, reason(side));
            self.end_if_nobody_rings(now, handle, reason(side));
        } else {
            self.end_call(now, handle, reason(side));
        }
    }

    /// Takes a ringing leg off a device that may come back, and has its call wait for it. False,
    /// and nothing changed, if the leg does not ring.
    pub(super) fn set_aside(&mut self, leg_id: LegId) -> bool {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return false;
        };
        let Some(leg) = call.leg(leg_id) else {
            return false;
        };
        if leg.side != Side::Callee || !leg.is_pending() {
            return false;
        }
        let Some(device) = leg.device() else {
            return false;
        };
        let Some(ringing) = call.ringing_mut() else {
            return false;
        };
        ringing.awaited.insert(device);
        self.end_leg(leg_id, EndReason::RingsAnew);
        true
    }

    /// A device that calls wait for does not come back.
    pub(super) fn stop_awaiting(&mut self, now: Now, device: DeviceId) {
        for handle in self.calls.handles() {
            let ringing = self
                .calls
                .get_mut(handle)
                .and_then(|call| call.ringing_mut());
            if ringing.is_some_and(|ringing| ringing.awaited.remove(&device)) {
                self.end_if_nobody_rings(now, handle, EndReason::ConnectionLost(Side::Callee));
            }
        }
    }

    /// A ringing leg is over: ends a call that nobody can answer any more, or the transfer for
    /// which it rang.
    pub(super) fn end_if_nobody_rings(&mut self, now: Now, handle: CallHandle, reason: EndReason) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        if call.has_ringing_leg() {
            return;
        }
        match &call.phase {
            Phase::Ringing(ringing) if !ringing.awaited.is_empty() => {}
            Phase::Ringing(_) => self.end_call(now, handle, reason),
            Phase::Announcing(_) => {}
            Phase::Talking(_) => self.fail_transfer(handle, &reason),
        }
    }

    /// It has rung long enough.
    pub(super) fn on_rung_out(&mut self, now: Now, handle: CallHandle) {
        if self.end_announced(now, handle) {
            return;
        }
        match self.calls.get(handle).map(|call| call.talk().is_some()) {
            Some(true) => self.fail_transfer(handle, &EndReason::NoAnswer),
            Some(false) => self.end_call(now, handle, EndReason::NoAnswer),
            None => {}
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
