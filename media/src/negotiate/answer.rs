//! Our answers.

use smol_str::SmolStr;

use super::agreement::{Agreement, Line, Pair, Stream, plan};
use super::describe::{OwnStream, OwnTransport, is_announced, own_format};
use super::local::{Local, LocalTransport};
use super::offer::FEEDBACK;
use super::remote::{OfferedTransport, RemoteOffer, RemoteStream, RemoteTransport};
use super::rtp::{self, OwnRtp};
use super::settle::per_kind;
use super::template::{Source, Template};
use super::{Absence, NegotiationError, Policy, format, transcode};
use crate::ids::{DtlsRole, LegId, MediaKind};
use crate::plan::{Feedback, Passage};
use crate::sdp::{Codec, Description, Direction, Setup};

/// Our answer to an offer.
#[derive(Debug, Clone)]
pub struct LocalAnswer {
    /// To be sent.
    pub sdp: String,
    /// What is agreed with it.
    pub agreement: Agreement,
}

/// Answers an offer on a leg with what its partner can carry; the first offer on the leg, or a
/// later one, `before` being what was agreed until then. `most` is what we allow as we see it:
/// [`Direction::SendRecv`] for all of it.
///
/// Sound without a common codec is transcoded, where policy allows it. Another medium without one
/// is refused and the leg goes on with the rest.
///
/// # Errors
/// [`NegotiationError::NoCommonCodec`], [`NegotiationError::TranscodingOff`],
/// [`NegotiationError::TranscodingFull`] or [`NegotiationError::NoUsableMedia`] if no medium is left; [`NegotiationError::OtherTransport`] and [`NegotiationError::NoCandidates`] if `local`
/// does not fit.
pub fn answer(
    leg: LegId,
    before: Option<&Agreement>,
    policy: &Policy,
    offer: &RemoteOffer,
    source: Source<'_>,
    most: Direction,
    local: &Local,
) -> Result<LocalAnswer, NegotiationError> {
    if (offer.transport() == OfferedTransport::WebRtc) == local.is_rtp() {
        return Err(NegotiationError::OtherTransport);
    }
    let answerer = Answerer {
        before,
        policy,
        offer,
        local,
        most,
    };
    let mut own = Vec::new();
    let mut streams: Vec<Stream> = Vec::new();
    let mut absent: Vec<(MediaKind, Absence)> = Vec::new();
    let templates = source.templates();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let template = templates.iter().find(|template| template.kind == kind);
        let theirs = offer.stream(kind).ok_or_else(|| offer.absence(kind));
        let both = theirs.and_then(|theirs| {
            let template = template.ok_or_else(|| source.absence(kind))?;
            answerer.stream(theirs, template)
        });
        match both {
            Ok((stream, agreed)) => {
                own.push(stream);
                streams.push(agreed);
            }
            Err(reason) => absent.push((kind, reason)),
        }
    }
    if streams.is_empty() {
        return Err(nothing(offer, &templates, absent));
    }
    // In the order of the offer.
    own.sort_by_key(|stream: &OwnStream| stream.line);
    streams.sort_by_key(|stream| stream.line);
    // They are kept for as long as the call lasts.
    streams.shrink_to_fit();
    let (role, transport) = match &local.transport {
        LocalTransport::WebRtc(_) => {
            let lines: Vec<usize> = streams.iter().map(|stream| stream.line).collect();
            let transport = RemoteTransport::read(&offer.description, &lines)?;
            let role = before.and_then(Agreement::role);
            (transport.role_as_answerer(role)?, Some(transport))
        }
        LocalTransport::Rtp(_) => (DtlsRole::Server, None),
    };
    let description = describe(offer, local, role, &own)?;
    Ok(LocalAnswer {
        sdp: description.to_text(),
        agreement: Agreement {
            plan: plan(leg, local, &streams, role, transport.as_ref()),
            streams,
            lines: Line::all(&offer.description),
            absent,
        },
    })
}

fn nothing(
    offer: &RemoteOffer,
    templates: &[Template],
    absent: Vec<(MediaKind, Absence)>,
) -> NegotiationError {
    let is_codec = |(_, reason): &(MediaKind, Absence)| reason.is_about_codecs();
    if !absent.iter().any(is_codec) {
        return NegotiationError::NoUsableMedia {
            reasons: absent.into_iter().map(|(_, reason)| reason).collect(),
        };
    }
    let names = |kind| {
        let template = templates.iter().find(|template| template.kind == kind);
        template.map(|template| template.names.clone())
    };
    let offered = per_kind(|kind| offer.names(kind));
    NegotiationError::nothing_left(&absent, offered, per_kind(names))
}

struct Answerer<'a> {
    before: Option<&'a Agreement>,
    policy: &'a Policy,
    offer: &'a RemoteOffer,
    local: &'a Local,
    most: Direction,
}

impl Answerer<'_> {
    /// Our m-line for one of the offer, and what is agreed by it.
    fn stream(
        &self,
        theirs: &RemoteStream,
        template: &Template,
    ) -> Result<(OwnStream, Stream), Absence> {
        let kind = theirs.kind;
        let media = &self.offer.description.media[theirs.index];
        let direction = template.direction.and(theirs.direction.reversed());
        let direction = direction.and(self.most);
        let before = self.before.and_then(|before| before.stream(kind));
        let before = before.filter(|before| before.line == theirs.index);
        let (formats, passage) = self.formats(theirs, template)?;
        let end_to_end = passage != Passage::Transcode;
        let mut own = OwnStream {
            kind,
            protocol: media.protocol.clone(),
            mid: media.mid.clone(),
            direction,
            // An offer says it all.
            wish: theirs.direction,
            announced: is_announced(direction, before),
            formats,
            extensions: both_have(theirs, template),
            bitrate: self
                .policy
                .bitrate(kind, template.bitrate.filter(|_| end_to_end)),
            ptime_ms: template.ptime_ms.filter(|_| end_to_end),
            maxptime_ms: template.maxptime_ms.filter(|_| end_to_end),
            rtcp_rsize: media.rtcp_rsize,
            rtp: None,
            line: theirs.index,
        };
        if let (LocalTransport::Rtp(local), Some(remote)) = (&self.local.transport, &theirs.rtp) {
            own.rtp = Some(OwnRtp::answered(local, kind, remote)?);
            own.mid = None;
            own.extensions.clear();
            own.rtcp_rsize = false;
        }
        let pair = |own: &format::Offered| {
            let theirs = theirs.formats.iter().find(|it| it.key == own.key)?;
            Some(Pair {
                own: own.clone(),
                theirs: theirs.clone(),
            })
        };
        let mut pairs: Vec<Pair> = own.formats.iter().filter_map(pair).collect();
        pairs.shrink_to_fit();
        let direction = own.direction.reversed();
        let agreed = Stream::new(&own, theirs, media, pairs, direction, self.local)?;
        Ok((own, agreed))
    }

    /// The far side's payload types with the partner's parameters: those say what the receiver,
    /// the partner, can take. Without one that both have, those that we can transcode.
    fn formats(
        &self,
        theirs: &RemoteStream,
        template: &Template,
    ) -> Result<(Vec<format::Offered>, Passage), Absence> {
        let allowed = template.allowed(self.policy);
        let mut formats: Vec<format::Offered> = Vec::new();
        for partner in &allowed {
            let Some(offered) = theirs.formats.iter().find(|it| it.key == partner.key) else {
                continue;
            };
            let parameters = if template.is_heard {
                partner.codec.parameters.clone()
            } else {
                offered.codec.parameters.clone()
            };
            let codec = Codec {
                parameters,
                ..offered.codec.clone()
            };
            let offered = format::Offered {
                codec,
                ..offered.clone()
            };
            formats.extend(self.own(theirs, &offered));
        }
        let mut passage = Passage::Relay;
        if !formats.iter().any(format::Offered::is_codec) {
            passage = Passage::Transcode;
            let answerable = self.answerable(theirs, template)?;
            // Events are at the clocks of these, whatever the partner has.
            let converts = |it: &format::Offered| {
                let first = answerable.first();
                first.is_some_and(|first| transcode::converts(&first.key, &it.key))
            };
            if allowed.iter().any(converts) {
                passage = Passage::Convert;
            }
            formats.clear();
            formats.extend(answerable.iter().filter_map(|it| self.own(theirs, it)));
        }
        self.policy.restrict(theirs.kind, &mut formats);
        formats.sort_by_key(|format| !format.is_codec());
        let events = self.own_events(theirs, &formats);
        formats.extend(events);
        Ok((formats, passage))
    }

    /// What of the far side's formats can be transcoded for the partner.
    fn answerable(
        &self,
        theirs: &RemoteStream,
        template: &Template,
    ) -> Result<Vec<format::Offered>, Absence> {
        let answerable = transcode::answerable(&theirs.formats, template, self.policy);
        let could = !answerable.is_empty();
        let answerable = transcode::affordable(answerable, template, self.policy);
        let offered = self.offer.names(theirs.kind).unwrap_or_default();
        let accepted = template.names.clone();
        match (answerable.is_empty(), could) {
            (false, _) => Ok(answerable),
            (true, true) => Err(Absence::Untranscoded {
                why: self.policy.transcoding,
                offered,
                accepted,
            }),
            (true, false) => Err(Absence::NoCommonCodec {
                kind: theirs.kind,
                offered,
                accepted,
            }),
        }
    }

    /// A format of the far side as we declare it.
    fn own(&self, theirs: &RemoteStream, offered: &format::Offered) -> Option<format::Offered> {
        let kind = theirs.kind;
        let Some(transport) = &theirs.rtp else {
            let feedback = format::common(FEEDBACK, offered.feedback);
            return Some(own_format(kind, offered, feedback));
        };
        let feedback = if transport.feedback {
            format::common(rtp::FEEDBACK, offered.feedback)
        } else {
            Feedback::default()
        };
        rtp::phone_format(own_format(kind, offered, feedback), feedback)
    }

    /// Events need no partner: digits are made and read here. RFC 4733 2.1 asks for the clock
    /// of a codec in use; beside Opus alone, Firefox has only those of another.
    fn own_events(
        &self,
        theirs: &RemoteStream,
        formats: &[format::Offered],
    ) -> Vec<format::Offered> {
        let offered = || theirs.formats.iter().filter(|events| events.is_events());
        let fits = |events: &format::Offered| {
            let clock = events.codec.clock_rate;
            formats
                .iter()
                .any(|format| format.is_codec() && format.codec.clock_rate == clock)
        };
        let none_fits = !offered().any(fits);
        offered()
            .filter(|events| formats.iter().all(|format| format.key != events.key))
            .filter(|events| fits(events) || none_fits)
            .filter_map(|events| self.own(theirs, events))
            .collect()
    }
}

fn both_have(theirs: &RemoteStream, template: &Template) -> Vec<crate::plan::ExtensionPlan> {
    let both = |plan: &&crate::plan::ExtensionPlan| {
        let mut extensions = template.extensions.iter();
        extensions.any(|agreed| agreed.extension == plan.extension)
    };
    theirs.extensions.iter().filter(both).copied().collect()
}

/// One m-line for each of the offer, in its order (RFC 3264 6); those not carried have port 0.
fn describe(
    offer: &RemoteOffer,
    local: &Local,
    role: DtlsRole,
    own: &[OwnStream],
) -> Result<Description, NegotiationError> {
    let setup = match role {
        DtlsRole::Client => Setup::Active,
        DtlsRole::Server => Setup::Passive,
    };
    let transport = OwnTransport::new(local, setup)?;
    let mut description = transport.description()?;
    let bundle: Vec<SmolStr> = offered_bundle(offer, own)
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
        let accepted = own.iter().find(|stream| stream.line == index);
        description.media.push(match accepted {
            Some(stream) => transport.media(stream, tagged.is_none() || stream.mid == tagged),
            None => {
                let mut refused = Line::of(media).refused();
                // A phone is told of none.
                refused.mid = refused.mid.filter(|_| !local.is_rtp());
                refused
            }
        });
    }
    Ok(description)
}

/// The offer's group that the streams in use are in.
fn offered_bundle<'a>(offer: &'a RemoteOffer, own: &[OwnStream]) -> &'a [SmolStr] {
    own.first()
        .and_then(|stream| offer.description.media.get(stream.line))
        .and_then(|media| offer.description.bundle_of(media.mid.as_deref()?))
        .unwrap_or_default()
}
