//! Messages (RFC 3261 7): read lazily over one buffer, and written into one.
//!
//! [`Message::parse`] makes one pass that notes where each header stands, and reads what every
//! message is handled by: the topmost Via, From, To, Call-ID, CSeq. All else is read when it is
//! asked for, from the bytes as they came. What is not edited is never rewritten.
//!
//! A request with a fault in it that has a Via to answer to becomes [`ParseError::Reject`], which
//! makes its 4xx or 505; rubbish, and responses with a fault, are dropped.

mod build;
pub mod check;
mod core;
mod fault;
mod head;
mod headers;
mod limits;
mod method;
mod name;
mod parse;
mod rejection;
mod status;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

pub use self::build::{BuildError, RequestBuilder, ResponseBuilder};
pub use self::check::{Capabilities, check_request, check_response};
pub use self::fault::Fault;
pub use self::headers::{HeaderError, Headers, Row};
pub use self::limits::Limits;
pub use self::method::Method;
pub use self::name::{HeaderName, Layout};
pub use self::rejection::{ParseError, Rejected, Rejection};
pub use self::status::Status;

use self::core::Core;
use self::head::{Head, Span};
use crate::header::{NameAddr, Via};
use crate::uri::{Uri, UriError};

pub(crate) use self::core::{is_call_id, read_cseq};
pub(crate) use self::head::Index;
pub(crate) use self::parse::{Body, assemble, begins_like_sip, content_length, has_start_line};

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Box<Request>),
    /// A response.
    Response(Box<Response>),
}

/// A request whose headers are indexed and whose core is sound.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    head: Head,
    core: Core,
    method: Method,
    uri: Span,
    source: Option<SocketAddr>,
}

/// A response whose headers are indexed and whose core is sound.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    head: Head,
    core: Core,
    /// That of CSeq.
    method: Method,
    status: Status,
    reason: Span,
}

impl Message {
    /// Its headers.
    pub fn headers(&self) -> Headers<'_> {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }

    /// All of it, as it goes over the wire. Folded lines have become one line each.
    pub fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Request(request) => request.as_bytes(),
            Self::Response(response) => response.as_bytes(),
        }
    }

    /// The request that it is.
    pub fn into_request(self) -> Option<Request> {
        match self {
            Self::Request(request) => Some(*request),
            Self::Response(_) => None,
        }
    }

    /// The response that it is.
    pub fn into_response(self) -> Option<Response> {
        match self {
            Self::Response(response) => Some(*response),
            Self::Request(_) => None,
        }
    }
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as it was written.
    pub fn raw_uri(&self) -> &[u8] {
        self.uri.get(&self.head.bytes)
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// [`UriError`]; a request that [`check_request`] has passed has none.
    pub fn uri(&self) -> Result<Uri, UriError> {
        let text = std::str::from_utf8(self.raw_uri()).map_err(|_| UriError::Character)?;
        Uri::parse(text)
    }

    /// Notes where the request came from. Responses say it in the topmost Via: `received` if it
    /// is not what the Via says, and `rport` if the sender asked (18.2.1, RFC 3581 4).
    pub fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// Where the request came from, if it was noted.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The reason phrase as it was written: bytes, that should be UTF-8.
    pub fn raw_reason(&self) -> &[u8] {
        self.reason.get(&self.head.bytes)
    }

    /// The method of the request that it answers, from CSeq.
    pub fn method(&self) -> &Method {
        &self.method
    }
}

macro_rules! common {
    ($type:ident) => {
        impl $type {
            /// Its headers.
            pub fn headers(&self) -> Headers<'_> {
                Headers::new(&self.head)
            }

            /// The body.
            pub fn body(&self) -> &[u8] {
                self.head.body.get(&self.head.bytes)
            }

            /// The body, sharing the message's buffer.
            pub fn body_bytes(&self) -> Bytes {
                let span = self.head.body;
                self.head
                    .bytes
                    .slice(span.start as usize..span.end as usize)
            }

            /// All of it, as it goes over the wire. Folded lines have become one line each.
            pub fn as_bytes(&self) -> &Bytes {
                &self.head.bytes
            }

            /// The topmost Via.
            pub fn via(&self) -> Via<'_> {
                self.core.via(&self.head.bytes)
            }

            /// The branch of the topmost Via, if it says more than the magic cookie.
            pub fn branch(&self) -> Option<&[u8]> {
                self.via().branch()
            }

            /// From.
            pub fn from(&self) -> NameAddr<'_> {
                self.core.from(&self.head.bytes)
            }

            /// To.
            pub fn to(&self) -> NameAddr<'_> {
                self.core.to(&self.head.bytes)
            }

            /// The tag of From. Old senders leave it out (RFC 2543).
            pub fn from_tag(&self) -> Option<&[u8]> {
                self.from().tag()
            }

            /// The tag of To.
            pub fn to_tag(&self) -> Option<&[u8]> {
                self.to().tag()
            }

            /// Call-ID. Compared byte by byte (20.8).
            pub fn call_id(&self) -> &[u8] {
                self.core.call_id(&self.head.bytes)
            }

            /// The number in CSeq. Its method is [`method`](Self::method).
            pub fn cseq(&self) -> u32 {
                self.core.cseq()
            }
        }
    };
}

common!(Request);
common!(Response);

/// No names, numbers or bodies: what a log may hold.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method.as_str())
            .field("cseq", &self.cseq())
            .field("bytes", &self.head.bytes.len())
            .finish_non_exhaustive()
    }
}

/// No names, numbers or bodies: what a log may hold.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.code())
            .field("method", &self.method.as_str())
            .field("cseq", &self.cseq())
            .field("bytes", &self.head.bytes.len())
            .finish_non_exhaustive()
    }
}
