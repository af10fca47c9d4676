//! Where bindings are kept.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use crate::binding::{Binding, BindingId};

/// Keeps bindings by their names. [`Location`](crate::Location) owns one, holds its indexes beside
/// it, and is the only one to change it.
///
/// What a store has to do: answer from memory at once, for nothing waits below the shell; give back
/// what was put, unchanged, in the order of names; be changed by these calls only. One that also
/// writes elsewhere does so behind them, and keeps its faults to itself until it is asked: a
/// binding is soft state that its user refreshes, and no REGISTER fails over a full disk.
pub trait Store: fmt::Debug {
    /// One binding.
    fn get(&self, id: BindingId) -> Option<&Binding>;

    /// Takes a binding in. There is none of its name.
    fn put(&mut self, binding: Binding);

    /// Lets `change` change a binding, but never its name; false if there is none.
    fn update(&mut self, id: BindingId, change: &mut dyn FnMut(&mut Binding)) -> bool;

    /// Gives a binding back, and keeps it no longer.
    fn remove(&mut self, id: BindingId) -> Option<Binding>;

    /// The bindings from `first` on, in the order of names.
    fn iter_from(&self, first: BindingId) -> impl Iterator<Item = &Binding>;

    /// How many there are.
    fn len(&self) -> usize;

    /// There is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Keeps bindings in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// Boxed: names come in order, which leaves the nodes of the tree half empty.
    bindings: BTreeMap<BindingId, Box<Binding>>,
}

impl Store for MemoryStore {
    fn get(&self, id: BindingId) -> Option<&Binding> {
        self.bindings.get(&id).map(Box::as_ref)
    }

    fn put(&mut self, binding: Binding) {
        self.bindings.insert(binding.id, Box::new(binding));
    }

    fn update(&mut self, id: BindingId, change: &mut dyn FnMut(&mut Binding)) -> bool {
        let binding = self.bindings.get_mut(&id);
        binding.map(|binding| change(binding)).is_some()
    }

    fn remove(&mut self, id: BindingId) -> Option<Binding> {
        self.bindings.remove(&id).map(|binding| *binding)
    }

    fn iter_from(&self, first: BindingId) -> impl Iterator<Item = &Binding> {
        let from_first = (Bound::Included(first), Bound::Unbounded);
        self.bindings
            .range(from_first)
            .map(|(_, binding)| &**binding)
    }

    fn len(&self) -> usize {
        self.bindings.len()
    }
}
