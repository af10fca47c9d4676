//! The deadlines of the Switch, in one table.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use media::ids::LegId;
use sip::flow::FlowId;

use super::call::CallHandle;
use super::people::DeviceId;
use super::sip::WatchId;

/// What may come due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Timer {
    /// When to let a WebSocket's protocol session look at its own deadlines (pings).
    Session(FlowId),
    /// When to stop ringing.
    Ring(CallHandle),
    /// When to end a leg whose page closed its media and has not said why.
    MediaClosed(LegId),
    /// When to end the calls of a device whose connection broke.
    Grace(DeviceId),
    /// When to forget a device whose connection broke.
    Parked(DeviceId),
    /// When the SIP transactions look at their own deadlines.
    Transactions,
    /// When a reliable provisional response that waits for its PRACK is repeated or given up.
    Provisional(LegId),
    /// When a 2xx that waits for its ACK is repeated or given up.
    Accepted(LegId),
    /// When the session of a leg is to be refreshed, or over.
    SipSession(LegId),
    /// When to offer a leg anew what it refused for the moment.
    Reoffer(LegId),
    /// When an offer of a leg is answered, whether its partner was heard or not.
    Deferred(LegId),
    /// When to tell a telephone what becomes of its transfer.
    Referral(LegId),
    /// When the next registration lapses.
    Bindings,
    /// When to tell a subscriber something, or to forget him.
    Watch(WatchId),
    /// When the next telephone is asked whether it is there.
    KeepAlive,
    /// When to write the next piece of a snapshot of registrations.
    Keeping,
    /// When to tell subscribers who is here.
    Presence,
    /// When to stop waiting for flows to close and report the shutdown as complete.
    Shutdown,
}

/// At most one deadline for each [`Timer`].
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Instant, Timer)>,
    armed: BTreeMap<Timer, Instant>,
}

impl Timers {
    /// Arms `timer`, in place of an earlier deadline of it.
    pub(super) fn arm(&mut self, timer: Timer, at: Instant) {
        self.disarm(timer);
        self.armed.insert(timer, at);
        self.due.insert((at, timer));
    }

    /// Arms or disarms.
    pub(super) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        match at {
            Some(at) if self.armed.get(&timer) == Some(&at) => {}
            Some(at) => self.arm(timer, at),
            None => self.disarm(timer),
        }
    }

    /// Forgets `timer`.
    pub(super) fn disarm(&mut self, timer: Timer) {
        if let Some(at) = self.armed.remove(&timer) {
            self.due.remove(&(at, timer));
        }
    }

    /// Whether `timer` is armed.
    pub(super) fn is_armed(&self, timer: Timer) -> bool {
        self.armed.contains_key(&timer)
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer that is due at `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }
}
