//! Offer and answer (RFC 3264, RFC 9429) as pure functions: text and typed parameters in, text
//! and finished plans out.
//!
//! Each leg is described by itself; what joins two legs is what each may say because of the
//! other. The far side of a leg either offers or answers:
//!
//! * It offers: [`RemoteOffer::parse`] reads that, and [`answer()`] replies with what the leg's
//!   partner can carry.
//! * We offer: [`offer()`] writes what the partner offers or has agreed to, or all that can be
//!   carried; [`reoffer()`] does so on a leg that has agreed to something already; [`settle()`]
//!   reads the reply.
//!
//! Later one side changes. [`asks_for_more()`] says whether its offer wants something that the
//! partner has not agreed to yet, and [`suits()`] whether the partner need not be told.
//!
//! Either way an [`Agreement`] comes of it, with the leg's plan, and [`join`] makes the patches
//! of two of them. A call that begins with A's offer and B's answer is all of that at once:
//! [`bridge()`].
//!
//! Everything that has to be unique or random (credentials, SSRCs, ports, names) is the
//! caller's, in [`Local`].
//!
//! What is agreed end to end and what leg by leg:
//!
//! | end to end: what both sides have | leg by leg |
//! |---|---|
//! | codecs and their parameters, direction, header extensions, packet times, bit rates | transport and keys, payload types, RTX, RTCP feedback, `telephone-event` |
//!
//! Where two sides have no codec for sound in common, it is transcoded, and codecs, parameters
//! and packet times are leg by leg too; packet times stay end to end where a table makes one law of G.711
//! of the other. So that this happens only where it must, a leg is offered
//! first what its partner has, and only then what we could transcode to; and it is answered with
//! what its partner has, as long as there is any.

mod agreement;
mod answer;
mod bridge;
mod describe;
mod error;
mod everything;
mod extension;
mod format;
mod h264;
mod local;
mod offer;
mod reach;
mod remote;
mod rtp;
mod settle;
mod suit;
mod template;
#[cfg(test)]
mod tests;
mod transcode;

pub use agreement::{Agreement, codec_between, join};
pub use answer::{LocalAnswer, answer};
pub use bridge::{Bridge, Outcome, bridge};
pub use error::{Absence, NegotiationError};
pub use local::{KeySeed, Local, LocalRtp, LocalTransport, LocalWebRtc, RtpProfile, Security};
pub use offer::{LocalOffer, offer, offer_from, reoffer};
pub use remote::{OfferedTransport, RemoteOffer};
pub use rtp::check_transport;
pub use settle::settle;
pub use suit::{asks_for_more, suits};
pub use template::Source;

use crate::plan::Format;
use crate::sdp::Limits;

/// What the operator wants. The default takes the caller's order, leaves out nothing, and
/// transcodes where it must.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Moved to the front of an offer in this order; the others follow in the order of the
    /// side that offers.
    pub preferred: Vec<Format>,
    /// Never negotiated.
    pub excluded: Vec<Format>,
    /// What the leg itself may use, the one to be preferred first: of a kind that is named here nothing
    /// else. It holds for our offers to it and our answers; what it offers is read by
    /// [`RemoteOffer::restricted_to`].
    pub only: Vec<Format>,
    /// Whether sound may be decoded and encoded anew between sides without a codec in common.
    pub transcoding: Transcoding,
    /// What a video sender is told at most, bit/s.
    pub max_video_bitrate: Option<u64>,
    /// What a peer's description may hold.
    pub limits: Limits,
}

/// Whether sound may be transcoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transcoding {
    /// Where it must be.
    #[default]
    Allowed,
    /// The operator forbids it.
    Forbidden,
    /// As many calls are transcoded as there may be: only by table, which takes no room (ADR 22).
    Full,
}
