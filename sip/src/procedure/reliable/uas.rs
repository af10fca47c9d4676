//! The UAS (RFC 3262 3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;

use super::super::bad;
use super::{Description, Exchange};
use crate::header::{RAck, RSeq};
use crate::message::{
    BuildError, HeaderName, Method, Rejection, Request, Response, ResponseBuilder, Status,
};

/// The most responses that wait for the one before them. More than that is news nobody would see.
pub const MAX_QUEUED: usize = 8;

const T1: Duration = Duration::from_millis(500);

/// An INVITE whose response nobody acknowledges for 64*T1 is refused.
const PATIENCE: Duration = T1.saturating_mul(64);

/// The reliable provisional responses to one INVITE, one unacknowledged at a time.
#[derive(Debug, Clone)]
pub struct Provisionals {
    /// CSeq of the INVITE.
    cseq: u32,
    /// The number of the next response.
    rseq: u32,
    exchange: Exchange,
    sent: Option<Sent>,
    /// Written, with their numbers.
    queue: VecDeque<(u32, Response)>,
    /// A final response has gone out: nothing is repeated, nothing new is sent (3).
    finished: bool,
}

/// A response that waits for its PRACK.
#[derive(Debug, Clone)]
struct Sent {
    rseq: u32,
    response: Bytes,
    has_body: bool,
    next: Instant,
    interval: Duration,
    end: Instant,
}

/// What is to be done at a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Send the response again.
    Repeat(Bytes),
    /// No PRACK came in time: "the UAS SHOULD reject the original request with a 5xx response"
    /// (3).
    GiveUp,
}

/// A PRACK that is answered with a 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// What its body is. An [`Offer`](Description::Offer) is answered in the 2xx.
    pub description: Description,
    /// The response carried an offer, and the PRACK lacks the answer it must have (5).
    pub answer_missing: bool,
    /// The next response that waited, to be sent.
    pub next: Option<Response>,
}

/// Why a response is not sent. The fault is the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// [`MAX_QUEUED`] wait already.
    #[error("too many provisional responses wait for their acknowledgement")]
    QueueFull,
    /// A final response has been sent.
    #[error("the INVITE has been answered")]
    Finished,
    /// It cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Provisionals {
    /// None yet. `random` makes the number of the first, from 1 to 2³¹ - 1 (3).
    pub fn new(invite: &Request, random: u32) -> Self {
        Self {
            cseq: invite.cseq(),
            // Numbers "MUST NOT wrap around": there is room for more than a call can make.
            rseq: (random >> 1).clamp(1, i32::MAX as u32 - 1024),
            exchange: Exchange::new(!invite.body().is_empty()),
            sent: None,
            queue: VecDeque::new(),
            finished: false,
        }
    }

    /// Sends a 101 to 199 reliably: now, with the response that is returned, or when those before
    /// it have been acknowledged.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn send(
        &mut self,
        now: Instant,
        response: ResponseBuilder,
    ) -> Result<Option<Response>, SendError> {
        if self.finished {
            return Err(SendError::Finished);
        }
        if self.queue.len() >= MAX_QUEUED {
            return Err(SendError::QueueFull);
        }
        let response = response
            .value(HeaderName::Require, "100rel")
            .header(&RSeq(self.rseq))
            .build()?;
        self.queue.push_back((self.rseq, response));
        self.rseq += 1;
        Ok(self.send_next(now))
    }

    /// Takes a PRACK of the same dialog.
    ///
    /// # Errors
    /// 481 if it acknowledges nothing that waits, 400 if it does not say what.
    pub fn handle_prack(
        &mut self,
        now: Instant,
        prack: &Request,
    ) -> Result<Acknowledged, Rejection> {
        let rack = prack
            .headers()
            .get::<RAck<'_>>()
            .map_err(|_| bad("RAck is malformed"))?
            .ok_or_else(|| bad("RAck is missing"))?;
        let ours = (self.cseq, Method::Invite.as_str().as_bytes());
        let matching = |sent: &mut Sent| sent.rseq == rack.rseq && (rack.cseq, rack.method) == ours;
        if self.sent.take_if(matching).is_none() {
            return Err(Rejection::new(
                Status::CALL_DOES_NOT_EXIST,
                "the PRACK acknowledges no response that waits for it",
            ));
        }
        let owed = self.exchange == Exchange::Answering;
        let description = self.exchange.on_prack(!prack.body().is_empty());
        let answer_missing = owed && description != Description::Answer;
        Ok(Acknowledged {
            description,
            answer_missing,
            next: self.send_next(now),
        })
    }

    /// True while a 2xx has to wait: a response with a description is unacknowledged (3).
    pub fn holds_2xx(&self) -> bool {
        !self.finished && self.sent.as_ref().is_some_and(|sent| sent.has_body)
    }

    /// True once a response with a description has gone out: the 2xx has none (RFC 3261 13.2.1).
    pub fn has_described(&self) -> bool {
        !matches!(self.exchange, Exchange::Unoffered | Exchange::Offered)
    }

    /// A final response goes out: what waits is forgotten, the PRACK of what was sent may still
    /// come (3).
    pub fn finish(&mut self) {
        self.finished = true;
        self.queue.clear();
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let sent = self.sent.as_ref().filter(|_| !self.finished)?;
        Some(sent.next.min(sent.end))
    }

    /// What is due; giving up is said once.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        let sent = self.sent.as_mut().filter(|_| !self.finished)?;
        if now >= sent.end {
            self.finish();
            return Some(Due::GiveUp);
        }
        if now < sent.next {
            return None;
        }
        // It "starts at T1 seconds and doubles for each retransmission" (3), without an end.
        sent.interval *= 2;
        sent.next = now + sent.interval;
        Some(Due::Repeat(sent.response.clone()))
    }

    /// The first that waits, unless there is one unacknowledged.
    fn send_next(&mut self, now: Instant) -> Option<Response> {
        if self.sent.is_some() {
            return None;
        }
        let (rseq, response) = self.queue.pop_front()?;
        let has_body = !response.body().is_empty();
        self.exchange.on_response(has_body);
        self.sent = Some(Sent {
            rseq,
            response: response.as_bytes().clone(),
            has_body,
            next: now + T1,
            interval: T1,
            end: now + PATIENCE,
        });
        Some(response)
    }
}
