//! Which codecs may be negotiated, and how many calls may be transcoded at once.

use media::ids::LegId;
use media::negotiate::{Policy, Transcoding};

use super::call::{Call, CallHandle, Talk};
use super::switch::Switch;

impl Talk {
    /// Its sound is decoded and encoded anew, one way at least.
    pub(super) fn transcodes(&self) -> bool {
        self.to_callee.transcodes() || self.to_caller.transcodes()
    }
}

impl Switch {
    /// What may be negotiated for a call now. With as many calls transcoded as there may be, another
    /// one has to do without.
    pub(super) fn policy_of(&self, handle: CallHandle) -> Policy {
        let mut policy = self.config.media.policy.clone();
        if policy.transcoding == Transcoding::Allowed {
            let transcodes =
                |call: &&Call| call.handle != handle && call.talk().is_some_and(Talk::transcodes);
            let others = self.calls.iter().filter(transcodes).count();
            if others >= self.config.limits.transcoded_calls {
                policy.transcoding = Transcoding::Full;
            }
        }
        policy
    }

    /// The same for the call of a leg.
    pub(super) fn policy_of_leg(&self, leg: LegId) -> Policy {
        match self.calls.of_leg(leg) {
            Some(call) => self.policy_of(call.handle),
            None => self.config.media.policy.clone(),
        }
    }
}
