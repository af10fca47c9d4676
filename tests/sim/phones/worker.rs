//! A media worker with RTP legs as the Switch sees one: ports that it opens and lends, legs,
//! patches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use media::event::Event;
use media::ids::LegId;
use media::plan::{Command, LegPlan, TransportPlan};
use media::ports::PortPair;

/// A pair rests between two legs.
const REST: Duration = Duration::from_secs(32);

/// Legs, patches and ports.
#[derive(Default)]
pub struct Worker {
    legs: BTreeMap<LegId, Leg>,
    patches: BTreeSet<(LegId, LegId)>,
    /// Reported as open, and in no leg.
    open: BTreeSet<PortPair>,
}

struct Leg {
    ports: BTreeSet<PortPair>,
    /// Of the telephone.
    remote: Option<u16>,
    ssrcs: Vec<u32>,
}

impl Worker {
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty() && self.patches.is_empty()
    }

    pub fn leg_names(&self) -> BTreeSet<String> {
        self.legs.keys().map(ToString::to_string).collect()
    }

    pub fn patch_names(&self) -> BTreeSet<(String, String)> {
        let names = self.patches.iter();
        names
            .map(|(source, sink)| (source.to_string(), sink.to_string()))
            .collect()
    }

    /// Each leg, and the port that its telephone said it listens on.
    pub fn remotes(&self) -> Vec<(LegId, u16)> {
        let legs = self.legs.iter();
        legs.filter_map(|(id, leg)| Some((*id, leg.remote?)))
            .collect()
    }

    /// Opens a pair of ports.
    pub fn open(&mut self, ports: PortPair) -> Event {
        assert!(self.open.insert(ports), "ports are opened twice");
        Event::PortsOpen { worker: 0, ports }
    }

    /// Pairs that are open and in no leg.
    pub fn open_pairs(&self) -> usize {
        self.open.len()
    }

    /// Obeys; what pairs will be open again, and after what time.
    pub fn obey(&mut self, command: Command) -> Vec<(Duration, PortPair)> {
        match command {
            Command::AddLeg(plan) => {
                let leg = self.leg(&plan);
                for other in self.legs.values() {
                    let shared = other.ssrcs.iter().any(|ssrc| leg.ssrcs.contains(ssrc));
                    assert!(!shared, "two legs share an SSRC");
                }
                let before = self.legs.insert(plan.leg, leg);
                assert!(before.is_none(), "{} is added twice", plan.leg);
            }
            Command::UpdateLeg(plan) => {
                let mut new = self.leg(&plan);
                let old = self.legs.get_mut(&plan.leg);
                let old = old.expect("an update of a leg that is none");
                new.ports.append(&mut old.ports);
                *old = new;
            }
            Command::RemoveLeg(leg) => {
                let leg_of = self.legs.remove(&leg);
                let removed = leg_of.expect("a leg is removed that is not there");
                self.patches
                    .retain(|(source, sink)| *source != leg && *sink != leg);
                return removed.ports.into_iter().map(|it| (REST, it)).collect();
            }
            Command::Patch(patch) => {
                assert!(
                    self.legs.contains_key(&patch.source),
                    "a patch from nowhere"
                );
                assert!(self.legs.contains_key(&patch.sink), "a patch to nowhere");
                let ends = (patch.source, patch.sink);
                match patch.codecs.is_empty() {
                    true => self.patches.remove(&ends),
                    false => self.patches.insert(ends),
                };
            }
            // What is to stop has perhaps not begun: who is held before his first answer.
            Command::Unpatch { source, sink } => {
                self.patches.remove(&(source, sink));
            }
            Command::SendDtmf { leg, .. }
            | Command::WatchSilence { leg, .. }
            | Command::Play { leg, .. }
            | Command::StopSound { leg }
            | Command::Tap { leg, .. }
            | Command::Untap { leg } => {
                assert!(self.legs.contains_key(&leg), "an order about no leg");
            }
        }
        Vec::new()
    }

    fn leg(&mut self, plan: &LegPlan) -> Leg {
        let TransportPlan::Rtp(rtp) = &plan.transport else {
            panic!("telephones have RTP legs");
        };
        let own = self.legs.get(&plan.leg).map(|leg| leg.ports.clone());
        let own = own.unwrap_or_default();
        for stream in &rtp.streams {
            let lent = own.contains(&stream.ports) || self.open.remove(&stream.ports);
            assert!(
                lent,
                "{} has ports that are not open, or another's",
                plan.leg
            );
        }
        let remote = rtp.streams.first().and_then(|it| it.remote.as_ref());
        Leg {
            ports: rtp.streams.iter().map(|stream| stream.ports).collect(),
            remote: remote.and_then(|it| it.rtp).map(|it| it.port()),
            ssrcs: plan.streams.iter().map(|stream| stream.ssrc).collect(),
        }
    }
}
