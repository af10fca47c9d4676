//! A 2xx to an INVITE of ours that nobody waits for: the call is over, or somebody else answered
//! first, or our ACK was lost. Each gets its ACK, and whoever is not wanted a BYE (RFC 3261
//! 13.2.2.4): else it would take itself to be in a call.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use sip::dialog::{Dialog, DialogId};
use sip::flow::FlowId;
use sip::message::{Method, Response};

use super::legs::SipLeg;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// INVITEs that are remembered when their legs are gone; the oldest makes room. Whoever accepts one
/// that is forgotten gives up by itself, since no ACK comes (13.3.1.4).
const MAX_INVITES: usize = 1024;

/// User agents that are turned away from one INVITE. More are not answered.
const MAX_DIALOGS: usize = 16;

/// INVITEs of ours that brought all they were sent for, from the oldest on. Of names their keys are
/// kept: small pieces of memory that outlive their calls keep the pages around them (ADR 15).
#[derive(Debug, Default)]
pub(super) struct PastInvites {
    /// The Call-ID of each.
    call_ids: VecDeque<u64>,
    invites: VecDeque<PastInvite>,
}

#[derive(Debug)]
struct PastInvite {
    flow: FlowId,
    /// Our tag.
    local_tag: u64,
    cseq: u32,
    /// The tags of those that have their BYE, or sent one.
    ended: [u64; MAX_DIALOGS],
    ended_count: usize,
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
        let Some(call_id) = leg.call_id().map(key::<str>) else {
            return;
        };
        let place = self.place_of(call_id);
        if place.is_none() {
            self.add(call_id, leg);
        }
        let past = match place {
            Some(place) => self.invites.get_mut(place),
            None => self.invites.back_mut(),
        };
        if let (Some(past), Some(dialog)) = (past, dialog) {
            past.end(key(&*dialog.id().remote_tag));
        }
    }

    fn add(&mut self, call_id: u64, leg: &SipLeg) {
        if self.invites.len() >= MAX_INVITES {
            self.call_ids.pop_front();
            self.invites.pop_front();
        }
        self.call_ids.push_back(call_id);
        self.invites.push_back(PastInvite {
            flow: leg.flow,
            local_tag: key(&*leg.local_tag),
            cseq: leg.invite.cseq(),
            ended: [0; MAX_DIALOGS],
            ended_count: 0,
        });
    }

    fn place_of(&self, call_id: u64) -> Option<usize> {
        self.call_ids.iter().position(|it| *it == call_id)
    }

    /// `None` if the 2xx is to none of them, or one too many.
    fn owed(&mut self, response: &Response) -> Option<(FlowId, Dialog, Owed)> {
        let call_id = str::from_utf8(response.call_id()).ok()?;
        let place = self.place_of(key(call_id))?;
        let past = self.invites.get_mut(place)?;
        let dialog = Dialog::of_response(past.cseq.saturating_add(SENT_EARLY), response).ok()?;
        if key(&*dialog.id().local_tag) != past.local_tag {
            return None;
        }
        let tag = key(&*dialog.id().remote_tag);
        if past.has_ended(tag) {
            return Some((past.flow, dialog, Owed::Ack));
        }
        past.end(tag)
            .then_some((past.flow, dialog, Owed::AckAndBye))
    }
}

impl PastInvite {
    fn has_ended(&self, tag: u64) -> bool {
        self.ended
            .iter()
            .take(self.ended_count)
            .any(|it| *it == tag)
    }

    /// False if as many have ended as may.
    fn end(&mut self, tag: u64) -> bool {
        let place = self.ended.get_mut(self.ended_count);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = tag;
            self.ended_count += 1;
        }
        has_room
    }
}

/// What a name that outlives its call is known by.
pub(super) fn key<T: Hash + ?Sized>(name: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
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
