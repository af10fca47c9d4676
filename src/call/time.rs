//! The time the shell hands in: read once for each input.

use std::time::{Duration, Instant};

/// One reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines and intervals; never goes back.
    pub mono: Instant,
    /// For people and records; may jump.
    pub wall: UnixTime,
}

/// Time since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub Duration);
