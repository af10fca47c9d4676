//! What operators see: the log, the metrics.
#![forbid(unsafe_code)]

pub mod log;
pub mod metrics;
mod throttle;

pub use throttle::Throttle;
