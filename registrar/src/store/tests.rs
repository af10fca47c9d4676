#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use sip::flow::FlowId;

use super::*;
use crate::binding::NewBinding;
use crate::location::{Location, LocationLimits};
use crate::register::RegisterPolicy;
use crate::sample::{Phone, aor};

/// Keeps bindings in a plain list, as somebody else's store might.
#[derive(Debug, Default)]
struct ListStore(Vec<Binding>);

impl Store for ListStore {
    fn get(&self, id: BindingId) -> Option<&Binding> {
        self.0.iter().find(|binding| binding.id == id)
    }

    fn put(&mut self, binding: Binding) {
        self.0.push(binding);
        self.0.sort_by_key(|binding| binding.id);
    }

    fn update(&mut self, id: BindingId, change: &mut dyn FnMut(&mut Binding)) -> bool {
        let binding = self.0.iter_mut().find(|binding| binding.id == id);
        binding.map(change).is_some()
    }

    fn remove(&mut self, id: BindingId) -> Option<Binding> {
        let at = self.0.iter().position(|binding| binding.id == id)?;
        Some(self.0.remove(at))
    }

    fn iter_from(&self, first: BindingId) -> impl Iterator<Item = &Binding> {
        self.0.iter().filter(move |binding| binding.id >= first)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The life of a few bindings, and all there is to see of them at its end.
fn life<S: Store>(store: S, now: Instant) -> (Vec<Binding>, usize, Option<Instant>) {
    let mut location = Location::with_store(LocationLimits::default(), store);
    let policy = RegisterPolicy::default();
    let mut phones = [1, 2, 3].map(|flow| Phone::on_socket("alice", flow));
    for (number, phone) in phones.iter_mut().enumerate() {
        let rows = format!("Contact: <sip:p{number}@192.0.2.1>;expires=100\n");
        phone.register(&mut location, now, &policy, &rows).unwrap();
    }
    let page = NewBinding::wcs(aor("bob"), FlowId(9));
    location.bind(now, page).unwrap();
    location.flow_closed(now, FlowId(1), None);
    location.flow_closed(now, FlowId(2), Some(Duration::from_secs(5)));
    let later = now + Duration::from_secs(10);
    location.handle_timeout(later);
    let rows = "Contact: <sip:p2@192.0.2.1>;q=0.3\n";
    phones[2]
        .register(&mut location, later, &policy, rows)
        .unwrap();
    let all = location.iter_from(BindingId(0)).cloned().collect();
    (all, location.len(), location.poll_timeout())
}

#[test]
fn a_store_of_another_make_serves_as_well() {
    let now = Instant::now();
    let (all, count, due) = life(MemoryStore::default(), now);
    assert_eq!((all.len(), count), (2, 2));
    assert_eq!(life(ListStore::default(), now), (all, count, due));
}
