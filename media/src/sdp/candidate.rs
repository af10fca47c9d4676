//! ICE candidates (RFC 8839 5.1, RFC 6544 for TCP).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use smol_str::SmolStr;

/// `a=candidate`, as much of it as anybody here reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for candidates of one base and one server.
    pub foundation: SmolStr,
    /// 1 for RTP, and for RTCP too where they are multiplexed.
    pub component: u16,
    /// `udp` or `tcp`, lower case.
    pub transport: SmolStr,
    /// Larger is better.
    pub priority: u32,
    /// Where it is.
    pub address: SocketAddr,
    /// `host`, `srflx`, `prflx`, `relay`
    pub typ: SmolStr,
    /// `active`, `passive` or `so`, for `tcp`.
    pub tcp_type: Option<SmolStr>,
}

impl Candidate {
    /// A host candidate of component 1 over UDP, the `index`th best of its writer.
    pub fn host(index: u16, address: SocketAddr) -> Self {
        // RFC 8445 5.1.2.1: type preference 126 for host, a local preference that goes
        // down along the list, and the component.
        let local_preference = u32::from(u16::MAX.saturating_sub(index));
        Self {
            foundation: (u32::from(index) + 1).to_string().into(),
            component: 1,
            transport: SmolStr::new_static("udp"),
            priority: (126 << 24) | (local_preference << 8) | 255,
            address,
            typ: SmolStr::new_static("host"),
            tcp_type: None,
        }
    }

    /// A passive TCP one (RFC 6544): the far side connects. The `index`th best of its writer.
    pub fn passive_tcp(index: u16, address: SocketAddr) -> Self {
        // RFC 6544 4.2: "local preference = (2^13) * direction-pref + other-pref", 4 for
        // passive. The type preference is the browsers' for TCP: below every UDP candidate.
        let local_preference = (4 << 13) | 8191_u32.saturating_sub(u32::from(index));
        Self {
            foundation: format!("tcp{}", u32::from(index) + 1).into(),
            transport: SmolStr::new_static("tcp"),
            priority: (90 << 24) | (local_preference << 8) | 255,
            tcp_type: Some(SmolStr::new_static("passive")),
            ..Self::host(index, address)
        }
    }

    /// From the value of the attribute. `None` for what cannot be used here: a host name
    /// in place of an address, an unknown shape.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let foundation = SmolStr::new(fields.next()?);
        let component = fields.next()?.parse().ok()?;
        let transport = SmolStr::new(fields.next()?.to_ascii_lowercase());
        let priority = fields.next()?.parse().ok()?;
        let ip: IpAddr = fields.next()?.parse().ok()?;
        let port = fields.next()?.parse().ok()?;
        if fields.next()? != "typ" {
            return None;
        }
        let typ = SmolStr::new(fields.next()?);
        let mut tcp_type = None;
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            if name == "tcptype" {
                tcp_type = Some(SmolStr::new(value));
            }
        }
        let address = SocketAddr::new(ip, port);
        Some(Self {
            foundation,
            component,
            transport,
            priority,
            address,
            typ,
            tcp_type,
        })
    }
}

impl fmt::Display for Candidate {
    /// The value of the attribute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} typ {}",
            self.foundation,
            self.component,
            self.transport,
            self.priority,
            self.address.ip(),
            self.address.port(),
            self.typ
        )?;
        match &self.tcp_type {
            Some(tcp_type) => write!(f, " tcptype {tcp_type}"),
            None => Ok(()),
        }
    }
}
