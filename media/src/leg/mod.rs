//! One leg of a call as the worker sees it: a transport, the keys it brought, and the streams
//! that it secures.

mod bitrate;
mod context;
mod control;
mod dtmf;
mod event_passage;
mod feedback;
mod inbound;
mod keyframe;
mod latch;
mod outbound;
mod parameter_sets;
mod probe;
mod repair;
mod report;
mod retransmission;
mod rtp;
mod sdes;
mod sound;
mod stats;
mod timeline;
mod timer;
mod tones;
mod transcoding;
mod transport;
mod watch;

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use smol_str::SmolStr;

pub(crate) use context::{Context, Effect, Events, SourceReport};
pub(crate) use inbound::Taken;

use self::dtmf::DtmfSender;
use self::inbound::{Inbound, Incoming};
use self::outbound::{Outbound, Relayed, Sink, Way};
use self::timer::{Timer, TimerTable};
use self::tones::ToneSender;
use self::transport::{Refused, Security, Transport};
use self::watch::{Watch, patience};
use crate::event::{Event, Failure, STATS_INTERVAL};
use crate::ids::{LegId, MediaKind};
use crate::outbox::Path;
use crate::patch;
use crate::plan::{CodecPlan, Format, LegPlan, RtpPlan, StreamPlan, TransportPlan};
use crate::recording::Tap;
use crate::rtp::{CacheConfig, Header, Packet};
use crate::srtp::Keys;
use crate::webrtc::{self, TransportEvent};
use crate::worker::WorkerConfig;

const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

/// The first report goes soon, so that the far side learns the round trip early.
const FIRST_REPORT: Duration = Duration::from_millis(300);

/// A leg.
pub(crate) struct Leg {
    id: LegId,
    transport: Transport,
    /// By payload type; few enough to be searched.
    incoming: Vec<(u8, Incoming)>,
    streams: [Option<Box<Stream>>; 2],
    /// Of streams that are not part of the leg for now.
    parked: [Option<Box<Outbound>>; 2],
    timers: TimerTable,
    dtmf: Option<Box<DtmfSender>>,
    tones: Option<Box<ToneSender>>,
    /// The tone that its source sounds is not to be heard.
    mutes_tone: bool,
    watch: Watch,
    cache: CacheConfig,
    cname: SmolStr,
    round_trip: Option<Duration>,
    rejected: u64,
    /// When RTCP came last.
    reported: Option<Instant>,
    /// By kind, whether the far side had RTCP of ours.
    told: [bool; 2],
    over: bool,
    /// What its far side says is recorded.
    pub(crate) tap: Option<Tap>,
}

#[derive(Debug)]
struct Stream {
    plan: StreamPlan,
    inbound: Inbound,
    outbound: Outbound,
}

impl std::fmt::Debug for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leg")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Leg {
    pub(crate) fn new(
        now: Instant,
        plan: LegPlan,
        config: &WorkerConfig,
        rng: &mut StdRng,
    ) -> Self {
        let cache = CacheConfig {
            max_packets: config.packet_cache.packets,
            max_bytes: config.packet_cache.bytes,
            ..CacheConfig::default()
        };
        let transport = match plan.transport {
            TransportPlan::WebRtc(plan) => Transport::WebRtc {
                webrtc: webrtc::Transport::new(now, plan, config.timeouts.transport()),
                security: None,
            },
            // Its plan is taken in when the leg begins.
            TransportPlan::Rtp(_) => Transport::Rtp(Box::default()),
        };
        let mut leg = Self {
            id: plan.leg,
            transport,
            incoming: Vec::new(),
            streams: [None, None],
            parked: [None, None],
            timers: TimerTable::default(),
            dtmf: None,
            tones: None,
            mutes_tone: false,
            watch: Watch::new(now),
            cache,
            cname: plan.cname,
            round_trip: None,
            rejected: 0,
            reported: None,
            told: [false; 2],
            over: false,
            tap: None,
        };
        for plan in plan.streams {
            leg.add_stream(plan, rng);
        }
        leg.index_payload_types();
        leg
    }

    pub(crate) fn update(&mut self, now: Instant, plan: LegPlan, cx: &mut Context<'_>) {
        for kind in KINDS {
            if !plan.streams.iter().any(|it| it.kind == kind)
                && let Some(stream) = self.streams.get_mut(patch::index(kind))
            {
                // Its numbers go on when it comes back: its keys do so too.
                let parked = stream.take().map(|mut stream| {
                    stream.outbound.detach();
                    stream.outbound.player = None;
                    Box::new(stream.outbound)
                });
                if let (Some(parked), Some(place)) =
                    (parked, self.parked.get_mut(patch::index(kind)))
                {
                    *place = Some(parked);
                }
            }
        }
        let cache = self.cache;
        let mut turned = false;
        for plan in plan.streams {
            match self.stream_mut(plan.kind) {
                Some(stream) => {
                    let before = (stream.plan.receive, stream.plan.send);
                    turned |= before != (plan.receive, plan.send);
                    stream.inbound.parameter_sets.update(&stream.plan, &plan);
                    stream.plan = plan;
                    let Stream {
                        plan,
                        inbound,
                        outbound,
                    } = stream;
                    inbound.ear.adopt(plan);
                    outbound.update(plan, cache);
                    outbound.play_on(now, plan, cx.transcoding);
                }
                None => self.add_stream(plan, cx.rng),
            }
        }
        self.index_payload_types();
        if turned {
            // A hold is over, perhaps: what it was silent for does not count.
            self.watch.begin(now);
        }
        match (&mut self.transport, plan.transport) {
            (Transport::WebRtc { webrtc, .. }, TransportPlan::WebRtc(plan)) => {
                webrtc.update(now, plan, &mut cx.transport());
                self.on_transport(now, cx);
            }
            (Transport::Rtp(_), TransportPlan::Rtp(plan)) => self.update_rtp(now, plan, cx),
            _ => tracing::warn!(leg = %self.id, "a leg cannot change its kind of transport"),
        }
    }

    /// Takes in the transport plan of an RTP leg, the first or a later one.
    pub(crate) fn update_rtp(&mut self, now: Instant, plan: RtpPlan, cx: &mut Context<'_>) {
        let Transport::Rtp(rtp) = &mut self.transport else {
            return;
        };
        let was_ready = rtp.is_ready();
        if let Err(error) = rtp.update(now, plan) {
            return self.fail(Failure::Plan(error.to_string()), cx);
        }
        if self.over {
            return;
        }
        if !was_ready && self.transport.is_ready() {
            return self.begin(now, cx);
        }
        self.arm_silence(now, cx);
    }

    fn add_stream(&mut self, plan: StreamPlan, rng: &mut StdRng) {
        // The high bit stays clear, so that a first cycle is not over after few packets.
        let index = patch::index(plan.kind);
        let parked = self.parked.get_mut(index).and_then(Option::take);
        let numbers = [rng.random::<u16>() & 0x7FFF, rng.random::<u16>() & 0x7FFF];
        let outbound = match parked {
            Some(mut parked) => {
                parked.detach();
                parked.update(&plan, self.cache);
                *parked
            }
            None => Outbound::new(&plan, numbers, rng.random(), self.cache),
        };
        let mut inbound = Inbound::default();
        inbound.ear.adopt(&plan);
        if let Some(slot) = self.streams.get_mut(index) {
            *slot = Some(Box::new(Stream {
                plan,
                inbound,
                outbound,
            }));
        }
    }

    fn index_payload_types(&mut self) {
        let streams = self.streams.iter().flatten();
        self.incoming = streams
            .flat_map(|stream| Incoming::of(&stream.plan))
            .collect();
        self.incoming.shrink_to_fit();
    }

    pub(crate) fn close(&mut self, now: Instant, cx: &mut Context<'_>) {
        match &mut self.transport {
            Transport::WebRtc { webrtc, .. } => webrtc.close(now, &mut cx.transport()),
            Transport::Rtp(_) => self.send_goodbye(cx),
        }
        self.end();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let transport = match &self.transport {
            Transport::WebRtc { webrtc, .. } => webrtc.poll_timeout(),
            Transport::Rtp(_) => None,
        };
        self.timers.next().into_iter().chain(transport).min()
    }

    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let Transport::WebRtc { webrtc, .. } = &mut self.transport else {
            return false;
        };
        let genuine = webrtc.handle_check(now, path, datagram, &mut cx.transport());
        self.on_transport(now, cx);
        genuine
    }

    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        cx: &mut Context<'_>,
    ) {
        if let Transport::WebRtc { webrtc, .. } = &mut self.transport {
            webrtc.handle_dtls(now, path, datagram, &mut cx.transport());
            self.on_transport(now, cx);
        }
    }

    /// Opens an RTP packet and takes it in. What comes back lies at the start of
    /// `datagram` and is to be relayed to the sinks.
    pub(crate) fn handle_rtp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Option<Taken> {
        if self.over {
            return None;
        }
        let opened = self.transport.open_rtp(now, path, datagram);
        let len = match opened {
            Ok(len) => len,
            Err(refused) => {
                self.refuse(refused, cx);
                self.watch_refused(now, refused);
                return None;
            }
        };
        cx.counters.rtp_received += 1;
        let header = Header::parse(datagram.get(..len)?).ok()?;
        let kind = self.transport.kind_at(path);
        let known = self.incoming.iter().find(|(known, incoming)| {
            *known == header.payload_type && kind.is_none_or(|kind| kind == incoming.kind)
        });
        let incoming = known.map(|(_, incoming)| *incoming);
        let stream = incoming.and_then(|incoming| {
            let stream = self
                .streams
                .get_mut(patch::index(incoming.kind))?
                .as_mut()?;
            stream.plan.receive.then_some((incoming, stream))
        });
        let Some((incoming, stream)) = stream else {
            cx.counters.unmapped += 1;
            if incoming.is_none() {
                self.watch.saw_not_agreed(now);
            }
            return None;
        };
        let (ssrc, sequence) = (header.ssrc, header.sequence_number);
        if !self.transport.hears(now, path, ssrc, sequence) {
            cx.counters.rtp_unchecked += 1;
            self.watch.saw_foreign(now);
            return None;
        }
        let take_over = self.transport.take_over();
        let Stream { plan, inbound, .. } = stream.as_mut();
        if inbound.heard.replace(now).is_none() {
            inbound.first = Some(now);
            cx.events
                .push(Event::FirstPacket(self.id, incoming.kind), cx.counters);
        }
        let was_silent = std::mem::take(&mut inbound.silent);
        let taken = inbound.take(now, plan, take_over, incoming, datagram, len);
        let nack = inbound.source().and_then(|source| source.nack.as_ref());
        let nack_due = nack.and_then(|nack| nack.poll_timeout());
        if incoming.kind == MediaKind::Video {
            self.timers
                .set(Timer::Keyframe, inbound.keyframes.poll_timeout());
            self.timers.set(Timer::Nack, nack_due);
        }
        if incoming.format == Format::TelephoneEvent
            && let Some(digit) = taken.and_then(|taken| inbound.digit(datagram.get(..taken.len)?))
        {
            cx.events.push(Event::Digit(self.id, digit), cx.counters);
        }
        let taken = taken.map(|taken| {
            let packet = datagram.get(..taken.len).unwrap_or_default();
            let tone = tones::listen(self.id, (&*plan, &mut *inbound), taken, packet, cx);
            Taken { tone, ..taken }
        });
        if was_silent {
            cx.events
                .push(Event::Heard(self.id, incoming.kind), cx.counters);
            let patience = patience(incoming.kind, cx.timeouts.silence);
            self.timers.set_no_later(Timer::Silence, now + patience);
        }
        // A gap is asked for at once when packets overtook it.
        if nack_due.is_some_and(|due| due <= now) {
            self.send_nacks(now, cx);
        }
        taken
    }

    /// What a packet of the far side has inside.
    pub(crate) fn format_of(&self, kind: MediaKind, payload_type: u8) -> Option<&CodecPlan> {
        let mut codecs = self.stream(kind)?.plan.codecs.iter();
        codecs.find(|codec| codec.receive_pt == payload_type)
    }

    /// The legs that a stream feeds.
    pub(crate) fn sinks_mut(&mut self, kind: MediaKind) -> Option<&mut Vec<usize>> {
        self.stream_mut(kind)
            .map(|stream| &mut stream.inbound.sinks)
    }

    /// Sends on what another leg has taken.
    pub(crate) fn relay(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        mut taken: Taken,
        cx: &mut Context<'_>,
    ) {
        if taken.kind == MediaKind::Audio {
            self.mutes_tone &= taken.tone;
            if self.sends_digits() {
                return;
            }
        }
        if taken.kind == MediaKind::Audio {
            self.give_way(now, packet, cx);
        }
        let mutes_tone = self.mutes_tone;
        let Some((stream, sink)) = self.sending(taken.kind, cx) else {
            return;
        };
        // Whoever knows events is sent one.
        taken.tone = taken.tone && (mutes_tone || control::takes_events(&stream.plan));
        match stream.outbound.relay(now, packet, taken, sink) {
            Relayed::Sent => cx.counters.rtp_sent += 1,
            Relayed::Unmapped => cx.counters.unmapped += 1,
            Relayed::NoTranscoder => cx.counters.untranscoded += 1,
            Relayed::Kept | Relayed::Dropped => {}
        }
    }

    /// Digits are being sent, or wait: the source's sound has no place meanwhile.
    fn sends_digits(&self) -> bool {
        self.tones.is_some() || self.dtmf.as_ref().is_some_and(|dtmf| dtmf.is_active())
    }

    /// A stream we may send in, and the way to send; `None` before media can flow.
    fn sending<'a>(
        &'a mut self,
        kind: MediaKind,
        cx: &'a mut Context<'_>,
    ) -> Option<(&'a mut Stream, Sink<'a>)> {
        if self.over {
            return None;
        }
        let stream = self.streams.get_mut(patch::index(kind))?.as_mut()?;
        let (path, protection) = self.transport.sending(kind)?;
        let sink = Sink {
            way: Way {
                path,
                protection,
                out: cx.out,
            },
            scratch: cx.scratch,
            transcoding: cx.transcoding,
        };
        stream.plan.send.then_some((stream, sink))
    }

    fn stream(&self, kind: MediaKind) -> Option<&Stream> {
        self.streams.get(patch::index(kind))?.as_deref()
    }

    fn stream_mut(&mut self, kind: MediaKind) -> Option<&mut Stream> {
        self.streams.get_mut(patch::index(kind))?.as_deref_mut()
    }

    /// Takes what the transport has to say.
    fn on_transport(&mut self, now: Instant, cx: &mut Context<'_>) {
        let mut events = std::mem::take(cx.transport_events);
        for event in events.drain(..) {
            match event {
                TransportEvent::PathAdded(path) => cx.effects.push(Effect::PathAdded(path)),
                TransportEvent::PathRemoved(path) => cx.effects.push(Effect::PathRemoved(path)),
                TransportEvent::Connected => {
                    cx.events.push(Event::IceConnected(self.id), cx.counters);
                }
                TransportEvent::Ready(keys) => self.on_ready(now, &keys, cx),
                TransportEvent::Closed => {
                    self.end();
                    cx.events.push(Event::Closed(self.id), cx.counters);
                }
                TransportEvent::Failed(failure) => self.fail(failure, cx),
            }
        }
        *cx.transport_events = events;
    }

    fn on_ready(&mut self, now: Instant, keys: &Keys, cx: &mut Context<'_>) {
        let made = Security::new(keys);
        match (made, &mut self.transport) {
            (Ok(made), Transport::WebRtc { security, .. }) => {
                *security = Some(Box::new(made));
                self.begin(now, cx);
            }
            (Ok(_), Transport::Rtp(_)) => {}
            (Err(error), _) => self.fail(Failure::Dtls(error.to_string()), cx),
        }
    }

    /// Media can flow from now on.
    fn begin(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.timers.set_no_later(Timer::Report, now + FIRST_REPORT);
        self.timers.set_no_later(Timer::Stats, now + STATS_INTERVAL);
        self.watch.begin(now);
        self.arm_silence(now, cx);
        cx.events.push(Event::MediaReady(self.id), cx.counters);
        cx.effects.push(Effect::Ready);
    }

    /// Counts a datagram that is not taken in.
    fn refuse(&mut self, refused: Refused, cx: &mut Context<'_>) {
        match refused {
            Refused::NotReady => {}
            Refused::Rejected => {
                self.rejected += 1;
                cx.counters.rejected += 1;
            }
            Refused::Foreign => cx.counters.rtp_unchecked += 1,
        }
    }

    /// Remembers an RTP packet that was not taken in: it may tell why nothing is heard.
    fn watch_refused(&mut self, now: Instant, refused: Refused) {
        match refused {
            Refused::NotReady => {}
            Refused::Rejected => self.watch.saw_undecryptable(now),
            Refused::Foreign => self.watch.saw_foreign(now),
        }
    }

    fn fail(&mut self, failure: Failure, cx: &mut Context<'_>) {
        self.end();
        cx.events.push(Event::Failed(self.id, failure), cx.counters);
    }

    /// Nothing more is taken or sent, but for the goodbye.
    fn end(&mut self) {
        self.over = true;
        self.transport.end();
        self.timers.clear();
    }
}
