//! One leg of a call as the worker sees it: a transport, the keys it brought, and the streams
//! that it secures.

mod bitrate;
mod context;
mod control;
mod dtmf;
mod feedback;
mod inbound;
mod keyframe;
mod outbound;
mod repair;
mod report;
mod stats;
mod timeline;
mod timer;
mod watch;

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use smol_str::SmolStr;

pub(crate) use context::{Context, Effect, Events, SourceReport};
pub(crate) use inbound::Taken;

use self::dtmf::DtmfSender;
use self::inbound::{Inbound, Incoming};
use self::outbound::{Outbound, Relayed, Sink};
use self::timer::{Timer, TimerTable};
use self::watch::{Watch, patience};
use crate::event::{Event, Failure, STATS_INTERVAL};
use crate::ids::{LegId, MediaKind};
use crate::outbox::Path;
use crate::patch;
use crate::plan::{LegPlan, StreamPlan, TransportPlan, WebRtcPlan};
use crate::rtp::{CacheConfig, Header, Packet};
use crate::srtp::{Keys, SrtpInbound, SrtpOutbound};
use crate::webrtc::{Transport, TransportEvent};
use crate::worker::WorkerConfig;

const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

/// The first report goes soon, so that the far side learns the round trip early.
const FIRST_REPORT: Duration = Duration::from_millis(300);

/// A leg.
pub(crate) struct Leg {
    id: LegId,
    transport: Transport,
    security: Option<Box<Security>>,
    /// By payload type; few enough to be searched.
    incoming: Vec<(u8, Incoming)>,
    streams: [Option<Box<Stream>>; 2],
    timers: TimerTable,
    dtmf: Option<Box<DtmfSender>>,
    watch: Watch,
    cache: CacheConfig,
    cname: SmolStr,
    round_trip: Option<Duration>,
    rejected: u64,
    over: bool,
}

#[derive(Debug)]
struct Security {
    inbound: SrtpInbound,
    outbound: SrtpOutbound,
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
        webrtc: WebRtcPlan,
        config: &WorkerConfig,
        rng: &mut StdRng,
    ) -> Self {
        let cache = CacheConfig {
            max_packets: config.packet_cache.packets,
            max_bytes: config.packet_cache.bytes,
            ..CacheConfig::default()
        };
        let mut leg = Self {
            id: plan.leg,
            transport: Transport::new(now, webrtc, config.timeouts.transport()),
            security: None,
            incoming: Vec::new(),
            streams: [None, None],
            timers: TimerTable::default(),
            dtmf: None,
            watch: Watch::new(now),
            cache,
            cname: plan.cname,
            round_trip: None,
            rejected: 0,
            over: false,
        };
        for plan in plan.streams {
            leg.add_stream(plan, rng);
        }
        leg.index_payload_types();
        leg
    }

    pub(crate) fn update(&mut self, now: Instant, plan: LegPlan, cx: &mut Context<'_>) {
        let TransportPlan::WebRtc(webrtc) = plan.transport else {
            return;
        };
        for kind in KINDS {
            if !plan.streams.iter().any(|it| it.kind == kind)
                && let Some(stream) = self.streams.get_mut(patch::index(kind))
            {
                *stream = None;
            }
        }
        let cache = self.cache;
        for plan in plan.streams {
            match self.stream_mut(plan.kind) {
                Some(stream) => {
                    stream.plan = plan;
                    let Stream { plan, outbound, .. } = stream;
                    outbound.update(plan, cache);
                }
                None => self.add_stream(plan, cx.rng),
            }
        }
        self.index_payload_types();
        self.transport.update(now, webrtc, &mut cx.transport());
        self.on_transport(now, cx);
    }

    fn add_stream(&mut self, plan: StreamPlan, rng: &mut StdRng) {
        // The high bit stays clear, so that a first cycle is not over after few packets.
        let numbers = [rng.random::<u16>() & 0x7FFF, rng.random::<u16>() & 0x7FFF];
        let outbound = Outbound::new(&plan, numbers, rng.random(), self.cache);
        let index = patch::index(plan.kind);
        if let Some(slot) = self.streams.get_mut(index) {
            *slot = Some(Box::new(Stream {
                plan,
                inbound: Inbound::default(),
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
        self.transport.close(now, &mut cx.transport());
        self.end();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        self.timers
            .next()
            .into_iter()
            .chain(self.transport.poll_timeout())
            .min()
    }

    pub(crate) fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let genuine = self
            .transport
            .handle_check(now, path, datagram, &mut cx.transport());
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
        self.transport
            .handle_dtls(now, path, datagram, &mut cx.transport());
        self.on_transport(now, cx);
    }

    /// Authenticates an RTP packet and takes it in. What comes back lies at the start of
    /// `datagram` and is to be relayed to the sinks.
    pub(crate) fn handle_rtp(
        &mut self,
        now: Instant,
        datagram: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Option<Taken> {
        let security = self.security.as_mut().filter(|_| !self.over)?;
        let Ok(len) = security.inbound.unprotect_rtp(datagram) else {
            self.rejected += 1;
            cx.counters.rejected += 1;
            return None;
        };
        cx.counters.rtp_received += 1;
        self.transport.heard(now);
        let payload_type = Header::parse(datagram.get(..len)?).ok()?.payload_type;
        let known = self
            .incoming
            .iter()
            .find(|(known, _)| *known == payload_type);
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
            return None;
        };
        let Stream { plan, inbound, .. } = stream.as_mut();
        if inbound.heard.replace(now).is_none() {
            cx.events
                .push(Event::FirstPacket(self.id, incoming.kind), cx.counters);
        }
        let was_silent = std::mem::take(&mut inbound.silent);
        let taken = inbound.take(now, plan, incoming, datagram, len);
        let nack = inbound.source().and_then(|source| source.nack.as_ref());
        let nack_due = nack.and_then(|nack| nack.poll_timeout());
        if incoming.kind == MediaKind::Video {
            self.timers
                .set(Timer::Keyframe, inbound.keyframes.poll_timeout());
            self.timers.set(Timer::Nack, nack_due);
        }
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
        taken: Taken,
        cx: &mut Context<'_>,
    ) {
        let is_suppressed = taken.kind == MediaKind::Audio
            && self.dtmf.as_ref().is_some_and(|dtmf| dtmf.is_active());
        if is_suppressed {
            return;
        }
        let Some((stream, sink)) = self.sending(taken.kind, cx) else {
            return;
        };
        match stream.outbound.relay(now, packet, taken, sink) {
            Relayed::Sent => cx.counters.rtp_sent += 1,
            Relayed::Unmapped => cx.counters.unmapped += 1,
            Relayed::Dropped => {}
        }
    }

    /// A stream we may send in, and the way to send; `None` before media can flow.
    fn sending<'a>(
        &'a mut self,
        kind: MediaKind,
        cx: &'a mut Context<'_>,
    ) -> Option<(&'a mut Stream, Sink<'a>)> {
        let security = self.security.as_mut().filter(|_| !self.over)?;
        let stream = self.streams.get_mut(patch::index(kind))?.as_mut()?;
        let path = self.transport.path()?;
        let sink = Sink {
            path,
            srtp: &mut security.outbound,
            out: cx.out,
            scratch: cx.scratch,
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
        let contexts = SrtpInbound::new(&keys.inbound)
            .and_then(|inbound| Ok((inbound, SrtpOutbound::new(&keys.outbound)?)));
        match contexts {
            Ok((inbound, outbound)) => {
                self.security = Some(Box::new(Security { inbound, outbound }));
                self.timers.set_no_later(Timer::Report, now + FIRST_REPORT);
                self.timers.set_no_later(Timer::Stats, now + STATS_INTERVAL);
                self.watch.begin(now);
                self.arm_silence(now, cx);
                cx.events.push(Event::MediaReady(self.id), cx.counters);
                cx.effects.push(Effect::Ready);
            }
            Err(error) => self.fail(Failure::Dtls(error.to_string()), cx),
        }
    }

    fn fail(&mut self, failure: Failure, cx: &mut Context<'_>) {
        self.end();
        cx.events.push(Event::Failed(self.id, failure), cx.counters);
    }

    /// Nothing more is taken or sent, but for the goodbye.
    fn end(&mut self) {
        self.over = true;
        self.security = None;
        self.timers.clear();
    }
}
