//! What we offer where nobody has offered us anything: an INVITE came without an offer, or the
//! server itself wants to talk.

use smol_str::SmolStr;

use super::format;
use super::template::Template;
use crate::ids::MediaKind;
use crate::sdp::{Codec, Direction, Media, MediaDescription};

/// Payload type, name, clock rate, channels, parameters.
type Entry = (u8, &'static str, u32, u8, &'static str);

const AUDIO: [Entry; 6] = [
    (111, "opus", 48_000, 2, "minptime=10;useinbandfec=1"),
    (9, "G722", 8_000, 1, ""),
    (8, "PCMA", 8_000, 1, ""),
    (0, "PCMU", 8_000, 1, ""),
    (110, "telephone-event", 48_000, 1, "0-15"),
    (101, "telephone-event", 8_000, 1, "0-15"),
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

/// Digits, for a phone whose partner has none: they are made and read here.
pub(super) fn events() -> Option<format::Offered> {
    let formats = formats(MediaKind::Audio);
    formats
        .into_iter()
        .find(|format| format.is_events() && format.codec.clock_rate == 8_000)
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
    }
}

fn formats(kind: MediaKind) -> Vec<format::Offered> {
    let entries: &[Entry] = match kind {
        MediaKind::Audio => &AUDIO,
        MediaKind::Video => &VIDEO,
    };
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
