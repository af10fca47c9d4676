//! Where a description may have media sent to. Whoever describes his media names any address he
//! likes, so what a peer elsewhere cannot be is not believed (CVE-2020-26262 is the same with TURN):
//! this machine, and the link it is on. His media is sent back to where it comes from instead.

use std::net::IpAddr;

use super::local::LocalRtp;

/// Somebody may be there: nobody is reached at zeros, and nobody makes us send to many.
pub(super) fn is_unicast(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            // RFC 1122 3.2.1.3: the whole of 0.0.0.0/8 is "this host on this network".
            let nowhere = matches!(v4.octets(), [0, ..]);
            !(nowhere || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    }
}

/// A peer may be at an address: he signals from there, or from this machine, or it is none that
/// means something else here than where he is.
pub(super) fn may_be_at(address: IpAddr, local: &LocalRtp) -> bool {
    let address = address.to_canonical();
    let Some(peer) = local.signalling.map(|peer| peer.to_canonical()) else {
        return true;
    };
    let is_ours = |it: IpAddr| {
        let own = local.own_addresses.iter().chain([&local.address]);
        it.is_loopback() || own.into_iter().any(|own| own.to_canonical() == it)
    };
    peer == address || is_ours(peer) || !(is_ours(address) || is_link_local(address))
}

/// RFC 3927, RFC 4291 2.5.6. Clouds answer questions about a machine at 169.254.169.254.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
