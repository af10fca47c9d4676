//! Writing messages: one buffer, headers in one canonical order, and no way for a value to
//! become two lines.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::fault::Fault;
use super::head::Head;
use super::limits::Limits;
use super::method::Method;
use super::name::HeaderName;
use super::rejection::ParseError;
use super::status::Status;
use super::{Message, Request, Response};
use crate::header::syntax::{Values, is_token, trim};
use crate::header::{OwnAddr, Via, WriteHeader};
use crate::uri::Uri;

/// Why a message cannot be written. The fault is the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A value with CR, LF or NUL in it, or a name that is no token: it would become headers of
    /// its own.
    #[error("{0} would break out of its line")]
    Injection(HeaderName),
    /// What was put together is no message.
    #[error("the message would be invalid: {0}")]
    Invalid(Fault),
}

/// A message being put together.
#[derive(Debug, Clone, Default)]
struct Parts {
    text: Vec<u8>,
    rows: Vec<Part>,
    body: Bytes,
    error: Option<BuildError>,
}

/// A row: where its text stands in `Parts::text`.
#[derive(Debug, Clone, Copy)]
struct Part {
    name: HeaderName,
    start: usize,
    /// Of the name, for `Other`.
    colon: usize,
    end: usize,
}

impl Parts {
    /// For the headers that most messages have.
    fn with_room() -> Self {
        Self {
            text: Vec::with_capacity(512),
            rows: Vec::with_capacity(16),
            ..Self::default()
        }
    }

    fn row(&mut self, name: HeaderName, written: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        self.text.extend_from_slice(written.as_bytes());
        let colon = self.text.len();
        write(&mut self.text);
        let end = self.text.len();
        self.rows.push(Part {
            name,
            start,
            colon,
            end,
        });
    }

    /// A value of ours or of another leg.
    fn checked(&mut self, name: HeaderName, written: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.row(name, written, write);
        let Some(part) = self.rows.last() else {
            return;
        };
        let value = self.text.get(part.colon..part.end).unwrap_or_default();
        let breaks_out = memchr::memchr3(b'\r', b'\n', 0, value).is_some();
        let nameless = name == HeaderName::Other && !is_token(written.as_bytes());
        if breaks_out || nameless {
            self.error.get_or_insert(BuildError::Injection(name));
        }
    }

    /// All rows of that name, with the bytes they came with.
    fn copy(&mut self, head: &Head, name: HeaderName) {
        if !head.has(name) {
            return;
        }
        for row in head.index.rows.iter().filter(|row| row.name == name) {
            self.row(name, "", |out| {
                out.extend_from_slice(row.value.get(&head.bytes));
            });
        }
    }

    fn remove(&mut self, name: HeaderName) {
        self.rows.retain(|row| row.name != name);
    }

    /// Gives the first row of that name another value.
    fn replace_first(&mut self, name: HeaderName, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(value);
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            *row = Part {
                name,
                start,
                colon: start,
                end: self.text.len(),
            };
        }
    }

    fn write(&mut self, start_line: &[&[u8]]) -> BytesMut {
        self.remove(HeaderName::ContentLength);
        let length = self.body.len();
        self.row(HeaderName::ContentLength, "", |out| {
            out.extend_from_slice(length.to_string().as_bytes());
        });
        self.rows.sort_by_key(|row| rank(row.name));
        let head = self.text.len() + self.rows.len() * 24 + 256;
        let mut out = BytesMut::with_capacity(head + length);
        for part in start_line {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(b"\r\n");
        for row in &self.rows {
            if row.name == HeaderName::Other {
                out.extend_from_slice(self.text.get(row.start..row.colon).unwrap_or_default());
            } else {
                out.extend_from_slice(row.name.as_str().as_bytes());
            }
            out.extend_from_slice(b": ");
            out.extend_from_slice(self.text.get(row.colon..row.end).unwrap_or_default());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }

    fn finish(mut self, start_line: &[&[u8]]) -> Result<Message, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let bytes = self.write(start_line);
        Message::parse_owned(bytes, &OURS).map_err(|error| match error {
            ParseError::Drop(fault) => BuildError::Invalid(fault),
            ParseError::Reject(_) => BuildError::Invalid(Fault::HeaderLine),
        })
    }
}

/// What we write is as long as it is; the far side has its own limits.
const OURS: Limits = Limits {
    start_line_bytes: usize::MAX / 4,
    headers: 4096,
    header_bytes: usize::MAX / 4,
    head_bytes: usize::MAX / 4,
    body_bytes: usize::MAX / 4,
    vias: 4096,
};

/// The canonical order: what proxies look at first (7.3.1), the body's headers last.
fn rank(name: HeaderName) -> u8 {
    match name {
        HeaderName::Via => 0,
        HeaderName::Route => 1,
        HeaderName::RecordRoute => 2,
        HeaderName::MaxForwards => 3,
        HeaderName::From => 4,
        HeaderName::To => 5,
        HeaderName::CallId => 6,
        HeaderName::CSeq => 7,
        HeaderName::Contact => 8,
        HeaderName::ContentType | HeaderName::ContentDisposition => 10,
        HeaderName::ContentEncoding => 10,
        HeaderName::ContentLength => 11,
        _ => 9,
    }
}

macro_rules! common {
    ($type:ident) => {
        impl $type {
            /// Adds a header.
            #[must_use]
            pub fn header<H: WriteHeader>(mut self, header: &H) -> Self {
                self.parts.checked(H::NAME, "", |out| header.write(out));
                self
            }

            /// Adds a header whose value is at hand as bytes.
            #[must_use]
            pub fn value(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
                self.parts.checked(name, "", |out| {
                    out.extend_from_slice(value.as_ref());
                });
                self
            }

            /// Adds a header that has no [`HeaderName`].
            #[must_use]
            pub fn other(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
                match HeaderName::parse(name.as_bytes()) {
                    HeaderName::Other => {
                        self.parts.checked(HeaderName::Other, name, |out| {
                            out.extend_from_slice(value.as_ref());
                        });
                        self
                    }
                    known => self.value(known, value),
                }
            }

            /// Adds an address.
            #[must_use]
            pub fn addr(self, name: HeaderName, addr: &OwnAddr) -> Self {
                self.value(name, addr.as_bytes())
            }

            /// Takes all headers of that name away.
            #[must_use]
            pub fn without(mut self, name: HeaderName) -> Self {
                self.parts.remove(name);
                self
            }

            /// Sets the body and what it is. Content-Length is always written, and right.
            #[must_use]
            pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
                self.parts.remove(HeaderName::ContentType);
                self = self.value(HeaderName::ContentType, content_type);
                self.parts.body = body.into();
                self
            }
        }
    };
}

/// Writes a request.
#[derive(Debug, Clone)]
pub struct RequestBuilder {
    method: Method,
    uri: Vec<u8>,
    parts: Parts,
}

common!(RequestBuilder);

impl RequestBuilder {
    /// A request without any header yet. It needs Via, Max-Forwards, From, To, Call-ID
    /// and CSeq (8.1.1).
    pub fn new(method: Method, uri: &Uri) -> Self {
        Self::with_raw_uri(method, uri.as_str().as_bytes())
    }

    /// As [`new`](Self::new), with the bytes of a Request-URI that was read before.
    pub fn with_raw_uri(method: Method, uri: &[u8]) -> Self {
        let mut parts = Parts::with_room();
        if uri.is_empty() || !uri.iter().all(u8::is_ascii_graphic) {
            parts.error = Some(BuildError::Invalid(Fault::StartLine));
        }
        Self {
            method,
            uri: uri.to_vec(),
            parts,
        }
    }

    /// Begins with all headers and the body of another request, to send it again with some of
    /// them changed (22.2: with credentials).
    pub fn like(request: &Request) -> Self {
        let mut builder = Self::with_raw_uri(request.method().clone(), request.raw_uri());
        for row in request.headers().rows() {
            let written = std::str::from_utf8(row.written).unwrap_or_default();
            builder.parts.row(row.name, written, |out| {
                // The name of a known header is written anew.
                out.extend_from_slice(row.value);
            });
        }
        builder.parts.body = request.body_bytes();
        builder
    }

    /// Adds a header with the bytes that a message of the same dialog or transaction has: all
    /// its rows (Route of an ACK, 17.1.1.3).
    #[must_use]
    pub fn copy(mut self, from: &Request, name: HeaderName) -> Self {
        self.parts.copy(&from.head, name);
        self
    }

    /// Adds the topmost Via of another request alone (CANCEL 9.1, ACK 17.1.1.3).
    #[must_use]
    pub fn copy_top_via(self, from: &Request) -> Self {
        let via = from.via();
        self.header(&via)
    }

    /// Adds To with the bytes that a response has (17.1.1.3).
    #[must_use]
    pub fn copy_to(mut self, from: &Response) -> Self {
        self.parts.copy(&from.head, HeaderName::To);
        self
    }

    /// Adds `Via: SIP/2.0/transport host:port;branch=...`, with `rport` (RFC 3581 3).
    #[must_use]
    pub fn via(self, transport: &str, sent_by: &str, branch: &str) -> Self {
        self.value(
            HeaderName::Via,
            format!("SIP/2.0/{transport} {sent_by};branch={branch};rport"),
        )
    }

    /// Adds Max-Forwards (8.1.1.6).
    #[must_use]
    pub fn max_forwards(self, hops: u8) -> Self {
        self.value(HeaderName::MaxForwards, hops.to_string())
    }

    /// Adds From.
    #[must_use]
    pub fn from(self, from: &OwnAddr) -> Self {
        self.addr(HeaderName::From, from)
    }

    /// Adds To.
    #[must_use]
    pub fn to(self, to: &OwnAddr) -> Self {
        self.addr(HeaderName::To, to)
    }

    /// Adds Call-ID.
    #[must_use]
    pub fn call_id(self, call_id: impl AsRef<[u8]>) -> Self {
        self.value(HeaderName::CallId, call_id)
    }

    /// Adds CSeq with that number and the method of the request.
    #[must_use]
    pub fn cseq(self, number: u32) -> Self {
        let value = format!("{number} {}", self.method);
        self.value(HeaderName::CSeq, value)
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn build(self) -> Result<Request, BuildError> {
        let method = self.method.as_str().as_bytes();
        let line: [&[u8]; 4] = [method, b" ", &self.uri, b" SIP/2.0"];
        self.parts
            .finish(&line)?
            .into_request()
            .ok_or(BuildError::Invalid(Fault::NotSip))
    }
}

/// Writes a response.
#[derive(Debug, Clone)]
pub struct ResponseBuilder {
    status: Status,
    reason: Option<String>,
    parts: Parts,
}

common!(ResponseBuilder);

impl ResponseBuilder {
    /// A response to a request as 8.2.6.2 makes it: its Via rows, From, To, Call-ID, CSeq; its
    /// Record-Route where the response can make a dialog (12.1.1), its Timestamp in a 100
    /// (8.2.6.1).
    pub fn new(request: &Request, status: Status) -> Self {
        let via = request.via();
        let mut builder = Self::of_head(&request.head, Some(&via), request.source, status);
        let dialog = status > Status::TRYING
            && (status.is_provisional() || status.is_success())
            && request.method.makes_dialogs();
        if dialog {
            builder.parts.copy(&request.head, HeaderName::RecordRoute);
        }
        if status == Status::TRYING {
            builder.parts.copy(&request.head, HeaderName::Timestamp);
        }
        builder
    }

    /// `via` is the topmost one, if all of it is well-formed: only then is anything written in it.
    pub(crate) fn of_head(
        head: &Head,
        via: Option<&Via<'_>>,
        source: Option<SocketAddr>,
        status: Status,
    ) -> Self {
        let mut parts = Parts::with_room();
        parts.copy(head, HeaderName::Via);
        for name in [
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            parts.copy(head, name);
        }
        let mut builder = Self {
            status,
            reason: None,
            parts,
        };
        if let (Some(source), Some(via), Some(row)) = (source, via, head.first(HeaderName::Via)) {
            builder.stamp(row, via, source);
        }
        builder
    }

    /// Says in the topmost Via where the request came from (18.2.1, RFC 3581 4).
    fn stamp(&mut self, row: &[u8], via: &Via<'_>, source: SocketAddr) {
        let top = Values::new(row).next().unwrap_or_default();
        let asked = via.params.has("rport");
        if !asked && via.host.address() == Some(source.ip()) && via.received().is_none() {
            return;
        }
        let sent_by_len = top.len().saturating_sub(via.params.as_bytes().len());
        let sent_by = top.get(..sent_by_len).unwrap_or_default();
        let rest = row.get(top.len()..).unwrap_or_default();
        let mut stamped = trim(sent_by).to_vec();
        for (name, value) in via.params.iter() {
            let ours = [&b"received"[..], b"rport"]
                .iter()
                .any(|stamp| name.eq_ignore_ascii_case(stamp));
            if ours {
                continue;
            }
            stamped.push(b';');
            stamped.extend_from_slice(name);
            if let Some(value) = value {
                stamped.push(b'=');
                stamped.extend_from_slice(value);
            }
        }
        stamped.extend_from_slice(format!(";received={}", source.ip()).as_bytes());
        if asked {
            stamped.extend_from_slice(format!(";rport={}", source.port()).as_bytes());
        }
        stamped.extend_from_slice(rest);
        self.parts.replace_first(HeaderName::Via, &stamped);
    }

    /// Adds a tag to To, unless the request had one (8.2.6.2).
    #[must_use]
    pub fn to_tag(mut self, tag: &str) -> Self {
        let to = |row: &&Part| row.name == HeaderName::To;
        let Some(part) = self.parts.rows.iter().find(to) else {
            return self;
        };
        let old = self.parts.text.get(part.colon..part.end);
        let old = old.unwrap_or_default().to_vec();
        let tagged = crate::header::NameAddr::read(&old).map_or(true, |to| to.params().has("tag"));
        if tagged {
            return self;
        }
        if !is_token(tag.as_bytes()) {
            self.parts
                .error
                .get_or_insert(BuildError::Injection(HeaderName::To));
            return self;
        }
        let tagged = [&old, &b";tag="[..], tag.as_bytes()].concat();
        self.parts.replace_first(HeaderName::To, &tagged);
        self
    }

    /// Sets a reason phrase other than that of the standard.
    #[must_use]
    pub fn reason(mut self, phrase: &str) -> Self {
        if phrase.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.parts
                .error
                .get_or_insert(BuildError::Invalid(Fault::StartLine));
        }
        self.reason = Some(phrase.to_owned());
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn build(self) -> Result<Response, BuildError> {
        let code = self.status.to_string();
        let phrase = self.reason.as_deref().unwrap_or(self.status.phrase());
        let line: [&[u8]; 4] = [b"SIP/2.0 ", code.as_bytes(), b" ", phrase.as_bytes()];
        self.parts
            .finish(&line)?
            .into_response()
            .ok_or(BuildError::Invalid(Fault::NotSip))
    }

    /// Writes it without asking whether it is a valid response: the answer to a request that
    /// lacks something lacks it too.
    pub(crate) fn into_bytes(mut self) -> BytesMut {
        let code = self.status.to_string();
        let phrase = self.reason.as_deref().unwrap_or(self.status.phrase());
        let line: [&[u8]; 4] = [b"SIP/2.0 ", code.as_bytes(), b" ", phrase.as_bytes()];
        self.parts.write(&line)
    }
}
