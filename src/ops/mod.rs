//! What operators see: the log.
#![forbid(unsafe_code)]

pub mod log;
mod throttle;

pub use throttle::Throttle;
