//! Telling the sender of a REFER what becomes of it (RFC 3515 2.4.4 to 2.4.7).

use std::time::{Duration, Instant};

use smol_str::{SmolStr, ToSmolStr};

use super::{Refer, sipfrag};
use crate::dialog::Dialog;
use crate::message::{RequestBuilder, Response, Status};
use crate::procedure::subscribe::{EndReason, Package, Subscribe, Subscription};

/// The event package (RFC 3515 3). Each step is told at once.
pub const REFER: Package = Package {
    name: "refer",
    content_type: sipfrag::CONTENT_TYPE,
    default_s: 180,
    min_s: 1,
    max_s: 600,
    interval: Duration::ZERO,
};

/// The most steps that are told of one REFER; the last one always is.
const MAX_STEPS: u8 = 16;

/// The subscription that a REFER made, from our 2xx to its end. The dialog is that of the REFER,
/// or the one it made.
#[derive(Debug, Clone)]
pub struct Referral {
    subscription: Subscription,
    id: Option<SmolStr>,
    status: Status,
    steps: u8,
}

impl Referral {
    /// The 2xx to a REFER that subscribes goes out. `first` says that it is the first one in its
    /// dialog: only its events may do without an id (2.4.6), which old phones do not know.
    pub fn new(now: Instant, refer: &Refer, first: bool) -> Self {
        let id = (!first).then(|| refer.id.to_smolstr());
        let subscribe = Subscribe {
            package: &REFER,
            id: id.clone(),
            expires_s: REFER.default_s,
        };
        Self {
            subscription: Subscription::new(now, &subscribe),
            id,
            status: Status::TRYING,
            steps: 0,
        }
    }

    /// The call that was asked for got this response. To be told by
    /// [`handle_timeout`](Self::handle_timeout), at once; a final one is the last (2.4.7).
    pub fn progress(&mut self, now: Instant, status: Status) {
        if self.status.is_final() {
            return;
        }
        let news = status != self.status;
        self.status = status;
        if status.is_final() {
            self.subscription.end(now, EndReason::NoResource);
        } else if news && self.steps < MAX_STEPS {
            self.subscription.change(now);
        }
    }

    /// The sender renews or ends the subscription by a SUBSCRIBE, read for [`REFER`]. False if
    /// the SUBSCRIBE does not belong to it.
    pub fn handle_subscribe(&mut self, now: Instant, subscribe: &Subscribe) -> bool {
        let ours = self.is_named(subscribe.id.as_deref()) && subscribe.package == &REFER;
        if ours {
            self.subscription.renew(now, subscribe.expires_s);
        }
        ours
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.subscription.poll_timeout()
    }

    /// The NOTIFY that is due, to which the owner adds Via and Contact.
    pub fn handle_timeout(&mut self, now: Instant, dialog: &mut Dialog) -> Option<RequestBuilder> {
        if !self.subscription.handle_timeout(now) {
            return None;
        }
        self.steps = self.steps.saturating_add(1);
        let body = sipfrag::write_sipfrag(self.status);
        Some(self.subscription.notify(now, dialog, |_| body))
    }

    /// Takes the response to a NOTIFY; none at all is a 408.
    pub fn handle_response(&mut self, response: &Response) {
        self.subscription.handle_response(response);
    }

    /// It can be forgotten.
    pub fn is_over(&self) -> bool {
        self.subscription.is_over()
    }

    /// "A SUBSCRIBE without an id parameter" means the first REFER of the dialog (2.4.6).
    fn is_named(&self, id: Option<&str>) -> bool {
        self.id.as_deref() == id
    }
}
