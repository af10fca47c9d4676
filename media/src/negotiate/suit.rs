//! Whether a change on one leg is the other leg's business.

use super::agreement::{Agreement, Stream};
use super::format::Offered;
use super::remote::RemoteOffer;
use super::template::{Source, Template};
use super::{Absence, Policy, transcode};
use crate::ids::MediaKind;
use crate::plan::TransportPlan;
use crate::sdp::Direction;

/// Whether what is agreed with a leg still is what its partner has, so that it need not be told
/// anything. `most` is what we allow as we see it, as in [`reoffer`](super::reoffer()).
///
/// Its addresses, keys and payload types are the leg's own, and so is its order of codecs as long
/// as one of them is the partner's, or can be transcoded. A medium that the partner has and the leg has not is not
/// missed: the leg was asked for it before, or did not want it.
///
/// A phone is told that it is held and that it no longer is, since it would take the silence for a
/// fault. A browser is told only what it has to know to send and to hear.
pub fn suits(leg: &Agreement, partner: Source<'_>, most: Direction, policy: &Policy) -> bool {
    let templates = partner.templates();
    let is_phone = matches!(leg.plan().transport, TransportPlan::Rtp(_));
    // Who holds is told when he no longer does.
    let told_later = leg.holds();
    let suits = |stream: &Stream| {
        let template = templates.iter().find(|it| it.kind == stream.kind);
        let Some(template) = template else {
            return leg.streams.len() == 1;
        };
        let shown = template.direction.and(most);
        let due = stream.wish.and(shown.reversed());
        let told = match is_phone {
            true => stream.direction == due,
            false => stream.direction.and(due) == due,
        };
        let fits = any_shared(stream, &template.formats) || is_transcoded(stream, template, policy);
        fits && (told || told_later)
    };
    leg.streams.iter().all(suits)
}

/// Whether an offer of a leg, which has agreed to `before`, wants what its partner has not agreed
/// to: a medium that it did not want before, or other codecs.
pub fn asks_for_more(offer: &RemoteOffer, before: &Agreement, partner: &Agreement) -> bool {
    let wanted = |kind| {
        let reason = before.absence(kind);
        let unwanted = matches!(reason, Absence::NotOffered(_) | Absence::SwitchedOff(_));
        before.stream(kind).is_some() || !unwanted
    };
    offer
        .streams
        .iter()
        .any(|theirs| match partner.stream(theirs.kind) {
            Some(stream) => !any_shared(stream, &theirs.formats),
            None => !wanted(theirs.kind),
        })
}

fn any_shared(stream: &Stream, formats: &[Offered]) -> bool {
    let mut codecs = stream.pairs.iter().filter(|pair| !pair.own.is_events());
    codecs.any(|pair| formats.iter().any(|format| format.key == pair.own.key))
}

/// The sound of either can be made into that of the other.
fn is_transcoded(stream: &Stream, partner: &Template, policy: &Policy) -> bool {
    stream.kind == MediaKind::Audio && transcode::passes(policy, stream.formats(), &partner.formats)
}
