//! A server transaction of anything but an INVITE (RFC 3261 17.2.2, RFC 4320).

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use super::event::ServerId;
use super::outbox::Context;
use super::own;
use super::table::Machine;
use super::timing::Timings;
use crate::flow::FlowId;
use crate::message::{Request, Response, Status};

#[derive(Debug)]
pub(super) struct OtherServer {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not answered.
    Trying {
        request: Box<Request>,
        /// When to say 100 (RFC 4320 4.1).
        trying: Instant,
        /// When the client has given up.
        end: Instant,
    },
    /// A 100 was sent.
    Proceeding {
        trying: Bytes,
        end: Instant,
    },
    /// Answered; the request may come again.
    Completed {
        answer: Bytes,
        /// Timer J.
        end: Instant,
    },
    Terminated,
}

impl OtherServer {
    pub(super) fn start(cx: &Context<'_, ServerId>, request: &Request) -> Self {
        let state = State::Trying {
            request: Box::new(request.clone()),
            trying: cx.now + cx.timings.until_interval_is_longest(),
            end: cx.now + cx.timings.patience(),
        };
        Self { state }
    }

    /// Nothing was said to it yet.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// The request came again.
    pub(super) fn handle_repeat(&mut self, cx: &mut Context<'_, ServerId>, flow: FlowId) {
        cx.absorb();
        match &self.state {
            State::Proceeding { trying: again, .. } | State::Completed { answer: again, .. } => {
                cx.out.resend(flow, again);
            }
            State::Trying { .. } | State::Terminated => {}
        }
    }

    pub(super) fn respond(&mut self, cx: &mut Context<'_, ServerId>, response: &Response) {
        let status = response.status();
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            // "MUST NOT send any provisional response with a Status-Code other than 100 to a
            // non-INVITE request" (RFC 4320 4.1); the 100 is ours.
            waiting @ (State::Trying { .. } | State::Proceeding { .. })
                if status.is_provisional() =>
            {
                waiting
            }
            // "MUST NOT send a response with Status-Code of 408 to a non-INVITE request"
            // (RFC 4320 4.2)
            State::Trying { .. } | State::Proceeding { .. }
                if status == Status::REQUEST_TIMEOUT =>
            {
                State::Terminated
            }
            State::Trying { .. } | State::Proceeding { .. } => {
                let answer = response.as_bytes().clone();
                cx.send(&answer);
                let linger = Timings::linger(cx.transport, cx.timings.patience());
                match linger.is_zero() {
                    true => State::Terminated,
                    false => State::Completed {
                        answer,
                        end: cx.now + linger,
                    },
                }
            }
            other => other,
        };
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_, ServerId>) {
        match &self.state {
            State::Trying {
                request,
                trying,
                end,
            } if cx.now < *end => {
                if *trying <= cx.now {
                    let trying = own::trying(request);
                    cx.send(&trying);
                    self.state = State::Proceeding { trying, end: *end };
                }
            }
            State::Proceeding { end, .. } | State::Completed { end, .. } if cx.now < *end => {}
            // "an element that can not respond before the transaction expires will not send a
            // final response at all" (RFC 4320 4.2)
            _ => self.state = State::Terminated,
        }
    }

    pub(super) fn forget(&mut self) {
        self.state = State::Terminated;
    }
}

impl Machine for OtherServer {
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { trying, end, .. } => Some((*trying).min(*end)),
            State::Proceeding { end, .. } | State::Completed { end, .. } => Some(*end),
            State::Terminated => None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
