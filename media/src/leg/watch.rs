//! Whether media arrives that should.

use std::time::{Duration, Instant};

use crate::ids::MediaKind;

/// A camera that is off sends a black picture now and then, so video may pause longer.
const VIDEO_PATIENCE: u32 = 3;

/// The watch over what a leg's far side sends. On from the beginning.
#[derive(Debug)]
pub(super) struct Watch {
    /// Silence before this is nobody's fault.
    since: Option<Instant>,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: Some(now) }
    }

    /// Watches from now on, or no more.
    pub(super) fn set(&mut self, now: Instant, on: bool) {
        self.since = on.then_some(now);
    }

    /// Media could not come before now.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = self.since.map(|_| now);
    }

    /// Since when there is silence, if it counts: `heard` is when the last packet came.
    pub(super) fn silent_since(&self, heard: Option<Instant>) -> Option<Instant> {
        let since = self.since?;
        Some(heard.map_or(since, |heard| heard.max(since)))
    }
}

/// How long a kind may be silent before that is reported.
pub(super) fn patience(kind: MediaKind, silence: Duration) -> Duration {
    match kind {
        MediaKind::Audio => silence,
        MediaKind::Video => silence * VIDEO_PATIENCE,
    }
}
