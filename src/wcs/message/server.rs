//! What the server says.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::connection::ConnectionEcho;
use super::extension::ExtensionEvent;
use super::ids::{AuthToken, Payload, SdpText, WcsCallId};

/// One message to a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerMessage {
    /// `getUserData`: the session is accepted. The SDK fires ESTABLISHED.
    UserData(Box<UserData>),
    /// `registered`: the SDK fires REGISTERED.
    Registered,
    /// `fail`: the SDK fires WARN. It touches no call.
    Fail(Box<Fail>),
    /// `ping`: asks for a sign of life.
    Ping,
    /// `pong`: answers the client's `ping`.
    Pong,
    /// `setRemoteSDP`, once a call.
    RemoteSdp {
        /// Of this call.
        call_id: WcsCallId,
        /// An offer for a call still to be announced, otherwise the answer.
        sdp: SdpText,
    },
    /// `notifyIncomingCall`: the SDK fires INCOMING_CALL.
    IncomingCall(Box<CallNotice>),
    /// `notifyTryingResponse`, `ring`, `talk`, `hold` or `finish`, as the status wants it.
    Status(Box<CallNotice>),
    /// `DataStatusEvent`: what became of a `sendData`.
    DataStatus {
        /// Of that `sendData`.
        operation_id: SmolStr,
        /// Why it was not delivered; `None` if it was.
        failure: Option<Cow<'static, str>>,
    },
    /// `OnDataEvent`: the SDK fires APP_DATA.
    Data {
        /// Made by the sender.
        operation_id: SmolStr,
        /// Whatever he sent.
        payload: Payload,
    },
    /// `notifyMessage` of API 1.0: what became of a `sendMessage`.
    MessageStatus {
        /// Of that `sendMessage`.
        id: SmolStr,
        /// Why it was not delivered; `None` if it was.
        failure: Option<Cow<'static, str>>,
    },
    /// `notifySessionDebugEvent`: the SDK fires DEBUG.
    SessionDebug {
        /// Debugging is on.
        started: bool,
    },
    /// `notifyStreamStatusEvent` with FAILED: there are no streams here.
    StreamRefused {
        /// The stream.
        media_session_id: SmolStr,
    },
    /// `callbox.*`, for our own page.
    Extension(Box<ExtensionEvent>),
}

/// The contents of `getUserData`: they replace the SDK's whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct UserData {
    /// What the client sent, without its secrets.
    pub echo: ConnectionEcho,
    /// Takes the session up again later.
    pub auth_token: AuthToken,
    /// The SDK makes it the `caller` of each of its calls.
    pub sip_login: SmolStr,
    /// The domain it is signed in under, if any.
    pub sip_domain: Option<SmolStr>,
}

/// The contents of `fail`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fail {
    /// The event or method that failed, in WCS's words (`RegistrationStatusEvent`).
    pub api_method: Option<SmolStr>,
    /// The call or operation it is about.
    pub id: Option<SmolStr>,
    /// `FAILED` or the like.
    pub status: Option<&'static str>,
    /// What happened, in WCS's words where it has some.
    pub info: Cow<'static, str>,
    /// A stable word for programs, ours.
    pub code: Option<&'static str>,
    /// What happened, for people, ours.
    pub sentence: Option<Cow<'static, str>>,
}

/// The state of a call as the client is to see it: WCS's Call object.
#[derive(Debug, Clone, PartialEq)]
pub struct CallNotice {
    /// Whose state.
    pub call_id: WcsCallId,
    /// The state.
    pub status: CallStatus,
    /// To the client, not from it.
    pub incoming: bool,
    /// Who calls.
    pub caller: SmolStr,
    /// Who is called.
    pub callee: SmolStr,
    /// The name of the caller, for people.
    pub visible_name: String,
    /// Sound is wanted.
    pub has_audio: bool,
    /// A picture is wanted.
    pub has_video: bool,
    /// The SIP status behind it, 100 to 699.
    pub sip_status: u16,
    /// How it ended, in WCS's words.
    pub info: Option<Cow<'static, str>>,
    /// How it ended, for people.
    pub sentence: Option<String>,
    /// Held because a transfer is to follow.
    pub hold_for_transfer: bool,
    /// Data of the application; `Null` goes out as an empty object.
    pub custom: Payload,
}

/// CALL_STATUS of the SDK, as far as a server sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Accepted by this server, nothing heard of the far side yet.
    Trying,
    /// The far side rings.
    Ring,
    /// The far side rings and sends media of its own.
    RingMedia,
    /// Something happens that is not ringing.
    SessionProgress,
    /// Answered.
    Established,
    /// On hold.
    Hold,
    /// Over, in good order.
    Finish,
    /// Over: the far side is busy.
    Busy,
    /// Over: it did not work.
    Failed,
}

impl CallStatus {
    /// After it the SDK forgets the call.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Finish | Self::Busy | Self::Failed)
    }

    /// The text of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "TRYING",
            Self::Ring => "RING",
            Self::RingMedia => "RING_MEDIA",
            Self::SessionProgress => "SESSION_PROGRESS",
            Self::Established => "ESTABLISHED",
            Self::Hold => "HOLD",
            Self::Finish => "FINISH",
            Self::Busy => "BUSY",
            Self::Failed => "FAILED",
        }
    }

    /// The message that carries it. The SDK looks at the status alone, but knows these names only.
    pub fn message(self) -> &'static str {
        match self {
            Self::Trying => "notifyTryingResponse",
            Self::Ring | Self::RingMedia | Self::SessionProgress => "ring",
            Self::Established => "talk",
            Self::Hold => "hold",
            Self::Finish | Self::Busy | Self::Failed => "finish",
        }
    }

    /// The SIP status that stands for it where no better one is known.
    pub fn sip_status(self) -> u16 {
        match self {
            Self::Trying => 100,
            Self::Ring => 180,
            Self::RingMedia | Self::SessionProgress => 183,
            Self::Established | Self::Hold | Self::Finish => 200,
            Self::Busy => 486,
            Self::Failed => 500,
        }
    }
}

impl ServerMessage {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserData(_) => "getUserData",
            Self::Registered => "registered",
            Self::Fail(_) => "fail",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::RemoteSdp { .. } => "setRemoteSDP",
            Self::IncomingCall(_) => "notifyIncomingCall",
            Self::Status(notice) => notice.status.message(),
            Self::DataStatus { .. } => "DataStatusEvent",
            Self::Data { .. } => "OnDataEvent",
            Self::MessageStatus { .. } => "notifyMessage",
            Self::SessionDebug { .. } => "notifySessionDebugEvent",
            Self::StreamRefused { .. } => "notifyStreamStatusEvent",
            Self::Extension(event) => event.name(),
        }
    }

    /// The text frame. `data` is always an array: without one the SDK throws.
    pub fn to_text(&self) -> String {
        json!({ "message": self.name(), "data": self.data() }).to_string()
    }

    fn data(&self) -> Vec<Value> {
        match self {
            Self::Registered | Self::Ping | Self::Pong => Vec::new(),
            Self::UserData(user) => vec![user.to_json()],
            Self::Fail(fail) => vec![fail.to_json()],
            Self::RemoteSdp { call_id, sdp } => vec![call_id.to_json(), sdp.as_str().into()],
            Self::IncomingCall(notice) | Self::Status(notice) => vec![notice.to_json()],
            Self::DataStatus {
                operation_id,
                failure,
            } => {
                vec![outcome("operationId", operation_id, failure.as_deref())]
            }
            Self::Data {
                operation_id,
                payload,
            } => {
                vec![json!({ "operationId": operation_id, "payload": payload.0 })]
            }
            Self::MessageStatus { id, failure } => {
                vec![outcome("id", id, failure.as_deref()), Value::Null]
            }
            Self::SessionDebug { started } => {
                vec![json!({ "status": if *started { "started" } else { "stopped" } })]
            }
            Self::StreamRefused { media_session_id } => vec![json!({
                "mediaSessionId": media_session_id,
                "status": "FAILED",
                "info": "Streams are not supported by this server",
            })],
            // Plain structs of strings and numbers: there is nothing that could fail.
            Self::Extension(event) => vec![serde_json::to_value(event).unwrap_or_default()],
        }
    }
}

impl UserData {
    fn to_json(&self) -> Value {
        let mut fields = self.echo.fields().clone();
        fields.insert("authToken".into(), self.auth_token.expose().into());
        fields.insert("sipLogin".into(), self.sip_login.as_str().into());
        if let Some(domain) = &self.sip_domain {
            fields.insert("sipDomain".into(), domain.as_str().into());
        }
        Value::Object(fields)
    }
}

impl Fail {
    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |key: &str, text: Option<&str>| {
            if let Some(text) = text {
                fields.insert(key.into(), text.into());
            }
        };
        put("apiMethod", self.api_method.as_deref());
        put("id", self.id.as_deref());
        put("status", self.status);
        put("info", Some(&self.info));
        put("code", self.code);
        put("sentence", self.sentence.as_deref());
        Value::Object(fields)
    }
}

impl CallNotice {
    /// No key here may be the name of an option of the SDK's `createCall` (`sipSDP`, `logger`,
    /// `constraints` …): for an incoming call this object *is* the options object.
    fn to_json(&self) -> Value {
        let mut object = json!({
            "callId": self.call_id.as_str(),
            "incoming": self.incoming,
            "status": self.status.as_str(),
            "sipStatus": self.sip_status,
            "caller": self.caller,
            "callee": self.callee,
            "visibleName": self.visible_name,
            "hasAudio": self.has_audio,
            "hasVideo": self.has_video,
            "mediaProvider": "WebRTC",
            "holdForTransfer": self.hold_for_transfer,
            "isMsrp": false,
            "custom": if self.custom.0.is_null() { json!({}) } else { self.custom.0.clone() },
        });
        if let Some(info) = &self.info {
            object["info"] = info.as_ref().into();
        }
        if let Some(sentence) = &self.sentence {
            object["sentence"] = sentence.as_str().into();
        }
        object
    }
}

fn outcome(key: &str, id: &str, failure: Option<&str>) -> Value {
    match failure {
        None => json!({ key: id, "status": "ACCEPTED" }),
        Some(info) => json!({ key: id, "status": "FAILED", "info": info }),
    }
}
