//! Session timers (RFC 4028): a session that nobody refreshes is over, so that a call whose far
//! side has vanished does not stay up for ever.
//!
//! One [`SessionTimer`] belongs to one dialog, whoever sends a request in it: requests of ours go
//! through [`write_request`](SessionTimer::write_request) and
//! [`handle_response`](SessionTimer::handle_response), the far side's through
//! [`judge`](SessionTimer::judge) and [`grant`](SessionTimer::grant). `Supported: timer`, which
//! belongs into every request, is the owner's to write.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::{Side, bad};
use crate::header::{MinSe, Refresher, SessionExpires};
use crate::message::{
    HeaderName, Headers, Method, Rejection, Request, RequestBuilder, Response, ResponseBuilder,
    Status,
};

/// The shortest interval there may be, and the value of an absent Min-SE, s (RFC 4028 4, 5).
pub const MIN_INTERVAL_S: u32 = 90;

/// How often a request is sent again because an interval was too small: each proxy on the way may
/// ask for more than the one before it.
const MAX_RETRIES: u8 = 4;

/// The longest time between the end of our patience and that of the session (RFC 4028 10).
const MARGIN: Duration = Duration::from_secs(32);

/// A refresh that failed is tried again while there is at least this much time for it.
const LEAST_WAIT: Duration = Duration::from_secs(10);

/// What we want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerPolicy {
    /// The interval we ask for, and the longest we grant if the far side lets us, s.
    pub interval_s: u32,
    /// The shortest we take, s; [`MIN_INTERVAL_S`] if it is less than that.
    pub min_s: u32,
}

/// The timer of a session. See the module.
#[derive(Debug, Clone)]
pub struct SessionTimer {
    policy: TimerPolicy,
    /// The largest Min-SE that came in requests and 422 responses of this dialog.
    peer_min_s: Option<u32>,
    retries: u8,
    /// That by which we refresh.
    method: Method,
    running: Option<Running>,
}

/// A session that ends unless it is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    interval_s: u32,
    refresher: Side,
    /// `None` while the far side is to refresh, or our refresh is under way.
    refresh_at: Option<Instant>,
    give_up_at: Instant,
}

/// What a 2xx of ours says about the timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// `None`: there is no timer.
    session_expires: Option<SessionExpires>,
    /// The sender of the request knows what a session timer is.
    supported: bool,
}

/// What is to be done at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send a request of [`refresh_method`](SessionTimer::refresh_method).
    Refresh,
    /// Nobody refreshed in time: the call is to be ended with a BYE (RFC 4028 10).
    GiveUp,
}

/// What follows from a response to a request of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// Send the request again, with what [`SessionTimer::write_request`] writes now.
    Retry,
    /// "The UAC sends a BYE" (RFC 4028 7.4): the far side does not know the call any more. Of an
    /// INVITE that makes a dialog it means no more than that it failed.
    End,
}

impl SessionTimer {
    /// That of a session which has not begun.
    pub fn new(policy: TimerPolicy) -> Self {
        Self {
            policy: TimerPolicy {
                interval_s: policy.interval_s.max(policy.min_s).max(MIN_INTERVAL_S),
                min_s: policy.min_s.max(MIN_INTERVAL_S),
            },
            peer_min_s: None,
            retries: 0,
            method: Method::Invite,
            running: None,
        }
    }

    /// Who refreshes; `None` while there is no timer.
    pub fn refresher(&self) -> Option<Side> {
        self.running.map(|running| running.refresher)
    }

    /// The interval, s; `None` while there is no timer.
    pub fn interval_s(&self) -> Option<u32> {
        self.running.map(|running| running.interval_s)
    }

    /// How to refresh: an UPDATE without a description if the far side allows it, else a
    /// re-INVITE (RFC 4028 7.4).
    pub fn refresh_method(&self) -> &Method {
        &self.method
    }

    /// Adds Session-Expires and Min-SE to an INVITE or UPDATE of ours (RFC 4028 7.1, 7.4).
    #[must_use]
    pub fn write_request(&self, builder: RequestBuilder) -> RequestBuilder {
        let min_s = self.peer_min_s.unwrap_or(0).max(self.policy.min_s);
        let session_expires = match &self.running {
            // The first time "it is RECOMMENDED that this parameter be omitted" (7.1).
            None => SessionExpires {
                delta_s: self.policy.interval_s.max(min_s),
                refresher: None,
            },
            // "equal to the maximum of the Min-SE header field and the current session interval";
            // "this way, the role of refresher does not change on each refresh" (7.4)
            Some(running) => SessionExpires {
                delta_s: running.interval_s.max(min_s),
                refresher: Some(match running.refresher {
                    Side::Us => Refresher::Uac,
                    Side::Peer => Refresher::Uas,
                }),
            },
        };
        let builder = builder.header(&session_expires);
        match self.peer_min_s.is_some() || min_s > MIN_INTERVAL_S {
            true => builder.header(&MinSe(min_s)),
            false => builder,
        }
    }

    /// Takes a response to a request that went through [`write_request`](Self::write_request). If
    /// none came at all, that is a 408.
    ///
    /// A 2xx begins the session's time anew, or ends the timer if it says nothing of one. A header
    /// that cannot be read says nothing.
    pub fn handle_response(&mut self, now: Instant, response: &Response) -> After {
        let status = response.status();
        if status.is_provisional() {
            return After::Nothing;
        }
        if status.is_success() {
            self.retries = 0;
            self.read_allow(response.headers());
            self.running = None;
            if let Ok(Some(said)) = response.headers().get::<SessionExpires>() {
                // A 2xx has to say who; if it does not, that somebody refreshes is what matters.
                let refresher = match said.refresher {
                    Some(Refresher::Uas) => Side::Peer,
                    Some(Refresher::Uac) | None => Side::Us,
                };
                self.start(now, said.delta_s, refresher);
            }
            return After::Nothing;
        }
        match status {
            Status::SESSION_INTERVAL_TOO_SMALL if self.take_min_se(response.headers()) => {
                After::Retry
            }
            Status::REQUEST_TIMEOUT | Status::CALL_DOES_NOT_EXIST => After::End,
            _ => {
                self.refresh_later(now);
                After::Nothing
            }
        }
    }

    /// Reads what an INVITE or UPDATE of the far side asks for. Nothing is running yet: that
    /// begins with the 2xx, through [`grant`](Self::grant).
    ///
    /// # Errors
    /// 422 for an interval that is shorter than taken here (RFC 4028 9), 400 for what is
    /// malformed.
    pub fn judge(&mut self, request: &Request) -> Result<Grant, Rejection> {
        let headers = request.headers();
        let asked = headers
            .get::<SessionExpires>()
            .map_err(|_| bad("Session-Expires is malformed"))?;
        let min_s = headers
            .get::<MinSe>()
            .map_err(|_| bad("Min-SE is malformed"))?
            .map(|min| min.0);
        let supported = [HeaderName::Supported, HeaderName::Require]
            .into_iter()
            .any(|name| headers.lists(name, "timer"));
        self.read_allow(headers);
        self.peer_min_s = self.peer_min_s.max(min_s);
        // Who does not know of timers does not know of 422 either: a proxy has asked then, and we
        // are the one who refreshes.
        if supported && asked.is_some_and(|asked| asked.delta_s < self.policy.min_s) {
            return Err(self.too_small());
        }
        let floor_s = min_s.unwrap_or(0).max(self.policy.min_s);
        let wanted_s = self.policy.interval_s.max(floor_s);
        let session_expires = match asked {
            None if supported => Some((wanted_s, None)),
            None => None,
            // "The UAS MUST NOT increase the value" but may reduce it (9).
            Some(asked) => Some((asked.delta_s.min(wanted_s), asked.refresher)),
        };
        Ok(Grant {
            session_expires: session_expires.map(|(delta_s, asked)| SessionExpires {
                delta_s,
                refresher: Some(self.choose(supported, asked)),
            }),
            supported,
        })
    }

    /// The 2xx with that grant goes out.
    pub fn grant(&mut self, now: Instant, grant: &Grant) {
        self.running = None;
        if let Some(said) = grant.session_expires {
            let refresher = match said.refresher {
                Some(Refresher::Uac) => Side::Peer,
                Some(Refresher::Uas) | None => Side::Us,
            };
            self.start(now, said.delta_s, refresher);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; `None` while there is no timer.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let running = self.running?;
        let refresh_at = running.refresh_at.unwrap_or(running.give_up_at);
        Some(refresh_at.min(running.give_up_at))
    }

    /// What is due; each thing is said once.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        let running = self.running.as_mut()?;
        if now >= running.give_up_at {
            self.running = None;
            return Some(Due::GiveUp);
        }
        running.refresh_at.take_if(|at| now >= *at)?;
        Some(Due::Refresh)
    }

    fn start(&mut self, now: Instant, interval_s: u32, refresher: Side) {
        // Less than the least there may be would make us send without end.
        let interval_s = interval_s.max(MIN_INTERVAL_S);
        let interval = Duration::from_secs(interval_s.into());
        self.running = Some(Running {
            interval_s,
            refresher,
            refresh_at: (refresher == Side::Us).then(|| now + interval / 2),
            give_up_at: now + interval - MARGIN.min(interval / 3),
        });
    }

    /// "The UAC SHOULD NOT continuously retry" (7.4): again after half of what is left, a few
    /// times in all.
    fn refresh_later(&mut self, now: Instant) {
        let Some(running) = &mut self.running else {
            return;
        };
        let wait = running.give_up_at.saturating_duration_since(now) / 2;
        if running.refresher == Side::Us && wait >= LEAST_WAIT {
            running.refresh_at = Some(now + wait);
        }
    }

    /// True if the Min-SE of a 422 makes another request worth while.
    fn take_min_se(&mut self, headers: Headers<'_>) -> bool {
        let Ok(Some(MinSe(min_s))) = headers.get::<MinSe>() else {
            return false;
        };
        let interval_s = self.interval_s().unwrap_or(self.policy.interval_s);
        let known_s = self.peer_min_s.unwrap_or(0).max(interval_s);
        if min_s <= known_s || self.retries >= MAX_RETRIES {
            return false;
        }
        self.retries += 1;
        self.peer_min_s = Some(min_s);
        true
    }

    /// RFC 4028 9, table 2. Where the choice is ours the refresher stays who it is, and at first
    /// it is us: we then see a dead far side after half of the interval.
    fn choose(&self, supported: bool, asked: Option<Refresher>) -> Refresher {
        match asked {
            _ if !supported => Refresher::Uas,
            Some(asked) => asked,
            None if self.refresher() == Some(Side::Peer) => Refresher::Uac,
            None => Refresher::Uas,
        }
    }

    fn too_small(&self) -> Rejection {
        Rejection::new(
            Status::SESSION_INTERVAL_TOO_SMALL,
            "the session has to be refreshed less often here",
        )
        .with(HeaderName::MinSe, self.policy.min_s.to_string())
    }

    /// What the far side allows, if it says so.
    fn read_allow(&mut self, headers: Headers<'_>) {
        if headers.has(HeaderName::Allow) {
            self.method = match headers.lists(HeaderName::Allow, "UPDATE") {
                true => Method::Update,
                false => Method::Invite,
            };
        }
    }
}

impl Grant {
    /// Adds Session-Expires, and `Require: timer` for who knows of it (RFC 4028 9), to a 2xx.
    #[must_use]
    pub fn write(&self, builder: ResponseBuilder) -> ResponseBuilder {
        let Some(session_expires) = &self.session_expires else {
            return builder;
        };
        let builder = builder.header(session_expires);
        match self.supported {
            true => builder.value(HeaderName::Require, "timer"),
            false => builder,
        }
    }
}
