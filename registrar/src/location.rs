//! The location service (RFC 3261 10): which bindings an address of record has.
//!
//! A binding belongs to a flow. When the flow closes, the binding goes or parks, but only if it
//! still names that flow: its user may have come back on another one before the loss was noticed.
//! A binding by UDP outlasts its flow and goes when it expires.

mod index;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sip::flow::FlowId;
use thiserror::Error;

use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, NewBinding, QValue};
use crate::contact::Contact;
use crate::store::{MemoryStore, Store};
use index::Index;

/// The most bindings that one call of [`Location::handle_timeout`] takes away.
pub const MAX_LAPSES: usize = 1000;

/// How many bindings there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocationLimits {
    /// In all.
    pub bindings: usize,
    /// Of one address of record: each of them rings when it is called.
    pub per_aor: usize,
}

impl Default for LocationLimits {
    fn default() -> Self {
        Self {
            bindings: 10_000,
            per_aor: 10,
        }
    }
}

/// The bindings of all addresses of record.
#[derive(Debug)]
pub struct Location<S = MemoryStore> {
    pub(crate) limits: LocationLimits,
    next_id: u64,
    store: S,
    by_aor: Index<Aor>,
    by_flow: Index<FlowId>,
    /// The next deadline of each binding that has one.
    deadlines: BTreeSet<(Instant, BindingId)>,
    lasting_changes: u64,
}

/// Why nothing was bound. Both are our limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BindError {
    /// The address of record has as many bindings as it may.
    #[error("the address of record is signed in as often as it may be")]
    TooManyForAor,
    /// There are as many bindings as there may be.
    #[error("there are as many bindings as there may be")]
    Full,
}

/// Why a binding was not taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResumeError {
    /// It lapsed, or never was.
    #[error("the binding is gone")]
    Gone,
}

/// What became of the bindings of a flow that closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowClosed {
    /// These are gone.
    pub gone: Vec<Binding>,
    /// These wait for their users.
    pub parked: Vec<BindingId>,
    /// These outlast the flow, and are reached by their address from now on.
    pub kept: Vec<BindingId>,
}

/// A binding that lapsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapsed {
    /// As it was; it is gone.
    pub binding: Binding,
    /// Why.
    pub why: Lapse,
}

/// Why a binding lapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// It was not refreshed in time.
    Expired,
    /// It was parked and its user did not come back.
    NotResumed,
}

impl Location {
    /// Without bindings, in memory.
    pub fn new(limits: LocationLimits) -> Self {
        Self::with_store(limits, MemoryStore::default())
    }
}

impl<S: Store> Location<S> {
    /// Without bindings; `store` is empty.
    pub fn with_store(limits: LocationLimits, store: S) -> Self {
        Self {
            limits,
            next_id: 0,
            store,
            by_aor: Index::new(),
            by_flow: Index::new(),
            deadlines: BTreeSet::new(),
            lasting_changes: 0,
        }
    }

    /// Binds a session of the Web SDK. If the same address of record is bound to the same flow
    /// already, that binding is refreshed and keeps its name.
    ///
    /// # Errors
    /// [`BindError`]; nothing has changed then.
    pub fn bind(&mut self, now: Instant, new: NewBinding) -> Result<BindingId, BindError> {
        let NewBinding { aor, flow } = new;
        let state = BindingState::Live { flow };
        let same = |own: &&Binding| own.contact == Contact::WcsSession && own.state == state;
        let known = self.of(&aor).find(same).map(|own| own.id);
        if let Some(id) = known {
            self.change(id, |binding| binding.refreshed = now);
            return Ok(id);
        }
        let current = self.of(&aor).filter(|own| !own.has_expired(now)).count();
        if current >= self.limits.per_aor {
            return Err(BindError::TooManyForAor);
        }
        if self.len() >= self.limits.bindings {
            return Err(BindError::Full);
        }
        let id = self.new_id();
        self.insert(Binding {
            id,
            aor,
            contact: Contact::WcsSession,
            q: QValue::default(),
            expires: None,
            refreshed: now,
            state,
            order: None,
        });
        Ok(id)
    }

    /// Takes a binding away.
    pub fn unbind(&mut self, id: BindingId) -> Option<Binding> {
        let binding = self.store.remove(id)?;
        if let Some(deadline) = binding.deadline() {
            self.deadlines.remove(&(deadline, id));
        }
        self.by_aor.leave(&binding.aor, id);
        if let Some(flow) = binding.live_flow() {
            self.by_flow.leave(&flow, id);
        }
        self.note_lasting(&binding);
        Some(binding)
    }

    /// A flow closed. Bindings tied to it park for `park_for`, or go at once if that is `None`: the
    /// owner left. Those by UDP stay until they expire.
    pub fn flow_closed(
        &mut self,
        now: Instant,
        flow: FlowId,
        park_for: Option<Duration>,
    ) -> FlowClosed {
        let mut closed = FlowClosed::default();
        for id in self.by_flow.of(&flow).to_vec() {
            let outlives = self
                .get(id)
                .is_some_and(|binding| binding.contact.outlives_flow());
            match park_for {
                _ if outlives => {
                    self.change(id, |binding| binding.state = BindingState::Addressed);
                    closed.kept.push(id);
                }
                None => closed.gone.extend(self.unbind(id)),
                Some(park_for) => {
                    let until = now + park_for;
                    self.change(id, |binding| binding.state = BindingState::Parked { until });
                    closed.parked.push(id);
                }
            }
        }
        closed
    }

    /// The user of a binding does not answer any more: it parks until it expires, or is
    /// [resumed](Self::resume). False if there is no such binding, or it never expires.
    pub fn park(&mut self, id: BindingId) -> bool {
        let Some(until) = self.get(id).and_then(|binding| binding.expires) else {
            return false;
        };
        self.change(id, |binding| binding.state = BindingState::Parked { until });
        true
    }

    /// The user of a binding is back, on another flow. Also while the old flow still seems alive:
    /// what happens to that no longer matters.
    ///
    /// # Errors
    /// [`ResumeError`]
    pub fn resume(&mut self, id: BindingId, flow: FlowId) -> Result<&Binding, ResumeError> {
        self.change(id, |binding| binding.state = BindingState::Live { flow });
        self.get(id).ok_or(ResumeError::Gone)
    }

    /// All bindings of an address of record, parked ones too, the oldest first.
    pub fn of(&self, aor: &Aor) -> impl Iterator<Item = &Binding> {
        let ids = self.by_aor.of(aor).iter();
        ids.filter_map(|id| self.store.get(*id))
    }

    /// The bindings that live on a flow.
    pub fn on_flow(&self, flow: FlowId) -> impl Iterator<Item = &Binding> {
        let ids = self.by_flow.of(&flow).iter();
        ids.filter_map(|id| self.store.get(*id))
    }

    /// One binding.
    pub fn get(&self, id: BindingId) -> Option<&Binding> {
        self.store.get(id)
    }

    /// All bindings, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.iter_from(BindingId(0))
    }

    /// The bindings from `first` on, the oldest first.
    pub fn iter_from(&self, first: BindingId) -> impl Iterator<Item = &Binding> {
        self.store.iter_from(first)
    }

    /// How many there are, parked ones too.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Counts the changes of bindings that a snapshot holds: as long as it stays the same, the last
    /// snapshot is still true.
    pub fn lasting_changes(&self) -> u64 {
        self.lasting_changes
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes away what has lapsed, and says what it was; at most [`MAX_LAPSES`] at once, so that
    /// others get their turn. [`poll_timeout`](Self::poll_timeout) says if more is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Lapsed> {
        let mut lapsed = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now || lapsed.len() >= MAX_LAPSES {
                break;
            }
            let Some(binding) = self.unbind(id) else {
                self.deadlines.pop_first();
                continue;
            };
            let why = match binding.state {
                BindingState::Parked { until } if until <= now => Lapse::NotResumed,
                _ => Lapse::Expired,
            };
            lapsed.push(Lapsed { binding, why });
        }
        lapsed
    }

    /// A name that was never used.
    pub(crate) fn new_id(&mut self) -> BindingId {
        let id = BindingId(self.next_id);
        self.next_id += 1;
        id
    }

    pub(crate) fn count_of(&self, aor: &Aor) -> usize {
        self.by_aor.of(aor).len()
    }

    /// Changes a binding, all indexes with it. Not its name, nor whose it is.
    pub(crate) fn change(&mut self, id: BindingId, mut change: impl FnMut(&mut Binding)) {
        let (mut before, mut after, mut lasts) = ((None, None), (None, None), false);
        self.store.update(id, &mut |binding| {
            before = (binding.deadline(), binding.live_flow());
            lasts = binding.contact.outlives_flow();
            change(binding);
            after = (binding.deadline(), binding.live_flow());
            lasts |= binding.contact.outlives_flow();
        });
        self.lasting_changes += u64::from(lasts);
        if before.0 != after.0 {
            before.0.map(|due| self.deadlines.remove(&(due, id)));
            after.0.map(|due| self.deadlines.insert((due, id)));
        }
        if before.1 != after.1 {
            if let Some(flow) = before.1 {
                self.by_flow.leave(&flow, id);
            }
            if let Some(flow) = after.1 {
                self.by_flow.enter(flow, id);
            }
        }
    }

    /// Takes a binding in under its name, which is not in use.
    pub(crate) fn insert(&mut self, binding: Binding) {
        let id = binding.id;
        self.next_id = self.next_id.max(id.0.saturating_add(1));
        self.by_aor.enter(binding.aor.clone(), id);
        if let Some(flow) = binding.live_flow() {
            self.by_flow.enter(flow, id);
        }
        binding
            .deadline()
            .map(|due| self.deadlines.insert((due, id)));
        self.note_lasting(&binding);
        self.store.put(binding);
    }

    fn note_lasting(&mut self, binding: &Binding) {
        self.lasting_changes += u64::from(binding.contact.outlives_flow());
    }
}
