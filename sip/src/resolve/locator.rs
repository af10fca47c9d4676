//! The procedure of RFC 3263 4 for one request, one step at a time: nothing is asked before it is
//! needed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::cache::Cache;
use super::failures::Failures;
use super::{
    AddressPolicy, Answer, Destination, Naptr, Query, RecordType, Srv, Target, default_port, srv,
};
use crate::flow::Transport;
use crate::uri::Host;

/// The longest name that the DNS can carry, in bytes of text.
const MAX_NAME: usize = 253;

/// What we can do and how far we go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatePolicy {
    /// The transports that we speak, the preferred first.
    pub transports: Vec<Transport>,
    /// The address families that we speak.
    pub family: Family,
    /// The most queries for one request. Beyond: [`End::Limit`].
    pub max_queries: usize,
    /// The most records of one answer that are used, the preferred first.
    pub max_records: usize,
    /// The most targets for one request. Beyond: [`End::Limit`].
    pub max_targets: usize,
}

/// Address families, and which comes first (RFC 7984 3.2: among the addresses of one host; the
/// order of SRV records is never broken for a family's sake).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Both, IPv6 first: what RFC 6724 2.1 makes of most hosts.
    V6First,
    /// Both, IPv4 first.
    V4First,
    /// IPv4 alone.
    V4Only,
    /// IPv6 alone.
    V6Only,
}

/// Why nothing can be located.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LocateError {
    /// We speak no transport that would do: `sips` wants TLS.
    #[error("no transport that is spoken here leads to the destination")]
    NoTransport,
    /// So many searches wait for the DNS that there is no room for another.
    #[error("too many searches are under way")]
    Busy,
}

/// Why there is no further target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All that there were have been given out.
    Exhausted,
    /// The DNS knows none.
    NotFound,
    /// The DNS says that the service is not there (RFC 2782, target `.`).
    NotAvailable,
    /// A query failed, so that nobody knows.
    DnsFailed,
    /// There are only addresses that we do not send to.
    Forbidden,
    /// Our limits were reached first.
    Limit,
}

/// What a locator needs of the world.
pub(super) struct Around<'a, R> {
    pub(super) now: Instant,
    pub(super) cache: &'a Cache,
    pub(super) failures: &'a Failures,
    /// Chance, for the weights of SRV records.
    pub(super) rng: &'a mut R,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the DNS, tell [`Locator::handle_answer`], and call again.
    Ask(Vec<Query>),
    /// Answers are still missing.
    Wait,
    /// Send the request there; call again if that fails.
    Target(Target),
    /// There is no further target.
    End(End),
}

/// The search for the servers of one request.
#[derive(Debug)]
pub(super) struct Locator {
    policy: LocatePolicy,
    addresses: AddressPolicy,
    host_for_tls: Host,
    work: VecDeque<Work>,
    /// Done if no SRV record is found at all (RFC 3263 4.2).
    fallback: Option<Work>,
    answers: BTreeMap<Query, Answer>,
    asked: BTreeSet<Query>,
    given: BTreeSet<(Transport, SocketAddr)>,
    /// Failed a moment ago: tried when nothing else is left.
    deferred: VecDeque<(Transport, SocketAddr)>,
    /// The strongest reason there is, if no target is found.
    end: End,
}

/// What is still to be done, in order.
#[derive(Debug, Clone)]
enum Work {
    Naptr(SmolStr),
    Srv(Transport, SmolStr),
    Host(Transport, SmolStr, u16),
    Address(Transport, SocketAddr),
}

impl Default for LocatePolicy {
    fn default() -> Self {
        Self {
            transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls],
            family: Family::V6First,
            max_queries: 64,
            max_records: 32,
            max_targets: 16,
        }
    }
}

impl Locator {
    /// A search that has asked nothing yet.
    pub(super) fn new(
        destination: &Destination,
        policy: &LocatePolicy,
        addresses: AddressPolicy,
    ) -> Result<Self, LocateError> {
        let mut policy = policy.clone();
        policy.transports.retain(|transport| {
            let wanted = destination.transport.is_none_or(|it| it == *transport);
            wanted && (transport.is_secure() || !destination.secure)
        });
        let default = default_transport(destination.secure, &policy.transports)
            .ok_or(LocateError::NoTransport)?;
        let port = destination.port.unwrap_or(default_port(default));
        let mut fallback = None;
        let first = match (&destination.host, destination.port, destination.transport) {
            (Host::V4(address), ..) => {
                Work::Address(default, SocketAddr::new((*address).into(), port))
            }
            (Host::V6(address), ..) => {
                Work::Address(default, SocketAddr::new((*address).into(), port))
            }
            (Host::Name(name), Some(port), _) => Work::Host(default, name.clone(), port),
            (Host::Name(name), None, transport) => {
                fallback = Some(Work::Host(default, name.clone(), port));
                match transport {
                    Some(transport) => Work::Srv(transport, srv_name(transport, name)),
                    None => Work::Naptr(name.clone()),
                }
            }
        };
        Ok(Self {
            policy,
            addresses,
            host_for_tls: destination.host.clone(),
            work: VecDeque::from([first]),
            fallback,
            answers: BTreeMap::new(),
            asked: BTreeSet::new(),
            given: BTreeSet::new(),
            deferred: VecDeque::new(),
            end: End::NotFound,
        })
    }

    /// The next thing to do.
    pub(super) fn next(&mut self, around: &mut Around<'_, impl Rng>) -> Step {
        loop {
            if self.given.len() >= self.policy.max_targets {
                return Step::End(End::Limit);
            }
            let Some(work) = self.work.pop_front().or_else(|| self.fallback.take()) else {
                return match self.deferred.pop_front() {
                    Some((transport, addr)) => self.give(transport, addr),
                    None => Step::End(self.end),
                };
            };
            let done = match &work {
                Work::Naptr(name) => self.naptr(around, name),
                Work::Srv(transport, name) => self.srv(around, *transport, name),
                Work::Host(transport, name, port) => self.host(around, *transport, name, *port),
                Work::Address(transport, addr) => {
                    if let Some(step) = self.address(around, *transport, *addr) {
                        return step;
                    }
                    Ok(())
                }
            };
            if let Err(missing) = done {
                self.work.push_front(work);
                return if missing.is_empty() {
                    Step::Wait
                } else {
                    Step::Ask(missing)
                };
            }
        }
    }

    /// Takes the answer to a query. One that was not asked for is not believed.
    pub(super) fn handle_answer(&mut self, query: &Query, answer: Answer) {
        if self.asked.contains(query) {
            self.answers.entry(query.clone()).or_insert(answer);
        }
    }

    /// There was no room to ask a query: it counts as failed, and the end says why.
    pub(super) fn handle_no_room(&mut self, query: &Query) {
        self.note(End::Limit);
        self.handle_answer(query, Answer::Failed);
    }

    /// RFC 3263 4.1: the transports that the domain prefers, else all that we speak.
    fn naptr<R>(&mut self, around: &Around<'_, R>, name: &SmolStr) -> Result<(), Vec<Query>> {
        let [answer] = self.look_up(around, [(RecordType::Naptr, name)])?;
        let mut usable: Vec<(Transport, &Naptr)> = answer
            .naptrs()
            .iter()
            .filter_map(|record| Some((self.transport_of(record)?, record)))
            .collect();
        usable.sort_by_key(|(_, record)| (record.order, record.preference));
        // Once a record can be used, those "with a larger order value" are none of our business
        // (RFC 3403 4.1).
        let order = usable.first().map(|(_, record)| record.order);
        usable.retain(|(_, record)| Some(record.order) == order);
        if let (Some((transport, _)), Some(Work::Host(fallback, _, port))) =
            (usable.first(), &mut self.fallback)
        {
            *fallback = *transport;
            *port = default_port(*transport);
        }
        let mut further: Vec<Work> = usable
            .into_iter()
            .filter_map(|(transport, record)| {
                Some(Work::Srv(transport, dns_name(&record.replacement)?))
            })
            .collect();
        if further.is_empty() {
            let transports = self.policy.transports.iter();
            further = transports
                .map(|transport| Work::Srv(*transport, srv_name(*transport, name)))
                .collect();
        }
        self.do_first(further);
        Ok(())
    }

    fn transport_of(&self, record: &Naptr) -> Option<Transport> {
        let transport = transport_of_service(&record.service)?;
        let usable =
            record.flags.eq_ignore_ascii_case("s") && self.policy.transports.contains(&transport);
        usable.then_some(transport)
    }

    /// RFC 3263 4.2, RFC 2782.
    fn srv(
        &mut self,
        around: &mut Around<'_, impl Rng>,
        transport: Transport,
        name: &SmolStr,
    ) -> Result<(), Vec<Query>> {
        let [answer] = self.look_up(around, [(RecordType::Srv, name)])?;
        let records = answer.srvs();
        if records.is_empty() {
            return Ok(());
        }
        // "If no SRV records were found": then only the name itself is looked up.
        self.fallback = None;
        let present: Vec<Srv> = records
            .iter()
            .filter(|record| record.target != "." && !record.target.is_empty())
            .cloned()
            .collect();
        if present.is_empty() {
            self.note(End::NotAvailable);
        }
        let further = srv::in_order(present, around.rng)
            .into_iter()
            .filter(|record| record.port != 0)
            .filter_map(|record| {
                let host = dns_name(&record.target)?;
                Some(Work::Host(transport, host, record.port))
            })
            .collect();
        self.do_first(further);
        Ok(())
    }

    /// The addresses of a host, both families together (RFC 7984 3.1).
    fn host<R>(
        &mut self,
        around: &Around<'_, R>,
        transport: Transport,
        name: &SmolStr,
        port: u16,
    ) -> Result<(), Vec<Query>> {
        let (a, aaaa) = ((RecordType::A, name), (RecordType::Aaaa, name));
        let answers = match self.policy.family {
            Family::V4Only => self.look_up(around, [a])?.to_vec(),
            Family::V6Only => self.look_up(around, [aaaa])?.to_vec(),
            Family::V4First => self.look_up(around, [a, aaaa])?.to_vec(),
            Family::V6First => self.look_up(around, [aaaa, a])?.to_vec(),
        };
        let further = answers
            .iter()
            .flat_map(Answer::addresses)
            .map(|address| Work::Address(transport, SocketAddr::new(*address, port)))
            .collect();
        self.do_first(further);
        Ok(())
    }

    /// `None` if it is no target, or not now.
    fn address<R>(
        &mut self,
        around: &Around<'_, R>,
        transport: Transport,
        addr: SocketAddr,
    ) -> Option<Step> {
        let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
        let spoken = match self.policy.family {
            Family::V4Only => addr.is_ipv4(),
            Family::V6Only => addr.is_ipv6(),
            Family::V4First | Family::V6First => true,
        };
        if !spoken || !self.addresses.allows(addr.ip()) {
            self.note(End::Forbidden);
            return None;
        }
        if self.given.contains(&(transport, addr)) || self.deferred.contains(&(transport, addr)) {
            return None;
        }
        if around.failures.contains(around.now, transport, addr) {
            if self.deferred.len() < self.policy.max_targets {
                self.deferred.push_back((transport, addr));
            }
            return None;
        }
        Some(self.give(transport, addr))
    }

    fn give(&mut self, transport: Transport, addr: SocketAddr) -> Step {
        self.given.insert((transport, addr));
        self.note(End::Exhausted);
        Step::Target(Target {
            transport,
            addr,
            host_for_tls: self.host_for_tls.clone(),
        })
    }

    /// The answers to some queries, or those of them that have to be asked now; none of them if
    /// they have been asked already.
    fn look_up<R, const N: usize>(
        &mut self,
        around: &Around<'_, R>,
        queries: [(RecordType, &SmolStr); N],
    ) -> Result<[Answer; N], Vec<Query>> {
        let mut ask = Vec::new();
        let mut waiting = false;
        let answers = queries.map(|(kind, name)| {
            let name = name.clone();
            let query = Query { kind, name };
            if let Some(answer) = self.answers.get(&query) {
                return answer.clone();
            }
            if query.name.len() > MAX_NAME {
                let ttl = Duration::ZERO;
                return Answer::Nothing { ttl };
            }
            if let Some(answer) = around.cache.get(around.now, &query) {
                // What is known while its sister is asked for stays known.
                self.answers.insert(query, answer.clone());
                return answer.clone();
            }
            if self.asked.contains(&query) {
                waiting = true;
            } else if self.asked.len() >= self.policy.max_queries {
                self.note(End::Limit);
            } else {
                self.asked.insert(query.clone());
                ask.push(query);
                waiting = true;
            }
            Answer::Failed
        });
        if waiting {
            return Err(ask);
        }
        if answers.contains(&Answer::Failed) {
            self.note(End::DnsFailed);
        }
        Ok(answers)
    }

    /// Remembers why there is no further target. That there was one says more than why others are
    /// none, and most says that we stopped looking.
    fn note(&mut self, end: End) {
        let rank = |end: End| match end {
            End::Limit => 2,
            End::Exhausted => 1,
            _ => 0,
        };
        if rank(end) >= rank(self.end) {
            self.end = end;
        }
    }

    fn do_first(&mut self, further: Vec<Work>) {
        for work in further.into_iter().rev() {
            self.work.push_front(work);
        }
    }
}

/// "UDP for a SIP URI, and TCP for a SIPS URI" (RFC 3263 4.1), which means TLS there; or else the
/// first that will do.
fn default_transport(secure: bool, usable: &[Transport]) -> Option<Transport> {
    let standard = match secure {
        true => Transport::Tls,
        false => Transport::Udp,
    };
    let found = usable.iter().find(|transport| **transport == standard);
    found.or(usable.first()).copied()
}

fn srv_name(transport: Transport, domain: &str) -> SmolStr {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format_smolstr!("{prefix}.{domain}")
}

/// The transport of a NAPTR service field (RFC 3263 4.1, RFC 7118 10.6).
fn transport_of_service(service: &str) -> Option<Transport> {
    let known = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
        ("SIP+D2W", Transport::Ws),
        ("SIPS+D2W", Transport::Wss),
    ];
    let found = known
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(service));
    found.map(|(_, transport)| transport)
}

/// A name that the DNS gave, if it is one that can be asked for.
fn dns_name(text: &str) -> Option<SmolStr> {
    match Host::parse(text) {
        Ok(Host::Name(name)) => Some(name),
        _ => None,
    }
}
