//! The call core under thousands of schedules in virtual time.
//!
//! A seed makes a world: pages that behave as the Web SDK and its users do (or telephones, in
//! `phones`), connections with delays and breaks, a media worker whose legs come up, fail or fall
//! silent. After every step, and when all has come to rest, what must always be true is checked. A
//! failing seed is printed; `CALLBOX_SIM_SEED=n` runs it alone with its story,
//! `CALLBOX_SIM_SEEDS=n` runs more of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that finds something ends"
)]
#![allow(unreachable_pub, reason = "there is nothing outside")]

mod audit;
mod calls;
mod client;
mod phones;
mod scenario;
mod worker;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use scenario::Scenario;
use world::World;

/// How many seeds a plain run tries.
const SEEDS: u64 = 2_000;

#[test]
fn every_schedule_ends_every_call_once_and_leaves_nothing_behind() {
    let mut seen = audit::Seen::default();
    let seeds = every_seed(SEEDS, |seed, story| {
        World::new(seed, story).run(Scenario::of(seed))
    });
    for of_one in &seeds {
        seen.add(of_one);
    }
    eprintln!("{} seeds: {seen:?}", seeds.len());
    // Schedules that never reach a state prove nothing about it.
    if seeds.len() as u64 >= SEEDS {
        seen.assert_broad();
    }
}

/// Plays the one seed that was asked for, or as many as were, or those of a plain run, on all cores.
fn every_seed<T: Send>(plain: u64, play: impl Fn(u64, bool) -> T + Sync) -> Vec<T> {
    if let Some(seed) = number("CALLBOX_SIM_SEED") {
        return vec![play(seed, true)];
    }
    let seeds = number("CALLBOX_SIM_SEEDS").unwrap_or(plain);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let of_part = |part: u64| {
        let seeds = (part..seeds).step_by(threads as usize);
        seeds
            .map(|seed| told_by_name(seed, &play))
            .collect::<Vec<T>>()
    };
    std::thread::scope(|scope| {
        let of_part = &of_part;
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || of_part(part)))
            .collect();
        let seen = parts.into_iter().flat_map(|part| match part.join() {
            Ok(of_part) => of_part,
            Err(fault) => std::panic::resume_unwind(fault),
        });
        seen.collect()
    })
}

/// A seed that fails says which it is.
fn told_by_name<T>(seed: u64, play: impl Fn(u64, bool) -> T) -> T {
    match catch_unwind(AssertUnwindSafe(|| play(seed, false))) {
        Ok(seen) => seen,
        Err(fault) => {
            eprintln!("seed {seed} fails; CALLBOX_SIM_SEED={seed} tells its story");
            std::panic::resume_unwind(fault);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
