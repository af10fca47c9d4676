//! One leg of a call as the worker sees it: a transport and its streams.

mod timer;

use std::time::Instant;

use crate::event::Event;
use crate::ids::LegId;
use crate::plan::{LegPlan, TransportPlan};
use crate::webrtc::{Context, Transport, TransportEvent, TransportTimeouts};
use crate::worker::Timeouts;
use timer::{Timer, TimerTable};

/// A leg.
pub struct Leg {
    id: LegId,
    pub(crate) transport: Transport,
    timeouts: TransportTimeouts,
    timers: TimerTable,
    over: bool,
}

impl std::fmt::Debug for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leg")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Leg {
    pub(crate) fn new(now: Instant, plan: LegPlan, timeouts: &Timeouts) -> Self {
        let TransportPlan::WebRtc(webrtc) = plan.transport;
        let timeouts = TransportTimeouts {
            set_up: timeouts.set_up,
            consent: timeouts.consent,
        };
        Self {
            id: plan.leg,
            transport: Transport::new(now, webrtc, timeouts),
            timeouts,
            timers: TimerTable::default(),
            over: false,
        }
    }

    pub(crate) fn update(&mut self, now: Instant, plan: LegPlan, cx: &mut Context<'_>) {
        let TransportPlan::WebRtc(webrtc) = plan.transport;
        self.transport.update(now, webrtc, cx);
    }

    pub(crate) fn close(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.transport.close(now, cx);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let transport = self.transport.poll_timeout(self.timeouts);
        self.timers.next().into_iter().chain(transport).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.transport.handle_timeout(now, cx);
        self.timers.take_due(Timer::Stats, now);
    }

    /// Takes what the transport says and turns it into an event.
    pub(crate) fn on_transport(&mut self, _now: Instant, event: TransportEvent) -> Option<Event> {
        match event {
            TransportEvent::Connected => Some(Event::IceConnected(self.id)),
            TransportEvent::Ready(_) => Some(Event::MediaReady(self.id)),
            TransportEvent::Closed => {
                self.over = true;
                Some(Event::Closed(self.id))
            }
            TransportEvent::Failed(failure) => {
                self.over = true;
                Some(Event::Failed(self.id, failure))
            }
            TransportEvent::PathAdded(_) | TransportEvent::PathRemoved(_) => None,
        }
    }
}
