//! Digits sent as tones to a far side that knows no telephone events (ITU-T Q.23): packets of our
//! own making in place of the source's sound.

use std::time::{Duration, Instant};

use super::inbound::{Ear, Inbound};
use super::outbound::Sink;
use super::timeline::units;
use super::{Context, Leg, Stream, Taken};
use crate::codec::{AudioCodec, CodecError, Encoder, SampleRate, Settings};
use crate::dtmf::{ToneConfig, ToneGenerator, ToneListener, needs_listener};
use crate::event::Event;
use crate::ids::{LegId, MediaKind};
use crate::plan::{CodecPlan, StreamPlan};
use crate::rtp::Packet;
use crate::transcode::{Workshop, coder, packet_time};
use crate::worker::{Seat, Transcoding};

/// Ticks that are later than this are left out: the machine stood still.
const MAX_BEHIND: Duration = Duration::from_millis(100);

/// What is taken for a digit with packets lost out of it, and between two of the same.
const TONES: ToneConfig = ToneConfig {
    on: Duration::from_millis(160),
    off: Duration::from_millis(100),
    low_level: -12.0,
    high_level: -10.0,
};

/// Whatever the far side has lost so far: a digit is to arrive.
const EXPECTED_LOSS_PERCENT: u8 = 10;

/// Digits on their way out of one leg.
#[derive(Debug)]
pub(super) struct ToneSender {
    generator: ToneGenerator,
    encoder: Encoder,
    payload_type: u8,
    clock_rate: u32,
    ptime_ms: u16,
    due: Instant,
    /// Of the next packet, once one was sent.
    timestamp: Option<u32>,
    _seat: Seat,
}

/// There is nothing more to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Over;

/// A packet to be sent; its payload is in the workshop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TonePacket {
    /// The first after the source's sound.
    marker: bool,
    timestamp: u32,
    len: usize,
}

impl ToneSender {
    /// In this format of the far side.
    ///
    /// # Errors
    /// If the library of the coder fails.
    fn new(
        due: Instant,
        (codec, format): (AudioCodec, &CodecPlan),
        plan: &StreamPlan,
        seat: Seat,
    ) -> Result<Self, CodecError> {
        // The lowest will do: all tones are below 1.7 kHz.
        let rate = codec.rates().iter().min().copied();
        let rate = rate.unwrap_or(SampleRate::Hz8000);
        let settings = Settings {
            bitrate: format.encoding.max_bitrate,
            fec: true,
            expected_loss_percent: EXPECTED_LOSS_PERCENT,
            ..Settings::default()
        };
        Ok(Self {
            generator: ToneGenerator::new(rate.hz(), TONES),
            encoder: Encoder::new(codec, rate, settings)?,
            payload_type: format.send_pt,
            clock_rate: format.clock_rate,
            ptime_ms: packet_time(codec, plan.send_ptime_ms),
            due,
            timestamp: None,
            _seat: seat,
        })
    }

    /// Adds digits; anything that is none is left out.
    fn add(&mut self, digits: &str) {
        self.generator.press(digits);
    }

    /// When the next packet is due, or the last one is over.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// The packet that is due now, if one is. `begin` tells the timestamp of what begins now.
    ///
    /// # Errors
    /// [`Over`] when everything was heard: the source's sound has its place again.
    fn poll(
        &mut self,
        now: Instant,
        begin: impl FnOnce() -> u32,
        workshop: &mut Workshop,
    ) -> Result<Option<TonePacket>, Over> {
        if self.due > now {
            return Ok(None);
        }
        if !self.generator.is_active() {
            return Err(Over);
        }
        if now.saturating_duration_since(self.due) > MAX_BEHIND {
            self.due = now;
        }
        let tick = Duration::from_millis(self.ptime_ms.into());
        self.due += tick;
        let samples = self.encoder.rate().samples(self.ptime_ms);
        let (pcm, payload) = workshop.rooms();
        let pcm = pcm.get_mut(..samples).ok_or(Over)?;
        pcm.fill(0);
        self.generator.fill(pcm);
        let marker = self.timestamp.is_none();
        let timestamp = self.timestamp.unwrap_or_else(begin);
        self.timestamp = Some(timestamp.wrapping_add(units(tick, self.clock_rate)));
        let len = self.encoder.encode(pcm, payload).map_err(|_| Over)?;
        let packet = TonePacket {
            marker,
            timestamp,
            len,
        };
        // 0: nothing is to be sent in the pause.
        Ok((len > 0).then_some(packet))
    }
}

impl Leg {
    /// Sends digits as tones, or adds them to those that are being sent.
    pub(super) fn send_tones(&mut self, now: Instant, digits: &str, cx: &mut Context<'_>) {
        if self.tones.is_none() {
            let sending = self.sending(MediaKind::Audio, cx);
            self.tones = sending
                .and_then(|(stream, sink)| begin(now, stream, sink.transcoding))
                .map(Box::new);
        }
        match &mut self.tones {
            Some(tones) => tones.add(digits),
            None => {
                tracing::debug!(leg = %self.id, "no way to send digits: no media, or no coder");
            }
        }
    }

    /// Sends what is due of them.
    pub(super) fn play_tones(&mut self, now: Instant, cx: &mut Context<'_>) {
        let Some(mut tones) = self.tones.take() else {
            return;
        };
        let Some((Stream { outbound, .. }, sink)) = self.sending(MediaKind::Audio, cx) else {
            return;
        };
        let Sink {
            way, transcoding, ..
        } = sink;
        let (payload_type, clock_rate) = (tones.payload_type, tones.clock_rate);
        let line = &mut outbound.line;
        // What the source sends next has its place behind them.
        line.detach();
        let begin = || line.timestamp_now(now, clock_rate);
        let Ok(packet) = tones.poll(now, begin, &mut transcoding.workshop) else {
            return;
        };
        if let Some(packet) = packet {
            let payload = transcoding.workshop.payload(packet.len);
            outbound.clock_rate = clock_rate;
            let (marker, timestamp) = (packet.marker, packet.timestamp);
            if outbound.send_own(now, payload_type, marker, timestamp, payload, way) {
                cx.counters.rtp_sent += 1;
                cx.counters.rtp_encoded += 1;
            }
        }
        self.tones = Some(tones);
    }

    /// Does not let the tone be heard that the source sounds now: its digit was told otherwise.
    pub(crate) fn mute_tone(&mut self, now: Instant) {
        self.mutes_tone = true;
        if let Some(stream) = self.stream_mut(MediaKind::Audio) {
            stream.outbound.mute(now);
        }
    }
}

/// Tones in what the stream's far side hears, if that can be made here.
fn begin(now: Instant, stream: &Stream, transcoding: &Transcoding) -> Option<ToneSender> {
    let Stream { plan, outbound, .. } = stream;
    let able = |format: &CodecPlan| coder(format.format, format.clock_rate);
    let feed = outbound.feed.as_ref();
    let spoken = feed.and_then(|feed| feed.speech());
    let mut codecs = plan.codecs.iter();
    let spoken = spoken.and_then(|spoken| codecs.find(|it| it.send_pt == spoken));
    let mut formats = spoken.into_iter().chain(&plan.codecs);
    let (codec, format) = formats.find_map(|it| Some((able(it)?, it)))?;
    let seat = transcoding.tone_seat()?;
    let tick = Duration::from_millis(packet_time(codec, plan.send_ptime_ms).into());
    let free = outbound.line.sent().map_or(now, |sent| sent + tick);
    ToneSender::new(now.max(free), (codec, format), plan, seat)
        .inspect_err(|error| tracing::warn!(%error, "no tones"))
        .ok()
}

/// Listens for tones in a packet that was taken of the far side, where it knows no events. True if
/// one sounds that was told.
pub(super) fn listen(
    leg: LegId,
    (plan, inbound): (&StreamPlan, &mut Inbound),
    taken: Taken,
    packet: &[u8],
    cx: &mut Context<'_>,
) -> bool {
    if inbound.sinks.is_empty() {
        return false;
    }
    if let Ear::Idle = inbound.ear
        && let Some(seat) = cx.transcoding.tone_seat()
    {
        inbound.ear = Ear::Listening(Box::new(ToneListener::new(plan, seat)));
    }
    let Ear::Listening(listener) = &mut inbound.ear else {
        return false;
    };
    if taken.restarted {
        listener.restart();
    }
    if let Ok(packet) = Packet::parse(packet) {
        let (events, counters) = (&mut cx.events, &mut cx.counters);
        listener.hear(&packet, &mut cx.transcoding.workshop, |digit| {
            events.push(Event::Digit(leg, digit), counters);
        });
    }
    listener.is_sounding()
}

impl Ear {
    /// Takes in the plan of its stream, the first or a later one.
    pub(super) fn adopt(&mut self, plan: &StreamPlan) {
        match self {
            Self::Listening(listener) if listener.fits(plan) => {}
            _ if needs_listener(plan) => *self = Self::Idle,
            _ => *self = Self::Unneeded,
        }
    }
}
