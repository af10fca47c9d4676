//! SIP on the wire: flows over UDP, TCP, TLS and WebSockets (RFC 3261 18, RFC 5626, RFC 7118).
//!
//! Each flow has a task that reads, cuts and parses; the driver gets whole messages and says what
//! to send. What asks for no decision is answered here: keep-alives, and requests that cannot be
//! read.

mod connect;
mod handle;
mod intake;
mod ports;
mod rates;
mod stream;
mod udp;
mod ws;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use self::intake::Drops;
use self::rates::Rates;
use self::udp::Table;
use super::admission::Admission;
use super::driver::DriverHandle;
use crate::config::{Config, Limits, Sip};

pub use ports::SipAddresses;

pub(super) use connect::{Place, Target, Trust, Wanted};
#[cfg(test)]
pub(super) use handle::{Mailbox, Order, connection};
pub(super) use handle::{SipHandle, Standing};
pub(super) use ports::{Means, Ports, Served};
pub(super) use ws::upgrade;

/// What all flows share.
pub(super) struct Shared {
    driver: DriverHandle,
    limits: Limits,
    settings: Sip,
    /// How peers outside this network reach us, if it is not the address of an interface.
    public_address: Option<IpAddr>,
    /// Of one message.
    message: sip::message::Limits,
    admission: Admission,
    rates: Rates,
    table: Table,
    drops: Drops,
}

impl Shared {
    /// `admission` counts all connections, also those of HTTP.
    pub(super) fn new(config: &Config, admission: Admission, driver: DriverHandle) -> Arc<Self> {
        let public_address = config.sip.public_address;
        Arc::new(Self {
            driver,
            limits: config.limits.clone(),
            settings: config.sip.clone(),
            public_address: public_address.or(config.media.public_address),
            message: sip::message::Limits::default(),
            admission,
            table: Table::new(config.sip.udp_flows),
            rates: Rates::new(config.sip.messages_per_second),
            drops: Drops::new(),
        })
    }

    /// Our end as `peer` reaches it, if it came to `local`.
    fn reached_at(&self, local: SocketAddr, peer: IpAddr) -> SocketAddr {
        match self.public_address {
            Some(public) if !is_inside(peer) && public.is_ipv4() == local.is_ipv4() => {
                SocketAddr::new(public, local.port())
            }
            _ => local,
        }
    }
}

/// True for who reaches our interfaces without the router in front of them (RFC 1918, RFC 4193).
fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => it.is_private() || it.is_loopback() || it.is_link_local(),
        IpAddr::V6(it) => it.is_unique_local() || it.is_loopback() || it.is_unicast_link_local(),
    }
}
