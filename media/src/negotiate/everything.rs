//! What we offer where nobody has offered us anything: an INVITE came without an offer, or the
//! server itself wants to talk.

use smol_str::SmolStr;

use super::format;
use super::template::Template;
use crate::ids::MediaKind;
use crate::sdp::{Codec, Direction, Media, MediaDescription};

/// Payload type, name, clock rate, channels, parameters.
type Entry = (u8, &'static str, u32, u8, &'static str);

/// What our decoder of Opus takes.
pub(super) const OPUS: &str = "minptime=10;useinbandfec=1";

/// What our decoder of G.729 takes: silence may be described (annex B).
pub(super) const G729: &str = "annexb=yes";

const AUDIO: [Entry; 6] = [
    (111, "opus", 48_000, 2, OPUS),
    (9, "G722", 8_000, 1, ""),
    (8, "PCMA", 8_000, 1, ""),
    (0, "PCMU", 8_000, 1, ""),
    (110, "telephone-event", 48_000, 1, "0-15"),
    (101, "telephone-event", 8_000, 1, "0-15"),
];

/// What only telephones have. It is transcoded, where they have nothing else.
const OF_PHONES: [Entry; 4] = [
    (112, "speex", 16_000, 1, ""),
    (113, "speex", 8_000, 1, ""),
    (18, "G729", 8_000, 1, G729),
    (109, "telephone-event", 16_000, 1, "0-15"),
];

const VIDEO: [Entry; 3] = [
    (96, "VP8", 90_000, 1, ""),
    (
        98,
        "H264",
        90_000,
        1,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ),
    (
        99,
        "H264",
        90_000,
        1,
        "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
    ),
];

/// One for each kind asked for.
pub(super) fn templates(kinds: &[MediaKind]) -> Vec<Template> {
    let mut templates: Vec<Template> = Vec::new();
    for kind in kinds {
        if templates.iter().all(|template| template.kind != *kind) {
            templates.push(template(*kind));
        }
    }
    templates
}

/// Digits, for whoever's partner has none at this clock: they are made and read here.
pub(super) fn events(clock_rate: u32) -> Option<format::Offered> {
    let mut entries = AUDIO.iter().chain(&OF_PHONES);
    let entry =
        entries.find(|(_, name, rate, ..)| *name == "telephone-event" && *rate == clock_rate)?;
    read(MediaKind::Audio, std::slice::from_ref(entry)).pop()
}

/// All codecs for sound that we have, the best first.
pub(super) fn codecs(of_phones: bool) -> Vec<format::Offered> {
    let mut codecs = audio(of_phones);
    codecs.retain(format::Offered::is_codec);
    codecs
}

fn audio(of_phones: bool) -> Vec<format::Offered> {
    let mut entries = AUDIO.to_vec();
    entries.extend(OF_PHONES.iter().filter(|_| of_phones));
    read(MediaKind::Audio, &entries)
}

fn template(kind: MediaKind) -> Template {
    let formats = formats(kind);
    Template {
        kind,
        names: format::names_of(formats.iter().map(|format| &format.codec)),
        formats,
        extensions: Vec::new(),
        direction: Direction::SendRecv,
        bitrate: None,
        ptime_ms: None,
        maxptime_ms: None,
        mid: None,
        is_heard: false,
        is_agreed: false,
    }
}

fn formats(kind: MediaKind) -> Vec<format::Offered> {
    match kind {
        MediaKind::Audio => read(kind, &AUDIO),
        MediaKind::Video => read(kind, &VIDEO),
    }
}

fn read(kind: MediaKind, entries: &[Entry]) -> Vec<format::Offered> {
    let feedback: &[&str] = match kind {
        MediaKind::Audio => &[],
        MediaKind::Video => &["goog-remb", "ccm fir", "nack", "nack pli"],
    };
    let mut media = MediaDescription::new(Media::Kind(kind), SmolStr::new_static("RTP/AVPF"));
    let codec = |(payload_type, name, clock_rate, channels, parameters): &Entry| Codec {
        payload_type: *payload_type,
        name: SmolStr::new_static(name),
        clock_rate: *clock_rate,
        channels: *channels,
        parameters: (!parameters.is_empty()).then(|| SmolStr::new_static(parameters)),
        feedback: feedback.iter().map(|it| SmolStr::new_static(it)).collect(),
    };
    media.codecs = entries.iter().map(codec).collect();
    format::read(&media)
}
