//! When each leg wants to be woken: a binary heap that knows where each leg sits in it, so that
//! a deadline can be moved without leaving a stale entry behind.

use std::time::Instant;

/// Deadlines by slot number. One a slot.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    heap: Vec<(Instant, usize)>,
    /// Where in the heap a slot's entry is.
    places: Vec<Option<usize>>,
}

impl Schedule {
    /// Sets, moves or removes the deadline of a slot.
    pub(super) fn set(&mut self, slot: usize, due: Option<Instant>) {
        if self.places.len() <= slot {
            self.places.resize(slot + 1, None);
        }
        match (self.place(slot), due) {
            (Some(place), Some(due)) => {
                if self.at(place) == Some(due) {
                    return;
                }
                if let Some(entry) = self.heap.get_mut(place) {
                    entry.0 = due;
                }
                self.settle(place);
            }
            (None, Some(due)) => {
                self.heap.push((due, slot));
                self.note(self.heap.len() - 1);
                self.settle(self.heap.len() - 1);
            }
            (Some(place), None) => {
                self.heap.swap_remove(place);
                if let Some(entry) = self.places.get_mut(slot) {
                    *entry = None;
                }
                if place < self.heap.len() {
                    self.note(place);
                    self.settle(place);
                }
            }
            (None, None) => {}
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(due, _)| *due)
    }

    /// The slot whose deadline has come, the earliest first.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        self.heap
            .first()
            .filter(|(due, _)| *due <= now)
            .map(|(_, slot)| *slot)
    }

    fn place(&self, slot: usize) -> Option<usize> {
        self.places.get(slot).copied().flatten()
    }

    fn at(&self, place: usize) -> Option<Instant> {
        self.heap.get(place).map(|(due, _)| *due)
    }

    /// Writes down where the entry at `place` is now.
    fn note(&mut self, place: usize) {
        if let Some((_, slot)) = self.heap.get(place)
            && let Some(entry) = self.places.get_mut(*slot)
        {
            *entry = Some(place);
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    /// Moves the entry at `place` up or down to where it belongs.
    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.at(place) < self.at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            if left >= self.heap.len() {
                return;
            }
            let right_is_less = right < self.heap.len() && self.at(right) < self.at(left);
            let child = if right_is_less { right } else { left };
            if self.at(place) <= self.at(child) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::tests::start_of_time;

    proptest! {
        #[test]
        fn the_earliest_deadline_is_always_first(
            steps in prop::collection::vec((0_usize..12, prop::option::of(0_u64..50)), 1..300)
        ) {
            let start = start_of_time();
            let mut schedule = Schedule::default();
            let mut expected = BTreeMap::new();
            for (slot, due) in steps {
                let due = due.map(|ms| start + Duration::from_millis(ms));
                schedule.set(slot, due);
                match due {
                    Some(due) => expected.insert(slot, due),
                    None => expected.remove(&slot),
                };
                prop_assert_eq!(schedule.next(), expected.values().min().copied());
                let latest = start + Duration::from_secs(1);
                let first = schedule.due(latest);
                prop_assert_eq!(first.map(|slot| expected[&slot]), schedule.next());
            }
        }
    }
}
