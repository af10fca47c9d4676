//! Secure RTP (RFC 3711) with the protection profiles of DTLS-SRTP (RFC 5764, RFC 7714).
//!
//! Packets are protected and unprotected in place. Key schedules and HMAC states are computed
//! once; nothing allocates per packet. State about a synchronisation source exists only after
//! a packet of it was authenticated, and for a bounded number of sources.

mod cipher;
mod context;
mod index;
mod keys;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::rtp::RtpError;

pub use context::{MAX_SSRCS, SrtpInbound, SrtpOutbound};
pub use keys::{Keys, MasterKey, Profile};

/// What protection adds to an RTP packet at most (the AEAD tag).
pub const MAX_RTP_OVERHEAD: usize = 16;

/// What protection adds to an RTCP packet at most: the AEAD tag and the index word.
pub const MAX_RTCP_OVERHEAD: usize = 16 + 4;

/// Why a packet was refused. All but the last three are the network's or the sender's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// Not even the clear part is RTP.
    #[error(transparent)]
    Rtp(#[from] RtpError),
    /// Too short for what a protected packet carries, or sent unencrypted.
    #[error("not a protected packet")]
    Malformed,
    /// Changed on the way, or protected with other keys.
    #[error("authentication failed")]
    Authentication,
    /// Seen before, or too old to tell.
    #[error("replayed packet")]
    Replay,
    /// More synchronisation sources than a peer of ours has.
    #[error("more than {MAX_SSRCS} synchronisation sources")]
    TooManySsrcs,
    /// Our own buffer is too small for what protection adds.
    #[error("buffer too small for the protected packet")]
    NoRoom,
    /// 2^48 RTP or 2^31 RTCP packets went out under one key (RFC 3711 9.2).
    #[error("the key is used up")]
    KeyExhausted,
    /// Exported keying material of a length that does not fit its profile.
    #[error("keying material does not fit its profile")]
    KeyLength,
}
