//! What can be wrong with a message, whose fault it is, and what becomes of it.

use thiserror::Error;

use super::name::HeaderName;
use super::status::Status;
use crate::header::Malformed;

/// The first thing that is wrong with a message. All of these are its sender's fault; those with
/// a limit in them may also be ours for having too low a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nothing in it looks like SIP.
    #[error("not a SIP message")]
    NotSip,
    /// Over [`head_bytes`](super::Limits::head_bytes).
    #[error("the headers are too long together")]
    HeadTooLong,
    /// Over [`start_line_bytes`](super::Limits::start_line_bytes).
    #[error("the start line is too long")]
    StartLineTooLong,
    /// Over [`headers`](super::Limits::headers).
    #[error("too many headers")]
    TooManyHeaders,
    /// Over [`header_bytes`](super::Limits::header_bytes).
    #[error("a header is too long")]
    HeaderTooLong,
    /// Over [`body_bytes`](super::Limits::body_bytes).
    #[error("the body is too long")]
    BodyTooLong,
    /// Over [`vias`](super::Limits::vias).
    #[error("too many hops")]
    TooManyVias,
    /// The headers do not end.
    #[error("the empty line after the headers is missing")]
    NoEmptyLine,
    /// A line that is neither a header nor the continuation of one.
    #[error("a header line is malformed")]
    HeaderLine,
    /// A CR without LF, or an LF without CR.
    #[error("a line ends with CR or LF alone")]
    LineEnd,
    /// A NUL outside a quoted pair.
    #[error("a header holds a NUL")]
    Nul,
    /// Not `Method SP Request-URI SP SIP-Version` (RFC 3261 7.1).
    #[error("the start line is malformed")]
    StartLine,
    /// A SIP version that is not 2.0.
    #[error("only SIP/2.0 is understood")]
    Version,
    /// A status code outside 100 to 699 (RFC 3261 7.2).
    #[error("the status code is out of range")]
    StatusCode,
    /// A header that must be there (RFC 3261 8.1.1).
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header that may come only once.
    #[error("{0} comes more than once")]
    Repeated(HeaderName),
    /// A header that says nothing we could read.
    #[error("{0} is {1}")]
    Header(HeaderName, Malformed),
    /// The method in CSeq is not that of the request (RFC 3261 8.1.1.5).
    #[error("CSeq names another method than the request")]
    MethodMismatch,
    /// A response on its way to somebody else (RFC 3261 8.1.3.3).
    #[error("the response has more than one Via")]
    ForeignVia,
    /// Content-Length says more than the datagram or the WebSocket message holds (18.3).
    #[error("the body is shorter than Content-Length says")]
    BodyShort,
    /// On a stream, where nothing else says where the message ends (18.3).
    #[error("Content-Length is missing on a stream")]
    NoContentLength,
}

impl Fault {
    /// The status a request with it is answered with.
    pub fn status(self) -> Status {
        match self {
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::StartLineTooLong => Status::REQUEST_URI_TOO_LONG,
            Self::BodyTooLong => Status::REQUEST_ENTITY_TOO_LARGE,
            Self::HeadTooLong | Self::TooManyHeaders | Self::HeaderTooLong => {
                Status::MESSAGE_TOO_LARGE
            }
            Self::TooManyVias => Status::TOO_MANY_HOPS,
            _ => Status::BAD_REQUEST,
        }
    }
}
