//! What the tests of several modules share.

use std::time::Instant;

/// Where the time of tests begins: only distances to it count.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no other way to get an instant"
)]
pub(crate) fn start_of_time() -> Instant {
    Instant::now()
}
