//! A table of transactions: by name, by key, by flow, and by when they are due. What is removed
//! gives its memory back, and no step takes longer than finding one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::key::Key;
use crate::flow::{FlowId, Transport};

/// A name of a transaction.
pub(super) trait Name: Copy + Ord {
    /// None is less: where a search begins.
    const LEAST: Self;
}

/// A transaction as the table sees it.
pub(super) trait Machine {
    /// When it wants to be woken.
    fn deadline(&self) -> Option<Instant>;

    /// It is terminated, and to be removed.
    fn is_over(&self) -> bool;
}

#[derive(Debug)]
pub(super) struct Slot<M> {
    pub(super) flow: FlowId,
    pub(super) transport: Transport,
    pub(super) machine: M,
    key: Key,
    alias: Option<Key>,
    /// As it stands in `Table::due`.
    due: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Table<Id, M> {
    slots: BTreeMap<Id, Slot<M>>,
    by_key: BTreeMap<Key, Id>,
    by_flow: BTreeSet<(FlowId, Id)>,
    due: BTreeSet<(Instant, Id)>,
}

impl<Id: Name, M: Machine> Table<Id, M> {
    pub(super) fn new() -> Self {
        Self {
            slots: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_flow: BTreeSet::new(),
            due: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds one, unless it is over already. Of several under one key the first is found.
    pub(super) fn insert(
        &mut self,
        id: Id,
        (key, alias): (Key, Option<Key>),
        (flow, transport): (FlowId, Transport),
        machine: M,
    ) {
        self.by_key.entry(key.clone()).or_insert(id);
        if let Some(alias) = &alias {
            self.by_key.entry(alias.clone()).or_insert(id);
        }
        self.by_flow.insert((flow, id));
        let slot = Slot {
            flow,
            transport,
            machine,
            key,
            alias,
            due: None,
        };
        self.slots.insert(id, slot);
        self.settle(id);
    }

    pub(super) fn find(&self, key: &Key) -> Option<Id> {
        self.by_key.get(key).copied()
    }

    /// The first whose key begins so.
    pub(super) fn find_beginning(&self, start: &Key) -> Option<Id> {
        let (key, id) = self.by_key.range(start..).next()?;
        key.begins_with(start).then_some(*id)
    }

    pub(super) fn get(&self, id: Id) -> Option<&M> {
        self.slots.get(&id).map(|slot| &slot.machine)
    }

    pub(super) fn flow(&self, id: Id) -> Option<FlowId> {
        self.slots.get(&id).map(|slot| slot.flow)
    }

    /// Does something to one, and removes it if it is over then. `None`: there is no such one.
    pub(super) fn step<R>(&mut self, id: Id, step: impl FnOnce(&mut Slot<M>) -> R) -> Option<R> {
        let done = step(self.slots.get_mut(&id)?);
        self.settle(id);
        Some(done)
    }

    /// The first deadline of all.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// One that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Id> {
        let (due, id) = *self.due.first()?;
        if due > now {
            return None;
        }
        self.due.pop_first();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.due = None;
        }
        Some(id)
    }

    /// One that is on that flow.
    pub(super) fn first_on(&self, flow: FlowId) -> Option<Id> {
        let (found, id) = self.by_flow.range((flow, Id::LEAST)..).next()?;
        (*found == flow).then_some(*id)
    }

    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.slots.is_empty()
            && self.by_key.is_empty()
            && self.by_flow.is_empty()
            && self.due.is_empty()
    }

    fn settle(&mut self, id: Id) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        if slot.machine.is_over() {
            self.remove(id);
            return;
        }
        let due = slot.machine.deadline();
        if due == slot.due {
            return;
        }
        if let Some(old) = slot.due {
            self.due.remove(&(old, id));
        }
        slot.due = due;
        if let Some(due) = due {
            self.due.insert((due, id));
        }
    }

    fn remove(&mut self, id: Id) {
        let Some(slot) = self.slots.remove(&id) else {
            return;
        };
        for key in [Some(slot.key), slot.alias].into_iter().flatten() {
            if self.by_key.get(&key) == Some(&id) {
                self.by_key.remove(&key);
            }
        }
        self.by_flow.remove(&(slot.flow, id));
        if let Some(due) = slot.due {
            self.due.remove(&(due, id));
        }
    }
}
