//! What a registrar grants, and to whom.

use std::net::SocketAddr;

use sip::flow::{FlowId, Transport};
use sip::uri::Uri;

use super::Refusal;
use crate::aor::Aor;
use crate::gruu::GruuMint;

/// Who sent a REGISTER, and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Registrant<'a> {
    /// Whose bindings are meant: the To, under the name that is used here for its domain
    /// ([`Domains::aor_of`](crate::Domains::aor_of); RFC 3261 10.3 step 5).
    pub aor: &'a Aor,
    /// Who the sender proved to be (step 3).
    pub user: &'a Aor,
    /// The flow it came by.
    pub flow: FlowId,
    /// What that is made of.
    pub transport: Transport,
    /// Where it came from.
    pub source: SocketAddr,
}

/// What a registrar grants.
#[derive(Debug, Clone, Default)]
pub struct RegisterPolicy {
    /// How long bindings last.
    pub expiry: ExpiryLimits,
    /// How many telephones of one address of record are bound at once; `None` sets no limit beside
    /// that of the [`Location`](crate::Location).
    pub max_contacts: Option<usize>,
    /// How often a user agent must be heard on a flow, in seconds: `Flow-Timer` (RFC 5626 10).
    /// Without it UDP flows are kept alive every 24 to 29 seconds, connections every 95 to 120
    /// (its section 4.4.1).
    pub flow_timer_s: Option<u32>,
    /// By which proxies the requests of user agents are to come: `Service-Route` (RFC 3608), the
    /// nearest to the user agent first.
    pub service_route: Vec<Uri>,
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
    /// order, the least is not 0, and not above an hour: no request for an hour may be refused
    /// (RFC 3261 10.3 step 7).
    pub fn new(min_s: u32, default_s: u32, max_s: u32) -> Option<Self> {
        let sound = (1..=3600).contains(&min_s) && min_s <= default_s && default_s <= max_s;
        sound.then_some(Self {
            min_s,
            default_s,
            max_s,
        })
    }

    /// The least time, in seconds.
    pub fn min_s(&self) -> u32 {
        self.min_s
    }

    /// The time of requests that name none, in seconds.
    pub fn default_s(&self) -> u32 {
        self.default_s
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
