//! What transactions put out, until it is polled.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::event::{ClientId, Event, Failure, ServerId};
use super::timing::Timings;
use crate::flow::{FlowId, Transport};
use crate::message::Response;

/// The room that an empty queue keeps.
const KEPT: usize = 256;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests and responses that came again and went no further.
    pub absorbed: u64,
    /// Requests and responses that we sent again.
    pub resent: u64,
    /// Requests that came a second time by another way (482).
    pub merged: u64,
    /// Requests beyond the limit (503).
    pub refused: u64,
    /// CANCELs of nothing (481).
    pub stray_cancels: u64,
    /// Responses to nothing.
    pub stray_responses: u64,
}

/// Bounded by what one call of the transactions makes, since it is emptied after each: one or two
/// things for a message, one for each transaction that is due or on a closed flow.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    transmits: VecDeque<(FlowId, Bytes)>,
    events: VecDeque<Event>,
    pub(super) counters: Counters,
}

impl Outbox {
    pub(super) fn send(&mut self, flow: FlowId, bytes: Bytes) {
        self.transmits.push_back((flow, bytes));
    }

    pub(super) fn resend(&mut self, flow: FlowId, bytes: &Bytes) {
        self.counters.resent += 1;
        self.send(flow, bytes.clone());
    }

    /// Takes back what was not polled yet; false if it was. It is among the latest.
    pub(super) fn withdraw(&mut self, bytes: &Bytes) -> bool {
        let mut latest = self.transmits.iter().enumerate().rev();
        let place = latest.find(|(_, (_, sent))| std::ptr::eq(sent.as_ptr(), bytes.as_ptr()));
        let place = place.map(|(place, _)| place);
        place.and_then(|it| self.transmits.remove(it)).is_some()
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn stray(&mut self, flow: FlowId, response: Box<Response>) {
        self.counters.stray_responses += 1;
        self.tell(Event::Stray { flow, response });
    }

    pub(super) fn poll_transmit(&mut self) -> Option<(FlowId, Bytes)> {
        pop(&mut self.transmits)
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        pop(&mut self.events)
    }

    /// How much fits in before memory is asked for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.transmits.capacity() + self.events.capacity()
    }
}

/// Takes the first. A queue that was once long gives its memory back.
fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() && queue.capacity() > KEPT {
        *queue = VecDeque::new();
    }
    first
}

/// What a transaction may know and do while something is done to it.
#[derive(Debug)]
pub(super) struct Context<'a, Id> {
    pub(super) now: Instant,
    pub(super) id: Id,
    pub(super) flow: FlowId,
    pub(super) transport: Transport,
    pub(super) timings: Timings,
    pub(super) out: &'a mut Outbox,
}

impl<Id> Context<'_, Id> {
    pub(super) fn send(&mut self, bytes: &Bytes) {
        self.out.send(self.flow, bytes.clone());
    }

    pub(super) fn resend(&mut self, bytes: &Bytes) {
        self.out.resend(self.flow, bytes);
    }

    pub(super) fn absorb(&mut self) {
        self.out.counters.absorbed += 1;
    }
}

impl Context<'_, ClientId> {
    pub(super) fn tell(&mut self, response: Box<Response>) {
        let client = self.id;
        self.out.tell(Event::Response { client, response });
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        let client = self.id;
        self.out.tell(Event::Failed { client, failure });
    }
}

impl Context<'_, ServerId> {
    pub(super) fn cancelled(&mut self) {
        self.out.tell(Event::Cancelled { server: self.id });
    }

    pub(super) fn not_acknowledged(&mut self) {
        self.out.tell(Event::NotAcknowledged { server: self.id });
    }
}
