//! We invite a user agent (RFC 3261 13.2): its leg is that of somebody called.

use media::ids::LegId;
use sip::dialog::{Dialog, DialogError, DialogId};
use sip::flow::FlowId;
use sip::header::{OwnAddr, SessionId};
use sip::message::{HeaderName, Method, RequestBuilder, Response, Status};
use sip::procedure::session_timer::After;
use sip::transaction::{ClientId, Failure};
use sip::uri::Uri;

use super::keys::{InfoKeys, allows_info};
use super::legs::{SipLeg, Stage};
use super::refresh::session_timer;
use super::{PRODUCT, SDP, description};
use crate::call::end::{EndReason, Side};
use crate::call::invite::Invitation;
use crate::call::leg::{LegEvent, Signalling};
use crate::call::people::{DeviceId, Party};
use crate::call::switch::Switch;
use crate::call::time::Now;

/// The most Contacts of a 3xx that are looked at.
const MAX_TARGETS: usize = 8;

impl Switch {
    /// Invites a registered user agent with our offer.
    ///
    /// # Errors
    /// Why it does not.
    pub(in crate::call) fn invite_phone(
        &mut self,
        now: Now,
        id: LegId,
        device: DeviceId,
        sdp: &str,
        invitation: &Invitation,
    ) -> Result<Signalling, EndReason> {
        let (flow, uri, path) = self.way_to(device).ok_or(EndReason::NotSignedIn)?;
        let transport = self.sip.transport(flow).ok_or(EndReason::NotSignedIn)?;
        let local_tag = self.pool.token();
        let builder = self.invite_request(flow, &uri, &local_tag, invitation);
        let builder = builder.ok_or(EndReason::NotSignedIn)?;
        let builder = path.iter().fold(builder, |it, hop| {
            it.value(HeaderName::Route, hop.as_bytes())
        });
        let timer = session_timer();
        let builder = timer.write_request(builder);
        let request = builder.body(SDP, sdp.to_owned()).build();
        let request = request.map_err(|error| {
            tracing::error!(%error, "an INVITE of ours cannot be written");
            EndReason::NotSignedIn
        })?;
        let sent = self
            .sip
            .transactions
            .request(now.mono, flow, transport, request.clone());
        let client = sent.map_err(|_| EndReason::CallLimit)?;
        let stage = Stage::Inviting { over: false };
        let mut leg = SipLeg::new(flow, request, local_tag, stage, timer);
        leg.client = Some(client);
        self.sip.legs.insert(id, leg);
        Ok(Signalling::Sip {
            device: Some(device),
        })
    }

    fn invite_request(
        &mut self,
        flow: FlowId,
        uri: &Uri,
        local_tag: &str,
        invitation: &Invitation,
    ) -> Option<RequestBuilder> {
        let (allow, supported) = self.abilities();
        let call_id = self.pool.token();
        let builder = RequestBuilder::new(Method::Invite, uri);
        let builder = self.with_via(flow, builder)?;
        Some(
            builder
                .max_forwards(invitation.hops)
                .header(&SessionId(&invitation.session_id))
                .from(&address(&invitation.from)?.tag(local_tag))
                .to(&address(&invitation.to)?)
                .call_id(&call_id)
                .cseq(1)
                .addr(HeaderName::Contact, &self.own_contact(flow)?)
                .value(HeaderName::Allow, allow)
                .value(HeaderName::Supported, supported)
                .value(HeaderName::UserAgent, PRODUCT),
        )
    }

    /// A response to a request of ours. Of those within dialogs, hardly any changes anything.
    pub(super) fn on_response(&mut self, now: Now, client: ClientId, response: &Response) {
        if response.status().is_final()
            && (self.keeps_in_touch(now, client, Ok(()))
                || self.was_notified(now, client, Ok(response))
                || self.keys_came_to(client, Some(response)))
        {
            return;
        }
        let Some(id) = self.sip.legs.of_client(client) else {
            return self.on_late_response(now, response);
        };
        let status = response.status();
        let change = self.sip.legs.get(id).and_then(|leg| leg.change.as_ref());
        if change.is_some_and(|change| change.client == client) {
            return self.on_changed(now, id, Some(response));
        }
        if status.is_provisional() {
            if status > Status::TRYING {
                self.on_provisional(now, id, response);
            }
        } else if status.is_success() {
            self.on_accepted(now, id, response);
        } else {
            self.on_refused(now, id, response);
        }
    }

    /// It accepts. Each 2xx gets its ACK; of several user agents that accept, the first is in the
    /// call, and the others get a BYE (13.2.2.4).
    fn on_accepted(&mut self, now: Now, id: LegId, response: &Response) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let known = leg.dialog.as_ref().map(Dialog::id);
        if known.is_some() && known == DialogId::of_response(response).as_ref() {
            let cseq = leg.invite.cseq();
            return self.acknowledge(id, cseq);
        }
        let cseq = leg.invite.cseq();
        let (dialog, early_answer) = match self.dialog_of_2xx(id, cseq, response) {
            Ok(dialog) => dialog,
            Err(error) => {
                tracing::debug!(%error, leg = %id, "a 2xx makes no dialog");
                return;
            }
        };
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        match leg.stage {
            Stage::Inviting { over: false } => {
                self.sip.legs.set_dialog(id, dialog);
                self.sip.legs.go(id, Stage::Talking);
                self.acknowledge(id, cseq);
                if let Some(leg) = self.sip.legs.get_mut(id) {
                    leg.timer.handle_response(now.mono, response);
                    if !allows_info(response.headers()) {
                        leg.info_keys = InfoKeys::Refused;
                    }
                }
                self.arm_session_timer(id);
                let sdp = description(response.headers(), response.body());
                let event = match early_answer.or(sdp) {
                    Some(sdp) => LegEvent::Answered { sdp },
                    None => LegEvent::Declined(EndReason::BadDescription(
                        Side::Callee,
                        "the 200 has no session description".to_owned(),
                    )),
                };
                self.on_leg_event(now, id, event);
            }
            // It crossed our CANCEL.
            Stage::Inviting { over: true } => {
                self.sip.legs.remove(id);
                self.turn_away(now, response, Some(dialog));
            }
            // It is of another branch.
            _ => {
                self.sip.legs.remember_invite(id);
                self.turn_away(now, response, Some(dialog));
            }
        }
    }

    /// The dialog of a 2xx, and the answer to our offer if that came reliably before it. An early
    /// dialog goes on, with the numbers of what was sent in it.
    fn dialog_of_2xx(
        &mut self,
        id: LegId,
        cseq: u32,
        response: &Response,
    ) -> Result<(Dialog, Option<String>), DialogError> {
        let early =
            DialogId::of_response(response).and_then(|it| self.sip.legs.take_early(id, &it));
        match early {
            Some(mut early) => {
                early.dialog.handle_response(response)?;
                Ok((early.dialog, early.answer))
            }
            None => Ok((Dialog::of_response(cseq, response)?, None)),
        }
    }

    /// Acknowledges the 2xx of an INVITE of ours.
    pub(super) fn acknowledge(&mut self, id: LegId, cseq: u32) {
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        let Some(dialog) = &leg.dialog else { return };
        let (flow, ack) = (leg.flow, dialog.ack(cseq));
        self.send_ack(flow, ack);
    }

    pub(super) fn send_ack(&mut self, flow: FlowId, ack: RequestBuilder) {
        match self.with_via(flow, ack).map(RequestBuilder::build) {
            Some(Ok(ack)) => self.sip.transactions.send(flow, ack.as_bytes().clone()),
            Some(Err(error)) => tracing::error!(%error, "an ACK of ours cannot be written"),
            None => {}
        }
    }

    fn on_refused(&mut self, now: Now, id: LegId, response: &Response) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let over = match leg.stage {
            Stage::Inviting { over } => over,
            _ => return,
        };
        if !over
            && leg.timer.handle_response(now.mono, response) == After::Retry
            && self.invite_again(now, id).is_some()
        {
            return;
        }
        self.sip.legs.remove(id);
        if over {
            return;
        }
        let status = response.status();
        let leg = self.calls.of_leg(id).and_then(|call| call.leg(id));
        let was_offered_keys = leg.is_some_and(|leg| leg.local.has_to_be_encrypted());
        let event = match status.code() {
            300..400 => LegEvent::Redirected {
                targets: self.targets_in(response),
            },
            488 | 606 if was_offered_keys => LegEvent::Declined(EndReason::RefusedKeys {
                status: status.code(),
            }),
            _ => LegEvent::Declined(refusal(status)),
        };
        self.on_leg_event(now, id, event);
    }

    /// Where a 3xx sends the call: "the UAC ... SHOULD ... order" them by q (RFC 3261 8.1.3.4).
    fn targets_in(&self, response: &Response) -> Vec<String> {
        let contacts = response.headers().contacts().flatten();
        let addresses = contacts.filter_map(|contact| contact.addr().copied());
        let mut targets: Vec<(u16, String)> = addresses
            .filter_map(|addr| {
                let q = addr.q_thousandths().ok()?.unwrap_or(1000);
                Some((q, self.dialled(&addr.uri().ok()?)))
            })
            .take(MAX_TARGETS)
            .collect();
        targets.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
        targets.into_iter().map(|(_, target)| target).collect()
    }

    /// "A UAC that receives a 422 response ... MAY retry the request" with the interval that was
    /// asked for (RFC 4028 7.3): the same call, the next number.
    fn invite_again(&mut self, now: Now, id: LegId) -> Option<()> {
        let leg = self.sip.legs.get(id)?;
        let (flow, cseq) = (leg.flow, leg.invite.cseq().checked_add(1)?);
        let mut builder = RequestBuilder::like(leg.invite.whole()?);
        for name in [
            HeaderName::Via,
            HeaderName::CSeq,
            HeaderName::SessionExpires,
            HeaderName::MinSe,
        ] {
            builder = builder.without(name);
        }
        let builder = leg.timer.write_request(builder.cseq(cseq));
        let transport = self.sip.transport(flow)?;
        let invite = self.with_via(flow, builder)?.build().ok()?;
        let transactions = &mut self.sip.transactions;
        let client = transactions
            .request(now.mono, flow, transport, invite.clone())
            .ok()?;
        self.sip.legs.set_invite(id, client, invite);
        Some(())
    }

    /// No final response comes to a request of ours.
    pub(super) fn on_unanswered(&mut self, now: Now, client: ClientId, failure: Failure) {
        if self.keeps_in_touch(now, client, Err(failure))
            || self.was_notified(now, client, Err(failure))
            || self.keys_came_to(client, None)
        {
            return;
        }
        let Some(id) = self.sip.legs.of_client(client) else {
            return;
        };
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        if leg.change.as_ref().is_some_and(|it| it.client == client) {
            return self.on_changed(now, id, None);
        }
        let Stage::Inviting { over } = leg.stage else {
            return;
        };
        tracing::debug!(leg = %id, %failure, "an INVITE stays without an answer");
        self.sip.legs.remove(id);
        if !over {
            let reason = EndReason::ConnectionLost(Side::Callee);
            self.on_leg_event(now, id, LegEvent::Declined(reason));
        }
    }
}

/// A person's address, as the other side is shown it.
pub(super) fn address(party: &Party) -> Option<OwnAddr> {
    let uri = party.user.to_uri().ok()?;
    Some(OwnAddr::new(&party.display_name, &uri))
}

/// What a user agent's refusal means to the call.
fn refusal(status: Status) -> EndReason {
    match status {
        Status::BUSY_HERE | Status::BUSY_EVERYWHERE => EndReason::Busy {
            calling_back: false,
        },
        Status::DECLINE => EndReason::Rejected,
        Status::REQUEST_TIMEOUT | Status::REQUEST_TERMINATED => EndReason::NoAnswer,
        Status::TEMPORARILY_UNAVAILABLE | Status::GONE => EndReason::NotSignedIn,
        other => EndReason::Refused {
            status: other.code(),
        },
    }
}
