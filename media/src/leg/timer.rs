//! The timers of one leg.

use std::time::Instant;

/// What a leg may have to do later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Timer {
    /// To retransmit a DTLS flight, or to give up on set-up or consent.
    Transport,
    /// To send receiver and sender reports.
    Report,
    /// To ask the far side for lost packets.
    Nack,
    /// To ask the far side for a keyframe that has not come, or was asked for too early.
    Keyframe,
    /// To tell the far side how much it may send.
    Bitrate,
    /// To send the next packet of an outgoing DTMF event.
    Dtmf,
    /// To see whether media arrives.
    Silence,
    /// To report measurements.
    Stats,
}

/// All of them, in the order they are looked at.
pub const TIMERS: [Timer; COUNT] = [
    Timer::Transport,
    Timer::Report,
    Timer::Nack,
    Timer::Keyframe,
    Timer::Bitrate,
    Timer::Dtmf,
    Timer::Silence,
    Timer::Stats,
];

const COUNT: usize = 8;

/// When each timer is due.
#[derive(Debug, Default, Clone)]
pub struct TimerTable {
    due: [Option<Instant>; COUNT],
}

impl TimerTable {
    /// Arms a timer anew, or stops it.
    pub fn set(&mut self, timer: Timer, due: Option<Instant>) {
        if let Some(slot) = self.due.get_mut(timer as usize) {
            *slot = due;
        }
    }

    /// Arms a timer unless it is due earlier already.
    pub fn set_no_later(&mut self, timer: Timer, due: Instant) {
        if let Some(slot) = self.due.get_mut(timer as usize) {
            *slot = Some(slot.map_or(due, |armed| armed.min(due)));
        }
    }

    /// Whether it is armed at all.
    pub fn is_set(&self, timer: Timer) -> bool {
        self.due.get(timer as usize).is_some_and(Option::is_some)
    }

    /// Stops a timer that is due and says so.
    pub fn take_due(&mut self, timer: Timer, now: Instant) -> bool {
        match self.due.get_mut(timer as usize) {
            Some(slot) if slot.is_some_and(|due| due <= now) => {
                *slot = None;
                true
            }
            _ => false,
        }
    }

    /// Stops them all.
    pub fn clear(&mut self) {
        self.due = Default::default();
    }

    /// The earliest.
    pub fn next(&self) -> Option<Instant> {
        self.due.iter().copied().flatten().min()
    }
}
