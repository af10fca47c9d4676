//! Measures a leg: from the worker's totals to what can be said of the last second, and of the whole
//! call.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use media::event::{LegStats, SilenceCause, StreamCodec, StreamStats};
use media::ids::MediaKind;
use media::quality::{CodecImpairment, Path, buffered};

use super::quality::words;
use super::view::{DirectionQuality, HeardView, QualityView, StreamQuality};

/// A packet of sound is recorded for so long before it can be sent.
const PACKET: Duration = Duration::from_millis(20);

/// A page is told so often, and at once when the words for it change.
const TELL_INTERVAL: Duration = Duration::from_millis(1_900);

/// The measurements of a leg.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last: Option<(Instant, Vec<Totals>)>,
    view: Option<QualityView>,
    /// What its sound went through up to here.
    pub(super) uplink: Option<Uplink>,
    heard: Heard,
    told: Option<(Instant, String)>,
    /// Its sound has arrived at some time.
    pub(super) has_sounded: bool,
    /// Why its sound does not arrive, as the worker says.
    pub(super) silence: Option<SilenceCause>,
    /// How often its partner was measured while nothing could flow here.
    pub(super) unready: u8,
    /// How often its partner alone was heard.
    pub(super) one_way: u32,
}

/// Of one stream, since its leg began.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    video: bool,
    received_bytes: u64,
    received: u64,
    lost: u64,
    sent_bytes: u64,
    sent: u64,
    transcoded: u64,
    concealed: Duration,
}

/// What a stream did in the last interval.
#[derive(Debug, Clone, Copy)]
struct Interval {
    totals: Totals,
    delta: Totals,
    seconds: f64,
    /// One way between the far side and us.
    network: Duration,
}

/// What the sound of a leg went through up to here, over the last interval.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uplink {
    codec: Option<StreamCodec>,
    loss: f64,
    /// Since the leg began.
    total_loss: f64,
    jitter: Duration,
    network: Duration,
    arrives: bool,
}

/// What the far side of a leg has heard, since the leg began.
#[derive(Debug, Default)]
struct Heard {
    codec: Option<&'static str>,
    readings: u32,
    sum: f64,
    worst: Option<f64>,
    loss: Option<f64>,
    first_sound: Option<Duration>,
    first_keyframe: Option<Duration>,
}

/// What is new with a measurement, for the figures of the whole server.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    /// How good what is heard is, and in which codec.
    pub(super) mos: Option<(&'static str, f64)>,
    /// Share of sound lost on the way to us, and its jitter.
    pub(super) arriving: Option<(f64, Duration)>,
    pub(super) round_trip: Option<Duration>,
    /// From the answer to the first packet that was sent here; told once.
    pub(super) first_sound: Option<Duration>,
    pub(super) first_keyframe: Option<Duration>,
}

impl Totals {
    fn of(stream: &StreamStats) -> Self {
        Self {
            video: stream.kind == MediaKind::Video,
            received_bytes: stream.received.bytes,
            received: stream.received.packets,
            lost: stream.received.lost,
            sent_bytes: stream.sent.bytes,
            sent: stream.sent.packets,
            transcoded: stream.transcoded.packets,
            concealed: stream.transcoded.concealed,
        }
    }

    /// What came since.
    fn since(self, before: Self) -> Self {
        Self {
            video: self.video,
            received_bytes: self.received_bytes.saturating_sub(before.received_bytes),
            received: self.received.saturating_sub(before.received),
            // What was thought lost may have come late.
            lost: self.lost.saturating_sub(before.lost),
            sent_bytes: self.sent_bytes.saturating_sub(before.sent_bytes),
            sent: self.sent.saturating_sub(before.sent),
            transcoded: self.transcoded.saturating_sub(before.transcoded),
            concealed: self.concealed.saturating_sub(before.concealed),
        }
    }

    fn loss(self) -> f64 {
        share(self.lost as f64, (self.lost + self.received) as f64)
    }
}

impl Meter {
    pub(super) fn view(&self) -> Option<&QualityView> {
        self.view.as_ref()
    }

    /// Its sound arrives, or would if somebody spoke.
    pub(super) fn is_heard(&self) -> bool {
        let silence = self.silence.filter(|it| *it != SilenceCause::Paused);
        self.has_sounded && silence.is_none()
    }

    /// Of the whole call.
    pub(super) fn heard(&self) -> Option<HeardView> {
        let heard = &self.heard;
        let anything = heard.first_sound.is_some() || heard.readings > 0 || self.one_way > 0;
        anything.then(|| HeardView {
            codec: heard.codec,
            mos_average: (heard.readings > 0)
                .then(|| hundredths(heard.sum / f64::from(heard.readings))),
            mos_worst: heard.worst.map(hundredths),
            loss: heard.loss.map(ten_thousandths),
            first_sound_ms: heard.first_sound.map(millis),
            first_keyframe_ms: heard.first_keyframe.map(millis),
            one_way_times: self.one_way,
        })
    }

    /// Takes in measurements. `far` is what the sound that this side hears went through until it
    /// was here, `answered` when the call was answered.
    pub(super) fn measure(
        &mut self,
        now: Instant,
        stats: &LegStats,
        far: Option<Uplink>,
        answered: Option<Instant>,
    ) -> Reading {
        let totals: Vec<Totals> = stats.streams.iter().map(Totals::of).collect();
        let before = self.last.replace((now, totals));
        let seconds = before.as_ref().map_or(0.0, |(then, _)| {
            now.saturating_duration_since(*then).as_secs_f64()
        });
        let mut reading = Reading {
            round_trip: stats.round_trip,
            ..Reading::default()
        };
        let mut streams = Vec::with_capacity(stats.streams.len());
        for stream in &stats.streams {
            let totals = Totals::of(stream);
            let known = before.iter().flat_map(|(_, totals)| totals);
            let mut known = known.filter(|known| known.video == totals.video);
            let delta = totals.since(known.next().copied().unwrap_or_default());
            let after = |at: Option<Instant>| Some(at?.saturating_duration_since(answered?));
            let first_packet = after(stream.sent.first_packet);
            let first_keyframe = after(stream.sent.first_keyframe);
            let mut quality = StreamQuality {
                kind: if totals.video { "video" } else { "audio" },
                sent: DirectionQuality {
                    codec: stream.received.codec.map(|codec| codec.format.name()),
                    loss: Some(ten_thousandths(delta.loss())),
                    jitter_ms: Some(hundredths(in_ms(stream.received.jitter))),
                    kbps: hundredths(kbps(delta.received_bytes, seconds)),
                    first_packet_ms: after(stream.received.first_packet).map(millis),
                    first_keyframe_ms: after(stream.received.first_keyframe).map(millis),
                    ..DirectionQuality::default()
                },
                received: DirectionQuality {
                    codec: stream.sent.codec.map(|codec| codec.format.name()),
                    loss: stream
                        .reported
                        .then(|| ten_thousandths(stream.sent.fraction_lost.into())),
                    jitter_ms: stream
                        .reported
                        .then(|| hundredths(in_ms(stream.sent.jitter))),
                    kbps: hundredths(kbps(delta.sent_bytes, seconds)),
                    first_packet_ms: first_packet.map(millis),
                    first_keyframe_ms: first_keyframe.map(millis),
                    ..DirectionQuality::default()
                },
            };
            if totals.video {
                reading.first_keyframe = newly(&mut self.heard.first_keyframe, first_keyframe);
            } else {
                reading.first_sound = newly(&mut self.heard.first_sound, first_packet);
                let interval = Interval {
                    totals,
                    delta,
                    seconds,
                    network: stats.round_trip.unwrap_or_default() / 2,
                };
                self.listen(&mut quality, stream, &interval, far, &mut reading);
                self.speak(&mut quality, stream, &interval, &mut reading);
            }
            streams.push(quality);
        }
        let round_trip_ms = stats.round_trip.map(|it| hundredths(in_ms(it)));
        let mos = streams.iter().find_map(|stream| stream.received.mos);
        let words = words(&streams, round_trip_ms, mos);
        self.view = Some(QualityView {
            streams,
            round_trip_ms,
            mos,
            words,
        });
        reading
    }

    /// Judges what this side says, as it arrives here.
    fn speak(
        &mut self,
        quality: &mut StreamQuality,
        stream: &StreamStats,
        interval: &Interval,
        reading: &mut Reading,
    ) {
        let Interval {
            totals,
            delta,
            network,
            ..
        } = *interval;
        let arrives = delta.received > 0;
        let (loss, jitter) = (delta.loss(), stream.received.jitter);
        self.uplink = Some(Uplink {
            codec: stream.received.codec,
            loss,
            total_loss: totals.loss(),
            jitter,
            network,
            arrives,
        });
        self.has_sounded |= totals.received > 0;
        let impairment = stream.received.codec.and_then(CodecImpairment::of);
        if let Some(codec) = impairment.filter(|_| arrives) {
            let delay = network + PACKET + buffered(jitter);
            quality.sent.delay_ms = Some(hundredths(in_ms(delay)));
            quality.sent.mos = Some(hundredths(mos(codec, loss, delay)));
            reading.arriving = Some((loss, jitter));
        }
    }

    /// Judges what this side hears, from the far side's mouth on.
    fn listen(
        &mut self,
        quality: &mut StreamQuality,
        stream: &StreamStats,
        interval: &Interval,
        far: Option<Uplink>,
        reading: &mut Reading,
    ) {
        let Interval {
            totals,
            delta,
            seconds,
            network,
        } = *interval;
        let transcoded = delta.transcoded > 0;
        if transcoded && seconds > 0.0 {
            let concealed = share(delta.concealed.as_secs_f64(), seconds);
            quality.received.concealed = Some(ten_thousandths(concealed));
        }
        let far_is_silent = far.is_some_and(|far| !far.arrives);
        if delta.sent == 0 || far_is_silent {
            return;
        }
        let far = far.unwrap_or_default();
        let codec = match (far.codec.and_then(CodecImpairment::of), stream.sent.codec) {
            (Some(first), Some(second)) if transcoded => {
                CodecImpairment::of(second).map(|second| first.then(second))
            }
            (Some(first), _) => Some(first),
            (None, codec) => codec.and_then(CodecImpairment::of),
        };
        let Some(codec) = codec else { return };
        // A jitter buffer here hides what it can; what it could not was made up.
        let up = quality.received.concealed.unwrap_or(far.loss);
        let down = f64::from(stream.sent.fraction_lost);
        let waits = match transcoded {
            true => stream.transcoded.delay + PACKET + buffered(stream.sent.jitter),
            false => buffered(far.jitter + stream.sent.jitter),
        };
        let delay = far.network + network + PACKET + waits;
        let score = mos(codec, either(up, down), delay);
        quality.received.delay_ms = Some(hundredths(in_ms(delay)));
        quality.received.mos = Some(hundredths(score));
        let name = stream.sent.codec.map(|codec| codec.format.name());
        reading.mos = name.map(|name| (name, score));
        let heard = &mut self.heard;
        heard.codec = name.or(heard.codec);
        heard.readings = heard.readings.saturating_add(1);
        heard.sum += score;
        heard.worst = Some(heard.worst.map_or(score, |worst| worst.min(score)));
        let lost_below = stream.sent.lost.min(totals.sent);
        let below = share(lost_below as f64, totals.sent as f64);
        heard.loss = Some(either(far.total_loss, below));
    }

    /// Whether its page is to be told now.
    pub(super) fn has_news(&mut self, now: Instant) -> bool {
        let words = self.view.as_ref().map_or("", |view| view.words.as_str());
        let is_due = self.told.as_ref().is_none_or(|(at, said)| {
            said != words || now.saturating_duration_since(*at) >= TELL_INTERVAL
        });
        if is_due {
            self.told = Some((now, words.to_owned()));
        }
        is_due
    }
}

fn mos(codec: CodecImpairment, loss: f64, delay: Duration) -> f64 {
    let path = Path {
        codec,
        loss,
        burst_ratio: 1.0,
        delay,
    };
    path.mos()
}

/// Keeps the first value there is; gives it when it is new.
fn newly(kept: &mut Option<Duration>, value: Option<Duration>) -> Option<Duration> {
    if kept.is_some() {
        return None;
    }
    *kept = value;
    value
}

/// The share that is lost on one of two ways, one after the other.
fn either(a: f64, b: f64) -> f64 {
    1.0 - (1.0 - a.clamp(0.0, 1.0)) * (1.0 - b.clamp(0.0, 1.0))
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

fn kbps(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        bytes as f64 * 0.008 / seconds
    } else {
        0.0
    }
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is measured is not known better.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn ten_thousandths(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
