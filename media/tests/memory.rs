//! What a call costs in memory, on the worker's side alone.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![allow(
    unsafe_code,
    reason = "a global allocator that counts can be written in no other way"
)]

mod peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use media::ids::LegId;
use media::plan::Command;
use peer::call::{connect, join};
use peer::world::{IN_WORKER, World};

struct Counting;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
}

fn note(bytes: i64) {
    let working = IN_WORKER.try_with(Cell::get).unwrap_or(false);
    if working {
        let _ = HELD.try_with(|held| held.set(held.get() + bytes));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CALLS: u64 = 20;

/// Makes calls that have talked for a while, and returns what they hold in bytes.
fn calls(world: &mut World, video: bool) -> i64 {
    let before = HELD.get();
    for call in 0..CALLS {
        let (a, b) = (10 + 2 * call, 11 + 2 * call);
        join(world, a, video, |_| {});
        join(world, b, video, |_| {});
        connect(world, a, b, video);
        connect(world, b, a, video);
        world.speak(a, 1, 20);
        world.speak(b, 1, 20);
    }
    world.run_for(Duration::from_secs(5));
    forget_events(world);
    HELD.get() - before
}

/// Reports were made by the worker and belong to whoever took them.
fn forget_events(world: &mut World) {
    IN_WORKER.set(true);
    world.events.clear();
    IN_WORKER.set(false);
}

fn hang_up(world: &mut World) {
    for leg in 10..10 + 2 * CALLS {
        world.command(Command::RemoveLeg(LegId(leg)));
        world.peers.remove(&leg);
    }
    // Goodbyes on their way must not meet the next peers.
    world.run_for(Duration::from_secs(1));
    forget_events(world);
}

#[test]
fn an_audio_call_holds_little_and_gives_it_all_back() {
    let mut world = World::new();
    let start = HELD.get();
    let first = calls(&mut world, false);
    let each = first / i64::try_from(CALLS).unwrap();
    println!("an audio call holds {each} bytes in the worker");
    assert!(each < 10 * 1024, "{each} bytes");
    hang_up(&mut world);
    let left = HELD.get() - start;
    // Tables keep their capacity.
    assert!(left < 64 * 1024, "{left} bytes are left");
    let second = calls(&mut world, false);
    hang_up(&mut world);
    let grown = HELD.get() - start - left;
    assert!(grown < 4096, "{grown} bytes more after {second}");
}
