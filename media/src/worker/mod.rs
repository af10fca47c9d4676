//! The media worker (sans-IO): owns legs and what feeds them, takes datagrams and commands,
//! fills an [`Outbox`] and reports events. One value, one owner, no locks.

mod config;
mod counters;
mod demux;
mod early;
mod load;
mod patches;
mod schedule;
mod transcoding;

use std::collections::HashMap;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;
use smol_str::SmolStr;

pub use self::config::{ConfigError, PacketCacheLimits, Timeouts, WorkerConfig};
pub use self::counters::Counters;
pub(crate) use self::transcoding::{Seat, Transcoding};
pub use crate::outbox::{ConnectionId, Outbox, Path};

use self::early::EarlyDatagrams;
use self::schedule::Schedule;
use self::transcoding::TICKS_PER_WAKE;
use crate::event::{Event, Failure};
use crate::ids::{Fingerprint, LegId};
use crate::leg::{Context, Effect, Events, Leg};
use crate::plan::{Command, LegPlan, PatchPlan, RtpPlan, TransportPlan};
use crate::ports::PortPair;
use crate::recording::{Tap, Tapped, Taps};
use crate::webrtc::{DtlsConfig, TransportEvent};

/// Wakes handled in one call; the rest stay due, so that a crowd of timers does not hold up
/// packets.
const MAX_WAKES: usize = 256;

/// A media worker.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    rng: StdRng,
    dtls: DtlsConfig,
    legs: Vec<Option<Box<Leg>>>,
    free: Vec<usize>,
    by_id: HashMap<LegId, usize>,
    by_ufrag: HashMap<SmolStr, usize>,
    by_path: HashMap<Path, usize>,
    /// Ports of RTP legs, which each have their own.
    by_port: HashMap<u16, usize>,
    patches: Vec<PatchPlan>,
    early: EarlyDatagrams,
    schedule: Schedule,
    /// When the transcoders of each leg want to send: apart from all else, which never waits for
    /// them.
    ticks: Schedule,
    transcoding: Transcoding,
    taps: Taps,
    events: Events,
    counters: Counters,
    scratch: Vec<u8>,
    transport_events: Vec<TransportEvent>,
    effects: Vec<Effect>,
}

impl Worker {
    /// Without legs.
    ///
    /// # Errors
    /// [`ConfigError`] where the settings make no sense.
    pub fn new(config: WorkerConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            dtls: config.dtls()?,
            rng: StdRng::from_seed(config.seed),
            transcoding: Transcoding::new(config.max_transcoders, config.sounds.clone()),
            config,
            legs: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_path: HashMap::new(),
            by_port: HashMap::new(),
            patches: Vec::new(),
            early: EarlyDatagrams::default(),
            schedule: Schedule::default(),
            ticks: Schedule::default(),
            taps: Taps::default(),
            events: Events::default(),
            counters: Counters::default(),
            scratch: vec![0; 2048],
            transport_events: Vec::new(),
            effects: Vec::new(),
        })
    }

    /// Carries out an order. What it makes us send goes to `out`.
    pub fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox) {
        match command {
            Command::AddLeg(plan) => self.add_leg(now, *plan, out),
            Command::UpdateLeg(plan) => self.update_leg(now, *plan, out),
            Command::RemoveLeg(leg) => self.remove_leg(now, leg, out),
            Command::Patch(plan) => self.patch(now, *plan, out),
            Command::Unpatch { source, sink } => self.unpatch(now, source, sink, out),
            Command::RequestKeyframe(leg) => {
                if let Some(&sink) = self.by_id.get(&leg) {
                    self.want_keyframe_for(now, sink, out);
                }
            }
            Command::SendDtmf { leg, digits } => {
                self.with_leg_of(now, leg, out, |leg, cx| leg.send_dtmf(now, &digits, cx));
            }
            Command::Play { leg, sound } => {
                self.with_leg_of(now, leg, out, |leg, cx| leg.begin_sound(now, sound, cx));
            }
            Command::StopSound { leg } => {
                self.with_leg_of(now, leg, out, |leg, cx| leg.stop_sound(now, cx));
            }
            Command::MuteTone { leg } => {
                self.with_leg_of(now, leg, out, |leg, _| leg.mute_tone(now));
            }
            Command::Tap {
                leg,
                recording,
                channel,
            } => {
                let tap = Tap { recording, channel };
                self.with_leg_of(now, leg, out, |leg, _| leg.tap = Some(tap));
            }
            Command::Untap { leg } => {
                self.with_leg_of(now, leg, out, |leg, _| leg.tap = None);
            }
            Command::WatchSilence { leg, on } => {
                self.with_leg_of(now, leg, out, |leg, cx| leg.watch_silence(now, on, cx));
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        for _ in 0..MAX_WAKES {
            let Some(slot) = self.schedule.due(now) else {
                break;
            };
            self.with_leg(now, slot, out, |leg, cx| leg.handle_timeout(now, cx));
        }
        for _ in 0..TICKS_PER_WAKE {
            let Some(slot) = self.ticks.due(now) else {
                break;
            };
            if let Some(due) = self.ticks.next() {
                self.transcoding.note(now, due);
            }
            self.with_leg(now, slot, out, |leg, cx| leg.handle_tick(now, cx));
        }
    }

    /// When [`Worker::handle_timeout`] wants to be called; `None` if nothing is due ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = [self.schedule.next(), self.ticks.next()];
        next.into_iter().flatten().min()
    }

    /// The next report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// What legs that are recorded have sent. To be taken often: there is room for little.
    pub fn poll_tapped(&mut self) -> Option<Tapped> {
        self.taps.pop()
    }

    /// What went by, and what was dropped.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What the descriptions of all legs announce (`a=fingerprint`).
    pub fn fingerprint(&self) -> Fingerprint {
        self.dtls.fingerprint()
    }

    /// Legs there are.
    pub fn legs(&self) -> usize {
        self.by_id.len()
    }

    /// Sinks whose sound is transcoded, or could be at any time.
    pub fn transcoders(&self) -> usize {
        self.transcoding.count()
    }

    /// Says goodbye on all legs, as far as `out` has room.
    pub fn close(&mut self, now: Instant, out: &mut Outbox) {
        let legs: Vec<LegId> = self.by_id.keys().copied().take(out.room()).collect();
        for leg in legs {
            self.remove_leg(now, leg, out);
        }
    }

    fn add_leg(&mut self, now: Instant, plan: LegPlan, out: &mut Outbox) {
        let id = plan.leg;
        if self.by_id.contains_key(&id) || !self.is_free(&plan.transport, None) {
            tracing::warn!(leg = %id, "a leg was added twice; the second is ignored");
            return;
        }
        if self.by_id.len() >= self.config.max_legs {
            let failure = Failure::Plan("the media worker has no room for another leg".into());
            return self
                .events
                .push(Event::Failed(id, failure), &mut self.counters);
        }
        let transport = plan.transport.clone();
        let leg = Box::new(Leg::new(now, plan, &self.config, &mut self.rng));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.legs.push(None);
            self.legs.len() - 1
        });
        self.schedule.set(slot, leg.poll_timeout());
        if let Some(place) = self.legs.get_mut(slot) {
            *place = Some(leg);
        }
        self.by_id.insert(id, slot);
        self.lead_to(slot, &transport);
        if let TransportPlan::Rtp(plan) = transport {
            self.with_leg(now, slot, out, |leg, cx| leg.update_rtp(now, plan, cx));
        }
    }

    fn update_leg(&mut self, now: Instant, plan: LegPlan, out: &mut Outbox) {
        let Some(&slot) = self.by_id.get(&plan.leg) else {
            return;
        };
        if self.is_free(&plan.transport, Some(slot)) {
            self.lead_to(slot, &plan.transport);
        }
        let id = plan.leg;
        self.with_leg(now, slot, out, |leg, cx| leg.update(now, plan, cx));
        self.patch_anew(now, id, out);
    }

    /// Whether what datagrams are told by leads to no leg but `slot`.
    fn is_free(&self, transport: &TransportPlan, slot: Option<usize>) -> bool {
        let is_own = |owner: Option<&usize>| owner.is_none_or(|owner| Some(*owner) == slot);
        match transport {
            TransportPlan::WebRtc(webrtc) => is_own(self.by_ufrag.get(&webrtc.local_ice.ufrag)),
            TransportPlan::Rtp(rtp) => ports(rtp).all(|port| is_own(self.by_port.get(&port))),
        }
    }

    /// Lets datagrams find the leg.
    fn lead_to(&mut self, slot: usize, transport: &TransportPlan) {
        match transport {
            TransportPlan::WebRtc(webrtc) => {
                self.by_ufrag.retain(|_, owner| *owner != slot);
                self.by_ufrag.insert(webrtc.local_ice.ufrag.clone(), slot);
            }
            TransportPlan::Rtp(rtp) => self.by_port.extend(ports(rtp).map(|port| (port, slot))),
        }
    }

    fn remove_leg(&mut self, now: Instant, id: LegId, out: &mut Outbox) {
        self.unpatch_all(now, id, out);
        let Some(slot) = self.by_id.remove(&id) else {
            return;
        };
        let mut paths = Vec::new();
        self.with_leg(now, slot, out, |leg, cx| {
            leg.close(now, cx);
            paths.extend(leg.paths());
        });
        for path in paths {
            if self.by_path.get(&path) == Some(&slot) {
                self.by_path.remove(&path);
            }
        }
        self.by_ufrag.retain(|_, owner| *owner != slot);
        self.by_port.retain(|_, owner| *owner != slot);
        self.schedule.set(slot, None);
        self.ticks.set(slot, None);
        if let Some(place) = self.legs.get_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    fn leg(&self, slot: usize) -> Option<&Leg> {
        self.legs.get(slot)?.as_deref()
    }

    fn with_leg_of<T>(
        &mut self,
        now: Instant,
        id: LegId,
        out: &mut Outbox,
        act: impl FnOnce(&mut Leg, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let slot = *self.by_id.get(&id)?;
        self.with_leg(now, slot, out, act)
    }

    /// Lets a leg do something, then sees to what it asks for and to its next deadline.
    fn with_leg<T>(
        &mut self,
        now: Instant,
        slot: usize,
        out: &mut Outbox,
        act: impl FnOnce(&mut Leg, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let leg = self.legs.get_mut(slot)?.as_mut()?;
        let mut cx = Context {
            rng: &mut self.rng,
            dtls: &self.dtls,
            timeouts: &self.config.timeouts,
            scratch: &mut self.scratch,
            out,
            transport_events: &mut self.transport_events,
            events: &mut self.events,
            effects: &mut self.effects,
            counters: &mut self.counters,
            transcoding: &mut self.transcoding,
        };
        let result = act(leg, &mut cx);
        self.schedule.set(slot, leg.poll_timeout());
        self.ticks.set(slot, leg.poll_tick());
        if !self.effects.is_empty() {
            self.take_effects(now, slot, out);
        }
        Some(result)
    }

    fn take_effects(&mut self, now: Instant, slot: usize, out: &mut Outbox) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::PathAdded(path) => {
                    self.by_path.insert(path, slot);
                }
                Effect::PathRemoved(path) => {
                    if self.by_path.get(&path) == Some(&slot) {
                        self.by_path.remove(&path);
                    }
                }
                Effect::Ready => self.on_ready(now, slot, out),
                Effect::KeyframeNeeded => self.want_keyframe_for(now, slot, out),
                Effect::BitrateReported => self.limit_source_of(now, slot, out),
                Effect::SenderReport(kind, report) => self.pass_report(slot, kind, report),
            }
        }
        // Legs that were woken on the way have seen to theirs: the list is given back empty.
        self.effects = effects;
    }
}

fn ports(plan: &RtpPlan) -> impl Iterator<Item = u16> + '_ {
    let ports = |ports: PortPair| [ports.rtp(), ports.rtcp()];
    plan.streams.iter().flat_map(move |it| ports(it.ports))
}
