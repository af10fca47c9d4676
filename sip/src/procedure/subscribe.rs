//! Subscriptions to events (RFC 6665) as their notifier: reading SUBSCRIBE, and when to notify.
//! What there is to tell stands in [`reginfo`] (RFC 3680) and [`dialoginfo`] (RFC 4235).
//!
//! A subscriber hears all there is each time: nothing depends on what it heard before, so that a
//! lost or late notification does no harm.

pub mod dialoginfo;
pub mod reginfo;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use smol_str::SmolStr;

use super::bad;
use crate::dialog::Dialog;
use crate::header::{ContentType, Event, Expires, Header};
use crate::message::{
    HeaderName, Method, Rejection, Request, RequestBuilder, Response, ResponseBuilder, Status,
};

/// An event package.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name in Event.
    pub name: &'static str,
    /// What its notifications carry.
    pub content_type: &'static str,
    /// How long a subscription lasts if nobody says, s.
    pub default_s: u32,
    /// The shortest, s. RFC 6665 4.2.1.1 lets it be refused only below one hour.
    pub min_s: u32,
    /// The longest; a longer one is shortened, s.
    pub max_s: u32,
    /// The shortest time from one notification of a change to the next.
    pub interval: Duration,
}

/// Registrations (RFC 3680 4.4, 4.9: not more than one notification in 5 s).
pub const REG: Package = Package {
    name: "reg",
    content_type: reginfo::CONTENT_TYPE,
    default_s: 3761,
    min_s: 60,
    max_s: 7200,
    interval: Duration::from_secs(5),
};

/// Dialogs (RFC 4235 3.4, 3.10: not more than one notification in 1 s).
pub const DIALOG: Package = Package {
    name: "dialog",
    content_type: dialoginfo::CONTENT_TYPE,
    default_s: 3600,
    min_s: 60,
    max_s: 7200,
    interval: Duration::from_secs(1),
};

/// What a SUBSCRIBE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Of what it wants to hear.
    pub package: &'static Package,
    /// `id` of Event, which tells subscriptions of one dialog apart.
    pub id: Option<SmolStr>,
    /// How long it lasts, s: what was asked for, shortened to what the package allows. 0 ends a
    /// subscription, or asks just once (RFC 6665 4.4.3).
    pub expires_s: u32,
}

/// Why a subscription is over (RFC 6665 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its time has come, or the subscriber ended it.
    Timeout,
    /// There will be nothing more to tell.
    NoResource,
    /// The subscriber may subscribe anew at once.
    Deactivated,
    /// The subscriber may not hear of it (any more).
    Rejected,
}

/// One subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    package: &'static Package,
    id: Option<SmolStr>,
    phase: Phase,
    expires_at: Instant,
    /// When the next notification goes out, if there is anything to tell.
    notify_at: Option<Instant>,
    /// Before that no change is told.
    quiet_until: Instant,
    version: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    /// The last notification is still to be sent.
    Ending(EndReason),
    Over,
}

impl Subscribe {
    /// Reads it.
    ///
    /// # Errors
    /// 489 for an event that is none of `packages`, 406 if no body of it is accepted, 423 for too
    /// short a time, 400 for what is malformed.
    pub fn read(request: &Request, packages: &[&'static Package]) -> Result<Self, Rejection> {
        let headers = request.headers();
        let event = headers
            .get::<Event<'_>>()
            .map_err(|_| bad("Event is malformed"))?;
        let known = |event: &Event<'_>| {
            let mut packages = packages.iter().copied();
            packages.find(|package| package.name.as_bytes() == event.package)
        };
        let Some((event, package)) = event.and_then(|event| Some((event, known(&event)?))) else {
            return Err(bad_event(packages));
        };
        let accepted = !headers.has(HeaderName::Accept)
            || headers
                .values(HeaderName::Accept)
                .filter_map(|range| ContentType::read(range).ok())
                .any(|range| accepts(&range, package.content_type));
        if !accepted {
            return Err(Rejection::new(
                Status::NOT_ACCEPTABLE,
                "the bodies of the event are not accepted",
            )
            .with(HeaderName::Accept, package.content_type));
        }
        let asked_s = headers
            .get::<Expires>()
            .map_err(|_| bad("Expires is malformed"))?
            .map_or(package.default_s, |expires| expires.0);
        if (1..package.min_s.min(3600)).contains(&asked_s) {
            return Err(Rejection::new(
                Status::INTERVAL_TOO_BRIEF,
                "a subscription has to last longer here",
            )
            .with(HeaderName::MinExpires, package.min_s.to_string()));
        }
        let id = match event.id() {
            None => None,
            Some(id) => Some(std::str::from_utf8(id).map_err(|_| bad("Event is malformed"))?),
        };
        Ok(Self {
            package,
            id: id.map(SmolStr::new),
            expires_s: asked_s.min(package.max_s),
        })
    }

    /// Adds Expires to its 2xx: "the Expires header field MUST be present" (RFC 6665 4.2.1.1).
    #[must_use]
    pub fn write(&self, builder: ResponseBuilder) -> ResponseBuilder {
        builder.header(&Expires(self.expires_s))
    }
}

impl Subscription {
    /// A new one. A notification is due at once, "after successfully accepting or refreshing a
    /// subscription" (RFC 6665 4.2.1.2).
    pub fn new(now: Instant, subscribe: &Subscribe) -> Self {
        let mut subscription = Self {
            package: subscribe.package,
            id: subscribe.id.clone(),
            phase: Phase::Active,
            expires_at: now,
            notify_at: None,
            quiet_until: now,
            version: 0,
        };
        subscription.renew(now, subscribe.expires_s);
        subscription
    }

    /// True if a SUBSCRIBE or NOTIFY of the dialog with that event belongs to it (RFC 6665 4.5.1).
    pub fn is_about(&self, package: &str, id: Option<&str>) -> bool {
        self.package.name == package && self.id.as_deref() == id
    }

    /// The subscriber asked for it again, or ends it with 0 s. A notification is due at once.
    pub fn renew(&mut self, now: Instant, expires_s: u32) {
        if expires_s == 0 {
            return self.end(now, EndReason::Timeout);
        }
        if self.phase == Phase::Active {
            self.expires_at = now + Duration::from_secs(expires_s.into());
            self.notify_at = Some(now);
        }
    }

    /// What it is about has changed. That is told when the last notification is old enough.
    pub fn change(&mut self, now: Instant) {
        if self.phase == Phase::Active {
            self.notify_at.get_or_insert(self.quiet_until.max(now));
        }
    }

    /// It is to end. A last notification is due at once.
    pub fn end(&mut self, now: Instant, reason: EndReason) {
        if self.phase == Phase::Active {
            self.phase = Phase::Ending(reason);
            self.notify_at = Some(now);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Active => Some(
                self.notify_at
                    .unwrap_or(self.expires_at)
                    .min(self.expires_at),
            ),
            Phase::Ending(_) => self.notify_at,
            Phase::Over => None,
        }
    }

    /// True if [`notify`](Self::notify) is to be called now.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.phase == Phase::Active && now >= self.expires_at {
            self.end(now, EndReason::Timeout);
        }
        self.notify_at.is_some_and(|at| now >= at)
    }

    /// The NOTIFY, to which the owner adds Via and Contact. `body` is given the version, one
    /// higher each time.
    pub fn notify<B: Into<Vec<u8>>>(
        &mut self,
        now: Instant,
        dialog: &mut Dialog,
        body: impl FnOnce(u32) -> B,
    ) -> RequestBuilder {
        let id = self
            .id
            .as_deref()
            .map_or(String::new(), |id| format!(";id={id}"));
        let state = match self.phase {
            Phase::Active => {
                let left = self.expires_at.saturating_duration_since(now);
                format!("active;expires={}", left.as_secs())
            }
            Phase::Ending(reason) => format!("terminated;reason={}", reason.as_str()),
            Phase::Over => format!("terminated;reason={}", EndReason::Timeout.as_str()),
        };
        if self.phase != Phase::Active {
            self.phase = Phase::Over;
        }
        self.notify_at = None;
        self.quiet_until = now + self.package.interval;
        let body = body(self.version).into();
        self.version = self.version.wrapping_add(1);
        dialog
            .request(Method::Notify)
            .value(HeaderName::Event, format!("{}{id}", self.package.name))
            .value(HeaderName::SubscriptionState, state)
            .body(self.package.content_type, body)
    }

    /// Takes the response to a NOTIFY; none at all is a 408. A subscriber that does not want it
    /// has none any more (RFC 6665 4.2.2). 401 and 407 are for the owner to answer.
    pub fn handle_response(&mut self, response: &Response) {
        let status = response.status();
        let later = matches!(
            status,
            Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED
        ) || response.headers().has(HeaderName::RetryAfter);
        if status.is_final() && !status.is_success() && !later {
            self.phase = Phase::Over;
            self.notify_at = None;
        }
    }

    /// It is over, and its last notification has been written: it can be forgotten.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

impl EndReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::NoResource => "noresource",
            Self::Deactivated => "deactivated",
            Self::Rejected => "rejected",
        }
    }
}

/// 489, with what there is (RFC 6665 4.2.1.1, 8.3.2).
fn bad_event(packages: &[&'static Package]) -> Rejection {
    let names: Vec<_> = packages.iter().map(|package| package.name).collect();
    Rejection::new(Status::BAD_EVENT, "the event is not known here")
        .with(HeaderName::AllowEvents, names.join(", "))
}

/// True if a range of Accept has that type in it (RFC 3261 20.1).
fn accepts(range: &ContentType<'_>, content_type: &str) -> bool {
    let kind = content_type.split('/').next().unwrap_or_default();
    match (range.kind, range.subtype) {
        (b"*", b"*") => true,
        (wanted, b"*") => wanted.eq_ignore_ascii_case(kind.as_bytes()),
        _ => range.is(content_type),
    }
}
