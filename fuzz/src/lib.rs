//! What the network can send, thrown at every parser.
//!
//! Each function is one fuzz target: `cargo +nightly fuzz run NAME --features fuzzing` searches,
//! and `tests/replay.rs` replays what was found (`corpus/NAME/`) on every test run. A target
//! fails by a panic, or by breaking what its assertions say.

mod descriptions;
mod packets;
mod signalling;
mod sound;

use std::time::Instant;

pub use descriptions::{offer_answer, sdp};
pub use packets::{h264, rtcp, rtp};
pub use signalling::{
    dialled_name, digest, sip_message, sip_stream, sip_transactions, sip_uri, wcs_message,
};
pub use sound::{codec, playout};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("sip_uri", sip_uri),
    ("sip_message", sip_message),
    ("sip_stream", sip_stream),
    ("sip_transactions", sip_transactions),
    ("digest", digest),
    ("dialled_name", dialled_name),
    ("wcs_message", wcs_message),
    ("sdp", sdp),
    ("offer_answer", offer_answer),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("h264", h264),
    ("playout", playout),
    ("codec", codec),
];

/// Some instant: time jumps.
#[allow(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]
fn begin() -> Instant {
    Instant::now()
}
