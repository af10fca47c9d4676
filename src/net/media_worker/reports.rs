//! What a worker's thread tells the driver, over a bounded queue.

use std::collections::VecDeque;
use std::time::Duration;

use media::event::Event;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// Reports kept while the driver's queue is full. Measurements are not kept.
const MAX_BACKLOG: usize = 4096;

/// How soon a full queue is tried again.
pub(super) const RETRY: Duration = Duration::from_millis(20);

/// The way to the driver, and what did not fit in yet.
#[derive(Debug)]
pub(super) struct Reports {
    queue: Sender<Event>,
    backlog: VecDeque<Event>,
    dropped: u64,
}

impl Reports {
    pub(super) fn new(queue: Sender<Event>) -> Self {
        Self {
            queue,
            backlog: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Hands an event to the driver. When it is behind, measurements are dropped and everything
    /// else is kept for later: an unseen failure would leave a dead call standing.
    pub(super) fn push(&mut self, event: Event) {
        self.retry();
        let crowded = self.queue.capacity() < self.queue.max_capacity() / 2;
        let is_measurement = matches!(event, Event::Stats(_));
        if is_measurement && (crowded || self.is_behind()) || self.backlog.len() >= MAX_BACKLOG {
            self.dropped += 1;
            return;
        }
        self.backlog.push_back(event);
        self.retry();
    }

    /// Tries again what found no room.
    pub(super) fn retry(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.queue.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }

    /// Something waits to be tried again.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Events dropped since the beginning.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use media::event::LegStats;
    use media::ids::LegId;
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    fn reports(room: usize) -> (Reports, Receiver<Event>) {
        let (queue, events) = channel(room);
        (Reports::new(queue), events)
    }

    fn measurement(leg: u64) -> Event {
        Event::Stats(Box::new(LegStats {
            leg: LegId(leg),
            streams: Vec::new(),
            round_trip: None,
            rejected: 0,
        }))
    }

    fn fetched(events: &mut Receiver<Event>) -> usize {
        std::iter::from_fn(|| events.try_recv().ok()).count()
    }

    #[test]
    fn measurements_of_many_legs_at_once_all_reach_a_driver_that_has_room() {
        let (mut reports, mut events) = reports(100);
        (0..50).for_each(|leg| reports.push(measurement(leg)));
        assert_eq!((fetched(&mut events), reports.dropped()), (50, 0));
    }

    #[test]
    fn a_driver_that_is_behind_gets_no_measurements_but_everything_else_later() {
        let (mut reports, mut events) = reports(4);
        (0..6).for_each(|leg| reports.push(Event::Closed(LegId(leg))));
        reports.push(measurement(6));
        assert_eq!((reports.dropped(), reports.is_behind()), (1, true));
        assert_eq!(fetched(&mut events), 4);
        reports.retry();
        assert!(!reports.is_behind());
        assert_eq!(fetched(&mut events), 2);
    }

    #[test]
    fn what_is_kept_for_the_driver_is_bounded() {
        let (mut reports, _events) = reports(1);
        let count = MAX_BACKLOG as u64 + 3;
        (0..count).for_each(|leg| reports.push(Event::Closed(LegId(leg))));
        assert_eq!((reports.backlog.len(), reports.dropped()), (MAX_BACKLOG, 2));
    }

    #[test]
    fn nothing_is_kept_for_a_driver_that_is_gone() {
        let (mut reports, events) = reports(1);
        drop(events);
        reports.push(Event::Closed(LegId(1)));
        assert!(!reports.is_behind());
    }
}
