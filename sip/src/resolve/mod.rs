//! Locating SIP servers (RFC 3263, with RFC 7984 for two address families): from a URI to an
//! ordered list of targets, with failover. The DNS is asked elsewhere.
//!
//! One [`Resolver`] serves all requests. Its owner reads a [`Destination`] from the URI of the
//! next hop, calls [`locate`](Resolver::locate), and takes what
//! [`poll_output`](Resolver::poll_output) says:
//!
//! - [`Output::Ask`] goes to whoever speaks DNS; the answer comes back through
//!   [`handle_answer`](Resolver::handle_answer). Aliases (CNAME, DNAME) are followed there, and
//!   what the resolver says of DNSSEC is judged there.
//! - [`Output::Found`] is where the request goes. If that fails (no answer, no connection, 503:
//!   RFC 3263 4.3), [`mark_failed`](Resolver::mark_failed) remembers it for all requests, and
//!   [`next`](Resolver::next) gives this one another target, to be tried with a new branch.
//! - [`Output::End`] says that there is none, and why.
//!
//! Only what is needed next is asked, equal questions are asked once, and everything is bounded:
//! see [`Limits`] and [`LocatePolicy`].

mod address;
mod answer;
mod cache;
mod destination;
mod failures;
mod locator;
mod resolver;
mod srv;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::flow::Transport;
use crate::uri::Host;

pub use address::AddressPolicy;
pub use answer::{Answer, Naptr, Query, RecordType, Records, Srv};
pub use destination::{Destination, DestinationError};
pub use locator::{End, Family, LocateError, LocatePolicy};
pub use resolver::{Limits, Output, Resolver, SearchId, Usage};

/// Where a request can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where to.
    pub addr: SocketAddr,
    /// What the certificate has to be for: the host of the URI, wherever the DNS led to
    /// (RFC 3263 4.1, RFC 5922 4).
    pub host_for_tls: Host,
}

/// The port if none is said (RFC 3261 19.1.2, RFC 7118 5.3).
fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
        Transport::Ws => 80,
        Transport::Wss => 443,
    }
}
