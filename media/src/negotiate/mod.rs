//! Offer and answer (RFC 3264, RFC 9429) between the legs of a call, as pure functions: text
//! and typed parameters in, text and finished plans out.
//!
//! A call between legs A (who offers) and B goes through here three times:
//! [`RemoteOffer::parse`] reads A's offer, [`offer()`] writes one to each leg B that mirrors its
//! payload types and extension ids, and [`bridge()`] reads the answer of the leg that won and
//! makes A's answer, both legs' plans and the patches between them. Everything that has to be
//! unique or random (credentials, SSRCs, names) is the caller's, in [`Local`].
//!
//! What is agreed end to end and what leg by leg:
//!
//! | end to end: what both sides have | leg by leg |
//! |---|---|
//! | codecs and their parameters, direction, header extensions, packet times, bit rates | ICE, DTLS, payload types, RTX, RTCP feedback, `telephone-event` |

mod agree;
mod bridge;
mod describe;
mod error;
mod extension;
mod format;
mod h264;
mod offer;
mod remote;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use smol_str::SmolStr;

pub use bridge::{Bridge, Outcome, bridge};
pub use error::{Absence, NegotiationError};
pub use offer::{LocalOffer, offer};
pub use remote::RemoteOffer;

use crate::ids::{Fingerprint, IceCredentials};
use crate::plan::Format;
use crate::sdp::Limits;

/// What is ours on one leg, allocated by the caller before anything is negotiated.
#[derive(Debug, Clone)]
pub struct Local {
    /// Of the `o=` line; unique among the descriptions of this host (RFC 8866 5.2).
    pub session_id: u64,
    /// The user name fragment is unique over all legs of the process.
    pub ice: IceCredentials,
    /// Of our DTLS certificate.
    pub fingerprint: Fingerprint,
    /// Where the far side reaches us over UDP, the best first; at least one.
    pub candidates: Vec<SocketAddr>,
    /// Where it reaches us over TCP (RFC 6544), the best first; none if we do not listen there.
    pub tcp_candidates: Vec<SocketAddr>,
    /// RTCP canonical name (RFC 7022).
    pub cname: SmolStr,
    /// The media stream that holds both tracks. One for both: a page that plays "the last
    /// stream" would lose the sound otherwise.
    pub stream_id: SmolStr,
    /// Outbound SSRC of the audio stream.
    pub audio_ssrc: u32,
    /// Outbound SSRC of the video stream.
    pub video_ssrc: u32,
    /// Outbound SSRC of its retransmissions.
    pub video_rtx_ssrc: u32,
}

/// What the operator wants. The default takes the caller's order and leaves out nothing.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Moved to the front of an offer in this order; the others follow in the order of the
    /// side that offers.
    pub preferred: Vec<Format>,
    /// Never negotiated.
    pub excluded: Vec<Format>,
    /// What a video sender is told at most, bit/s.
    pub max_video_bitrate: Option<u64>,
    /// What a peer's description may hold.
    pub limits: Limits,
}
