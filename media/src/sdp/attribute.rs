//! The small attribute values of a media description.

use std::fmt;
use std::net::IpAddr;

use smol_str::SmolStr;

use crate::ids::Fingerprint;

/// Who may send (RFC 8866 6.7), as the writer of the description sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// The writer only sends.
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// From the two halves.
    pub fn new(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The writer may send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The writer wants to receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same as the other side sees it.
    pub fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self::new(
            self.sends() && other.sends(),
            self.receives() && other.receives(),
        )
    }

    /// The name of the attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// From the name of an attribute or the suffix of an extension id.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str() == name)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which side opens the connection (RFC 4145 4, RFC 5763 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The writer opens it.
    Active,
    /// The writer waits.
    Passive,
    /// The answerer chooses.
    ActPass,
    /// Not yet.
    HoldConn,
}

impl Setup {
    /// As in the attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn]
            .into_iter()
            .find(|setup| setup.as_str() == name)
    }
}

/// `a=fingerprint` (RFC 8122 5): what the certificate of the writer hashes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateHash {
    /// The one hash function we check.
    Sha256(Fingerprint),
    /// The name of another hash function, lower case, and its value as written.
    Other(SmolStr, SmolStr),
}

/// `a=rtcp` (RFC 3605 2.1)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtcpAddress {
    /// Never 0.
    pub port: u16,
    /// Where it is not that of the `c=` line.
    pub address: Option<IpAddr>,
}

/// `a=extmap` (RFC 8285 5)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionMap {
    /// 1 to 14 fit one-byte headers; up to 255 go on the wire at all.
    pub id: u16,
    /// Where it is not that of the m-line.
    pub direction: Option<Direction>,
    /// What it is.
    pub uri: SmolStr,
}

/// `a=msid` (RFC 8830 2)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msid {
    /// The media stream; `-` for none.
    pub stream: SmolStr,
    /// The track within it.
    pub track: Option<SmolStr>,
}

/// `a=ssrc` (RFC 5576 4.1)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The SSRC.
    pub ssrc: u32,
    /// Its CNAME, if said.
    pub cname: Option<SmolStr>,
}

/// `a=ssrc-group` (RFC 5576 4.2)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceGroup {
    /// `FID`: a source and its retransmissions; `FEC-FR`, `SIM` and others.
    pub semantics: SmolStr,
    /// In the order that the semantics ask for.
    pub ssrcs: Vec<u32>,
}

/// `b=` (RFC 8866 5.8, RFC 3890): what the writer wants to receive at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bandwidth {
    /// `AS`, kbit/s, with IP and UDP headers.
    pub application_specific: Option<u64>,
    /// `TIAS`, bit/s, without them.
    pub transport_independent: Option<u64>,
}

impl Bandwidth {
    /// A limit in bit/s, written both ways for readers who know one.
    pub fn of_bits(limit: u64) -> Self {
        Self {
            application_specific: Some((limit / 1_000).max(1)),
            transport_independent: Some(limit.max(1)),
        }
    }

    /// The smaller of the two in bit/s. A limit of 0 means nothing useful and counts as none.
    pub fn bits(self) -> Option<u64> {
        let application = self
            .application_specific
            .map(|kbit| kbit.saturating_mul(1_000));
        [application, self.transport_independent]
            .into_iter()
            .flatten()
            .filter(|&bits| bits > 0)
            .min()
    }
}
