//! RTCP that a leg sends: reports, requests for lost packets and keyframes, bitrate limits.

use std::time::{Duration, Instant};

use super::keyframe::is_recognised;
use super::timer::Timer;
use super::{Context, KINDS, Leg, Stream};
use crate::event::Event;
use crate::ids::MediaKind;
use crate::patch;
use crate::plan::CodecPlan;
use crate::rtp::rtcp::{CompoundWriter, FirEntry, RtcpError};
use crate::srtp::MAX_RTCP_OVERHEAD;

/// Between reports of a leg with video: senders follow the loss they tell.
const VIDEO_INTERVAL: Duration = Duration::from_secs(1);

/// Between reports of a leg with audio alone.
const AUDIO_INTERVAL: Duration = Duration::from_millis(2500);

/// Sequence numbers in one NACK; with more missing, a keyframe is the better repair.
const MAX_NACKS: usize = 128;

/// Until feedback that could not be sent is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Leg {
    /// Sends a report for each stream (RFC 3550 6.4): what we send, and how we receive.
    pub(super) fn send_reports(&mut self, now: Instant, cx: &mut Context<'_>) {
        let has_video = self.stream(MediaKind::Video).is_some();
        let interval = if has_video {
            VIDEO_INTERVAL
        } else {
            AUDIO_INTERVAL
        };
        self.timers.set(Timer::Report, Some(now + interval));
        if !self.transport.is_rtp() {
            return self.send_reports_of(now, &KINDS, cx);
        }
        for kind in KINDS {
            if self.stream(kind).is_some() {
                self.send_reports_of(now, &[kind], cx);
            }
        }
    }

    /// Streams that share a way report in one packet.
    fn send_reports_of(&mut self, now: Instant, kinds: &[MediaKind], cx: &mut Context<'_>) {
        let Some(first) = kinds.first() else { return };
        self.send_rtcp(*first, cx, |writer, streams, cname| {
            let told = streams.iter_mut().flatten();
            for stream in told.filter(|stream| kinds.contains(&stream.plan.kind)) {
                let Stream {
                    inbound, outbound, ..
                } = stream.as_mut();
                let source = inbound.source_mut();
                let block = source.and_then(|source| source.reception.report_block(now));
                let blocks = block.as_slice();
                match outbound.sender_info(now) {
                    Some(sender) => writer.sender_report(&sender, blocks)?,
                    None => writer.receiver_report(outbound.ssrc, blocks)?,
                };
            }
            let told = streams.iter().flatten();
            for stream in told.filter(|stream| kinds.contains(&stream.plan.kind)) {
                writer.sdes_cname(stream.outbound.ssrc, cname)?;
            }
            Ok(true)
        });
    }

    /// Tells the far side of an RTP leg that no more will come (RFC 3550 6.6). "A participant
    /// which never sent an RTP or RTCP packet MUST NOT send a BYE packet" (6.3.7).
    pub(super) fn send_goodbye(&mut self, cx: &mut Context<'_>) {
        for kind in KINDS {
            let index = patch::index(kind);
            let told = self.told.get(index).is_some_and(|told| *told);
            if !told && self.stream(kind).is_none_or(|it| it.outbound.is_silent()) {
                continue;
            }
            self.send_rtcp(kind, cx, |writer, streams, cname| {
                let mut streams = streams.iter().flatten();
                let Some(stream) = streams.find(|stream| stream.plan.kind == kind) else {
                    return Ok(false);
                };
                let ssrc = stream.outbound.ssrc;
                begin_feedback(writer, ssrc, cname)?;
                writer.bye(&[ssrc])?;
                Ok(true)
            });
        }
    }

    /// Asks the far side for packets that were lost on the way to us.
    pub(super) fn send_nacks(&mut self, now: Instant, cx: &mut Context<'_>) {
        let round_trip = self.round_trip;
        let mut unrepairable = false;
        let mut next = None;
        self.send_rtcp(MediaKind::Video, cx, |writer, streams, cname| {
            let Some(Stream {
                inbound, outbound, ..
            }) = video(streams)
            else {
                return Ok(false);
            };
            let Some(source) = inbound.source_mut() else {
                return Ok(false);
            };
            let ssrc = source.ssrc;
            let Some(nack) = &mut source.nack else {
                return Ok(false);
            };
            let mut missing = [0; MAX_NACKS];
            let count = nack.poll(now, round_trip, &mut missing);
            next = nack.poll_timeout();
            let unrepaired = nack.take_unrepaired();
            if let Some(since) = unrepaired.filter(|_| !inbound.sinks.is_empty()) {
                inbound.keyframes.want_after(now, since);
                unrepairable = true;
            }
            if count == 0 {
                return Ok(false);
            }
            inbound.nacks_sent += count as u64;
            begin_feedback(writer, outbound.ssrc, cname)?;
            let missing = missing.get(..count).unwrap_or_default();
            writer.nack(outbound.ssrc, ssrc, missing)?;
            Ok(true)
        });
        self.timers.set(Timer::Nack, next);
        if unrepairable {
            // The sinks' decoders cannot go on, and would wait for seconds before they ask.
            self.ask_keyframe(now, cx);
        }
    }

    /// Asks the far side for a keyframe if it is time: by PLI, by FIR where only that was
    /// negotiated, or by signalling where neither was.
    pub(super) fn ask_keyframe(&mut self, now: Instant, cx: &mut Context<'_>) {
        if !self.transport.is_ready() {
            // Asked for anew when media can flow.
            return;
        }
        if self.has_to_be_signalled(now) {
            cx.events.push(Event::KeyframeWanted(self.id), cx.counters);
        }
        self.send_rtcp(MediaKind::Video, cx, |writer, streams, cname| {
            let Some(Stream {
                plan,
                inbound,
                outbound,
            }) = video(streams)
            else {
                return Ok(false);
            };
            let Some(media_ssrc) = inbound.media_ssrc(plan) else {
                return Ok(false);
            };
            let codecs = || plan.codecs.iter();
            let format = inbound.source().map(|source| source.format);
            let format = format.or_else(|| codecs().next().map(|codec| codec.format));
            let is_seen = format.is_some_and(is_recognised);
            let takes_pli = codecs().any(|codec| codec.feedback.pli);
            let takes_fir = codecs().any(|codec| codec.feedback.fir);
            if !(takes_pli || takes_fir) || !inbound.keyframes.take_due(now, is_seen) {
                return Ok(false);
            }
            begin_feedback(writer, outbound.ssrc, cname)?;
            if takes_pli {
                writer.pli(outbound.ssrc, media_ssrc)?;
            } else {
                let sequence_number = inbound.fir_sequence;
                inbound.fir_sequence = sequence_number.wrapping_add(1);
                writer.fir(
                    outbound.ssrc,
                    FirEntry {
                        ssrc: media_ssrc,
                        sequence_number,
                    },
                )?;
            }
            Ok(true)
        });
        let due = self
            .stream(MediaKind::Video)
            .and_then(|it| it.inbound.keyframes.poll_timeout());
        self.timers.set(Timer::Keyframe, not_at_once(now, due));
    }

    /// Whether it is time to ask a far side for a keyframe that takes no feedback.
    fn has_to_be_signalled(&mut self, now: Instant) -> bool {
        let Some(Stream { plan, inbound, .. }) = self.stream_mut(MediaKind::Video) else {
            return false;
        };
        let feedback = |codec: &CodecPlan| codec.feedback.pli || codec.feedback.fir;
        if plan.codecs.iter().any(feedback) {
            return false;
        }
        let format = inbound.source().map(|source| source.format);
        let format = format.or_else(|| plan.codecs.first().map(|codec| codec.format));
        let is_seen = format.is_some_and(is_recognised);
        inbound.keyframes.take_due(now, is_seen)
    }

    /// Tells the far side how much it may send, if it is time.
    pub(super) fn tell_bitrate(&mut self, now: Instant, cx: &mut Context<'_>) {
        if !self.transport.is_ready() {
            // Told anew when media can flow.
            return;
        }
        self.send_rtcp(MediaKind::Video, cx, |writer, streams, cname| {
            let Some(Stream {
                plan,
                inbound,
                outbound,
            }) = video(streams)
            else {
                return Ok(false);
            };
            let Some(media_ssrc) = inbound.media_ssrc(plan) else {
                return Ok(false);
            };
            let Some(limit) = inbound.bitrate.take_due(now) else {
                return Ok(false);
            };
            begin_feedback(writer, outbound.ssrc, cname)?;
            writer.remb(outbound.ssrc, limit, &[media_ssrc])?;
            Ok(true)
        });
        let due = self
            .stream(MediaKind::Video)
            .and_then(|it| it.inbound.bitrate.poll_timeout());
        self.timers.set(Timer::Bitrate, not_at_once(now, due));
    }

    /// Sends one compound packet the way of a stream, if there is one and `write` wrote what is
    /// worth sending.
    fn send_rtcp(
        &mut self,
        kind: MediaKind,
        cx: &mut Context<'_>,
        write: impl FnOnce(
            &mut CompoundWriter<'_>,
            &mut [Option<Box<Stream>>; 2],
            &str,
        ) -> Result<bool, RtcpError>,
    ) {
        let Some((path, mut protection)) = self.transport.reporting(kind) else {
            return;
        };
        let (streams, cname) = (&mut self.streams, &self.cname);
        let mut told = false;
        cx.out.push(path, |slot| {
            let room = slot.len().checked_sub(MAX_RTCP_OVERHEAD)?;
            let mut writer = CompoundWriter::new(slot.get_mut(..room)?);
            if !write(&mut writer, streams, cname).ok()? {
                return None;
            }
            let len = writer.len();
            told = true;
            protection.protect_rtcp(slot, len)
        });
        if let Some(flag) = self.told.get_mut(patch::index(kind)) {
            *flag |= told;
        }
    }
}

/// What is still due could not be said now, since the far side's SSRC is not known yet or it
/// negotiated no such feedback: a timer in the past would keep the worker from all else.
fn not_at_once(now: Instant, due: Option<Instant>) -> Option<Instant> {
    due.map(|due| if due > now { due } else { now + RETRY })
}

/// Feedback goes in a compound packet, which begins with a report and a source description
/// (RFC 4585 3.1), because not every far side negotiated reduced-size RTCP.
fn begin_feedback(
    writer: &mut CompoundWriter<'_>,
    ssrc: u32,
    cname: &str,
) -> Result<(), RtcpError> {
    writer.receiver_report(ssrc, &[])?.sdes_cname(ssrc, cname)?;
    Ok(())
}

fn video(streams: &mut [Option<Box<Stream>>; 2]) -> Option<&mut Stream> {
    streams
        .get_mut(patch::index(MediaKind::Video))?
        .as_deref_mut()
}
