//! Which leg feeds which, and what sinks ask of their sources.

use std::time::Instant;

use super::{Outbox, Worker};
use crate::ids::{LegId, MediaKind};
use crate::leg::SourceReport;
use crate::patch::Feed;
use crate::plan::PatchPlan;

const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

impl Worker {
    /// Lets a leg feed another, kind by kind, as far as both have it.
    pub(super) fn patch(&mut self, now: Instant, plan: PatchPlan, out: &mut Outbox) {
        let (Some(&source), Some(&sink)) =
            (self.by_id.get(&plan.source), self.by_id.get(&plan.sink))
        else {
            return;
        };
        for kind in KINDS {
            let passes = plan.codecs.iter().any(|map| map.kind == kind);
            let is_fed = self.leg(sink).and_then(|sink| sink.fed_by(kind)) == Some(plan.source);
            if passes {
                self.feed(now, &plan, source, sink, kind, out);
            } else if is_fed {
                self.unfeed(now, sink, kind, out);
            }
        }
        let same = |it: &PatchPlan| it.source == plan.source && it.sink == plan.sink;
        self.patches.retain(|it| !same(it));
        self.patches.push(plan);
    }

    /// Ends a patch.
    pub(super) fn unpatch(&mut self, now: Instant, source: LegId, sink: LegId, out: &mut Outbox) {
        self.patches
            .retain(|it| it.source != source || it.sink != sink);
        let Some(&slot) = self.by_id.get(&sink) else {
            return;
        };
        for kind in KINDS {
            if self.leg(slot).and_then(|leg| leg.fed_by(kind)) == Some(source) {
                self.unfeed(now, slot, kind, out);
            }
        }
    }

    /// Ends all patches of a leg.
    pub(super) fn unpatch_all(&mut self, now: Instant, id: LegId, out: &mut Outbox) {
        while let Some(patch) = self
            .patches
            .iter()
            .find(|it| it.source == id || it.sink == id)
        {
            let (source, sink) = (patch.source, patch.sink);
            self.unpatch(now, source, sink, out);
        }
    }

    /// Makes the patches of a leg anew, because its plan changed.
    pub(super) fn patch_anew(&mut self, now: Instant, id: LegId, out: &mut Outbox) {
        let of_leg = |it: &&PatchPlan| it.source == id || it.sink == id;
        let plans: Vec<PatchPlan> = self.patches.iter().filter(of_leg).cloned().collect();
        for plan in plans {
            self.patch(now, plan, out);
        }
    }

    fn feed(
        &mut self,
        now: Instant,
        plan: &PatchPlan,
        source: usize,
        sink: usize,
        kind: MediaKind,
        out: &mut Outbox,
    ) {
        let from = self.leg(source).and_then(|leg| leg.plan(kind));
        let to = self.leg(sink).and_then(|leg| leg.plan(kind));
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        let feed = Feed::new(plan, from, to);
        let report = self.leg(source).and_then(|leg| leg.source_report(kind));
        // Sound that is on its way through a transcoder is not lost by a description like the last.
        let is_fed = self.leg(sink).and_then(|sink| sink.fed_by(kind)) == Some(plan.source);
        let kept = self.legs.get_mut(sink).and_then(Option::as_mut);
        let kept = kept
            .filter(|_| is_fed)
            .and_then(|leg| leg.take_transcoder(kind));
        self.unfeed(now, sink, kind, out);
        if let Some(sinks) = self.sinks_mut(source, kind) {
            sinks.push(sink);
        }
        self.with_leg(now, sink, out, |leg, cx| {
            leg.attach(now, kind, feed, kept, cx);
            if let Some(report) = report {
                leg.set_source_report(kind, report);
            }
        });
        if kind == MediaKind::Video {
            self.with_leg(now, source, out, |leg, cx| leg.want_keyframe(now, cx));
            self.limit_source(now, source, out);
        }
    }

    fn unfeed(&mut self, now: Instant, sink: usize, kind: MediaKind, out: &mut Outbox) {
        let source = self.leg(sink).and_then(|leg| leg.fed_by(kind));
        let Some(&source) = source.and_then(|source| self.by_id.get(&source)) else {
            return;
        };
        if let Some(sinks) = self.sinks_mut(source, kind) {
            sinks.retain(|it| *it != sink);
        }
        self.with_leg(now, sink, out, |leg, _| leg.detach(kind));
        if kind == MediaKind::Video {
            self.limit_source(now, source, out);
        }
    }

    pub(super) fn sinks_mut(&mut self, slot: usize, kind: MediaKind) -> Option<&mut Vec<usize>> {
        self.legs.get_mut(slot)?.as_mut()?.sinks_mut(kind)
    }

    /// Media can flow on a leg: its picture can be asked for, and it can be shown one.
    pub(super) fn on_ready(&mut self, now: Instant, slot: usize, out: &mut Outbox) {
        let feeds = self
            .sinks_mut(slot, MediaKind::Video)
            .is_some_and(|sinks| !sinks.is_empty());
        if feeds {
            self.with_leg(now, slot, out, |leg, cx| leg.want_keyframe(now, cx));
            self.limit_source(now, slot, out);
        }
        self.want_keyframe_for(now, slot, out);
    }

    /// Asks the leg that feeds `sink` for a keyframe.
    pub(super) fn want_keyframe_for(&mut self, now: Instant, sink: usize, out: &mut Outbox) {
        if let Some(source) = self.video_source_of(sink) {
            self.with_leg(now, source, out, |leg, cx| leg.want_keyframe(now, cx));
        }
    }

    /// Tells the leg that feeds `sink` what its sinks can receive.
    pub(super) fn limit_source_of(&mut self, now: Instant, sink: usize, out: &mut Outbox) {
        if let Some(source) = self.video_source_of(sink) {
            self.limit_source(now, source, out);
        }
    }

    /// Hands a source's clock to the legs it feeds.
    pub(super) fn pass_report(&mut self, source: usize, kind: MediaKind, report: SourceReport) {
        let Some(sinks) = self.sinks_mut(source, kind).map(std::mem::take) else {
            return;
        };
        for &sink in &sinks {
            if let Some(Some(leg)) = self.legs.get_mut(sink) {
                leg.set_source_report(kind, report);
            }
        }
        if let Some(place) = self.sinks_mut(source, kind) {
            *place = sinks;
        }
    }

    fn video_source_of(&self, sink: usize) -> Option<usize> {
        let source = self.leg(sink)?.fed_by(MediaKind::Video)?;
        self.by_id.get(&source).copied()
    }

    /// The least that any sink can receive limits the source.
    fn limit_source(&mut self, now: Instant, source: usize, out: &mut Outbox) {
        let Some(sinks) = self.sinks_mut(source, MediaKind::Video).map(std::mem::take) else {
            return;
        };
        let least = sinks
            .iter()
            .filter_map(|&sink| self.leg(sink)?.receivable_bitrate())
            .min();
        if let Some(place) = self.sinks_mut(source, MediaKind::Video) {
            *place = sinks;
        }
        self.with_leg(now, source, out, |leg, cx| {
            leg.limit_bitrate(now, least, cx);
        });
    }
}
