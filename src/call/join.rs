//! Attended transfer (RFC 5359 2.5): somebody who has two calls joins the far sides of both, and
//! leaves. One call takes over the other's far leg; the other call is over.

use media::ids::LegId;
use media::negotiate::Transcoding;

use super::call::CallHandle;
use super::end::EndReason;
use super::leg::{Leg, LegOrder};
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
                tracing::info!(leg = %by, obstacle, "calls are not joined");
                return self.tell(by, LegOrder::NotDone(obstacle.into()));
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

    fn match_calls(&self, by: LegId, with: LegId) -> Result<Match, &'static str> {
        let gone = "The call is not answered, or is ending";
        let this = self.calls.of_leg(by).ok_or(gone)?;
        let other = self.calls.of_leg(with).ok_or(gone)?;
        if this.handle == other.handle {
            return Err("A call cannot be joined with itself");
        }
        let legs = [
            this.leg(by),
            this.far_leg(by),
            other.leg(with),
            other.far_leg(with),
        ];
        let [Some(_), Some(far), Some(_), Some(new)] = legs else {
            return Err(gone);
        };
        if !legs.into_iter().flatten().all(Leg::is_confirmed) {
            return Err(gone);
        }
        let transferring =
            |talk: Option<&super::call::Talk>| talk.is_none_or(|it| it.transfer.is_some());
        if transferring(this.talk()) || transferring(other.talk()) {
            return Err("A call is being handed over already");
        }
        if this.worker != other.worker {
            return Err("The two calls are carried by different media workers");
        }
        let (Some(kept), Some(agreed)) = (far.agreement(), new.agreement()) else {
            return Err(gone);
        };
        let policy = self.policy_of(this.handle);
        let joined = Joined::new(kept, agreed.clone(), &policy);
        if joined.is_silent() {
            return Err(match policy.transcoding {
                Transcoding::Allowed => "The two sides have agreed to different codecs",
                Transcoding::Forbidden => "Transcoding required, but disabled",
                Transcoding::Full => "The server transcodes as many calls as it may",
            });
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
