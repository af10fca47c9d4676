//! Why a call, or one leg of it, ended: one value that feeds the record, the protocols and the
//! sentences shown to people.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use media::event::Failure;
use smol_str::SmolStr;

use super::view::EndView;
use super::words;
use crate::wcs::message::info;
use crate::wcs::session::Terminal;

/// A side of a call. Roles in a request or in offer/answer are other questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// Why it ended. A call ends with exactly one of these.
#[derive(Debug, Clone, PartialEq)]
pub enum EndReason {
    /// Somebody hung up an answered call.
    HungUp(Side),
    /// The caller gave up before anybody answered.
    Cancelled,
    /// Another device of the same person took the call. Of a leg, never of a call.
    AnsweredElsewhere,
    /// The device came back and rings anew on another leg. Of a leg, never of a call.
    RingsAnew,
    /// This side handed the call over to somebody else. Of a leg, or of a call whose far side went
    /// over into another.
    Transferred {
        /// Who takes it.
        to: String,
    },
    /// The person called declined.
    Rejected,
    /// The person called is in another call.
    Busy {
        /// That other call is the one in which they are calling the caller right now.
        calling_back: bool,
    },
    /// The telephone called refused.
    Refused {
        /// The SIP status it gave (RFC 3261 21).
        status: u16,
    },
    /// The telephone called refused media that it was offered encrypted alone.
    RefusedKeys {
        /// The SIP status it gave.
        status: u16,
    },
    /// The telephone called sends calls on to somebody whom nothing here leads to.
    SentAway {
        /// As it would be dialled.
        to: SmolStr,
    },
    /// The call goes round in circles.
    Loop,
    /// Nobody answered in time.
    NoAnswer,
    /// The person called is known but not signed in.
    NotSignedIn,
    /// Nobody of that name is known.
    NotKnown,
    /// What was dialled is no name and no SIP URI.
    BadNumber,
    /// The domain dialled is not ours and nothing leads there.
    NoTrunk {
        /// The domain.
        domain: SmolStr,
    },
    /// A telephone number was dialled, and nothing leads to telephones.
    NoTrunkForNumber,
    /// The caller dialled himself and has no other device.
    CalledSelf,
    /// A side closed its page or signed out.
    Left(Side),
    /// A side's connection broke and did not come back in time.
    ConnectionLost(Side),
    /// A side's page came back without memory of the call.
    Reloaded(Side),
    /// A side's page closed its media and never said why.
    MediaClosed(Side),
    /// Media of a side died.
    Media(Side, Failure),
    /// The two sides share no audio codec.
    NoCommonCodec {
        /// What the caller's side has.
        caller: String,
        /// What the callee's side has.
        callee: String,
    },
    /// The two sides share no audio codec, and the configuration forbids to transcode.
    TranscodingOff {
        /// What the caller's side has.
        caller: String,
        /// What the callee's side has.
        callee: String,
    },
    /// The two sides share no audio codec, and the server transcodes as many calls as it may.
    TranscodingLimit,
    /// A side's session description is unusable: what is wrong, in words.
    BadDescription(Side, String),
    /// The server has as many calls as it may.
    CallLimit,
    /// The caller has as many calls as one person may.
    UserCallLimit,
    /// The caller's account was removed while he was signed in.
    AccountGone,
    /// Calls come faster than allowed.
    CallRate,
    /// The server is going down.
    ShuttingDown,
    /// An operator ended it.
    Operator,
}

/// Whose doing the end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// As people meant it.
    Success,
    /// A peer, or the network to it.
    Peer,
    /// A server we depend on.
    Upstream,
    /// Our limits, our configuration, our operator.
    Us,
    /// Cannot be told.
    Unknown,
}

impl Cause {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Peer => "peer",
            Self::Upstream => "upstream",
            Self::Us => "us",
            Self::Unknown => "unknown",
        }
    }
}

/// What a side's media comes from, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// It does ICE and DTLS.
    Browser,
    /// It sends RTP, plain or with keys in its description.
    Telephone,
}

impl Device {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Telephone => "telephone",
        }
    }
}

/// The names in the sentences.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The caller's, for people.
    pub caller: &'a str,
    /// The callee's, for people.
    pub callee: &'a str,
    /// The caller's and the callee's.
    pub devices: [Device; 2],
}

impl Names<'_> {
    /// The name of a side.
    pub fn of(&self, side: Side) -> &str {
        match side {
            Side::Caller => self.caller,
            Side::Callee => self.callee,
        }
    }

    /// The device of a side.
    pub fn device(&self, side: Side) -> Device {
        let [caller, callee] = self.devices;
        match side {
            Side::Caller => caller,
            Side::Callee => callee,
        }
    }
}

impl EndReason {
    /// Stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HungUp(Side::Caller) => "caller_hung_up",
            Self::HungUp(Side::Callee) => "callee_hung_up",
            Self::Cancelled => "cancelled",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::RingsAnew => "rings_anew",
            Self::Transferred { .. } => "transferred",
            Self::Rejected => "rejected",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } | Self::RefusedKeys { .. } => "refused",
            Self::SentAway { .. } => "sent_away",
            Self::Loop => "loop",
            Self::NoAnswer => "no_answer",
            Self::NotSignedIn => "not_signed_in",
            Self::NotKnown => "not_known",
            Self::BadNumber => "bad_number",
            Self::NoTrunk { .. } | Self::NoTrunkForNumber => "no_trunk",
            Self::CalledSelf => "called_self",
            Self::Left(_) => "left",
            Self::ConnectionLost(_) => "connection_lost",
            Self::Reloaded(_) => "page_reloaded",
            Self::MediaClosed(_) => "media_closed",
            Self::Media(_, failure) => match failure {
                Failure::NeverReached => "media_never_reached",
                Failure::DtlsTimeout => "dtls_timeout",
                Failure::FingerprintMismatch => "dtls_fingerprint",
                Failure::Dtls(_) => "dtls_failed",
                Failure::ConsentLost => "media_path_lost",
                Failure::RtpInactivity => "media_silent",
                Failure::Plan(_) => "media_refused",
            },
            Self::NoCommonCodec { .. } => "no_common_codec",
            Self::TranscodingOff { .. } => "transcoding_disabled",
            Self::TranscodingLimit => "transcoding_limit",
            Self::BadDescription(..) => "bad_description",
            Self::CallLimit => "call_limit",
            Self::UserCallLimit => "user_call_limit",
            Self::AccountGone => "account_gone",
            Self::CallRate => "call_rate",
            Self::ShuttingDown => "shutting_down",
            Self::Operator => "operator",
        }
    }

    /// Whose doing it was.
    pub fn cause(&self) -> Cause {
        match self {
            Self::HungUp(_)
            | Self::AnsweredElsewhere
            | Self::RingsAnew
            | Self::Transferred { .. } => Cause::Success,
            Self::Cancelled
            | Self::Rejected
            | Self::Busy { .. }
            | Self::Refused { .. }
            | Self::RefusedKeys { .. }
            | Self::SentAway { .. }
            | Self::Loop
            | Self::NoAnswer
            | Self::NotSignedIn
            | Self::NotKnown
            | Self::BadNumber
            | Self::CalledSelf
            | Self::Left(_)
            | Self::ConnectionLost(_)
            | Self::Reloaded(_)
            | Self::MediaClosed(_)
            | Self::Media(..)
            | Self::NoCommonCodec { .. }
            | Self::BadDescription(..) => Cause::Peer,
            Self::NoTrunk { .. }
            | Self::NoTrunkForNumber
            | Self::TranscodingOff { .. }
            | Self::TranscodingLimit
            | Self::CallLimit
            | Self::UserCallLimit
            | Self::AccountGone
            | Self::CallRate
            | Self::ShuttingDown
            | Self::Operator => Cause::Us,
        }
    }

    /// The SIP status it corresponds to (RFC 3261 21).
    pub fn sip_status(&self) -> u16 {
        match self {
            Self::HungUp(_)
            | Self::AnsweredElsewhere
            | Self::RingsAnew
            | Self::Transferred { .. }
            | Self::Operator => 200,
            Self::Cancelled => 487,
            Self::Rejected => 603,
            Self::Busy { .. } => 486,
            Self::Refused { status } | Self::RefusedKeys { status } => *status,
            Self::NoAnswer => 408,
            Self::NotSignedIn | Self::CalledSelf | Self::SentAway { .. } => 480,
            Self::Loop => 482,
            Self::NotKnown | Self::NoTrunk { .. } | Self::NoTrunkForNumber => 404,
            Self::BadNumber => 484,
            Self::Left(_) | Self::ConnectionLost(_) | Self::Reloaded(_) => 480,
            Self::MediaClosed(_) => 480,
            Self::Media(_, failure) => match failure {
                Failure::FingerprintMismatch | Failure::Dtls(_) => 488,
                Failure::NeverReached
                | Failure::DtlsTimeout
                | Failure::ConsentLost
                | Failure::RtpInactivity => 408,
                Failure::Plan(_) => 500,
            },
            Self::NoCommonCodec { .. } | Self::TranscodingOff { .. } | Self::BadDescription(..) => {
                488
            }
            Self::UserCallLimit | Self::AccountGone => 403,
            Self::CallLimit | Self::CallRate | Self::TranscodingLimit | Self::ShuttingDown => 503,
        }
    }

    /// The terminal status of the Web SDK protocol that a side sees.
    pub fn terminal(&self, side: Side) -> Terminal {
        match (self, side) {
            (
                Self::HungUp(_)
                | Self::Cancelled
                | Self::AnsweredElsewhere
                | Self::RingsAnew
                | Self::Transferred { .. }
                | Self::Left(_)
                | Self::Operator,
                _,
            ) => Terminal::Finish,
            (Self::Rejected | Self::Busy { .. }, Side::Caller) => Terminal::Busy,
            // To a device that only rang, a call that did not come about has just stopped.
            (Self::Rejected | Self::Busy { .. } | Self::NoAnswer, Side::Callee) => Terminal::Finish,
            _ => Terminal::Failed,
        }
    }

    /// The information string of the Web SDK protocol.
    pub fn info(&self) -> Cow<'static, str> {
        let text = match self {
            Self::HungUp(_)
            | Self::Cancelled
            | Self::AnsweredElsewhere
            | Self::RingsAnew
            | Self::Transferred { .. }
            | Self::Left(_)
            | Self::Operator => info::NORMAL_CALL_CLEARING,
            Self::NoAnswer => info::FAILED_BY_REQUEST_TIMEOUT,
            Self::NoCommonCodec { .. } => info::NO_COMMON_CODECS,
            Self::TranscodingOff { .. } => info::TRANSCODING_REQUIRED_BUT_DISABLED,
            Self::Media(_, failure) => match failure {
                Failure::NeverReached | Failure::ConsentLost => info::FAILED_BY_ICE_ERROR,
                Failure::DtlsTimeout | Failure::Dtls(_) => info::FAILED_BY_DTLS_ERROR,
                Failure::FingerprintMismatch => info::FAILED_BY_DTLS_FINGERPRINT_ERROR,
                Failure::RtpInactivity => info::FAILED_BY_RTP_ACTIVITY,
                Failure::Plan(_) => info::FAILED_BY_ERROR,
            },
            Self::MediaClosed(_)
            | Self::ConnectionLost(_)
            | Self::Reloaded(_)
            | Self::BadDescription(..) => info::FAILED_BY_ERROR,
            _ => {
                let status = self.sip_status();
                return format!("SIP {status} {}", reason_phrase(status)).into();
            }
        };
        text.into()
    }

    /// What the side is told: the cause in plain words and what can be done.
    pub fn sentence(&self, side: Side, names: Names<'_>) -> String {
        words::sentence(self, side, names)
    }

    /// All of it, for records.
    pub fn view(&self, names: Names<'_>) -> EndView {
        EndView {
            code: self.code(),
            cause: self.cause().as_str(),
            sip_status: self.sip_status(),
            info: self.info().into_owned(),
            caller_sentence: self.sentence(Side::Caller, names),
            callee_sentence: self.sentence(Side::Callee, names),
        }
    }
}

/// Reason phrases (RFC 3261 21) of the statuses used here.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        482 => "Loop Detected",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        503 => "Service Unavailable",
        603 => "Decline",
        _ => "",
    }
}
