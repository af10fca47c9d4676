//! RTCP that the far side sends.

use std::time::Instant;

use super::{Context, Effect, Leg, SourceReport, Timer};
use crate::ids::MediaKind;
use crate::outbox::Path;
use crate::rtp::rtcp::{Compound, FirEntry, Nack, ReportBlocks, RtcpPacket, SenderInfo};

/// Packets sent again for one datagram of requests. More would let one small datagram make us
/// send a burst that hurts the path it is to repair.
const MAX_RESENT: usize = 128;

impl Leg {
    /// Opens a compound packet and takes it in.
    pub(crate) fn handle_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        cx: &mut Context<'_>,
    ) {
        if self.over {
            return;
        }
        let len = match self.transport.open_rtcp(now, path, datagram) {
            Ok(len) => len,
            Err(refused) => return self.refuse(refused, cx),
        };
        self.reported = Some(now);
        let Some(Ok(compound)) = datagram.get(..len).map(Compound::parse) else {
            return;
        };
        let mut budget = MAX_RESENT;
        for packet in compound {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    self.on_sender_report(now, report.sender, cx);
                    self.on_blocks(now, report.blocks, cx);
                }
                RtcpPacket::ReceiverReport(report) => self.on_blocks(now, report.blocks, cx),
                RtcpPacket::Nack(nack) => self.on_nack(now, nack, &mut budget, cx),
                RtcpPacket::Pli(pli) => self.on_keyframe_request(pli.media_ssrc, cx),
                RtcpPacket::Fir(fir) => {
                    for entry in fir.entries() {
                        self.on_intra_request(now, fir.sender_ssrc, entry, cx);
                    }
                }
                RtcpPacket::Remb(remb) => {
                    if let Some(stream) = self.stream_mut(MediaKind::Video) {
                        stream.outbound.probe.on_estimate(now, remb.bitrate);
                        cx.effects.push(Effect::BitrateReported);
                    }
                }
                RtcpPacket::Sdes(_) | RtcpPacket::Bye(_) => {}
            }
        }
    }

    fn on_sender_report(&mut self, now: Instant, sender: SenderInfo, cx: &mut Context<'_>) {
        let report = SourceReport {
            ssrc: sender.ssrc,
            ntp: sender.ntp,
            timestamp: sender.rtp_timestamp,
            at: now,
        };
        for stream in self.streams.iter_mut().flatten() {
            if stream.inbound.media_ssrc(&stream.plan) != Some(sender.ssrc) {
                continue;
            }
            if let Some(source) = stream.inbound.source_mut() {
                source.reception.sender_report(now, sender.ntp);
            }
            stream.inbound.report = Some(report);
            cx.effects
                .push(Effect::SenderReport(stream.plan.kind, report));
        }
    }

    fn on_blocks(&mut self, now: Instant, blocks: ReportBlocks<'_>, cx: &mut Context<'_>) {
        let receivable = self.receivable_bitrate();
        for block in blocks.iter() {
            for stream in self.streams.iter_mut().flatten() {
                if stream.outbound.ssrc == block.ssrc
                    && let Some(round_trip) = stream.outbound.on_report(now, block)
                {
                    self.round_trip = Some(round_trip);
                }
                if stream.plan.rtx_ssrc == Some(block.ssrc) {
                    let probe = &mut stream.outbound.probe;
                    probe.on_repair_report(now, block.fraction_lost);
                }
            }
        }
        if self.receivable_bitrate() != receivable {
            cx.effects.push(Effect::BitrateReported);
        }
        let video = self.stream(MediaKind::Video);
        if let Some(due) = video.and_then(|video| video.outbound.probe.poll_timeout()) {
            self.timers.set_no_later(Timer::Probe, due);
        }
    }

    fn on_nack(&mut self, now: Instant, nack: Nack<'_>, budget: &mut usize, cx: &mut Context<'_>) {
        let round_trip = self.round_trip;
        let Some((stream, sink)) = self.sending(MediaKind::Video, cx) else {
            return;
        };
        if stream.outbound.ssrc != nack.media_ssrc {
            return;
        }
        let missing = nack.sequence_numbers().take(*budget);
        let asked = nack.sequence_numbers().take(*budget).count();
        let resent = stream.outbound.resend(now, missing, round_trip, sink);
        *budget -= asked;
        cx.counters.rtp_sent += resent.packets;
        if resent.keyframe {
            cx.effects.push(Effect::KeyframeNeeded);
        }
    }

    /// A full intra request, which may be repeated.
    fn on_intra_request(
        &mut self,
        now: Instant,
        requester: u32,
        entry: FirEntry,
        cx: &mut Context<'_>,
    ) {
        if let Some(stream) = self.stream_mut(MediaKind::Video)
            && stream.outbound.ssrc == entry.ssrc
            && stream
                .outbound
                .takes_intra_request(now, requester, entry.sequence_number)
        {
            cx.effects.push(Effect::KeyframeNeeded);
        }
    }

    /// A keyframe of a stream of ours is a keyframe of the leg that feeds it.
    fn on_keyframe_request(&self, media_ssrc: u32, cx: &mut Context<'_>) {
        let video = self.stream(MediaKind::Video);
        if video.is_some_and(|video| video.outbound.ssrc == media_ssrc) {
            cx.effects.push(Effect::KeyframeNeeded);
        }
    }
}
