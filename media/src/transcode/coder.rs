//! Which coder makes sound of a negotiated format.

use crate::codec::{AudioCodec, SampleRate, SpeexBand};
use crate::plan::Format;

/// The coder of a format at an RTP clock rate; none if it can only be relayed.
pub(crate) fn coder(format: Format, clock_rate: u32) -> Option<AudioCodec> {
    Some(match format {
        Format::Pcmu => AudioCodec::Pcmu,
        Format::Pcma => AudioCodec::Pcma,
        Format::Opus => AudioCodec::Opus,
        Format::Speex if clock_rate == 8_000 => AudioCodec::Speex(SpeexBand::Narrow),
        Format::L16 if clock_rate == 8_000 => AudioCodec::L16(SampleRate::Hz8000),
        _ => return None,
    })
}
