//! Transactions (RFC 3261 17, RFC 6026, RFC 4320): a request and its responses.
//!
//! What is lost is sent again here, and what comes again stops here, so that the core above sees
//! each request once and each answer once. A transaction knows the flow that it is on, never an
//! address. Four machines, one a file: `invite_client`, `other_client`, `invite_server`,
//! `other_server`.
//!
//! The layer takes no part in dialogs: a 2xx to an INVITE is acknowledged and repeated by the
//! core ([`procedure::accept`](crate::procedure::accept)).

mod client;
mod event;
mod invite_client;
mod invite_server;
mod key;
mod other_client;
mod other_server;
mod outbox;
mod own;
mod server;
mod table;
#[cfg(test)]
mod tests;
mod timing;

use std::time::Instant;

use bytes::Bytes;

pub use self::event::{ClientId, Event, Failure, Full, ServerId};
pub use self::outbox::Counters;
pub use self::own::tag_for as stateless_tag;
pub use self::timing::Timings;

use self::client::Client;
use self::outbox::Outbox;
use self::server::Server;
use self::table::Table;
use crate::flow::{FlowId, Transport};
use crate::message::{Message, Request, Response};

/// How many transactions there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionLimits {
    /// Requests of ours. One more is [`Full`].
    pub clients: usize,
    /// Requests to us. One more is answered with 503.
    pub servers: usize,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        Self {
            clients: 100_000,
            servers: 100_000,
        }
    }
}

/// All transactions. Poll transmits and events after each call, until there are no more.
#[derive(Debug)]
pub struct Transactions {
    timings: Timings,
    limits: TransactionLimits,
    clients: Table<ClientId, Client>,
    servers: Table<ServerId, Server>,
    out: Outbox,
    last_id: u64,
}

impl Transactions {
    /// None yet.
    pub fn new(timings: Timings, limits: TransactionLimits) -> Self {
        Self {
            timings,
            limits,
            clients: Table::new(),
            servers: Table::new(),
            out: Outbox::default(),
            last_id: 0,
        }
    }

    /// A message came over a flow.
    ///
    /// By itself it answers an INVITE with 100, a CANCEL with 200 or 481, a request that came by
    /// two ways with 482 (8.2.2.2), one beyond the limit with 503, and one that nobody answers
    /// with 100 in time (RFC 4320 4.1); and it acknowledges refusals of our INVITEs.
    pub fn handle(&mut self, now: Instant, flow: FlowId, transport: Transport, message: Message) {
        match message {
            Message::Request(request) => self.handle_request(now, (flow, transport), request),
            Message::Response(response) => self.handle_response(now, flow, response),
        }
    }

    /// Sends a request, complete with a Via whose branch begins with `z9hG4bK` and is unlike any
    /// other (8.1.1.7). Neither an ACK nor a CANCEL: for those there are [`send`](Self::send) and
    /// [`cancel`](Self::cancel).
    ///
    /// # Errors
    /// [`Full`]: nothing was sent.
    pub fn request(
        &mut self,
        now: Instant,
        flow: FlowId,
        transport: Transport,
        request: Request,
    ) -> Result<ClientId, Full> {
        self.open_client(now, (flow, transport), Box::new(request))
    }

    /// Sends something outside any transaction: the ACK of a 2xx, a repeated 2xx.
    pub fn send(&mut self, flow: FlowId, bytes: Bytes) {
        self.out.send(flow, bytes);
    }

    /// Answers a request. Of a transaction that is over, or that has its final response, nothing
    /// comes; but an accepted INVITE takes further 2xx (RFC 6026 7.1).
    ///
    /// Other requests than INVITE get no provisional response from above, and no 408 at all: that
    /// ends the transaction silently (RFC 4320 4.1, 4.2).
    pub fn respond(&mut self, now: Instant, server: ServerId, response: Response) {
        self.answer_server(now, server, &response, false);
    }

    /// As [`respond`](Self::respond), to somebody who has not proved that he is where he says: what
    /// refuses his INVITE is hardly sent again by itself, as a challenge is.
    pub fn respond_to_stranger(&mut self, now: Instant, server: ServerId, response: Response) {
        self.answer_server(now, server, &response, true);
    }

    /// Over which flow a request came that is still being dealt with.
    pub fn flow_of(&self, server: ServerId) -> Option<FlowId> {
        self.flow_of_server(server)
    }

    /// Answers a request with a refusal, and forgets it at once (8.2.7): the same request is told as
    /// new when it comes again, so that a refusal which is lost is made anew, and an ACK of it is
    /// told as one of nothing. The refusal has [`stateless_tag`] in To.
    ///
    /// An INVITE gets no 100 before it, which would stop the client from asking again; where that
    /// or something else has gone out already, this is
    /// [`respond_to_stranger`](Self::respond_to_stranger).
    pub fn respond_statelessly(&mut self, now: Instant, server: ServerId, response: &Response) {
        self.answer_and_forget(now, server, response);
    }

    /// Our INVITE is no longer wanted (9.1): the CANCEL goes out when a provisional response has
    /// come, and not at all if a final one is first. The INVITE's final response is told as ever;
    /// if there is none 64*T1 after the CANCEL, [`Failure::Timeout`] is.
    pub fn cancel(&mut self, now: Instant, client: ClientId) {
        self.cancel_client(now, client, None);
    }

    /// As [`cancel`](Self::cancel); the CANCEL says why, as
    /// [`Reason::value_of`](crate::header::Reason::value_of) writes it (RFC 3326).
    pub fn cancel_because(&mut self, now: Instant, client: ClientId, reason: &str) {
        self.cancel_client(now, client, Some(reason));
    }

    /// A flow is gone: what waits for an answer over it fails, and nobody on it can be answered
    /// any more.
    pub fn flow_closed(&mut self, now: Instant, flow: FlowId) {
        self.close_clients(now, flow);
        self.close_servers(now, flow);
    }

    /// What to send next.
    pub fn poll_transmit(&mut self) -> Option<(FlowId, Bytes)> {
        self.out.poll_transmit()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.poll_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.clients.deadline(), self.servers.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Does what is due. Each transaction does one thing at most, however late it is.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.clients.pop_due(now) {
            self.client_is_due(now, id);
        }
        while let Some(id) = self.servers.pop_due(now) {
            self.server_is_due(now, id);
        }
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.out.counters
    }

    /// Names are never used again.
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
