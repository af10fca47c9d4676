//! The driver's ways to its flows: what it can tell them without ever waiting for one.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::sip::{SipHandle, Standing};
use crate::wcs::message::ServerMessage;

/// See [`Turns`].
const TURNS: usize = 16;

/// The peer takes what is sent to it too slowly: it has to be cut off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooSlow;

/// The way to a flow.
pub(super) enum FlowHandle {
    /// A WebSocket of the Web SDK protocol.
    Wcs(SocketHandle),
    /// What carries SIP.
    Sip(SipHandle),
}

/// The way to a socket. It is cut off when this is dropped with orders unsent.
pub struct SocketHandle {
    orders: mpsc::Sender<SocketOrder>,
    standing: Arc<Standing>,
    _cut: oneshot::Sender<()>,
}

/// How many messages of one socket may wait for the Switch. Without it a burst of questions
/// would be answered faster than the answers can be taken.
pub struct Turns(Arc<Semaphore>);

impl Turns {
    /// For many peers together.
    pub(super) fn new(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// Waits for a turn, which is given back by dropping it.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

impl Default for Turns {
    /// For one socket.
    fn default() -> Self {
        Self::new(TURNS)
    }
}

/// What a socket is to do, in this order.
#[derive(Debug)]
pub(super) enum SocketOrder {
    /// Send this.
    Say(Box<ServerMessage>),
    /// Send a close frame.
    Close {
        /// RFC 6455 7.4
        code: u16,
        /// For whoever debugs the other side.
        reason: &'static str,
    },
}

impl FlowHandle {
    /// Says something on a Web SDK socket.
    pub(super) fn say(&mut self, message: Box<ServerMessage>) -> Result<(), TooSlow> {
        match self {
            Self::Wcs(socket) => socket.order(SocketOrder::Say(message)),
            // No Switch says this.
            Self::Sip(_) => Ok(()),
        }
    }

    /// Sends a SIP message.
    pub(super) fn send(&mut self, bytes: Bytes) -> Result<(), TooSlow> {
        match self {
            Self::Sip(handle) => handle.send(bytes),
            // No Switch says this.
            Self::Wcs(_) => Ok(()),
        }
    }

    /// What the limits are to think of the peer.
    pub(super) fn trust(&mut self, trusted: bool) {
        match self {
            Self::Wcs(socket) => socket.standing.set_trusted(trusted),
            Self::Sip(handle) => handle.trust(trusted),
        }
    }

    /// Closes it after what was sent before.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) -> Result<(), TooSlow> {
        match self {
            Self::Wcs(socket) => socket.order(SocketOrder::Close { code, reason }),
            Self::Sip(handle) => handle.close(code, reason),
        }
    }
}

impl SocketHandle {
    /// The second value resolves when the driver cuts the socket off.
    pub(super) fn new(
        orders: mpsc::Sender<SocketOrder>,
        standing: Arc<Standing>,
    ) -> (Self, oneshot::Receiver<()>) {
        let (cut, cut_off) = oneshot::channel();
        let handle = Self {
            orders,
            standing,
            _cut: cut,
        };
        (handle, cut_off)
    }

    fn order(&self, order: SocketOrder) -> Result<(), TooSlow> {
        match self.orders.try_send(order) {
            Err(TrySendError::Full(_)) => Err(TooSlow),
            // One that has ended says so by itself.
            _ => Ok(()),
        }
    }
}
