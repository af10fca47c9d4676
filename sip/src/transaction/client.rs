//! Requests of ours, and their responses.

use std::time::Instant;

use super::Transactions;
use super::event::{ClientId, Full};
use super::invite_client::InviteClient;
use super::key::Key;
use super::other_client::{AskedBy, OtherClient};
use super::outbox::Context;
use super::table::{Machine, Slot};
use crate::flow::{FlowId, Transport};
use crate::message::{Method, Request, Response};

#[derive(Debug)]
pub(super) enum Client {
    Invite(InviteClient),
    Other(OtherClient),
}

impl Client {
    fn handle_response(
        &mut self,
        cx: &mut Context<'_, ClientId>,
        response: Box<Response>,
    ) -> Option<Box<Request>> {
        match self {
            Self::Invite(invite) => invite.handle_response(cx, response),
            Self::Other(other) => {
                other.handle_response(cx, response);
                None
            }
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_, ClientId>) {
        match self {
            Self::Invite(invite) => invite.handle_timeout(cx),
            Self::Other(other) => other.handle_timeout(cx),
        }
    }

    fn flow_closed(&mut self, cx: &mut Context<'_, ClientId>) {
        match self {
            Self::Invite(invite) => invite.flow_closed(cx),
            Self::Other(other) => other.flow_closed(cx),
        }
    }
}

impl Machine for Client {
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
    pub(super) fn open_client(
        &mut self,
        now: Instant,
        way: (FlowId, Transport),
        request: Box<Request>,
    ) -> Result<ClientId, Full> {
        if self.clients.len() >= self.limits.clients {
            return Err(Full);
        }
        Ok(self.start_client(now, way, request, AskedBy::Core))
    }

    fn start_client(
        &mut self,
        now: Instant,
        (flow, transport): (FlowId, Transport),
        request: Box<Request>,
        asked_by: AskedBy,
    ) -> ClientId {
        let id = ClientId(self.next_id());
        let key = Key::of_client(&request.via(), request.method());
        let mut cx = Context {
            now,
            id,
            flow,
            transport,
            timings: self.timings,
            out: &mut self.out,
        };
        let client = match request.method() {
            Method::Invite => Client::Invite(InviteClient::start(&mut cx, request)),
            _ => {
                let bytes = request.as_bytes().clone();
                Client::Other(OtherClient::start(&mut cx, bytes, asked_by))
            }
        };
        self.clients
            .insert(id, (key, None), (flow, transport), client);
        id
    }

    pub(super) fn handle_response(&mut self, now: Instant, flow: FlowId, response: Box<Response>) {
        let Some(id) = self.clients.find(&Key::of_response(&response)) else {
            self.out.stray(flow, response);
            return;
        };
        self.step_client(now, id, |client, cx| client.handle_response(cx, response));
    }

    pub(super) fn cancel_client(&mut self, now: Instant, id: ClientId, reason: Option<&str>) {
        self.step_client(now, id, |client, cx| match client {
            Client::Invite(invite) => invite.cancel(cx, reason),
            Client::Other(_) => None,
        });
    }

    pub(super) fn client_is_due(&mut self, now: Instant, id: ClientId) {
        self.step_client(now, id, |client, cx| {
            client.handle_timeout(cx);
            None
        });
    }

    pub(super) fn close_clients(&mut self, now: Instant, flow: FlowId) {
        while let Some(id) = self.clients.first_on(flow) {
            self.step_client(now, id, |client, cx| {
                client.flow_closed(cx);
                None
            });
        }
    }

    /// Does something to a client transaction, and sends the CANCEL that comes of it. That is a
    /// transaction of its own, beyond the limit: each INVITE makes one at most.
    fn step_client(
        &mut self,
        now: Instant,
        id: ClientId,
        step: impl FnOnce(&mut Client, &mut Context<'_, ClientId>) -> Option<Box<Request>>,
    ) {
        let Self {
            clients,
            out,
            timings,
            ..
        } = self;
        let done = clients.step(id, |slot: &mut Slot<Client>| {
            let mut cx = Context {
                now,
                id,
                flow: slot.flow,
                transport: slot.transport,
                timings: *timings,
                out,
            };
            let cancel = step(&mut slot.machine, &mut cx)?;
            Some((cancel, (slot.flow, slot.transport)))
        });
        if let Some((cancel, way)) = done.flatten() {
            self.start_client(now, way, cancel, AskedBy::Layer);
        }
    }
}
