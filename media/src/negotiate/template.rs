//! What one leg may be told because of another: the streams that its partner has.

use smol_str::SmolStr;

use super::agreement::Agreement;
use super::everything;
use super::format;
use super::remote::RemoteOffer;
use super::{Absence, Policy};
use crate::ids::MediaKind;
use crate::plan::{ExtensionPlan, Format};
use crate::sdp::Direction;

/// Whom a leg is to talk with.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A leg that offers this and has no answer yet.
    Offer(&'a RemoteOffer),
    /// A leg that has agreed to this, and to no more.
    Agreement(&'a Agreement),
    /// The same of a leg that can agree to other directions: those that it wants count.
    Willing(&'a Agreement),
    /// Nobody yet, or the server itself: whatever can be carried, of these kinds.
    Everything(&'a [MediaKind]),
}

/// One stream as the partner has it.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub kind: MediaKind,
    /// As the partner's far side describes them, the best first.
    pub formats: Vec<format::Offered>,
    pub extensions: Vec<ExtensionPlan>,
    /// As the partner's far side sees it, and so as we show it to our own.
    pub direction: Direction,
    /// What the partner's far side wants to receive at most, bit/s.
    pub bitrate: Option<u64>,
    pub ptime_ms: Option<u16>,
    pub maxptime_ms: Option<u16>,
    /// Its mid, where other m-lines are bundled with it under that.
    pub mid: Option<SmolStr>,
    /// Its codecs for people.
    pub names: String,
    /// The formats are those of a real peer, whose parameters say what it can take.
    pub is_heard: bool,
    /// The peer has agreed to all of them, and may send any without being asked anew.
    pub is_agreed: bool,
}

impl Source<'_> {
    /// One for each kind the partner has, in its order.
    pub(super) fn templates(&self) -> Vec<Template> {
        match self {
            Self::Offer(offer) => offer
                .streams
                .iter()
                .map(|stream| {
                    let media = &offer.description.media[stream.index];
                    Template {
                        kind: stream.kind,
                        formats: stream.formats.clone(),
                        extensions: stream.extensions.clone(),
                        direction: stream.direction,
                        bitrate: stream.bitrate,
                        ptime_ms: media.ptime_ms,
                        maxptime_ms: media.maxptime_ms,
                        mid: media.mid.clone().filter(|_| stream.rtp.is_none()),
                        names: offer.names(stream.kind).unwrap_or_default(),
                        is_heard: true,
                        is_agreed: false,
                    }
                })
                .collect(),
            Self::Agreement(agreement) => agreement.templates(|stream| stream.direction),
            Self::Willing(agreement) => agreement.templates(|stream| stream.wish),
            Self::Everything(kinds) => everything::templates(kinds),
        }
    }

    /// Why there is no stream of this kind.
    pub(super) fn absence(&self, kind: MediaKind) -> Absence {
        match self {
            Self::Offer(offer) => offer.absence(kind),
            Self::Agreement(agreement) | Self::Willing(agreement) => agreement.absence(kind),
            Self::Everything(_) => Absence::NotOffered(kind),
        }
    }
}

impl Template {
    /// What policy leaves over, in its order.
    pub(super) fn allowed(&self, policy: &Policy) -> Vec<format::Offered> {
        let allowed = |format: &&format::Offered| {
            // Comfort noise is between its sender and us.
            policy.allows(format) && format.key.format != Format::ComfortNoise
        };
        let mut formats: Vec<format::Offered> =
            self.formats.iter().filter(allowed).cloned().collect();
        policy.sort(&mut formats);
        formats
    }
}

impl Policy {
    pub(super) fn allows(&self, format: &format::Offered) -> bool {
        !self.excluded.contains(&format.key.format)
    }

    /// Leaves those that the leg may use, in its order; what only helps others stays behind them.
    pub(super) fn restrict(&self, kind: MediaKind, formats: &mut Vec<format::Offered>) {
        restrict(&self.only, kind, formats);
    }

    /// What the operator prefers comes first; the others stay as they are.
    pub(super) fn sort(&self, formats: &mut [format::Offered]) {
        formats.sort_by_key(|format| {
            let mut preferred = self.preferred.iter();
            let place = preferred.position(|wanted| *wanted == format.key.format);
            place.unwrap_or(self.preferred.len())
        });
    }
}

/// Leaves those of a kind that a list names, in its order, and all if it names none of the kind.
pub(super) fn restrict(only: &[Format], kind: MediaKind, formats: &mut Vec<format::Offered>) {
    if !only.iter().any(|format| format.kind() == kind) {
        return;
    }
    let place = |format: &format::Offered| only.iter().position(|it| *it == format.key.format);
    formats.retain(|format| !format.is_codec() || place(format).is_some());
    formats.sort_by_key(|format| place(format).unwrap_or(only.len()));
    // Events run at the clock of a codec (RFC 4733 2.1).
    let codecs = formats.iter().filter(|format| format.is_codec());
    let clocks: Vec<u32> = codecs.map(|format| format.key.clock_rate).collect();
    let fits = |format: &format::Offered| clocks.contains(&format.key.clock_rate);
    if formats
        .iter()
        .any(|format| format.is_events() && fits(format))
    {
        formats.retain(|format| !format.is_events() || fits(format));
    }
}
