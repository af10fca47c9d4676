//! One question to the DNS. Aliases are followed on the way.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverOpts;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as Kind};
use sip::resolve::{Answer, Naptr, Query, RecordType, Records, Srv};
use smol_str::SmolStr;
use tracing::{debug, warn};

/// How long it may be believed that there is nothing, if the domain does not say.
const NOTHING_TTL: Duration = Duration::from_secs(30);

/// Name servers. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Lookup {
    /// Made when it is needed first: most servers never ask. `None`: none can be used.
    servers: Arc<OnceLock<Option<TokioResolver>>>,
}

impl Lookup {
    /// Those of the system, with its hosts file.
    pub(super) fn of_system() -> Self {
        Self::default()
    }

    #[cfg(test)]
    pub(super) fn at(servers: TokioResolver) -> Self {
        Self {
            servers: Arc::new(OnceLock::from(Some(servers))),
        }
    }

    pub(super) async fn answer(&self, query: &Query) -> Answer {
        let Some(servers) = self.servers.get_or_init(of_system) else {
            return Answer::Failed;
        };
        // Complete: no search list applies.
        let Ok(name) = Name::from_ascii(format!("{}.", query.name)) else {
            return Answer::Nothing { ttl: NOTHING_TTL };
        };
        match servers.lookup(name, kind(query.kind)).await {
            Ok(found) => answer(query.kind, found.answers()),
            Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => Answer::Nothing {
                ttl: nothing.negative_ttl.map_or(NOTHING_TTL, seconds),
            },
            Err(error) => {
                debug!("a question to the DNS failed: {error}");
                Answer::Failed
            }
        }
    }
}

fn of_system() -> Option<TokioResolver> {
    let servers = TokioResolver::builder_tokio().and_then(|mut builder| {
        set(builder.options_mut());
        builder.build()
    });
    if let Err(error) = &servers {
        warn!("no name server of the system can be used: {error}");
    }
    servers.ok()
}

/// Answers are kept where it is known what they are for, and waited for as long as that says.
pub(super) fn set(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
}

fn answer(kind: RecordType, found: &[Record]) -> Answer {
    let wanted = found.iter().filter(|record| is_of(kind, &record.data));
    let records = match kind {
        RecordType::Naptr => Records::Naptr(wanted.filter_map(naptr).collect()),
        RecordType::Srv => Records::Srv(wanted.filter_map(srv).collect()),
        RecordType::A | RecordType::Aaaa => {
            Records::Addresses(wanted.filter_map(address).collect())
        }
    };
    // The aliases on the way count too.
    let ttl = found.iter().map(|record| record.ttl).min();
    let ttl = ttl.map_or(NOTHING_TTL, seconds);
    let empty = match &records {
        Records::Naptr(records) => records.is_empty(),
        Records::Srv(records) => records.is_empty(),
        Records::Addresses(records) => records.is_empty(),
    };
    match empty {
        true => Answer::Nothing { ttl },
        false => Answer::Found { records, ttl },
    }
}

fn is_of(kind: RecordType, data: &RData) -> bool {
    matches!(
        (kind, data),
        (RecordType::Naptr, RData::NAPTR(_))
            | (RecordType::Srv, RData::SRV(_))
            | (RecordType::A, RData::A(_))
            | (RecordType::Aaaa, RData::AAAA(_))
    )
}

fn naptr(record: &Record) -> Option<Naptr> {
    let RData::NAPTR(naptr) = &record.data else {
        return None;
    };
    Some(Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags)?,
        service: text(&naptr.services)?,
        replacement: name(&naptr.replacement),
    })
}

fn srv(record: &Record) -> Option<Srv> {
    let RData::SRV(srv) = &record.data else {
        return None;
    };
    Some(Srv {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: name(&srv.target),
    })
}

fn address(record: &Record) -> Option<IpAddr> {
    match &record.data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<SmolStr> {
    std::str::from_utf8(bytes).ok().map(SmolStr::new)
}

/// The root stays a dot, which says that there is no such service (RFC 2782).
fn name(name: &Name) -> SmolStr {
    SmolStr::new(name.to_ascii())
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

fn kind(kind: RecordType) -> Kind {
    match kind {
        RecordType::Naptr => Kind::NAPTR,
        RecordType::Srv => Kind::SRV,
        RecordType::A => Kind::A,
        RecordType::Aaaa => Kind::AAAA,
    }
}
