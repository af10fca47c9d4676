//! Header extensions by URI.

use crate::plan::{Extension, ExtensionPlan};
use crate::sdp::{ExtensionMap, MediaDescription};

const URIS: [(Extension, &str); 8] = [
    (
        Extension::AudioLevel,
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ),
    (
        Extension::AbsSendTime,
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    ),
    (
        Extension::TransmissionOffset,
        "urn:ietf:params:rtp-hdrext:toffset",
    ),
    (Extension::VideoOrientation, "urn:3gpp:video-orientation"),
    (
        Extension::PlayoutDelay,
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    ),
    (
        Extension::VideoContentType,
        "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    ),
    (
        Extension::ColorSpace,
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    ),
    (
        Extension::DependencyDescriptor,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
];

/// The extensions of an m-line that are carried here, each once, in both directions.
pub(super) fn read(media: &MediaDescription) -> Vec<ExtensionPlan> {
    let mut plans: Vec<ExtensionPlan> = Vec::new();
    for map in &media.extensions {
        // One-byte headers only (RFC 8285 4.2): `extmap-allow-mixed` is not negotiated. An
        // extension in one direction only is of no use between two equal sides.
        let Ok(id @ 1..=14) = u8::try_from(map.id) else {
            continue;
        };
        if map
            .direction
            .is_some_and(|direction| !(direction.sends() && direction.receives()))
        {
            continue;
        }
        let Some((extension, _)) = URIS.iter().find(|(_, uri)| *uri == map.uri) else {
            continue;
        };
        if plans
            .iter()
            .all(|plan| plan.id != id && plan.extension != *extension)
        {
            plans.push(ExtensionPlan {
                id,
                extension: *extension,
            });
        }
    }
    plans
}

/// The numbers that Chromium gives them. Where an m-line comes into a session it compares ours with
/// those of its own offer, even of one that it gave up for ours: another meaning of a number fails.
/// What would have the number of another that is `agreed` is left out (RFC 8843 10).
pub(super) fn number_as_usual<'a>(
    plans: &mut Vec<ExtensionPlan>,
    agreed: impl Iterator<Item = &'a ExtensionPlan> + Clone,
) {
    for plan in plans.iter_mut() {
        plan.id = match plan.extension {
            Extension::AudioLevel => 1,
            Extension::AbsSendTime => 2,
            Extension::PlayoutDelay => 5,
            Extension::VideoContentType => 6,
            Extension::ColorSpace => 8,
            Extension::DependencyDescriptor => 12,
            Extension::VideoOrientation => 13,
            Extension::TransmissionOffset => 14,
        };
    }
    plans.retain(|plan| {
        let is_other = |it: &ExtensionPlan| it.id == plan.id && it.extension != plan.extension;
        !agreed.clone().any(is_other)
    });
}

/// As `a=extmap`.
pub(super) fn write(plans: &[ExtensionPlan]) -> Vec<ExtensionMap> {
    plans
        .iter()
        .filter_map(|plan| {
            let (_, uri) = URIS
                .iter()
                .find(|(extension, _)| *extension == plan.extension)?;
            Some(ExtensionMap {
                id: u16::from(plan.id),
                direction: None,
                uri: (*uri).into(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_meaning_in_a_session() {
        let plan = |id, extension| ExtensionPlan { id, extension };
        let mut plans = vec![
            plan(2, Extension::AbsSendTime),
            plan(3, Extension::VideoOrientation),
            plan(4, Extension::PlayoutDelay),
        ];
        let agreed = [
            plan(2, Extension::AbsSendTime),
            plan(5, Extension::AudioLevel),
        ];
        number_as_usual(&mut plans, agreed.iter());
        let expected = [
            plan(2, Extension::AbsSendTime),
            plan(13, Extension::VideoOrientation),
        ];
        assert_eq!(plans, expected);
    }
}
