//! Packets in order, in memory that is allocated once.

use std::collections::VecDeque;
use std::time::Duration;

/// What is known of a packet held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Unwrapped.
    pub(super) sequence: i64,
    /// On the stream's timeline, µs.
    pub(super) media: i64,
    pub(super) duration: Option<Duration>,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) silence: bool,
    /// It carries the one before it.
    pub(super) repairs: bool,
    start: usize,
    len: usize,
}

impl Slot {
    pub(super) fn new(sequence: i64, media: i64) -> Self {
        Self {
            sequence,
            media,
            duration: None,
            payload_type: 0,
            marker: false,
            silence: false,
            repairs: false,
            start: 0,
            len: 0,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is the newest.
    Ahead,
    /// Newer ones were there.
    Between,
    /// It is there already.
    Duplicate,
    /// Alone larger than all the room.
    TooLarge,
}

/// Slots in the order of their sequence numbers. The payloads lie in one arena, one behind the
/// other; when its end is reached, what is still held moves to its beginning.
#[derive(Debug)]
pub(super) struct Store {
    slots: VecDeque<Slot>,
    max_packets: usize,
    arena: Box<[u8]>,
    /// Where the next payload goes.
    end: usize,
    held: usize,
}

impl Store {
    pub(super) fn new(max_packets: usize, max_bytes: usize) -> Self {
        let max_packets = max_packets.max(1);
        Self {
            slots: VecDeque::with_capacity(max_packets),
            max_packets,
            arena: vec![0; max_bytes].into_boxed_slice(),
            end: 0,
            held: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.held
    }

    pub(super) fn front(&self) -> Option<&Slot> {
        self.slots.front()
    }

    /// The packet after the front one.
    pub(super) fn second(&self) -> Option<&Slot> {
        self.slots.get(1)
    }

    /// The payload of a slot, valid until the next [`Store::insert`].
    pub(super) fn payload(&self, slot: &Slot) -> &[u8] {
        self.arena
            .get(slot.start..slot.start + slot.len)
            .unwrap_or_default()
    }

    /// Takes a packet in. `dropped` is told of each older one that had to make room.
    pub(super) fn insert(
        &mut self,
        mut slot: Slot,
        payload: &[u8],
        mut dropped: impl FnMut(&Slot),
    ) -> Stored {
        if payload.len() > self.arena.len() {
            return Stored::TooLarge;
        }
        let behind = self
            .slots
            .iter()
            .rev()
            .take_while(|held| held.sequence > slot.sequence)
            .count();
        let before = self.slots.len() - behind;
        let same = before.checked_sub(1).and_then(|at| self.slots.get(at));
        if same.is_some_and(|held| held.sequence == slot.sequence) {
            return Stored::Duplicate;
        }
        while self.slots.len() >= self.max_packets || self.held + payload.len() > self.arena.len() {
            // The newcomer may itself be the oldest.
            if self.slots.len() == behind {
                dropped(&slot);
                return Stored::Between;
            }
            let Some(oldest) = self.pop() else {
                return Stored::TooLarge;
            };
            dropped(&oldest);
        }
        if self.end + payload.len() > self.arena.len() {
            self.compact();
        }
        slot.start = self.end;
        slot.len = payload.len();
        let Some(room) = self.arena.get_mut(slot.start..slot.start + slot.len) else {
            return Stored::TooLarge;
        };
        room.copy_from_slice(payload);
        self.end += slot.len;
        self.held += slot.len;
        let at = self.slots.len() - behind;
        self.slots.insert(at, slot);
        match behind {
            0 => Stored::Ahead,
            _ => Stored::Between,
        }
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop_front()?;
        self.held -= slot.len;
        Some(slot)
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.end = 0;
        self.held = 0;
    }

    /// Moves what is held to the beginning of the arena, in the order in which it lies there:
    /// each piece moves down or not at all, so that none is overwritten.
    fn compact(&mut self) {
        let mut end = 0;
        let mut from = 0;
        while let Some(slot) = self
            .slots
            .iter_mut()
            .filter(|slot| slot.start >= from && slot.len > 0)
            .min_by_key(|slot| slot.start)
        {
            from = slot.start + slot.len;
            self.arena.copy_within(slot.start..from, end);
            slot.start = end;
            end += slot.len;
        }
        self.end = end;
    }
}
