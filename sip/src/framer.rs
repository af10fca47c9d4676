//! Where messages begin and end on the wire (RFC 3261 7.5, 18.3; RFC 7118; RFC 5626 4.4.1).
//!
//! One parser for all: a datagram or a WebSocket message is a whole ([`whole`]); on a TCP or TLS
//! stream a [`StreamFramer`] cuts messages by their Content-Length, with the index that the
//! message keeps. Where nothing certain says where a message ends, the stream is closed: whoever
//! guesses lets a body be read as the next request.

#[cfg(test)]
mod tests;

use std::time::Instant;

use bytes::BytesMut;

use crate::message::{
    Body, Fault, Index, Limits, Message, ParseError, Rejected, assemble, begins_like_sip,
    content_length, has_start_line,
};

/// What a `Ping` is answered with (RFC 5626 4.4.1).
pub const PONG: &[u8] = b"\r\n";
/// What keeps a flow alive (RFC 5626 4.4.1).
pub const PING: &[u8] = b"\r\n\r\n";

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A message.
    Message(Message),
    /// A request that is to be answered with what refuses it. The stream goes on.
    Rejected(Box<Rejected>),
    /// Something that gets no answer. The stream goes on.
    Dropped(Fault),
    /// A keep-alive that wants a [`PONG`].
    Ping,
    /// The answer to a [`PING`] of ours.
    Pong,
    /// The stream cannot be read any further, and has to be closed.
    Close(Box<Close>),
}

/// Why a stream has to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// What is wrong.
    pub fault: Fault,
    /// The request to be answered before.
    pub answer: Option<Rejected>,
}

/// Reads a whole: a UDP datagram or a WebSocket message (RFC 7118 5), which hold one message.
/// Nothing but line ends is a keep-alive.
pub fn whole(bytes: &[u8], limits: &Limits) -> Framed {
    if bytes == PONG {
        return Framed::Pong;
    }
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return Framed::Ping;
    }
    framed(Message::parse(bytes, limits))
}

/// Who opened a stream, and so who sends the keep-alives (RFC 5626 4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The far side: two line ends are its ping, one is nothing.
    ByPeer,
    /// We: each line end is a pong.
    ByUs,
}

/// Cuts a TCP or TLS stream into messages. It holds at most one unfinished message, which is
/// bounded by the [`Limits`], and what was pushed last.
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    opened: Opened,
    /// What is not read yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// How far the buffer was looked through for the end of a head.
    scanned: usize,
    /// One line end of a ping is here.
    half_ping: bool,
    body: Option<Unfinished>,
    closed: bool,
    pushed: Option<Instant>,
    waiting_since: Option<Instant>,
}

/// A message whose body is not all there.
#[derive(Debug)]
struct Unfinished {
    bytes: BytesMut,
    index: Index,
    body_len: usize,
}

impl StreamFramer {
    /// A framer for a stream that has just been opened.
    pub fn new(opened: Opened, limits: Limits) -> Self {
        Self {
            limits,
            opened,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            half_ping: false,
            body: None,
            closed: false,
            pushed: None,
            waiting_since: None,
        }
    }

    /// Takes what was read from the socket. [`poll`](Self::poll) until it gives nothing before
    /// reading on.
    pub fn push(&mut self, now: Instant, bytes: &[u8]) {
        if self.closed || bytes.is_empty() {
            return;
        }
        self.pushed = Some(now);
        self.buffer.extend_from_slice(bytes);
    }

    /// Since when a message is begun and not finished: the first byte of it. `None` while there
    /// is none. A sender that takes too long is closed by whoever asks.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since
    }

    /// Bytes held.
    pub fn buffered(&self) -> usize {
        let body = self.body.as_ref().map_or(0, |body| body.bytes.len());
        self.buffer.len() - self.start + body
    }

    /// What comes next, if it is all there. After a `Close` there is nothing any more.
    pub fn poll(&mut self) -> Option<Framed> {
        if self.closed {
            return None;
        }
        let framed = self.next();
        match &framed {
            Some(Framed::Close(_)) => {
                self.closed = true;
                self.buffer = Vec::new();
                self.start = 0;
                self.body = None;
                self.waiting_since = None;
            }
            Some(_) => self.waiting_since = None,
            None => self.settle(),
        }
        framed
    }

    fn next(&mut self) -> Option<Framed> {
        if self.body.is_some() {
            return self.finish_body();
        }
        if let Some(keep_alive) = self.skip_line_ends() {
            return Some(keep_alive);
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        match rest.first() {
            None => return None,
            Some(b'\r') if rest.len() == 1 => return None,
            Some(_) => self.half_ping = false,
        }
        if !begins_like_sip(rest) {
            return Some(close(Fault::NotSip));
        }
        let Some(head_len) = self.head_len() else {
            return self.head_too_long();
        };
        let head = self.buffer.get(self.start..self.start + head_len)?;
        let mut bytes = BytesMut::from(head);
        self.start += head_len;
        self.scanned = self.start;
        let index = Index::read(&mut bytes, &self.limits);
        match self.body_len(&index, &bytes) {
            Ok(body_len) => {
                self.body = Some(Unfinished {
                    bytes,
                    index,
                    body_len,
                });
                self.finish_body()
            }
            Err(fault) => Some(self.close_with_answer(bytes, index, fault)),
        }
    }

    /// Line ends between messages (7.5), and what they mean (RFC 5626 4.4.1).
    fn skip_line_ends(&mut self) -> Option<Framed> {
        while self
            .buffer
            .get(self.start..)
            .is_some_and(|rest| rest.starts_with(PONG))
        {
            self.start += PONG.len();
            self.scanned = self.start;
            match self.opened {
                Opened::ByUs => return Some(Framed::Pong),
                Opened::ByPeer if self.half_ping => {
                    self.half_ping = false;
                    return Some(Framed::Ping);
                }
                Opened::ByPeer => self.half_ping = true,
            }
        }
        None
    }

    /// The length of the head at `start`: up to an empty line. Lines that end with LF alone count,
    /// so that such a message is refused rather than waited for.
    fn head_len(&mut self) -> Option<usize> {
        let limit = self.start.saturating_add(self.limits.head_bytes);
        let mut at = self.scanned.max(self.start);
        while let Some(found) = self
            .buffer
            .get(at..)
            .and_then(|rest| memchr::memchr(b'\n', rest))
        {
            let line_end = at + found;
            let end = match self.buffer.get(line_end + 1..).unwrap_or_default() {
                [b'\n', ..] => line_end + 2,
                [b'\r', b'\n', ..] => line_end + 3,
                // The next bytes decide.
                [] | [b'\r'] => {
                    self.scanned = line_end;
                    return None;
                }
                _ => {
                    at = line_end + 1;
                    continue;
                }
            };
            return (end <= limit).then(|| end - self.start);
        }
        self.scanned = self.buffer.len();
        None
    }

    fn head_too_long(&self) -> Option<Framed> {
        let most = self.limits.head_bytes.saturating_add(1);
        // Always the same bytes, however the stream was cut.
        let head = self.buffer.get(self.start..self.start.checked_add(most)?)?;
        let mut bytes = BytesMut::from(head);
        let index = Index::read(&mut bytes, &self.limits);
        Some(self.close_with_answer(bytes, index, Fault::HeadTooLong))
    }

    /// How long the body is.
    ///
    /// # Errors
    /// The [`Fault`] for which nobody can say where the next message begins.
    fn body_len(&self, index: &Index, bytes: &[u8]) -> Result<usize, Fault> {
        // Beyond these faults the index did not read on, or read lines that others read otherwise.
        if let Some(
            fault @ (Fault::HeadTooLong
            | Fault::TooManyHeaders
            | Fault::LineEnd
            | Fault::NoEmptyLine),
        ) = index.fault
        {
            return Err(fault);
        }
        // What is no message cannot say how long it is: most likely it is the rest of one.
        if !has_start_line(index, bytes) {
            return Err(Fault::NotSip);
        }
        // "the Content-Length header field ... MUST be used" on a stream (18.3)
        let said = content_length(index, bytes)?.ok_or(Fault::NoContentLength)?;
        usize::try_from(said)
            .ok()
            .filter(|len| *len <= self.limits.body_bytes)
            .ok_or(Fault::BodyTooLong)
    }

    fn finish_body(&mut self) -> Option<Framed> {
        let body = self.body.as_mut()?;
        let total = body.index.head_len + body.body_len;
        let missing = total.saturating_sub(body.bytes.len());
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let (part, _) = rest.split_at(missing.min(rest.len()));
        body.bytes.extend_from_slice(part);
        self.start += part.len();
        self.scanned = self.start;
        if part.len() < missing {
            return None;
        }
        let body = self.body.take()?;
        let len = Body {
            len: body.body_len,
            fault: None,
        };
        Some(framed(assemble(body.bytes, body.index, len, &self.limits)))
    }

    fn close_with_answer(&self, bytes: BytesMut, index: Index, fault: Fault) -> Framed {
        let body = Body {
            len: 0,
            fault: Some(fault),
        };
        let answer = match assemble(bytes, index, body, &self.limits) {
            Err(ParseError::Reject(rejected)) => Some(*rejected),
            _ => None,
        };
        Framed::Close(Box::new(Close { fault, answer }))
    }

    /// Nothing more is there: what is read is forgotten, and memory is given back.
    fn settle(&mut self) {
        self.buffer.drain(..self.start);
        self.scanned = self.scanned.saturating_sub(self.start);
        self.start = 0;
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        if self.buffer.is_empty() && self.body.is_none() {
            self.waiting_since = None;
        } else {
            self.waiting_since = self.waiting_since.or(self.pushed);
        }
    }
}

fn framed(parsed: Result<Message, ParseError>) -> Framed {
    match parsed {
        Ok(message) => Framed::Message(message),
        Err(ParseError::Drop(fault)) => Framed::Dropped(fault),
        Err(ParseError::Reject(rejected)) => Framed::Rejected(rejected),
    }
}

fn close(fault: Fault) -> Framed {
    Framed::Close(Box::new(Close {
        fault,
        answer: None,
    }))
}
