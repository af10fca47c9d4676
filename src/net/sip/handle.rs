//! The driver's end of a flow that carries SIP, and the flow's end of what the driver says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use sip::flow::FlowId;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::udp::Service;
use crate::net::admission::Permit;
use crate::net::flows::TooSlow;

/// Bytes that wait for one connection; its peer is cut off if there are to be more. A register
/// of a hundred devices or a burst of presence fits by far.
const QUEUED_BYTES: usize = 512 * 1024;

/// What a flow is to do, in this order.
#[derive(Debug)]
pub(in crate::net) enum Order {
    /// Send this.
    Send(Bytes),
    /// Close. On a WebSocket this is what the close frame says.
    Close {
        /// RFC 6455 7.4
        code: u16,
        /// For whoever debugs the other side.
        reason: &'static str,
    },
}

/// The driver's way to a flow. Dropped, it lets a connection end when it has sent what waits.
pub(in crate::net) enum SipHandle {
    /// A connection of its own.
    Connection(ConnectionHandle),
    /// One of the many peers of a UDP socket.
    Datagrams(DatagramHandle),
}

/// See [`SipHandle::Connection`].
pub(in crate::net) struct ConnectionHandle {
    orders: mpsc::Sender<Order>,
    queued: Arc<AtomicUsize>,
    standing: Arc<Standing>,
    cut: Option<oneshot::Sender<()>>,
}

/// See [`SipHandle::Datagrams`].
pub(in crate::net) struct DatagramHandle {
    /// Which of them.
    pub flow: FlowId,
    /// The socket.
    pub(super) service: Service,
    /// Whether it is trusted.
    pub standing: Arc<Standing>,
}

/// What the limits think of a peer. Shared by the flow and the driver.
#[derive(Debug)]
pub(in crate::net) struct Standing {
    trusted: AtomicBool,
    /// What counts the connection.
    permits: Vec<Arc<Permit>>,
}

impl Standing {
    /// Of a stranger who is counted by these.
    pub(in crate::net) fn new(permits: Vec<Arc<Permit>>) -> Arc<Self> {
        let trusted = AtomicBool::new(false);
        Arc::new(Self { trusted, permits })
    }

    /// True if somebody there has proved an identity.
    pub(in crate::net) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    /// He has said something.
    pub(in crate::net) fn touch(&self) {
        if !self.is_trusted() {
            self.permits.iter().for_each(|permit| permit.touch());
        }
    }

    /// Resolves when the connection has to make room for another one.
    pub(in crate::net) async fn evicted(&self) {
        match &*self.permits {
            [] => std::future::pending().await,
            [only] => only.evicted().await,
            // That of a proxy, and that of whom it speaks for.
            [one, other, ..] => tokio::select! {
                () = one.evicted() => {}
                () = other.evicted() => {}
            },
        }
    }

    /// Whoever is trusted no longer counts for his address: others behind the same NAT may come.
    pub(in crate::net) fn set_trusted(&self, trusted: bool) {
        self.trusted.store(trusted, Ordering::Relaxed);
        for permit in &self.permits {
            permit.spare(trusted);
        }
    }
}

impl SipHandle {
    /// Sends a message. A datagram for which there is no room is lost.
    ///
    /// # Errors
    /// A connection that has to be [cut](Self::cut).
    pub(in crate::net) fn send(&self, bytes: Bytes) -> Result<(), TooSlow> {
        match self {
            Self::Connection(connection) => {
                let len = bytes.len();
                let queued = connection.queued.fetch_add(len, Ordering::Relaxed);
                if queued != 0 && queued.saturating_add(len) > QUEUED_BYTES {
                    return Err(TooSlow);
                }
                connection.order(Order::Send(bytes))
            }
            Self::Datagrams(datagrams) => {
                datagrams.service.send(datagrams.flow, bytes);
                Ok(())
            }
        }
    }

    /// Closes the flow after what was sent before.
    ///
    /// # Errors
    /// A flow that has to be [cut](Self::cut).
    pub(in crate::net) fn close(&self, code: u16, reason: &'static str) -> Result<(), TooSlow> {
        let close = Order::Close { code, reason };
        match self {
            Self::Connection(connection) => connection.order(close),
            // Nobody waits for the end of what is no connection: later is early enough.
            Self::Datagrams(datagrams) => datagrams.service.order(datagrams.flow, close),
        }
    }

    /// What the limits are to think of the peer.
    pub(in crate::net) fn trust(&self, trusted: bool) {
        match self {
            Self::Connection(connection) => connection.standing.set_trusted(trusted),
            Self::Datagrams(datagrams) => datagrams.standing.set_trusted(trusted),
        }
    }

    /// Ends a connection at once; what waits is lost.
    pub(in crate::net) fn cut(self) {
        if let Self::Connection(mut connection) = self
            && let Some(cut) = connection.cut.take()
        {
            // It may have ended by itself.
            let _ = cut.send(());
        }
    }
}

impl ConnectionHandle {
    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn queued(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.queued)
    }

    fn order(&self, order: Order) -> Result<(), TooSlow> {
        match self.orders.try_send(order) {
            Err(TrySendError::Full(_)) => Err(TooSlow),
            // One that has ended says so by itself.
            _ => Ok(()),
        }
    }
}

/// A connection's end of what it is to do.
#[derive(Debug)]
pub(in crate::net) struct Mailbox {
    orders: mpsc::Receiver<Order>,
    own: mpsc::WeakSender<Order>,
    queued: Arc<AtomicUsize>,
    cut: oneshot::Receiver<()>,
}

/// Answers that a connection gives without the driver: in order with what the driver says.
#[derive(Debug, Clone)]
pub(in crate::net) struct Answers {
    /// Weak: only the driver keeps a connection open.
    orders: mpsc::WeakSender<Order>,
    queued: Arc<AtomicUsize>,
}

/// Both ends of a connection's orders, with room for `messages`.
pub(in crate::net) fn connection(messages: usize, standing: Arc<Standing>) -> (SipHandle, Mailbox) {
    let (orders, inbox) = mpsc::channel(messages);
    let (cut, cut_off) = oneshot::channel();
    let queued = Arc::new(AtomicUsize::new(0));
    let mailbox = Mailbox {
        orders: inbox,
        own: orders.downgrade(),
        queued: Arc::clone(&queued),
        cut: cut_off,
    };
    let handle = ConnectionHandle {
        orders,
        queued,
        standing,
        cut: Some(cut),
    };
    (SipHandle::Connection(handle), mailbox)
}

impl Mailbox {
    /// The next order; `None` when the driver has none any more. [`sent`](Self::sent) follows.
    pub(in crate::net) async fn next(&mut self) -> Option<Order> {
        self.orders.recv().await
    }

    /// So much is the network's.
    pub(in crate::net) fn sent(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// For answers that need no driver.
    pub(in crate::net) fn answers(&self) -> Answers {
        Answers {
            orders: self.own.clone(),
            queued: Arc::clone(&self.queued),
        }
    }

    /// Takes out what resolves when the driver cuts the connection off. Once.
    pub(in crate::net) fn take_cut(&mut self) -> impl Future<Output = ()> + use<> {
        let (_, nothing) = oneshot::channel();
        let cut = std::mem::replace(&mut self.cut, nothing);
        async move {
            if cut.await.is_err() {
                // Nobody is left who could.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Answers {
    /// Queues an answer.
    ///
    /// # Errors
    /// If the peer does not take what waits for it already.
    pub(in crate::net) fn send(&self, bytes: Bytes) -> Result<(), TooSlow> {
        let Some(orders) = self.orders.upgrade() else {
            return Ok(());
        };
        self.queued.fetch_add(bytes.len(), Ordering::Relaxed);
        match orders.try_send(Order::Send(bytes)) {
            Err(TrySendError::Full(_)) => Err(TooSlow),
            _ => Ok(()),
        }
    }

    /// Queues the end after all that.
    pub(in crate::net) fn close(&self, code: u16, reason: &'static str) -> Result<(), TooSlow> {
        let Some(orders) = self.orders.upgrade() else {
            return Ok(());
        };
        match orders.try_send(Order::Close { code, reason }) {
            Err(TrySendError::Full(_)) => Err(TooSlow),
            _ => Ok(()),
        }
    }
}
