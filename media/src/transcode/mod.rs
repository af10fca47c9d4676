//! Sound of one side made into the format of another (RFC 7092 3.2.3): what a sink does with
//! packets of a source whose codec it has not. A [`Transcoder`] is a jitter buffer, a decoder and
//! an encoder between them; it is asked for a packet at an even pace, whatever comes in.
//!
//! Where it sits, and why: ADR 14. Between the two laws of G.711 a table does without all that, as long
//! as packets are as long as the sink wants them: ADR 22.

mod coder;
mod grid;
mod plan;
mod receiver;
mod transcoder;

pub(crate) use coder::{coder, conversion};
pub(crate) use grid::Grid;
pub(crate) use plan::{SourceFormats, TranscodePlan, packet_time};
pub(crate) use receiver::Receiver;
pub(crate) use transcoder::{Pace, Transcoder};

use crate::codec::{MAX_PACKET_SAMPLES, MAX_PAYLOAD};

/// Room that all transcoders of a worker share: each uses it for one packet, and leaves nothing
/// of worth in it.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// What was decoded.
    decoded: Box<[i16]>,
    /// The same at another sampling rate.
    made: Box<[i16]>,
    /// What was encoded.
    payload: Box<[u8]>,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self {
            decoded: vec![0; MAX_PACKET_SAMPLES].into(),
            made: vec![0; MAX_PACKET_SAMPLES].into(),
            payload: vec![0; MAX_PAYLOAD].into(),
        }
    }

    /// Room for what was decoded, for the same at another rate, and for what was encoded.
    pub(crate) fn parts(&mut self) -> (&mut [i16], &mut [i16], &mut [u8]) {
        (&mut self.decoded, &mut self.made, &mut self.payload)
    }

    /// Room for the sound of one packet.
    pub(crate) fn room(&mut self) -> &mut [i16] {
        &mut self.decoded
    }

    /// Room for the sound of one packet, and for its payload.
    pub(crate) fn rooms(&mut self) -> (&mut [i16], &mut [u8]) {
        (&mut self.decoded, &mut self.payload)
    }

    /// What was encoded last.
    pub(crate) fn payload(&self, len: usize) -> &[u8] {
        self.payload.get(..len).unwrap_or_default()
    }
}
