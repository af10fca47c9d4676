//! A client transaction of anything but an INVITE (RFC 3261 17.1.2).

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use super::event::{ClientId, Failure};
use super::outbox::Context;
use super::table::Machine;
use super::timing::{Resend, Timings, sooner};
use crate::message::Response;

#[derive(Debug)]
pub(super) struct OtherClient {
    asked_by: AskedBy,
    state: State,
}

/// Who wants to know the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// Whoever called `request`.
    Core,
    /// Nobody: a CANCEL whose INVITE is answered instead.
    Layer,
}

#[derive(Debug)]
enum State {
    /// Nobody answered yet, or a provisional response came.
    Waiting {
        request: Bytes,
        /// Timer E. After a provisional response its interval is T2.
        resend: Option<Resend>,
        /// Timer F.
        end: Instant,
    },
    /// The final response came; it may come again.
    Completed {
        /// Timer K.
        end: Instant,
    },
    Terminated,
}

impl OtherClient {
    /// Sends the request.
    pub(super) fn start(cx: &mut Context<'_, ClientId>, request: Bytes, asked_by: AskedBy) -> Self {
        cx.send(&request);
        let state = State::Waiting {
            request,
            resend: Resend::over(cx.transport, cx.now, cx.timings.t1),
            end: cx.now + cx.timings.patience(),
        };
        Self { asked_by, state }
    }

    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_, ClientId>,
        response: Box<Response>,
    ) {
        let provisional = response.status().is_provisional();
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            State::Waiting {
                request,
                resend,
                end,
            } if provisional => {
                self.tell(cx, response);
                State::Waiting {
                    request,
                    resend: resend.map(|resend| resend.slowed(cx.timings.t2)),
                    end,
                }
            }
            State::Waiting { .. } => {
                self.tell(cx, response);
                let linger = Timings::linger(cx.transport, cx.timings.t4);
                match linger.is_zero() {
                    true => State::Terminated,
                    false => State::Completed {
                        end: cx.now + linger,
                    },
                }
            }
            other => {
                cx.absorb();
                other
            }
        };
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_, ClientId>) {
        match &mut self.state {
            State::Waiting {
                request,
                resend: Some(resend),
                end,
            } if cx.now < *end => {
                if resend.next() <= cx.now {
                    *resend = resend.doubled(cx.now, cx.timings.t2);
                    cx.resend(request);
                }
            }
            State::Waiting { end, .. } | State::Completed { end } if cx.now < *end => {}
            State::Waiting { .. } => self.fail(cx, Failure::Timeout),
            State::Completed { .. } | State::Terminated => self.state = State::Terminated,
        }
    }

    pub(super) fn flow_closed(&mut self, cx: &mut Context<'_, ClientId>) {
        match self.state {
            State::Waiting { .. } => self.fail(cx, Failure::FlowClosed),
            State::Completed { .. } | State::Terminated => self.state = State::Terminated,
        }
    }

    fn tell(&self, cx: &mut Context<'_, ClientId>, response: Box<Response>) {
        if self.asked_by == AskedBy::Core {
            cx.tell(response);
        }
    }

    fn fail(&mut self, cx: &mut Context<'_, ClientId>, failure: Failure) {
        self.state = State::Terminated;
        if self.asked_by == AskedBy::Core {
            cx.fail(failure);
        }
    }
}

impl Machine for OtherClient {
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { resend, end, .. } => Some(sooner(*resend, *end)),
            State::Completed { end } => Some(*end),
            State::Terminated => None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
