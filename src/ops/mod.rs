//! What operators see: the log, the records of calls, the metrics.
#![forbid(unsafe_code)]

pub mod cdr;
pub mod log;
pub mod metrics;
mod throttle;

pub use throttle::Throttle;
