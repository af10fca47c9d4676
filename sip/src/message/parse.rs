//! From bytes to a message: start line, body, core, and what becomes of faults.

use bytes::BytesMut;

use super::core::{Core, ViaParts};
use super::fault::Fault;
use super::head::{Head, Index, Span};
use super::limits::Limits;
use super::method::Method;
use super::name::HeaderName;
use super::rejection::{ParseError, Rejected};
use super::status::Status;
use super::{Message, Request, Response};
use crate::header::syntax::{Values, is_space, number};

/// How long the body is, as far as the transport and Content-Length say (18.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) len: usize,
    pub(crate) fault: Option<Fault>,
}

impl Message {
    /// Reads a message that stands alone: a UDP datagram or a WebSocket message. What stands in
    /// it beyond Content-Length is passed over; without one, the body is all that follows (18.3).
    ///
    /// # Errors
    /// [`ParseError`]
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        // "SHOULD ignore any CRLF appearing before the start-line" (7.5)
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let bytes = bytes.get(blank..).unwrap_or_default();
        if !begins_like_sip(bytes) {
            return Err(ParseError::Drop(Fault::NotSip));
        }
        // A datagram cannot be longer, a WebSocket message can: what is refused is not copied.
        let bytes = bytes
            .get(..limits.message_bytes().saturating_add(1))
            .unwrap_or(bytes);
        Self::parse_owned(BytesMut::from(bytes), limits)
    }

    pub(crate) fn parse_owned(mut bytes: BytesMut, limits: &Limits) -> Result<Self, ParseError> {
        let index = Index::read(&mut bytes, limits);
        let there = bytes.len().saturating_sub(index.head_len);
        let mut body = match content_length(&index, &bytes) {
            Ok(None) => Body {
                len: there,
                fault: None,
            },
            Ok(Some(said)) => match usize::try_from(said) {
                Ok(len) if len <= there => Body { len, fault: None },
                _ => Body {
                    len: there,
                    fault: Some(Fault::BodyShort),
                },
            },
            Err(fault) => Body {
                len: there,
                fault: Some(fault),
            },
        };
        if body.len > limits.body_bytes {
            body.fault = Some(Fault::BodyTooLong);
        }
        bytes.truncate(index.head_len + body.len);
        assemble(bytes, index, body, limits)
    }
}

/// What Content-Length says.
///
/// # Errors
/// [`Fault`] if it is malformed, or there are two.
pub(crate) fn content_length(index: &Index, bytes: &[u8]) -> Result<Option<u64>, Fault> {
    let name = HeaderName::ContentLength;
    if index.seen & name.bit() == 0 {
        return Ok(None);
    }
    if index.again & name.bit() != 0 {
        return Err(Fault::Repeated(name));
    }
    let Some(row) = index.rows.iter().find(|row| row.name == name) else {
        return Ok(None);
    };
    number(row.value.get(bytes), u64::from(u32::MAX))
        .map(Some)
        .map_err(|error| Fault::Header(name, error))
}

/// Makes a message of its bytes, which end with the body.
pub(crate) fn assemble(
    bytes: BytesMut,
    index: Index,
    body: Body,
    limits: &Limits,
) -> Result<Message, ParseError> {
    let head = Head::new(bytes, index, body.len);
    let line = head.index.start_line.get(&head.bytes);
    let fault = head.index.fault.or(body.fault);
    match StartLine::read(line).map_err(ParseError::Drop)? {
        StartLine::Response { status, reason } => {
            let reason = Span::of(reason, &head.bytes);
            response(head, fault, status, reason)
        }
        StartLine::Request {
            method,
            uri,
            fault: of_line,
        } => {
            let uri = Span::of(uri, &head.bytes);
            // Of another version we understand nothing else that may be wrong.
            let fault = match of_line {
                Some(Fault::Version) => of_line,
                of_line => fault.or(of_line),
            };
            request(head, fault, method, uri, limits)
        }
    }
}

fn response(
    head: Head,
    fault: Option<Fault>,
    status: Status,
    reason: Span,
) -> Result<Message, ParseError> {
    if let Some(fault) = fault {
        return Err(ParseError::Drop(fault));
    }
    let (via, of_via) = ViaParts::read(&head).map_err(ParseError::Drop)?;
    if let Some(fault) = of_via {
        return Err(ParseError::Drop(fault));
    }
    let (core, method) = Core::read(&head, via, None).map_err(ParseError::Drop)?;
    Ok(Message::Response(Box::new(Response {
        head,
        core,
        method,
        status,
        reason,
    })))
}

fn request(
    head: Head,
    fault: Option<Fault>,
    method: Method,
    uri: Span,
    limits: &Limits,
) -> Result<Message, ParseError> {
    let (via, of_via) = ViaParts::read(&head).map_err(ParseError::Drop)?;
    let fault = fault.or(of_via).or_else(|| too_many_vias(&head, limits));
    let read = match fault {
        Some(fault) => Err(fault),
        None => Core::read(&head, via.clone(), Some(&method)),
    };
    match read {
        Ok((core, _)) => Ok(Message::Request(Box::new(Request {
            head,
            core,
            method,
            uri,
            source: None,
        }))),
        // "ACK requests ... MUST NOT be responded to" (17, 8.2.7)
        Err(fault) if method == Method::Ack => Err(ParseError::Drop(fault)),
        Err(fault) => Err(ParseError::Reject(Box::new(Rejected {
            head,
            via,
            method,
            rejection: fault.into(),
            source: None,
        }))),
    }
}

fn too_many_vias(head: &Head, limits: &Limits) -> Option<Fault> {
    let rows = head
        .index
        .rows
        .iter()
        .filter(|row| row.name == HeaderName::Via);
    let count = rows
        .flat_map(|row| Values::new(row.value.get(&head.bytes)))
        .take(limits.vias.saturating_add(1))
        .count();
    (count > limits.vias).then_some(Fault::TooManyVias)
}

/// A cheap look before anything is copied: methods and versions are tokens.
pub(crate) fn begins_like_sip(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|byte| crate::header::syntax::is_token_byte(*byte))
}

/// Whether the start line is one, with faults in it or without.
pub(crate) fn has_start_line(index: &Index, bytes: &[u8]) -> bool {
    StartLine::read(index.start_line.get(bytes)) != Err(Fault::NotSip)
}

#[derive(PartialEq, Eq)]
enum StartLine<'a> {
    Request {
        method: Method,
        uri: &'a [u8],
        fault: Option<Fault>,
    },
    Response {
        status: Status,
        reason: &'a [u8],
    },
}

impl<'a> StartLine<'a> {
    /// Reads a start line (7.1, 7.2). What is wrong with it is noted as long as it is one.
    fn read(line: &'a [u8]) -> Result<Self, Fault> {
        let first_space = memchr::memchr(b' ', line).ok_or(Fault::NotSip)?;
        let (first, rest) = line.split_at(first_space);
        let rest = rest.get(1..).unwrap_or_default();
        if let Some(version) = strip_sip(first) {
            if version != b"2.0" {
                return Err(Fault::Version);
            }
            return Self::response(rest);
        }
        let method = Method::parse(first).ok_or(Fault::NotSip)?;
        let trailing = rest
            .iter()
            .rev()
            .take_while(|byte| is_space(**byte))
            .count();
        let (rest, _) = rest.split_at(rest.len().saturating_sub(trailing));
        let last_space = memchr::memrchr(b' ', rest).ok_or(Fault::NotSip)?;
        let (uri, version) = rest.split_at(last_space);
        let version = strip_sip(version.get(1..).unwrap_or_default()).ok_or(Fault::NotSip)?;
        let fault = if version != b"2.0" {
            Some(Fault::Version)
        } else if trailing > 0 || uri.is_empty() || uri.iter().any(|byte| is_space(*byte)) {
            // "Any linear whitespace ... is not allowed" but the two single spaces (7.1).
            Some(Fault::StartLine)
        } else {
            None
        };
        Ok(Self::Request { method, uri, fault })
    }

    fn response(rest: &'a [u8]) -> Result<Self, Fault> {
        let (code, reason) = match memchr::memchr(b' ', rest) {
            Some(space) => {
                let (code, reason) = rest.split_at(space);
                (code, reason.get(1..).unwrap_or_default())
            }
            None => (rest, &[][..]),
        };
        if code.len() != 3 {
            return Err(Fault::StatusCode);
        }
        let code = number(code, 999).map_err(|_| Fault::StatusCode)?;
        let status = u16::try_from(code).ok().and_then(Status::new);
        Ok(Self::Response {
            status: status.ok_or(Fault::StatusCode)?,
            reason,
        })
    }
}

/// The number after `SIP/`, which is in any case (7.1).
fn strip_sip(version: &[u8]) -> Option<&[u8]> {
    let (name, number) = version.split_at_checked(4)?;
    name.eq_ignore_ascii_case(b"SIP/").then_some(number)
}
