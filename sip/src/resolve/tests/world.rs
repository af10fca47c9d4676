//! A DNS that answers from a script, and an owner that tries each target in vain.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::*;
use super::destination;
use crate::flow::Transport;

pub(super) struct World {
    pub(super) policy: LocatePolicy,
    pub(super) limits: Limits,
    pub(super) addresses: AddressPolicy,
    pub(super) now: Instant,
    pub(super) ttl: Duration,
    /// All queries, in their order.
    pub(super) asked: Vec<String>,
    seed: u64,
    zone: BTreeMap<String, Answer>,
    resolver: Option<(LocatePolicy, Resolver)>,
}

impl World {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one moment that tests begin at"
    )]
    pub(super) fn new() -> Self {
        Self {
            policy: LocatePolicy::default(),
            limits: Limits::default(),
            addresses: AddressPolicy::default(),
            now: Instant::now(),
            ttl: Duration::from_secs(86400),
            asked: Vec::new(),
            seed: 0,
            zone: BTreeMap::new(),
            resolver: None,
        }
    }

    pub(super) fn naptr<const N: usize>(&mut self, name: &str, records: [Naptr; N]) {
        self.found(&format!("Naptr {name}"), Records::Naptr(records.into()));
    }

    pub(super) fn srv<const N: usize>(&mut self, name: &str, records: [Srv; N]) {
        self.found(&format!("Srv {name}"), Records::Srv(records.into()));
    }

    pub(super) fn a(&mut self, name: &str, addresses: &[&str]) {
        self.found(&format!("A {name}"), records(addresses));
    }

    pub(super) fn aaaa(&mut self, name: &str, addresses: &[&str]) {
        self.found(&format!("Aaaa {name}"), records(addresses));
    }

    pub(super) fn nothing(&mut self, query: &str) {
        self.zone.remove(query);
    }

    pub(super) fn fails(&mut self, query: &str) {
        self.zone.insert(query.to_owned(), Answer::Failed);
    }

    pub(super) fn found(&mut self, query: &str, records: Records) {
        let ttl = self.ttl;
        let answer = Answer::Found { records, ttl };
        self.zone.insert(query.to_owned(), answer);
    }

    pub(super) fn rng(&mut self) -> StdRng {
        self.seed += 1;
        StdRng::seed_from_u64(self.seed)
    }

    /// The resolver, made anew if the policy has changed.
    pub(super) fn resolver(&mut self) -> &mut Resolver {
        let (policy, limits) = (&self.policy, self.limits);
        if self.resolver.as_ref().is_none_or(|(of, _)| of != policy) {
            self.resolver = Some((policy.clone(), Resolver::new(policy.clone(), limits)));
        }
        let resolver = self.resolver.as_mut();
        resolver.map(|(_, resolver)| resolver).unwrap()
    }

    pub(super) fn locate(&mut self, uri: &str) -> Result<SearchId, LocateError> {
        let (now, addresses) = (self.now, self.addresses);
        let mut rng = self.rng();
        let destination = destination(uri).unwrap();
        self.resolver()
            .locate(now, &destination, addresses, &mut rng)
    }

    pub(super) fn next(&mut self, id: SearchId) {
        let now = self.now;
        let mut rng = self.rng();
        self.resolver().next(now, id, &mut rng);
    }

    /// Answers all queries, until something else is to be done.
    pub(super) fn run(&mut self) -> Option<Output> {
        loop {
            match self.resolver().poll_output()? {
                Output::Ask(query) => self.answer(&query),
                other => return Some(other),
            }
        }
    }

    pub(super) fn answer(&mut self, query: &Query) {
        let shown = format!("{:?} {}", query.kind, query.name);
        let ttl = self.ttl;
        let nothing = || Answer::Nothing { ttl };
        let answer = self.zone.get(&shown).cloned().unwrap_or_else(nothing);
        self.asked.push(shown);
        let now = self.now;
        let mut rng = self.rng();
        self.resolver().handle_answer(now, query, answer, &mut rng);
    }

    /// The first target of a search, that is then ended.
    pub(super) fn first(&mut self, uri: &str) -> Target {
        let id = self.locate(uri).unwrap();
        match self.run().unwrap() {
            Output::Found(found, target) if found == id => {
                self.resolver().end(id);
                target
            }
            other => panic!("{other:?}"),
        }
    }

    /// All targets of a search, and its end.
    pub(super) fn all(&mut self, uri: &str) -> Vec<String> {
        let id = self.locate(uri).unwrap();
        let mut shown = Vec::new();
        loop {
            match self.run().unwrap() {
                Output::Found(found, target) => {
                    assert_eq!(found, id);
                    shown.push(show(&target));
                    self.next(id);
                }
                Output::End(ended, end) => {
                    assert_eq!(ended, id);
                    shown.push(format!("{end:?}"));
                    return shown;
                }
                Output::Ask(_) => unreachable!("it was answered"),
            }
        }
    }
}

pub(super) fn show(target: &Target) -> String {
    let transport = match target.transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Ws => "ws",
        Transport::Wss => "wss",
    };
    format!("{transport} {}", target.addr)
}

pub(super) fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
    Naptr {
        order,
        preference,
        flags: "S".into(),
        service: service.into(),
        replacement: replacement.into(),
    }
}

pub(super) fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Srv {
    Srv {
        priority,
        weight,
        port,
        target: target.into(),
    }
}

pub(super) fn records(addresses: &[&str]) -> Records {
    let addresses = addresses.iter().map(|address| address.parse().unwrap());
    Records::Addresses(addresses.collect::<Vec<IpAddr>>())
}
