//! The timers of one leg, beside those of its transport.

use std::time::Instant;

/// What a leg may have to do later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Timer {
    /// To send receiver and sender reports.
    Report,
    /// To ask the far side for lost packets.
    Nack,
    /// To ask the far side for a keyframe that has not come, or was asked for too early.
    Keyframe,
    /// To tell the far side how much it may send.
    Bitrate,
    /// To send more of a probe.
    Probe,
    /// To send the next packet of an outgoing DTMF event.
    Dtmf,
    /// To see whether media arrives.
    Silence,
    /// To report measurements.
    Stats,
}

/// All of them, in the order they are looked at.
pub(super) const TIMERS: [Timer; COUNT] = [
    Timer::Report,
    Timer::Nack,
    Timer::Keyframe,
    Timer::Bitrate,
    Timer::Probe,
    Timer::Dtmf,
    Timer::Silence,
    Timer::Stats,
];

const COUNT: usize = 8;

/// When each timer is due.
#[derive(Debug, Default, Clone)]
pub(super) struct TimerTable {
    due: [Option<Instant>; COUNT],
}

impl TimerTable {
    /// Arms a timer anew, or stops it.
    pub(super) fn set(&mut self, timer: Timer, due: Option<Instant>) {
        if let Some(slot) = self.due.get_mut(timer as usize) {
            *slot = due;
        }
    }

    /// Arms a timer unless it is due earlier already.
    pub(super) fn set_no_later(&mut self, timer: Timer, due: Instant) {
        if let Some(slot) = self.due.get_mut(timer as usize) {
            *slot = Some(slot.map_or(due, |armed| armed.min(due)));
        }
    }

    /// Stops a timer that is due and says so.
    pub(super) fn take_due(&mut self, timer: Timer, now: Instant) -> bool {
        match self.due.get_mut(timer as usize) {
            Some(slot) if slot.is_some_and(|due| due <= now) => {
                *slot = None;
                true
            }
            _ => false,
        }
    }

    /// Stops them all.
    pub(super) fn clear(&mut self) {
        self.due = Default::default();
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.iter().copied().flatten().min()
    }
}
