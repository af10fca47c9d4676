//! What happened to bindings: for presence, the `reg` event package (RFC 3680) and the log.

use crate::aor::Aor;
use crate::binding::{Binding, BindingId};
use crate::contact::Contact;

/// One thing that happened to one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingEvent {
    /// The binding.
    pub binding: BindingId,
    /// Whose it is.
    pub aor: Aor,
    /// What is at its other end.
    pub contact: Contact,
    /// What happened.
    pub change: Change,
}

/// What happens to bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Registered,
    /// Its user said again that he is there.
    Refreshed,
    /// It was parked, and its user is back.
    Resumed,
    /// Its user took it away.
    Unregistered,
    /// It was not refreshed in time.
    Expired,
    /// Its flow broke, and its user may come back.
    Parked,
    /// Its flow closed.
    FlowLost,
    /// It was parked, and made room for another of the same user.
    Displaced,
}

impl BindingEvent {
    /// What happened to `binding`.
    pub fn of(binding: &Binding, change: Change) -> Self {
        Self {
            binding: binding.id,
            aor: binding.aor.clone(),
            contact: binding.contact.clone(),
            change,
        }
    }
}

impl Change {
    /// The binding is gone.
    pub fn is_end(self) -> bool {
        match self {
            Self::Registered | Self::Refreshed | Self::Resumed | Self::Parked => false,
            Self::Unregistered | Self::Expired | Self::FlowLost | Self::Displaced => true,
        }
    }

    /// The `event` of a contact in a `reg` document (RFC 3680 5.1).
    pub fn reg_event(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Refreshed | Self::Resumed => "refreshed",
            Self::Unregistered => "unregistered",
            Self::Expired => "expired",
            // RFC 3680: the registrar ended it; the client should register again at once or later.
            Self::FlowLost | Self::Displaced => "deactivated",
            Self::Parked => "probation",
        }
    }
}
