//! The receiving half of a transcoder: packets in, sound at an even pace out.

use std::time::{Duration, Instant};

use super::Workshop;
use super::plan::{SourceFormat, SourceFormats};
use crate::codec::comfort_noise::ComfortNoise;
use crate::codec::resample::Resampler;
use crate::codec::{AudioCodec, Decoder, SampleRate};
use crate::playout::{
    Arrived, Calm, JitterBuffer, Play, PlayoutConfig, PlayoutStats, Queued, SoundQueue, Stretch,
};
use crate::rtp::Packet;

/// Each payload in the buffer follows its SSRC and timestamp: with them it can be told when what
/// is sent was recorded.
const STAMP_LEN: usize = 8;

/// Steps of a tick: 10 ms each at the least, but for packets that do not decode, of which there are
/// no more than the buffer holds.
const MAX_TURNS: usize = 80;

/// Holds, decodes and evens out what a source sends.
#[derive(Debug)]
pub(crate) struct Receiver {
    rate: SampleRate,
    buffer: JitterBuffer,
    decoder: Option<Decoder>,
    /// From the decoder's rate to `rate`, where it does not run at that.
    resampler: Option<Resampler>,
    /// Of a source that describes its silence itself (RFC 3389), since it did so last.
    noise: Option<ComfortNoise>,
    /// Decoded sound that waits to be encoded, at `rate`.
    queue: SoundQueue,
    /// How many samples of that, from the first on, end with the last that is not silence.
    audible: usize,
    calm: Calm,
    origin: Option<Origin>,
    /// Payloads that no decoder took.
    pub(super) malformed: u64,
}

/// When sound was recorded, on its source's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) ssrc: u32,
    /// Of the first sample of the packet decoded last.
    pub(super) timestamp: u32,
    pub(super) clock_rate: u32,
    /// Samples from what is taken out next to that one.
    pub(super) ahead: i64,
}

impl Receiver {
    /// All memory that it needs, and the decoder that is the likeliest. It gives sound of `rate`.
    pub(crate) fn new(rate: SampleRate, source: &SourceFormats, playout: PlayoutConfig) -> Self {
        let mut receiver = Self {
            rate,
            buffer: JitterBuffer::new(playout),
            decoder: None,
            resampler: None,
            noise: None,
            queue: SoundQueue::new(rate.hz()),
            audible: 0,
            calm: Calm::default(),
            origin: None,
            malformed: 0,
        };
        if let Some(source) = source.likeliest() {
            receiver.use_decoder(source);
        }
        receiver
    }

    /// Takes a packet of one of the source's formats, or of its comfort noise.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        formats: &SourceFormats,
        workshop: &mut Workshop,
    ) {
        let (header, payload) = (&packet.header, packet.payload());
        let source = formats.of(header.payload_type);
        let (clock_rate, duration) = match source {
            Some(source) => match source.duration(payload) {
                Some(units) => (source.clock_rate, Some(units)),
                None => {
                    self.malformed += 1;
                    return;
                }
            },
            // RFC 3389 4: it describes what follows, however long that is.
            None if formats.noise == Some(header.payload_type) => (8_000, None),
            None => return,
        };
        let len = STAMP_LEN + payload.len();
        let Some(stamped) = workshop.payload.get_mut(..len) else {
            return;
        };
        let (stamp, rest) = stamped.split_at_mut(STAMP_LEN);
        let (ssrc, timestamp) = stamp.split_at_mut(4);
        ssrc.copy_from_slice(&header.ssrc.to_be_bytes());
        timestamp.copy_from_slice(&header.timestamp.to_be_bytes());
        rest.copy_from_slice(payload);
        self.buffer.insert(&Arrived {
            at: now,
            ssrc: header.ssrc,
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            payload_type: header.payload_type,
            marker: header.marker,
            clock_rate,
            duration,
            silence: source.is_none_or(|source| source.is_silence(payload)),
            repairs: source.is_some_and(|source| source.codec.repairs(payload)),
            payload: stamped,
        });
    }

    /// Writes so many samples of what is to be heard next to `workshop`. False if all of it is
    /// silence in which nothing is to be sent.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        samples: usize,
        tick: Duration,
        formats: &SourceFormats,
        workshop: &mut Workshop,
    ) -> bool {
        // Each turn adds 10 ms or more, but for a packet that does not decode.
        for _ in 0..MAX_TURNS {
            if self.queue.len() >= samples {
                break;
            }
            if self.add(now, tick, formats, workshop) {
                self.audible = self.queue.len();
            }
        }
        let is_audible = self.audible > 0;
        self.audible = self.audible.saturating_sub(samples);
        if let Some(out) = workshop.decoded.get_mut(..samples) {
            self.queue.take(out);
        }
        if let Some(origin) = &mut self.origin {
            origin.ahead = origin.ahead.saturating_sub(samples as i64);
        }
        is_audible
    }

    /// When what is taken out next was recorded.
    pub(super) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    pub(super) fn stats(&self) -> PlayoutStats {
        self.buffer.stats()
    }

    /// The delay that is added here.
    pub(super) fn delay(&self) -> Duration {
        self.buffer.delay()
    }

    /// Forgets what waits: what comes next has nothing to do with it.
    pub(crate) fn restart(&mut self) {
        self.buffer.restart();
        self.queue.clear();
        self.audible = 0;
        self.origin = None;
        self.noise = None;
    }

    /// Adds what is to be heard next to the queue.
    fn add(
        &mut self,
        now: Instant,
        tick: Duration,
        formats: &SourceFormats,
        workshop: &mut Workshop,
    ) -> bool {
        let step = self.buffer.poll(now, self.queue.duration(), tick);
        let hurried = step.hurried;
        let mut stretch = Stretch::Keep;
        let mut resumes = false;
        // Noise is made at `rate`, sound at the decoder's.
        let mut is_noise = false;
        let made = match step.play {
            Play::Packet(packet) => {
                let Some((stamp, payload)) = packet.payload.split_first_chunk::<STAMP_LEN>() else {
                    return false;
                };
                (stretch, resumes) = (step.stretch, packet.resumes);
                let (stamp, duration, payload_type) =
                    (*stamp, packet.duration, packet.payload_type);
                let Some(payload) = workshop.payload.get_mut(..payload.len()).map(|copy| {
                    copy.copy_from_slice(payload);
                    &*copy
                }) else {
                    return false;
                };
                match formats.of(payload_type) {
                    Some(source) => {
                        let ahead = self.queue.len();
                        self.origin = Some(Origin::read(stamp, source.clock_rate, ahead));
                        self.noise = None;
                        self.use_decoder(source);
                        decode(
                            &mut self.decoder,
                            payload,
                            &mut self.malformed,
                            &mut workshop.decoded,
                        )
                    }
                    None => {
                        let noise = self.noise.get_or_insert_default();
                        noise.update(payload);
                        is_noise = true;
                        make_noise(noise, duration, self.rate, &mut workshop.decoded)
                    }
                }
            }
            Play::Recover { next, missing } => {
                recover(&mut self.decoder, next, missing, &mut workshop.decoded)
            }
            Play::Conceal(missing) => conceal(&mut self.decoder, missing, &mut workshop.decoded),
            Play::Comfort(gap) => match &mut self.noise {
                Some(noise) => {
                    is_noise = true;
                    make_noise(noise, gap, self.rate, &mut workshop.decoded)
                }
                // Coders that say nothing in silence make a noise of their own of it.
                None => conceal(&mut self.decoder, gap, &mut workshop.decoded),
            },
            Play::Silence(gap) => {
                self.queue.push_silence(samples_of(gap, self.rate));
                return false;
            }
        };
        let resampler = self.resampler.as_mut().filter(|_| !is_noise);
        let Workshop {
            decoded,
            made: at_rate,
            ..
        } = workshop;
        let made = match resampler {
            Some(resampler) => {
                let pcm = decoded.get(..made).unwrap_or_default();
                let made = resampler.process(pcm, at_rate).unwrap_or_default();
                at_rate.get_mut(..made)
            }
            None => decoded.get_mut(..made),
        };
        let made = made.unwrap_or_default();
        let stretch = self.calm.choose(stretch, hurried, made);
        self.queue.pause_below(self.calm.pause_level());
        self.queue.push(made, stretch, resumes);
        true
    }

    /// Sees to it that the decoder is one of this format. Another one takes its place where the
    /// source changes its payload type.
    fn use_decoder(&mut self, source: SourceFormat) {
        if self
            .decoder
            .as_ref()
            .is_some_and(|it| it.codec() == source.codec)
        {
            return;
        }
        let native = source.codec.rates().first().copied().unwrap_or(self.rate);
        let rate = match source.codec.runs_at(self.rate) {
            true => self.rate,
            false => native,
        };
        self.resampler = (rate != self.rate).then(|| Resampler::new(rate, self.rate));
        self.decoder = Decoder::new(source.codec, rate)
            .inspect_err(|error| tracing::warn!(%error, "no decoder"))
            .ok();
    }
}

impl Origin {
    fn read(stamp: [u8; STAMP_LEN], clock_rate: u32, ahead: usize) -> Self {
        let [s0, s1, s2, s3, t0, t1, t2, t3] = stamp;
        Self {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            clock_rate,
            ahead: ahead as i64,
        }
    }
}

impl SourceFormat {
    /// How long a payload lasts, in units of the timestamp; `None` if it is none.
    fn duration(&self, payload: &[u8]) -> Option<u32> {
        let rate = self.codec.rates().first().copied()?;
        let samples = self.codec.samples_of(payload, rate).ok()?;
        let units = samples as u64 * u64::from(self.clock_rate) / u64::from(rate.hz());
        u32::try_from(units).ok()
    }

    /// It says that nothing need follow until somebody speaks.
    fn is_silence(&self, payload: &[u8]) -> bool {
        match self.codec {
            AudioCodec::Pcmu
            | AudioCodec::Pcma
            | AudioCodec::G722
            | AudioCodec::Speex(_)
            | AudioCodec::L16(_) => false,
            // A description of silence is 2 bytes behind frames of 10 (RFC 3551 4.5.6).
            AudioCodec::G729 => payload.len() % 10 == 2,
            // Frames without anything in them (RFC 6716 3.1, DTX).
            AudioCodec::Opus => payload.len() <= 2,
        }
    }
}

fn decode(
    decoder: &mut Option<Decoder>,
    payload: &[u8],
    malformed: &mut u64,
    out: &mut [i16],
) -> usize {
    let Some(decoder) = decoder else { return 0 };
    let decoded = decoder.decode(payload, out);
    decoded.unwrap_or_else(|_| {
        *malformed += 1;
        0
    })
}

fn recover(
    decoder: &mut Option<Decoder>,
    next: Queued<'_>,
    missing: Duration,
    out: &mut [i16],
) -> usize {
    let Some((decoder, gap)) = gap(decoder, missing, out) else {
        return 0;
    };
    match next.payload.get(STAMP_LEN..) {
        Some(next) => {
            decoder.recover(next, gap);
        }
        None => decoder.conceal(gap),
    }
    gap.len()
}

fn conceal(decoder: &mut Option<Decoder>, missing: Duration, out: &mut [i16]) -> usize {
    let Some((decoder, gap)) = gap(decoder, missing, out) else {
        return 0;
    };
    decoder.conceal(gap);
    gap.len()
}

/// The decoder, and room for so much of its sound.
fn gap<'a>(
    decoder: &'a mut Option<Decoder>,
    missing: Duration,
    out: &'a mut [i16],
) -> Option<(&'a mut Decoder, &'a mut [i16])> {
    let decoder = decoder.as_mut()?;
    let samples = samples_of(missing, decoder.rate()).min(out.len());
    Some((decoder, out.get_mut(..samples)?))
}

fn make_noise(
    noise: &mut ComfortNoise,
    duration: Duration,
    rate: SampleRate,
    out: &mut [i16],
) -> usize {
    let samples = samples_of(duration, rate).min(out.len());
    if let Some(out) = out.get_mut(..samples) {
        noise.generate(out);
    }
    samples
}

fn samples_of(duration: Duration, rate: SampleRate) -> usize {
    let samples = duration.as_micros() * u128::from(rate.hz()) / 1_000_000;
    usize::try_from(samples).unwrap_or_default()
}
