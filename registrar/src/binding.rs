//! Contact bindings (RFC 3261 10.3): where the user of an address of record is reached now.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use sip::flow::FlowId;

use crate::aor::Aor;
use crate::contact::Contact;

/// Names a binding for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BindingId(pub u64);

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "binding-{}", self.0)
    }
}

/// One binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub id: BindingId,
    /// Whose it is.
    pub aor: Aor,
    /// What is at the other end of the flow.
    pub contact: Contact,
    /// Preference among the bindings of one address of record.
    pub q: QValue,
    /// When it lapses unless refreshed; `None` if it lasts as long as its flow.
    pub expires: Option<Instant>,
    /// When its user last said that he is there.
    pub refreshed: Instant,
    /// Whether it can be reached.
    pub state: BindingState,
    /// The REGISTER that made it what it is; a session of the Web SDK has none.
    pub order: Option<Order>,
}

/// What puts the REGISTER requests for one binding in order (RFC 3261 10.3 step 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The Call-ID. One REGISTER has one for all its bindings.
    pub call_id: Arc<str>,
    /// The number in the CSeq.
    pub cseq: u32,
}

/// Whether a binding can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingState {
    /// Over this flow.
    Live {
        /// The flow.
        flow: FlowId,
    },
    /// By UDP to the address its REGISTER came from. Which flow that was is not known any more: the
    /// server started anew, or the flow is forgotten.
    Addressed,
    /// Its flow broke and its user may come back. It is no target, and nobody else's.
    Parked {
        /// He has until then.
        until: Instant,
    },
}

impl Binding {
    /// Its time is over, whether [`handle_timeout`](crate::Location::handle_timeout) has come to it
    /// or not.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// It can be reached.
    pub fn is_reachable(&self, now: Instant) -> bool {
        let parked = matches!(self.state, BindingState::Parked { .. });
        !parked && !self.has_expired(now)
    }

    pub(crate) fn live_flow(&self) -> Option<FlowId> {
        match self.state {
            BindingState::Live { flow } => Some(flow),
            BindingState::Addressed | BindingState::Parked { .. } => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let parked = match self.state {
            BindingState::Live { .. } | BindingState::Addressed => None,
            BindingState::Parked { until } => Some(until),
        };
        [parked, self.expires].into_iter().flatten().min()
    }
}

/// A session of the Web SDK protocol that is to be bound. It lasts as long as its WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBinding {
    /// Whose it is.
    pub aor: Aor,
    /// The flow.
    pub flow: FlowId,
}

impl NewBinding {
    /// A session of the Web SDK protocol.
    pub fn wcs(aor: Aor, flow: FlowId) -> Self {
        Self { aor, flow }
    }
}

/// A preference from 0 to 1 in steps of a thousandth (RFC 3261 20.10, 25.1 `qvalue`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QValue(u16);

impl QValue {
    /// From thousandths, at most 1000.
    pub fn from_thousandths(thousandths: u16) -> Option<Self> {
        (thousandths <= 1000).then_some(Self(thousandths))
    }

    /// In thousandths.
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

impl Default for QValue {
    /// The highest.
    fn default() -> Self {
        Self(1000)
    }
}
