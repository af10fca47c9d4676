//! State of the streams of one direction, by SSRC.

use super::SrtpError;
use super::window::{Standing, Window};

/// SSRCs for each direction, for RTP and RTCP apart. A browser's bundle has four at most; the
/// rest is room for streams that are replaced during a call.
pub const MAX_SSRCS: usize = 16;

/// Packets an RTP packet may be late. Under loss a keyframe's packets are asked for again for
/// up to a second: 1024 reach as far back at 1000 packets a second, some 10 Mbit/s.
pub(super) const RTP_WINDOW_WORDS: usize = 1024 / 64;
/// Packets an RTCP packet may be late: 128, where RFC 3711 3.3.2 asks for 64 at least.
pub(super) const RTCP_WINDOW_WORDS: usize = 128 / 64;

/// Last packet index of a key: 48 bits for RTP (RFC 3711 9.2).
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;
/// The same for RTCP: 31 bits.
pub(super) const MAX_RTCP_INDEX: u32 = 0x7FFF_FFFF;

/// The streams seen so far.
#[derive(Debug)]
pub(super) struct Streams<const WORDS: usize> {
    streams: Vec<Stream<WORDS>>,
}

#[derive(Debug)]
struct Stream<const WORDS: usize> {
    ssrc: u32,
    window: Window<WORDS>,
}

/// Where a packet belongs, found before it is authenticated and used after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
    pub(super) standing: Standing,
    slot: Option<usize>,
}

impl<const WORDS: usize> Streams<WORDS> {
    pub(super) fn new() -> Self {
        Self {
            streams: Vec::new(),
        }
    }

    /// Finds the place of an RTP packet by its sequence number.
    pub(super) fn locate_sequence(
        &self,
        ssrc: u32,
        sequence_number: u16,
    ) -> Result<Place, SrtpError> {
        match self.slot(ssrc) {
            Some((slot, stream)) => {
                let index = estimate_index(stream.window.highest(), sequence_number)?;
                Ok(stream.place(index, slot))
            }
            // "the receiver [...] initializes s_l to the observed sequence number" and the
            // rollover counter to zero (RFC 3711 3.3.1).
            None => self.new_place(ssrc, sequence_number.into()),
        }
    }

    /// Finds the place of an RTCP packet by its explicit index.
    pub(super) fn locate_index(&self, ssrc: u32, index: u64) -> Result<Place, SrtpError> {
        match self.slot(ssrc) {
            Some((slot, stream)) => Ok(stream.place(index, slot)),
            None => self.new_place(ssrc, index),
        }
    }

    /// Highest index of a stream.
    pub(super) fn highest(&self, ssrc: u32) -> Option<u64> {
        Some(self.slot(ssrc)?.1.window.highest())
    }

    /// Marks a place used, of a packet that is authentic.
    pub(super) fn commit(&mut self, place: Place) {
        match place.slot.and_then(|slot| self.streams.get_mut(slot)) {
            Some(stream) => stream.window.insert(place.index),
            None => {
                self.streams.reserve_exact(1);
                self.streams.push(Stream {
                    ssrc: place.ssrc,
                    window: Window::new(place.index),
                });
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    fn slot(&self, ssrc: u32) -> Option<(usize, &Stream<WORDS>)> {
        self.streams
            .iter()
            .enumerate()
            .find(|(_, stream)| stream.ssrc == ssrc)
    }

    fn new_place(&self, ssrc: u32, index: u64) -> Result<Place, SrtpError> {
        if self.streams.len() >= MAX_SSRCS {
            return Err(SrtpError::TooManySsrcs);
        }
        Ok(Place {
            ssrc,
            index,
            standing: Standing::Fresh,
            slot: None,
        })
    }
}

impl<const WORDS: usize> Stream<WORDS> {
    fn place(&self, index: u64, slot: usize) -> Place {
        Place {
            ssrc: self.ssrc,
            index,
            standing: self.window.standing(index),
            slot: Some(slot),
        }
    }
}

/// The index nearest to the highest one (RFC 3711 3.3.1).
///
/// # Errors
/// [`SrtpError::TooOld`] before the first packet ever, [`SrtpError::KeyExhausted`] after the
/// last.
pub(super) fn estimate_index(highest: u64, sequence_number: u16) -> Result<u64, SrtpError> {
    let rollover = highest >> 16;
    let reference = (highest & 0xFFFF) as i32;
    let number = i32::from(sequence_number);
    let rollover = if reference < 0x8000 && number - reference > 0x8000 {
        rollover.checked_sub(1).ok_or(SrtpError::TooOld)?
    } else if reference >= 0x8000 && reference - 0x8000 > number {
        rollover + 1
    } else {
        rollover
    };
    let index = (rollover << 16) | u64::from(sequence_number);
    if index > MAX_RTP_INDEX {
        return Err(SrtpError::KeyExhausted);
    }
    Ok(index)
}
