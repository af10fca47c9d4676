//! Questions for the DNS, and what comes of them.

use std::net::IpAddr;
use std::time::Duration;

use smol_str::SmolStr;

/// What a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// Transports of a domain (RFC 3403).
    Naptr,
    /// Servers of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// A question for the DNS. The class is IN.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// What is asked for.
    pub kind: RecordType,
    /// Of which name: complete, in lower case, without a dot at its end. No search list is to be
    /// applied.
    pub name: SmolStr,
}

/// What came of a query. Aliases have been followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Records.
    Found {
        /// They are of the kind that was asked for; others are passed over.
        records: Records,
        /// The shortest life of them.
        ttl: Duration,
    },
    /// There is no such name, or nothing of that kind.
    Nothing {
        /// How long that may be believed (RFC 2308 5).
        ttl: Duration,
    },
    /// Nobody could say: no server answered, or one that failed, or DNSSEC forbids to believe it.
    Failed,
}

/// Records of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// To [`RecordType::Naptr`].
    Naptr(Vec<Naptr>),
    /// To [`RecordType::Srv`].
    Srv(Vec<Srv>),
    /// To [`RecordType::A`] and [`RecordType::Aaaa`].
    Addresses(Vec<IpAddr>),
}

/// A NAPTR record (RFC 3403 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones rule out higher ones.
    pub order: u16,
    /// Lower ones come before higher ones of the same order.
    pub preference: u16,
    /// What the replacement is; only `s`, an SRV name, serves SIP (RFC 3263 4.1).
    pub flags: SmolStr,
    /// `SIP+D2U` and the like.
    pub service: SmolStr,
    /// The name to go on with.
    pub replacement: SmolStr,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones come first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` or nothing if the service is decidedly not there.
    pub target: SmolStr,
}

impl Answer {
    /// The records of the kind that was asked for, at most `max` of them, those first that come
    /// first by their own word.
    pub(super) fn cut(&mut self, kind: RecordType, max: usize) {
        let Self::Found { records, .. } = self else {
            return;
        };
        match (kind, records) {
            (RecordType::Naptr, Records::Naptr(records)) => {
                records.sort_by_key(|record| (record.order, record.preference));
                records.truncate(max);
            }
            (RecordType::Srv, Records::Srv(records)) => {
                records.sort_by_key(|record| record.priority);
                records.truncate(max);
            }
            (RecordType::A, Records::Addresses(addresses)) => {
                addresses.retain(IpAddr::is_ipv4);
                addresses.truncate(max);
            }
            (RecordType::Aaaa, Records::Addresses(addresses)) => {
                addresses.retain(IpAddr::is_ipv6);
                addresses.truncate(max);
            }
            _ => *self = Self::Failed,
        }
    }

    pub(super) fn naptrs(&self) -> &[Naptr] {
        match self {
            Self::Found {
                records: Records::Naptr(records),
                ..
            } => records,
            _ => &[],
        }
    }

    pub(super) fn srvs(&self) -> &[Srv] {
        match self {
            Self::Found {
                records: Records::Srv(records),
                ..
            } => records,
            _ => &[],
        }
    }

    pub(super) fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Found {
                records: Records::Addresses(addresses),
                ..
            } => addresses,
            _ => &[],
        }
    }
}
