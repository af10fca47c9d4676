//! Where limits are counted: what one host can freely choose among is one place.

use std::net::{IpAddr, Ipv6Addr};

/// The prefix of 6to4 (RFC 3056 2), before the IPv4 address.
const SIX_TO_FOUR: u16 = 0x2002;

/// What counts as one address where something is limited "per address". An IPv4 address stands
/// for itself, also when it comes as an IPv6 one. Of IPv6 a host has a whole /64 (RFC 4291
/// 2.5.4, RFC 6177) and takes a new address whenever it likes, so that is one; a 6to4 network
/// belongs to the one IPv4 address in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Neighbourhood(IpAddr);

impl Neighbourhood {
    /// The one that `address` belongs to.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                let [a, b, c, d, ..] = v6.segments();
                let d = if a == SIX_TO_FOUR { 0 } else { d };
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Neighbourhood::of(a.parse().unwrap()) == Neighbourhood::of(b.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_is_alone_however_it_is_written() {
        assert!(same("192.0.2.1", "192.0.2.1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }

    #[test]
    fn a_host_is_found_in_all_addresses_of_its_ipv6_network() {
        assert!(same("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("::1", "::2"));
    }

    #[test]
    fn an_ipv4_host_is_found_in_all_networks_it_gets_by_6to4() {
        assert!(same("2002:c000:201::1", "2002:c000:201:ffff::1"));
        assert!(!same("2002:c000:201::1", "2002:c000:202::1"));
    }
}
