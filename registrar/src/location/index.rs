//! Which bindings belong to a key.

use std::collections::BTreeMap;

use crate::binding::BindingId;

/// From a key to names of bindings, in the order in which they came.
#[derive(Debug)]
pub(super) struct Index<K> {
    by_key: BTreeMap<K, Ids>,
}

/// Most keys have one binding: no allocation for that.
#[derive(Debug)]
enum Ids {
    One(BindingId),
    More(Vec<BindingId>),
}

impl<K: Ord> Index<K> {
    pub(super) fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
        }
    }

    pub(super) fn of(&self, key: &K) -> &[BindingId] {
        match self.by_key.get(key) {
            None => &[],
            Some(Ids::One(id)) => std::slice::from_ref(id),
            Some(Ids::More(ids)) => ids,
        }
    }

    pub(super) fn enter(&mut self, key: K, id: BindingId) {
        match self.by_key.get_mut(&key) {
            None => {
                self.by_key.insert(key, Ids::One(id));
            }
            Some(Ids::More(ids)) => ids.push(id),
            Some(ids @ &mut Ids::One(first)) => *ids = Ids::More(vec![first, id]),
        }
    }

    pub(super) fn leave(&mut self, key: &K, id: BindingId) {
        let Some(ids) = self.by_key.get_mut(key) else {
            return;
        };
        let gone = match ids {
            Ids::One(only) => *only == id,
            Ids::More(many) => {
                many.retain(|other| *other != id);
                if let [only] = many[..] {
                    *ids = Ids::One(only);
                }
                false
            }
        };
        if gone {
            self.by_key.remove(key);
        }
    }
}
