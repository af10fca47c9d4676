//! Accounts and the location service (RFC 3261 10), sans-IO.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod aor;
pub mod binding;
pub mod contact;
pub mod dial;
pub mod domains;
pub mod event;
pub mod gruu;
pub mod location;
pub mod register;
#[cfg(test)]
mod sample;
pub mod snapshot;
pub mod store;
pub mod target;

pub use accounts::{Account, Accounts, AccountsError, Credentials};
pub use aor::{Aor, AorError, DisplayName};
pub use binding::{Binding, BindingId, BindingState, NewBinding, QValue};
pub use contact::{Contact, SipContact};
pub use dial::{DialError, Dialled};
pub use domains::{AliasError, DomainError, Domains};
pub use event::{BindingEvent, Change};
pub use gruu::{Gruu, GruuMint};
pub use location::{BindError, FlowClosed, Lapse, Lapsed, Location, LocationLimits, ResumeError};
pub use register::{ExpiryLimits, Refusal, RegisterPolicy, Registered, Registrant};
pub use store::{MemoryStore, Store};
pub use target::{GruuError, Target};
