//! Session timers of legs (RFC 4028): a session is refreshed before its time is over, and ends
//! when the far side, whose turn it was, did not.

use media::ids::LegId;
use sip::procedure::session_timer::{Due, SessionTimer, TimerPolicy};

use crate::call::end::EndReason;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// Half an hour, as RFC 4028 4 recommends; no shorter than it allows.
const POLICY: TimerPolicy = TimerPolicy {
    interval_s: 1800,
    min_s: 90,
};

/// The timer of a leg to come.
pub(super) fn session_timer() -> SessionTimer {
    SessionTimer::new(POLICY)
}

impl Switch {
    pub(super) fn arm_session_timer(&mut self, id: LegId) {
        let due = self
            .sip
            .legs
            .get(id)
            .and_then(|leg| leg.timer.poll_timeout());
        self.timers.set(Timer::SipSession(id), due);
    }

    pub(in crate::call) fn on_sip_session_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        match leg.timer.handle_timeout(now.mono) {
            Some(Due::Refresh) => self.refresh(now, id),
            Some(Due::GiveUp) => {
                tracing::info!(leg = %id, "nobody refreshed the session");
                self.end_lost(now, id);
            }
            None => {}
        }
        self.arm_session_timer(id);
    }

    /// The far side does not answer within the dialog any more, or has forgotten it.
    pub(super) fn end_lost(&mut self, now: Now, id: LegId) {
        self.hang_up_leg(now, id);
        self.on_leg_gone(now, id, EndReason::ConnectionLost);
    }

    /// By an UPDATE without a description where the far side knows it, else by a re-INVITE that
    /// offers what is agreed already.
    fn refresh(&mut self, now: Now, id: LegId) {
        let leg = self.sip.legs.get(id);
        if let Some(method) = leg.map(|leg| leg.timer.refresh_method().clone()) {
            self.send_change(now, id, &method);
        }
    }
}
