//! Calls between two WebRTC peers of another make (the crate `webrtc`) through the real binary:
//! its signalling on real WebSockets, its ICE, DTLS and media on real ports. What arrives is
//! compared with what was sent, byte for byte.
//!
//! These peers know DTLS 1.2 alone; the browsers of `tests/e2e` bring DTLS 1.3.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "against a real server time passes as it does"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

#[path = "../common/mod.rs"]
mod common;

mod agent;
mod audio;
mod calls;
mod ends;
mod feedback;
mod hold;
mod make;
mod phone;
mod phones;
mod record;
mod recording;
mod repair;
mod security;
mod source;
mod tap;
mod tcp;
mod tone;
mod video;
