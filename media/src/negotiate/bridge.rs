//! From leg B's answer to leg A's answer, the plans of both and the patches between them.

use std::fmt;

use smol_str::SmolStr;

use super::agree::{Agreed, Pair, agree};
use super::describe::{OwnStream, OwnTransport};
use super::offer::LocalOffer;
use super::remote::{RemoteOffer, RemoteTransport, are_bundled};
use super::{Absence, Local, NegotiationError, Policy, format};
use crate::ids::{DtlsRole, LegId, MediaKind};
use crate::plan::{CodecMap, LegPlan, PatchPlan};
use crate::sdp::{Description, MediaDescription, Setup};

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
    /// Both sides use the codec of this name, as A writes it.
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
/// A medium without a common codec is refused toward A and the call goes on with the other.
///
/// # Errors
/// [`NegotiationError::NoCommonCodec`] if no medium is left;
/// [`NegotiationError::AnswerMismatch`], [`NegotiationError::Sdp`] and the transport errors
/// if B's answer is wrong; [`NegotiationError::NoCandidates`] if A's local part is.
pub fn bridge(
    a: (LegId, &RemoteOffer, &Local),
    b: &LocalOffer,
    b_answer: &str,
    policy: &Policy,
) -> Result<Bridge, NegotiationError> {
    let (leg_a, offer, local_a) = a;
    let answer = Description::parse(b_answer, &policy.limits)?;
    check_shape(b, &answer)?;

    let mut agreed: Vec<Agreed> = Vec::new();
    let mut absent: Vec<(MediaKind, Absence)> = b.left_out.clone();
    for (index, own) in b.streams.iter().enumerate() {
        match agree(offer, own, &answer, index) {
            Err(reason) => absent.push((own.kind, reason)),
            Ok(_) if !agreed.is_empty() && !are_bundled(&answer, agreed[0].answer.index, index) => {
                absent.push((own.kind, Absence::NotBundled(own.kind)));
            }
            Ok(stream) => agreed.push(stream),
        }
    }
    let offered_by_a = per_kind(|kind| offer.names(kind));
    let accepted_by_b = per_kind(|kind| accepted_names(b, &answer, kind));
    if agreed.is_empty() {
        return Err(NegotiationError::NoCommonCodec {
            a: offered_by_a,
            b: accepted_by_b,
        });
    }

    let indices: Vec<usize> = agreed.iter().map(|stream| stream.answer.index).collect();
    let transport_b = RemoteTransport::read(&answer, &indices)?;
    let role_b = transport_b.role_as_offerer()?;
    let plans_b = agreed
        .iter()
        .map(|stream| stream.plan_b(&b.local))
        .collect();
    let plan_b = b.local.leg_plan(b.leg, role_b, Some(&transport_b), plans_b);

    let indices: Vec<usize> = agreed.iter().map(|stream| stream.offer.index).collect();
    let transport_a = RemoteTransport::read(&offer.description, &indices)?;
    let role_a = transport_a.role_as_answerer()?;
    let own_a: Vec<OwnStream> = agreed
        .iter()
        .map(|stream| stream.own_a(offer, &answer, policy))
        .collect();
    let plans_a = agreed
        .iter()
        .zip(&own_a)
        .map(|(stream, own)| stream.plan_a(local_a, own));
    let plan_a = local_a.leg_plan(leg_a, role_a, Some(&transport_a), plans_a.collect());

    let outcome = |kind| outcome(kind, offer, &agreed, &absent);
    let (audio, video) = (outcome(MediaKind::Audio), outcome(MediaKind::Video));
    let bridged = per_kind(|kind| {
        let outcome = if kind == MediaKind::Audio {
            &audio
        } else {
            &video
        };
        offer.names(kind).map(|_| outcome.to_string())
    });
    let maps = |map: fn(&Pair) -> (u8, u8)| {
        agreed
            .iter()
            .flat_map(|stream| stream.maps(map))
            .collect::<Vec<CodecMap>>()
    };
    Ok(Bridge {
        answer_to_a: answer_to_a(offer, local_a, role_a, &agreed, &own_a)?,
        plan_a,
        plan_b,
        a_to_b: PatchPlan {
            source: leg_a,
            sink: b.leg,
            codecs: maps(|pair| (pair.a.codec.payload_type, pair.b.codec.payload_type)),
        },
        b_to_a: PatchPlan {
            source: b.leg,
            sink: leg_a,
            codecs: maps(|pair| (pair.own.codec.payload_type, pair.a.codec.payload_type)),
        },
        audio,
        video,
        summary: format!("A offers {offered_by_a}; B accepts {accepted_by_b}; bridge {bridged}"),
    })
}

/// RFC 3264 6: an m-line in the answer for each of the offer, in the same order.
fn check_shape(b: &LocalOffer, answer: &Description) -> Result<(), NegotiationError> {
    let mismatch = |text| Err(NegotiationError::AnswerMismatch(text));
    if answer.media.len() != b.streams.len() {
        let (found, expected) = (answer.media.len(), b.streams.len());
        return mismatch(format!("it has {found} m-lines instead of {expected}"));
    }
    for (number, (media, own)) in (1..).zip(answer.media.iter().zip(&b.streams)) {
        if media.kind() != Some(own.kind) {
            let found = media.media.as_str().chars().take(20).collect::<String>();
            return mismatch(format!(
                "m-line {number} is {found:?} instead of {}",
                own.kind
            ));
        }
        if media.mid.is_some() && media.mid != own.mid {
            return mismatch(format!("the mid of m-line {number} is another"));
        }
    }
    Ok(())
}

/// One m-line for each of A's, in its order (RFC 3264 6); those not carried have port 0.
fn answer_to_a(
    offer: &RemoteOffer,
    local: &Local,
    role: DtlsRole,
    agreed: &[Agreed<'_>],
    own: &[OwnStream],
) -> Result<String, NegotiationError> {
    let setup = match role {
        DtlsRole::Client => Setup::Active,
        DtlsRole::Server => Setup::Passive,
    };
    let transport = OwnTransport::new(local, setup)?;
    let mut description = transport.description();
    let bundle: Vec<SmolStr> = offered_bundle(offer, agreed)
        .iter()
        .filter(|mid| own.iter().any(|stream| stream.mid.as_ref() == Some(mid)))
        .cloned()
        .collect();
    // RFC 9143 7.3: the first m-line of the group names the transport for all of it.
    let tagged = bundle.first().cloned();
    if !bundle.is_empty() {
        description.bundle = vec![bundle];
    }
    for (index, media) in offer.description.media.iter().enumerate() {
        let accepted = agreed.iter().position(|stream| stream.offer.index == index);
        description
            .media
            .push(match accepted.and_then(|position| own.get(position)) {
                Some(stream) => transport.media(stream, tagged.is_none() || stream.mid == tagged),
                None => refused(media),
            });
    }
    Ok(description.to_text())
}

/// A's group that the streams in use are in.
fn offered_bundle<'a>(offer: &'a RemoteOffer, agreed: &[Agreed<'_>]) -> &'a [SmolStr] {
    agreed
        .first()
        .and_then(|stream| offer.description.media.get(stream.offer.index))
        .and_then(|media| offer.description.bundle_of(media.mid.as_deref()?))
        .unwrap_or_default()
}

/// RFC 3264 6: some format has to stand there and counts for nothing. For RTP it is 0, as
/// browsers write it: stacks are about that look for an `a=rtpmap` of any other.
fn refused(media: &MediaDescription) -> MediaDescription {
    let mut refused = MediaDescription::new(media.media.clone(), media.protocol.clone());
    let format = media.other_formats.first().cloned();
    let format = format.filter(|_| media.codecs.is_empty());
    refused.other_formats = vec![format.unwrap_or_else(|| SmolStr::new_static("0"))];
    refused.mid = media.mid.clone();
    refused
}

fn outcome(
    kind: MediaKind,
    offer: &RemoteOffer,
    agreed: &[Agreed<'_>],
    absent: &[(MediaKind, Absence)],
) -> Outcome {
    let stream = agreed.iter().find(|stream| stream.kind == kind);
    if let Some(pair) = stream.and_then(|stream| stream.pairs.first()) {
        return Outcome::Bridged(pair.a.codec.name.clone());
    }
    let reason = absent
        .iter()
        .find(|(of, _)| *of == kind)
        .map(|(_, reason)| reason.clone());
    Outcome::Absent(reason.unwrap_or_else(|| offer.absence(kind)))
}

/// What B accepts of a kind; `None` if it was not asked.
fn accepted_names(b: &LocalOffer, answer: &Description, kind: MediaKind) -> Option<String> {
    let index = b.streams.iter().position(|stream| stream.kind == kind)?;
    let media = answer.media.get(index)?;
    Some(if media.is_refused() {
        "none".to_owned()
    } else {
        format::names_of(&media.codecs)
    })
}

/// `audio|video`, or only the first where there is no second.
fn per_kind(names: impl Fn(MediaKind) -> Option<String>) -> String {
    let none = || "none".to_owned();
    let audio = names(MediaKind::Audio);
    match names(MediaKind::Video) {
        Some(video) => format!("{}|{video}", audio.unwrap_or_else(none)),
        None => audio.unwrap_or_else(none),
    }
}
