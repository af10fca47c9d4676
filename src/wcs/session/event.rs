//! What a session tells the call core.

use smol_str::SmolStr;

use crate::wcs::message::{
    AnswerRequest, CallRequest, Connection, DtmfMethod, ExtensionRequest, Payload, WcsCallId,
};

/// Something the call core has to decide or do.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// Somebody wants in: [`accept`](super::Session::accept) or [`refuse`](super::Session::refuse).
    Connect(Box<Connection>),
    /// The client calls; TRYING has been sent.
    Call(Box<CallRequest>),
    /// The client answers a call that was announced to it.
    Answer(Box<AnswerRequest>),
    /// The client ends a call, or refuses one: [`finish`](super::Session::finish) is due.
    Hangup {
        /// Which.
        call_id: WcsCallId,
    },
    /// [`held`](super::Session::held) or [`not_done`](super::Session::not_done) is due.
    Hold {
        /// Which call.
        call_id: WcsCallId,
        /// A transfer is to follow.
        for_transfer: bool,
    },
    /// [`resumed`](super::Session::resumed) or [`not_done`](super::Session::not_done) is due.
    Unhold {
        /// Which call.
        call_id: WcsCallId,
    },
    /// The client sends digits into a call that has media.
    Dtmf {
        /// Which call.
        call_id: WcsCallId,
        /// How they are to travel on a SIP leg.
        method: DtmfMethod,
        /// One or more of `0-9 * # A-D`.
        digits: SmolStr,
    },
    /// The client hands an answered call on.
    Transfer {
        /// Which call.
        call_id: WcsCallId,
        /// To whom, as the application wrote it.
        target: String,
    },
    /// The client sends data to somebody: [`data_status`](super::Session::data_status) is due.
    /// What API 1.0 calls `sendMessage` comes as data too, as a
    /// [`TextMessage`](crate::wcs::message::TextMessage).
    Data {
        /// Comes back in the status.
        operation_id: SmolStr,
        /// What.
        payload: Payload,
    },
    /// Our own page asks.
    Extension(ExtensionRequest),
    /// The peer has been silent for too long: its flow is broken. Nothing more is said.
    Dead,
    /// Close the flow, after what is still to be sent. Nothing more is said.
    Close {
        /// The WebSocket close code (RFC 6455 7.4.1).
        code: u16,
        /// The close reason.
        reason: &'static str,
    },
}
