//! The clocks, read here and handed down.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::call::Now;
use crate::call::time::UnixTime;

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    // A clock set before 1970 reads as 1970.
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        mono: Instant::now(),
        wall: UnixTime(wall),
    }
}
