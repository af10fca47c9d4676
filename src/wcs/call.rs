//! One call as the client sees it, and what may be said about it when.
//!
//! The SDK enforces nothing and forgives little: a second SDP is taken for an offer, a status
//! after the last one is lost or throws, a progress status for an unanswered incoming call makes
//! `answer()` throw. So the order is kept here, whatever the call core says.

use serde_json::Value;

use super::message::{
    CallNotice, CallRequest, CallStatus, Payload, SdpText, ServerMessage, WcsCallId,
};
use super::session::{End, IncomingCall};

/// The state of a call on the wire. It ends with its terminal status, by being dropped.
#[derive(Debug)]
pub struct WireCall {
    /// What is always said of the call; `status` is the last one sent.
    notice: CallNotice,
    /// The one SDP of the call was sent.
    sdp_sent: bool,
    stage: Stage,
    /// The client has hung up: it waits for the terminal status and for nothing else.
    leaving: bool,
}

/// What the client can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It called and waits.
    Calling,
    /// It is called and has not answered.
    Ringing,
    /// It has answered and waits.
    Answering,
    /// The call is up, held or not.
    Up,
}

/// The order made no sense in the state of the call; nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misorder;

impl WireCall {
    /// An outgoing call. TRYING has to go out at once: without it the SDK's `hangup()` never
    /// reaches us.
    pub(super) fn outgoing(request: &CallRequest, login: &str) -> (Self, ServerMessage) {
        let mut call = Self::refused(request.call_id.clone(), login, &request.callee);
        call.notice.visible_name = request
            .visible_name
            .clone()
            .unwrap_or_else(|| login.to_owned());
        call.notice.has_audio = request.has_audio;
        call.notice.has_video = request.has_video;
        call.notice.custom = request.custom.clone();
        let trying = call.restate();
        (call, trying)
    }

    /// A call of the client that is not to be: all that can follow is its
    /// [`finish`](Self::finish).
    pub(super) fn refused(call_id: WcsCallId, caller: &str, callee: &str) -> Self {
        Self {
            notice: CallNotice {
                call_id,
                status: CallStatus::Trying,
                incoming: false,
                caller: caller.into(),
                callee: callee.into(),
                visible_name: caller.to_owned(),
                has_audio: true,
                has_video: false,
                sip_status: CallStatus::Trying.sip_status(),
                info: None,
                sentence: None,
                hold_for_transfer: false,
                custom: Payload(Value::Null),
            },
            sdp_sent: false,
            stage: Stage::Calling,
            leaving: false,
        }
    }

    /// An incoming call, and the three messages that announce it. The SDP comes first, to be kept
    /// by the SDK until the call is answered; RING at once, or `hangup()` would not reach us.
    pub(super) fn incoming(incoming: IncomingCall) -> (Self, [ServerMessage; 3]) {
        let IncomingCall {
            call_id,
            sdp,
            caller,
            callee,
            visible_name,
            has_audio,
            has_video,
            custom,
        } = incoming;
        let mut call = Self {
            notice: CallNotice {
                call_id: call_id.clone(),
                status: CallStatus::Ring,
                incoming: true,
                // Left out, the SDK would show its own user's name.
                visible_name: visible_name.unwrap_or_else(|| caller.to_string()),
                caller,
                callee,
                has_audio,
                has_video,
                sip_status: 180,
                info: None,
                sentence: None,
                hold_for_transfer: false,
                custom,
            },
            sdp_sent: true,
            stage: Stage::Ringing,
            leaving: false,
        };
        let announce = ServerMessage::IncomingCall(Box::new(call.notice.clone()));
        let ring = call.status(CallStatus::Ring);
        (
            call,
            [ServerMessage::RemoteSdp { call_id, sdp }, announce, ring],
        )
    }

    /// Its name.
    pub fn call_id(&self) -> &WcsCallId {
        &self.notice.call_id
    }

    /// The far side rings, with media of its own if there is an early SDP.
    pub(super) fn ringing(
        &mut self,
        early: Option<SdpText>,
    ) -> Result<Vec<ServerMessage>, Misorder> {
        if self.stage != Stage::Calling {
            return Err(Misorder);
        }
        let mut messages = Vec::new();
        let status = match early {
            Some(sdp) => {
                messages.extend(self.first_sdp(sdp)?);
                CallStatus::RingMedia
            }
            // It hears what happens already.
            None if self.sdp_sent => CallStatus::RingMedia,
            None => CallStatus::Ring,
        };
        if self.notice.status != status {
            messages.push(self.status(status));
        }
        Ok(messages)
    }

    /// Something happens at the far side that is not ringing.
    pub(super) fn progress(&mut self) -> Result<ServerMessage, Misorder> {
        if self.stage != Stage::Calling {
            return Err(Misorder);
        }
        Ok(self.status(CallStatus::SessionProgress))
    }

    /// The client answered. False if it had nothing to answer.
    pub(super) fn answered(&mut self) -> bool {
        let ringing = self.stage == Stage::Ringing;
        if ringing {
            self.stage = Stage::Answering;
        }
        ringing
    }

    /// The call is up. An outgoing one gets its SDP now, if it has none yet; another one is not
    /// sent, since the SDK would take it for an offer.
    pub(super) fn established(
        &mut self,
        sdp: Option<SdpText>,
    ) -> Result<Vec<ServerMessage>, Misorder> {
        let mut messages = Vec::new();
        match self.stage {
            Stage::Calling => {
                if let Some(sdp) = sdp {
                    messages.extend(self.first_sdp(sdp)?);
                }
                if !self.sdp_sent {
                    return Err(Misorder);
                }
            }
            Stage::Answering => {}
            Stage::Ringing | Stage::Up => return Err(Misorder),
        }
        self.stage = Stage::Up;
        messages.push(self.status(CallStatus::Established));
        Ok(messages)
    }

    /// The call is on hold, or no longer.
    pub(super) fn held(&mut self, held: bool) -> Result<ServerMessage, Misorder> {
        if self.stage != Stage::Up {
            return Err(Misorder);
        }
        if !held {
            self.notice.hold_for_transfer = false;
        }
        Ok(self.status(if held {
            CallStatus::Hold
        } else {
            CallStatus::Established
        }))
    }

    /// The client hangs up. False if it did so before.
    pub(super) fn leave(&mut self) -> bool {
        !std::mem::replace(&mut self.leaving, true)
    }

    /// The client has hung up.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// The client is about to transfer the held call.
    pub(super) fn hold_for_transfer(&mut self, for_transfer: bool) {
        self.notice.hold_for_transfer = for_transfer;
    }

    /// The last status once more: the answer to a wish that was not granted.
    pub(super) fn restate(&self) -> ServerMessage {
        ServerMessage::Status(Box::new(self.notice.clone()))
    }

    /// The call is up, held or not.
    pub(super) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Media from the far side can be heard: digits make sense.
    pub(super) fn has_media(&self) -> bool {
        self.is_up() || (self.stage == Stage::Calling && self.sdp_sent)
    }

    /// The last message about the call.
    pub(super) fn finish(mut self, end: &End, status: CallStatus) -> ServerMessage {
        self.notice.status = status;
        self.notice.sip_status = end.sip_status.unwrap_or_else(|| status.sip_status());
        self.notice.info = Some(end.info.clone());
        self.notice.sentence = Some(end.sentence.clone());
        ServerMessage::Status(Box::new(self.notice))
    }

    fn status(&mut self, status: CallStatus) -> ServerMessage {
        self.notice.status = status;
        self.notice.sip_status = status.sip_status();
        self.restate()
    }

    /// The SDP, unless the call had its one. An empty one would throw in the SDK.
    fn first_sdp(&mut self, sdp: SdpText) -> Result<Option<ServerMessage>, Misorder> {
        if sdp.is_empty() {
            return Err(Misorder);
        }
        if self.sdp_sent {
            return Ok(None);
        }
        self.sdp_sent = true;
        Ok(Some(ServerMessage::RemoteSdp {
            call_id: self.notice.call_id.clone(),
            sdp,
        }))
    }
}
