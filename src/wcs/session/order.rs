//! What the call core hands to a session.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::wcs::message::{CallStatus, Payload, SdpText, WcsCallId};

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
