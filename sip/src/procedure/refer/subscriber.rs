//! Hearing what becomes of a REFER of ours (RFC 3515 2.4.4, RFC 6665 4.1).

use std::time::{Duration, Instant};

use super::super::bad;
use super::sipfrag;
use crate::header::{ContentType, Event, ReferSub, SubscriptionState};
use crate::message::{HeaderName, Rejection, Request, Response, Status};

/// Timer N of RFC 6665 4.1.2.4: how long the first NOTIFY may take.
const FIRST_NOTIFY: Duration = Duration::from_secs(32);

/// The longest we wait for the end, whatever the far side says. Longer than that nobody rings.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// A REFER of ours, from sending it to knowing what became of it.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// CSeq of the REFER.
    id: u32,
    /// Nobody waits longer than that.
    end: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Neither a final response nor a NOTIFY came.
    Sent,
    /// It was accepted, or spoken of, until this time.
    Subscribed(Instant),
    Done,
}

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The REFER was accepted.
    Accepted,
    /// The call that was asked for got this provisional response.
    Progress(Status),
    /// That is the end; nothing more is heard.
    Done(Outcome),
}

/// What became of a REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The call that was asked for got this final response: with a 2xx it stands.
    Answered(Status),
    /// The REFER itself was refused.
    Refused(Status),
    /// Nobody says: it was accepted without a subscription, or the far side fell silent.
    Unknown,
}

impl Transfer {
    /// A REFER with that CSeq goes out.
    pub fn new(now: Instant, id: u32) -> Self {
        Self {
            id,
            end: now + MAX_WAIT,
            state: State::Sent,
        }
    }

    /// Takes a response to the REFER; none at all is a 408. 401 and 407 are for the owner to
    /// answer, by a REFER with another number.
    pub fn handle_response(&mut self, now: Instant, response: &Response) -> Option<News> {
        let status = response.status();
        if status.is_provisional() || self.state == State::Done {
            return None;
        }
        if !status.is_success() {
            return Some(self.done(Outcome::Refused(status)));
        }
        if response.headers().get() == Ok(Some(ReferSub(false))) {
            return Some(self.done(Outcome::Unknown));
        }
        // A NOTIFY may have come before (RFC 6665 4.4.1).
        if self.state != State::Sent {
            return None;
        }
        self.state = State::Subscribed((now + FIRST_NOTIFY).min(self.end));
        Some(News::Accepted)
    }

    /// Takes a NOTIFY of the dialog. `Ok(None)`: it is to be answered with a 200, and there is no
    /// news in it.
    ///
    /// # Errors
    /// 489 for another event, 481 for that of another REFER, 415 for another body, 400 for what is
    /// malformed.
    pub fn handle_notify(
        &mut self,
        now: Instant,
        notify: &Request,
    ) -> Result<Option<News>, Rejection> {
        self.check_event(notify)?;
        let headers = notify.headers();
        let subscription = headers
            .get::<SubscriptionState<'_>>()
            .ok()
            .flatten()
            .ok_or_else(|| bad("Subscription-State is missing or malformed"))?;
        let status = read_status(notify)?;
        let news = match (self.state, status) {
            (State::Done, _) => return Ok(None),
            (_, Some(status)) if status.is_final() => self.done(Outcome::Answered(status)),
            _ if subscription.is_terminated() => self.done(Outcome::Unknown),
            (before, status) => {
                let left = subscription.expires_s().map(u64::from);
                let until = left.map_or(self.end, |left| now + Duration::from_secs(left));
                self.state = State::Subscribed(until.min(self.end));
                match status {
                    Some(status) if status > Status::TRYING => News::Progress(status),
                    _ if before == State::Sent => News::Accepted,
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(news))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Sent => Some(self.end),
            State::Subscribed(until) => Some(until),
            State::Done => None,
        }
    }

    /// The end, if the far side fell silent.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<News> {
        let due = self.poll_timeout().is_some_and(|at| now >= at);
        due.then(|| self.done(Outcome::Unknown))
    }

    fn done(&mut self, outcome: Outcome) -> News {
        self.state = State::Done;
        News::Done(outcome)
    }

    /// An event without an id is that of the first REFER (RFC 3515 2.4.6); the owner asks it
    /// first.
    fn check_event(&self, notify: &Request) -> Result<(), Rejection> {
        let event = notify.headers().get::<Event<'_>>().ok().flatten();
        let Some(event) = event.filter(|event| event.package == b"refer") else {
            return Err(
                Rejection::new(Status::BAD_EVENT, "the event is not that of a REFER")
                    .with(HeaderName::AllowEvents, "refer"),
            );
        };
        let ours = self.id.to_string();
        if event.id().is_some_and(|id| id != ours.as_bytes()) {
            return Err(Rejection::new(
                Status::CALL_DOES_NOT_EXIST,
                "the event is that of another REFER",
            ));
        }
        Ok(())
    }
}

/// The status in the body. The last NOTIFY may do without one.
fn read_status(notify: &Request) -> Result<Option<Status>, Rejection> {
    if notify.body().is_empty() {
        return Ok(None);
    }
    let content = notify.headers().get::<ContentType<'_>>().ok().flatten();
    if !content.is_some_and(|content| content.is("message/sipfrag")) {
        return Err(Rejection::new(
            Status::UNSUPPORTED_MEDIA_TYPE,
            "the notification of a REFER is a message/sipfrag",
        )
        .with(HeaderName::Accept, "message/sipfrag"));
    }
    match sipfrag::read_sipfrag(notify.body()) {
        Some(status) => Ok(Some(status)),
        None => Err(bad("the body has no status line")),
    }
}
