//! How well a leg's media flows: from the worker's totals to what people and pages read.

#[cfg(test)]
mod tests;

use std::time::Instant;

use media::event::{DirectionStats, LegStats, StreamStats};
use media::ids::{LegId, MediaKind};

use super::switch::Switch;
use super::time::Now;
use super::view::{DirectionQuality, QualityView, StreamQuality};
use crate::wcs::message::{self, ExtensionEvent};

/// The last measurements of a leg.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last: Option<(Instant, Vec<Totals>)>,
    view: Option<QualityView>,
}

#[derive(Debug, Clone, Copy)]
struct Totals {
    kind: MediaKind,
    received: u64,
    sent: u64,
}

impl Meter {
    pub(super) fn view(&self) -> Option<&QualityView> {
        self.view.as_ref()
    }

    /// Takes in measurements. `uplink_loss` is the share of audio that is lost between the far
    /// side and us, so that it never gets here.
    fn measure(&mut self, now: Instant, stats: &LegStats, uplink_loss: f64) -> &QualityView {
        let totals = stats.streams.iter().map(|stream| Totals {
            kind: stream.kind,
            received: stream.received.bytes,
            sent: stream.sent.bytes,
        });
        let before = self.last.replace((now, totals.collect()));
        let streams = stats
            .streams
            .iter()
            .map(|stream| quality(stream, before.as_ref(), now));
        let streams: Vec<StreamQuality> = streams.collect();
        let round_trip_ms = stats
            .round_trip
            .map(|round_trip| round_trip.as_secs_f64() * 1000.0);
        let audio = streams.iter().find(|stream| stream.kind == "audio");
        let mos = audio
            .filter(|audio| audio.received.kbps > 0.0)
            .map(|audio| {
                let loss = 1.0 - (1.0 - audio.received.loss) * (1.0 - uplink_loss);
                mean_opinion_score(loss, round_trip_ms.unwrap_or(0.0), audio.received.jitter_ms)
            });
        let words = words(&streams, round_trip_ms, mos);
        self.view.insert(QualityView {
            streams,
            round_trip_ms,
            mos,
            words,
        })
    }

    /// The share of its audio that is lost on the way to us.
    fn uplink_loss(&self) -> f64 {
        let streams = self.view.iter().flat_map(|view| &view.streams);
        let mut audio = streams.filter(|stream| stream.kind == "audio");
        audio.next().map_or(0.0, |audio| audio.sent.loss)
    }
}

impl Switch {
    pub(super) fn on_stats(&mut self, now: Now, stats: LegStats) {
        let leg_id = stats.leg;
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let uplink_loss = call
            .far_leg(leg_id)
            .map_or(0.0, |far| far.meter.uplink_loss());
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        let view = leg.meter.measure(now.mono, &stats, uplink_loss).clone();
        self.tell_quality(leg_id, view);
    }

    fn tell_quality(&mut self, leg: LegId, view: QualityView) {
        self.tell_page(leg, |call_id| {
            let streams = view.streams.iter().map(|stream| message::StreamQuality {
                kind: stream.kind,
                sent: direction(stream.sent),
                received: direction(stream.received),
            });
            ExtensionEvent::Quality(message::Quality {
                call_id,
                streams: streams.collect(),
                round_trip_ms: view.round_trip_ms.map(|ms| ms as f32),
                mos: view.mos.map(|mos| mos as f32),
                words: view.words,
            })
        });
    }
}

fn direction(direction: DirectionQuality) -> message::DirectionQuality {
    message::DirectionQuality {
        loss: Some(direction.loss as f32),
        jitter_ms: Some(direction.jitter_ms as f32),
        kbps: Some(direction.kbps as f32),
    }
}

/// Both directions of a stream as the leg's far side sees them: what we receive, it sends.
fn quality(
    stream: &StreamStats,
    before: Option<&(Instant, Vec<Totals>)>,
    now: Instant,
) -> StreamQuality {
    let rates = before.and_then(|(then, totals)| {
        let seconds = now.saturating_duration_since(*then).as_secs_f64();
        let totals = totals.iter().find(|totals| totals.kind == stream.kind)?;
        let kbps = |total: u64, before: u64| total.saturating_sub(before) as f64 * 0.008 / seconds;
        (seconds > 0.0).then(|| {
            (
                kbps(stream.received.bytes, totals.received),
                kbps(stream.sent.bytes, totals.sent),
            )
        })
    });
    let (sent, received) = rates.unwrap_or((0.0, 0.0));
    let direction = |stats: DirectionStats, kbps: f64| DirectionQuality {
        loss: f64::from(stats.fraction_lost).clamp(0.0, 1.0),
        jitter_ms: stats.jitter.as_secs_f64() * 1000.0,
        kbps,
    };
    StreamQuality {
        kind: match stream.kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        },
        sent: direction(stream.received, sent),
        received: direction(stream.sent, received),
    }
}

/// The E-model (ITU-T G.107) with its default values, reduced to delay (G.107 7.4, in the
/// approximation of Cole and Rosenbluth) and loss (7.5), for a codec with concealment
/// (G.113: Ie 0, Bpl 25.1). Delay is half the round trip, 20 ms of packetisation and a jitter
/// buffer of twice the jitter, at least 20 ms.
fn mean_opinion_score(loss: f64, round_trip_ms: f64, jitter_ms: f64) -> f64 {
    let delay = round_trip_ms / 2.0 + 20.0 + (2.0 * jitter_ms).max(20.0);
    let by_delay = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let by_loss = 95.0 * percent / (percent + 25.1);
    let rating = (93.2 - by_delay - by_loss).clamp(0.0, 100.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).clamp(1.0, 4.5)
}

/// The worst of what was measured, for people.
fn words(streams: &[StreamQuality], round_trip_ms: Option<f64>, mos: Option<f64>) -> String {
    let worst = |of: fn(&StreamQuality) -> DirectionQuality| {
        streams
            .iter()
            .map(|stream| of(stream).loss)
            .fold(0.0, f64::max)
    };
    let (sent, received) = (worst(|stream| stream.sent), worst(|stream| stream.received));
    let jitter = streams
        .iter()
        .map(|stream| stream.sent.jitter_ms.max(stream.received.jitter_ms));
    let jitter = jitter.fold(0.0, f64::max);
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
