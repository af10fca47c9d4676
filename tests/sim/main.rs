//! The call core under thousands of schedules in virtual time.
//!
//! A seed makes a world: pages that behave as the Web SDK and its users do, connections with
//! delays and breaks, a media worker whose legs come up, fail or fall silent. After every step,
//! and when all has come to rest, what must always be true is checked. A failing seed is printed;
//! `CALLBOX_SIM_SEED=n` runs it alone with its story, `CALLBOX_SIM_SEEDS=n` runs more of them.
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
    if let Some(seed) = number("CALLBOX_SIM_SEED") {
        return run(seed, true);
    }
    let seeds = number("CALLBOX_SIM_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let mut seen = audit::Seen::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || run_all((part..seeds).step_by(threads as usize))))
            .collect();
        for part in parts {
            match part.join() {
                Ok(of_part) => seen.add(&of_part),
                Err(fault) => std::panic::resume_unwind(fault),
            }
        }
    });
    eprintln!("{seeds} seeds: {seen:?}");
    // Schedules that never reach a state prove nothing about it.
    if seeds >= SEEDS {
        seen.assert_broad();
    }
}

fn run_all(seeds: impl Iterator<Item = u64>) -> audit::Seen {
    let mut seen = audit::Seen::default();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| {
            World::new(seed, false).run(Scenario::of(seed))
        })) {
            Ok(of_this) => seen.add(&of_this),
            Err(fault) => {
                eprintln!("seed {seed} fails; CALLBOX_SIM_SEED={seed} tells its story");
                std::panic::resume_unwind(fault);
            }
        }
    }
    seen
}

fn run(seed: u64, story: bool) {
    let seen = World::new(seed, story).run(Scenario::of(seed));
    eprintln!("seed {seed}: {seen:?}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
