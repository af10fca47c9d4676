//! What we take from the far side in one stream.

use std::time::{Duration, Instant};

use super::bitrate::BitrateTarget;
use super::context::SourceReport;
use super::dtmf::DtmfReceiver;
use super::keyframe::{KeyframeRequests, begins_keyframe};
use super::parameter_sets::SourceSets;
use crate::dtmf::ToneListener;
use crate::ids::MediaKind;
use crate::plan::{CodecPlan, Format, StreamPlan};
use crate::rtp::{
    Arrival, NackConfig, NackTracker, NackVerdict, Packet, Reception, SequenceUnwrapper, rtx,
};

/// The receiving half of a stream.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    source: Option<Source>,
    /// Legs that this stream feeds, by their slot in the worker.
    pub(super) sinks: Vec<usize>,
    pub(super) keyframes: KeyframeRequests,
    pub(super) fir_sequence: u8,
    pub(super) bitrate: BitrateTarget,
    /// When the first packet came, the last one, and the first that begins a keyframe.
    pub(super) first: Option<Instant>,
    pub(super) heard: Option<Instant>,
    pub(super) first_keyframe: Option<Instant>,
    /// Of what came last, helpers aside.
    pub(super) payload_type: Option<u8>,
    /// What came last said that silence begins, in which nothing has to come.
    pub(super) has_paused: bool,
    pub(super) silent: bool,
    pub(super) nacks_sent: u64,
    pub(super) report: Option<SourceReport>,
    pub(super) parameter_sets: SourceSets,
    dtmf: DtmfReceiver,
    pub(super) ear: Ear,
    /// Of sources before the current one.
    before: Totals,
}

/// Whether tones are listened for.
#[derive(Debug, Default)]
pub(super) enum Ear {
    /// Digits come as events.
    #[default]
    Unneeded,
    /// Nothing has come yet.
    Idle,
    Listening(Box<ToneListener>),
}

/// A synchronisation source of the far side. Exists only after a packet of it was authenticated.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) format: Format,
    pub(super) reception: Reception,
    pub(super) nack: Option<NackTracker>,
    sequence: SequenceUnwrapper,
    heard: Instant,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) lost: u64,
}

/// A payload type that the far side may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) kind: MediaKind,
    pub(super) payload_type: u8,
    pub(super) clock_rate: u32,
    pub(super) format: Format,
    pub(super) nack: bool,
    /// It is the retransmission format of `payload_type`.
    pub(super) retransmission: bool,
}

/// A packet to be relayed: the plain one now lies at the start of its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) kind: MediaKind,
    pub(crate) len: usize,
    /// Whether a keyframe begins in it, where that can be told.
    pub(crate) keyframe: Option<bool>,
    /// The source's numbering began anew here.
    pub(crate) restarted: bool,
    /// It is part of a tone whose digit was told.
    pub(crate) tone: bool,
    /// The picture that begins in it needs parameter sets, and has come without.
    pub(crate) is_bare: bool,
}

impl Incoming {
    /// The payload types of a stream.
    pub(super) fn of(plan: &StreamPlan) -> impl Iterator<Item = (u8, Self)> + '_ {
        plan.codecs.iter().flat_map(|codec| {
            let primary = Self::from_codec(plan.kind, codec);
            let retransmission = Self {
                retransmission: true,
                ..primary
            };
            let rtx = codec.rtx.map(|(receive, _)| (receive, retransmission));
            std::iter::once((codec.receive_pt, primary)).chain(rtx)
        })
    }

    fn from_codec(kind: MediaKind, codec: &CodecPlan) -> Self {
        Self {
            kind,
            payload_type: codec.receive_pt,
            clock_rate: codec.clock_rate,
            format: codec.format,
            nack: codec.feedback.nack && kind == MediaKind::Video,
            retransmission: false,
        }
    }
}

impl Inbound {
    /// Takes an authenticated packet in `buffer[..len]`. `None` if there is nothing to relay.
    pub(super) fn take(
        &mut self,
        now: Instant,
        plan: &StreamPlan,
        take_over: Duration,
        incoming: Incoming,
        buffer: &mut [u8],
        len: usize,
    ) -> Option<Taken> {
        let len = if incoming.retransmission {
            let source = self.source.as_ref()?;
            let packet = buffer.get_mut(..len)?;
            // A bandwidth probe carries no original and is of no use to the sink.
            rtx::unwrap(packet, incoming.payload_type, source.ssrc).ok()?
        } else {
            len
        };
        let packet = Packet::parse(buffer.get(..len)?).ok()?;
        if !incoming.retransmission {
            self.admit(now, plan, take_over, incoming, packet.header.ssrc)?;
        }
        let source = self.source.as_mut()?;
        let mut restarted = false;
        let mut is_next = false;
        if !incoming.retransmission {
            source.heard = now;
            let header = &packet.header;
            let payload_len = packet.payload().len();
            let arrival = source.reception.receive(
                now,
                header.sequence_number,
                header.timestamp,
                payload_len,
            );
            match arrival {
                Arrival::Ahead { missing } => is_next = missing == 0,
                Arrival::Late => {}
                Arrival::Jump => return None,
                Arrival::Restarted => {
                    restarted = true;
                    source.restart();
                }
            }
        }
        self.has_paused = describes_silence(incoming.format, packet.payload());
        if !incoming.format.is_helper() {
            self.payload_type = Some(incoming.payload_type);
        }
        if let Some(nack) = &mut source.nack {
            let number = source.sequence.unwrap(packet.header.sequence_number);
            match nack.receive(now, number) {
                NackVerdict::Tracked if incoming.retransmission => return None,
                NackVerdict::Tracked | NackVerdict::Recovered => {}
                NackVerdict::Overflow => self.keyframes.want(now),
            }
        }
        let keyframe = match incoming.kind {
            MediaKind::Audio => None,
            MediaKind::Video => begins_keyframe(incoming.format, packet.payload()),
        };
        let mut is_bare = false;
        if incoming.format == Format::H264 {
            let sets = &mut self.parameter_sets;
            // What is missing before it may be what it needs.
            is_bare = sets.take(packet.header.timestamp, packet.payload()) && is_next;
        }
        if keyframe == Some(true) {
            self.keyframes.arrived(now);
            self.first_keyframe.get_or_insert(now);
        }
        Some(Taken {
            kind: incoming.kind,
            len,
            keyframe,
            restarted,
            tone: false,
            is_bare,
        })
    }

    /// The current source.
    pub(super) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    pub(super) fn source_mut(&mut self) -> Option<&mut Source> {
        self.source.as_mut()
    }

    /// The SSRC to address feedback to: the one heard, or else the one announced.
    pub(super) fn media_ssrc(&self, plan: &StreamPlan) -> Option<u32> {
        let heard = self.source.as_ref().map(|source| source.ssrc);
        heard.or_else(|| plan.remote_ssrcs.first().copied())
    }

    /// Since the stream began.
    pub(super) fn totals(&self) -> Totals {
        let current = self
            .source
            .as_ref()
            .map_or_else(Totals::default, Source::totals);
        Totals {
            packets: self.before.packets + current.packets,
            bytes: self.before.bytes + current.bytes,
            lost: self.before.lost + current.lost,
        }
    }

    /// The digit that begins with this telephone event, if one does.
    pub(super) fn digit(&mut self, packet: &[u8]) -> Option<char> {
        let packet = Packet::parse(packet).ok()?;
        self.dtmf.receive(
            packet.header.ssrc,
            packet.header.timestamp,
            packet.payload(),
        )
    }

    /// Makes `ssrc` the current source if it may be: one that was not announced, or not first,
    /// takes the place of the current one only after that has been silent for `take_over`.
    fn admit(
        &mut self,
        now: Instant,
        plan: &StreamPlan,
        take_over: Duration,
        incoming: Incoming,
        ssrc: u32,
    ) -> Option<()> {
        if let Some(current) = &self.source {
            if current.ssrc == ssrc {
                return Some(());
            }
            let announced = plan.remote_ssrcs.first() == Some(&ssrc);
            let silent = now.saturating_duration_since(current.heard) >= take_over;
            if !announced && !silent {
                return None;
            }
        }
        self.before = self.totals();
        self.parameter_sets = SourceSets::described(plan);
        self.source = Some(Source::new(now, incoming, ssrc));
        Some(())
    }
}

/// Whether a payload ends with what silence sounds like: comfort noise (RFC 3389), or a frame of
/// G.729 Annex B, which is the only one of 2 bytes (RFC 3551 4.5.6).
fn describes_silence(format: Format, payload: &[u8]) -> bool {
    match format {
        Format::ComfortNoise => true,
        Format::G729 => payload.len() % 10 == 2,
        _ => false,
    }
}

impl Source {
    fn new(now: Instant, incoming: Incoming, ssrc: u32) -> Self {
        Self {
            ssrc,
            format: incoming.format,
            reception: Reception::new(ssrc, incoming.clock_rate),
            nack: incoming
                .nack
                .then(|| NackTracker::new(NackConfig::default())),
            sequence: SequenceUnwrapper::default(),
            heard: now,
        }
    }

    fn restart(&mut self) {
        self.sequence = SequenceUnwrapper::default();
        if let Some(nack) = &mut self.nack {
            nack.reset();
        }
    }

    fn totals(&self) -> Totals {
        Totals {
            packets: self.reception.packets(),
            bytes: self.reception.bytes(),
            lost: self.reception.lost(),
        }
    }
}
