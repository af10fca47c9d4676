//! Handing an answered call over to somebody else.

use media::ids::LegId;

use super::switch::Switch;
use super::time::Now;

impl Switch {
    /// A side hands the call over. The page waits for an answer in any case.
    pub(super) fn on_transfer(&mut self, _now: Now, leg: LegId, _target: &str) {
        self.tell(leg, |session, call_id| {
            session.not_done(call_id, "Calls cannot be handed over yet");
        });
    }
}
