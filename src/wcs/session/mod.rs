//! One client of the protocol: who is on a WebSocket, what it wants, what it is told.
//!
//! Messages and orders go in; after each, drain [`poll_transmit`](Session::poll_transmit) first and
//! [`poll_event`](Session::poll_event) then. An order that the wire cannot stand now (a second SDP,
//! a status after the last) sends nothing and counts in [`Counters::misorders`].

mod config;
mod event;
mod obey;
mod order;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use smol_str::SmolStr;

pub use config::SessionConfig;
pub use event::SessionEvent;
pub use order::{BusyStatus, End, IncomingCall, Refusal, Terminal, Unannounced};
pub use timing::{KeepAlive, MessageRate};

pub use super::call::WireCall;
use super::message::{
    CallEnded, ClientMessage, ExtensionEvent, Presence, ServerMessage, WcsCallId,
};
use timing::{Beat, Bucket, Pulse};

/// Messages waiting for [`Session::poll_transmit`]. More mean that nobody drains them: the session
/// is closed.
const MAX_QUEUED: usize = 1024;
/// The ids of ended calls that are remembered, so that nothing is said about them again.
const MAX_REMEMBERED: usize = 64;
/// The least time between two `callbox.presence`. What changes faster is told by the next one.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(250);

/// What went by without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages of the client.
    pub received: u64,
    /// Of those, logs, bug reports and metrics that were dropped.
    pub dropped_logs: u64,
    /// Of those, unknown, malformed or pointless ones.
    pub ignored: u64,
    /// Orders of the call core that the wire could not stand. Each is a mistake in the call core.
    pub misorders: u64,
}

/// One client.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    pulse: Pulse,
    messages: Bucket,
    logs: Bucket,
    /// Boxed, because a map has room for eleven from the first on.
    calls: BTreeMap<WcsCallId, Box<WireCall>>,
    ended: VecDeque<WcsCallId>,
    /// Texts of API 1.0 whose sender waits for `notifyMessage`.
    texts: VecDeque<SmolStr>,
    /// The client said `callbox.hello`.
    extended: bool,
    /// And can exchange descriptions anew.
    renegotiates: bool,
    presence: PresenceGate,
    transmits: VecDeque<ServerMessage>,
    events: VecDeque<SessionEvent>,
    counters: Counters,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The socket is open; `connection` is awaited.
    Opening { until: Instant },
    /// The call core decides.
    Deciding,
    /// Signed in.
    Open { login: SmolStr },
    /// The socket is lost, the calls may be taken up by another session.
    Parked { login: SmolStr },
    /// Over.
    Closed,
}

#[derive(Debug, Default)]
struct PresenceGate {
    /// Not before.
    opens: Option<Instant>,
    waiting: Option<Presence>,
}

impl Session {
    /// A session on a socket that was just opened.
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        Self {
            config,
            state: State::Opening {
                until: now + config.handshake_timeout,
            },
            pulse: Pulse::new(now, config.keep_alive),
            messages: Bucket::new(config.messages),
            logs: Bucket::new(config.logs),
            calls: BTreeMap::new(),
            ended: VecDeque::new(),
            texts: VecDeque::new(),
            extended: false,
            renegotiates: false,
            presence: PresenceGate::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The client says something.
    pub fn handle_message(&mut self, now: Instant, message: ClientMessage) {
        if !self.is_live() {
            return;
        }
        self.pulse.heard();
        self.counters.received += 1;
        let log = matches!(
            message,
            ClientMessage::PushLogs | ClientMessage::BugReport | ClientMessage::Metrics
        );
        if log && self.logs.take(now) {
            self.counters.dropped_logs += 1;
        } else if !self.messages.take(now) {
            self.close(1008, "too many messages");
        } else {
            self.on_message(message);
        }
    }

    /// The deadline named by [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.is_live() {
            return;
        }
        if matches!(self.state, State::Opening { until } if now >= until) {
            return self.close(1008, "no connection message in time");
        }
        match self.pulse.handle_timeout(now) {
            Some(Beat::Ping) => self.send(ServerMessage::Ping),
            Some(Beat::Dead) => {
                self.state = State::Closed;
                return self.events.push_back(SessionEvent::Dead);
            }
            None => {}
        }
        self.release_presence(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.is_live() {
            return None;
        }
        let handshake = match self.state {
            State::Opening { until } => Some(until),
            _ => None,
        };
        let presence = self.presence.waiting.as_ref().and(self.presence.opens);
        [Some(self.pulse.next()), handshake, presence]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<ServerMessage> {
        self.transmits.pop_front()
    }

    /// The next thing to decide or do.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Somebody is signed in here, on a socket.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Our own page is at the other end.
    pub fn is_extended(&self) -> bool {
        self.extended
    }

    /// Our own page is at the other end, and takes more than one description a call.
    pub fn renegotiates(&self) -> bool {
        self.renegotiates
    }

    /// The calls the client knows of.
    pub fn calls(&self) -> impl Iterator<Item = &WcsCallId> {
        self.calls.keys()
    }

    /// What went by without effect.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Someone may still say something.
    fn is_live(&self) -> bool {
        !matches!(self.state, State::Parked { .. } | State::Closed)
    }

    fn end(&mut self, call: WireCall, end: End) {
        if self.extended {
            self.send(ServerMessage::Extension(Box::new(
                ExtensionEvent::CallEnded(CallEnded {
                    call_id: call.call_id().clone(),
                    code: end.code.clone(),
                    sentence: end.sentence.clone(),
                    cause: end.cause.clone(),
                }),
            )));
        }
        self.send(call.finish(&end, end.status.status(self.config.busy)));
    }

    fn send(&mut self, message: ServerMessage) {
        if !self.is_live() {
            return;
        }
        if self.transmits.len() < MAX_QUEUED {
            self.transmits.push_back(message);
        } else {
            self.close(1008, "outbound queue full");
        }
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        self.state = State::Closed;
        self.events.push_back(SessionEvent::Close { code, reason });
    }

    fn misorder(&mut self) {
        self.counters.misorders += 1;
    }

    /// The id names a call of this session, or did.
    fn knows(&self, call_id: &WcsCallId) -> bool {
        self.calls.contains_key(call_id) || self.ended.contains(call_id)
    }

    fn remember(&mut self, call_id: WcsCallId) {
        if self.ended.len() >= MAX_REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(call_id);
    }

    fn release_presence(&mut self, now: Instant) {
        if self.presence.opens.is_some_and(|opens| now < opens) {
            return;
        }
        if let Some(presence) = self.presence.waiting.take() {
            self.presence.opens = Some(now + PRESENCE_INTERVAL);
            self.extension(ExtensionEvent::Presence(presence));
        }
    }
}
