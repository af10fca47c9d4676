//! Early dialogs (RFC 3261 12.1.2): those who were invited make progress before they accept, each
//! user agent behind a fork in a dialog of its own, and reliably if they can (RFC 3262).

use media::ids::LegId;
use sip::dialog::{Dialog, DialogId};
use sip::message::{Response, Status};
use sip::procedure::reliable::{Acknowledger, Description, Received};

use super::description;
use super::legs::Stage;
use crate::call::leg::LegEvent;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// The most early dialogs of an INVITE; what more of them say is passed over until they accept.
pub(super) const MAX_EARLY: usize = 8;

/// A dialog that a provisional response has made.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) dialog: Dialog,
    reliable: Acknowledger,
    /// The answer to our offer, where it came reliably: no later one counts (RFC 3261 13.2.1).
    pub(super) answer: Option<String>,
}

/// What a provisional response came to.
enum Progress {
    /// It is to be acted on.
    Made,
    /// It came again, or too early.
    Dropped,
}

impl Switch {
    /// A provisional response to our INVITE, other than 100.
    pub(super) fn on_provisional(&mut self, now: Now, id: LegId, response: &Response) {
        let sdp = description(response.headers(), response.body());
        if response.status() == Status::EARLY_DIALOG_TERMINATED {
            return;
        }
        if let Progress::Dropped = self.follow_early(now, id, response, sdp.as_deref()) {
            return;
        }
        let leg = self.sip.legs.get(id);
        if leg.is_some_and(|leg| matches!(leg.stage, Stage::Inviting { over: false })) {
            let rings = response.status() == Status::RINGING;
            self.on_leg_event(now, id, LegEvent::Progress { rings, sdp });
        }
    }

    /// Keeps the early dialog of a response, and acknowledges it if that is owed: also where the
    /// call is over, or it would be repeated for half a minute.
    fn follow_early(
        &mut self,
        now: Now,
        id: LegId,
        response: &Response,
        sdp: Option<&str>,
    ) -> Progress {
        let Some(index) = self.early_dialog(id, response) else {
            return Progress::Made;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return Progress::Dropped;
        };
        let flow = leg.flow;
        let Some(early) = leg.early.get_mut(index) else {
            return Progress::Made;
        };
        let prack = match early.reliable.handle_response(response) {
            Received::Unreliable => return Progress::Made,
            Received::Dropped => return Progress::Dropped,
            Received::InOrder(prack) => prack,
        };
        if prack.description == Description::Answer {
            early.answer = sdp.map(str::to_owned);
        }
        early.reliable.acknowledge(false);
        let request = prack.request(&mut early.dialog);
        self.send_in_dialog(now, flow, request);
        Progress::Made
    }

    /// The place of a response's early dialog among those of its leg. `None` if it makes none, or
    /// there are enough.
    fn early_dialog(&mut self, id: LegId, response: &Response) -> Option<usize> {
        let leg = self.sip.legs.get(id)?;
        let dialog_id = DialogId::of_response(response)?;
        let mut known = leg.early.iter();
        if let Some(index) = known.position(|early| *early.dialog.id() == dialog_id) {
            return Some(index);
        }
        if leg.early.len() >= MAX_EARLY || response.status() <= Status::TRYING {
            return None;
        }
        let dialog = Dialog::of_response(leg.invite.cseq(), response).ok()?;
        let early = Early {
            dialog,
            reliable: Acknowledger::new(!leg.invite.is_without_offer()),
            answer: None,
        };
        self.sip.legs.add_early(id, early)
    }
}
