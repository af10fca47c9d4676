//! Requests within the dialog of a leg (RFC 3261 12.2, 14, 15), and the ACK that ends its setup.

use media::ids::LegId;
use sip::dialog::DialogId;
use sip::flow::FlowId;
use sip::message::{Method, Rejection, Request, ResponseBuilder, Status};
use sip::procedure::accept::Due;
use sip::transaction::ServerId;

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
        let Some(id) = self.leg_of_dialog(flow, &request) else {
            return self.reject(now, server, &request, &no_dialog());
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        // It may have come back on another connection.
        leg.flow = flow;
        let judged = match &mut leg.dialog {
            Some(dialog) => dialog.handle_request(&request),
            None => Err(no_dialog()),
        };
        if let Err(rejection) = judged {
            return self.reject(now, server, &request, &rejection);
        }
        match request.method() {
            Method::Bye => {
                self.respond(now, server, ResponseBuilder::new(&request, Status::OK));
                self.sip_leg_is_over(id);
                self.on_leg_event(now, id, LegEvent::HungUp);
            }
            Method::Options => self.on_options(now, server, &request),
            Method::Info => self.on_info(now, server, id, &request),
            _ => {
                let rejection = Rejection::new(
                    Status::NOT_ACCEPTABLE_HERE,
                    "the session cannot be changed yet",
                );
                self.reject(now, server, &request, &rejection);
            }
        }
    }

    /// The leg whose dialog a request names, if it comes from where the leg is: over its flow, or
    /// from the same address.
    fn leg_of_dialog(&self, flow: FlowId, request: &Request) -> Option<LegId> {
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

    /// Keys pressed, in the two forms that telephones use.
    fn on_info(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        self.respond(now, server, ResponseBuilder::new(request, Status::OK));
        if let Some(digits) = digits(request) {
            self.on_leg_event(now, id, LegEvent::Digits { digits });
        }
    }

    /// The ACK of a 2xx of ours.
    pub(super) fn on_ack(&mut self, now: Now, flow: FlowId, request: &Request) {
        let Some(id) = self.leg_of_dialog(flow, request) else {
            return;
        };
        let Some(leg) = self.sip.legs.get(id) else {
            return;
        };
        let Stage::Accepted { accepted, over } = &leg.stage else {
            return;
        };
        if !accepted.is_acknowledged_by(request.cseq()) {
            return;
        }
        let over = *over;
        self.timers.disarm(Timer::Accepted(id));
        self.sip.legs.go(id, Stage::Talking);
        if over {
            self.hang_up_leg(now, id);
        }
    }

    /// A 2xx of ours has waited for its ACK for another while.
    pub(in crate::call) fn on_accepted_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let flow = leg.flow;
        let Stage::Accepted { accepted, over } = &mut leg.stage else {
            return;
        };
        match accepted.handle_timeout(now.mono) {
            Some(Due::Repeat(bytes)) => {
                let next = accepted.poll_timeout();
                self.timers.arm(Timer::Accepted(id), next);
                self.sip.transactions.send(flow, bytes);
            }
            // "the UAS SHOULD generate a BYE to terminate the dialog" (13.3.1.4)
            Some(Due::GiveUp) => {
                let over = *over;
                self.sip.legs.go(id, Stage::Talking);
                self.hang_up_leg(now, id);
                if !over {
                    self.on_leg_gone(now, id, EndReason::ConnectionLost);
                }
            }
            None => {
                let next = accepted.poll_timeout();
                self.timers.arm(Timer::Accepted(id), next);
            }
        }
    }

    /// Ends the dialog of a leg, and forgets it.
    pub(super) fn hang_up_leg(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        let flow = leg.flow;
        let bye = leg.dialog.as_mut().map(|it| it.request(Method::Bye));
        if let Some(bye) = bye {
            self.send_in_dialog(now, flow, bye);
        }
        self.sip_leg_is_over(id);
    }

    /// The far side knows that it is over: nothing more is to be said.
    pub(super) fn sip_leg_is_over(&mut self, id: LegId) {
        self.timers.disarm(Timer::Accepted(id));
        self.sip.legs.remove(id);
    }
}

/// The digits of an INFO: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
fn digits(request: &Request) -> Option<String> {
    let kind = request
        .headers()
        .text(sip::message::HeaderName::ContentType)?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let body = std::str::from_utf8(request.body()).ok()?;
    let signal = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let signal = |line: &str| {
            let (name, value) = line.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("signal")
                .then(|| value.trim().to_owned())
        };
        body.lines().find_map(signal)?
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        body.trim().to_owned()
    } else {
        return None;
    };
    Some(match signal.as_str() {
        "10" => "*".to_owned(),
        "11" => "#".to_owned(),
        _ => signal,
    })
}
