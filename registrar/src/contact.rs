//! What is at the other end of a binding.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use sip::uri::Uri;
use smol_str::SmolStr;

/// What a target is spoken to in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A session of the Web SDK protocol: one on its flow.
    WcsSession,
    /// A SIP user agent. Shared, since targets and events carry it too.
    Sip(Arc<SipContact>),
}

/// A SIP user agent as its REGISTER described it.
///
/// Requests go to its flow, its Path or the address it registered from, never to the host in the
/// URI: that is the writer's claim, and may name this machine or somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipContact {
    /// The URI, which becomes the Request-URI.
    pub uri: Uri,
    /// The other parameters of the Contact as they were written (RFC 3840), without the first `;`.
    pub params: SmolStr,
    /// `+sip.instance` without its quotes (RFC 5626 4.1).
    pub instance: Option<SmolStr>,
    /// Which of its flows this is, where RFC 5626 is in use. It has an instance then.
    pub reg_id: Option<NonZeroU32>,
    /// The proxies on the way to it (RFC 3327), the nearest to us first: each a URI with its
    /// parameters, to become a Route.
    pub path: Box<[SmolStr]>,
    /// Where its REGISTER came from.
    pub received: Option<SocketAddr>,
    /// Over what.
    pub transport: FlowKind,
}

/// What a flow is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowKind {
    /// UDP: the peer is there as long as it says.
    Datagram,
    /// TCP, TLS or a WebSocket: when it closes, the peer cannot be reached by it.
    Connection,
}

impl Contact {
    /// The same place (RFC 3261 10.3 step 7).
    pub fn same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::WcsSession, Self::WcsSession) => true,
            (Self::Sip(a), Self::Sip(b)) => a.same_place(b),
            _ => false,
        }
    }

    /// The SIP user agent, if it is one.
    pub fn as_sip(&self) -> Option<&SipContact> {
        match self {
            Self::Sip(contact) => Some(contact),
            Self::WcsSession => None,
        }
    }

    /// It goes when its flow does.
    pub fn is_tied_to_flow(&self) -> bool {
        self.as_sip().is_none_or(SipContact::is_tied_to_flow)
    }
}

impl SipContact {
    /// Of a URI alone.
    pub fn new(uri: Uri, transport: FlowKind) -> Self {
        Self {
            uri,
            params: SmolStr::default(),
            instance: None,
            reg_id: None,
            path: Box::default(),
            received: None,
            transport,
        }
    }

    /// The same place: by instance and reg-id whatever the URI, if both have them (RFC 5626 6),
    /// otherwise by the comparison of URIs (RFC 3261 10.3 step 7).
    pub fn same_place(&self, other: &Self) -> bool {
        match (self.reg_id, other.reg_id) {
            (Some(a), Some(b)) => a == b && self.same_instance(other),
            _ => self.uri.equivalent(&other.uri),
        }
    }

    /// Both say that they are the same user agent. URNs compare without regard to case.
    pub fn same_instance(&self, other: &Self) -> bool {
        match (&self.instance, &other.instance) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }

    /// It goes when its flow does. Behind a proxy the connection is the proxy's, which opens
    /// another.
    pub fn is_tied_to_flow(&self) -> bool {
        self.transport == FlowKind::Connection && self.path.is_empty()
    }
}
