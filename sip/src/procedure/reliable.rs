//! Reliable provisional responses (RFC 3262): 1xx that are repeated until a PRACK comes, and may
//! carry an offer or an answer like a 2xx.
//!
//! [`Provisionals`] is the side of the UAS, one for each INVITE; [`Acknowledger`] that of the UAC,
//! one for each early dialog. Both say what a description in a message is, [`Description`]; what
//! it says is the owner's business.

mod uac;
mod uas;

#[cfg(test)]
mod tests;

pub use self::uac::{Acknowledger, Prack, Received};
pub use self::uas::{Acknowledged, Due, MAX_QUEUED, Provisionals, SendError};

use crate::message::{HeaderName, Request};

/// Whether the sender of an INVITE knows reliable provisional responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rel100 {
    /// It does not: none "MUST" be sent (RFC 3262 3).
    Unsupported,
    /// It does: they may be sent.
    Supported,
    /// "The UAS MUST send any non-100 provisional response reliably" (3).
    Required,
}

/// What a body is in the exchange of descriptions (RFC 3262 5, RFC 6337 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Description {
    /// There is none.
    None,
    /// An offer, to be answered: that of a reliable response in its PRACK, that of a PRACK in its
    /// 2xx.
    Offer,
    /// The answer to the offer of the INVITE, or to that of the reliable response.
    Answer,
    /// Nothing: the exchange was complete, and this response can carry no offer. It is passed
    /// over.
    Repeated,
}

impl Rel100 {
    /// What an INVITE says.
    pub fn of_request(request: &Request) -> Self {
        let headers = request.headers();
        if headers.lists(HeaderName::Require, "100rel") {
            Self::Required
        } else if headers.lists(HeaderName::Supported, "100rel") {
            Self::Supported
        } else {
            Self::Unsupported
        }
    }
}

/// How far the first exchange of an INVITE has come. Both sides know the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    /// The INVITE had no offer: the first reliable response with a description has it.
    Unoffered,
    /// The INVITE had it, a response has the answer.
    Offered,
    /// A response had the offer, its PRACK has the answer.
    Answering,
    /// Offer and answer have been seen.
    Complete,
}

impl Exchange {
    fn new(invite_has_offer: bool) -> Self {
        match invite_has_offer {
            true => Self::Offered,
            false => Self::Unoffered,
        }
    }

    /// What a description in a reliable response is.
    fn on_response(&mut self, has_body: bool) -> Description {
        let (next, description) = match (has_body, *self) {
            (false, state) => (state, Description::None),
            (true, Self::Unoffered) => (Self::Answering, Description::Offer),
            (true, Self::Offered) => (Self::Complete, Description::Answer),
            (true, state) => (state, Description::Repeated),
        };
        *self = next;
        description
    }

    /// What a description in a PRACK is.
    fn on_prack(&mut self, has_body: bool) -> Description {
        match (has_body, *self) {
            (false, _) => Description::None,
            (true, Self::Answering) => {
                *self = Self::Complete;
                Description::Answer
            }
            // "If the UAC receives a reliable provisional response with an answer, it MAY generate
            // an additional offer in the PRACK" (5).
            (true, Self::Complete) => Description::Offer,
            (true, Self::Unoffered | Self::Offered) => Description::Repeated,
        }
    }
}
