//! What a client says.

use std::fmt;

use smol_str::SmolStr;

use super::connection::Connection;
use super::extension::ExtensionRequest;
use super::ids::{Payload, SdpText, WcsCallId};
use super::text::TextMessage;

/// One message of a client, checked and typed.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// `connection`: the first message of a session.
    Connection(Box<Connection>),
    /// `call`: an outgoing call with its offer.
    Call(Box<CallRequest>),
    /// `answer`: an incoming call is accepted.
    Answer(Box<AnswerRequest>),
    /// `hangup`, in any state of the call and also for calls that never were.
    Hangup {
        /// Which call.
        call_id: WcsCallId,
    },
    /// `hold`
    Hold {
        /// Which call.
        call_id: WcsCallId,
        /// A transfer is to follow.
        for_transfer: bool,
    },
    /// `unhold`
    Unhold {
        /// Which call.
        call_id: WcsCallId,
    },
    /// `sendDtmf`
    SendDtmf {
        /// Which call.
        call_id: WcsCallId,
        /// How the far side is to get them.
        method: DtmfMethod,
        /// One or more of `0-9 * # A-D`.
        digits: SmolStr,
    },
    /// `transfer`
    Transfer {
        /// Which call.
        call_id: WcsCallId,
        /// As the application wrote it: an extension, a name or a URI.
        target: String,
    },
    /// `sendData`
    SendData {
        /// Comes back in the `DataStatusEvent`.
        operation_id: SmolStr,
        /// Whatever the application sends.
        payload: Payload,
    },
    /// `sendMessage` of API 1.0.
    SendMessage {
        /// Comes back in `notifyMessage`.
        id: SmolStr,
        /// The text.
        text: Box<TextMessage>,
    },
    /// `ping`: asks for a `pong`.
    Ping,
    /// `pong`: answers our `ping`.
    Pong,
    /// `sessionDebug`
    SessionDebug {
        /// True for the command `start`.
        start: bool,
    },
    /// `pushLogs`: a line of the SDK's log. The text is dropped: it may quote SDP and passwords.
    PushLogs,
    /// `submitBugReport`: dropped likewise.
    BugReport,
    /// A method of streams, which this server does not carry.
    Stream {
        /// Its name on the wire.
        method: SmolStr,
        /// The stream, where it is named.
        media_session_id: Option<SmolStr>,
    },
    /// `webRTCMetricsClientDescription`, `webRTCMetricsBatch`: of streams alone.
    Metrics,
    /// A `callbox.*` request of our own page.
    Extension(ExtensionRequest),
    /// A known message that cannot be obeyed: a field is missing, of the wrong type or too long.
    Malformed {
        /// The message.
        message: SmolStr,
        /// The call it is about, if that much could be read.
        call_id: Option<WcsCallId>,
        /// The field at fault.
        field: &'static str,
    },
    /// A message this server does not know.
    Unknown {
        /// Its name.
        message: SmolStr,
    },
}

/// `call` (PROTOCOL: the browser offers).
#[derive(Clone, PartialEq)]
pub struct CallRequest {
    /// Made by the client.
    pub call_id: WcsCallId,
    /// Whom to call, as the application wrote it.
    pub callee: String,
    /// What the client takes for its own name. Never trusted: the session knows who it is.
    pub caller: Option<String>,
    /// The name to show at the far side.
    pub visible_name: Option<String>,
    /// A local audio track exists. What is offered says the SDP alone.
    pub has_audio: bool,
    /// A local video track exists.
    pub has_video: bool,
    /// `mediaProvider`; absent means `WebRTC`.
    pub media_provider: Option<SmolStr>,
    /// The offer, never empty.
    pub sdp: SdpText,
    /// Lines the application wants in the SDP of a SIP leg (`b=AS:64`).
    pub sip_sdp: Vec<String>,
    /// Data of the application for hooks; `Null` if absent.
    pub custom: Payload,
}

impl fmt::Debug for CallRequest {
    /// Who calls whom stays out of logs (they are numbers of people), and so does the SDP.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRequest")
            .field("call_id", &self.call_id)
            .field("has_audio", &self.has_audio)
            .field("has_video", &self.has_video)
            .field("media_provider", &self.media_provider)
            .field("sdp", &self.sdp)
            .finish_non_exhaustive()
    }
}

/// `answer`. Its `hasAudio` and `hasVideo` are constants of the SDK and say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRequest {
    /// As we announced it.
    pub call_id: WcsCallId,
    /// The answer, never empty.
    pub sdp: SdpText,
}

/// How digits travel on a SIP leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DtmfMethod {
    /// `RFC2833`: telephone-event (RFC 4733).
    #[default]
    Rfc4733,
    /// `INFO`: SIP INFO with `application/dtmf`.
    Info,
    /// `INFO_RELAY`: SIP INFO with `application/dtmf-relay`.
    InfoRelay,
}
