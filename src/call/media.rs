//! What the media worker reports, and what it means for calls.

use media::event::{Event, Failure};
use media::ids::{LegId, MediaKind};

use super::end::{EndReason, Side};
use super::leg::{LegOrder, LegState, MediaState};
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;

impl Switch {
    pub(super) fn on_media(&mut self, now: Now, event: Event) {
        match event {
            Event::IceConnected(leg) => self.note_media(leg, MediaState::Connected),
            Event::MediaReady(leg) => self.on_media_ready(now, leg),
            Event::FirstPacket(leg, kind) => {
                tracing::debug!(%leg, %kind, "first packet");
                if kind == MediaKind::Audio {
                    self.on_sound_heard(now, leg);
                }
            }
            Event::Silent(leg, kind, since, cause) => {
                let (silent_ms, why) = (since.as_millis(), cause.as_str());
                tracing::debug!(%leg, %kind, silent_ms, why, "nothing arrives");
                if kind == MediaKind::Audio {
                    self.on_sound_missing(now, leg, cause);
                }
            }
            Event::Heard(leg, kind) => {
                tracing::debug!(%leg, %kind, "it arrives again");
                if kind == MediaKind::Audio {
                    self.on_sound_heard(now, leg);
                }
            }
            Event::SoundEnded(leg) => self.on_sound_ended(now, leg),
            Event::PortsOpen { worker, ports } => self.pool.ports_are_open(worker, ports),
            Event::Digit(leg, digit) => self.on_key_heard(now, leg, digit),
            Event::KeyframeWanted(leg) => self.tell(leg, LegOrder::SendPicture),
            Event::Closed(leg) => self.on_media_closed(now, leg),
            Event::Failed(leg, failure) => self.on_media_failed(now, leg, failure),
            Event::Stats(stats) => self.on_stats(now, *stats),
        }
    }

    fn note_media(&mut self, leg_id: LegId, state: MediaState) {
        let leg = self
            .calls
            .of_leg_mut(leg_id)
            .and_then(|call| call.leg_mut(leg_id));
        if let Some(leg) = leg {
            leg.media = leg.media.max(state);
        }
    }

    fn on_media_ready(&mut self, now: Now, leg_id: LegId) {
        self.note_media(leg_id, MediaState::Ready);
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let ready = |id: LegId| {
            call.leg(id)
                .is_some_and(|leg| leg.media == MediaState::Ready)
        };
        let Some(talk) = call.talk() else { return };
        if talk.ready_after.is_some() || !ready(talk.caller_leg) || !ready(talk.callee_leg) {
            return;
        }
        let after = now.mono.saturating_duration_since(talk.since.mono);
        if let Some(talk) = call.talk_mut() {
            talk.ready_after = Some(after);
        }
        tracing::info!(call = %call.id, after_ms = after.as_millis(), "media flows");
        let (handle, view) = (call.handle, call.view());
        self.tell_media(handle);
        self.outputs.notify(Notice::CallChanged(view));
    }

    /// A page closed its peer connection. The Web SDK does so before its `hangup` arrives, and
    /// also when it gives up in silence: the former gets a moment.
    fn on_media_closed(&mut self, now: Now, leg_id: LegId) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        leg.media = MediaState::Dead;
        if leg.is_confirmed() && leg.go(LegState::Ending { by_us: false }) {
            let due = now.mono + self.config.timing.media_closed;
            self.timers.arm(Timer::MediaClosed(leg_id), due);
        }
    }

    pub(super) fn on_media_closed_for_good(&mut self, now: Now, leg_id: LegId) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id) else { return };
        self.end_call(now, call.handle, EndReason::MediaClosed(leg.side));
    }

    fn on_media_failed(&mut self, now: Now, leg_id: LegId, failure: Failure) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let handle = call.handle;
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        leg.media = MediaState::Dead;
        let (side, pending) = (leg.side, leg.is_pending());
        let reason = match leg.state() {
            // It said goodbye before: that is the truth behind the failure.
            LegState::Ending { .. } => EndReason::MediaClosed(side),
            _ => EndReason::Media(side, failure),
        };
        if pending && side == Side::Callee {
            self.end_leg(leg_id, reason.clone());
            self.end_if_nobody_rings(now, handle, reason);
        } else {
            self.end_call(now, handle, reason);
        }
    }
}
