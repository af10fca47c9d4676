//! What a REGISTER is answered with.

use sip::header::FlowTimer;
use sip::message::{HeaderName, Rejection, ResponseBuilder, Status};
use sip::procedure::register::{Listed, interval_too_brief};
use sip::uri::Uri;
use smol_str::SmolStr;
use thiserror::Error;

use crate::event::BindingEvent;

/// When to try again where the registrar is full, in seconds.
const RETRY_AFTER_S: u32 = 60;

/// A REGISTER that was obeyed: what its 200 says, and what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// All bindings of the address of record, the oldest first.
    pub contacts: Vec<Listed>,
    /// The Path, if the user agent wants it back (RFC 3327 5.3).
    pub path: Vec<SmolStr>,
    /// RFC 5626 is in use.
    pub outbound: bool,
    /// `Flow-Timer`, in seconds.
    pub flow_timer_s: Option<u32>,
    /// `Service-Route`
    pub service_route: Vec<Uri>,
    /// What changed, in the order in which it did.
    pub events: Vec<BindingEvent>,
}

impl Registered {
    /// Adds its headers to a 200 (RFC 3261 10.3 step 8).
    #[must_use]
    pub fn write(&self, mut builder: ResponseBuilder) -> ResponseBuilder {
        for contact in &self.contacts {
            builder = contact.write(builder);
        }
        for hop in &self.path {
            builder = builder.value(HeaderName::Path, hop);
        }
        for hop in &self.service_route {
            builder = builder.value(HeaderName::ServiceRoute, format!("<{hop}>"));
        }
        if self.outbound {
            // RFC 5626 6: "the registrar MUST include the 'outbound' option-tag in a Require".
            builder = builder.value(HeaderName::Require, "outbound");
        }
        match self.flow_timer_s {
            Some(seconds) => builder.header(&FlowTimer(seconds)),
            None => builder,
        }
    }
}

/// Why a REGISTER was not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The address of record is somebody else's.
    #[error("nobody registers for another")]
    NotOwner,
    /// `*` goes with `Expires: 0`.
    #[error("Contact: * needs Expires: 0")]
    Wildcard,
    /// Our limit: something is longer than it may be.
    #[error("a field of the registration is longer than is kept")]
    TooLong,
    /// A Contact that cannot be called.
    #[error("only SIP contacts are registered here")]
    Scheme,
    /// A Contact that would lead back here (RFC 5627 5.1).
    #[error("a contact is a GRUU of the same address")]
    ContactIsGruu,
    /// More than one contact for a flow (RFC 5626 6).
    #[error("a registration with reg-id has one contact")]
    SeveralFlows,
    /// The proxy next to the user agent does not keep flows (RFC 5626 11.6).
    #[error("First Hop Lacks Outbound Support")]
    FirstHopLacksOutbound,
    /// Shorter than is granted.
    #[error("a registration has to last longer here")]
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
    /// The response that says it.
    pub fn rejection(self) -> Rejection {
        let status = match self {
            Self::IntervalTooBrief { min_expires_s } => return interval_too_brief(min_expires_s),
            Self::Wildcard | Self::Scheme | Self::SeveralFlows => Status::BAD_REQUEST,
            Self::NotOwner | Self::ContactIsGruu | Self::TooLong | Self::TooManyContacts => {
                Status::FORBIDDEN
            }
            Self::FirstHopLacksOutbound => Status::FIRST_HOP_LACKS_OUTBOUND_SUPPORT,
            // RFC 3261 10.3 step 7: "the update MUST be aborted and the request fails"; "If any one
            // of them fails [...], the request MUST fail with a 500".
            Self::OutOfOrder => Status::SERVER_INTERNAL_ERROR,
            Self::Full => Status::SERVICE_UNAVAILABLE,
        };
        let rejection = Rejection::new(status, self.to_string());
        match self {
            Self::Full => rejection.with(HeaderName::RetryAfter, RETRY_AFTER_S.to_string()),
            _ => rejection,
        }
    }
}
