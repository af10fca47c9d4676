//! Accounts and the location service (RFC 3261 10), in memory, sans-IO.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod aor;
pub mod binding;
pub mod dial;
pub mod location;

pub use accounts::{Account, Accounts, AccountsError, Algorithm, Credentials};
pub use aor::{Aor, AorError, DisplayName};
pub use binding::{Binding, BindingId, BindingState, Contact, NewBinding, QValue};
pub use dial::{DialError, Dialled};
pub use location::{
    BindError, FlowClosed, Lapse, Lapsed, Location, LocationLimits, ResumeError, Target,
};
