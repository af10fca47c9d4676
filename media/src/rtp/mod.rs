//! RTP and RTCP (RFC 3550): packet views, rewriting, sequence arithmetic, reports, loss repair.
//!
//! Views borrow the caller's bytes and check them on the way in; writers fill the caller's
//! buffer. Nothing here allocates per packet.

pub(crate) mod bytes;

pub mod cache;
pub mod extension;
pub mod h264;
pub mod header;
pub mod nack;
pub mod ntp;
pub mod reception;
pub mod rewrite;
pub mod rtcp;
pub mod rtx;
pub mod sequence;

#[cfg(test)]
mod tests;

pub use cache::{CacheConfig, PacketCache, Resend};
pub use extension::{Element, ExtensionMap, Extensions};
pub use header::{Header, HeaderMut, Packet, RtpError, is_rtcp};
pub use nack::{NackConfig, NackTracker, NackVerdict};
pub use ntp::{Ntp64, NtpClock};
pub use reception::{Arrival, Reception, round_trip};
pub use rewrite::{Rewrite, rewrite};
pub use sequence::{SequenceUnwrapper, TimestampUnwrapper};
