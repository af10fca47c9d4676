//! The only place with sockets and a clock: listeners, TLS, HTTP and WebSockets, the media
//! workers' threads, and the task that drives the call core.
// The rest of the program is told the time and given its bytes: see clippy.toml.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod access;
mod admission;
pub mod clock;
mod dns;
pub mod driver;
mod flows;
mod guarded;
mod http;
mod listen;
pub mod media_worker;
mod memory;
mod meter;
mod public_address;
mod recorder;
mod registrations;
mod serve;
pub mod server;
mod settings;
mod sip;
mod sounds;
mod start_error;
mod tls;
mod ws;

pub use public_address::discover as discover_public_address;
pub use server::{Bound, Matter, Running, Server};
pub use sip::SipAddresses;
pub use start_error::StartError;
