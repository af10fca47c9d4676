//! Whether media arrives that should.

use std::time::{Duration, Instant};

use crate::event::SilenceCause;
use crate::ids::MediaKind;

/// A camera that is off sends a black picture now and then, so video may pause longer.
const VIDEO_PATIENCE: u32 = 3;

/// The watch over what a leg's far side sends. On from the beginning.
#[derive(Debug)]
pub(super) struct Watch {
    /// Silence before this is nobody's fault.
    since: Option<Instant>,
    trouble: Trouble,
}

/// When packets came last that were not taken in.
#[derive(Debug, Default, Clone, Copy)]
struct Trouble {
    undecryptable: Option<Instant>,
    foreign: Option<Instant>,
    not_agreed: Option<Instant>,
}

/// What else is known of a far side that sends nothing of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    /// Since when.
    pub(super) since: Instant,
    /// It has sent something of that kind at any time.
    pub(super) was_heard: bool,
    /// The last thing it has sent was what silence sounds like.
    pub(super) has_paused: bool,
    /// It is sound that is missing, and a picture has come meanwhile.
    pub(super) sends_picture: bool,
    /// It has sent reports meanwhile, or has to prove that it is there.
    pub(super) is_there: bool,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: Some(now),
            trouble: Trouble::default(),
        }
    }

    /// A packet did not pass authentication.
    pub(super) fn saw_undecryptable(&mut self, now: Instant) {
        self.trouble.undecryptable = Some(now);
    }

    /// A packet came from elsewhere than its stream is taken from.
    pub(super) fn saw_foreign(&mut self, now: Instant) {
        self.trouble.foreign = Some(now);
    }

    /// A packet of the far side was of a payload type that was not agreed.
    pub(super) fn saw_not_agreed(&mut self, now: Instant) {
        self.trouble.not_agreed = Some(now);
    }

    /// Why nothing arrives: what was refused meanwhile tells more than what did not come.
    pub(super) fn cause(&self, signs: Signs) -> SilenceCause {
        let meanwhile = |at: Option<Instant>| at.is_some_and(|at| at >= signs.since);
        let trouble = self.trouble;
        let seen = [
            (
                meanwhile(trouble.undecryptable),
                SilenceCause::Undecryptable,
            ),
            (meanwhile(trouble.not_agreed), SilenceCause::NotAgreed),
            (meanwhile(trouble.foreign), SilenceCause::Foreign),
            (signs.has_paused, SilenceCause::Paused),
            (signs.sends_picture, SilenceCause::PictureOnly),
            (signs.is_there, SilenceCause::NothingSent),
            (signs.was_heard, SilenceCause::Stopped),
        ];
        let mut seen = seen.into_iter();
        let likeliest = seen.find_map(|(is_seen, cause)| is_seen.then_some(cause));
        likeliest.unwrap_or(SilenceCause::Nothing)
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
