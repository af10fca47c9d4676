//! Telephones subscribe to what others do (SUBSCRIBE and NOTIFY, RFC 6665), for the lamps at their
//! keys: `dialog` (RFC 4235) tells whether somebody rings or talks, `reg` (RFC 3680) where he is
//! registered.
//!
//! Whoever has an account may see whether others of his domain are busy, but not with whom: who they
//! talk to, and what it takes to take their calls over, everybody sees of himself only. Guests see
//! themselves alone, and so does everybody who asks for registrations.

use registrar::Aor;
use sip::dialog::{Dialog, DialogId};
use sip::flow::FlowId;
use sip::message::{HeaderName, Method, Rejection, Request, Response, ResponseBuilder, Status};
use sip::procedure::subscribe::{DIALOG, EndReason, Package, REG, Subscribe, Subscription};
use sip::transaction::{ClientId, Failure, ServerId};

use super::PRODUCT;
use super::identity::Identity;
use super::request::no_dialog;
use super::watches::{Told, Watch, WatchId};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

/// What can be subscribed to.
const PACKAGES: [&Package; 2] = [&DIALOG, &REG];

/// When to try again where there are too many subscriptions, s.
const RETRY_AFTER_S: u32 = 60;

/// `Allow-Events` (RFC 6665 8.2.2).
pub(super) fn allowed_events() -> String {
    PACKAGES.map(|package| package.name).join(", ")
}

impl Switch {
    pub(super) fn on_subscribe(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
    ) {
        let from = request.from();
        let Some(identity) = self.identify_sender(now, server, flow, request, &from) else {
            return;
        };
        match self.subscribe(now, flow, &identity, request) {
            Ok((id, response)) => {
                self.sip.transactions.respond(now.mono, server, response);
                self.notify_watcher(now, id);
            }
            Err(rejection) => self.reject(now, server, request, &rejection),
        }
    }

    fn subscribe(
        &mut self,
        now: Now,
        flow: FlowId,
        identity: &Identity,
        request: &Request,
    ) -> Result<(WatchId, Response), Rejection> {
        let subscribe = Subscribe::read(request, &PACKAGES)?;
        let about = self
            .resolve(&self.dialled_by(request))
            .map_err(|_| Rejection::new(Status::NOT_FOUND, "nobody of that name is known here"))?;
        self.may_watch(identity, &about.user, subscribe.package)?;
        let response = self.accept_subscription(flow, request, &subscribe)?;
        let dialog = Dialog::of_request(request, &response)
            .map_err(|error| Rejection::new(Status::BAD_REQUEST, error.to_string()))?;
        let watch = Watch {
            by: identity.party.user.clone(),
            package: subscribe.package,
            flow,
            lost: false,
            dialog,
            subscription: Subscription::new(now.mono, &subscribe),
            waiting: None,
            told: Told::default(),
            of: about.user,
        };
        self.begin_to_watch(&watch);
        Ok((self.sip.watches.insert(watch), response))
    }

    fn may_watch(
        &self,
        identity: &Identity,
        about: &Aor,
        package: &Package,
    ) -> Result<(), Rejection> {
        let by = &identity.party.user;
        let forbidden = |reason| Err(Rejection::new(Status::FORBIDDEN, reason));
        if by != about {
            if identity.guest {
                return forbidden("guests watch nobody but themselves");
            }
            if by.domain() != about.domain() {
                return forbidden("people of other domains are not to be watched");
            }
            if *package == REG {
                return forbidden("registrations are shown to their owner only");
            }
        }
        let limits = &self.config.limits;
        if self.sip.watches.count_by(by) >= limits.subscriptions_per_user {
            return forbidden("one person has no more subscriptions");
        }
        if self.sip.watches.len() >= limits.subscriptions {
            let reason = "there are as many subscriptions as there may be";
            return Err(Rejection::new(Status::SERVICE_UNAVAILABLE, reason)
                .with(HeaderName::RetryAfter, RETRY_AFTER_S.to_string()));
        }
        Ok(())
    }

    fn accept_subscription(
        &mut self,
        flow: FlowId,
        request: &Request,
        subscribe: &Subscribe,
    ) -> Result<Response, Rejection> {
        let failed = || Rejection::new(Status::SERVER_INTERNAL_ERROR, "it cannot be answered");
        let contact = self.own_contact(flow).ok_or_else(failed)?;
        let tag = self.pool.token();
        let response = ResponseBuilder::new(request, Status::OK)
            .to_tag(&tag)
            .value(HeaderName::Server, PRODUCT)
            .addr(HeaderName::Contact, &contact);
        subscribe.write(response).build().map_err(|error| {
            tracing::error!(%error, "an answer of ours cannot be written");
            failed()
        })
    }

    /// A request in the dialog of a subscription. False if it is in none.
    pub(super) fn on_request_of_watcher(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
    ) -> bool {
        let dialog = DialogId::of_request(request);
        let Some(id) = dialog.and_then(|dialog| self.sip.watches.of_dialog(&dialog)) else {
            return false;
        };
        match self.renew_subscription(now, flow, id, request) {
            Ok(subscribe) => {
                let response = subscribe.write(ResponseBuilder::new(request, Status::OK));
                let response = match self.own_contact(flow) {
                    Some(contact) => response.addr(HeaderName::Contact, &contact),
                    None => response,
                };
                self.respond(now, server, response);
                self.notify_watcher(now, id);
            }
            Err(rejection) => self.reject(now, server, request, &rejection),
        }
        true
    }

    fn renew_subscription(
        &mut self,
        now: Now,
        flow: FlowId,
        id: WatchId,
        request: &Request,
    ) -> Result<Subscribe, Rejection> {
        let watch = self.sip.watches.get(id).ok_or_else(no_dialog)?;
        if *request.method() != Method::Subscribe || !self.is_same_peer(watch.flow, flow) {
            return Err(no_dialog());
        }
        let subscribe = Subscribe::read(request, &PACKAGES)?;
        let watch = self.sip.watches.get_mut(id).ok_or_else(no_dialog)?;
        watch.dialog.handle_request(request)?;
        let (package, event) = (subscribe.package.name, subscribe.id.as_deref());
        if !watch.subscription.is_about(package, event) {
            return Err(no_dialog());
        }
        watch.subscription.renew(now.mono, subscribe.expires_s);
        self.sip.watches.move_to(id, flow);
        Ok(subscribe)
    }

    /// The far end of a flow is where that of another is, or was, for all that is known.
    fn is_same_peer(&self, old: FlowId, new: FlowId) -> bool {
        let address = |flow| {
            let open = self.sip.flows.get(&flow)?;
            Some(open.ends.peer.address.ip())
        };
        old == new || address(old).is_none_or(|old| Some(old) == address(new))
    }

    /// Something is due for a subscriber.
    pub(in crate::call) fn notify_watcher(&mut self, now: Now, id: WatchId) {
        let Some(watch) = self.sip.watches.get_mut(id) else {
            return self.timers.disarm(Timer::Watch(id));
        };
        if watch.lost {
            // He did not come back.
            return self.forget_watch(id);
        }
        if watch.waiting.is_some() {
            return self.timers.disarm(Timer::Watch(id));
        }
        if watch.subscription.handle_timeout(now.mono) {
            self.send_notification(now, id);
        }
        self.arm_watch(id);
    }

    fn send_notification(&mut self, now: Now, id: WatchId) {
        let Some(watch) = self.sip.watches.get(id) else {
            return;
        };
        let flow = watch.flow;
        let news = self.news_of(now, watch);
        let (Some(contact), Some(watch)) = (self.own_contact(flow), self.sip.watches.get_mut(id))
        else {
            return;
        };
        watch.told = news.told();
        let subscription = &mut watch.subscription;
        let notify =
            subscription.notify(now.mono, &mut watch.dialog, |version| news.write(version));
        let over = subscription.is_over();
        let notify = notify.addr(HeaderName::Contact, &contact);
        let client = self.send_request(now, flow, notify);
        match over {
            true => self.forget_watch(id),
            false => self.sip.watches.set_waiting(id, client),
        }
    }

    fn arm_watch(&mut self, id: WatchId) {
        let watch = self.sip.watches.get(id);
        let due = watch.filter(|watch| watch.waiting.is_none());
        let due = due.and_then(|watch| watch.subscription.poll_timeout());
        self.timers.set(Timer::Watch(id), due);
    }

    fn forget_watch(&mut self, id: WatchId) {
        self.timers.disarm(Timer::Watch(id));
        self.sip.watches.remove(id);
    }

    /// The final response to a request of ours, or what became of it instead. True if it was a
    /// notification.
    pub(super) fn was_notified(
        &mut self,
        now: Now,
        client: ClientId,
        outcome: Result<&Response, Failure>,
    ) -> bool {
        let Some(id) = self.sip.watches.take_client(client) else {
            return false;
        };
        let Some(watch) = self.sip.watches.get_mut(id) else {
            return true;
        };
        let over = match outcome {
            Ok(response) => {
                watch.subscription.handle_response(response);
                // Nobody has told us what to prove ourselves by.
                watch.subscription.is_over() || !response.status().is_success()
            }
            Err(Failure::Timeout) => true,
            Err(Failure::FlowClosed) => false,
        };
        match over {
            true => self.forget_watch(id),
            false => self.notify_watcher(now, id),
        }
        true
    }

    /// A flow is gone. Whoever subscribed over it has a while to come back.
    pub(super) fn watchers_lost(&mut self, now: Now, flow: FlowId) {
        let until = now.mono + self.config.timing.grace;
        for id in self.sip.watches.on_flow(flow) {
            self.sip.watches.set_waiting(id, None);
            if let Some(watch) = self.sip.watches.get_mut(id) {
                watch.lost = true;
            }
            self.timers.arm(Timer::Watch(id), until);
        }
    }

    /// A telephone is there, on that flow: so are its subscriptions.
    pub(super) fn watcher_is_back(&mut self, now: Now, flow: FlowId, user: &Aor, contact: &str) {
        for id in self.sip.watches.by(user) {
            let Some(watch) = self.sip.watches.get_mut(id) else {
                continue;
            };
            if watch.flow == flow || watch.dialog.remote_target() != contact.as_bytes() {
                continue;
            }
            // What it may have missed, it hears now.
            watch.subscription.change(now.mono);
            self.sip.watches.move_to(id, flow);
            self.arm_watch(id);
        }
    }

    /// What a subscription is about has changed.
    pub(super) fn tell_watchers(&mut self, now: Now, of: &Aor, package: &'static Package) {
        for id in self.sip.watches.about(of, package) {
            if let Some(watch) = self.sip.watches.get_mut(id) {
                watch.subscription.change(now.mono);
                if !watch.lost {
                    self.arm_watch(id);
                }
            }
        }
    }

    /// The server is going down: subscribers may ask again elsewhere, or later.
    pub(in crate::call) fn end_watches(&mut self, now: Now) {
        for id in self.sip.watches.ids() {
            self.sip.watches.set_waiting(id, None);
            if let Some(watch) = self.sip.watches.get_mut(id) {
                watch.subscription.end(now.mono, EndReason::Deactivated);
            }
            self.notify_watcher(now, id);
        }
    }
}
