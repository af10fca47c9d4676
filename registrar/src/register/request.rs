//! What a REGISTER says, and what is granted to it.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use sip::flow::FlowId;
use sip::uri::Uri;
use smol_str::SmolStr;

use crate::aor::Aor;
use crate::binding::QValue;
use crate::contact::{FlowKind, SipContact};
use crate::gruu::GruuMint;
use crate::register::Refusal;

/// The most Contact values of one request.
pub const MAX_CONTACTS: usize = 32;
/// The most proxies on a Path.
pub const MAX_PATH: usize = 8;
/// The longest Contact URI, parameters, instance, Call-ID and Path value that is kept, in bytes.
pub const MAX_FIELD_BYTES: usize = 1024;

/// A REGISTER as the message layer read it. Its Request-URI was one of our domains (RFC 3261 10.3
/// step 1), all that it requires is understood (step 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRequest {
    /// Whose bindings: the To, under the name that is used here for its domain
    /// ([`Domains::aor_of`](crate::Domains::aor_of), step 5).
    pub aor: Aor,
    /// Who the sender proved to be (step 3).
    pub user: Aor,
    /// The Call-ID.
    pub call_id: SmolStr,
    /// The number in the CSeq.
    pub cseq: u32,
    /// The flow it came by.
    pub flow: FlowId,
    /// What that is made of.
    pub transport: FlowKind,
    /// Where it came from.
    pub received: Option<SocketAddr>,
    /// There is one Via: nobody stands between the user agent and us.
    pub direct: bool,
    /// `Contact: *`
    pub wildcard: bool,
    /// The other Contact values.
    pub contacts: Vec<ContactUpdate>,
    /// The Expires header, in seconds. A malformed one is 3600 (step 7).
    pub expires_s: Option<u32>,
    /// The Path values in their order, each without its angle brackets.
    pub path: Vec<SmolStr>,
    /// Of what is named in Supported.
    pub supports: Supports,
}

/// One Contact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactUpdate {
    /// The URI.
    pub uri: Uri,
    /// `expires`, in seconds.
    pub expires_s: Option<u32>,
    /// `q`
    pub q: Option<QValue>,
    /// `+sip.instance` without its quotes.
    pub instance: Option<SmolStr>,
    /// `reg-id`, which is from 1 to 2^31 - 1 (RFC 5626 4.2).
    pub reg_id: Option<NonZeroU32>,
    /// The other parameters, as they are written.
    pub params: SmolStr,
}

/// Option tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Supports {
    /// `outbound`
    pub outbound: bool,
    /// `gruu`
    pub gruu: bool,
    /// `path`. Without it a Path is used all the same, but not sent back: user agents behind a
    /// proxy that know nothing of it are registered too.
    pub path: bool,
}

/// What a registrar grants.
#[derive(Debug, Clone)]
pub struct RegisterPolicy {
    /// How long bindings last.
    pub expiry: ExpiryLimits,
    /// How often a user agent must be heard on a flow, in seconds: `Flow-Timer` (RFC 5626 10).
    pub flow_timer_s: Option<u32>,
    /// Makes GRUUs; `None` makes none.
    pub gruu: Option<GruuMint>,
}

/// How long bindings last, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryLimits {
    min_s: u32,
    default_s: u32,
    max_s: u32,
}

impl ExpiryLimits {
    /// The least time, that of requests that name none, and the longest. `None` unless they are in
    /// order, the least is not 0, and not above an hour: no shorter request may be refused then
    /// (RFC 3261 10.3 step 7).
    pub fn new(min_s: u32, default_s: u32, max_s: u32) -> Option<Self> {
        let sound = (1..=3600).contains(&min_s) && min_s <= default_s && default_s <= max_s;
        sound.then_some(Self {
            min_s,
            default_s,
            max_s,
        })
    }

    /// The longest time, in seconds.
    pub fn max_s(&self) -> u32 {
        self.max_s
    }

    /// The time for a contact that asks for `wanted`, in seconds; 0 is its end.
    pub(super) fn grant(&self, wanted: Option<u32>) -> Result<u32, Refusal> {
        match wanted {
            None => Ok(self.default_s),
            Some(0) => Ok(0),
            Some(brief) if brief < self.min_s => Err(Refusal::IntervalTooBrief {
                min_expires_s: self.min_s,
            }),
            Some(long) => Ok(long.min(self.max_s)),
        }
    }
}

impl Default for ExpiryLimits {
    /// A minute, an hour, two hours.
    fn default() -> Self {
        Self {
            min_s: 60,
            default_s: 3600,
            max_s: 7200,
        }
    }
}

impl Default for RegisterPolicy {
    fn default() -> Self {
        Self {
            expiry: ExpiryLimits::default(),
            // RFC 5626 4.4.1: user agents behind NAT keep UDP flows alive every 24 to 29 seconds of
            // themselves. This is for connections.
            flow_timer_s: Some(120),
            gruu: None,
        }
    }
}

impl RegisterRequest {
    /// What can be refused without a look at bindings.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.contacts.len() > MAX_CONTACTS {
            return Err(Refusal::TooManyContacts);
        }
        let too_long = |text: &str| text.len() > MAX_FIELD_BYTES;
        let contacts_too_long = self.contacts.iter().any(|contact| {
            too_long(contact.uri.as_str())
                || too_long(&contact.params)
                || contact.instance.as_deref().is_some_and(too_long)
        });
        if contacts_too_long
            || too_long(&self.call_id)
            || self.path.len() > MAX_PATH
            || self.path.iter().any(|path| too_long(path))
        {
            return Err(Refusal::TooLong);
        }
        for contact in &self.contacts {
            let uri = contact.uri.as_sip().ok_or(Refusal::Scheme)?;
            // RFC 5627 5.1: a GRUU of the same address of record would lead back to itself.
            if uri.param("gr").is_some() && *uri.host() == *self.aor.domain() {
                return Err(Refusal::ContactIsGruu);
            }
        }
        Ok(())
    }

    /// A contact as it is kept. A reg-id counts only with an instance, and if the user agent keeps
    /// flows as RFC 5626 wants it (its section 6).
    pub(super) fn contact(&self, update: &ContactUpdate) -> SipContact {
        let keeps_flows = self.supports.outbound && update.instance.is_some();
        SipContact {
            uri: update.uri.clone(),
            params: update.params.clone(),
            instance: update.instance.clone(),
            reg_id: update.reg_id.filter(|_| keeps_flows),
            path: self.path.clone().into(),
            received: self.received,
            transport: self.transport,
        }
    }

    /// The hop next to the user agent keeps its flow (RFC 5626 6): that is us, or the proxy that
    /// wrote the last Path value and marked it with `ob`.
    pub(super) fn first_hop_keeps_flows(&self) -> bool {
        let marked = |path: &SmolStr| {
            let uri = Uri::parse(path).ok();
            uri.is_some_and(|uri| uri.as_sip().is_some_and(|uri| uri.param("ob").is_some()))
        };
        match self.path.last() {
            Some(last) => marked(last),
            None => self.direct,
        }
    }
}
