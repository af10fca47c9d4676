//! One stream of the call, as A offers it, we offer it on and B answers it.

use super::describe::{OwnStream, codec_plan, own_format};
use super::offer::FEEDBACK;
use super::remote::{RemoteOffer, RemoteStream};
use super::{Absence, Local, Policy, format};
use crate::ids::MediaKind;
use crate::plan::{CodecMap, ExtensionPlan, StreamPlan};
use crate::sdp::{Codec, Description, Direction};

/// A stream that goes through.
pub(super) struct Agreed<'a> {
    pub kind: MediaKind,
    /// A's m-line.
    pub offer: &'a RemoteStream,
    /// Ours toward B.
    pub own: &'a OwnStream,
    /// B's.
    pub answer: RemoteStream,
    /// What all three have, the one in use first.
    pub pairs: Vec<Pair>,
    pub extensions: Vec<ExtensionPlan>,
    /// As B sees it, and so as we show it to A.
    pub direction: Direction,
}

/// One format in its three descriptions.
pub(super) struct Pair {
    pub a: format::Offered,
    pub own: format::Offered,
    pub b: format::Offered,
}

/// What goes through of our `index`th m-line toward B, or why nothing does.
pub(super) fn agree<'a>(
    offer: &'a RemoteOffer,
    own: &'a OwnStream,
    answer: &Description,
    index: usize,
) -> Result<Agreed<'a>, Absence> {
    let kind = own.kind;
    let stream = offer.stream(kind).ok_or_else(|| offer.absence(kind))?;
    let offered = || format::names_of(own.formats.iter().map(|format| &format.codec));
    let media = match answer.media.get(index) {
        Some(media) if !media.is_refused() => media,
        _ => return Err(Absence::Refused(kind, offered())),
    };
    let answer = RemoteStream::read(answer, index, kind, media);
    // RFC 3264 6.1: formats are told by what they are; the answerer may number them anew.
    let mut pairs: Vec<Pair> = answer
        .formats
        .iter()
        .filter_map(|b| {
            let own = own.formats.iter().find(|format| format.key == b.key)?;
            let a = stream.formats.iter().find(|format| format.key == b.key)?;
            Some(Pair {
                a: a.clone(),
                own: own.clone(),
                b: b.clone(),
            })
        })
        .collect();
    if pairs.iter().all(|pair| pair.a.is_events()) {
        let accepted = format::names_of(&media.codecs);
        return Err(Absence::NoCommonCodec {
            kind,
            offered: offered(),
            accepted,
        });
    }
    pairs.sort_by_key(|pair| pair.a.is_events());
    let extensions = own.extensions.iter().copied();
    let extensions = extensions
        .filter(|plan| answer.extensions.contains(plan))
        .collect();
    let direction = answer.direction.and(own.direction.reversed());
    Ok(Agreed {
        kind,
        offer: stream,
        own,
        answer,
        pairs,
        extensions,
        direction,
    })
}

impl Agreed<'_> {
    pub(super) fn plan_b(&self, local: &Local) -> StreamPlan {
        let codecs: Vec<_> = self
            .pairs
            .iter()
            .map(|pair| codec_plan(&pair.own, &pair.b))
            .collect();
        let base = local.stream_plan(self.own);
        StreamPlan {
            rtx_ssrc: base
                .rtx_ssrc
                .filter(|_| codecs.iter().any(|codec| codec.rtx.is_some())),
            codecs,
            remote_ssrcs: self.answer.ssrcs.clone(),
            extensions: self.extensions.clone(),
            receive: self.direction.sends(),
            send: self.direction.receives(),
            max_send_bitrate: self.answer.bitrate,
            ..base
        }
    }

    /// Our m-line toward A.
    pub(super) fn own_a(
        &self,
        offer: &RemoteOffer,
        answer: &Description,
        policy: &Policy,
    ) -> OwnStream {
        let media_a = &offer.description.media[self.offer.index];
        let media_b = &answer.media[self.answer.index];
        OwnStream {
            kind: self.kind,
            protocol: media_a.protocol.clone(),
            mid: media_a.mid.clone(),
            direction: self.direction.and(self.offer.direction.reversed()),
            formats: self.formats_a(),
            extensions: self.extensions_a(),
            bitrate: policy.bitrate(self.kind, self.answer.bitrate),
            ptime_ms: media_b.ptime_ms,
            maxptime_ms: media_b.maxptime_ms,
            rtcp_rsize: media_a.rtcp_rsize,
        }
    }

    /// A's payload types with B's parameters: those say what the receiver, B, can take.
    fn formats_a(&self) -> Vec<format::Offered> {
        let mut formats: Vec<format::Offered> = Vec::new();
        for pair in &self.pairs {
            let codec = Codec {
                parameters: pair.b.codec.parameters.clone(),
                ..pair.a.codec.clone()
            };
            let theirs = format::Offered {
                codec,
                ..pair.a.clone()
            };
            let feedback = format::common(FEEDBACK, pair.a.feedback);
            formats.push(own_format(self.kind, &theirs, feedback));
        }
        formats.extend(self.own_events(&formats));
        formats
    }

    /// Events need no partner: digits are made and read here. RFC 4733 2.1 asks for the clock
    /// of a codec in use; beside Opus alone, Firefox has only those of another.
    fn own_events(&self, formats: &[format::Offered]) -> Vec<format::Offered> {
        let of_a = || {
            self.offer
                .formats
                .iter()
                .filter(|events| events.is_events())
        };
        let fits = |events: &format::Offered| {
            let clock = events.codec.clock_rate;
            formats
                .iter()
                .any(|format| !format.is_events() && format.codec.clock_rate == clock)
        };
        let none_fits = !of_a().any(fits);
        of_a()
            .filter(|events| formats.iter().all(|format| format.key != events.key))
            .filter(|events| fits(events) || none_fits)
            .map(|events| own_format(self.kind, events, FEEDBACK))
            .collect()
    }

    fn extensions_a(&self) -> Vec<ExtensionPlan> {
        let both = |plan: &&ExtensionPlan| {
            self.extensions
                .iter()
                .any(|agreed| agreed.extension == plan.extension)
        };
        self.offer.extensions.iter().filter(both).copied().collect()
    }

    pub(super) fn plan_a(&self, local: &Local, own: &OwnStream) -> StreamPlan {
        StreamPlan {
            remote_ssrcs: self.offer.ssrcs.clone(),
            max_send_bitrate: self.offer.bitrate,
            ..local.stream_plan(own)
        }
    }

    pub(super) fn maps(&self, map: fn(&Pair) -> (u8, u8)) -> impl Iterator<Item = CodecMap> {
        self.pairs.iter().map(move |pair| {
            let (from_pt, to_pt) = map(pair);
            CodecMap {
                kind: self.kind,
                from_pt,
                to_pt,
            }
        })
    }
}
