//! What a REGISTER is answered with.

use std::sync::Arc;

use smol_str::SmolStr;
use thiserror::Error;

use crate::binding::{BindingId, QValue};
use crate::contact::SipContact;
use crate::event::BindingEvent;
use crate::gruu::Gruus;

/// A REGISTER that was obeyed: what its 200 says, and what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// All bindings of the address of record, the oldest first: the Contact values.
    pub contacts: Vec<RegisteredContact>,
    /// The Path values to send back (RFC 3327 5.3).
    pub path: Vec<SmolStr>,
    /// RFC 5626 is in use: `Require: outbound` (its section 6).
    pub outbound: bool,
    /// `Flow-Timer`, in seconds.
    pub flow_timer_s: Option<u32>,
    /// What changed, in the order in which it did.
    pub events: Vec<BindingEvent>,
}

/// One binding, as the 200 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredContact {
    /// The binding.
    pub binding: BindingId,
    /// Its URI, `+sip.instance`, `reg-id` and other parameters.
    pub contact: Arc<SipContact>,
    /// `q`
    pub q: QValue,
    /// `expires`: what is left of its time, in seconds; never 0.
    pub expires_s: u32,
    /// `pub-gruu` and `temp-gruu`, if the request supports them and the contact has an instance.
    pub gruus: Option<Gruus>,
}

/// Why a REGISTER was not obeyed. The sentence is for the Reason-Phrase or a Warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The address of record is somebody else's.
    #[error("nobody registers for another")]
    NotOwner,
    /// `*` goes with `Expires: 0`, and with no other Contact.
    #[error("Contact: * needs Expires: 0 and stands alone")]
    Wildcard,
    /// Our limit: something is longer than it may be.
    #[error("a field of the registration is longer than is kept")]
    TooLong,
    /// A Contact that cannot be called.
    #[error("only SIP contacts are registered here")]
    Scheme,
    /// A Contact that would lead back here (RFC 5627 5.1).
    #[error("a contact is a GRUU of this server")]
    ContactIsGruu,
    /// More than one contact for a flow (RFC 5626 6).
    #[error("a registration with reg-id has one contact")]
    SeveralFlows,
    /// The proxy next to the user agent does not keep flows (RFC 5626 11.6).
    #[error("First Hop Lacks Outbound Support")]
    FirstHopLacksOutbound,
    /// Shorter than is granted.
    #[error("Interval Too Brief")]
    IntervalTooBrief {
        /// `Min-Expires`, in seconds.
        min_expires_s: u32,
    },
    /// An earlier request of the same Call-ID came later.
    #[error("the registration came out of order")]
    OutOfOrder,
    /// Our limit: the address of record has as many bindings as it may.
    #[error("too many devices are registered for this address")]
    TooManyContacts,
    /// Our limit: there are as many bindings as there may be.
    #[error("the registrar is full")]
    Full,
}

impl Refusal {
    /// The status code.
    pub fn status(self) -> u16 {
        match self {
            Self::Wildcard | Self::TooLong | Self::Scheme | Self::SeveralFlows => 400,
            Self::NotOwner | Self::ContactIsGruu | Self::TooManyContacts => 403,
            Self::IntervalTooBrief { .. } => 423,
            Self::FirstHopLacksOutbound => 439,
            // RFC 3261 10.3 step 7: "the update MUST be aborted and the request fails", and where
            // any one fails "the server MUST return a 500".
            Self::OutOfOrder => 500,
            Self::Full => 503,
        }
    }

    /// `Retry-After`, in seconds, where trying again can help.
    pub fn retry_after_s(self) -> Option<u32> {
        (self == Self::Full).then_some(60)
    }
}
