//! What a request wants, and who deals with it.

use sip::flow::FlowId;
use sip::message::{
    HeaderName, Method, Rejection, Request, Response, ResponseBuilder, Status, check_request,
};
use sip::transaction::{ServerId, stateless_tag};

use super::PRODUCT;
use super::subscribe::allowed_events;
use crate::call::switch::Switch;
use crate::call::time::Now;

impl Switch {
    pub(super) fn on_request(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: Request,
    ) {
        if let Err(rejection) = check_request(&request, &self.sip.capabilities) {
            self.note_stranger(now, flow, None);
            return self.turn_stranger_away(now, server, &request, &rejection);
        }
        if request.to_tag().is_some() {
            return self.on_request_in_dialog(now, server, flow, request);
        }
        match request.method() {
            Method::Options => self.on_options(now, server, &request),
            Method::Register => self.on_register(now, server, flow, request),
            Method::Message => self.on_message(now, server, flow, &request),
            Method::Subscribe => self.on_subscribe(now, server, flow, &request),
            Method::Invite => self.on_invite(now, server, flow, request),
            _ => self.turn_stranger_away(now, server, &request, &no_dialog()),
        }
    }

    /// Refuses what comes from somebody who has not proved who he is, and remembers nothing of it
    /// (RFC 3261 26.3.2.4).
    pub(super) fn turn_stranger_away(
        &mut self,
        now: Now,
        server: ServerId,
        request: &Request,
        rejection: &Rejection,
    ) {
        if let Some(response) = refusal(request, rejection) {
            let transactions = &mut self.sip.transactions;
            transactions.respond_statelessly(now.mono, server, &response);
        }
    }

    /// What we can do (RFC 3261 11.2).
    pub(super) fn on_options(&mut self, now: Now, server: ServerId, request: &Request) {
        let we = &self.sip.capabilities;
        let builder = ResponseBuilder::new(request, Status::OK)
            .value(HeaderName::Allow, we.allow())
            .value(HeaderName::Accept, we.accept())
            .value(HeaderName::AllowEvents, allowed_events())
            .value(HeaderName::Supported, we.extensions.join(", "));
        self.respond(now, server, builder);
    }

    /// Answers with a new tag in To.
    pub(super) fn respond(&mut self, now: Now, server: ServerId, builder: ResponseBuilder) {
        let tag = self.pool.token();
        let builder = builder.to_tag(&tag).value(HeaderName::Server, PRODUCT);
        match builder.build() {
            Ok(response) => self.sip.transactions.respond(now.mono, server, response),
            Err(error) => tracing::error!(%error, "a response of ours cannot be written"),
        }
    }

    /// Refuses what was judged by what we know of its sender or its dialog: should it come again, it
    /// gets the same answer.
    pub(super) fn reject(
        &mut self,
        now: Now,
        server: ServerId,
        request: &Request,
        rejection: &Rejection,
    ) {
        let Some(response) = refusal(request, rejection) else {
            return;
        };
        let known = self.knows_sender(server);
        let transactions = &mut self.sip.transactions;
        match known {
            true => transactions.respond(now.mono, server, response),
            false => transactions.respond_to_stranger(now.mono, server, response),
        }
    }

    /// Somebody has proved who he is on the flow that a request came over.
    fn knows_sender(&self, server: ServerId) -> bool {
        let flow = self.sip.transactions.flow_of(server);
        let open = flow.and_then(|flow| self.sip.flows.get(&flow));
        open.is_some_and(|open| open.trusted)
    }
}

/// A refusal as it is written for everybody. It makes no dialog: a tag that the same request gets
/// again does.
fn refusal(request: &Request, rejection: &Rejection) -> Option<Response> {
    tracing::debug!(
        method = request.method().as_str(),
        status = rejection.status.code(),
        reason = %rejection.reason,
        "request refused"
    );
    rejection
        .response(request, &stateless_tag(request))
        .map_err(|error| tracing::error!(%error, "a refusal of ours cannot be written"))
        .ok()
}

/// 481: it is for a dialog, and there is none (12.2.2).
pub(super) fn no_dialog() -> Rejection {
    Rejection::new(Status::CALL_DOES_NOT_EXIST, "there is no such dialog")
}
