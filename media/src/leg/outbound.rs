//! What we give to the far side in one stream.

use std::time::{Duration, Instant};

use super::context::SourceReport;
use super::event_passage::{self, EventPassage};
use super::inbound::Taken;
use super::probe::Probe;
use super::repair::RepairBudget;
use super::retransmission::Retransmission;
use super::timeline::{Timeline, units};
use super::transport::Protection;
use crate::codec::g711;
use crate::event::TranscodeStats;
use crate::ids::MediaKind;
use crate::outbox::{Outbox, Path};
use crate::patch::Feed;
use crate::plan::{Format, Passage, StreamPlan};
use crate::rtp::rtcp::{ReportBlock, SenderInfo};
use crate::rtp::{CacheConfig, Packet, PacketCache, Resend, Rewrite, rewrite};
use crate::sound::Player;
use crate::srtp::MAX_RTP_OVERHEAD;
use crate::transcode::Transcoder;
use crate::worker::Transcoding;

/// A packet is not sent again sooner: requests cross each other.
const MIN_RESEND_INTERVAL: Duration = Duration::from_millis(10);

/// And once this has passed a second request is no crossing, whatever the round trip is said to
/// be: one report that was late would stop all repairs until the next one.
const MAX_RESEND_INTERVAL: Duration = Duration::from_millis(100);

/// After that long without a recognisable keyframe the picture is let through as it is.
const MAX_KEYFRAME_WAIT: Duration = Duration::from_secs(4);

/// A source sends at least so often while its picture moves.
const LIVE: Duration = Duration::from_millis(500);

/// A full intra request that comes again with its number after this is another: who asks does not
/// count.
const MAX_REPETITION: Duration = Duration::from_secs(2);

/// Sender reports remembered to tell the round trip from the far side's answers.
const REPORTS_KEPT: usize = 4;

/// The sending half of a stream. Its SSRC, numbers and counts are the leg's for life.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) ssrc: u32,
    pub(super) feed: Option<Box<Feed>>,
    pub(super) line: Timeline,
    pub(super) clock_rate: u32,
    gate: Gate,
    pub(super) cache: Option<PacketCache>,
    repairs: RepairBudget,
    rtx: Option<Retransmission>,
    pub(super) report: Option<SourceReport>,
    reports_sent: [Option<(u32, Instant)>; REPORTS_KEPT],
    pub(super) packets: u64,
    pub(super) octets: u64,
    pub(super) retransmitted: u64,
    /// When the first packet went, and the first that begins a keyframe.
    pub(super) first: Option<Instant>,
    pub(super) first_keyframe: Option<Instant>,
    last_keyframe: Option<Instant>,
    intra_request: Option<IntraRequest>,
    /// Of what went last, helpers aside.
    pub(super) payload_type: Option<u8>,
    /// What the far side said last of what it receives.
    pub(super) far_side: Option<ReportBlock>,
    pub(super) probe: Probe,
    /// There while the feed needs one.
    pub(super) transcoder: Option<Box<Transcoder>>,
    /// The sound that is played, until something is heard of the source.
    pub(super) player: Option<Box<Player>>,
    /// What earlier ones did.
    pub(super) transcoded: TranscodeStats,
    /// The telephone event that the source sends, where it gets numbers of ours.
    pub(super) event: Option<EventPassage>,
    /// Until when no sound goes out of the transcoder: it is a tone.
    pub(super) muted_until: Option<Instant>,
}

/// The last full intra request (RFC 5104 4.3.1).
#[derive(Debug, Clone, Copy)]
struct IntraRequest {
    requester: u32,
    number: u8,
    since: Instant,
}

/// Whether a video source may pass: a decoder can begin with a keyframe only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// Since the first packet that was held back.
    Waiting(Option<Instant>),
}

/// Where packets of a leg go, and what they are made with.
pub(super) struct Sink<'a> {
    pub(super) way: Way<'a>,
    /// Room for a copy of one packet.
    pub(super) scratch: &'a mut [u8],
    pub(super) transcoding: &'a mut Transcoding,
}

/// Where packets go, and what protects them.
pub(super) struct Way<'a> {
    pub(super) path: Path,
    pub(super) protection: Protection<'a>,
    pub(super) out: &'a mut Outbox,
}

/// What came of a request for lost packets.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resent {
    pub(super) packets: u64,
    /// Only a keyframe can help.
    pub(super) keyframe: bool,
}

/// What became of a packet that was to be relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relayed {
    Sent,
    /// Its payload type does not pass the patch.
    Unmapped,
    /// Held back, or from before its source was patched.
    Dropped,
    /// It waits for its turn to be transcoded.
    Kept,
    /// It would have to be, but there is no room for that.
    NoTranscoder,
}

impl Outbound {
    pub(super) fn new(
        plan: &StreamPlan,
        numbers: [u16; 2],
        timestamp: u32,
        cache: CacheConfig,
    ) -> Self {
        let [first, first_rtx] = numbers;
        let mut outbound = Self {
            ssrc: plan.ssrc,
            feed: None,
            line: Timeline::new(first, timestamp),
            clock_rate: plan.codecs.first().map_or(90_000, |codec| codec.clock_rate),
            gate: Gate::Open,
            cache: None,
            repairs: RepairBudget::default(),
            rtx: None,
            report: None,
            reports_sent: [None; REPORTS_KEPT],
            packets: 0,
            octets: 0,
            retransmitted: 0,
            first: None,
            first_keyframe: None,
            last_keyframe: None,
            intra_request: None,
            payload_type: None,
            far_side: None,
            probe: Probe::default(),
            transcoder: None,
            player: None,
            transcoded: TranscodeStats::default(),
            event: None,
            muted_until: None,
        };
        outbound.adopt(plan, first_rtx, cache);
        outbound
    }

    /// A new plan: formats may differ; SSRC, numbers and counts go on.
    pub(super) fn update(&mut self, plan: &StreamPlan, cache: CacheConfig) {
        let next = self.rtx.as_ref().map_or(0, Retransmission::next);
        self.adopt(plan, next, cache);
    }

    fn adopt(&mut self, plan: &StreamPlan, next_rtx: u16, cache: CacheConfig) {
        let repairs =
            plan.kind == MediaKind::Video && plan.codecs.iter().any(|it| it.feedback.nack);
        match (&self.cache, repairs) {
            (None, true) => self.cache = Some(PacketCache::new(cache)),
            (Some(_), false) => self.cache = None,
            _ => {}
        }
        self.rtx = Retransmission::of(plan, next_rtx);
    }

    /// Another source, or the same anew.
    pub(super) fn attach(&mut self, kind: MediaKind, feed: Feed) {
        self.detach();
        self.feed = Some(Box::new(feed));
        if kind == MediaKind::Video {
            self.gate = Gate::Waiting(None);
        }
    }

    /// No source any more.
    pub(super) fn detach(&mut self) {
        self.drop_transcoder();
        self.event = None;
        self.feed = None;
        self.report = None;
        self.line.detach();
    }

    /// Sends a source's packet on as our own.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        taken: Taken,
        sink: Sink<'_>,
    ) -> Relayed {
        let header = packet.header;
        let Some(feed) = &self.feed else {
            return Relayed::Dropped;
        };
        let Some(outgoing) = feed.outgoing(header.payload_type) else {
            return Relayed::Unmapped;
        };
        if !self.gate.lets_pass(now, taken.keyframe) {
            return Relayed::Dropped;
        }
        if feed.transcode().is_some() {
            if self.needs_transcoder(packet, outgoing) {
                let kept = self.keep(now, packet, taken, sink.transcoding);
                if kept != Relayed::NoTranscoder || outgoing.law.is_none() {
                    return kept;
                }
                // Sound of the wrong length is better than none.
                self.player = None;
            }
            if outgoing.format == Format::TelephoneEvent {
                if !self.keeps_place(&header, outgoing) {
                    return self.pass_event(now, packet, outgoing, sink.way);
                }
            } else if outgoing.passage == Passage::Relay {
                self.stop_transcoding();
            }
        }
        let Some(feed) = &self.feed else {
            return Relayed::Dropped;
        };
        if taken.tone {
            // As by an event the sound is interrupted.
            self.line.detach();
            return Relayed::Dropped;
        }
        if taken.restarted {
            self.line.detach();
        }
        let Some(place) = self.line.place(
            now,
            header.ssrc,
            header.sequence_number,
            header.timestamp,
            outgoing.clock_rate,
        ) else {
            return Relayed::Dropped;
        };
        if outgoing.format != Format::TelephoneEvent {
            self.clock_rate = outgoing.clock_rate;
        } else if feed.transcode().is_some() {
            self.event = EventPassage::of(now, packet, place.timestamp);
        }
        let is_audio = taken.kind == MediaKind::Audio;
        let to = Rewrite {
            payload_type: outgoing.payload_type,
            ssrc: self.ssrc,
            sequence_number: place.sequence_number,
            timestamp: place.timestamp,
            // To an audio receiver the marker says that timing begins anew (RFC 3551 4.1).
            marker: header.marker || (is_audio && place.starts),
            keep_padding: !is_audio,
        };
        let cache = &mut self.cache;
        let Sink { way, scratch, .. } = sink;
        let Way {
            path,
            mut protection,
            out,
        } = way;
        let sent = out.push(path, |slot| {
            let room = slot.len().checked_sub(MAX_RTP_OVERHEAD)?;
            let len = rewrite(packet, &to, feed.extensions(), slot.get_mut(..room)?).ok()?;
            let payload = slot.get_mut(len.checked_sub(packet.payload().len())?..len)?;
            if let Some(law) = outgoing.law {
                g711::convert(law, payload);
            } else if outgoing.source_clock_rate != outgoing.clock_rate {
                event_passage::convert(payload, outgoing);
            }
            let number = (now, place.sequence_number);
            protect_and_keep(slot, len, &mut protection, cache, scratch, number)
        });
        if !sent {
            return Relayed::Dropped;
        }
        if taken.keyframe == Some(true) {
            self.first_keyframe.get_or_insert(now);
            self.last_keyframe = Some(now);
            if let Some(cache) = &mut self.cache {
                cache.begin_keyframe(place.sequence_number, place.timestamp);
            }
        }
        if !outgoing.format.is_helper() {
            self.payload_type = Some(outgoing.payload_type);
        }
        self.count(now, packet.payload().len());
        Relayed::Sent
    }

    /// Sends a packet of our own making, such as a telephone event.
    pub(super) fn send_own(
        &mut self,
        now: Instant,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        way: Way<'_>,
    ) -> bool {
        let place = self.line.place_own(now, timestamp);
        let [s0, s1] = place.sequence_number.to_be_bytes();
        let ssrc = self.ssrc;
        let mut protection = way.protection;
        let sent = way.out.push(way.path, |slot| {
            let second = payload_type | (u8::from(marker) << 7);
            slot.get_mut(..4)?.copy_from_slice(&[0x80, second, s0, s1]);
            slot.get_mut(4..8)?
                .copy_from_slice(&timestamp.to_be_bytes());
            slot.get_mut(8..12)?.copy_from_slice(&ssrc.to_be_bytes());
            let len = 12 + payload.len();
            slot.get_mut(12..len)?.copy_from_slice(payload);
            protection.protect_rtp(slot, len)
        });
        if sent {
            self.count(now, payload.len());
        }
        sent
    }

    fn count(&mut self, now: Instant, payload_len: usize) {
        self.first.get_or_insert(now);
        self.packets += 1;
        self.octets += payload_len as u64;
    }

    /// Sends packets again that the far side misses.
    pub(super) fn resend(
        &mut self,
        now: Instant,
        missing: impl Iterator<Item = u16>,
        round_trip: Option<Duration>,
        sink: Sink<'_>,
    ) -> Resent {
        let mut resent = Resent::default();
        let Some(cache) = &mut self.cache else {
            return resent;
        };
        let interval = round_trip
            .unwrap_or_default()
            .clamp(MIN_RESEND_INTERVAL, MAX_RESEND_INTERVAL);
        let Way {
            path,
            mut protection,
            out,
        } = sink.way;
        let (repairs, remb) = (&mut self.repairs, self.probe.receivable());
        let clock = self.rtx.as_ref().and_then(|rtx| rtx.clock(cache));
        for number in missing {
            let affordable = |len| repairs.take(now, remb, len);
            let packet = match cache.resend(now, number, interval, affordable) {
                Resend::Packet(packet) => packet,
                Resend::Refused => {
                    resent.keyframe |= repairs.refused(now);
                    break;
                }
                Resend::Hopeless => {
                    resent.keyframe = true;
                    continue;
                }
                Resend::TooSoon | Resend::Gone => continue,
            };
            let rtx = &mut self.rtx;
            let sent = out.push(path, |slot| match rtx {
                Some(rtx) => {
                    let room = slot.len().checked_sub(MAX_RTP_OVERHEAD)?;
                    let len = rtx.wrap(packet, clock, now, slot.get_mut(..room)?)?;
                    protection.protect_rtp(slot, len)
                }
                None => {
                    slot.get_mut(..packet.len())?.copy_from_slice(packet);
                    protection.protect_rtp_again(slot, packet.len())
                }
            });
            resent.packets += u64::from(sent);
        }
        self.retransmitted += resent.packets;
        resent
    }

    /// Sends what is due of a probe: the last packet again, as often as there is room for it.
    /// Gives the number of packets.
    pub(super) fn send_probe(&mut self, now: Instant, sink: Sink<'_>) -> u64 {
        let mut room = self.probe.take(now);
        let (Some(cache), Some(rtx)) = (&self.cache, &mut self.rtx) else {
            return 0;
        };
        let Some((at, packet)) = cache.latest() else {
            return 0;
        };
        let clock = rtx.clock(cache);
        let Way {
            path,
            mut protection,
            out,
        } = sink.way;
        let mut packets = 0;
        // Of a source that has stopped there is nothing to learn.
        while room >= packet.len() as u64 && now.saturating_duration_since(at) < LIVE {
            let sent = out.push(path, |slot| {
                let free = slot.len().checked_sub(MAX_RTP_OVERHEAD)?;
                let len = rtx.wrap(packet, clock, now, slot.get_mut(..free)?)?;
                protection.protect_rtp(slot, len)
            });
            if !sent {
                break;
            }
            room -= packet.len() as u64;
            self.probe.spend(packet.len() as u64);
            packets += 1;
        }
        packets
    }

    /// Whether a keyframe is needed for a full intra request: not for one that repeats what a
    /// keyframe has answered. "A repetition SHALL NOT increase the sequence number" (RFC 5104
    /// 4.3.1.1).
    pub(super) fn takes_intra_request(&mut self, now: Instant, requester: u32, number: u8) -> bool {
        let same = |it: &IntraRequest| {
            let is_recent = now.saturating_duration_since(it.since) < MAX_REPETITION;
            is_recent && it.requester == requester && it.number == number
        };
        match self.intra_request.filter(same) {
            Some(request) => self.last_keyframe.is_none_or(|at| at <= request.since),
            None => {
                self.intra_request = Some(IntraRequest {
                    requester,
                    number,
                    since: now,
                });
                true
            }
        }
    }

    /// Nothing was sent in it yet.
    pub(super) fn is_silent(&self) -> bool {
        self.packets == 0
    }

    /// The sender report to send now, and remembers it. None before the source has told its
    /// clock: a made-up one would tear sound and picture apart.
    pub(super) fn sender_info(&mut self, now: Instant) -> Option<SenderInfo> {
        let report = self.report?;
        let transcoder = self.transcoder.as_ref().filter(|it| it.is_active());
        let translated = match transcoder {
            Some(transcoder) => transcoder.translate(report.ssrc, report.timestamp)?,
            None => self.line.translate(report.ssrc, report.timestamp)?,
        };
        let elapsed = now.saturating_duration_since(report.at);
        let ntp = report.ntp.plus(elapsed);
        self.reports_sent.rotate_right(1);
        if let Some(latest) = self.reports_sent.first_mut() {
            *latest = Some((ntp.middle(), now));
        }
        Some(SenderInfo {
            ssrc: self.ssrc,
            ntp,
            rtp_timestamp: translated.wrapping_add(units(elapsed, self.clock_rate)),
            // Counts wrap on the wire (RFC 3550 6.4.1).
            packets: self.packets as u32,
            octets: self.octets as u32,
        })
    }

    /// Takes what the far side says of this stream, and returns the round trip it tells.
    pub(super) fn on_report(&mut self, now: Instant, block: ReportBlock) -> Option<Duration> {
        self.far_side = Some(block);
        let mut sent = self.reports_sent.iter().flatten();
        let answered = sent.find(|(middle, _)| *middle == block.last_sender_report);
        let round_trip = answered.map(|(_, at)| {
            let away = crate::rtp::ntp::from_compact(block.delay_since_last);
            now.saturating_duration_since(*at).saturating_sub(away)
        });
        self.probe
            .on_report(now, self.octets, block.fraction_lost, round_trip);
        round_trip
    }
}

/// Protects the packet in `slot[..len]`, and keeps it in plain form if it is sent: what was refused as
/// a repetition must not replace what was sent under its number. Gives the length to be sent.
pub(super) fn protect_and_keep(
    slot: &mut [u8],
    len: usize,
    protection: &mut Protection<'_>,
    cache: &mut Option<PacketCache>,
    scratch: &mut [u8],
    (now, sequence_number): (Instant, u16),
) -> Option<usize> {
    let Some(cache) = cache else {
        return protection.protect_rtp(slot, len);
    };
    let plain = scratch.get_mut(..len)?;
    plain.copy_from_slice(slot.get(..len)?);
    let protected = protection.protect_rtp(slot, len)?;
    cache.insert(now, sequence_number, plain);
    Some(protected)
}

impl Gate {
    fn lets_pass(&mut self, now: Instant, keyframe: Option<bool>) -> bool {
        let Self::Waiting(since) = *self else {
            return true;
        };
        let waited = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        if keyframe == Some(false) && waited < MAX_KEYFRAME_WAIT {
            *self = Self::Waiting(since.or(Some(now)));
            return false;
        }
        *self = Self::Open;
        true
    }
}
