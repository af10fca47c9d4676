//! The media worker (sans-IO): owns legs and what feeds them, takes datagrams and commands,
//! fills an [`Outbox`] and reports events. One value, one owner, no locks.

mod config;
mod counters;
mod early;
mod schedule;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use smol_str::SmolStr;

pub use self::config::{ConfigError, PacketCacheLimits, Timeouts, WorkerConfig};
pub use self::counters::Counters;
pub use crate::outbox::{Outbox, Path};

use self::early::EarlyDatagrams;
use self::schedule::Schedule;
use crate::event::{Event, Failure};
use crate::ids::{Fingerprint, LegId};
use crate::leg::Leg;
use crate::plan::{Command, LegPlan, TransportPlan};
use crate::webrtc::{self, Context, DtlsConfig, TransportEvent};

/// Wakes handled in one call; the rest stay due, so that a crowd of timers does not hold up
/// packets.
const MAX_WAKES: usize = 256;

/// Events kept for a caller who does not poll. Measurements go first.
const MAX_EVENTS: usize = 16 * 1024;

/// A media worker.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    dtls: DtlsConfig,
    legs: Vec<Option<Box<Leg>>>,
    free: Vec<usize>,
    by_id: HashMap<LegId, usize>,
    by_ufrag: HashMap<SmolStr, usize>,
    by_path: HashMap<Path, usize>,
    early: EarlyDatagrams,
    schedule: Schedule,
    events: VecDeque<Event>,
    counters: Counters,
    scratch: Vec<u8>,
    transport_events: Vec<TransportEvent>,
}

impl Worker {
    /// Without legs.
    ///
    /// # Errors
    /// [`ConfigError`] where the settings make no sense.
    pub fn new(config: WorkerConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            dtls: config.dtls()?,
            config,
            legs: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_path: HashMap::new(),
            early: EarlyDatagrams::default(),
            schedule: Schedule::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            scratch: vec![0; 2048],
            transport_events: Vec::new(),
        })
    }

    /// Carries out an order. What it makes us send goes to `out`.
    pub fn handle_command(&mut self, now: Instant, command: Command, out: &mut Outbox) {
        match command {
            Command::AddLeg(plan) => self.add_leg(now, *plan),
            Command::UpdateLeg(plan) => self.update_leg(now, *plan, out),
            Command::RemoveLeg(leg) => self.remove_leg(now, leg, out),
            Command::Patch(_)
            | Command::Unpatch { .. }
            | Command::SendDtmf { .. }
            | Command::WatchSilence { .. } => {}
        }
    }

    /// Takes a datagram; it is changed in place. `path` is where it came to and from.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        // RFC 7983 7
        match datagram.first() {
            Some(0..=3) => self.on_stun(now, path, datagram, out),
            Some(20..=63) => self.on_dtls(now, path, datagram, out),
            _ => self.counters.unknown += 1,
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        for _ in 0..MAX_WAKES {
            let Some(slot) = self.schedule.due(now) else {
                return;
            };
            self.with_leg(now, slot, out, |leg, now, cx| leg.handle_timeout(now, cx));
        }
    }

    /// When [`Worker::handle_timeout`] wants to be called; `None` if nothing is due ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// The next report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
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

    /// Says goodbye on all legs.
    pub fn close(&mut self, now: Instant, out: &mut Outbox) {
        let legs: Vec<LegId> = self.by_id.keys().copied().collect();
        for leg in legs {
            self.remove_leg(now, leg, out);
        }
    }

    fn add_leg(&mut self, now: Instant, plan: LegPlan) {
        let TransportPlan::WebRtc(webrtc) = &plan.transport;
        let (id, ufrag) = (plan.leg, webrtc.local_ice.ufrag.clone());
        if self.by_id.contains_key(&id) || self.by_ufrag.contains_key(&ufrag) {
            tracing::warn!(leg = %id, "a leg was added twice; the second is ignored");
            return;
        }
        if self.by_id.len() >= self.config.max_legs {
            let failure = Failure::Dtls("the media worker has no room for another leg".into());
            return self.report(Event::Failed(id, failure));
        }
        let leg = Box::new(Leg::new(now, plan, &self.config.timeouts));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.legs.push(None);
            self.legs.len() - 1
        });
        self.schedule.set(slot, leg.poll_timeout());
        if let Some(place) = self.legs.get_mut(slot) {
            *place = Some(leg);
        }
        self.by_id.insert(id, slot);
        self.by_ufrag.insert(ufrag, slot);
    }

    fn update_leg(&mut self, now: Instant, plan: LegPlan, out: &mut Outbox) {
        let Some(&slot) = self.by_id.get(&plan.leg) else {
            return;
        };
        let TransportPlan::WebRtc(webrtc) = &plan.transport;
        let ufrag = webrtc.local_ice.ufrag.clone();
        if self.by_ufrag.get(&ufrag).is_none_or(|&owner| owner == slot) {
            self.by_ufrag.retain(|_, owner| *owner != slot);
            self.by_ufrag.insert(ufrag, slot);
        }
        self.with_leg(now, slot, out, |leg, now, cx| leg.update(now, plan, cx));
    }

    fn remove_leg(&mut self, now: Instant, id: LegId, out: &mut Outbox) {
        let Some(slot) = self.by_id.remove(&id) else {
            return;
        };
        self.with_leg(now, slot, out, |leg, now, cx| leg.close(now, cx));
        self.by_ufrag.retain(|_, owner| *owner != slot);
        self.by_path.retain(|_, owner| *owner != slot);
        self.schedule.set(slot, None);
        if let Some(place) = self.legs.get_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    fn on_stun(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Outbox) {
        let addressed = webrtc::addressed_to(datagram);
        let Some(&slot) = addressed.and_then(|ufrag| self.by_ufrag.get(ufrag)) else {
            self.counters.stun_ignored += 1;
            return;
        };
        // A path belongs to one leg while that leg lives: nobody takes over another's by
        // sending a check of his own from the other's address.
        let owner = self.by_path.get(&path).copied();
        if owner.is_some_and(|owner| owner != slot && self.is_live(owner)) {
            self.counters.stun_ignored += 1;
            return;
        }
        let genuine = self.with_leg(now, slot, out, |leg, now, cx| {
            leg.transport.handle_check(now, path, datagram, cx)
        });
        if genuine != Some(true) {
            self.counters.stun_ignored += 1;
            return;
        }
        while let Some(mut waiting) = self.early.take(now, path) {
            self.handle_datagram(now, path, &mut waiting, out);
        }
    }

    fn on_dtls(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Outbox) {
        let Some(&slot) = self.by_path.get(&path) else {
            self.counters.dtls_unchecked += 1;
            self.early.keep(now, path, datagram);
            return;
        };
        self.with_leg(now, slot, out, |leg, now, cx| {
            leg.transport.handle_dtls(now, path, datagram, cx)
        });
    }

    fn is_live(&self, slot: usize) -> bool {
        self.legs
            .get(slot)
            .is_some_and(|leg| leg.as_ref().is_some_and(|leg| !leg.is_over()))
    }

    /// Lets a leg do something, then takes its events and its next deadline.
    fn with_leg<T>(
        &mut self,
        now: Instant,
        slot: usize,
        out: &mut Outbox,
        act: impl FnOnce(&mut Leg, Instant, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let leg = self.legs.get_mut(slot)?.as_mut()?;
        let mut cx = Context {
            dtls: &self.dtls,
            timeouts: self.config.timeouts.transport(),
            scratch: &mut self.scratch,
            out,
            events: &mut self.transport_events,
        };
        let result = act(leg, now, &mut cx);
        self.take_transport_events(now, slot);
        if let Some(Some(leg)) = self.legs.get(slot) {
            self.schedule.set(slot, leg.poll_timeout());
        }
        Some(result)
    }

    fn take_transport_events(&mut self, now: Instant, slot: usize) {
        if self.transport_events.is_empty() {
            return;
        }
        let mut events = std::mem::take(&mut self.transport_events);
        for event in events.drain(..) {
            match event {
                TransportEvent::PathAdded(path) => {
                    self.by_path.insert(path, slot);
                }
                TransportEvent::PathRemoved(path) => {
                    if self.by_path.get(&path) == Some(&slot) {
                        self.by_path.remove(&path);
                    }
                }
                other => {
                    if let Some(Some(leg)) = self.legs.get_mut(slot)
                        && let Some(event) = leg.on_transport(now, other)
                    {
                        self.report(event);
                    }
                }
            }
        }
        self.transport_events = events;
    }

    fn report(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.counters.events_dropped += 1;
            let stats = self
                .events
                .iter()
                .position(|event| matches!(event, Event::Stats(_)));
            self.events.remove(stats.unwrap_or_default());
        }
        self.events.push_back(event);
    }
}
