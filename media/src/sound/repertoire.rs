//! The sounds of a worker, and what was encoded of them.

use std::sync::Arc;

use super::track::{Track, TrackPlan};
use super::{Sound, SoundId};
use crate::transcode::Workshop;

/// The most that encoded sounds may take, bytes: ten minutes in each usual format fit.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Sounds, and each in the formats in which somebody hears it, or has.
#[derive(Debug)]
pub(crate) struct Repertoire {
    sounds: Arc<[Sound]>,
    /// Places are kept: players know theirs.
    tracks: Vec<Option<Track>>,
    max_bytes: usize,
}

/// A leg's place in the audience of a track.
#[derive(Debug)]
pub(super) struct Seat {
    track: usize,
    _listener: Arc<()>,
}

impl Repertoire {
    pub(crate) fn new(sounds: Arc<[Sound]>) -> Self {
        Self {
            sounds,
            tracks: Vec::new(),
            max_bytes: MAX_BYTES,
        }
    }

    pub(super) fn sound(&self, id: SoundId) -> Option<&Sound> {
        self.sounds.get(usize::from(id.0))
    }

    /// A seat at a track, which is begun if there is none. Tracks that nobody hears make room; if
    /// that is not enough there is none.
    pub(super) fn seat(&mut self, plan: TrackPlan) -> Option<Seat> {
        let mut known = self.tracks.iter().flatten();
        if !known.any(|track| *track.plan() == plan) {
            self.begin(plan)?;
        }
        let of_plan = |track: &Option<Track>| track.as_ref().is_some_and(|it| *it.plan() == plan);
        let track = self.tracks.iter().position(of_plan)?;
        let listener = self.tracks.get(track)?.as_ref()?.seat();
        Some(Seat {
            track,
            _listener: listener,
        })
    }

    fn begin(&mut self, plan: TrackPlan) -> Option<()> {
        let sound = self.sound(plan.sound)?.clone();
        let size = plan.size(&sound);
        for place in 0..self.tracks.len() {
            if self.size() + size <= self.max_bytes {
                break;
            }
            if let Some(track) = self.tracks.get_mut(place)
                && track.as_ref().is_some_and(|track| !track.is_heard())
            {
                *track = None;
            }
        }
        if self.size() + size > self.max_bytes {
            tracing::warn!("encoded sounds take as much memory as they may: this one is not heard");
            return None;
        }
        let track = Track::new(plan, &sound)
            .inspect_err(|error| tracing::warn!(%error, "a sound cannot be encoded"))
            .ok()?;
        match self.tracks.iter().position(Option::is_none) {
            Some(free) => *self.tracks.get_mut(free)? = Some(track),
            None => self.tracks.push(Some(track)),
        }
        Some(())
    }

    /// Bytes that all tracks take when all is made of them.
    fn size(&self) -> usize {
        let plans = self.tracks.iter().flatten().map(Track::plan);
        let sizes = plans.filter_map(|plan| Some(plan.size(self.sound(plan.sound)?)));
        sizes.sum()
    }

    pub(super) fn packets(&self, seat: &Seat) -> usize {
        self.track(seat).map_or(0, Track::packets)
    }

    pub(super) fn made(&self, seat: &Seat) -> usize {
        self.track(seat).map_or(0, Track::made)
    }

    pub(super) fn payload(
        &mut self,
        seat: &Seat,
        number: usize,
        workshop: &mut Workshop,
    ) -> Option<&[u8]> {
        let track = self.tracks.get_mut(seat.track)?.as_mut()?;
        track.payload(number, workshop)
    }

    /// Payloads that were encoded, of all tracks.
    #[cfg(test)]
    pub(super) fn encoded(&self) -> usize {
        self.tracks.iter().flatten().map(Track::made).sum()
    }

    #[cfg(test)]
    pub(super) fn with_room_for(sounds: Arc<[Sound]>, max_bytes: usize) -> Self {
        Self {
            max_bytes,
            ..Self::new(sounds)
        }
    }

    fn track(&self, seat: &Seat) -> Option<&Track> {
        self.tracks.get(seat.track)?.as_ref()
    }
}
