//! Requests that cross or overlap within a dialog: re-INVITE (RFC 3261 14.1, 14.2), UPDATE
//! (RFC 3311 5.1, 5.2), and their offers (RFC 3264 4, RFC 6337 4.2).
//!
//! [`Underway`] knows what of that is going on in a dialog, and says what may be sent and what has
//! to be refused. [`wait_after`] says how long to wait before trying again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Side;
use crate::dialog::Role;
use crate::header::RetryAfter;
use crate::message::{HeaderName, Method, Rejection, Request, Response, Status};

/// The longest Retry-After that is waited for within a call.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(32);

/// What is going on in a dialog. Requests are noted by [`begin`](Self::begin), their final
/// responses, for an INVITE of ours its 2xx and for one of the far side its ACK, by
/// [`end`](Self::end); offers and answers, wherever they travel, by [`offer`](Self::offer) and
/// [`answer`](Self::answer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Underway {
    /// Whose INVITE is unanswered: never one of both sides, for one of two that cross is refused.
    invite: Option<Side>,
    our_update: bool,
    their_update: bool,
    /// Whose offer is unanswered.
    offer: Option<Side>,
}

/// A request of ours that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// An INVITE is unanswered, of either side (RFC 3261 14.1).
    ForInvite,
    /// An UPDATE of ours is unanswered.
    ForUpdate,
    /// An offer is unanswered, of either side.
    ForAnswer,
}

impl Underway {
    /// Whether an INVITE, UPDATE or PRACK of ours may go out now. Other methods always may.
    ///
    /// # Errors
    /// [`Wait`]: what has to come to its end first.
    pub fn may_send(&self, method: &Method, with_offer: bool) -> Result<(), Wait> {
        match method {
            // "A UAC MUST NOT initiate a new INVITE transaction within a dialog while another
            // INVITE transaction is in progress in either direction." (14.1)
            Method::Invite if self.invite.is_some() => Err(Wait::ForInvite),
            // An INVITE without an offer asks the far side for one.
            Method::Invite if self.offer.is_some() => Err(Wait::ForAnswer),
            Method::Invite | Method::Update if self.our_update => Err(Wait::ForUpdate),
            Method::Update | Method::Prack if with_offer && self.offer.is_some() => {
                Err(Wait::ForAnswer)
            }
            _ => Ok(()),
        }
    }

    /// Whether a request of the far side may be taken. `random` makes the seconds of Retry-After.
    ///
    /// # Errors
    /// 491 for one that crosses ours, 500 with Retry-After for one that overlaps another of the
    /// far side.
    pub fn judge(&self, request: &Request, random: u32) -> Result<(), Rejection> {
        let with_offer = !request.body().is_empty();
        match request.method() {
            Method::Invite => match (self.invite, self.offer) {
                // RFC 3261 14.2
                (Some(Side::Us), _) => Err(pending("our INVITE is still unanswered")),
                (Some(Side::Peer), _) => Err(overlapping("an earlier INVITE", random)),
                // An offer in an UPDATE or PRACK: RFC 6337 4.2 has the codes.
                (None, Some(Side::Us)) => Err(pending("our offer is still unanswered")),
                (None, Some(Side::Peer)) => Err(overlapping("an earlier offer", random)),
                (None, None) => Ok(()),
            },
            Method::Update => match self.offer.filter(|_| with_offer) {
                // RFC 3311 5.2
                _ if self.their_update => Err(overlapping("an earlier UPDATE", random)),
                Some(Side::Us) => Err(pending("our offer is still unanswered")),
                Some(Side::Peer) => Err(overlapping("an earlier offer", random)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A request goes out, or came and is taken.
    pub fn begin(&mut self, side: Side, method: &Method) {
        match (method, side) {
            (Method::Invite, side) => self.invite = Some(side),
            (Method::Update, Side::Us) => self.our_update = true,
            (Method::Update, Side::Peer) => self.their_update = true,
            _ => {}
        }
    }

    /// The transaction of a request has come to its end. Where it failed, its offer has gone with
    /// it: "the session remains unchanged" (RFC 3261 14.1); the owner says so by
    /// [`answer`](Self::answer).
    pub fn end(&mut self, side: Side, method: &Method) {
        match (method, side) {
            (Method::Invite, side) => {
                self.invite.take_if(|it| *it == side);
            }
            (Method::Update, Side::Us) => self.our_update = false,
            (Method::Update, Side::Peer) => self.their_update = false,
            _ => {}
        }
    }

    /// An offer of that side goes out or came in.
    pub fn offer(&mut self, side: Side) {
        self.offer = Some(side);
    }

    /// The offer has its answer, or will never have one.
    pub fn answer(&mut self) {
        self.offer = None;
    }

    /// Whose offer is unanswered.
    pub fn unanswered_offer(&self) -> Option<Side> {
        self.offer
    }
}

/// How long to wait before a request is sent again that was refused with 491, or with a 500 or
/// 503 that says when; `None`: it is not to be sent again. `random` gives the time of a 491.
///
/// "If the UAC is the owner of the Call-ID of the dialog ID (meaning it generated the value), T
/// has a randomly chosen value between 2.1 and 4 seconds in units of 10 ms"; if it is not, "a
/// randomly chosen value of between 0 and 2 seconds" (RFC 3261 14.1).
pub fn wait_after(response: &Response, we_are: Role, random: u32) -> Option<Duration> {
    let step = |steps: u32| Duration::from_millis(u64::from(random % (steps + 1)) * 10);
    match response.status() {
        Status::REQUEST_PENDING => Some(match we_are {
            Role::Uac => Duration::from_millis(2100) + step(190),
            Role::Uas => step(200),
        }),
        Status::SERVER_INTERNAL_ERROR | Status::SERVICE_UNAVAILABLE => {
            let said = response.headers().get::<RetryAfter>().ok()??;
            let wait = Duration::from_secs(said.delta_s.into());
            (wait <= MAX_RETRY_AFTER).then_some(wait)
        }
        _ => None,
    }
}

fn pending(reason: &'static str) -> Rejection {
    Rejection::new(Status::REQUEST_PENDING, reason)
}

/// "MUST include a Retry-After header field with a randomly chosen value of between 0 and 10
/// seconds" (RFC 3261 14.2, RFC 3311 5.2).
fn overlapping(what: &str, random: u32) -> Rejection {
    Rejection::new(
        Status::SERVER_INTERNAL_ERROR,
        format!("{what} is still unanswered"),
    )
    .with(HeaderName::RetryAfter, (random % 11).to_string())
}
