//! Which codecs may be negotiated, and how many calls may be transcoded at once.

use media::ids::LegId;
use media::negotiate::{NegotiationError, Policy, RemoteOffer, Transcoding};
use media::plan::Format;
use registrar::Aor;

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
    /// one has to do without coders; a table is none.
    pub(super) fn policy_of(&self, handle: CallHandle) -> Policy {
        self.policy_beside([handle; 2])
    }

    /// The same for what two calls become: neither takes a place of its own any more.
    pub(super) fn policy_beside(&self, calls: [CallHandle; 2]) -> Policy {
        let mut policy = self.config.media.policy.clone();
        if policy.transcoding == Transcoding::Allowed {
            let transcodes = |call: &&Call| {
                !calls.contains(&call.handle) && call.talk().is_some_and(Talk::transcodes)
            };
            let others = self.calls.iter().filter(transcodes).count();
            if others >= self.config.limits.transcoded_calls {
                policy.transcoding = Transcoding::Full;
            }
        }
        policy
    }

    /// The same for a leg of somebody in it, whose account may have codecs of its own.
    pub(super) fn policy_for(&self, handle: CallHandle, user: &Aor) -> Policy {
        Policy {
            only: self.codecs_of(user).to_vec(),
            ..self.policy_of(handle)
        }
    }

    /// The same for a leg of a call.
    pub(super) fn policy_of_leg(&self, id: LegId) -> Policy {
        let call = self.calls.of_leg(id);
        match call.and_then(|call| Some((call.handle, call.leg(id)?))) {
            Some((handle, leg)) => self.policy_for(handle, &leg.party.user),
            None => self.config.media.policy.clone(),
        }
    }

    /// Reads what somebody offers: the codecs of it that he may use.
    ///
    /// # Errors
    /// As [`RemoteOffer::parse`] and [`RemoteOffer::restricted_to`].
    pub(super) fn read_offer(
        &self,
        user: &Aor,
        sdp: &str,
    ) -> Result<RemoteOffer, NegotiationError> {
        RemoteOffer::parse(sdp, &self.config.media.policy.limits)?
            .restricted_to(self.codecs_of(user))
    }

    /// The codecs of an account; empty if it may use all.
    fn codecs_of(&self, user: &Aor) -> &[Format] {
        let codecs = self.config.codecs.get(user);
        codecs.map(Vec::as_slice).unwrap_or_default()
    }
}
