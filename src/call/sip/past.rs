//! A 2xx to an INVITE of ours that nobody waits for: the call is over, or somebody else answered
//! first, or our ACK was lost. Each gets its ACK, and whoever is not wanted a BYE (RFC 3261
//! 13.2.2.4): else it would take itself to be in a call.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use sip::dialog::{Dialog, DialogId};
use sip::flow::FlowId;
use sip::message::{Method, Response};
use smol_str::SmolStr;

use super::legs::SipLeg;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// INVITEs that are remembered when their legs are gone; the oldest makes room. Whoever accepts one
/// that is forgotten gives up by itself, since no ACK comes (13.3.1.4).
const MAX_INVITES: usize = 1024;

/// User agents that are turned away from one INVITE. More are not answered.
const MAX_DIALOGS: usize = 16;

/// INVITEs of ours that brought all they were sent for.
#[derive(Debug, Default)]
pub(super) struct PastInvites {
    by_call_id: BTreeMap<SmolStr, PastInvite>,
    /// From the oldest on.
    order: VecDeque<SmolStr>,
}

#[derive(Debug)]
struct PastInvite {
    flow: FlowId,
    /// Our tag.
    local_tag: SmolStr,
    cseq: u32,
    /// Those that have their BYE, or sent one.
    ended: Vec<DialogId>,
}

/// Requests that may have been sent in an early dialog, such as PRACKs: the BYE is numbered behind
/// them, since numbers may leave gaps (12.2.2).
const SENT_EARLY: u32 = 256;

/// What is owed for a 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Ack,
    AckAndBye,
}

impl PastInvites {
    /// What is still to come for the INVITE of a leg is unwanted, except that from `dialog` has ended.
    pub(super) fn remember(&mut self, leg: &SipLeg, dialog: Option<&Dialog>) {
        let Some(call_id) = leg.call_id() else { return };
        let ended = dialog.map(|dialog| dialog.id().clone());
        if let Some(past) = self.by_call_id.get_mut(call_id) {
            past.ended.extend(ended);
            return;
        }
        if self.order.len() >= MAX_INVITES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_call_id.remove(&oldest);
        }
        let past = PastInvite {
            flow: leg.flow,
            local_tag: leg.local_tag.clone(),
            cseq: leg.invite.cseq(),
            ended: ended.into_iter().collect(),
        };
        self.order.push_back(call_id.into());
        self.by_call_id.insert(call_id.into(), past);
    }

    /// `None` if the 2xx is to none of them, or one too many.
    fn owed(&mut self, response: &Response) -> Option<(FlowId, Dialog, Owed)> {
        let call_id = str::from_utf8(response.call_id()).ok()?;
        let past = self.by_call_id.get_mut(call_id)?;
        let dialog = Dialog::of_response(past.cseq.saturating_add(SENT_EARLY), response).ok()?;
        if dialog.id().local_tag != past.local_tag {
            return None;
        }
        if past.ended.contains(dialog.id()) {
            return Some((past.flow, dialog, Owed::Ack));
        }
        if past.ended.len() >= MAX_DIALOGS {
            return None;
        }
        past.ended.push(dialog.id().clone());
        Some((past.flow, dialog, Owed::AckAndBye))
    }
}

impl Switch {
    /// A response that no leg waits for.
    pub(super) fn on_late_response(&mut self, now: Now, response: &Response) {
        if !response.status().is_success() || *response.method() != Method::Invite {
            return;
        }
        let of_dialog = DialogId::of_response(response);
        if let Some(id) = of_dialog.and_then(|dialog| self.sip.legs.of_dialog(&dialog)) {
            // To a re-INVITE: our ACK was lost.
            return self.acknowledge(id, response.cseq());
        }
        self.turn_away(now, response, None);
    }

    /// Ends the dialog of a 2xx that nobody wants: the one that is known, or the one it makes.
    pub(super) fn turn_away(&mut self, now: Now, response: &Response, known: Option<Dialog>) {
        let Some((flow, made, owed)) = self.sip.legs.past.owed(response) else {
            return tracing::debug!("a 2xx to nothing that we know of");
        };
        let mut dialog = known.unwrap_or(made);
        let ack = dialog.ack(response.cseq());
        self.send_ack(flow, ack);
        if owed == Owed::AckAndBye {
            let bye = dialog.request(Method::Bye);
            self.send_in_dialog(now, flow, bye);
        }
    }
}
