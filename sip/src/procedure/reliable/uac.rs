//! The UAC (RFC 3262 4).

use super::{Description, Exchange};
use crate::dialog::Dialog;
use crate::header::{RAck, RSeq};
use crate::message::{HeaderName, Method, RequestBuilder, Response, Status};

/// What has been acknowledged of one early dialog: each has numbers of its own.
#[derive(Debug, Clone)]
pub struct Acknowledger {
    exchange: Exchange,
    /// The number of the latest response that came in order.
    last: Option<u32>,
}

/// What to do with a provisional response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is none of the reliable ones. A description in it settles nothing.
    Unreliable,
    /// It is to be acted on and acknowledged.
    InOrder(Prack),
    /// It "MUST NOT be processed further" (4): a repetition, or one before it is missing and will
    /// come again.
    Dropped,
}

/// A PRACK that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prack {
    rseq: u32,
    cseq: u32,
    /// What the body of the response is. An [`Offer`](Description::Offer) must be answered in the
    /// PRACK; after an [`Answer`](Description::Answer) the PRACK may carry a new offer, that its
    /// 2xx answers (5).
    pub description: Description,
}

impl Acknowledger {
    /// Nothing came yet.
    pub fn new(invite_has_offer: bool) -> Self {
        Self {
            exchange: Exchange::new(invite_has_offer),
            last: None,
        }
    }

    /// Takes a response to the INVITE that belongs to the dialog, before anything else does.
    pub fn handle_response(&mut self, response: &Response) -> Received {
        let headers = response.headers();
        let status = response.status();
        let reliable = status.is_provisional()
            && status > Status::TRYING
            && *response.method() == Method::Invite
            && headers.lists(HeaderName::Require, "100rel");
        let (true, Ok(Some(RSeq(rseq)))) = (reliable, headers.get::<RSeq>()) else {
            return Received::Unreliable;
        };
        // The first says where the numbers begin; then each is "exactly one higher" (4).
        let in_order = match self.last {
            None => true,
            Some(last) => last.checked_add(1) == Some(rseq),
        };
        if !in_order {
            return Received::Dropped;
        }
        self.last = Some(rseq);
        Received::InOrder(Prack {
            rseq,
            cseq: response.cseq(),
            description: self.exchange.on_response(!response.body().is_empty()),
        })
    }

    /// What the PRACK carries as its body, for a later response to be understood.
    pub fn acknowledge(&mut self, has_body: bool) -> Description {
        self.exchange.on_prack(has_body)
    }
}

impl Prack {
    /// The PRACK, to which the owner adds Via and the body it wants (7.2). It goes within the
    /// early dialog.
    pub fn request(&self, dialog: &mut Dialog) -> RequestBuilder {
        dialog.request(Method::Prack).header(&RAck {
            rseq: self.rseq,
            cseq: self.cseq,
            method: Method::Invite.as_str().as_bytes(),
        })
    }
}
