//! Addresses that nobody may make us send to: a name in somebody else's zone must not reach our
//! own machine or its neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be targets. Unspecified, multicast, broadcast and reserved ones never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    /// 127.0.0.0/8 and `::1` may.
    pub loopback: bool,
    /// 169.254.0.0/16 and `fe80::/10` may.
    pub link_local: bool,
}

impl AddressPolicy {
    /// It may be sent to.
    pub fn allows(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.allows_v4(address),
            IpAddr::V6(address) => self.allows_v6(address),
        }
    }

    fn allows_v4(&self, address: Ipv4Addr) -> bool {
        let [first, ..] = address.octets();
        // 0.0.0.0/8 is "this network", 240.0.0.0/4 reserved, with broadcast at its end.
        if first == 0 || address.is_multicast() || first >= 240 {
            return false;
        }
        (self.loopback || !address.is_loopback()) && (self.link_local || !address.is_link_local())
    }

    fn allows_v6(&self, address: Ipv6Addr) -> bool {
        if address.is_loopback() {
            return self.loopback;
        }
        if address.is_unspecified() || address.is_multicast() {
            return false;
        }
        if address.is_unicast_link_local() {
            return self.link_local;
        }
        embedded(address).is_none_or(|inner| self.allows_v4(inner))
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible ones (RFC 4291 2.5.5),
/// 6to4 (RFC 3056 2) and NAT64 (RFC 6052 2.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => from(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}
