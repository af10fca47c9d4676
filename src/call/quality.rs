//! How well a leg's media flows: what pages read of it.

#[cfg(test)]
mod tests;

use media::event::LegStats;
use media::ids::LegId;

use super::switch::Switch;
use super::time::Now;
use super::view::{DirectionQuality, StreamQuality};
use crate::wcs::message::{self, ExtensionEvent};

impl Switch {
    pub(super) fn on_stats(&mut self, now: Now, stats: LegStats) {
        let leg_id = stats.leg;
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let handle = call.handle;
        let far = call.far_leg(leg_id).and_then(|far| far.meter.uplink);
        let answered = call.talk().map(|talk| talk.since.mono);
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        let reading = leg.meter.measure(now.mono, &stats, far, answered);
        let has_news = leg.meter.has_news(now.mono);
        self.figures.note(&reading);
        self.note_unready_partner(leg_id);
        let told = self.look_for_one_way(now, handle);
        if has_news && !told {
            self.tell_quality(leg_id);
        }
    }

    /// Tells a leg's page how well its media flows, and who is not heard.
    pub(super) fn tell_quality(&mut self, leg_id: LegId) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id) else { return };
        let alarm = call.one_way_sentence(leg.side);
        let view = leg.meter.view().cloned();
        self.tell_page(leg_id, |call_id| {
            let streams = view.iter().flat_map(|view| &view.streams);
            let streams = streams.map(|stream| message::StreamQuality {
                kind: stream.kind,
                sent: direction(stream.sent),
                received: direction(stream.received),
            });
            let view = view.as_ref();
            ExtensionEvent::Quality(message::Quality {
                call_id,
                streams: streams.collect(),
                round_trip_ms: view.and_then(|it| it.round_trip_ms).map(|ms| ms as f32),
                mos: view.and_then(|view| view.mos).map(|mos| mos as f32),
                words: view.map(|view| view.words.clone()).unwrap_or_default(),
                alarm,
            })
        });
    }
}

fn direction(direction: DirectionQuality) -> message::DirectionQuality {
    message::DirectionQuality {
        loss: direction.loss.map(|loss| loss as f32),
        jitter_ms: direction.jitter_ms.map(|jitter| jitter as f32),
        kbps: Some(direction.kbps as f32),
    }
}

/// The worst of what was measured, for people.
pub(super) fn words(
    streams: &[StreamQuality],
    round_trip_ms: Option<f64>,
    mos: Option<f64>,
) -> String {
    let worst =
        |of: fn(&StreamQuality) -> Option<f64>| streams.iter().filter_map(of).fold(0.0, f64::max);
    let sent = worst(|stream| stream.sent.loss);
    let received = worst(|stream| stream.received.loss);
    let jitter = worst(|stream| stream.sent.jitter_ms).max(worst(|it| it.received.jitter_ms));
    let delay = round_trip_ms.unwrap_or(0.0);
    let mos = mos.unwrap_or(4.5);
    let worst_loss = sent.max(received);
    let grade = if worst_loss >= 0.1 || mos < 3.1 || delay >= 600.0 {
        "poor"
    } else if worst_loss >= 0.02 || mos < 3.8 || delay >= 300.0 || jitter >= 60.0 {
        "fair"
    } else {
        return "good".to_owned();
    };
    let why = if worst_loss >= 0.02 && sent >= received {
        format!("{:.0} % of what you send is lost", sent * 100.0)
    } else if worst_loss >= 0.02 {
        format!(
            "{:.0} % of what you should receive is lost",
            received * 100.0
        )
    } else if delay >= 300.0 {
        format!("the way to the server takes {delay:.0} ms there and back")
    } else if jitter >= 60.0 {
        "packets arrive unevenly".to_owned()
    } else {
        "the far side's packets get lost".to_owned()
    };
    format!("{grade}: {why}")
}
