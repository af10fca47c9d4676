//! The queue of outputs, and the orders that fill it.

use std::collections::VecDeque;

use media::ids::LegId;
use media::plan::Command;
use sip::flow::FlowId;

use super::call::CallHandle;
use super::io::Output;
use super::leg::{Finish, LegOrder, Signalling};
use super::people::{DeviceId, Line};
use super::switch::{FlowLine, Switch};
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::{ExtensionEvent, WcsCallId};
use crate::wcs::session::{End, Session};

/// What is to be done outside, in order.
#[derive(Debug)]
pub(super) struct Outputs {
    queue: VecDeque<Output>,
    limit: usize,
    dropped_notices: u64,
}

impl Outputs {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit,
            dropped_notices: 0,
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Orders and messages are bounded by the tables they come from and are never dropped: a
    /// lost one would leave a leg behind.
    pub(super) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Notices are dropped when nobody takes the outputs.
    pub(super) fn notify(&mut self, notice: Notice) {
        if self.queue.len() < self.limit {
            self.queue.push_back(Output::Notify(Box::new(notice)));
        } else {
            self.dropped_notices += 1;
            tracing::warn!(
                dropped = self.dropped_notices,
                "outputs are not taken: notice dropped"
            );
        }
    }

    /// Takes what a session wants to send.
    pub(super) fn drain(&mut self, flow: FlowId, session: &mut Session) {
        while let Some(message) = session.poll_transmit() {
            self.push(Output::Wcs {
                flow,
                message: Box::new(message),
            });
        }
    }
}

impl Switch {
    /// Gives an order to the session of a device, at once. Unheard while it is parked.
    pub(super) fn with_session<R>(
        &mut self,
        device_id: DeviceId,
        order: impl FnOnce(&mut Session) -> R,
    ) -> Option<R> {
        match &mut self.people.device_mut(device_id)?.page_mut()?.line {
            Line::Parked(session) => Some(order(session)),
            Line::Open(flow) => {
                let flow = *flow;
                let open = self.flows.get_mut(&flow)?;
                let before = open.session.counters().misorders;
                let result = order(&mut open.session);
                if open.session.counters().misorders > before {
                    self.totals.misorders += 1;
                    tracing::error!(device = device_id.0, "an order that the wire cannot stand");
                }
                if open.line != FlowLine::Closing {
                    self.outputs.drain(flow, &mut open.session);
                    self.touch(flow);
                }
                Some(result)
            }
        }
    }

    /// Tells the far side of a live leg.
    pub(super) fn tell(&mut self, leg: LegId, order: LegOrder) {
        let Some(leg) = self.calls.of_leg(leg).and_then(|call| call.leg(leg)) else {
            return;
        };
        let (leg, signalling) = (leg.id, leg.signalling.clone());
        self.tell_by(leg, &signalling, order);
    }

    /// As [`tell`](Self::tell), also for a leg that no call has.
    pub(super) fn tell_by(&mut self, leg: LegId, signalling: &Signalling, order: LegOrder) {
        match signalling {
            Signalling::Wcs { device, call_id } => match order {
                // What they lead to waits until the event at hand has been dealt with.
                LegOrder::Reoffer | LegOrder::AnswerOffer => self.obey_sip(leg, order),
                order => {
                    self.with_session(*device, |session| obey(session, call_id, order));
                }
            },
            Signalling::Sip { .. } => self.obey_sip(leg, order),
        }
    }

    /// Tells a leg's page, if it is our own, something about the call.
    pub(super) fn tell_page(
        &mut self,
        leg: LegId,
        event: impl FnOnce(WcsCallId) -> ExtensionEvent,
    ) {
        let leg = self.calls.of_leg(leg).and_then(|call| call.leg(leg));
        let Some(Signalling::Wcs { device, call_id }) = leg.map(|leg| leg.signalling.clone())
        else {
            return;
        };
        self.with_session(device, |session| {
            if session.is_extended() {
                session.extension(event(call_id));
            }
        });
    }

    /// Gives the media worker of a call an order.
    pub(super) fn media(&mut self, call: CallHandle, command: Command) {
        let Some(worker) = self.calls.get(call).map(|call| call.worker) else {
            return;
        };
        if let Command::AddLeg(plan) | Command::UpdateLeg(plan) = &command {
            self.pool.note_plan(plan);
        }
        let added = match &command {
            Command::AddLeg(plan) => Some(plan.leg),
            _ => None,
        };
        self.outputs.push(Output::Media { worker, command });
        if let Some(leg) = added {
            self.shed_video_ports(leg);
        }
    }

    /// Asks for the end of a flow. Nothing on it counts from here on.
    pub(super) fn close_flow(&mut self, flow: FlowId, code: u16, reason: &'static str) {
        let Some(open) = self.flows.get_mut(&flow) else {
            return;
        };
        if open.line == FlowLine::Closing {
            return;
        }
        self.outputs.drain(flow, &mut open.session);
        open.line = FlowLine::Closing;
        self.timers.disarm(Timer::Session(flow));
        self.outputs.push(Output::CloseFlow { flow, code, reason });
    }
}

/// An order about a call in the words of the Web SDK protocol.
fn obey(session: &mut Session, call_id: &WcsCallId, order: LegOrder) {
    match order {
        LegOrder::Progress { sdp: Some(sdp), .. } => session.ringing(call_id, Some(sdp.into())),
        LegOrder::Progress { rings: true, .. } => session.ringing(call_id, None),
        LegOrder::Progress { .. } => session.progress(call_id),
        LegOrder::Established { sdp } => session.established(call_id, sdp.map(Into::into)),
        // Browsers are told of keys and pictures by media. What is left of these is carried out
        // elsewhere, by `carry_out_order`.
        LegOrder::Digits(_) | LegOrder::SendPicture | LegOrder::Reoffer | LegOrder::AnswerOffer => {
        }
        LegOrder::Held => session.held(call_id),
        LegOrder::Resumed => session.resumed(call_id),
        LegOrder::NotDone(why) => session.not_done(call_id, why.sentence),
        LegOrder::Finished(finish) => session.finish(call_id, wire_end(*finish)),
    }
}

/// What the Web SDK protocol says of an end.
fn wire_end(finish: Finish) -> End {
    let Finish {
        reason,
        side,
        sentence,
    } = finish;
    End {
        status: reason.terminal(side),
        sip_status: Some(reason.sip_status()),
        info: reason.info(),
        code: reason.code().into(),
        sentence,
        cause: Some(reason.cause().as_str().to_owned()),
    }
}
