//! Transactions (RFC 3261 17, RFC 6026): a request and its responses.

mod event;
mod timing;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

pub use self::event::{ClientId, Event, Failure, Full, ServerId};
pub use self::timing::Timings;

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

/// All transactions. See the module.
#[derive(Debug)]
pub struct Transactions {
    transmits: VecDeque<(FlowId, Bytes)>,
    events: VecDeque<Event>,
}

impl Transactions {
    /// None yet.
    pub fn new(_timings: Timings, _limits: TransactionLimits) -> Self {
        Self {
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A message came over a flow.
    pub fn handle(
        &mut self,
        _now: Instant,
        _flow: FlowId,
        _transport: Transport,
        _message: Message,
    ) {
    }

    /// Sends a request, complete with a Via whose branch begins with `z9hG4bK` and is unlike any
    /// other (8.1.1.7).
    ///
    /// # Errors
    /// [`Full`]
    pub fn request(
        &mut self,
        _now: Instant,
        _flow: FlowId,
        _transport: Transport,
        _request: Request,
    ) -> Result<ClientId, Full> {
        Err(Full)
    }

    /// Sends something outside any transaction: the ACK of a 2xx, a repeated 2xx.
    pub fn send(&mut self, flow: FlowId, bytes: Bytes) {
        self.transmits.push_back((flow, bytes));
    }

    /// Answers a request.
    pub fn respond(&mut self, _now: Instant, _server: ServerId, _response: Response) {}

    /// Our INVITE is no longer wanted (9.1).
    pub fn cancel(&mut self, _now: Instant, _client: ClientId) {}

    /// As [`cancel`](Self::cancel); the CANCEL says why, as `Reason::value_of` writes it (RFC 3326).
    pub fn cancel_because(&mut self, _now: Instant, _client: ClientId, _reason: &str) {}

    /// A flow is gone.
    pub fn flow_closed(&mut self, _now: Instant, _flow: FlowId) {}

    /// What to send next.
    pub fn poll_transmit(&mut self) -> Option<(FlowId, Bytes)> {
        self.transmits.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        0
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
