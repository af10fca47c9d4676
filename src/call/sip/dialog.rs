//! Requests within the dialog of a leg (RFC 3261 12.2, 14, 15), and the ACK that ends its setup.

use media::ids::LegId;
use sip::dialog::DialogId;
use sip::flow::FlowId;
use sip::message::{Method, Request, ResponseBuilder, Status};
use sip::procedure::accept::Due;
use sip::procedure::info::{Info, write_picture_fast_update};
use sip::transaction::ServerId;

use super::description_of_request;
use super::legs::Stage;
use super::request::no_dialog;
use crate::call::end::EndReason;
use crate::call::leg::LegEvent;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

impl Switch {
    pub(super) fn on_request_in_dialog(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: Request,
    ) {
        if self.on_request_of_watcher(now, server, flow, &request) {
            return;
        }
        let Some(id) = self.leg_of_dialog(flow, &request) else {
            return self.turn_stranger_away(now, server, &request, &no_dialog());
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        // It may have come back on another connection.
        leg.flow = flow;
        let dialog = DialogId::of_request(&request).and_then(|it| leg.dialog_of(&it));
        let judged = match dialog {
            Some(dialog) => dialog.handle_request(&request),
            None => Err(no_dialog()),
        };
        if let Err(rejection) = judged {
            return self.reject(now, server, &request, &rejection);
        }
        match request.method() {
            // "the callee's UA ... MUST NOT send a BYE on early dialogs" (RFC 3261 15).
            Method::Bye if matches!(leg.stage, Stage::Inviting { .. }) => {
                self.reject(now, server, &request, &no_dialog());
            }
            Method::Bye => {
                self.respond(now, server, ResponseBuilder::new(&request, Status::OK));
                self.drop_deferred(now, id);
                self.sip_leg_is_over(id);
                self.on_leg_event(now, id, LegEvent::HungUp);
            }
            Method::Options => self.on_options(now, server, &request),
            Method::Info => self.on_info(now, server, id, &request),
            Method::Prack => self.on_prack(now, server, id, &request),
            Method::Refer => self.on_refer(now, server, id, &request),
            Method::Invite | Method::Update => self.on_change(now, server, id, &request),
            _ => self.reject(now, server, &request, &no_dialog()),
        }
    }

    /// The leg whose dialog a request names, if it comes from where the leg is: over its flow, or
    /// from the same address.
    pub(super) fn leg_of_dialog(&self, flow: FlowId, request: &Request) -> Option<LegId> {
        let id = self.sip.legs.of_dialog(&DialogId::of_request(request)?)?;
        let leg = self.sip.legs.get(id)?;
        if leg.flow == flow {
            return Some(id);
        }
        let new = self.sip.flows.get(&flow)?.ends.peer.address.ip();
        let old = self.sip.flows.get(&leg.flow);
        match old.map(|open| open.ends.peer.address.ip()) {
            Some(old) if old != new => None,
            _ => Some(id),
        }
    }

    /// Keys pressed, in the two forms that telephones use, or another thing that we know.
    fn on_info(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        match Info::read(request) {
            Ok(info) => {
                self.respond(now, server, ResponseBuilder::new(request, Status::OK));
                match info {
                    Info::Key(press) => {
                        let digits = press.key.as_str().to_owned();
                        self.on_leg_event(now, id, LegEvent::Digits { digits });
                    }
                    Info::PictureFastUpdate => {
                        self.on_leg_event(now, id, LegEvent::WantsPicture);
                    }
                    Info::Nothing => {}
                }
            }
            Err(rejection) => self.reject(now, server, request, &rejection),
        }
    }

    /// Asks a telephone for a whole picture that takes no RTCP feedback (RFC 5168). One that does
    /// not know this refuses the INFO, and its pictures come as they come.
    pub(super) fn ask_for_picture(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let flow = leg.flow;
        if let (Stage::Talking, Some(dialog)) = (&leg.stage, leg.dialog.as_mut()) {
            let info = write_picture_fast_update(dialog.request(Method::Info));
            self.send_in_dialog(now, flow, info);
        }
    }

    /// The ACK of a 2xx of ours.
    pub(super) fn on_ack(&mut self, now: Now, flow: FlowId, request: &Request) {
        let Some(id) = self.leg_of_dialog(flow, request) else {
            return;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let cseq = request.cseq();
        if leg
            .accepted
            .take_if(|it| it.is_acknowledged_by(cseq))
            .is_none()
        {
            return;
        }
        self.timers.disarm(Timer::Accepted(id));
        match leg.stage {
            Stage::Accepted { over } => {
                self.sip.legs.go(id, Stage::Talking);
                if over {
                    self.hang_up_leg(now, id);
                } else {
                    let answer = description_of_request(request);
                    self.on_caller_answered(now, id, answer.as_deref());
                    self.reoffer_if_owed(now, id);
                }
            }
            _ => self.on_change_acknowledged(now, id, request),
        }
    }

    /// A 2xx of ours has waited for its ACK for another while.
    pub(in crate::call) fn on_accepted_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let Some(accepted) = &mut leg.accepted else {
            return;
        };
        let due = accepted.handle_timeout(now.mono);
        let next = accepted.poll_timeout();
        match due {
            // "the UAS SHOULD generate a BYE to terminate the dialog" (RFC 3261 13.3.1.4)
            Some(Due::GiveUp) => {
                let over = matches!(leg.stage, Stage::Accepted { over: true });
                self.hang_up_leg(now, id);
                if !over {
                    self.on_leg_gone(now, id, EndReason::ConnectionLost);
                }
            }
            Some(Due::Repeat(bytes)) => {
                self.timers.arm(Timer::Accepted(id), next);
                let flow = leg.flow;
                self.sip.transactions.send(flow, bytes);
            }
            None => self.timers.arm(Timer::Accepted(id), next),
        }
    }

    /// Ends the dialog of a leg, and forgets it.
    pub(super) fn hang_up_leg(&mut self, now: Now, id: LegId) {
        self.drop_deferred(now, id);
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let (flow, lost) = (leg.flow, leg.lost);
        let mut dialog = leg.dialog.take();
        if let Some(dialog) = &mut dialog {
            match (self.sip.transport(flow), lost) {
                (None, Some(lost)) => self.say_goodbye(dialog, lost),
                _ => self.send_in_dialog(now, flow, dialog.request(Method::Bye)),
            }
        }
        if let Some(leg) = self.sip.legs.get_mut(id) {
            leg.dialog = dialog;
        }
        self.sip_leg_is_over(id);
    }

    /// The far side knows that it is over: nothing more is to be said.
    pub(super) fn sip_leg_is_over(&mut self, id: LegId) {
        self.timers.disarm(Timer::Accepted(id));
        self.timers.disarm(Timer::Provisional(id));
        self.timers.disarm(Timer::SipSession(id));
        self.timers.disarm(Timer::Reoffer(id));
        self.timers.disarm(Timer::Deferred(id));
        self.timers.disarm(Timer::Referral(id));
        self.sip.legs.remove(id);
    }
}
