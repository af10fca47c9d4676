//! The Switch: one value that owns people, devices, calls and their deadlines.
//!
//! One task drives it: inputs go in with the time, outputs come out when polled, the next
//! deadline is named. It decides and does nothing else; nothing in it waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rand::Rng;
use rand::rngs::StdRng;
use registrar::{Domains, Location, LocationLimits};
use sip::flow::FlowId;

use super::admission::{Failures, Rate};
use super::call::Calls;
use super::config::SwitchConfig;
use super::figures::Figures;
use super::io::{Input, Output, Peer};
use super::keeping::Keeper;
use super::outputs::Outputs;
use super::people::{DeviceId, People};
use super::pool::Pool;
use super::presence::Board;
use super::scanners::Scanners;
use super::sip::Sip;
use super::time::Now;
use super::timer::{Timer, Timers};
use super::view::StatusView;
use crate::wcs::session::{Session, SessionEvent};

/// See the module.
pub struct Switch {
    pub(super) config: SwitchConfig,
    /// Those served here.
    pub(super) domains: Domains,
    pub(super) pool: Pool,
    pub(super) flows: BTreeMap<FlowId, Flow>,
    pub(super) people: People,
    pub(super) location: Location,
    pub(super) calls: Calls,
    pub(super) timers: Timers,
    pub(super) outputs: Outputs,
    pub(super) sip: Sip,
    pub(super) keeper: Keeper,
    pub(super) failures: Failures,
    pub(super) scanners: Scanners,
    pub(super) call_rate: Option<Rate>,
    pub(super) board: Board,
    pub(super) stage: Stage,
    pub(super) totals: Totals,
    pub(super) figures: Figures,
    /// Flows whose session may have something to say.
    touched: BTreeSet<FlowId>,
    /// Devices of people who are no longer at home here, until their calls are over.
    pub(super) leaving: BTreeSet<DeviceId>,
}

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) peer: Peer,
    pub(super) session: Session,
    pub(super) line: FlowLine,
}

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlowLine {
    /// Nobody has signed in yet.
    Opening,
    /// This device is on it.
    Device(DeviceId),
    /// We have asked for its end; nothing on it counts any more.
    Closing,
}

/// The life of the Switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// Calls have ended, flows are being closed.
    Stopping,
    /// [`Output::ShutdownComplete`] was given.
    Stopped,
}

#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) misorders: u64,
}

impl Switch {
    /// A Switch without calls. All randomness comes from `rng`, which has to be
    /// cryptographically secure and seeded by the operating system.
    pub fn new(config: SwitchConfig, mut rng: StdRng) -> Self {
        let location = Location::new(LocationLimits {
            bindings: config.limits.sessions,
            per_aor: config.limits.sessions_per_user,
        });
        let mut nonce_secret = [0; 32];
        rng.fill_bytes(&mut nonce_secret);
        let mut gruu_secret = [0; 32];
        rng.fill_bytes(&mut gruu_secret);
        Self {
            sip: Sip::new(nonce_secret, gruu_secret),
            domains: super::route::domains(&config),
            pool: Pool::new(rng),
            flows: BTreeMap::new(),
            people: People::default(),
            location,
            calls: Calls::default(),
            timers: Timers::default(),
            outputs: Outputs::new(config.limits.outputs),
            keeper: Keeper::default(),
            failures: Failures::default(),
            scanners: Scanners::default(),
            call_rate: None,
            board: Board::default(),
            stage: Stage::Running,
            totals: Totals::default(),
            figures: Figures::default(),
            touched: BTreeSet::new(),
            leaving: BTreeSet::new(),
            config,
        }
    }

    /// Takes in what happened. Drain [`poll_output`](Self::poll_output) after it.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::WcsOpened { flow, peer } => self.on_opened(now, flow, peer),
            Input::Wcs { flow, message } => {
                if let Some(open) = self.flows.get_mut(&flow)
                    && open.line != FlowLine::Closing
                {
                    open.session.handle_message(now.mono, *message);
                    self.touch(flow);
                }
            }
            Input::SipOpened {
                flow,
                ends,
                connect,
            } => {
                self.on_sip_opened(now, flow, ends);
                if let Some(connect) = connect {
                    self.on_way_open(now, connect, flow);
                }
            }
            Input::Sip { flow, message } => self.on_sip(now, flow, message),
            Input::ConnectFailed { connect, sentence } => {
                tracing::warn!(connect, "no connection: {sentence}");
                self.on_no_way(now, connect);
            }
            Input::FlowClosed { flow, how } => self.on_flow_closed(now, flow, how),
            Input::Media(event) => self.on_media(now, event),
            Input::Recorded(report) => self.on_recorded(report),
            Input::Api(request) => self.on_api(now, request),
            Input::Configured(hot) => self.on_configured(now, *hot),
            Input::Timeout => self.on_timeout(now),
            Input::Shutdown => self.on_shutdown(now),
        }
        self.settle(now);
    }

    /// The next thing to do outside.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// When to hand in [`Input::Timeout`] next; `None` if nothing is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The numbers of the server.
    pub fn status(&self) -> StatusView {
        StatusView {
            flows: self.flows.len(),
            sip_flows: self.sip.open_flows(),
            registrations: self.telephones().count(),
            sessions: self.people.len() - self.people.parked(),
            parked: self.people.parked(),
            users: self.people.user_count(),
            calls: self.calls.len(),
            established: self
                .calls
                .iter()
                .filter(|call| call.talk().is_some())
                .count(),
            legs: self.calls.live_legs(),
            calls_total: self.totals.calls,
            calls_failed: self.totals.failed,
            misorders: self.totals.misorders,
            banned_addresses: self.scanners.banned(),
            scans_dropped: self.scanners.dropped(),
            shutting_down: self.stage != Stage::Running,
        }
    }

    /// How many things there are that take memory, of whatever kind.
    pub fn size(&self) -> usize {
        self.flows.len()
            + self.sip.open_flows()
            + self.sip.transactions()
            + self.people.len()
            + self.calls.live_legs()
    }

    /// True if nobody is here, nothing rings and nothing is remembered of either.
    pub fn is_idle(&self) -> bool {
        self.flows.is_empty()
            && self.people.is_empty()
            && self.location.is_empty()
            && self.calls.len() == 0
            && self.calls.live_legs() == 0
            && self.sip.is_idle()
            && self.pool.in_use() == 0
            && self.leaving.is_empty()
    }

    /// Notes that a flow's session may have something to say.
    pub(super) fn touch(&mut self, flow: FlowId) {
        self.touched.insert(flow);
    }

    /// Lets every touched session and SIP speak until none has anything left.
    pub(super) fn settle(&mut self, now: Now) {
        loop {
            self.settle_sessions(now);
            self.settle_sip(now);
            self.let_leavers_go(now);
            if self.touched.is_empty() {
                break;
            }
        }
        self.arm_keeping(now.mono);
        if self.board.is_stale() && !self.timers.is_armed(Timer::Presence) {
            let due = self.board.due(now.mono, self.config.timing.presence);
            self.timers.arm(Timer::Presence, due);
        }
    }

    fn settle_sessions(&mut self, now: Now) {
        while let Some(flow) = self.touched.pop_first() {
            while let Some(event) = self.next_event(flow) {
                self.on_session_event(now, flow, event);
            }
            let due = self
                .flows
                .get(&flow)
                .filter(|open| open.line != FlowLine::Closing);
            let due = due.and_then(|open| open.session.poll_timeout());
            self.timers.set(Timer::Session(flow), due);
        }
    }

    fn next_event(&mut self, flow: FlowId) -> Option<SessionEvent> {
        let open = self.flows.get_mut(&flow)?;
        if open.line == FlowLine::Closing {
            return None;
        }
        self.outputs.drain(flow, &mut open.session);
        open.session.poll_event()
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop(now.mono) {
            match timer {
                Timer::Session(flow) => {
                    if let Some(open) = self.flows.get_mut(&flow) {
                        open.session.handle_timeout(now.mono);
                        self.touch(flow);
                    }
                }
                Timer::Ring(call) => self.on_rung_out(now, call),
                Timer::MediaClosed(leg) => self.on_media_closed_for_good(now, leg),
                Timer::Grace(device) => self.on_grace_over(now, device),
                Timer::Parked(device) => self.on_parked_too_long(now, device),
                Timer::Transactions => self.on_transactions_due(now),
                Timer::Provisional(leg) => self.on_provisional_due(now, leg),
                Timer::Accepted(leg) => self.on_accepted_due(now, leg),
                Timer::SipSession(leg) => self.on_sip_session_due(now, leg),
                Timer::Reoffer(leg) => self.on_reoffer_due(now, leg),
                Timer::Deferred(leg) => self.answer_deferred(now, leg),
                Timer::Referral(leg) => self.tell_of_referral(now, leg),
                Timer::Bindings => self.on_bindings_due(now),
                Timer::Watch(watch) => self.notify_watcher(now, watch),
                Timer::KeepAlive => self.on_keep_alive_due(now),
                Timer::Keeping => self.on_keeping_due(now),
                Timer::Presence => self.publish_presence(now),
                Timer::Shutdown => self.complete_shutdown(),
            }
            // A session's own deadline may be due again at once.
            self.settle(now);
        }
    }
}
