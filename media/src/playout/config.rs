//! What goes into a jitter buffer, what it is bound to, and what it counts.

use std::time::{Duration, Instant};

/// Bounds of a [`JitterBuffer`](super::JitterBuffer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutConfig {
    /// The target delay never falls below this. Covers how late a tick may come.
    pub min_delay: Duration,
    /// The target until the first second of packets was measured.
    pub initial_delay: Duration,
    /// No packet waits longer: what would is skipped, and the delay falls to the target at once.
    pub max_delay: Duration,
    /// A gap is concealed for so long, then silent.
    pub max_conceal: Duration,
    /// Packets held at once; beyond it the oldest is dropped.
    pub max_packets: usize,
    /// Payload bytes held at once; beyond it the oldest are dropped, and a packet that is
    /// larger than this alone is refused.
    pub max_bytes: usize,
}

impl Default for PlayoutConfig {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(8),
            initial_delay: Duration::from_millis(40),
            max_delay: Duration::from_millis(400),
            max_conceal: Duration::from_millis(120),
            max_packets: 64,
            max_bytes: 16 * 1024,
        }
    }
}

/// An audio packet of the far side. Telephone events do not belong here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// When.
    pub at: Instant,
    /// Of the stream. Another one means another sender: all begins anew.
    pub ssrc: u32,
    /// As on the wire.
    pub sequence_number: u16,
    /// As on the wire.
    pub timestamp: u32,
    /// Handed back with the payload.
    pub payload_type: u8,
    /// Begin of a talk spurt (RFC 3551 4.1).
    pub marker: bool,
    /// Of the timestamp, Hz; 8000 for G.722. A change means a new timeline.
    pub clock_rate: u32,
    /// How long the payload plays, in units of the timestamp; `None` if that cannot be told.
    pub duration: Option<u32>,
    /// It describes silence (RFC 3389, a SID frame, an Opus DTX frame): after it nothing need
    /// come until somebody talks, and nothing is missing then.
    pub silence: bool,
    /// It carries what the packet before it said as well (in-band FEC, RFC 6716 2.1.7): after losses
    /// it is worth waiting for.
    pub repairs: bool,
    /// What the codec is to get.
    pub payload: &'a [u8],
}

/// What a [`JitterBuffer`](super::JitterBuffer) did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayoutStats {
    /// Packets given in.
    pub received: u64,
    /// Packets played.
    pub played: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that were here already.
    pub duplicates: u64,
    /// Packets that came before an earlier one.
    pub reordered: u64,
    /// Packets dropped because there were too many, or too large.
    pub overflowed: u64,
    /// Packets skipped because they had waited too long.
    pub skipped: u64,
    /// Packets dropped with the timeline they were on, or far from the present one.
    pub discarded: u64,
    /// Times the timeline began anew: SSRC, numbering, timestamps or clock changed.
    pub restarts: u64,
    /// Times that a gap was recovered out of the packet after it, if the codec could.
    pub recoveries: u64,
    /// Time concealed. Neither comfort noise nor silence counts.
    pub concealed: Duration,
    /// Time played in all, without silence and comfort noise.
    pub total: Duration,
}

impl PlayoutStats {
    /// Packets that reached us, but not the ear: loss made by this buffer.
    pub fn unplayed(&self) -> u64 {
        self.late + self.overflowed + self.skipped + self.discarded
    }
}
