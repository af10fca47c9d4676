//! What an idle registration costs in memory, counted at the allocator.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs
)]
#![allow(
    unsafe_code,
    reason = "a global allocator that counts can be written in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use registrar::{Aor, Location, LocationLimits, RegisterPolicy, Registrant};
use sip::flow::{FlowId, Transport};
use sip::message::{Limits, Message};
use sip::procedure::register::Register;
use sip::uri::Host;

const COUNT: usize = 10_000;
/// With all indexes, and what the allocator adds to each block.
const MAX_BYTES: usize = 1024;

/// Bytes that are held, as glibc rounds them: 8 more for each block, in steps of 16.
static HELD: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn block(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: everything is done by the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(block(layout), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(block(layout), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// As JsSIP registers over a WebSocket.
fn register(number: usize) -> Register {
    let text = format!(
        "REGISTER sip:callbox.example.com SIP/2.0\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\n\
         Max-Forwards: 70\nFrom: <sip:u{number}@callbox.example.com>;tag=a\n\
         To: <sip:u{number}@callbox.example.com>\nCall-ID: k8dj3n5{number:015}\n\
         CSeq: 2 REGISTER\nSupported: path,gruu,outbound\n\
         Contact: <sip:h8{number:06}@k4v83nhf9d0s.invalid;transport=ws>;reg-id=1;\
         +sip.instance=\"<urn:uuid:0c67446e-f1a1-11d9-94d3-{number:012}>\";expires=600\n\
         Content-Length: 0\n\n"
    );
    let bytes = text.replace('\n', "\r\n");
    let message = Message::parse(bytes.as_bytes(), &Limits::default()).unwrap();
    Register::read(&message.into_request().unwrap()).unwrap()
}

fn sign_in(location: &mut Location, now: Instant, number: usize) {
    let domain = Host::parse("callbox.example.com").unwrap();
    let aor = Aor::new(&format!("u{number}"), &domain).unwrap();
    let from = Registrant {
        aor: &aor,
        user: &aor,
        flow: FlowId(number as u64),
        transport: Transport::Wss,
        source: SocketAddr::from(([192, 0, 2, 1], 40_000)),
    };
    let policy = RegisterPolicy::default();
    location
        .register(now, &policy, &from, &register(number))
        .unwrap();
}

#[test]
fn an_idle_registration_is_small_and_leaves_nothing_behind() {
    let now = Instant::now();
    let mut location = Location::new(LocationLimits {
        bindings: COUNT,
        per_aor: 1,
    });
    let before = HELD.load(Ordering::Relaxed);
    for number in 0..COUNT {
        sign_in(&mut location, now, number);
    }
    let each = (HELD.load(Ordering::Relaxed) - before) / COUNT;
    println!("{each} bytes for a registration");
    assert!(each <= MAX_BYTES, "{each}");

    let over = now + Duration::from_secs(600);
    while !location.handle_timeout(over).is_empty() {}
    assert!(location.is_empty());
    let left = HELD.load(Ordering::Relaxed).saturating_sub(before);
    assert!(left < COUNT, "{left} bytes are left of nothing");
}
