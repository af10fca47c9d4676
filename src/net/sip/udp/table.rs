//! The peers over UDP that are remembered: a flow for each address of theirs with each of ours.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sip::flow::FlowId;

use super::socket::Path;
use crate::net::sip::handle::Standing;

/// How exactly it is known when a flow was used last.
const PRECISION: Duration = Duration::from_secs(1);

/// Tables that have room for so many times what is in them are made smaller, unless that is little.
const SPARE: usize = 4;
const LEAST: usize = 64;

/// Flows of all UDP sockets, with a limit. Beyond it the stranger is forgotten who was silent
/// longest, and if there is no stranger, whoever was silent longest.
#[derive(Debug)]
pub(in crate::net::sip) struct Table {
    most: usize,
    flows: Mutex<Flows>,
}

#[derive(Debug, Default)]
struct Flows {
    by_path: HashMap<Path, FlowId>,
    by_flow: HashMap<FlowId, Entry>,
    /// By when they were used last. One that has signed in since is found out when its turn comes.
    strangers: BTreeSet<(Instant, FlowId)>,
    trusted: BTreeSet<(Instant, FlowId)>,
}

#[derive(Debug)]
struct Entry {
    path: Path,
    standing: Arc<Standing>,
    used: Instant,
    /// Which of the sets it is in.
    among_trusted: bool,
}

/// What a new flow leads to.
#[derive(Debug)]
pub(in crate::net::sip) enum Inserted {
    /// It is there; another one may have had to go.
    New(Arc<Standing>, Option<FlowId>),
    /// That way has a flow already.
    Known(FlowId, Arc<Standing>),
}

impl Table {
    /// For at most so many.
    pub(in crate::net::sip) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            flows: Mutex::default(),
        }
    }

    /// The flow of a way, which is used now.
    pub(super) fn find(&self, path: Path, now: Instant) -> Option<(FlowId, Arc<Standing>)> {
        let mut flows = self.lock();
        let flow = *flows.by_path.get(&path)?;
        flows.touch(flow, now);
        let entry = flows.by_flow.get(&flow)?;
        Some((flow, Arc::clone(&entry.standing)))
    }

    /// The way of a flow, which is used now.
    pub(super) fn path_of(&self, flow: FlowId, now: Instant) -> Option<Path> {
        let mut flows = self.lock();
        flows.touch(flow, now);
        Some(flows.by_flow.get(&flow)?.path)
    }

    /// Remembers a flow unless its way has one.
    pub(super) fn insert(&self, flow: FlowId, path: Path, now: Instant) -> Inserted {
        let mut flows = self.lock();
        let known = flows.by_path.get(&path);
        if let Some((known, entry)) = known.and_then(|it| Some((it, flows.by_flow.get(it)?))) {
            return Inserted::Known(*known, Arc::clone(&entry.standing));
        }
        let evicted = if flows.by_flow.len() >= self.most {
            flows.evict()
        } else {
            None
        };
        let standing = Standing::new(Vec::new());
        let entry = Entry {
            path,
            standing: Arc::clone(&standing),
            used: now,
            among_trusted: false,
        };
        flows.by_path.insert(path, flow);
        flows.by_flow.insert(flow, entry);
        flows.strangers.insert((now, flow));
        Inserted::New(standing, evicted)
    }

    /// Forgets a flow. False if it was not known.
    pub(super) fn remove(&self, flow: FlowId) -> bool {
        self.lock().remove(flow).is_some()
    }

    /// True if it is known.
    pub(super) fn contains(&self, flow: FlowId) -> bool {
        self.lock().by_flow.contains_key(&flow)
    }

    /// Forgets the strangers that were silent for longer than `idle`.
    pub(super) fn expire(&self, now: Instant, idle: Duration) -> Vec<FlowId> {
        let mut flows = self.lock();
        let expired =
            |entry: &Entry| !entry.standing.is_trusted() && now.duration_since(entry.used) > idle;
        let gone: Vec<FlowId> = flows
            .by_flow
            .iter()
            .filter(|(_, entry)| expired(entry))
            .map(|(flow, _)| *flow)
            .collect();
        for flow in &gone {
            flows.remove(*flow);
        }
        gone
    }

    fn lock(&self) -> MutexGuard<'_, Flows> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flows {
    fn touch(&mut self, flow: FlowId, now: Instant) {
        let Some(entry) = self.by_flow.get_mut(&flow) else {
            return;
        };
        let trusted = entry.standing.is_trusted();
        if trusted == entry.among_trusted && now.duration_since(entry.used) < PRECISION {
            return;
        }
        let key = (entry.used, flow);
        entry.used = now;
        let was = std::mem::replace(&mut entry.among_trusted, trusted);
        self.set(was).remove(&key);
        self.set(trusted).insert((now, flow));
    }

    fn evict(&mut self) -> Option<FlowId> {
        while let Some((used, flow)) = self.strangers.pop_first() {
            let entry = self.by_flow.get_mut(&flow)?;
            if !entry.standing.is_trusted() {
                self.remove(flow);
                return Some(flow);
            }
            entry.among_trusted = true;
            self.trusted.insert((used, flow));
        }
        let (_, flow) = *self.trusted.first()?;
        self.remove(flow);
        Some(flow)
    }

    fn remove(&mut self, flow: FlowId) -> Option<Entry> {
        let entry = self.by_flow.remove(&flow)?;
        self.by_path.remove(&entry.path);
        self.set(entry.among_trusted).remove(&(entry.used, flow));
        if self.by_flow.len() < self.by_flow.capacity() / SPARE && self.by_flow.len() >= LEAST {
            self.by_flow.shrink_to_fit();
            self.by_path.shrink_to_fit();
        }
        Some(entry)
    }

    fn set(&mut self, trusted: bool) -> &mut BTreeSet<(Instant, FlowId)> {
        if trusted {
            &mut self.trusted
        } else {
            &mut self.strangers
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], port).into(),
        }
    }

    fn insert(table: &Table, number: u16, now: Instant) -> (Arc<Standing>, Option<u64>) {
        match table.insert(FlowId(number.into()), path(number), now) {
            Inserted::New(standing, evicted) => (standing, evicted.map(|flow| flow.0)),
            Inserted::Known(flow, _) => panic!("{flow} is there already"),
        }
    }

    #[test]
    fn the_stranger_that_was_silent_longest_goes_first_and_trusted_ones_last() {
        let table = Table::new(3);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        insert(&table, 1, at(0)).0.set_trusted(true);
        insert(&table, 2, at(1));
        insert(&table, 3, at(2));
        assert!(table.find(path(2), at(10)).is_some());
        assert_eq!(insert(&table, 4, at(11)).1, Some(3));
        assert_eq!(insert(&table, 5, at(12)).1, Some(2));
        for number in [4, 5] {
            let (_, standing) = table.find(path(number), at(13)).unwrap();
            standing.set_trusted(true);
        }
        assert_eq!(insert(&table, 6, at(14)).1, Some(1));
        assert_eq!(insert(&table, 7, at(15)).1, Some(6));
        assert!(table.contains(FlowId(4)) && table.contains(FlowId(5)));
    }

    #[test]
    fn who_is_no_longer_trusted_goes_like_a_stranger() {
        let table = Table::new(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (standing, _) = insert(&table, 1, at(0));
        standing.set_trusted(true);
        table.find(path(1), at(2));
        insert(&table, 2, at(3));
        standing.set_trusted(false);
        table.path_of(FlowId(1), at(4));
        table.find(path(2), at(5));
        assert_eq!(insert(&table, 3, at(6)).1, Some(1));
    }

    #[test]
    fn silent_strangers_are_forgotten_and_trusted_ones_are_not() {
        let table = Table::new(10);
        let start = Instant::now();
        insert(&table, 1, start).0.set_trusted(true);
        insert(&table, 2, start);
        let later = start + Duration::from_secs(60);
        insert(&table, 3, later);
        let gone = table.expire(later, Duration::from_secs(30));
        assert_eq!(gone, [FlowId(2)]);
        assert!(!table.remove(FlowId(2)));
        assert!(table.remove(FlowId(1)) && table.remove(FlowId(3)));
        let flows = table.lock();
        assert!(flows.by_path.is_empty() && flows.strangers.is_empty() && flows.trusted.is_empty());
    }

    #[test]
    fn what_many_flows_took_is_given_back_when_they_are_gone() {
        let table = Table::new(10_000);
        let start = Instant::now();
        for number in 1..=10_000 {
            insert(&table, number, start);
        }
        assert!(table.lock().by_flow.capacity() >= 10_000);
        table.expire(start + Duration::from_secs(60), Duration::from_secs(30));
        let flows = table.lock();
        assert!(flows.by_flow.is_empty());
        assert!(flows.by_flow.capacity() < 1_000 && flows.by_path.capacity() < 1_000);
    }

    #[test]
    fn a_way_has_one_flow() {
        let table = Table::new(10);
        let now = Instant::now();
        insert(&table, 1, now);
        let again = table.insert(FlowId(9), path(1), now);
        assert!(matches!(again, Inserted::Known(FlowId(1), _)), "{again:?}");
    }
}
