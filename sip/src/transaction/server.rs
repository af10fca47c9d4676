//! Requests to us, and our responses.

use std::time::Instant;

use super::Transactions;
use super::event::{Event, ServerId};
use super::invite_server::{Acknowledged, InviteServer};
use super::key::Key;
use super::other_server::OtherServer;
use super::outbox::{Context, Outbox};
use super::own;
use super::table::{Machine, Slot};
use crate::flow::{FlowId, Transport};
use crate::message::{Method, Request, Response, Status};

#[derive(Debug)]
pub(super) enum Server {
    Invite(InviteServer),
    Other(OtherServer),
}

impl Server {
    fn handle_repeat(&mut self, cx: &mut Context<'_, ServerId>, flow: FlowId) {
        match self {
            Self::Invite(invite) => invite.handle_repeat(cx, flow),
            Self::Other(other) => other.handle_repeat(cx, flow),
        }
    }

    fn respond(&mut self, cx: &mut Context<'_, ServerId>, response: &Response, few: bool) {
        match self {
            Self::Invite(invite) => invite.respond(cx, response, few),
            Self::Other(other) => other.respond(cx, response),
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_, ServerId>) {
        match self {
            Self::Invite(invite) => invite.handle_timeout(cx),
            Self::Other(other) => other.handle_timeout(cx),
        }
    }

    fn forget(&mut self) {
        match self {
            Self::Invite(invite) => invite.forget(),
            Self::Other(other) => other.forget(),
        }
    }

    /// Takes back what went before its first response. False if that cannot be done any more.
    fn take_back(&self, out: &mut Outbox) -> bool {
        match self {
            Self::Invite(invite) => invite
                .unanswered()
                .is_some_and(|trying| out.withdraw(trying)),
            Self::Other(other) => other.is_unanswered(),
        }
    }

    fn tag(&self) -> Option<&str> {
        match self {
            Self::Invite(invite) => invite.tag(),
            Self::Other(_) => None,
        }
    }
}

impl Machine for Server {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(invite) => invite.deadline(),
            Self::Other(other) => other.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.is_over(),
            Self::Other(other) => other.is_over(),
        }
    }
}

impl Transactions {
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        way: (FlowId, Transport),
        request: Box<Request>,
    ) {
        match request.method() {
            Method::Ack => self.handle_ack(now, way.0, request),
            Method::Cancel => self.handle_cancel(now, way.0, &request),
            _ => self.open_server(now, way, request),
        }
    }

    fn open_server(&mut self, now: Instant, way: (FlowId, Transport), request: Box<Request>) {
        let (flow, transport) = way;
        let key = Key::of_server(&request);
        if let Some(id) = self.servers.find(&key) {
            self.step_server(now, id, |server, cx| server.handle_repeat(cx, flow));
            return;
        }
        let merged = Key::of_merged(&request);
        if merged
            .as_ref()
            .is_some_and(|key| self.servers.find(key).is_some())
        {
            self.out.counters.merged += 1;
            self.refuse(flow, &request, Status::LOOP_DETECTED);
            return;
        }
        if self.servers.len() >= self.limits.servers {
            self.out.counters.refused += 1;
            self.refuse(flow, &request, Status::SERVICE_UNAVAILABLE);
            return;
        }
        let id = ServerId(self.next_id());
        let mut cx = Context {
            now,
            id,
            flow,
            transport,
            timings: self.timings,
            out: &mut self.out,
        };
        let server = match request.method() {
            Method::Invite => Server::Invite(InviteServer::start(&mut cx, &request)),
            _ => Server::Other(OtherServer::start(&cx, &request)),
        };
        self.servers.insert(id, (key, merged), way, server);
        self.out.tell(Event::Request {
            server: id,
            flow,
            request,
        });
    }

    fn handle_ack(&mut self, now: Instant, flow: FlowId, request: Box<Request>) {
        let key = Key::of_server(&request);
        let found = self.servers.find(&key).filter(|id| {
            // "the To tag of the ACK matches the To tag of the response sent" (17.2.3), where the
            // branch does not say all.
            let tag = self.servers.get(*id).and_then(Server::tag);
            request.via().has_rfc3261_branch()
                || tag.is_none_or(|tag| request.to_tag() == Some(tag.as_bytes()))
        });
        let acknowledged = found.and_then(|id| {
            self.step_server(now, id, |server, cx| match server {
                Server::Invite(invite) => invite.handle_ack(cx),
                Server::Other(_) => Acknowledged::Elsewhere,
            })
        });
        if acknowledged != Some(Acknowledged::Here) {
            self.out.tell(Event::Ack { flow, request });
        }
    }

    /// A CANCEL is answered with 200 if there is something to cancel, whatever its state (9.2).
    /// It needs no transaction of its own: when it comes again, it is answered again.
    fn handle_cancel(&mut self, now: Instant, flow: FlowId, cancel: &Request) {
        let Some(id) = self.servers.find_beginning(&Key::of_cancelled(cancel)) else {
            self.out.counters.stray_cancels += 1;
            self.refuse(flow, cancel, Status::CALL_DOES_NOT_EXIST);
            return;
        };
        // "the To tag of the response to the CANCEL and the To tag in the response to the original
        // request SHOULD be the same" (9.2)
        let tag = self.servers.get(id).and_then(Server::tag);
        let tag = tag.map_or_else(|| own::tag_for(cancel), str::to_owned);
        self.out.send(flow, own::answer(cancel, Status::OK, &tag));
        self.step_server(now, id, |server, cx| {
            if let Server::Invite(invite) = server {
                invite.handle_cancel(cx);
            }
        });
    }

    /// Answers without a transaction.
    fn refuse(&mut self, flow: FlowId, request: &Request, status: Status) {
        let answer = own::answer(request, status, &own::tag_for(request));
        self.out.send(flow, answer);
    }

    pub(super) fn answer_server(
        &mut self,
        now: Instant,
        id: ServerId,
        response: &Response,
        few: bool,
    ) {
        self.step_server(now, id, |server, cx| server.respond(cx, response, few));
    }

    pub(super) fn flow_of_server(&self, id: ServerId) -> Option<FlowId> {
        self.servers.flow(id)
    }

    pub(super) fn answer_and_forget(&mut self, now: Instant, id: ServerId, response: &Response) {
        self.step_server(now, id, |server, cx| match server.take_back(cx.out) {
            true => {
                cx.send(response.as_bytes());
                server.forget();
            }
            false => server.respond(cx, response, true),
        });
    }

    pub(super) fn server_is_due(&mut self, now: Instant, id: ServerId) {
        self.step_server(now, id, Server::handle_timeout);
    }

    pub(super) fn close_servers(&mut self, now: Instant, flow: FlowId) {
        while let Some(id) = self.servers.first_on(flow) {
            self.step_server(now, id, |server, _| server.forget());
        }
    }

    fn step_server<R>(
        &mut self,
        now: Instant,
        id: ServerId,
        step: impl FnOnce(&mut Server, &mut Context<'_, ServerId>) -> R,
    ) -> Option<R> {
        let Self {
            servers,
            out,
            timings,
            ..
        } = self;
        servers.step(id, |slot: &mut Slot<Server>| {
            let mut cx = Context {
                now,
                id,
                flow: slot.flow,
                transport: slot.transport,
                timings: *timings,
                out,
            };
            step(&mut slot.machine, &mut cx)
        })
    }
}
