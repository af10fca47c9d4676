//! Contact bindings (RFC 3261 10.3): where the user of an address of record is reached now.

use std::fmt;
use std::time::Instant;

use sip::flow::FlowId;
use sip::uri::Uri;

use crate::aor::Aor;

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
    /// When it came.
    pub since: Instant,
    /// Whether it can be reached.
    pub state: BindingState,
}

/// Whether a binding can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingState {
    /// Over this flow.
    Live {
        /// The flow.
        flow: FlowId,
    },
    /// Its flow broke and its user may come back. It is no target, and nobody else's.
    Parked {
        /// He has until then.
        until: Instant,
    },
}

/// What a target is spoken to in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A session of the Web SDK protocol: one on its flow.
    WcsSession,
    /// A SIP user agent, by its Contact URI.
    Sip(Uri),
}

impl Contact {
    /// The same place (RFC 3261 10.3 step 7: by the comparison of URIs).
    pub fn same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::WcsSession, Self::WcsSession) => true,
            (Self::Sip(a), Self::Sip(b)) => a.equivalent(b),
            _ => false,
        }
    }
}

/// What is to be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBinding {
    /// Whose it is.
    pub aor: Aor,
    /// What is at the other end of the flow.
    pub contact: Contact,
    /// The flow.
    pub flow: FlowId,
    /// Preference among the bindings of one address of record.
    pub q: QValue,
    /// When it lapses unless refreshed; `None` if it lasts as long as its flow.
    pub expires: Option<Instant>,
}

impl NewBinding {
    /// A session of the Web SDK protocol, which lasts as long as its WebSocket.
    pub fn wcs(aor: Aor, flow: FlowId) -> Self {
        Self {
            aor,
            contact: Contact::WcsSession,
            flow,
            q: QValue::default(),
            expires: None,
        }
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
