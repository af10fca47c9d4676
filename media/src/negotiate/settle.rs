//! The far side's answer to an offer of ours.

use super::agreement::{Agreement, Pair, Stream, plan};
use super::describe::OwnStream;
use super::local::LocalTransport;
use super::offer::LocalOffer;
use super::remote::{RemoteStream, RemoteTransport, are_bundled};
use super::{Absence, NegotiationError, Policy, Transcoding, format, transcode};
use crate::ids::{DtlsRole, MediaKind};
use crate::sdp::{Description, MediaDescription};

/// Reads the answer to an offer of ours. The same offer may have several: each early dialog of a
/// forked call has its own.
///
/// A medium that is not accepted is left out and the leg goes on with the other.
///
/// # Errors
/// [`NegotiationError::NoCommonCodec`], [`NegotiationError::TranscodingOff`] or
/// [`NegotiationError::TranscodingFull`] if no medium is left;
/// [`NegotiationError::AnswerMismatch`], [`NegotiationError::NothingAnswered`],
/// [`NegotiationError::Sdp`] and the transport errors if the answer is wrong. All are the answerer's
/// fault.
pub fn settle(
    offer: &LocalOffer,
    answer: &str,
    policy: &Policy,
) -> Result<Agreement, NegotiationError> {
    let answer = read(offer, answer, policy)?;
    settled(offer, &answer, policy)?.map_err(|absent| {
        let offered = |kind| {
            let stream = offer.streams.iter().find(|stream| stream.kind == kind)?;
            Some(names_of(stream))
        };
        let accepted = accepted_names(offer, &answer);
        NegotiationError::nothing_left(&absent, per_kind(offered), accepted)
    })
}

/// Reads an answer as far as its shape goes.
pub(super) fn read(
    offer: &LocalOffer,
    answer: &str,
    policy: &Policy,
) -> Result<Description, NegotiationError> {
    let answer = Description::parse(answer, &policy.limits)?;
    check_shape(offer, &answer)?;
    Ok(answer)
}

/// Why each medium is not part of a leg.
type Absent = Vec<(MediaKind, Absence)>;

/// What came of it; if no medium is left, why.
pub(super) fn settled(
    offer: &LocalOffer,
    answer: &Description,
    policy: &Policy,
) -> Result<Result<Agreement, Absent>, NegotiationError> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut absent = offer.left_out.clone();
    for own in &offer.streams {
        let first = streams.first().map(|stream| stream.line);
        let shares = matches!(offer.local.transport, LocalTransport::WebRtc(_));
        match agree(offer, own, answer, policy) {
            Err(reason) => absent.push((own.kind, reason)),
            Ok(_) if shares && first.is_some_and(|it| !are_bundled(answer, it, own.line)) => {
                absent.push((own.kind, Absence::NotBundled(own.kind)));
            }
            Ok(stream) => streams.push(stream),
        }
    }
    if streams.is_empty() {
        return Ok(Err(absent));
    }
    // It is kept for as long as the call lasts.
    streams.shrink_to_fit();
    let plan = match &offer.local.transport {
        LocalTransport::WebRtc(_) => {
            let lines: Vec<usize> = streams.iter().map(|stream| stream.line).collect();
            let transport = RemoteTransport::read(answer, &lines)?;
            let role = transport.role_as_offerer()?;
            plan(offer.leg, &offer.local, &streams, role, Some(&transport))
        }
        LocalTransport::Rtp(_) => plan(offer.leg, &offer.local, &streams, DtlsRole::Server, None),
    };
    Ok(Ok(Agreement {
        plan,
        streams,
        lines: offer.lines.clone(),
        absent,
    }))
}

/// What goes through of our m-line, or why nothing does.
fn agree(
    offer: &LocalOffer,
    own: &OwnStream,
    answer: &Description,
    policy: &Policy,
) -> Result<Stream, Absence> {
    let kind = own.kind;
    let media = match answer.media.get(own.line) {
        Some(media) if !media.is_refused() => media,
        _ => return Err(Absence::Refused(kind, names_of(own))),
    };
    let theirs = RemoteStream::read(answer, own.line, kind, media);
    // RFC 3264 6.1: formats are told by what they are; the answerer may number them anew.
    let mut pairs: Vec<Pair> = theirs
        .formats
        .iter()
        .filter_map(|theirs| {
            let own = own.formats.iter().find(|own| own.key == theirs.key)?;
            Some(Pair {
                own: own.clone(),
                theirs: theirs.clone(),
            })
        })
        .collect();
    if !pairs.iter().any(|pair| pair.own.is_codec()) {
        let (offered, accepted) = (names_of(own), format::names_of(&media.codecs));
        let could = transcode::any(&own.formats) && transcode::any(&theirs.formats);
        let may = policy.transcoding == Transcoding::Allowed;
        return Err(match could && kind == MediaKind::Audio && !may {
            true => Absence::Untranscoded {
                why: policy.transcoding,
                offered,
                accepted,
            },
            false => Absence::NoCommonCodec {
                kind,
                offered,
                accepted,
            },
        });
    }
    pairs.sort_by_key(|pair| !pair.own.is_codec());
    pairs.shrink_to_fit();
    let direction = theirs.direction.and(own.direction.reversed());
    Stream::new(own, &theirs, media, pairs, direction, &offer.local)
}

/// RFC 3264 6: an m-line in the answer for each of the offer, in the same order.
fn check_shape(offer: &LocalOffer, answer: &Description) -> Result<(), NegotiationError> {
    let mismatch = |text| Err(NegotiationError::AnswerMismatch(text));
    if answer.media.len() != offer.lines.len() {
        let (found, expected) = (answer.media.len(), offer.lines.len());
        return mismatch(format!("it has {found} m-lines instead of {expected}"));
    }
    for (number, (media, own)) in (1..).zip(answer.media.iter().zip(&offer.lines)) {
        if media.media != own.media {
            let found = shortened(media);
            let wanted = own.media.as_str();
            return mismatch(format!("m-line {number} is {found:?} instead of {wanted}"));
        }
        // Phones that know no mid may echo anything; nothing is told by it there.
        if own.mid.is_some() && media.mid.is_some() && media.mid != own.mid {
            return mismatch(format!("the mid of m-line {number} is another"));
        }
    }
    Ok(())
}

fn shortened(media: &MediaDescription) -> String {
    media.media.as_str().chars().take(20).collect()
}

fn names_of(own: &OwnStream) -> String {
    format::names_of(own.formats.iter().map(|format| &format.codec))
}

/// What the far side accepts, for people.
pub(super) fn accepted_names(offer: &LocalOffer, answer: &Description) -> String {
    per_kind(|kind| {
        let own = offer.streams.iter().find(|stream| stream.kind == kind)?;
        let media = answer.media.get(own.line)?;
        Some(if media.is_refused() {
            "none".to_owned()
        } else {
            format::names_of(&media.codecs)
        })
    })
}

/// `audio|video`, or only the first where there is no second.
pub(super) fn per_kind(names: impl Fn(MediaKind) -> Option<String>) -> String {
    let none = || "none".to_owned();
    let audio = names(MediaKind::Audio);
    match names(MediaKind::Video) {
        Some(video) => format!("{}|{video}", audio.unwrap_or_else(none)),
        None => audio.unwrap_or_else(none),
    }
}
