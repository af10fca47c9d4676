//! The parameter sets of H.264: what a source's pictures need is remembered, and put before those that
//! come without. Some encoders send it once, or in their description alone; whoever begins to look
//! later could not show a picture of theirs.

use std::time::Instant;

use super::Leg;
use super::context::Context;
use super::inbound::Taken;
use super::outbound::{Outbound, Sink, Way, protect_and_keep};
use crate::ids::MediaKind;
use crate::plan::{Format, StreamPlan};
use crate::rtp::h264::{IDR, PPS, ParameterSets, SPS, Units};
use crate::rtp::{Packet, Rewrite, rewrite};
use crate::srtp::MAX_RTP_OVERHEAD;

/// What the pictures of a source need, and when it came last.
#[derive(Debug, Default)]
pub(super) struct SourceSets {
    pub(super) sets: ParameterSets,
    /// The timestamp of the picture that they came with, or that was seen without them.
    at: Option<u32>,
}

impl SourceSets {
    /// As the source's description has them, if it does.
    pub(super) fn described(plan: &StreamPlan) -> Self {
        Self {
            sets: of(plan).cloned().unwrap_or_default(),
            at: None,
        }
    }

    /// The description is another: its sets count from now on, if they are.
    pub(super) fn update(&mut self, before: &StreamPlan, plan: &StreamPlan) {
        if let Some(sets) = of(plan).filter(|sets| of(before) != Some(*sets)) {
            self.sets.learn_all(sets);
        }
    }

    /// Takes in a payload of H.264. Whether a picture begins in it that needs parameter sets, which
    /// are known and have not come with it.
    pub(super) fn take(&mut self, timestamp: u32, payload: &[u8]) -> bool {
        let mut is_bare = false;
        for unit in Units::of(payload) {
            match unit.kind {
                SPS => {
                    self.sets.learn(unit.bytes);
                    self.at = Some(timestamp);
                }
                PPS => self.sets.learn(unit.bytes),
                // One picture may be several slices.
                IDR if self.at != Some(timestamp) => {
                    is_bare = self.sets.is_complete();
                    self.at = Some(timestamp);
                }
                _ => {}
            }
        }
        is_bare
    }
}

fn of(plan: &StreamPlan) -> Option<&ParameterSets> {
    let mut codecs = plan.codecs.iter();
    codecs.find_map(|codec| codec.parameter_sets.as_deref())
}

impl Leg {
    /// Lends what the pictures of this leg need.
    pub(crate) fn parameter_sets_mut(&mut self) -> Option<&mut ParameterSets> {
        self.stream_mut(MediaKind::Video)
            .map(|stream| &mut stream.inbound.parameter_sets.sets)
    }

    /// A picture of another leg comes without what it needs: sends that before it.
    pub(crate) fn send_parameter_sets(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        taken: Taken,
        sets: &ParameterSets,
        cx: &mut Context<'_>,
    ) {
        let Some((stream, sink)) = self.sending(taken.kind, cx) else {
            return;
        };
        let packets = stream.outbound.send_parameter_sets(now, packet, sets, sink);
        cx.counters.rtp_sent += packets;
    }
}

impl Outbound {
    /// Sends the sets before the picture that begins in `packet`, each in a packet of its own, as
    /// every receiver takes them (RFC 6184 5.6). Gives the number of packets.
    fn send_parameter_sets(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        sets: &ParameterSets,
        sink: Sink<'_>,
    ) -> u64 {
        let header = packet.header;
        let source = (header.ssrc, header.sequence_number, header.timestamp);
        let Some(feed) = &self.feed else { return 0 };
        let outgoing = feed.outgoing(header.payload_type);
        let Some(outgoing) = outgoing.filter(|it| it.format == Format::H264) else {
            return 0;
        };
        let count = u16::try_from(sets.len()).unwrap_or(0);
        let place = self.line.insert(now, source, outgoing.clock_rate, count);
        let Some(place) = place else { return 0 };
        let Sink { way, scratch, .. } = sink;
        let Way {
            path,
            mut protection,
            out,
        } = way;
        let mut to = Rewrite {
            payload_type: outgoing.payload_type,
            ssrc: self.ssrc,
            sequence_number: place.sequence_number,
            timestamp: place.timestamp,
            marker: false,
            keep_padding: false,
        };
        let mut packets = 0;
        for unit in sets.units() {
            let (cache, number) = (&mut self.cache, to.sequence_number);
            let sent = out.push(path, |slot| {
                let room = slot.len().checked_sub(MAX_RTP_OVERHEAD)?;
                let len = rewrite(packet, &to, feed.extensions(), slot.get_mut(..room)?).ok()?;
                // Header extensions are the picture's, the payload is not.
                let payload = len.checked_sub(packet.payload().len())?;
                let len = payload + unit.len();
                slot.get_mut(payload..len)?.copy_from_slice(unit);
                protect_and_keep(slot, len, &mut protection, cache, scratch, (now, number))
            });
            if sent {
                packets += 1;
                self.first.get_or_insert(now);
                self.packets += 1;
                self.octets += unit.len() as u64;
            }
            to.sequence_number = number.wrapping_add(1);
        }
        if let Some(cache) = &mut self.cache {
            cache.begin_keyframe(place.sequence_number, place.timestamp);
        }
        packets
    }
}
