//! A client transaction of an INVITE (RFC 3261 17.1.1, RFC 6026 7.2).

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::event::{ClientId, Failure};
use super::outbox::Context;
use super::own;
use super::table::Machine;
use super::timing::{Resend, Timings, sooner};
use crate::message::{Request, Response};

#[derive(Debug)]
pub(super) struct InviteClient {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody answered yet.
    Calling {
        invite: Box<Request>,
        /// Timer A.
        resend: Option<Resend>,
        /// Timer B.
        end: Instant,
        /// To be sent as soon as somebody answers: before, "the CANCEL request MUST NOT be sent"
        /// (9.1).
        cancel: Option<Box<Request>>,
    },
    /// A provisional response came.
    Proceeding {
        invite: Box<Request>,
        /// A CANCEL was sent; so long its INVITE is waited for.
        cancelled: Option<Instant>,
    },
    /// A refusal came, and was acknowledged; it may come again.
    Completed {
        ack: Option<Bytes>,
        /// Timer D.
        end: Instant,
    },
    /// A 2xx came; more may come.
    Accepted {
        /// Timer M.
        end: Instant,
    },
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE.
    pub(super) fn start(cx: &mut Context<'_, ClientId>, invite: Box<Request>) -> Self {
        cx.send(invite.as_bytes());
        let state = State::Calling {
            resend: Resend::over(cx.transport, cx.now, cx.timings.t1),
            end: cx.now + cx.timings.patience(),
            cancel: None,
            invite,
        };
        Self { state }
    }

    /// A response came. Gives the CANCEL that may be sent now.
    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_, ClientId>,
        response: Box<Response>,
    ) -> Option<Box<Request>> {
        if response.status().is_provisional() {
            return self.handle_provisional(cx, response);
        }
        let success = response.status().is_success();
        let state = mem::replace(&mut self.state, State::Terminated);
        self.state = match state {
            State::Calling { .. } | State::Proceeding { .. } | State::Accepted { .. }
                if success =>
            {
                let end = match state {
                    State::Accepted { end } => end,
                    _ => cx.now + cx.timings.patience(),
                };
                cx.tell(response);
                State::Accepted { end }
            }
            State::Calling { invite, .. } | State::Proceeding { invite, .. } => {
                let ack = own::ack(&invite, &response);
                if let Some(ack) = &ack {
                    cx.send(ack);
                }
                cx.tell(response);
                let linger = Timings::linger(cx.transport, cx.timings.patience());
                completed(ack, cx.now, linger)
            }
            State::Completed { ack, end } if success => {
                // A proxy may send one after a refusal (16.7); it is a dialog to be ended.
                cx.out.stray(cx.flow, response);
                State::Completed { ack, end }
            }
            State::Completed { ack, end } => {
                cx.absorb();
                if let Some(ack) = &ack {
                    cx.resend(ack);
                }
                State::Completed { ack, end }
            }
            State::Accepted { end } => {
                cx.absorb();
                State::Accepted { end }
            }
            State::Terminated => State::Terminated,
        };
        None
    }

    fn handle_provisional(
        &mut self,
        cx: &mut Context<'_, ClientId>,
        response: Box<Response>,
    ) -> Option<Box<Request>> {
        match mem::replace(&mut self.state, State::Terminated) {
            State::Calling { invite, cancel, .. } => {
                cx.tell(response);
                let cancelled = cancel.is_some().then(|| cx.now + cx.timings.patience());
                self.state = State::Proceeding { invite, cancelled };
                cancel
            }
            proceeding @ State::Proceeding { .. } => {
                cx.tell(response);
                self.state = proceeding;
                None
            }
            // Overtaken by the final one.
            other => {
                cx.absorb();
                self.state = other;
                None
            }
        }
    }

    /// The INVITE is no longer wanted. Gives the CANCEL if it may be sent now.
    pub(super) fn cancel(
        &mut self,
        cx: &mut Context<'_, ClientId>,
        reason: Option<&str>,
    ) -> Option<Box<Request>> {
        match &mut self.state {
            State::Calling { invite, cancel, .. } if cancel.is_none() => {
                *cancel = own::cancel(invite, reason).map(Box::new);
                None
            }
            State::Proceeding { invite, cancelled } if cancelled.is_none() => {
                *cancelled = Some(cx.now + cx.timings.patience());
                own::cancel(invite, reason).map(Box::new)
            }
            _ => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_, ClientId>) {
        match &mut self.state {
            State::Calling {
                invite,
                resend: Some(resend),
                end,
                ..
            } if cx.now < *end => {
                if resend.next() <= cx.now {
                    *resend = resend.doubled(cx.now, Duration::MAX);
                    cx.resend(invite.as_bytes());
                }
            }
            State::Calling { end, .. }
            | State::Completed { end, .. }
            | State::Accepted { end }
            | State::Proceeding {
                cancelled: Some(end),
                ..
            } if cx.now < *end => {}
            State::Calling { .. } | State::Proceeding { .. } => {
                cx.fail(Failure::Timeout);
                self.state = State::Terminated;
            }
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => {
                self.state = State::Terminated;
            }
        }
    }

    pub(super) fn flow_closed(&mut self, cx: &mut Context<'_, ClientId>) {
        if matches!(self.state, State::Calling { .. } | State::Proceeding { .. }) {
            cx.fail(Failure::FlowClosed);
        }
        self.state = State::Terminated;
    }
}

fn completed(ack: Option<Bytes>, now: Instant, linger: Duration) -> State {
    match linger.is_zero() {
        true => State::Terminated,
        false => State::Completed {
            ack,
            end: now + linger,
        },
    }
}

impl Machine for InviteClient {
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { resend, end, .. } => Some(sooner(*resend, *end)),
            State::Proceeding { cancelled, .. } => *cancelled,
            State::Completed { end, .. } | State::Accepted { end } => Some(*end),
            State::Terminated => None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
