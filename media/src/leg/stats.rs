//! Measurements of a leg.

use super::{Leg, Stream};
use crate::event::{DirectionStats, LegStats, StreamCodec, StreamStats};
use crate::plan::CodecPlan;
use crate::rtp::reception::from_units;

impl Leg {
    pub(super) fn stats(&self) -> LegStats {
        LegStats {
            leg: self.id,
            streams: self
                .streams
                .iter()
                .flatten()
                .map(|stream| stream.stats())
                .collect(),
            round_trip: self.round_trip,
            rejected: self.rejected,
        }
    }
}

impl Stream {
    fn stats(&self) -> StreamStats {
        let Self {
            plan,
            inbound,
            outbound,
        } = self;
        let totals = inbound.totals();
        let reception = inbound.source().map(|source| &source.reception);
        let received = DirectionStats {
            packets: totals.packets,
            bytes: totals.bytes,
            lost: totals.lost,
            fraction_lost: reception.map_or(0.0, |it| it.fraction_lost()),
            jitter: reception.map(|it| it.jitter()).unwrap_or_default(),
            codec: self.codec(inbound.payload_type, |codec| codec.receive_pt),
            first_packet: inbound.first,
            first_keyframe: inbound.first_keyframe,
        };
        let far_side = outbound.far_side.unwrap_or_default();
        let sent = DirectionStats {
            packets: outbound.packets,
            bytes: outbound.octets,
            lost: u64::try_from(far_side.cumulative_lost).unwrap_or(0),
            fraction_lost: f32::from(far_side.fraction_lost) / 256.0,
            jitter: from_units(far_side.jitter, outbound.clock_rate),
            codec: self.codec(outbound.payload_type, |codec| codec.send_pt),
            first_packet: outbound.first,
            first_keyframe: outbound.first_keyframe,
        };
        StreamStats {
            kind: plan.kind,
            received,
            sent,
            reported: outbound.far_side.is_some(),
            keyframe_requests: inbound.keyframes.total(),
            nacks_sent: inbound.nacks_sent,
            retransmitted: outbound.retransmitted,
            transcoded: outbound.transcode_stats(),
        }
    }

    /// What is in the packets of a payload type.
    fn codec(&self, payload_type: Option<u8>, of: fn(&CodecPlan) -> u8) -> Option<StreamCodec> {
        let codecs = &mut self.plan.codecs.iter();
        let codec = codecs.find(|codec| Some(of(codec)) == payload_type)?;
        let transcoder = self.outbound.transcoder.as_ref();
        let encodes = transcoder.is_some_and(|it| Some(it.payload_type()) == payload_type);
        Some(StreamCodec {
            format: codec.format,
            clock_rate: codec.clock_rate,
            repeats: encodes && codec.encoding.fec,
        })
    }
}
