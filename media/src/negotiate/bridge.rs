//! From leg B's answer to leg A's answer, the plans of both and the patches between them.

use std::fmt;

use smol_str::SmolStr;

use super::agreement::{Agreement, codec_between, join};
use super::answer::answer;
use super::offer::LocalOffer;
use super::remote::RemoteOffer;
use super::settle::{accepted_names, per_kind, read, settled};
use super::template::Source;
use super::{Absence, Local, NegotiationError, Policy};
use crate::ids::{LegId, MediaKind};
use crate::plan::{LegPlan, PatchPlan};
use crate::sdp::Direction;

/// Two legs joined.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// To be sent to A.
    pub answer_to_a: String,
    /// Final.
    pub plan_a: LegPlan,
    /// Final; replaces [`LocalOffer::plan`].
    pub plan_b: LegPlan,
    /// Feeds B from A.
    pub a_to_b: PatchPlan,
    /// Feeds A from B.
    pub b_to_a: PatchPlan,
    /// What leg A and its far side have agreed on, for later exchanges.
    pub a: Agreement,
    /// The same of leg B.
    pub b: Agreement,
    /// What became of the sound.
    pub audio: Outcome,
    /// What became of the picture.
    pub video: Outcome,
    /// One line for log and operator:
    /// `A offers opus,PCMU|VP8,H264; B accepts opus|VP8; bridge opus|VP8`.
    pub summary: String,
}

/// Whether a medium is part of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Both sides use the codec of this name, as A writes it; or each its own, `opus/PCMU`, and it
    /// is transcoded.
    Bridged(SmolStr),
    /// It is not, and this is why.
    Absent(Absence),
}

impl Outcome {
    /// The name of the codec in use.
    pub fn codec(&self) -> Option<&str> {
        match self {
            Self::Bridged(name) => Some(name),
            Self::Absent(_) => None,
        }
    }

    /// In words, why there is none.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Bridged(_) => None,
            Self::Absent(reason) => Some(reason.to_string()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridged(name) => f.write_str(name),
            Self::Absent(_) => f.write_str("none"),
        }
    }
}

/// Joins the legs: `a` is the leg whose offer `b` was made from, `b_answer` what leg B
/// replies to it.
///
/// Sound without a common codec is transcoded, where policy allows it. Another medium without one
/// is refused toward A and the call goes on with the rest.
///
/// # Errors
/// [`NegotiationError::NoCommonCodec`], [`NegotiationError::TranscodingOff`] or
/// [`NegotiationError::TranscodingFull`] if no medium is left;
/// [`NegotiationError::AnswerMismatch`], [`NegotiationError::NothingAnswered`],
/// [`NegotiationError::Sdp`] and the transport errors if B's answer is wrong;
/// [`NegotiationError::NoCandidates`] and [`NegotiationError::OtherTransport`] if A's local part is.
pub fn bridge(
    a: (LegId, &RemoteOffer, &Local),
    b: &LocalOffer,
    b_answer: &str,
    policy: &Policy,
) -> Result<Bridge, NegotiationError> {
    let (leg_a, offer, local_a) = a;
    let answer_of_b = read(b, b_answer, policy)?;
    let offered_by_a = per_kind(|kind| offer.names(kind));
    let accepted_by_b = accepted_names(b, &answer_of_b);
    let b = settled(b, &answer_of_b, policy)?.map_err(|absent| {
        let accepted = accepted_by_b.clone();
        NegotiationError::nothing_left(&absent, offered_by_a.clone(), accepted)
    })?;
    let most = Direction::SendRecv;
    let to_a = answer(
        leg_a,
        None,
        policy,
        offer,
        Source::Agreement(&b),
        most,
        local_a,
    )?;
    let (a, sdp) = (to_a.agreement, to_a.sdp);
    let (a_to_b, b_to_a) = join(&a, &b, policy);
    let outcome = |kind| match codec_between(&a, &b, (&a_to_b, &b_to_a), kind) {
        Some(name) => Outcome::Bridged(name),
        None => Outcome::Absent(a.absence(kind)),
    };
    let (audio, video) = (outcome(MediaKind::Audio), outcome(MediaKind::Video));
    let bridged = per_kind(|kind| {
        let outcome = if kind == MediaKind::Audio {
            &audio
        } else {
            &video
        };
        offer.names(kind).map(|_| outcome.to_string())
    });
    Ok(Bridge {
        answer_to_a: sdp,
        plan_a: a.plan.clone(),
        plan_b: b.plan.clone(),
        a_to_b,
        b_to_a,
        a,
        b,
        audio,
        video,
        summary: format!("A offers {offered_by_a}; B accepts {accepted_by_b}; bridge {bridged}"),
    })
}
