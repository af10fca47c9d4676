//! The packets last sent on a stream, kept to answer NACKs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes allocated at once. Packets never span two of them.
const CHUNK_LEN: usize = 16 * 1024;

/// Times that one packet is given out again: when so many did not arrive, no more will.
const MAX_RESENDS: u8 = 8;

/// Each time a packet is given out again the next time comes twice as late, up to this: a far
/// side that asks every few milliseconds through a full queue would only keep it full.
const MAX_BACKOFF: Duration = Duration::from_millis(200);

/// Limits of a [`PacketCache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// Sequence numbers it reaches back, rounded up to a power of two, at most 32768.
    pub max_packets: usize,
    /// Bytes of packets, rounded down to whole chunks of 16 KiB; at least two of them.
    pub max_bytes: usize,
    /// Packets this old are of no use: their room is taken again before the cache grows.
    pub max_age: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_packets: 512,
            max_bytes: 640 * 1024,
            max_age: Duration::from_secs(1),
        }
    }
}

/// What became of a request for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend<'a> {
    /// Send it.
    Packet(&'a [u8]),
    /// It was sent again a short while ago: this request crossed it.
    TooSoon,
    /// The caller would not pay for it.
    Refused,
    /// It was sent again so often that the far side will not get it.
    Hopeless,
    /// Never stored, already overwritten, or a keyframe has made it useless.
    Gone,
}

/// Plain RTP packets as they were sent, by sequence number.
///
/// Memory comes with traffic: nothing before the first packet, then a chunk at a time until
/// one `max_age` of packets fits or `max_bytes` is reached, and after that nothing.
///
/// A stored packet may go out again in two ways only: wrapped in RTX, or bit for bit through
/// [`SrtpOutbound::protect_rtp_again`](crate::srtp::SrtpOutbound::protect_rtp_again).
#[derive(Debug)]
pub struct PacketCache {
    max_age: Duration,
    max_chunks: usize,
    max_packets: usize,
    /// By the low bits of the sequence number.
    slots: Vec<Slot>,
    /// The oldest first, the one being filled last.
    chunks: VecDeque<Chunk>,
    /// Number of the first chunk; every reuse gives a chunk a new number, so that slots of
    /// its former packets are seen to be stale.
    first_chunk: u64,
    stored: u64,
    keyframe: Option<Keyframe>,
}

/// The first packet of a frame that makes all before it useless.
#[derive(Debug, Clone, Copy)]
struct Keyframe {
    sequence_number: u16,
    timestamp: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    chunk: u64,
    offset: u16,
    len: u16,
    sequence_number: u16,
    resends: u8,
    resent: Option<Instant>,
}

/// Length 0 is no packet's.
const EMPTY: Slot = Slot {
    chunk: 0,
    offset: 0,
    len: 0,
    sequence_number: 0,
    resends: 0,
    resent: None,
};

#[derive(Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    used: usize,
    /// Where the last packet begins.
    last_at: usize,
    /// When the last packet came, and how many had been stored by then.
    last: Option<(Instant, u64)>,
}

impl PacketCache {
    /// Empty and without memory.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            max_age: config.max_age,
            max_chunks: (config.max_bytes / CHUNK_LEN).max(2),
            max_packets: config.max_packets.clamp(1, 0x8000).next_power_of_two(),
            slots: Vec::new(),
            chunks: VecDeque::new(),
            first_chunk: 0,
            stored: 0,
            keyframe: None,
        }
    }

    /// Keeps a copy of `packet`, sent under `sequence_number`. One longer than 16 KiB or empty
    /// is not kept.
    pub fn insert(&mut self, now: Instant, sequence_number: u16, packet: &[u8]) {
        let Ok(len) = u16::try_from(packet.len()) else {
            return;
        };
        if packet.is_empty() || packet.len() > CHUNK_LEN {
            return;
        }
        if self.room_in_last() < packet.len() {
            self.open_chunk(now);
        }
        let number = self.first_chunk + (self.chunks.len() as u64).saturating_sub(1);
        self.stored += 1;
        let Some(chunk) = self.chunks.back_mut() else {
            return;
        };
        let offset = chunk.used;
        let Some(room) = chunk.bytes.get_mut(offset..offset + packet.len()) else {
            return;
        };
        room.copy_from_slice(packet);
        chunk.last_at = offset;
        chunk.used += packet.len();
        chunk.last = Some((now, self.stored));
        if self.slots.is_empty() {
            self.slots.resize(self.max_packets, EMPTY);
        }
        let index = self.slot_index(sequence_number);
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot {
                chunk: number,
                offset: offset as u16,
                len,
                sequence_number,
                resends: 0,
                resent: None,
            };
        }
        // Nothing stored is from before it any more, and numbers will come round.
        let passed = |it: &Keyframe| self.is_far_behind(it.sequence_number, sequence_number);
        self.keyframe = self.keyframe.filter(|it| !passed(it));
    }

    /// A packet of a keyframe was stored: what was sent before it is of no use any more.
    /// Several packets may say so of one frame, which shares a timestamp; the first counts.
    pub fn begin_keyframe(&mut self, sequence_number: u16, timestamp: u32) {
        let is_later_part = self.keyframe.is_some_and(|known| {
            known.timestamp == timestamp && !is_before(sequence_number, known.sequence_number)
        });
        if !is_later_part {
            self.keyframe = Some(Keyframe {
                sequence_number,
                timestamp,
            });
        }
    }

    /// The packet sent under `sequence_number`, which then counts as sent again. It is given out
    /// again after `interval` at the soonest, then after twice that time, and so on; and only if
    /// its length is `affordable`, which is asked last.
    pub fn resend(
        &mut self,
        now: Instant,
        sequence_number: u16,
        interval: Duration,
        affordable: impl FnOnce(usize) -> bool,
    ) -> Resend<'_> {
        if let Some(keyframe) = &self.keyframe
            && is_before(sequence_number, keyframe.sequence_number)
        {
            return Resend::Gone;
        }
        let index = self.slot_index(sequence_number);
        let Some(slot) = self.slots.get_mut(index) else {
            return Resend::Gone;
        };
        if slot.len == 0 || slot.sequence_number != sequence_number {
            return Resend::Gone;
        }
        let chunk = slot
            .chunk
            .checked_sub(self.first_chunk)
            .and_then(|index| self.chunks.get(usize::try_from(index).ok()?));
        let start = usize::from(slot.offset);
        let Some(packet) =
            chunk.and_then(|chunk| chunk.bytes.get(start..start + usize::from(slot.len)))
        else {
            return Resend::Gone;
        };
        let doublings = slot.resends.saturating_sub(1);
        let backoff = interval.saturating_mul(1 << doublings);
        let wait = backoff.min(MAX_BACKOFF).max(interval);
        if slot
            .resent
            .is_some_and(|at| now.saturating_duration_since(at) < wait)
        {
            return Resend::TooSoon;
        }
        if slot.resends >= MAX_RESENDS {
            return Resend::Hopeless;
        }
        if !affordable(packet.len()) {
            return Resend::Refused;
        }
        slot.resent = Some(now);
        slot.resends += 1;
        Resend::Packet(packet)
    }

    /// The packet stored last, and when that was.
    pub fn latest(&self) -> Option<(Instant, &[u8])> {
        let chunk = self.chunks.back()?;
        let (at, _) = chunk.last?;
        let packet = chunk.bytes.get(chunk.last_at..chunk.used)?;
        (!packet.is_empty()).then_some((at, packet))
    }

    /// Forgets all packets and gives the memory back.
    pub fn clear(&mut self) {
        self.slots = Vec::new();
        self.chunks = VecDeque::new();
        self.first_chunk = 0;
        self.keyframe = None;
    }

    /// Memory held, in bytes.
    pub fn allocated(&self) -> usize {
        self.chunks.len() * CHUNK_LEN + self.slots.capacity() * size_of::<Slot>()
    }

    fn slot_index(&self, sequence_number: u16) -> usize {
        usize::from(sequence_number) & (self.max_packets - 1)
    }

    fn is_far_behind(&self, old: u16, new: u16) -> bool {
        is_before(old, new) && usize::from(new.wrapping_sub(old)) >= self.max_packets
    }

    fn room_in_last(&self) -> usize {
        self.chunks.back().map_or(0, |chunk| CHUNK_LEN - chunk.used)
    }

    /// Makes the last chunk an empty one: the oldest if nothing in it is of use or no more may
    /// be allocated, else a new one.
    fn open_chunk(&mut self, now: Instant) {
        let oldest_is_spent = self
            .chunks
            .front()
            .is_some_and(|chunk| self.is_spent(chunk, now));
        if self.chunks.len() >= self.max_chunks || oldest_is_spent {
            if let Some(mut chunk) = self.chunks.pop_front() {
                self.first_chunk += 1;
                chunk.used = 0;
                chunk.last_at = 0;
                chunk.last = None;
                self.chunks.push_back(chunk);
            }
        } else {
            self.chunks.push_back(Chunk {
                bytes: vec![0; CHUNK_LEN].into_boxed_slice(),
                used: 0,
                last_at: 0,
                last: None,
            });
        }
    }

    fn is_spent(&self, chunk: &Chunk, now: Instant) -> bool {
        chunk.last.is_none_or(|(at, stored)| {
            now.saturating_duration_since(at) > self.max_age
                || self.stored - stored >= self.max_packets as u64
        })
    }
}

/// By the shorter way round (RFC 1982).
fn is_before(number: u16, other: u16) -> bool {
    number != other && other.wrapping_sub(number) < 0x8000
}
