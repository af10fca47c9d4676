//! What a transcoder is to make of what.

use super::coder;
use crate::codec::{AudioCodec, SampleRate, Settings};
use crate::plan::{CodecMap, CodecPlan, Encoding, Format, Passage, StreamPlan};

/// Where the far side names no packet time (RFC 3551 4.2).
const USUAL_PTIME_MS: u16 = 20;

/// Shorter packets cost more than they are worth, and longer ones wait too long.
const PTIMES_MS: std::ops::RangeInclusive<u16> = 10..=60;

/// The longest payload that every network takes, together with all headers.
const MAX_PAYLOAD: usize = 1_200;

/// What comes in, and what goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TranscodePlan {
    pub(super) source: SourceFormats,
    /// What the sink gets.
    pub(super) codec: AudioCodec,
    pub(super) payload_type: u8,
    pub(super) clock_rate: u32,
    pub(super) encoding: Encoding,
    pub(super) ptime_ms: u16,
}

/// What a source may send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourceFormats {
    /// The most likely first.
    formats: Vec<SourceFormat>,
    /// The payload type of its comfort noise (RFC 3389), if it sends any.
    pub(super) noise: Option<u8>,
}

/// A format of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceFormat {
    pub(super) payload_type: u8,
    pub(super) codec: AudioCodec,
    pub(super) clock_rate: u32,
}

impl TranscodePlan {
    /// Of the entries of a patch that are to be transcoded, or may have to be; `None` if there are
    /// none.
    pub(crate) fn new(maps: &[CodecMap], from: &StreamPlan, to: &StreamPlan) -> Option<Self> {
        let maps = || {
            maps.iter()
                .filter(|map| map.kind == from.kind && map.passage != Passage::Relay)
        };
        let surely = maps().find(|map| map.passage == Passage::Transcode);
        let to_pt = surely.or(maps().next())?.to_pt;
        let sink = to.codecs.iter().find(|codec| codec.send_pt == to_pt)?;
        let codec = coder(sink.format, sink.clock_rate)?;
        let mut sources = SourceFormats::default();
        for map in maps() {
            if let Some(source) = of_type(from, map.from_pt) {
                sources.add(source.receive_pt, source.format, source.clock_rate);
            }
        }
        (!sources.formats.is_empty()).then_some(Self {
            source: sources,
            codec,
            payload_type: sink.send_pt,
            clock_rate: sink.clock_rate,
            encoding: sink.encoding,
            ptime_ms: packet_time(codec, to.send_ptime_ms),
        })
    }

    /// The sampling rate of the encoder: without a resampler, if the likeliest source has one
    /// rate with it in common. RFC 7587 4.1 leaves it to us at which Opus runs.
    pub(super) fn rate(&self) -> SampleRate {
        let rates = self.codec.rates();
        let source = self.source.likeliest().map(|source| source.codec);
        let shared = rates
            .iter()
            .find(|rate| source.is_some_and(|it| it.runs_at(**rate)));
        let rate = shared.or(rates.first()).copied();
        rate.unwrap_or(SampleRate::Hz8000)
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            bitrate: self.encoding.max_bitrate,
            fec: self.encoding.fec,
            dtx: self.encoding.dtx,
            ..Settings::default()
        }
    }
}

impl SourceFormats {
    /// Another one, or another meaning of a payload type. False if that is not sound.
    pub(crate) fn add(&mut self, payload_type: u8, format: Format, clock_rate: u32) -> bool {
        if format == Format::ComfortNoise {
            self.noise = Some(payload_type);
            return true;
        }
        let Some(codec) = coder(format, clock_rate) else {
            return false;
        };
        let added = SourceFormat {
            payload_type,
            codec,
            clock_rate,
        };
        let mut known = self.formats.iter_mut();
        match known.find(|it| it.payload_type == payload_type) {
            Some(known) => *known = added,
            None => self.formats.push(added),
        }
        true
    }

    pub(super) fn likeliest(&self) -> Option<SourceFormat> {
        self.formats.first().copied()
    }

    pub(super) fn of(&self, payload_type: u8) -> Option<SourceFormat> {
        let mut formats = self.formats.iter();
        formats.find(|it| it.payload_type == payload_type).copied()
    }
}

fn of_type(plan: &StreamPlan, payload_type: u8) -> Option<&CodecPlan> {
    plan.codecs
        .iter()
        .find(|codec| codec.receive_pt == payload_type)
}

/// How long the packets are that a far side gets which asks for some packet time, or for none, ms.
pub(crate) fn packet_time(codec: AudioCodec, wanted_ms: Option<u16>) -> u16 {
    let wanted = wanted_ms.unwrap_or(USUAL_PTIME_MS);
    let wanted = wanted.clamp(*PTIMES_MS.start(), *PTIMES_MS.end());
    codec.packet_time(wanted.min(longest(codec)))
}

/// Packet time, ms.
fn longest(codec: AudioCodec) -> u16 {
    match codec {
        AudioCodec::L16(rate) => {
            let ms = MAX_PAYLOAD / (2 * rate.per_ms());
            u16::try_from(ms).unwrap_or(USUAL_PTIME_MS)
        }
        _ => *PTIMES_MS.end(),
    }
}
