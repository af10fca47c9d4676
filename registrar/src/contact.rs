//! What is at the other end of a binding.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use sip::flow::Transport;
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
/// Requests go over its flow or to the address it registered from, never to the host in the URI or
/// in the Path: those are the writer's claims, and may name this machine or somebody else's. A proxy
/// whose connection broke is called back where its Path says, if that is the address it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipContact {
    /// The URI, which becomes the Request-URI.
    pub uri: Uri,
    /// `+sip.instance` without its quotes (RFC 5626 4.1).
    pub instance: Option<SmolStr>,
    /// Which of its flows this is, where RFC 5626 is in use. It has an instance then.
    pub reg_id: Option<NonZeroU32>,
    /// The proxies on the way to it (RFC 3327), the nearest to us first: the Route of requests to
    /// it, value by value.
    pub path: Box<[SmolStr]>,
    /// Where its last REGISTER came from.
    pub source: SocketAddr,
    /// Over what.
    pub transport: Transport,
}

impl Contact {
    /// The SIP user agent, if it is one.
    pub fn as_sip(&self) -> Option<&SipContact> {
        match self {
            Self::Sip(contact) => Some(contact),
            Self::WcsSession => None,
        }
    }

    /// It can be reached without its flow: by UDP, where an address is all there is to one. Behind
    /// a connection that is gone nobody is reached.
    pub fn outlives_flow(&self) -> bool {
        self.as_sip()
            .is_some_and(|contact| contact.transport == Transport::Udp)
    }
}

impl SipContact {
    /// The same place: by instance and reg-id whatever the URI, if both have them (RFC 5626 6),
    /// otherwise by the comparison of URIs (RFC 3261 10.3 step 7).
    pub fn same_place(&self, other: &Self) -> bool {
        match (self.reg_id, other.reg_id) {
            (Some(a), Some(b)) => a == b && self.same_instance(other),
            _ => self.uri.equivalent(&other.uri),
        }
    }

    /// Both say that they are the same user agent.
    pub fn same_instance(&self, other: &Self) -> bool {
        other
            .instance
            .as_ref()
            .is_some_and(|instance| self.has_instance(instance))
    }

    /// It is the user agent of that instance. URNs compare without regard to case.
    pub fn has_instance(&self, instance: &str) -> bool {
        let own = self.instance.as_deref();
        own.is_some_and(|own| urn_of(own).eq_ignore_ascii_case(urn_of(instance)))
    }
}

/// An instance is a URN in angle brackets (RFC 5626 4.1), which `gr` goes without (RFC 5627 A.1)
/// and some user agents forget.
pub(crate) fn urn_of(instance: &str) -> &str {
    let open = instance.strip_prefix('<');
    open.and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(instance)
}
