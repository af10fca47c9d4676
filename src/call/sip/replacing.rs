//! INVITE with Replaces (RFC 3891): a call that is here is taken over on another telephone of the
//! same person.

use media::ids::LegId;
use sip::message::{Rejection, Request, Status};
use sip::procedure::refer::Replaced;

use super::request::no_dialog;
use crate::call::people::Party;
use crate::call::setup::NewCall;
use crate::call::switch::Switch;
use crate::call::time::Now;

impl Switch {
    /// The leg that is to be replaced, if its dialog may be (RFC 3891 3).
    ///
    /// # Errors
    /// 481 where there is none, 603 where there was one, 486 if only a ringing one was meant, 403
    /// for calls of somebody else.
    pub(super) fn leg_to_replace(
        &mut self,
        replaced: &Replaced,
        sender: &Party,
    ) -> Result<LegId, Rejection> {
        let over = || Rejection::new(Status::DECLINE, "the call to be replaced is over");
        let legs = &mut self.sip.legs;
        let Some(id) = legs.of_dialog(&replaced.dialog) else {
            return Err(match legs.has_ended(&replaced.dialog) {
                true => over(),
                false => no_dialog(),
            });
        };
        let leg = legs.get_mut(id).ok_or_else(no_dialog)?;
        let dialog = leg.dialog_of(&replaced.dialog).ok_or_else(no_dialog)?;
        replaced.may_replace(dialog.role(), dialog.stage())?;
        // Its far side may not have heard of the end yet.
        let call = self.calls.of_leg(id).ok_or_else(over)?;
        let owner = call.leg(id).map(|leg| &leg.party.user);
        if owner != Some(&sender.user) {
            let reason = "calls of somebody else are not taken over";
            return Err(Rejection::new(Status::FORBIDDEN, reason));
        }
        Ok(id)
    }

    /// Puts a leg whose INVITE is here in the place of another.
    pub(super) fn replace_leg(&mut self, now: Now, new: NewCall, old: LegId) {
        let (leg, signalling) = (new.leg, new.signalling.clone());
        let caller = new.caller.clone();
        if let Err(reason) = self.replace(now, new, old) {
            let callee = caller.display_name.clone();
            self.refuse_call((leg, &signalling), &caller, &callee, reason);
        }
    }

    /// What an INVITE is to replace: nothing, or a leg.
    ///
    /// # Errors
    /// As [`leg_to_replace`](Self::leg_to_replace), and 400 for a Replaces that cannot be read.
    pub(super) fn read_replaces(
        &mut self,
        request: &Request,
        sender: &Party,
    ) -> Result<Option<LegId>, Rejection> {
        match Replaced::of_request(request)? {
            Some(replaced) => self.leg_to_replace(&replaced, sender).map(Some),
            None => Ok(None),
        }
    }

    /// The leg of the other call of whoever hands one over (RFC 5359 2.5), if it is his.
    pub(super) fn leg_to_join(
        &mut self,
        by: LegId,
        replaced: &Replaced,
    ) -> Result<LegId, Rejection> {
        let call = self.calls.of_leg(by).ok_or_else(no_dialog)?;
        let owner = call.leg(by).map(|leg| leg.party.clone());
        let owner = owner.ok_or_else(no_dialog)?;
        self.leg_to_replace(replaced, &owner)
    }
}
