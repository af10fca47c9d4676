//! Whoever is called sends the call on to somebody else (RFC 3261 8.1.3.4): to people of this
//! server it goes, a bounded number of times and never in circles.

use media::ids::LegId;
use registrar::Aor;

use super::call::{Call, CallHandle};
use super::end::EndReason;
use super::invite::Invitation;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;

/// The most people that a call is sent on to.
const MAX_REDIRECTS: usize = 5;

impl Call {
    /// It was for this person before.
    fn was_for(&self, user: &Aor) -> bool {
        self.callee.user == *user || self.sent_on_to.contains(user)
    }
}

impl Switch {
    /// A leg that was invited does not take the call, and says who may: `targets`, as they would
    /// be dialled.
    pub(super) fn on_redirected(&mut self, now: Now, leg_id: LegId, targets: &[String]) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let (handle, ringing) = (call.handle, call.talk().is_none());
        let mut obstacle = None;
        for target in targets {
            let sent_on = match ringing {
                true => self.send_on(now, handle, target),
                // A transfer is for whom it is.
                false => Err(sent_away(target)),
            };
            if let Err(reason) = sent_on {
                obstacle.get_or_insert(reason);
            }
        }
        let reason = obstacle.unwrap_or_else(|| sent_away(""));
        tracing::info!(leg = %leg_id, "a telephone sends the call on");
        self.on_declined(now, leg_id, reason);
    }

    fn send_on(&mut self, now: Now, handle: CallHandle, target: &str) -> Result<(), EndReason> {
        let to = self.resolve(target).map_err(|_| sent_away(target))?;
        let call = self.calls.get_mut(handle).ok_or(EndReason::Cancelled)?;
        if call.was_for(&to.user) || call.sent_on_to.len() >= MAX_REDIRECTS {
            return Err(EndReason::Loop);
        }
        let caller = call.caller_leg().and_then(|leg| leg.device());
        let invitation = call.invitation().ok_or(EndReason::Cancelled)?;
        call.sent_on_to.push(to.user.clone());
        let devices = self.targets(now, &to, caller)?;
        let invitation = Invitation { to, ..invitation };
        self.invite_all(now, handle, &devices, &invitation)?;
        // Who rings only now rings as long as anybody.
        self.timers
            .arm(Timer::Ring(handle), now.mono + self.config.timing.ring);
        Ok(())
    }
}

fn sent_away(target: &str) -> EndReason {
    EndReason::SentAway { to: target.into() }
}
