//! A media worker as the Switch sees one: it takes orders and reports, some time later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use media::event::{Event, Failure, LegStats, SilenceCause, StreamStats};
use media::ids::{LegId, MediaKind};
use media::plan::{Command, LegPlan, TransportPlan};
use rand::RngExt;
use rand::rngs::StdRng;

/// What is to happen at a worker, if the leg is still there then.
#[derive(Debug, Clone)]
pub enum Tick {
    Connected,
    Ready,
    /// Nothing came of it within the set-up time.
    SetUpOver,
    Fails(Failure),
    /// A DTLS `close_notify` arrives.
    Closed,
    Measures,
    FallsSilent,
}

/// How long a leg may take to get ready.
const SET_UP: Duration = Duration::from_secs(10);

/// Legs and patches.
#[derive(Default)]
pub struct Worker {
    legs: BTreeMap<LegId, Leg>,
    patches: BTreeSet<(LegId, LegId)>,
    /// By our user name fragment: pages that send to a leg.
    callers: BTreeSet<String>,
    ever: BTreeSet<String>,
}

struct Leg {
    ufrag: String,
    ssrcs: Vec<u32>,
    /// The remote description is known.
    complete: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    New,
    Connected,
    Ready,
    Failed,
}

impl Worker {
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty() && self.patches.is_empty()
    }

    pub fn leg_names(&self) -> BTreeSet<String> {
        self.legs.keys().map(ToString::to_string).collect()
    }

    pub fn patch_names(&self) -> BTreeSet<(String, String)> {
        let names = self
            .patches
            .iter()
            .map(|(a, b)| (a.to_string(), b.to_string()));
        names.collect()
    }

    /// Obeys, and says what will come of it.
    pub fn obey(&mut self, rng: &mut StdRng, command: Command) -> Vec<(Duration, LegId, Tick)> {
        match command {
            Command::AddLeg(plan) => {
                let leg = Leg::new(&plan);
                assert!(
                    self.ever.insert(leg.ufrag.clone()),
                    "a user name fragment comes twice"
                );
                for other in self.legs.values() {
                    let shared = other.ssrcs.iter().any(|ssrc| leg.ssrcs.contains(ssrc));
                    assert!(!shared, "two legs share an SSRC");
                }
                assert!(
                    self.legs.insert(plan.leg, leg).is_none(),
                    "{} is added twice",
                    plan.leg
                );
                self.completed(rng, plan.leg)
            }
            Command::UpdateLeg(plan) => {
                let leg = self
                    .legs
                    .get_mut(&plan.leg)
                    .expect("an update of a leg that is none");
                let new = Leg::new(&plan);
                assert_eq!(new.ufrag, leg.ufrag, "an update keeps the transport");
                assert!(new.complete && !leg.complete);
                leg.complete = true;
                self.completed(rng, plan.leg)
            }
            Command::RemoveLeg(leg) => {
                assert!(
                    self.legs.remove(&leg).is_some(),
                    "{leg} is removed and is not there"
                );
                self.patches
                    .retain(|(source, sink)| *source != leg && *sink != leg);
                Vec::new()
            }
            Command::Patch(patch) => {
                assert!(
                    self.legs.contains_key(&patch.source),
                    "a patch from nowhere"
                );
                assert!(self.legs.contains_key(&patch.sink), "a patch to nowhere");
                assert!(!patch.codecs.is_empty(), "a patch of nothing");
                self.patches.insert((patch.source, patch.sink));
                Vec::new()
            }
            Command::Unpatch { source, sink } => {
                assert!(self.patches.remove(&(source, sink)), "no such patch");
                Vec::new()
            }
            Command::SendDtmf { leg, digits } => {
                assert!(self.legs.contains_key(&leg), "digits to nowhere");
                assert!((1..=32).contains(&digits.len()));
                Vec::new()
            }
            Command::Play { leg, .. } | Command::StopSound { leg } => {
                assert!(self.legs.contains_key(&leg), "a sound for nobody");
                Vec::new()
            }
            Command::MuteTone { leg } => {
                assert!(self.legs.contains_key(&leg), "a tone to nowhere");
                Vec::new()
            }
            Command::Tap { leg, .. } | Command::Untap { leg } => {
                assert!(self.legs.contains_key(&leg), "nobody is recorded");
                Vec::new()
            }
            Command::WatchSilence { leg, .. } => {
                assert!(self.legs.contains_key(&leg), "an ear for nobody");
                Vec::new()
            }
            Command::RequestKeyframe(leg) => {
                assert!(self.legs.contains_key(&leg), "a picture for nobody");
                Vec::new()
            }
        }
    }

    /// A page begins to send to the leg of this user name fragment.
    pub fn page_up(&mut self, rng: &mut StdRng, ufrag: &str) -> Vec<(Duration, LegId, Tick)> {
        self.callers.insert(ufrag.to_owned());
        self.coming_up(rng, ufrag)
    }

    /// It closes its peer connection, or is killed.
    pub fn page_down(&mut self, rng: &mut StdRng, ufrag: &str) -> Vec<(Duration, LegId, Tick)> {
        self.callers.remove(ufrag);
        let Some((leg, _)) = self.legs.iter().find(|(_, leg)| leg.ufrag == ufrag) else {
            return Vec::new();
        };
        if rng.random_bool(0.7) {
            vec![(millis(rng, 0..100), *leg, Tick::Closed)]
        } else {
            vec![(
                Duration::from_secs(15),
                *leg,
                Tick::Fails(Failure::ConsentLost),
            )]
        }
    }

    /// Something happens on a leg: what is reported, and what follows.
    pub fn tick(
        &mut self,
        rng: &mut StdRng,
        id: LegId,
        tick: Tick,
    ) -> (Option<Event>, Vec<(Duration, LegId, Tick)>) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return (None, Vec::new());
        };
        let calling = self.callers.contains(&leg.ufrag);
        if leg.stage == Stage::Failed {
            return (None, Vec::new());
        }
        match tick {
            Tick::Connected if calling && leg.stage == Stage::New => {
                leg.stage = Stage::Connected;
                let next = match rng.random_range(0..40) {
                    0 => Tick::Fails(Failure::FingerprintMismatch),
                    1 => Tick::Fails(Failure::Dtls("handshake_failure".into())),
                    2 => return (Some(Event::IceConnected(id)), Vec::new()),
                    _ => Tick::Ready,
                };
                (
                    Some(Event::IceConnected(id)),
                    vec![(millis(rng, 5..300), id, next)],
                )
            }
            Tick::Ready if calling && leg.stage == Stage::Connected => {
                leg.stage = Stage::Ready;
                let mut next = vec![(Duration::from_secs(2), id, Tick::Measures)];
                match rng.random_range(0..30) {
                    0 => {
                        let failure = Tick::Fails(Failure::ConsentLost);
                        next.push((millis(rng, 100..60_000), id, failure));
                    }
                    1 => {
                        let failure = Tick::Fails(Failure::RtpInactivity);
                        next.push((millis(rng, 100..60_000), id, failure));
                    }
                    2 => next.push((millis(rng, 100..20_000), id, Tick::FallsSilent)),
                    _ => {}
                }
                (Some(Event::MediaReady(id)), next)
            }
            Tick::SetUpOver if leg.stage < Stage::Ready => {
                let failure = match leg.stage {
                    Stage::New => Failure::NeverReached,
                    _ => Failure::DtlsTimeout,
                };
                leg.stage = Stage::Failed;
                (Some(Event::Failed(id, failure)), Vec::new())
            }
            Tick::Fails(failure) if leg.stage != Stage::New => {
                leg.stage = Stage::Failed;
                (Some(Event::Failed(id, failure)), Vec::new())
            }
            Tick::Closed if leg.stage == Stage::Ready => (Some(Event::Closed(id)), Vec::new()),
            Tick::Measures if leg.stage == Stage::Ready => {
                (Some(Event::Stats(Box::new(measurements(id)))), Vec::new())
            }
            Tick::FallsSilent if leg.stage == Stage::Ready => {
                let silence = Duration::from_secs(3);
                let cause = SilenceCause::Stopped;
                (
                    Some(Event::Silent(id, MediaKind::Audio, silence, cause)),
                    Vec::new(),
                )
            }
            _ => (None, Vec::new()),
        }
    }

    /// The worker knows all of a leg now.
    fn completed(&mut self, rng: &mut StdRng, id: LegId) -> Vec<(Duration, LegId, Tick)> {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.complete) else {
            return Vec::new();
        };
        let ufrag = leg.ufrag.clone();
        let mut ticks = self.coming_up(rng, &ufrag);
        ticks.push((SET_UP, id, Tick::SetUpOver));
        ticks
    }

    fn coming_up(&self, rng: &mut StdRng, ufrag: &str) -> Vec<(Duration, LegId, Tick)> {
        let leg = self
            .legs
            .iter()
            .find(|(_, leg)| leg.ufrag == ufrag && leg.complete);
        let Some((leg, _)) = leg.filter(|_| self.callers.contains(ufrag)) else {
            return Vec::new();
        };
        // Now and then the way is barred.
        if rng.random_bool(0.03) {
            return Vec::new();
        }
        vec![(millis(rng, 5..300), *leg, Tick::Connected)]
    }
}

impl Leg {
    fn new(plan: &LegPlan) -> Self {
        let TransportPlan::WebRtc(transport) = &plan.transport else {
            panic!("a WebRTC leg");
        };
        let ssrcs = plan
            .streams
            .iter()
            .flat_map(|stream| [Some(stream.ssrc), stream.rtx_ssrc]);
        assert_eq!(
            transport.remote_ice.is_some(),
            transport.remote_fingerprint.is_some()
        );
        Self {
            ufrag: transport.local_ice.ufrag.to_string(),
            ssrcs: ssrcs.flatten().collect(),
            complete: transport.remote_ice.is_some(),
            stage: Stage::New,
        }
    }
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

fn measurements(leg: LegId) -> LegStats {
    LegStats {
        leg,
        streams: vec![StreamStats::new(MediaKind::Audio)],
        round_trip: None,
        rejected: 0,
    }
}
