//! The location service (RFC 3261 10): which bindings an address of record has.
//!
//! A binding belongs to a flow. When the flow closes, the binding goes or parks, but only if it
//! still names that flow: its user may have come back on another one before the loss was noticed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sip::flow::FlowId;
use thiserror::Error;

use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, Contact, NewBinding, QValue};

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
pub struct Location {
    limits: LocationLimits,
    next_id: u64,
    bindings: BTreeMap<BindingId, Binding>,
    by_aor: BTreeMap<Aor, Vec<BindingId>>,
    by_flow: BTreeMap<FlowId, Vec<BindingId>>,
    /// The next deadline of each binding that has one.
    deadlines: BTreeSet<(Instant, BindingId)>,
}

/// Where a call can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The binding.
    pub binding: BindingId,
    /// Over which flow.
    pub flow: FlowId,
    /// In which protocol, and to which address.
    pub contact: Contact,
    /// Targets of one preference are called together, higher ones first.
    pub q: QValue,
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
    /// Without bindings.
    pub fn new(limits: LocationLimits) -> Self {
        Self {
            limits,
            next_id: 0,
            bindings: BTreeMap::new(),
            by_aor: BTreeMap::new(),
            by_flow: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// Binds, or refreshes the binding of the same address of record to the same place on the same
    /// flow, which keeps its name.
    ///
    /// # Errors
    /// [`BindError`]; nothing has changed then.
    pub fn bind(&mut self, now: Instant, new: NewBinding) -> Result<BindingId, BindError> {
        if let Some(id) = self.refreshed_by(&new) {
            self.change(id, |binding| {
                binding.contact = new.contact;
                binding.q = new.q;
                binding.expires = new.expires;
            });
            return Ok(id);
        }
        if self.by_aor.get(&new.aor).map_or(0, Vec::len) >= self.limits.per_aor {
            return Err(BindError::TooManyForAor);
        }
        if self.bindings.len() >= self.limits.bindings {
            return Err(BindError::Full);
        }
        let id = BindingId(self.next_id);
        self.next_id += 1;
        let NewBinding {
            aor,
            contact,
            flow,
            q,
            expires,
        } = new;
        let state = BindingState::Live { flow };
        self.insert(Binding {
            id,
            aor,
            contact,
            q,
            expires,
            since: now,
            state,
        });
        Ok(id)
    }

    /// Takes a binding away.
    pub fn unbind(&mut self, id: BindingId) -> Option<Binding> {
        let binding = self.bindings.remove(&id)?;
        if let Some(deadline) = deadline(&binding) {
            self.deadlines.remove(&(deadline, id));
        }
        leave(&mut self.by_aor, &binding.aor, id);
        if let BindingState::Live { flow } = binding.state {
            leave(&mut self.by_flow, &flow, id);
        }
        Some(binding)
    }

    /// A flow closed. Its bindings park for `park_for`, or go at once if that is `None`: the owner
    /// left.
    pub fn flow_closed(
        &mut self,
        now: Instant,
        flow: FlowId,
        park_for: Option<Duration>,
    ) -> FlowClosed {
        let mut closed = FlowClosed::default();
        for id in self.by_flow.get(&flow).cloned().unwrap_or_default() {
            match park_for {
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

    /// The user of a binding is back, on another flow. Also while the old flow still seems alive:
    /// what happens to that no longer matters.
    ///
    /// # Errors
    /// [`ResumeError`]
    pub fn resume(&mut self, id: BindingId, flow: FlowId) -> Result<&Binding, ResumeError> {
        self.change(id, |binding| binding.state = BindingState::Live { flow });
        self.bindings.get(&id).ok_or(ResumeError::Gone)
    }

    /// The target set (RFC 3261 16.5): what can be reached now, by preference, the newest first
    /// among equals.
    pub fn lookup(&self, aor: &Aor) -> Vec<Target> {
        let mut targets: Vec<_> = self
            .of(aor)
            .filter_map(|binding| match binding.state {
                BindingState::Live { flow } => Some(Target {
                    binding: binding.id,
                    flow,
                    contact: binding.contact.clone(),
                    q: binding.q,
                }),
                BindingState::Parked { .. } => None,
            })
            .collect();
        targets.sort_by(|a, b| b.q.cmp(&a.q).then(b.binding.cmp(&a.binding)));
        targets
    }

    /// All bindings of an address of record, parked ones too, the oldest first.
    pub fn of(&self, aor: &Aor) -> impl Iterator<Item = &Binding> {
        self.by_aor
            .get(aor)
            .into_iter()
            .flatten()
            .filter_map(|id| self.bindings.get(id))
    }

    /// The bindings that live on a flow.
    pub fn on_flow(&self, flow: FlowId) -> impl Iterator<Item = &Binding> {
        self.by_flow
            .get(&flow)
            .into_iter()
            .flatten()
            .filter_map(|id| self.bindings.get(id))
    }

    /// One binding.
    pub fn get(&self, id: BindingId) -> Option<&Binding> {
        self.bindings.get(&id)
    }

    /// All bindings, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.values()
    }

    /// How many there are, parked ones too.
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes away what has lapsed, and says what it was.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Lapsed> {
        let mut lapsed = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
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

    fn refreshed_by(&self, new: &NewBinding) -> Option<BindingId> {
        let same = |binding: &&Binding| {
            binding.state == BindingState::Live { flow: new.flow }
                && binding.contact.same_place(&new.contact)
        };
        self.of(&new.aor).find(same).map(|binding| binding.id)
    }

    /// Changes a binding, all indexes with it.
    fn change(&mut self, id: BindingId, change: impl FnOnce(&mut Binding)) {
        let Some(binding) = self.bindings.get_mut(&id) else {
            return;
        };
        let before = (deadline(binding), live_flow(binding));
        change(binding);
        let after = (deadline(binding), live_flow(binding));
        if before.0 != after.0 {
            before
                .0
                .map(|deadline| self.deadlines.remove(&(deadline, id)));
            after
                .0
                .map(|deadline| self.deadlines.insert((deadline, id)));
        }
        if before.1 != after.1 {
            if let Some(flow) = before.1 {
                leave(&mut self.by_flow, &flow, id);
            }
            if let Some(flow) = after.1 {
                self.by_flow.entry(flow).or_default().push(id);
            }
        }
    }

    fn insert(&mut self, binding: Binding) {
        let id = binding.id;
        self.by_aor.entry(binding.aor.clone()).or_default().push(id);
        if let Some(flow) = live_flow(&binding) {
            self.by_flow.entry(flow).or_default().push(id);
        }
        deadline(&binding).map(|deadline| self.deadlines.insert((deadline, id)));
        self.bindings.insert(id, binding);
    }
}

fn live_flow(binding: &Binding) -> Option<FlowId> {
    match binding.state {
        BindingState::Live { flow } => Some(flow),
        BindingState::Parked { .. } => None,
    }
}

fn deadline(binding: &Binding) -> Option<Instant> {
    let parked = match binding.state {
        BindingState::Live { .. } => None,
        BindingState::Parked { until } => Some(until),
    };
    [parked, binding.expires].into_iter().flatten().min()
}

fn leave<K: Ord>(index: &mut BTreeMap<K, Vec<BindingId>>, key: &K, id: BindingId) {
    if let Some(ids) = index.get_mut(key) {
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
