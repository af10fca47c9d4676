//! Attended transfer (RFC 5359 2.5): somebody who has two calls joins the far sides of both, and
//! leaves. One call takes over the other's far leg; the other call is over.

use media::ids::LegId;
use media::negotiate::Transcoding;

use super::call::CallHandle;
use super::end::EndReason;
use super::leg::{Leg, LegOrder, NOT_TALKING, NotDone};
use super::switch::Switch;
use super::time::Now;
use super::transfer::Joined;

/// Two far sides, and what of each other's media they can take.
struct Match {
    handle: CallHandle,
    other: CallHandle,
    /// The far leg of the other call.
    new: LegId,
    /// Who is behind the far leg of this one.
    kept: String,
    joined: Joined,
}

impl Switch {
    /// A side hands its call over to the far side of another one of its own: `by` and `with` are
    /// its legs in both.
    pub(super) fn on_join(&mut self, now: Now, by: LegId, with: LegId) {
        let matched = match self.match_calls(by, with) {
            Ok(matched) => matched,
            Err(obstacle) => {
                let sentence = &obstacle.sentence;
                tracing::info!(leg = %by, %sentence, "calls are not joined");
                return self.tell(by, LegOrder::NotDone(obstacle));
            }
        };
        let Match {
            handle,
            other,
            new,
            kept,
            joined,
        } = matched;
        self.calls.move_leg(new, handle);
        self.end_call(now, other, EndReason::Transferred { to: kept });
        self.take_side(now, handle, (by, new), joined);
    }

    fn match_calls(&self, by: LegId, with: LegId) -> Result<Match, NotDone> {
        let gone = || NotDone::transfer(481, NOT_TALKING);
        let this = self.calls.of_leg(by).ok_or_else(gone)?;
        let other = self.calls.of_leg(with).ok_or_else(gone)?;
        if this.handle == other.handle {
            let itself = "A call cannot be joined with itself";
            return Err(NotDone::transfer(603, itself));
        }
        let legs = [
            this.leg(by),
            this.far_leg(by),
            other.leg(with),
            other.far_leg(with),
        ];
        let [Some(leaves), Some(far), Some(_), Some(new)] = legs else {
            return Err(gone());
        };
        if !legs.into_iter().flatten().all(Leg::is_confirmed) {
            return Err(gone());
        }
        let transferring =
            |talk: Option<&super::call::Talk>| talk.is_none_or(|it| it.transfer.is_some());
        if transferring(this.talk()) || transferring(other.talk()) {
            let already = "A call is being handed over already";
            return Err(NotDone::transfer(491, already));
        }
        if this.worker != other.worker {
            let apart = "The two calls are carried by different media workers";
            return Err(NotDone::transfer(503, apart));
        }
        let (Some(kept), Some(agreed)) = (far.agreement(), new.agreement()) else {
            return Err(gone());
        };
        // The other call ends, and with it what it transcodes.
        let policy = self.policy_beside([this.handle, other.handle]);
        let joined = Joined::new(kept, (agreed.clone(), leaves.side), &policy);
        if joined.is_silent() {
            let (status, sentence) = match policy.transcoding {
                Transcoding::Allowed => (488, "The two sides have agreed to different codecs"),
                Transcoding::Forbidden => (488, "Transcoding required, but disabled"),
                Transcoding::Full => (503, "The server transcodes as many calls as it may"),
            };
            return Err(NotDone::transfer(status, sentence));
        }
        Ok(Match {
            handle: this.handle,
            other: other.handle,
            new: new.id,
            kept: far.party.display_name.clone(),
            joined,
        })
    }
}
