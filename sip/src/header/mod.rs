//! Headers with types: those that a registrar and a B2BUA act on. One file a family.

pub mod address;
pub mod content;
pub mod date;
pub mod event;
pub mod number;
pub mod params;
pub mod reason;
pub mod refer;
pub mod replaces;
pub mod session_id;
pub mod syntax;
#[cfg(test)]
mod tests;
pub mod via;

use crate::message::HeaderName;

pub use address::{Contact, NameAddr, OwnAddr};
pub use content::{ContentType, Disposition};
pub use date::Date;
pub use event::{Event, SubscriptionState};
pub use number::{
    ContentLength, Expires, FlowTimer, MaxForwards, MinExpires, MinSe, RSeq, Refresher, RetryAfter,
    SessionExpires,
};
pub use params::Params;
pub use reason::{Reason, Warning};
pub use refer::ReferSub;
pub use replaces::{CSeq, RAck, Replaces};
pub use session_id::SessionId;
pub use syntax::Malformed;
pub use via::Via;

/// A header that can be read. Views borrow the message they were read from.
pub trait Header<'a>: Sized {
    /// Its name.
    const NAME: HeaderName;

    /// Reads one value; of a list one of its values.
    ///
    /// # Errors
    /// [`Malformed`]
    fn read(value: &'a [u8]) -> Result<Self, Malformed>;
}

/// A header that can be written.
pub trait WriteHeader {
    /// Its name.
    const NAME: HeaderName;

    /// Appends the value, without the name and without a line end.
    fn write(&self, out: &mut Vec<u8>);
}
