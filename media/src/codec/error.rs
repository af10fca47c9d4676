//! What can go wrong, by whose fault it is.

use thiserror::Error;

use super::{AudioCodec, SampleRate};

/// A coder that cannot be made: our caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// [`AudioCodec::rates`] says which rates a coder runs at.
    #[error("{codec:?} does not run at {} Hz", rate.hz())]
    Rate {
        /// The coder.
        codec: AudioCodec,
        /// The rate it does not have.
        rate: SampleRate,
    },
    /// The library did not give its state, for want of memory.
    #[error("the {0:?} library gave no coder")]
    Library(AudioCodec),
}

/// A payload that cannot be decoded. The decoder can go on with the next payload, or conceal this
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The peer sent no payload at all.
    #[error("the payload is empty")]
    Empty,
    /// The peer sent what is no payload of this coder.
    #[error("the payload does not decode")]
    Malformed,
    /// The payload lasts longer than the output has room for, or than a packet may.
    #[error("the payload is longer than a packet may be")]
    TooLong,
}

/// Samples that cannot be encoded: our caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// [`AudioCodec::packet_times`] says which lengths can be encoded.
    #[error("{0} samples are no packet of this coder")]
    Length(usize),
    /// The output is too short for the payload.
    #[error("the output is too short for the payload")]
    NoRoom,
    /// The library refused what its description allows.
    #[error("the library failed to encode")]
    Library,
}
