//! What the client may say when, and what it is answered at once.

use std::borrow::Cow;
use std::io;

use smol_str::SmolStr;

use super::order::call_failure;
use super::{End, Refusal, Session, SessionEvent, State, Terminal};
use crate::wcs::call::WireCall;
use crate::wcs::message::{
    AnswerRequest, CallRequest, ClientMessage, Connection, ExtensionRequest, Fail, Payload,
    RENEGOTIATES_SINCE, ServerMessage, WcsCallId,
};

/// Texts of API 1.0 whose sender waits for an answer. The oldest beyond is forgotten.
const MAX_TEXTS: usize = 64;

impl Session {
    pub(super) fn on_message(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Ping => self.send(ServerMessage::Pong),
            ClientMessage::Pong => {}
            ClientMessage::PushLogs | ClientMessage::BugReport | ClientMessage::Metrics => {
                self.counters.dropped_logs += 1;
            }
            ClientMessage::Connection(connection) => self.on_connection(connection),
            message => match self.state {
                State::Opening { .. } => self.on_strange_opening(&message),
                State::Deciding => self.on_early(message),
                State::Open { .. } => self.on_open(message),
                State::Parked { .. } | State::Closed => {}
            },
        }
    }

    fn on_strange_opening(&mut self, message: &ClientMessage) {
        let info = match message {
            ClientMessage::Malformed { message, field, .. } if message == "connection" => {
                format!("The field {field} of connection is missing or wrong").into()
            }
            _ => Cow::Borrowed("The first message has to be connection"),
        };
        let sentence = "The page did not introduce itself in a way this server understands.";
        self.refuse(Refusal {
            info,
            code: "protocol",
            sentence: sentence.into(),
        });
    }

    fn on_connection(&mut self, connection: Box<Connection>) {
        if matches!(self.state, State::Opening { .. }) {
            self.state = State::Deciding;
            self.events.push_back(SessionEvent::Connect(connection));
        } else {
            // The SDK never does this; whoever it is stays who he is.
            self.warn("connection", None, "This session is already connected");
        }
    }

    /// Before the call core has decided whether the client is let in.
    fn on_early(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Call(request) => {
                let (callee, sentence) = (request.callee.as_str(), "You are not signed in yet.");
                self.refuse_call(&request.call_id, callee, 403, "Not signed in", sentence);
            }
            ClientMessage::SendData { operation_id, .. } => {
                self.data_status(operation_id, Err("Not signed in".into()));
            }
            _ => self.counters.ignored += 1,
        }
    }

    fn on_open(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Call(request) => self.on_call(request),
            ClientMessage::Answer(answer) => self.on_answer(answer),
            ClientMessage::Hangup { call_id } => self.on_hangup(call_id),
            ClientMessage::Hold {
                call_id,
                for_transfer,
            } => {
                if let Some(call) = self.call_that_is_up(&call_id) {
                    call.hold_for_transfer(for_transfer);
                    self.events.push_back(SessionEvent::Hold {
                        call_id,
                        for_transfer,
                    });
                }
            }
            ClientMessage::Unhold { call_id } => {
                if self.call_that_is_up(&call_id).is_some() {
                    self.events.push_back(SessionEvent::Unhold { call_id });
                }
            }
            ClientMessage::Transfer { call_id, target } => {
                if self.call_that_is_up(&call_id).is_some() {
                    self.events
                        .push_back(SessionEvent::Transfer { call_id, target });
                }
            }
            ClientMessage::SendDtmf {
                call_id,
                method,
                digits,
            } => match self.calls.get(&call_id) {
                Some(call) if call.has_media() && !call.is_leaving() => {
                    self.events.push_back(SessionEvent::Dtmf {
                        call_id,
                        method,
                        digits,
                    });
                }
                _ => self.warn("sendDtmf", Some(call_id.as_str()), "The call has no media"),
            },
            ClientMessage::SendData {
                operation_id,
                payload,
            } => {
                self.on_data(operation_id, payload);
            }
            ClientMessage::SendMessage { id, text } => {
                if self.texts.len() >= MAX_TEXTS {
                    self.texts.pop_front();
                }
                self.texts.push_back(id.clone());
                self.on_data(id, text.to_payload());
            }
            ClientMessage::SessionDebug { start } => {
                self.send(ServerMessage::SessionDebug { started: start });
            }
            ClientMessage::Stream {
                method: _,
                media_session_id: Some(media_session_id),
            } => {
                self.send(ServerMessage::StreamRefused { media_session_id });
            }
            ClientMessage::Stream {
                media_session_id: None,
                ..
            } => {
                self.warn(
                    "StreamStatusEvent",
                    None,
                    "Streams are not supported by this server",
                );
            }
            ClientMessage::Extension(request) => self.on_extension(request),
            ClientMessage::Malformed {
                message,
                call_id,
                field,
            } => {
                self.on_malformed(&message, call_id, field);
            }
            ClientMessage::Unknown { .. } => self.counters.ignored += 1,
            ClientMessage::Connection(_)
            | ClientMessage::Ping
            | ClientMessage::Pong
            | ClientMessage::PushLogs
            | ClientMessage::BugReport
            | ClientMessage::Metrics => {}
        }
    }

    fn on_extension(&mut self, request: ExtensionRequest) {
        match &request {
            ExtensionRequest::Hello { version } => {
                self.extended = true;
                self.renegotiates = *version >= RENEGOTIATES_SINCE;
            }
            ExtensionRequest::Offer { .. } | ExtensionRequest::Answer { .. }
                if !self.renegotiates =>
            {
                self.counters.ignored += 1;
                return;
            }
            ExtensionRequest::Offer { call_id, .. } | ExtensionRequest::Answer { call_id, .. } => {
                if self.call_that_is_up(call_id).is_none() {
                    return;
                }
            }
        }
        self.events.push_back(SessionEvent::Extension(request));
    }

    fn on_call(&mut self, request: Box<CallRequest>) {
        let call_id = &request.call_id;
        if self.knows(call_id) {
            // A terminal status would end the other call of that id, or speak of a dead one.
            return self.warn(
                "CallStatusEvent",
                Some(call_id.as_str()),
                "Duplicate call id",
            );
        }
        let callee = request.callee.as_str();
        if self.calls.len() >= self.config.max_calls {
            let sentence = "You have as many calls as you may have at once.";
            return self.refuse_call(call_id, callee, 486, "Too many calls", sentence);
        }
        if request
            .media_provider
            .as_deref()
            .is_some_and(|provider| provider != "WebRTC")
        {
            let sentence = "This server carries WebRTC calls only.";
            return self.refuse_call(
                call_id,
                callee,
                488,
                "Media provider not supported",
                sentence,
            );
        }
        let (call, trying) = WireCall::outgoing(&request, self.login());
        self.calls.insert(request.call_id.clone(), Box::new(call));
        self.send(trying);
        self.events.push_back(SessionEvent::Call(request));
    }

    fn on_answer(&mut self, answer: Box<AnswerRequest>) {
        match self.calls.get_mut(&answer.call_id) {
            Some(call) => {
                if !call.is_leaving() && call.answered() {
                    self.events.push_back(SessionEvent::Answer(answer));
                } else {
                    self.counters.ignored += 1;
                }
            }
            // The caller gave up while the answer was on its way: that has been said.
            None if self.ended.contains(&answer.call_id) => self.counters.ignored += 1,
            None => {
                let sentence = "The call you answered does not exist.";
                self.refuse_call(&answer.call_id, "", 481, "No such call", sentence);
            }
        }
    }

    /// An id that names no call is passed over: the SDK sends one for a call that it never began
    /// (no permission for the microphone), and its stock page for calls that ended BUSY. It has
    /// forgotten both, so that an answer would reach nobody.
    fn on_hangup(&mut self, call_id: WcsCallId) {
        if self
            .calls
            .get_mut(&call_id)
            .is_some_and(|call| call.leave())
        {
            self.events.push_back(SessionEvent::Hangup { call_id });
        } else {
            self.counters.ignored += 1;
        }
    }

    fn on_data(&mut self, operation_id: SmolStr, payload: Payload) {
        if json_length(&payload) > self.config.max_data_bytes {
            self.data_status(operation_id, Err("The data is too long".into()));
        } else {
            self.events.push_back(SessionEvent::Data {
                operation_id,
                payload,
            });
        }
    }

    fn on_malformed(&mut self, message: &str, call_id: Option<WcsCallId>, field: &'static str) {
        self.counters.ignored += 1;
        let known = call_id.as_ref().is_some_and(|id| self.knows(id));
        match (message, call_id) {
            ("call", Some(call_id)) if !known => {
                let info = format!("The field {field} is missing or wrong");
                let sentence = "The page asked for a call in a way this server cannot read.";
                self.refuse_call(&call_id, "", 400, info, sentence);
            }
            // An answer that cannot be read will not come again: the call is refused by it.
            ("answer", Some(call_id)) if known => self.on_hangup(call_id),
            ("hangup", _) => {}
            (_, call_id) => {
                let id = call_id.as_ref().map(WcsCallId::as_str);
                self.warn(
                    "message",
                    id,
                    format!("The field {field} is missing or wrong"),
                );
                if let Some(call) = call_id.as_ref().and_then(|id| self.calls.get(id)) {
                    let status = call.restate();
                    self.send(status);
                }
            }
        }
    }

    /// The call, if it is answered. Otherwise the client gets the status that stands, since a page
    /// waits for one; of an ended call it has had its last.
    fn call_that_is_up(&mut self, call_id: &WcsCallId) -> Option<&mut WireCall> {
        let standing = match self.calls.get(call_id) {
            Some(call) if call.is_leaving() => None,
            Some(call) if call.is_up() => return self.calls.get_mut(call_id).map(Box::as_mut),
            Some(call) => Some(call.restate()),
            None if self.ended.contains(call_id) => None,
            None => Some(call_failure(call_id, "No such call".into())),
        };
        self.counters.ignored += 1;
        if let Some(standing) = standing {
            self.send(standing);
        }
        None
    }

    /// Ends a call that never began here.
    fn refuse_call(
        &mut self,
        call_id: &WcsCallId,
        callee: &str,
        sip_status: u16,
        info: impl Into<Cow<'static, str>>,
        sentence: &str,
    ) {
        self.remember(call_id.clone());
        let end = End {
            status: Terminal::Failed,
            sip_status: Some(sip_status),
            info: info.into(),
            code: "refused".into(),
            sentence: sentence.to_owned(),
            cause: None,
        };
        let call = WireCall::refused(call_id.clone(), self.login(), callee);
        self.end(call, end);
    }

    fn warn(&mut self, method: &str, id: Option<&str>, info: impl Into<Cow<'static, str>>) {
        self.counters.ignored += 1;
        self.send(ServerMessage::Fail(Box::new(Fail {
            api_method: Some(method.into()),
            id: id.map(SmolStr::from),
            info: info.into(),
            ..Fail::default()
        })));
    }

    fn login(&self) -> &str {
        match &self.state {
            State::Open { login } | State::Parked { login } => login,
            _ => "",
        }
    }
}

/// How long the payload is as JSON, without writing it.
fn json_length(payload: &Payload) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, &payload.0) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}
