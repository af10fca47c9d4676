//! A server transaction of an INVITE (RFC 3261 17.2.1, RFC 6026 7.1).

use std::mem;
use std::time::Instant;

use bytes::Bytes;
use smol_str::SmolStr;

use super::event::ServerId;
use super::outbox::Context;
use super::own;
use super::table::Machine;
use super::timing::{Resend, Timings, sooner};
use crate::flow::FlowId;
use crate::message::{Request, Response, Status};

/// How often a 401 or 407, or another refusal of somebody unknown, is sent again by itself: whoever
/// asks with another's address shall not make us send much there (RFC 3261 26.3.2.4 would send none
/// again, but a 100 has stopped the client from asking again).
const FEW: u32 = 2;

#[derive(Debug)]
pub(super) struct InviteServer {
    /// Our tag in To, as soon as a response had one.
    tag: Option<SmolStr>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not answered finally yet.
    Proceeding {
        /// The last provisional response.
        last: Bytes,
        cancelled: Cancelled,
    },
    /// Refused; the ACK is waited for.
    Completed {
        refusal: Bytes,
        /// Timer G.
        resend: Option<Resend>,
        /// How often it may be sent again.
        left: u32,
        /// Timer H.
        end: Instant,
    },
    /// The ACK came; it may come again.
    Confirmed {
        /// Timer I.
        end: Instant,
    },
    /// Accepted. The 2xx is repeated by the core until its ACK comes (13.3.1.4).
    Accepted {
        /// Timer L.
        end: Instant,
    },
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelled {
    No,
    Yes,
}

/// What an ACK was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// That of a refusal.
    Here,
    /// That of a 2xx: the core's.
    Elsewhere,
}

impl InviteServer {
    /// Says that it is being worked on.
    pub(super) fn start(cx: &mut Context<'_, ServerId>, invite: &Request) -> Self {
        let last = own::trying(invite);
        cx.send(&last);
        let state = State::Proceeding {
            last,
            cancelled: Cancelled::No,
        };
        Self { tag: None, state }
    }

    /// Our tag in To, as far as there is one.
    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Its 100, if it has had nothing else yet.
    pub(super) fn unanswered(&self) -> Option<&Bytes> {
        match &self.state {
            State::Proceeding { last, cancelled } if self.tag.is_none() => {
                (*cancelled == Cancelled::No).then_some(last)
            }
            _ => None,
        }
    }

    /// The INVITE came again.
    pub(super) fn handle_repeat(&mut self, cx: &mut Context<'_, ServerId>, flow: FlowId) {
        cx.absorb();
        match &self.state {
            State::Proceeding { last: again, .. } | State::Completed { refusal: again, .. } => {
                cx.out.resend(flow, again);
            }
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => {}
        }
    }

    /// `few`: a refusal is sent again as seldom as a challenge.
    pub(super) fn respond(
        &mut self,
        cx: &mut Context<'_, ServerId>,
        response: &Response,
        few: bool,
    ) {
        let status = response.status();
        let bytes = response.as_bytes();
        let tag = response
            .to_tag()
            .and_then(|tag| std::str::from_utf8(tag).ok());
        let state = mem::replace(&mut self.state, State::Terminated);
        self.state = match state {
            State::Proceeding { cancelled, .. } => {
                if let Some(tag) = tag {
                    self.tag = Some(tag.into());
                }
                cx.send(bytes);
                if status.is_provisional() {
                    State::Proceeding {
                        last: bytes.clone(),
                        cancelled,
                    }
                } else if status.is_success() {
                    State::Accepted {
                        end: cx.now + cx.timings.patience(),
                    }
                } else {
                    completed(cx, response, few)
                }
            }
            State::Accepted { end } if status.is_success() => {
                cx.resend(bytes);
                State::Accepted { end }
            }
            other => other,
        };
    }

    pub(super) fn handle_ack(&mut self, cx: &mut Context<'_, ServerId>) -> Acknowledged {
        match self.state {
            State::Completed { .. } => {
                let linger = Timings::linger(cx.transport, cx.timings.t4);
                self.state = match linger.is_zero() {
                    true => State::Terminated,
                    false => State::Confirmed {
                        end: cx.now + linger,
                    },
                };
                Acknowledged::Here
            }
            State::Accepted { .. } => Acknowledged::Elsewhere,
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => {
                cx.absorb();
                Acknowledged::Here
            }
        }
    }

    /// A CANCEL came: "if it has not, ... it SHOULD immediately respond to the INVITE with a 487"
    /// (9.2), which the core does.
    pub(super) fn handle_cancel(&mut self, cx: &mut Context<'_, ServerId>) {
        if let State::Proceeding { cancelled, .. } = &mut self.state
            && *cancelled == Cancelled::No
        {
            *cancelled = Cancelled::Yes;
            cx.cancelled();
        }
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_, ServerId>) {
        match &mut self.state {
            State::Completed {
                refusal,
                resend: slot @ Some(_),
                left,
                end,
            } if cx.now < *end => {
                if let Some(resend) = slot.filter(|resend| resend.next() <= cx.now) {
                    cx.resend(refusal);
                    *left = left.saturating_sub(1);
                    let next = resend.doubled(cx.now, cx.timings.t2);
                    *slot = (*left > 0).then_some(next);
                }
            }
            State::Completed { end, .. } | State::Confirmed { end } | State::Accepted { end }
                if cx.now < *end => {}
            State::Completed { .. } => {
                cx.not_acknowledged();
                self.state = State::Terminated;
            }
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => {
                self.state = State::Terminated;
            }
            State::Proceeding { .. } => {}
        }
    }

    pub(super) fn forget(&mut self) {
        self.state = State::Terminated;
    }
}

fn completed(cx: &Context<'_, ServerId>, response: &Response, few: bool) -> State {
    let challenge = matches!(
        response.status(),
        Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED
    );
    State::Completed {
        refusal: response.as_bytes().clone(),
        resend: Resend::over(cx.transport, cx.now, cx.timings.t1),
        left: if challenge || few { FEW } else { u32::MAX },
        end: cx.now + cx.timings.patience(),
    }
}

impl Machine for InviteServer {
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { resend, end, .. } => Some(sooner(*resend, *end)),
            State::Confirmed { end } | State::Accepted { end } => Some(*end),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
