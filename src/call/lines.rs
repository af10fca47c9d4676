//! The life of flows and devices: opened, closed, broken, parked, taken up again, gone.

use sip::flow::FlowId;

use super::end::{EndReason, Side};
use super::io::{FlowEnd, Output, Peer};
use super::people::{Device, DeviceId, Line};
use super::switch::{Flow, FlowLine, Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::session::{Session, SessionEvent};

impl Switch {
    pub(super) fn on_opened(&mut self, now: Now, flow: FlowId, peer: Peer) {
        let full = self.flows.len() >= self.config.limits.flows;
        let session = Session::new(now.mono, self.config.session);
        let open = Flow {
            peer,
            session,
            line: FlowLine::Opening,
        };
        // A refused flow is kept until it is gone, like any other that was asked to go.
        self.flows.insert(flow, open);
        if self.stage != Stage::Running {
            self.close_flow(flow, 1001, "the server is going down");
        } else if full {
            tracing::debug!(%flow, "too many connections: this one is refused");
            self.close_flow(flow, 1013, "too many connections");
        } else {
            self.touch(flow);
        }
    }

    pub(super) fn on_session_event(&mut self, now: Now, flow: FlowId, event: SessionEvent) {
        let Some(line) = self.flows.get(&flow).map(|open| open.line) else {
            return;
        };
        match (line, event) {
            (FlowLine::Closing, _) => {}
            (FlowLine::Opening, SessionEvent::Connect(connection)) => {
                self.on_connect(now, flow, *connection);
            }
            (_, SessionEvent::Dead) => {
                self.close_flow(flow, 1001, "no sign of life");
                if let FlowLine::Device(device) = line {
                    self.park(now, device, flow);
                }
            }
            (_, SessionEvent::Close { code, reason }) => {
                self.close_flow(flow, code, reason);
                if let FlowLine::Device(device) = line {
                    self.device_gone(now, device, EndReason::Left);
                }
            }
            (FlowLine::Device(device), event) => self.on_device_event(now, device, event),
            (FlowLine::Opening, _) => {
                tracing::error!(%flow, "a session that nobody signed in on has a wish");
            }
        }
    }

    pub(super) fn on_flow_closed(&mut self, now: Now, flow: FlowId, how: FlowEnd) {
        if self.on_sip_flow_closed(now, flow, how) {
            return;
        }
        let Some(line) = self.flows.get(&flow).map(|open| open.line) else {
            return;
        };
        if let Some(open) = self.flows.get_mut(&flow) {
            open.line = FlowLine::Closing;
        }
        if let FlowLine::Device(device) = line {
            match how {
                FlowEnd::Clean => self.leave(now, device, flow),
                FlowEnd::Abnormal => self.park(now, device, flow),
            }
        }
        self.flows.remove(&flow);
        self.timers.disarm(Timer::Session(flow));
        if self.stage == Stage::Stopping && self.flows.is_empty() {
            self.complete_shutdown();
        }
    }

    /// The page closed its flow in good order: its calls end at once. If it asked to be kept
    /// alive, it may still come back with its token, as a reloaded page does.
    fn leave(&mut self, now: Now, device: DeviceId, flow: FlowId) {
        let kept = self
            .people
            .device(device)
            .and_then(Device::page)
            .is_some_and(|page| page.keep_alive);
        if kept {
            self.end_legs_of(now, device, EndReason::Left);
            self.park(now, device, flow);
        } else {
            self.device_gone(now, device, EndReason::Left);
        }
    }

    /// The flow of a device broke; its owner may come back.
    fn park(&mut self, now: Now, device_id: DeviceId, flow: FlowId) {
        let Some(open) = self.flows.get_mut(&flow) else {
            return;
        };
        let fresh = Session::new(now.mono, self.config.session);
        let mut session = std::mem::replace(&mut open.session, fresh);
        session.park();
        open.line = FlowLine::Closing;
        let timing = self.config.timing;
        let Some(device) = self.people.device_mut(device_id) else {
            return;
        };
        let legs = device.legs.clone();
        let Some(page) = device.page_mut() else {
            return;
        };
        page.line = Line::Parked(Box::new(session));
        let kept = if page.keep_alive {
            timing.keep_alive.max(timing.grace)
        } else {
            timing.grace
        };
        tracing::info!(
            device = device_id.0,
            calls = legs.len(),
            "connection gone, device parked"
        );
        self.location.flow_closed(now.mono, flow, Some(kept));
        self.timers.arm(Timer::Parked(device_id), now.mono + kept);
        if !legs.is_empty() {
            self.timers
                .arm(Timer::Grace(device_id), now.mono + timing.grace);
        }
        for leg in legs {
            let call = self.calls.of_leg(leg);
            let answered = call
                .and_then(|call| call.leg(leg))
                .is_some_and(|leg| !leg.is_pending());
            // An answered call goes on while its media does, for the time of grace. A device
            // that rang rings anew when it is back. A caller could not be answered any more.
            if !answered && !self.set_aside(leg) {
                self.on_leg_gone(now, leg, EndReason::ConnectionLost);
            }
        }
        self.board.mark_stale();
    }

    /// The device is not coming back, or is not wanted: its calls end, its name is free.
    pub(super) fn device_gone(
        &mut self,
        now: Now,
        device_id: DeviceId,
        reason: fn(Side) -> EndReason,
    ) {
        self.end_legs_of(now, device_id, reason);
        self.stop_awaiting(now, device_id);
        let Some((device, last)) = self.people.remove(device_id) else {
            return;
        };
        self.timers.disarm(Timer::Parked(device_id));
        self.timers.disarm(Timer::Grace(device_id));
        self.no_longer_in_touch(device_id);
        self.tell_of_device(now, &device.user);
        self.location.unbind(device.binding);
        tracing::info!(device = device_id.0, "device gone");
        if last {
            self.outputs.notify(Notice::SignedOut {
                user: device.user.to_string(),
            });
        }
        self.board.mark_stale();
    }

    /// The calls of a parked device have waited long enough.
    pub(super) fn on_grace_over(&mut self, now: Now, device: DeviceId) {
        self.end_legs_of(now, device, EndReason::ConnectionLost);
        self.stop_awaiting(now, device);
    }

    /// The device itself has been parked long enough.
    pub(super) fn on_parked_too_long(&mut self, now: Now, device: DeviceId) {
        self.device_gone(now, device, EndReason::ConnectionLost);
    }

    /// Ends every call that the device takes part in.
    pub(super) fn end_legs_of(
        &mut self,
        now: Now,
        device: DeviceId,
        reason: fn(Side) -> EndReason,
    ) {
        let legs = self.people.device(device).map(|device| device.legs.clone());
        for leg in legs.into_iter().flatten() {
            self.on_leg_gone(now, leg, reason);
        }
    }

    pub(super) fn on_shutdown(&mut self, now: Now) {
        if self.stage != Stage::Running {
            return;
        }
        tracing::info!(calls = self.calls.len(), "going down");
        self.stage = Stage::Stopping;
        self.keep_all(now);
        for call in self.calls.handles() {
            self.end_call(now, call, EndReason::ShuttingDown);
        }
        self.end_watches(now);
        let flows: Vec<FlowId> = self.flows.keys().copied().collect();
        for flow in flows {
            self.close_flow(flow, 1001, "the server is going down");
        }
        let devices: Vec<DeviceId> = self.people.devices().map(|(id, _)| *id).collect();
        for device in devices {
            self.device_gone(now, device, EndReason::Left);
        }
        if self.flows.is_empty() {
            self.complete_shutdown();
        } else {
            self.timers
                .arm(Timer::Shutdown, now.mono + self.config.timing.shutdown);
        }
    }

    pub(super) fn complete_shutdown(&mut self) {
        if self.stage == Stage::Stopping {
            self.stage = Stage::Stopped;
            self.timers.disarm(Timer::Shutdown);
            self.outputs.push(Output::ShutdownComplete);
        }
    }
}
