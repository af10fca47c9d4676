//! The orders of the call core, and what they carry.

use std::borrow::Cow;
use std::time::Instant;

use smol_str::SmolStr;

use super::{Session, State};
use crate::wcs::call::{Misorder, WireCall};
use crate::wcs::message::{
    CallStatus, ExtensionEvent, Fail, Payload, Presence, SdpText, ServerMessage, UserData,
    WcsCallId,
};

impl Session {
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
            self.send(ServerMessage::Registered);
        } else {
            self.misorder();
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
        self.calls.insert(call.call_id().clone(), Box::new(call));
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
        self.end(*call, end);
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

    /// What became of the client's [`SessionEvent::Data`](super::SessionEvent::Data); the error says why in a few words.
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
        self.calls.remove(call_id).map(|call| *call)
    }

    /// Goes on with a call of a parked session, for a page that still holds its media (our own
    /// does; the SDK forgets its calls with the socket). Its status is said once more.
    pub fn adopt(&mut self, call: WireCall) {
        if !self.is_open() || self.knows(call.call_id()) {
            return self.misorder();
        }
        self.send(call.restate());
        self.calls.insert(call.call_id().clone(), Box::new(call));
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
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In WCS's manner, say `SIP 403 Forbidden`.
    pub info: Cow<'static, str>,
    /// A stable word for programs, say `wrong_password`.
    pub code: &'static str,
    /// For people.
    pub sentence: Cow<'static, str>,
}

/// A call to the client.
#[derive(Debug, Clone, PartialEq)]
pub struct IncomingCall {
    /// Never used on this session before.
    pub call_id: WcsCallId,
    /// Our offer.
    pub sdp: SdpText,
    /// Who calls.
    pub caller: SmolStr,
    /// Who is called.
    pub callee: SmolStr,
    /// The name of the caller for people; the caller if there is none.
    pub visible_name: Option<String>,
    /// Sound is offered.
    pub has_audio: bool,
    /// A picture is offered.
    pub has_video: bool,
    /// Data of the calling application, `Null` for none.
    pub custom: Payload,
}

/// Why an incoming call was not announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unannounced {
    /// The session has as many calls as it may. The callee is busy.
    #[error("the session has as many calls as it may have")]
    TooManyCalls,
    /// The id was used on this session before, or the offer is empty: our own mistake.
    #[error("the call id is not new, or the offer is empty")]
    Unusable,
    /// Nobody is signed in on this session (any more).
    #[error("nobody is signed in on this session")]
    NotSignedIn,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The terminal status.
    pub status: Terminal,
    /// The SIP status behind it, if there is one.
    pub sip_status: Option<u16>,
    /// In WCS's words: one of [`info`](crate::wcs::message::info), or `SIP 404 Not Found`.
    pub info: Cow<'static, str>,
    /// A stable word for programs.
    pub code: SmolStr,
    /// For people.
    pub sentence: String,
    /// What lay behind it, for whoever looks closer.
    pub cause: Option<String>,
}

/// The terminal statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// In good order.
    Finish,
    /// The far side is busy; what is said of it is configured ([`BusyStatus`]).
    Busy,
    /// It did not work.
    Failed,
}

/// What a client is told when the far side is busy. The stock pages of the SDK have no handler for
/// BUSY: their button stays on "Hangup".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BusyStatus {
    /// BUSY, as WCS says it.
    #[default]
    Busy,
    /// FAILED
    Failed,
    /// FINISH
    Finish,
}

impl Terminal {
    /// The status on the wire.
    pub(crate) fn status(self, busy: BusyStatus) -> CallStatus {
        match (self, busy) {
            (Self::Finish, _) | (Self::Busy, BusyStatus::Finish) => CallStatus::Finish,
            (Self::Failed, _) | (Self::Busy, BusyStatus::Failed) => CallStatus::Failed,
            (Self::Busy, BusyStatus::Busy) => CallStatus::Busy,
        }
    }
}

/// `fail` about a call.
pub(super) fn call_failure(call_id: &WcsCallId, info: Cow<'static, str>) -> ServerMessage {
    ServerMessage::Fail(Box::new(Fail {
        api_method: Some("CallStatusEvent".into()),
        id: Some(call_id.as_str().into()),
        status: Some("FAILED"),
        info,
        ..Fail::default()
    }))
}
