//! Secure RTP and RTCP (RFC 3711) keyed by DTLS (RFC 5764) or by a description (RFC 4568), in
//! place: AES-CM with HMAC-SHA1 and AES-GCM (RFC 7714). No MKI, and a key derivation rate of
//! zero, as DTLS-SRTP has it.
//!
//! Key schedules and HMAC states are made once. State of an SSRC is made only after a packet
//! of it was authenticated, or by us for our own; nothing is allocated per packet.

mod aead;
mod cipher;
mod counter_mode;
mod inbound;
mod keys;
mod outbound;
mod profile;
mod stream;
mod window;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use inbound::SrtpInbound;
pub use keys::{Keys, MasterKey};
pub use outbound::SrtpOutbound;
pub use profile::Profile;
pub use stream::MAX_SSRCS;

/// By how much any profile lengthens an RTP packet.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// By how much any profile lengthens an RTCP packet.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// Length of the SRTCP index with its E bit (RFC 3711 3.4).
const INDEX_WORD_LEN: usize = 4;
/// What of an RTCP packet is never encrypted: common header and first SSRC.
const RTCP_CLEAR_LEN: usize = 8;

/// Why a packet was not protected or not accepted. Nothing was changed but the packet's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// No RTP or RTCP packet, or too short to be a protected one.
    #[error("not an SRTP or SRTCP packet")]
    Malformed,
    /// The authentication tag is wrong: forged, damaged, or for another key.
    #[error("SRTP authentication failed")]
    Unauthentic,
    /// It came before (RFC 3711 3.3.2).
    #[error("SRTP packet replayed")]
    Replayed,
    /// Too far behind the newest to tell whether it came before.
    #[error("SRTP packet older than the replay window")]
    TooOld,
    /// An SRTCP packet that is not encrypted: no profile of ours allows it.
    #[error("SRTCP packet is not encrypted")]
    Unencrypted,
    /// Its SSRC is new and there are [`MAX_SSRCS`] already.
    #[error("too many SSRCs in one direction of an SRTP session")]
    TooManySsrcs,
    /// Our own packet would use a key stream a second time.
    #[error("outbound sequence number was used before")]
    Reused,
    /// Our own buffer has no room for the tag.
    #[error("buffer too small for the SRTP tag")]
    NoRoom,
    /// As many packets were sent as one key allows (RFC 3711 9.2).
    #[error("SRTP key is used up")]
    KeyExhausted,
    /// Keys or exported keying material of a length that does not fit the profile.
    #[error("keying material does not fit the SRTP profile")]
    KeyLength,
}
