//! A WebRTC peer for tests, as a browser would be one: full ICE agent in the controlling role,
//! DTLS client, SRTP. And a world in virtual time that joins peers with a worker.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

pub mod call;
pub mod packets;
pub mod phone;
pub mod plans;
pub mod speech;
pub mod transport;
pub mod voice;
pub mod world;
