//! Which coder makes sound of a negotiated format, and which formats need none between them.

use crate::codec::g711::Law;
use crate::codec::{AudioCodec, SampleRate, SpeexBand};
use crate::plan::Format;

/// The coder of a format at an RTP clock rate; none if it can only be relayed.
pub(crate) fn coder(format: Format, clock_rate: u32) -> Option<AudioCodec> {
    Some(match format {
        Format::Pcmu => AudioCodec::Pcmu,
        Format::Pcma => AudioCodec::Pcma,
        Format::Opus => AudioCodec::Opus,
        Format::G722 => AudioCodec::G722,
        Format::G729 => AudioCodec::G729,
        Format::Speex => AudioCodec::Speex(match clock_rate {
            8_000 => SpeexBand::Narrow,
            16_000 => SpeexBand::Wide,
            32_000 => SpeexBand::UltraWide,
            _ => return None,
        }),
        Format::L16 => AudioCodec::L16(SampleRate::from_hz(clock_rate)?),
        _ => return None,
    })
}

/// The law of payloads in the first format, if those of the second are in the other law
/// (ITU-T G.711): a table makes one of the other.
pub(crate) fn conversion(from: Format, to: Format) -> Option<Law> {
    match (from, to) {
        (Format::Pcmu, Format::Pcma) => Some(Law::Mu),
        (Format::Pcma, Format::Pcmu) => Some(Law::A),
        _ => None,
    }
}
