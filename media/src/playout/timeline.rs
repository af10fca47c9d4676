//! Where a packet lies in its stream: numbers and timestamps without wrap.

use super::config::Arrived;

/// Numbers that far ahead or behind are of another numbering (RFC 3550 A.1, as `reception`).
const MAX_DROPOUT: i16 = 3000;
const MAX_MISORDER: i16 = -1024;
/// A packet that seems to come from further ahead than this, and than any delay, is of another
/// timeline, µs.
const MAX_AHEAD: i64 = 500_000;

/// A stream's numbers and timestamps.
#[derive(Debug)]
pub(super) struct Timeline {
    ssrc: u32,
    clock_rate: u32,
    /// The newest packet.
    sequence: i64,
    timestamp: i64,
    /// A packet that fits nowhere: if the next one follows it, the timeline begins anew.
    suspect: Option<(u16, u32)>,
}

/// Where a packet lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Number and time (µs) without wrap.
    At { sequence: i64, media: i64 },
    /// Nowhere: perhaps the beginning of something new.
    Suspect,
    /// Nowhere, as the one before it: this is a new timeline.
    Restart,
}

impl Timeline {
    /// That begins with this packet.
    pub(super) fn new(packet: &Arrived<'_>) -> Self {
        Self {
            ssrc: packet.ssrc,
            clock_rate: packet.clock_rate,
            sequence: packet.sequence_number.into(),
            timestamp: packet.timestamp.into(),
            suspect: None,
        }
    }

    /// Where the first packet lies.
    pub(super) fn begin(&self) -> (i64, i64) {
        (self.sequence, self.media(self.timestamp))
    }

    pub(super) fn is_of(&self, packet: &Arrived<'_>) -> bool {
        self.ssrc == packet.ssrc && self.clock_rate == packet.clock_rate
    }

    /// Places a packet. `earliest` is the time on this timeline that the fastest packet of late
    /// would have, if it had come now, µs.
    pub(super) fn place(
        &mut self,
        packet: &Arrived<'_>,
        earliest: Option<i64>,
        max_delay: i64,
    ) -> Placed {
        // The low bits are what was on the wire; the difference is taken modulo their width.
        let ahead = packet.sequence_number.wrapping_sub(self.sequence as u16) as i16;
        let units = packet.timestamp.wrapping_sub(self.timestamp as u32) as i32;
        let sequence = self.sequence + i64::from(ahead);
        let timestamp = self.timestamp + i64::from(units);
        let media = self.media(timestamp);
        let from_future = earliest.is_some_and(|it| media - it > MAX_AHEAD.max(max_delay));
        if from_future || !(MAX_MISORDER..=MAX_DROPOUT).contains(&ahead) {
            return self.suspect(packet);
        }
        self.suspect = None;
        if ahead > 0 {
            self.sequence = sequence;
            self.timestamp = timestamp;
        }
        Placed::At { sequence, media }
    }

    fn suspect(&mut self, packet: &Arrived<'_>) -> Placed {
        let (number, timestamp) = (packet.sequence_number, packet.timestamp);
        let before = self.suspect.replace((number, timestamp));
        let follows = before.is_some_and(|(number_before, timestamp_before)| {
            number == number_before.wrapping_add(1)
                && timestamp.wrapping_sub(timestamp_before) < self.clock_rate
        });
        match follows {
            true => Placed::Restart,
            false => Placed::Suspect,
        }
    }

    /// µs
    fn media(&self, timestamp: i64) -> i64 {
        (timestamp.saturating_mul(1_000_000))
            .checked_div(self.clock_rate.into())
            .unwrap_or(0)
    }
}
