//! One client of the protocol: who is on a WebSocket, what it wants, what it is told.
//!
//! Messages and orders go in; after each, drain [`poll_transmit`](Session::poll_transmit) first and
//! [`poll_event`](Session::poll_event) then. An order that the wire cannot stand now (a second SDP,
//! a status after the last) sends nothing and counts in [`Counters::misorders`].

mod event;
mod obey;
mod order;
#[cfg(test)]
mod tests;
mod timing;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use smol_str::SmolStr;

pub use event::SessionEvent;
pub use order::{BusyStatus, End, IncomingCall, Refusal, Terminal, Unannounced};
pub use timing::{KeepAlive, MessageRate};

use super::call::{Misorder, WireCall};
use super::message::{
    CallEnded, ClientMessage, ExtensionEvent, Fail, Payload, Presence, SdpText, ServerMessage,
    UserData, WcsCallId,
};
use timing::{Beat, Bucket, Pulse};

/// Messages waiting for [`Session::poll_transmit`]. More mean that nobody drains them: the session
/// is closed.
const MAX_QUEUED: usize = 1024;
/// The ids of ended calls that are remembered, so that nothing is said about them again.
const MAX_REMEMBERED: usize = 64;
/// The least time between two `callbox.presence`. What changes faster is told by the next one.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(250);

/// What a session is allowed, and when it counts as dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Signs of life.
    pub keep_alive: KeepAlive,
    /// How long the first `connection` may take.
    pub handshake_timeout: Duration,
    /// Calls at once, in both directions together.
    pub max_calls: usize,
    /// The longest `sendData` payload, in bytes of JSON.
    pub max_data_bytes: usize,
    /// Messages taken; whoever sends more is closed with 1008.
    pub messages: MessageRate,
    /// `pushLogs` and the like, dropped at no cost; more of them count as messages.
    pub logs: MessageRate,
    /// What a client is told when the far side is busy.
    pub busy: BusyStatus,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            keep_alive: KeepAlive::default(),
            handshake_timeout: Duration::from_secs(10),
            max_calls: 8,
            max_data_bytes: 64 * 1024,
            messages: MessageRate {
                per_second: 100,
                burst: 400,
            },
            logs: MessageRate {
                per_second: 500,
                burst: 2000,
            },
            busy: BusyStatus::default(),
        }
    }
}

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
    calls: BTreeMap<WcsCallId, WireCall>,
    ended: VecDeque<WcsCallId>,
    /// Texts of API 1.0 whose sender waits for `notifyMessage`.
    texts: VecDeque<SmolStr>,
    /// The client said `callbox.hello`.
    extended: bool,
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

    /// The calls the client knows of.
    pub fn calls(&self) -> impl Iterator<Item = &WcsCallId> {
        self.calls.keys()
    }

    /// What went by without effect.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Lets the client in: `getUserData`.
    pub fn accept(&mut self, user: UserData) {
        if self.state != State::Deciding {
            return self.misorder();
        }
        self.state = State::Open {
            login: user.sip_login.clone(),
        };
        self.send(ServerMessage::UserData(Box::new(user)));
    }

    /// The user is registered: `registered`. For sessions that asked for it.
    pub fn registered(&mut self) {
        if self.is_open() {
            self.send(ServerMessage::Registered)
        } else {
            self.misorder()
        }
    }

    /// Does not let the client in, or throws it out: `fail`, and the socket is to be closed.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !self.is_live() {
            return self.misorder();
        }
        self.send(ServerMessage::Fail(Box::new(Fail {
            api_method: Some("RegistrationStatusEvent".into()),
            id: None,
            status: Some("FAILED"),
            info: refusal.info,
            code: Some(refusal.code),
            sentence: Some(refusal.sentence),
        })));
        self.close(1008, "sign-in refused");
    }

    /// The far side rings; with an early SDP its media is connected already. An SDP beyond the
    /// call's first is not sent.
    pub fn ringing(&mut self, call_id: &WcsCallId, early: Option<SdpText>) {
        self.order(call_id, |call| call.ringing(early));
    }

    /// Something happens at the far side that is not ringing (181, 182, 183 without SDP).
    pub fn progress(&mut self, call_id: &WcsCallId) {
        self.order(call_id, |call| call.progress().map(|message| vec![message]));
    }

    /// Announces a call: its offer, the announcement, RING, back to back.
    ///
    /// # Errors
    /// [`Unannounced`]; nothing was sent then.
    pub fn incoming(&mut self, incoming: IncomingCall) -> Result<(), Unannounced> {
        if !self.is_open() {
            return Err(Unannounced::NotSignedIn);
        }
        if self.knows(&incoming.call_id) || incoming.sdp.is_empty() {
            self.misorder();
            return Err(Unannounced::Unusable);
        }
        if self.calls.len() >= self.config.max_calls {
            return Err(Unannounced::TooManyCalls);
        }
        let (call, messages) = WireCall::incoming(incoming);
        self.calls.insert(call.call_id().clone(), call);
        messages.into_iter().for_each(|message| self.send(message));
        Ok(())
    }

    /// The call is up. An outgoing call needs its SDP here, unless it had it while ringing; an
    /// SDP beyond the call's first is not sent.
    pub fn established(&mut self, call_id: &WcsCallId, sdp: Option<SdpText>) {
        self.order(call_id, |call| call.established(sdp));
    }

    /// The call is on hold, by this client or by the far side.
    pub fn held(&mut self, call_id: &WcsCallId) {
        self.order(call_id, |call| call.held(true).map(|message| vec![message]));
    }

    /// The call is no longer on hold.
    pub fn resumed(&mut self, call_id: &WcsCallId) {
        self.order(call_id, |call| {
            call.held(false).map(|message| vec![message])
        });
    }

    /// A hold, unhold, transfer or row of digits could not be done: `fail` with the reason, and the
    /// old status once more, since pages wait for one.
    pub fn not_done(&mut self, call_id: &WcsCallId, info: impl Into<Cow<'static, str>>) {
        let info = info.into();
        self.order(call_id, |call| {
            Ok(vec![call_failure(call_id, info), call.restate()])
        });
    }

    /// The call is over. Nothing is said about it again.
    pub fn finish(&mut self, call_id: &WcsCallId, end: End) {
        let Some(call) = self.calls.remove(call_id) else {
            return self.misorder();
        };
        self.remember(call_id.clone());
        self.end(call, end);
    }

    /// Somebody sends the client data.
    pub fn data(&mut self, operation_id: SmolStr, payload: Payload) {
        if self.is_open() {
            self.send(ServerMessage::Data {
                operation_id,
                payload,
            });
        } else {
            self.misorder();
        }
    }

    /// What became of the client's [`SessionEvent::Data`]; the error says why in a few words.
    pub fn data_status(&mut self, operation_id: SmolStr, outcome: Result<(), Cow<'static, str>>) {
        let failure = outcome.err();
        let text = self.texts.iter().position(|id| *id == operation_id);
        let text = text.and_then(|index| self.texts.remove(index));
        self.send(match text {
            Some(id) => ServerMessage::MessageStatus { id, failure },
            None => ServerMessage::DataStatus {
                operation_id,
                failure,
            },
        });
    }

    /// A warning: the SDK fires WARN. It touches no call.
    pub fn fail(&mut self, fail: Fail) {
        self.send(ServerMessage::Fail(Box::new(fail)));
    }

    /// Tells our own page something. Nobody else hears of it.
    pub fn extension(&mut self, event: ExtensionEvent) {
        if self.extended {
            self.send(ServerMessage::Extension(Box::new(event)));
        }
    }

    /// Tells our own page who is here, at most four times a second: of what comes faster, the
    /// latest is told.
    pub fn presence(&mut self, now: Instant, presence: Presence) {
        if self.extended {
            self.presence.waiting = Some(presence);
            self.release_presence(now);
        }
    }

    /// The socket is lost, but the user may come back. The calls stay as they are and follow
    /// orders, unheard; the deadlines stop.
    pub fn park(&mut self) {
        let login = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open { login } | State::Parked { login } => login,
            _ => return,
        };
        self.state = State::Parked { login };
        self.presence.waiting = None;
        self.transmits.clear();
    }

    /// Takes a call out, for [`adopt`](Self::adopt) by the session on the user's next socket.
    pub fn release(&mut self, call_id: &WcsCallId) -> Option<WireCall> {
        self.calls.remove(call_id)
    }

    /// Goes on with a call of a parked session, for a page that still holds its media (our own
    /// does; the SDK forgets its calls with the socket). Its status is said once more.
    pub fn adopt(&mut self, call: WireCall) {
        if !self.is_open() || self.knows(call.call_id()) {
            return self.misorder();
        }
        self.send(call.restate());
        self.calls.insert(call.call_id().clone(), call);
    }

    /// Someone may still say something.
    fn is_live(&self) -> bool {
        !matches!(self.state, State::Parked { .. } | State::Closed)
    }

    fn order(
        &mut self,
        call_id: &WcsCallId,
        order: impl FnOnce(&mut WireCall) -> Result<Vec<ServerMessage>, Misorder>,
    ) {
        let Some(call) = self.calls.get_mut(call_id) else {
            return self.misorder();
        };
        if call.is_leaving() {
            return;
        }
        match order(call) {
            Ok(messages) => messages.into_iter().for_each(|message| self.send(message)),
            Err(Misorder) => self.misorder(),
        }
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

fn call_failure(call_id: &WcsCallId, info: Cow<'static, str>) -> ServerMessage {
    ServerMessage::Fail(Box::new(Fail {
        api_method: Some("CallStatusEvent".into()),
        id: Some(call_id.as_str().into()),
        status: Some("FAILED"),
        info,
        ..Fail::default()
    }))
}
