//! What all transcoders of a worker share: room to work in, how many there may be, where their
//! ticks lie, and how much work an encoder may spend.

use std::sync::Arc;
use std::time::Instant;

use super::load::Load;
use crate::plan::StreamPlan;
use crate::sound::{Player, Repertoire, Sound, SoundId};
use crate::transcode::{Grid, TranscodePlan, Transcoder, Workshop};

/// Packets that are encoded before datagrams get their turn: at the dearest coder about two
/// milliseconds.
pub(super) const TICKS_PER_WAKE: usize = 8;

/// Spreads phases evenly, however many there are: 2^32 over the golden ratio.
const PHASE_STEP: u32 = 0x9E37_79B9;

/// Lent to the legs of a worker.
#[derive(Debug)]
pub(crate) struct Transcoding {
    pub(crate) workshop: Workshop,
    /// What can be played.
    pub(crate) repertoire: Repertoire,
    /// One more is with each transcoder.
    seats: Arc<()>,
    /// One more is with each coder that hears tones or makes them.
    tone_seats: Arc<()>,
    max: usize,
    epoch: Option<Instant>,
    phase: u32,
    load: Load,
}

/// The place of one coder among those that there may be.
#[derive(Debug)]
pub(crate) struct Seat(#[allow(dead_code, reason = "it is counted, not used")] Arc<()>);

impl Transcoding {
    /// At most so many at once.
    pub(super) fn new(max: usize, sounds: Arc<[Sound]>) -> Self {
        Self {
            workshop: Workshop::new(),
            repertoire: Repertoire::new(sounds),
            seats: Arc::new(()),
            tone_seats: Arc::new(()),
            max,
            epoch: None,
            phase: 0,
            load: Load::default(),
        }
    }

    /// A transcoder, unless there are as many as there may be.
    pub(crate) fn make(&mut self, now: Instant, plan: &TranscodePlan) -> Option<Box<Transcoder>> {
        if Arc::strong_count(&self.seats) > self.max {
            return None;
        }
        let grid = self.grid(now);
        let seat = Seat(Arc::clone(&self.seats));
        Transcoder::new(plan.clone(), grid, seat)
            .inspect_err(|error| tracing::warn!(%error, "sound cannot be transcoded"))
            .ok()
            .map(Box::new)
    }

    /// What plays a sound in the format of a stream; `before` is what did so until now.
    pub(crate) fn play(
        &mut self,
        now: Instant,
        sound: SoundId,
        stream: &StreamPlan,
        before: Option<&Player>,
    ) -> Option<Box<Player>> {
        let grid = self.grid(now);
        let repertoire = &mut self.repertoire;
        Player::new(now, sound, stream, grid, repertoire, before).map(Box::new)
    }

    /// Ticks that lie between those of the others.
    fn grid(&mut self, now: Instant) -> Grid {
        let phase = self.phase;
        self.phase = phase.wrapping_add(PHASE_STEP);
        Grid {
            epoch: *self.epoch.get_or_insert(now),
            phase,
        }
    }

    /// A place among those who hear tones or make them: as many as there may be transcoders.
    pub(crate) fn tone_seat(&self) -> Option<Seat> {
        let is_free = Arc::strong_count(&self.tone_seats) <= self.max;
        is_free.then(|| Seat(Arc::clone(&self.tone_seats)))
    }

    /// Transcoders there are.
    pub(super) fn count(&self) -> usize {
        Arc::strong_count(&self.seats) - 1
    }

    /// How much work an encoder may spend, 0 to 10.
    pub(crate) fn complexity(&self) -> u8 {
        self.load.complexity()
    }

    /// A packet that was due is made now.
    pub(super) fn note(&mut self, now: Instant, due: Instant) {
        self.load.note(now, now.saturating_duration_since(due));
    }
}
