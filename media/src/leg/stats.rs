//! Measurements of a leg.

use super::{Leg, Stream};
use crate::event::{DirectionStats, LegStats, StreamStats};
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
        };
        let far_side = outbound.far_side.unwrap_or_default();
        let sent = DirectionStats {
            packets: outbound.packets,
            bytes: outbound.octets,
            lost: u64::try_from(far_side.cumulative_lost).unwrap_or(0),
            fraction_lost: f32::from(far_side.fraction_lost) / 256.0,
            jitter: from_units(far_side.jitter, outbound.clock_rate),
        };
        StreamStats {
            kind: plan.kind,
            received,
            sent,
            keyframe_requests: inbound.keyframes.total(),
            nacks_sent: inbound.nacks_sent,
            retransmitted: outbound.retransmitted,
            remb: outbound.probe.told(),
            transcoded: outbound.transcode_stats(),
        }
    }
}
