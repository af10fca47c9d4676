//! Which addresses of this machine a browser may reach the media port at.

use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// More would make every browser check longer than its user waits.
const MAX_CANDIDATES: usize = 12;

/// Host candidates for the media port (RFC 8445 5.1.1.1): each address of an interface that is
/// up, IPv4 first and loopback last within its family, link-local ones left out. Loopback is
/// wanted: two browsers on this machine may have nothing else.
pub fn candidate_addresses(port: u16, ipv6: bool) -> Vec<SocketAddr> {
    let Ok(interfaces) = getifaddrs() else {
        return vec![SocketAddr::from(([127, 0, 0, 1], port))];
    };
    let mut found: Vec<IpAddr> = interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .filter(|ip| is_candidate(*ip, ipv6))
        .collect();
    found.sort_by_key(|ip| (ip.is_ipv6(), ip.is_loopback(), *ip));
    found.dedup();
    let keep_loopback = found.iter().copied().find(IpAddr::is_loopback);
    found.truncate(MAX_CANDIDATES);
    if let (Some(loopback), Some(last)) = (keep_loopback, found.last_mut())
        && !last.is_loopback()
        && !last.is_ipv6()
    {
        *last = loopback;
    }
    found
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect()
}

fn is_candidate(ip: IpAddr, ipv6: bool) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_link_local() && !ip.is_multicast(),
        IpAddr::V6(ip) => {
            ipv6 && !ip.is_unspecified() && !ip.is_unicast_link_local() && !ip.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_a_candidate_and_link_local_is_not() {
        let all = candidate_addresses(40000, true);
        assert!(
            all.contains(&SocketAddr::from(([127, 0, 0, 1], 40000))),
            "{all:?}"
        );
        assert!(!is_candidate("fe80::1".parse().unwrap(), true));
        assert!(!is_candidate("169.254.1.1".parse().unwrap(), true));
        assert!(
            all.iter().is_sorted_by_key(SocketAddr::is_ipv6),
            "IPv4 comes first: {all:?}"
        );
    }

    #[test]
    fn without_ipv6_there_is_none() {
        assert!(
            candidate_addresses(1, false)
                .iter()
                .all(SocketAddr::is_ipv4)
        );
    }
}
