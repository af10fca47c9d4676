//! Requests that are answered without being understood, and messages that are not even that.

use std::borrow::Cow;
use std::net::SocketAddr;

use thiserror::Error;

use super::build::{BuildError, ResponseBuilder};
use super::core::ViaParts;
use super::fault::Fault;
use super::head::Head;
use super::headers::Headers;
use super::method::Method;
use super::name::HeaderName;
use super::status::Status;
use super::{Request, Response};
use crate::header::Via;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// It gets no answer: rubbish, a response, an ACK, or a request without a usable Via.
    #[error("dropped: {0}")]
    Drop(Fault),
    /// A request that gets an answer.
    #[error("refused: {}", .0.rejection().reason)]
    Reject(Box<Rejected>),
}

/// With what a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{status} {reason}")]
pub struct Rejection {
    /// The status of the response.
    pub status: Status,
    /// A sentence for whoever reads the log or the trace: what is wrong with the request.
    pub reason: Cow<'static, str>,
    /// Headers the response must have (Allow with 405, Unsupported with 420, Accept with 415...).
    pub headers: Vec<(HeaderName, String)>,
}

/// A request that was refused while it was parsed. What is in it may be malformed; its topmost
/// Via is not.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    pub(crate) head: Head,
    pub(crate) via: ViaParts,
    pub(crate) method: Method,
    pub(crate) rejection: Rejection,
    pub(crate) source: Option<SocketAddr>,
}

impl Rejection {
    /// A rejection without headers of its own.
    pub fn new(status: Status, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            reason: reason.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response to a request that this refuses (8.2.6). `to_tag` is added to To if it has
    /// none.
    ///
    /// # Errors
    /// [`BuildError`] if one of the headers cannot be written.
    pub fn response(&self, request: &Request, to_tag: &str) -> Result<Response, BuildError> {
        self.complete(ResponseBuilder::new(request, self.status), to_tag)
    }

    fn complete(&self, mut builder: ResponseBuilder, to_tag: &str) -> Result<Response, BuildError> {
        builder = builder.to_tag(to_tag);
        for (name, value) in &self.headers {
            builder = builder.value(*name, value);
        }
        builder.build()
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self::new(fault.status(), fault.to_string())
    }
}

impl Rejected {
    /// With what it is refused.
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Its headers, as far as they could be told apart.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(&self.head)
    }

    /// The topmost Via: where the answer goes.
    pub fn via(&self) -> Via<'_> {
        self.via.get(&self.head.bytes)
    }

    /// As [`Request::set_source`].
    pub fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// Its answer. What the request lacks, the answer lacks too: it has the bytes of all Via,
    /// From, To, Call-ID and CSeq that there are.
    pub fn response(&self, to_tag: &str) -> bytes::Bytes {
        // Malformed parameters of Via go back as they came.
        let via = self.headers().get::<Via<'_>>().ok().flatten();
        let status = self.rejection.status;
        let builder = ResponseBuilder::of_head(&self.head, via.as_ref(), self.source, status);
        let mut builder = builder.to_tag(to_tag);
        for (name, value) in &self.rejection.headers {
            builder = builder.value(*name, value);
        }
        builder.into_bytes().freeze()
    }
}

/// No names, numbers or bodies: what a log may hold.
impl std::fmt::Debug for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejected")
            .field("method", &self.method.as_str())
            .field("rejection", &self.rejection)
            .finish_non_exhaustive()
    }
}
