//! Sound between sides that have no codec in common: what one of them is told though only the
//! other's codecs, decoded and encoded here, can feed it.

use smol_str::SmolStr;

use super::format::{Key, Offered};
use super::template::Template;
use super::{Policy, Transcoding, everything};
use crate::ids::MediaKind;
use crate::plan::Format;
use crate::sdp::Codec;
use crate::transcode::{coder, conversion};

/// What is heard of it can be made into sound here, and the other way round.
pub(super) fn can(key: &Key) -> bool {
    coder(key.format, key.clock_rate).is_some()
}

/// Sound of one can be given to whoever has the other without a coder.
pub(super) fn converts(from: &Key, to: &Key) -> bool {
    conversion(from.format, to.format).is_some()
}

/// The same with any of these.
fn converts_to_any(format: &Offered, others: &[Offered]) -> bool {
    let mut others = others.iter();
    others.any(|other| converts(&format.key, &other.key))
}

/// Sound passes both ways between sides with these formats and without one in common. A table
/// needs no room among the coders, as long as neither side may send anything that does.
pub(super) fn passes<'a>(
    policy: &Policy,
    one: impl IntoIterator<Item = &'a Offered> + Clone,
    other: impl IntoIterator<Item = &'a Offered> + Clone,
) -> bool {
    match policy.transcoding {
        Transcoding::Allowed => any(one) && any(other),
        Transcoding::Full => all_convert(one.clone(), other.clone()) && all_convert(other, one),
        Transcoding::Forbidden => false,
    }
}

/// A table makes of each codec of a side, which has some, one that the other side has.
pub(super) fn all_convert<'a>(
    from: impl IntoIterator<Item = &'a Offered>,
    to: impl IntoIterator<Item = &'a Offered> + Clone,
) -> bool {
    let mut codecs = from.into_iter().filter(|format| format.is_codec());
    let converted = |from: &Offered| {
        let mut to = to.clone().into_iter();
        to.any(|to| converts(&from.key, &to.key))
    };
    codecs.next().is_some_and(converted) && codecs.all(converted)
}

/// There is something among the formats that can be transcoded.
pub(super) fn any<'a>(formats: impl IntoIterator<Item = &'a Offered>) -> bool {
    formats.into_iter().any(|format| can(&format.key))
}

/// Adds to the formats of an offer, which are what the partner has, those that the partner's
/// sound can be transcoded to. They stand behind its own, so that whoever answers by our order
/// needs no transcoding, and before the events; first what a table makes of the partner's. Where
/// there is room for no more coders only that is added, unless the partner has agreed to more:
/// nobody tells it to send nothing else.
pub(super) fn extend_offer(
    template: &Template,
    formats: &mut Vec<Offered>,
    policy: &Policy,
    to_phone: bool,
) {
    let kind = template.kind;
    if kind != MediaKind::Audio || !any(formats.iter()) {
        return;
    }
    let is_known = |format: &Offered| formats.iter().any(|known| known.key == format.key);
    let mut added = everything::codecs(to_phone);
    added.retain(|format| can(&format.key) && policy.allows(format) && !is_known(format));
    match policy.transcoding {
        Transcoding::Allowed => {}
        Transcoding::Full if !template.is_agreed || all_convert(&template.formats, &added) => {
            added.retain(|format| converts_to_any(format, formats));
        }
        Transcoding::Full | Transcoding::Forbidden => return,
    }
    added.sort_by_key(|format| !converts_to_any(format, formats));
    policy.sort(&mut added);
    policy.restrict(kind, &mut added);
    if added.is_empty() {
        return;
    }
    let clocks: Vec<u32> = added.iter().map(|it| it.key.clock_rate).collect();
    let (codecs, mut events): (Vec<_>, Vec<_>) = std::mem::take(formats)
        .into_iter()
        .partition(Offered::is_codec);
    for clock_rate in clocks {
        if events.iter().all(|it| it.key.clock_rate != clock_rate) {
            events.extend(everything::events(clock_rate));
        }
    }
    *formats = codecs.into_iter().chain(added).chain(events).collect();
}

/// Of what the far side offers, what we can transcode to and from what its partner has, as we
/// declare it; empty if there is nothing. Its own order counts, but for the operator's, and behind
/// what a table makes of the partner's.
pub(super) fn answerable(theirs: &[Offered], template: &Template, policy: &Policy) -> Vec<Offered> {
    let partner = template.allowed(policy);
    if template.kind != MediaKind::Audio || !any(&partner) {
        return Vec::new();
    }
    let fits = |format: &&Offered| can(&format.key) && policy.allows(format);
    let mut formats: Vec<Offered> = theirs
        .iter()
        .filter(fits)
        .map(with_own_parameters)
        .collect();
    let converted = |format: &Offered| converts_to_any(format, &partner);
    formats.sort_by_key(|format| !converted(format));
    policy.sort(&mut formats);
    policy.restrict(MediaKind::Audio, &mut formats);
    let narrow = |format: &Offered| format.key.clock_rate == 8_000 && format.is_codec();
    // A relayed side is asked for no noise either: its partner might not know what that is.
    if formats.iter().any(narrow) && !formats.first().is_some_and(converted) {
        let noise = |format: &&Offered| format.key.format == Format::ComfortNoise;
        formats.extend(theirs.iter().filter(noise).cloned());
    }
    formats
}

/// Of what is answerable, what there is leave and room for.
pub(super) fn affordable(
    mut answerable: Vec<Offered>,
    template: &Template,
    policy: &Policy,
) -> Vec<Offered> {
    let partner = template.allowed(policy);
    answerable.retain(|format| match policy.transcoding {
        Transcoding::Allowed => true,
        Transcoding::Full => converts_to_any(format, &partner),
        Transcoding::Forbidden => false,
    });
    let may_send_more = || template.is_agreed && !all_convert(&template.formats, &answerable);
    if policy.transcoding == Transcoding::Full && may_send_more() {
        answerable.clear();
    }
    answerable
}

/// Of a format that we receive ourselves: what we say of it is about our decoder.
fn with_own_parameters(format: &Offered) -> Offered {
    let parameters = match format.key.format {
        Format::Opus => Some(SmolStr::new_static(everything::OPUS)),
        Format::G729 => Some(SmolStr::new_static(everything::G729)),
        _ => None,
    };
    Offered {
        codec: Codec {
            parameters,
            ..format.codec.clone()
        },
        ..format.clone()
    }
}
