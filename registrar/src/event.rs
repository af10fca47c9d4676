//! What happened to bindings: for presence and the log.

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

/// What a REGISTER does to bindings.
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
    /// It was found to have expired.
    Expired,
    /// It was parked, and made room for another of the same user.
    Displaced,
}

impl Change {
    /// The binding is there afterwards.
    pub fn is_there(self) -> bool {
        match self {
            Self::Registered | Self::Refreshed | Self::Resumed => true,
            Self::Unregistered | Self::Expired | Self::Displaced => false,
        }
    }
}

impl BindingEvent {
    /// What happened to `binding`.
    pub(crate) fn of(binding: &Binding, change: Change) -> Self {
        Self {
            binding: binding.id,
            aor: binding.aor.clone(),
            contact: binding.contact.clone(),
            change,
        }
    }
}
