//! The stream in which packets are sent again (RFC 4588).

use std::time::Instant;

use crate::plan::{Extension, StreamPlan};
use crate::rtp::rtx::{self, RtxHeader};
use crate::rtp::{Packet, PacketCache, extension, ntp};

/// The retransmission stream of a stream of ours.
#[derive(Debug)]
pub(super) struct Retransmission {
    ssrc: u32,
    next: u16,
    /// The retransmission format of each payload type we send.
    payload_types: Vec<(u8, u8)>,
    /// The header extension in which a packet says when it was sent.
    send_time: Option<u8>,
}

/// When the source's clock said what in `abs-send-time`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendClock {
    at: Instant,
    told: [u8; 3],
}

impl Retransmission {
    /// As a plan has it, if it does; numbers begin with `next`.
    pub(super) fn of(plan: &StreamPlan, next: u16) -> Option<Self> {
        let ssrc = plan.rtx_ssrc?;
        let codecs = plan.codecs.iter();
        let is_send_time =
            |it: &&crate::plan::ExtensionPlan| it.extension == Extension::AbsSendTime;
        Some(Self {
            ssrc,
            next,
            payload_types: codecs
                .filter_map(|codec| Some((codec.send_pt, codec.rtx?.1)))
                .collect(),
            send_time: plan.extensions.iter().find(is_send_time).map(|it| it.id),
        })
    }

    /// Its next sequence number.
    pub(super) fn next(&self) -> u16 {
        self.next
    }

    /// What the source's clock says, by the last packet sent. The sender's time passes through us:
    /// what we send again has to be told in the same.
    pub(super) fn clock(&self, cache: &PacketCache) -> Option<SendClock> {
        let (at, packet) = cache.latest()?;
        let packet = Packet::parse(packet).ok()?;
        let element = packet
            .extensions()
            .find(|element| Some(element.id) == self.send_time)?;
        let told = element.data.try_into().ok()?;
        Some(SendClock { at, told })
    }

    /// Writes the repetition of `packet` to `out`, sent now, and gives its length.
    pub(super) fn wrap(
        &mut self,
        packet: &[u8],
        clock: Option<SendClock>,
        now: Instant,
        out: &mut [u8],
    ) -> Option<usize> {
        let original = packet.get(1)? & 0x7F;
        let (_, payload_type) = self
            .payload_types
            .iter()
            .find(|(sent, _)| *sent == original)?;
        let to = RtxHeader {
            payload_type: *payload_type,
            ssrc: self.ssrc,
            sequence_number: self.next,
        };
        let len = rtx::wrap(packet, to, out).ok()?;
        if let Some((id, clock)) = self.send_time.zip(clock) {
            let elapsed = now.saturating_duration_since(clock.at);
            let time = ntp::later_send_time(clock.told, elapsed);
            extension::overwrite(out.get_mut(..len)?, id, &time);
        }
        self.next = self.next.wrapping_add(1);
        Some(len)
    }
}
