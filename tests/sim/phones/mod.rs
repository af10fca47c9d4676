//! Telephones, and the Switch between them, on a network that loses, repeats and reorders what is
//! sent over UDP, and breaks connections over TCP.
//!
//! Each telephone keeps its calls by itself. While they act, what must always be true of the worker
//! and of records is checked after each step; when the network is whole again and all have come to
//! rest, each telephone and the Switch must believe the same of every call.

mod called;
mod leg;
mod phone;
mod sdp;
mod worker;
mod world;

use std::collections::BTreeMap;

use crate::every_seed;
use phone::Deeds;

/// How many seeds a plain run tries.
const SEEDS: u64 = 400;

/// What the schedules reached.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub calls: u64,
    pub answered: u64,
    /// Calls on which both sides agreed, at rest, that they are up; and those that were held.
    pub agreed: u64,
    pub agreed_held: u64,
    pub lost_flows: u64,
    pub lost: u64,
    pub repeated: u64,
    pub transferred: u64,
    /// Telephones whose way was forgotten, and with it the goodbye.
    pub deaf: u64,
    pub deeds: Deeds,
    pub ends: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.agreed += other.agreed;
        self.agreed_held += other.agreed_held;
        self.lost_flows += other.lost_flows;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.transferred += other.transferred;
        self.deaf += other.deaf;
        self.add_deeds(&other.deeds);
        for (code, count) in &other.ends {
            *self.ends.entry(code).or_default() += count;
        }
    }

    pub fn add_deeds(&mut self, other: &Deeds) {
        let deeds = &mut self.deeds;
        deeds.cancels += other.cancels;
        deeds.changes += other.changes;
        deeds.late_changes += other.late_changes;
        deeds.glare += other.glare;
        deeds.pracks += other.pracks;
        deeds.refreshes += other.refreshes;
        deeds.refers += other.refers;
        deeds.late_offers += other.late_offers;
        deeds.crossed += other.crossed;
    }

    /// What the schedules are for was reached by some.
    fn assert_broad(&self) {
        let deeds = &self.deeds;
        for (what, count) in [
            ("answered", self.answered),
            ("agreed", self.agreed),
            ("agreed on hold", self.agreed_held),
            ("lost flows", self.lost_flows),
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("transferred", self.transferred),
            ("cancels", deeds.cancels),
            ("changes", deeds.changes),
            ("late changes", deeds.late_changes),
            ("glare", deeds.glare),
            ("pracks", deeds.pracks),
            ("refreshes", deeds.refreshes),
            ("late offers", deeds.late_offers),
            ("2xx that crossed a CANCEL", deeds.crossed),
        ] {
            assert!(count > 0, "no schedule reached: {what}: {self:?}");
        }
    }
}

#[test]
fn telephones_and_the_switch_agree_on_every_call_whatever_the_network_does() {
    let mut all = Seen::default();
    let seeds = every_seed(SEEDS, |seed, story| world::World::new(seed, story).run());
    for seen in &seeds {
        all.add(seen);
    }
    eprintln!("{} seeds: {all:?}", seeds.len());
    if seeds.len() as u64 >= SEEDS {
        all.assert_broad();
    }
}
