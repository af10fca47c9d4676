//! The payload formats that are carried, read out of an m-line.

use smol_str::SmolStr;

use super::h264;
use crate::plan::{Encoding, Feedback, Format};
use crate::rtp::h264::ParameterSets;
use crate::sdp::{Codec, MediaDescription};

/// A format that can be carried, as one side describes it.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    /// What has to be equal on both sides.
    pub key: Key,
    /// As described, with the feedback types that are carried and no others.
    pub codec: Codec,
    /// The payload type of its retransmissions.
    pub rtx: Option<u8>,
    /// The same feedback as flags.
    pub feedback: Feedback,
}

/// Two formats with equal keys carry each other's packets (RFC 3264 6.1 and the payload
/// format's own rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub format: Format,
    pub clock_rate: u32,
    channels: u8,
    variant: Variant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Only,
    H264(h264::Configuration),
    /// RFC 9628 6 `profile-id`
    Vp9(u8),
    /// `profile` and `tier` (AV1 RTP payload specification 7.2): how high a level may be is each
    /// receiver's own.
    Av1(u8, u8),
}

impl Offered {
    /// RFC 4733: events.
    pub(super) fn is_events(&self) -> bool {
        self.key.format == Format::TelephoneEvent
    }

    /// Something to talk with, which neither events nor the noise of silence are.
    pub(super) fn is_codec(&self) -> bool {
        !self.is_events() && self.key.format != Format::ComfortNoise
    }

    /// What decoders of what its describer sends need first.
    pub(super) fn parameter_sets(&self) -> Option<Box<ParameterSets>> {
        let h264 = (self.key.format == Format::H264).then_some(&self.codec)?;
        let sprop = h264.parameter("sprop-parameter-sets")?;
        ParameterSets::from_sprop(sprop).map(Box::new)
    }

    /// What whoever receives the format as it is described here wants of an encoder.
    pub(super) fn encoding(&self) -> Encoding {
        let says = |name: &str, value: &str| {
            let said = self.codec.parameter(name);
            said.is_some_and(|said| said.eq_ignore_ascii_case(value))
        };
        let max_bitrate = self.codec.parameter("maxaveragebitrate");
        match self.key.format {
            Format::Opus => Encoding {
                // "Any value below 6000 bps or above 510000 bps SHOULD be ignored" is the
                // meaning of RFC 7587 6.1: the coder has no others.
                max_bitrate: max_bitrate
                    .and_then(|text| text.parse().ok())
                    .filter(|rate| (6_000..=510_000).contains(rate)),
                fec: says("useinbandfec", "1"),
                dtx: says("usedtx", "1"),
            },
            // "If no value is specified [...] annexb=yes" (RFC 4856 2.1.9).
            Format::G729 => Encoding {
                dtx: !says("annexb", "no"),
                ..Encoding::default()
            },
            Format::Speex => Encoding {
                dtx: says("vbr", "vad"),
                ..Encoding::default()
            },
            _ => Encoding::default(),
        }
    }
}

/// The formats of an m-line that are carried, in its order. A retransmission format without
/// a usable `apt` is as good as absent, redundancy is not carried, and of
/// two payload types that say the same the first counts.
pub(super) fn read(media: &MediaDescription) -> Vec<Offered> {
    let mut formats: Vec<Offered> = Vec::new();
    let repairs: Vec<(u8, &Codec)> = media
        .codecs
        .iter()
        .filter_map(|codec| Some((codec.apt()?, codec)))
        .collect();
    for codec in &media.codecs {
        let Some(key) = key_of(codec) else { continue };
        if formats.iter().any(|format| format.key == key) {
            continue;
        }
        let feedback = flags(&codec.feedback);
        let codec = Codec {
            feedback: names(feedback),
            ..codec.clone()
        };
        formats.push(Offered {
            key,
            rtx: rtx_of(&repairs, &codec),
            codec,
            feedback,
        });
    }
    restore_lost_feedback(media, &mut formats);
    formats
}

/// The codecs of an m-line for people, each name once, helpers left out: `opus,PCMU`. A list
/// that no browser writes is cut.
pub(super) fn names_of<'a>(codecs: impl IntoIterator<Item = &'a Codec>) -> String {
    const HELPERS: [&str; 6] = [
        "rtx",
        "red",
        "ulpfec",
        "flexfec-03",
        "CN",
        "telephone-event",
    ];
    let mut names: Vec<&str> = Vec::new();
    for codec in codecs {
        let known = names.iter().any(|name| codec.is(name));
        if !known && !HELPERS.iter().any(|helper| codec.is(helper)) {
            names.push(&codec.name);
        }
    }
    names.truncate(16);
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    }
}

/// The names of a list of formats, for people: `opus,PCMU`.
pub(super) fn list_of(formats: &[Format]) -> String {
    let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    names.join(",")
}

/// `nack pli` and its like for the flags that are set.
pub(super) fn names(feedback: Feedback) -> Vec<SmolStr> {
    [
        (feedback.remb, "goog-remb"),
        (feedback.fir, "ccm fir"),
        (feedback.nack, "nack"),
        (feedback.pli, "nack pli"),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, name)| SmolStr::new_static(name))
    .collect()
}

/// What both have.
pub(super) fn common(a: Feedback, b: Feedback) -> Feedback {
    Feedback {
        nack: a.nack && b.nack,
        pli: a.pli && b.pli,
        fir: a.fir && b.fir,
        remb: a.remb && b.remb,
    }
}

fn flags(values: &[SmolStr]) -> Feedback {
    let has = |name: &str| values.iter().any(|value| value.eq_ignore_ascii_case(name));
    Feedback {
        nack: has("nack"),
        pli: has("nack pli"),
        fir: has("ccm fir"),
        remb: has("goog-remb"),
    }
}

/// Names, clock rates (none: any) and channels.
const FORMATS: [(&str, Format, &[u32], u8); 13] = [
    ("opus", Format::Opus, &[48_000], 2),
    ("PCMU", Format::Pcmu, &[8_000], 1),
    ("PCMA", Format::Pcma, &[8_000], 1),
    ("G722", Format::G722, &[8_000], 1),
    ("G729", Format::G729, &[8_000], 1),
    ("speex", Format::Speex, &[8_000, 16_000, 32_000], 1),
    // At more than that a packet of 20 ms is longer than a network takes.
    ("L16", Format::L16, &[8_000, 16_000], 1),
    ("CN", Format::ComfortNoise, &[8_000], 1),
    // Events run at the clock of the codec that they interrupt (RFC 4733 2.1).
    ("telephone-event", Format::TelephoneEvent, &[], 1),
    ("VP8", Format::Vp8, &[90_000], 1),
    ("VP9", Format::Vp9, &[90_000], 1),
    ("H264", Format::H264, &[90_000], 1),
    ("AV1", Format::Av1, &[90_000], 1),
];

impl Format {
    /// The codec of this name, in any case; none that only helps another.
    pub fn named(name: &str) -> Option<Self> {
        let mut formats = FORMATS.into_iter();
        let (_, format, ..) = formats.find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        (!format.is_helper()).then_some(format)
    }

    /// Its encoding name in descriptions (`a=rtpmap`).
    pub fn name(self) -> &'static str {
        let mut formats = FORMATS.into_iter();
        let format = formats.find(|(_, format, ..)| *format == self);
        format.map_or("unknown", |(name, ..)| name)
    }
}

fn key_of(codec: &Codec) -> Option<Key> {
    let (_, format, clock_rates, channels) =
        FORMATS.into_iter().find(|(name, ..)| codec.is(name))?;
    let right_clock = clock_rates.is_empty() || clock_rates.contains(&codec.clock_rate);
    if !right_clock || codec.channels != channels {
        return None;
    }
    let variant = match format {
        Format::H264 => Variant::H264(h264::Configuration::new(
            codec.parameter("profile-level-id"),
            codec.parameter("packetization-mode"),
        )?),
        Format::Vp9 => Variant::Vp9(number_or_zero(codec.parameter("profile-id"))?),
        Format::Av1 => Variant::Av1(
            number_or_zero(codec.parameter("profile"))?,
            number_or_zero(codec.parameter("tier"))?,
        ),
        _ => Variant::Only,
    };
    Some(Key {
        format,
        clock_rate: codec.clock_rate,
        channels,
        variant,
    })
}

fn number_or_zero(value: Option<&str>) -> Option<u8> {
    value.map_or(Some(0), |text| text.parse().ok())
}

fn rtx_of(repairs: &[(u8, &Codec)], codec: &Codec) -> Option<u8> {
    repairs
        .iter()
        .find(|(apt, rtx)| *apt == codec.payload_type && rtx.clock_rate == codec.clock_rate)
        .map(|(_, rtx)| rtx.payload_type)
}

/// The Web SDK's `stripCodecs` deletes by prefix: with `G722` (payload type 9) go all lines
/// `a=rtcp-fb:9x`. The browser itself still has them, so a video format that lost all of its
/// feedback gets what the others of the same m-line have.
fn restore_lost_feedback(media: &MediaDescription, formats: &mut [Offered]) {
    let Some(usual) = formats
        .iter()
        .map(|f| f.feedback)
        .find(|f| *f != Feedback::default())
    else {
        return;
    };
    for format in formats {
        let lost = media
            .codec(format.codec.payload_type)
            .is_some_and(|c| c.feedback.is_empty());
        if lost && format.codec.clock_rate == 90_000 {
            format.feedback = usual;
            format.codec.feedback = names(usual);
        }
    }
}
