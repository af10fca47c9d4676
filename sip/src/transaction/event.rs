//! What the transactions tell the core.

use std::fmt;

use thiserror::Error;

use super::table::Name;
use crate::flow::FlowId;
use crate::message::{Request, Response};

/// Names a client transaction: a request of ours. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(super) u64);

/// Names a server transaction: a request to us. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(super) u64);

impl Name for ClientId {
    const LEAST: Self = Self(0);
}

impl Name for ServerId {
    const LEAST: Self = Self(0);
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client-{}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server-{}", self.0)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new request that wants an answer by [`respond`](super::Transactions::respond). Never an
    /// ACK or a CANCEL.
    Request {
        /// What to answer with.
        server: ServerId,
        /// Where it came from.
        flow: FlowId,
        /// The request.
        request: Box<Request>,
    },
    /// An ACK that belongs to no transaction: that of a 2xx (RFC 3261 13.2.2.4), or one that
    /// means nothing to us.
    Ack {
        /// Where it came from.
        flow: FlowId,
        /// The ACK.
        request: Box<Request>,
    },
    /// The INVITE was cancelled and is still unanswered: answer it with 487 (RFC 3261 9.2). The
    /// CANCEL itself has its 200.
    Cancelled {
        /// The transaction of the INVITE.
        server: ServerId,
    },
    /// A response to a request of ours, provisional or final. Every 2xx to an INVITE is told,
    /// repeated and forked ones too (RFC 6026 7.2), so that each gets its ACK. Any other final
    /// response comes once.
    Response {
        /// The transaction of the request.
        client: ClientId,
        /// The response.
        response: Box<Response>,
    },
    /// No final response will come. It is the last that is told of the transaction.
    Failed {
        /// The transaction of the request.
        client: ClientId,
        /// Why.
        failure: Failure,
    },
    /// No ACK came for our refusal of an INVITE (timer H). There is nothing to be done about it.
    NotAcknowledged {
        /// The transaction of the INVITE, which is gone.
        server: ServerId,
    },
    /// A response that belongs to no transaction. A 2xx to an INVITE is to be acknowledged all
    /// the same, and its dialog ended (RFC 3261 13.2.2.4).
    Stray {
        /// Where it came from.
        flow: FlowId,
        /// The response.
        response: Box<Response>,
    },
}

/// Why no final response will come. The fault is the far side's or the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Failure {
    /// Timer B or F, or 64*T1 after a CANCEL (RFC 3261 17.1.1.2, 17.1.2.2, 9.1). To be handled
    /// like a 408 (8.1.3.1).
    #[error("no answer in time")]
    Timeout,
    /// The way there is gone. To be handled like a 503 (8.1.3.1).
    #[error("the flow is closed")]
    FlowClosed,
}

/// There are as many client transactions as the limit allows: the request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many requests wait for their answers")]
pub struct Full;
