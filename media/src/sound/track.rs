//! A sound in one format: encoded packet by packet when the first leg comes to it, and kept for all
//! that come after.

use std::sync::Arc;

use super::{Sound, SoundId};
use crate::codec::resample::Resampler;
use crate::codec::{AudioCodec, CodecError, Encoder, MAX_PACKET_SAMPLES, SampleRate, Settings};
use crate::transcode::Workshop;

/// Which sound, in which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrackPlan {
    pub(super) sound: SoundId,
    pub(super) codec: AudioCodec,
    pub(super) ptime_ms: u16,
    /// Bits a second at the most.
    pub(super) bitrate: Option<u32>,
}

/// The payloads that there are of it so far.
#[derive(Debug)]
pub(super) struct Track {
    plan: TrackPlan,
    /// How many it has when all are made.
    packets: usize,
    payloads: Vec<u8>,
    /// Where each payload ends.
    ends: Vec<u32>,
    /// Until all are made.
    maker: Option<Maker>,
    /// One more is with each leg that hears it.
    listeners: Arc<()>,
}

/// Makes one payload after another.
#[derive(Debug)]
struct Maker {
    sound: Sound,
    encoder: Encoder,
    resampler: Option<Resampler>,
    /// The next sample of the sound.
    next: usize,
}

impl TrackPlan {
    /// The rate that the encoder runs at: that of the sound if it can, else the next above it, so
    /// that nothing of it is lost.
    fn rate(&self, sound: &Sound) -> SampleRate {
        let rates = self.codec.rates();
        let mut enough: Vec<SampleRate> = rates
            .iter()
            .copied()
            .filter(|it| *it >= sound.rate)
            .collect();
        enough.sort_unstable();
        let best = enough.first().or(rates.first()).copied();
        best.unwrap_or(SampleRate::Hz8000)
    }

    fn packets(&self, sound: &Sound) -> usize {
        sound
            .pcm
            .len()
            .div_ceil(sound.rate.samples(self.ptime_ms).max(1))
    }

    /// About how many bytes it takes when all is made, rather more than fewer.
    pub(super) fn size(&self, sound: &Sound) -> usize {
        let bytes_per_s = match self.codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::G722 => 8_000,
            AudioCodec::G729 => 1_000,
            AudioCodec::Speex(_) | AudioCodec::Opus => 10_000,
            AudioCodec::L16(rate) => 2 * rate.per_ms() * 1000,
        };
        let seconds = sound.pcm.len() / (sound.rate.per_ms() * 1000) + 1;
        seconds * bytes_per_s + self.packets(sound) * size_of::<u32>()
    }
}

impl Track {
    pub(super) fn new(plan: TrackPlan, sound: &Sound) -> Result<Self, CodecError> {
        let rate = plan.rate(sound);
        let settings = Settings {
            bitrate: plan.bitrate,
            ..Settings::default()
        };
        let resampler = (rate != sound.rate).then(|| Resampler::new(sound.rate, rate));
        Ok(Self {
            plan,
            packets: plan.packets(sound),
            payloads: Vec::new(),
            ends: Vec::new(),
            maker: Some(Maker {
                encoder: Encoder::new(plan.codec, rate, settings)?,
                resampler,
                next: 0,
                sound: sound.clone(),
            }),
            listeners: Arc::new(()),
        })
    }

    pub(super) fn plan(&self) -> &TrackPlan {
        &self.plan
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    /// Payloads that were made.
    pub(super) fn made(&self) -> usize {
        self.ends.len()
    }

    /// A listener more.
    pub(super) fn seat(&self) -> Arc<()> {
        Arc::clone(&self.listeners)
    }

    pub(super) fn is_heard(&self) -> bool {
        Arc::strong_count(&self.listeners) > 1
    }

    /// A payload; made now if it is the next one. `None` if it is further ahead, or past the end.
    pub(super) fn payload(&mut self, number: usize, workshop: &mut Workshop) -> Option<&[u8]> {
        if number == self.ends.len() && number < self.packets {
            self.make(workshop);
        }
        let end = *self.ends.get(number)? as usize;
        let before = number.checked_sub(1).and_then(|it| self.ends.get(it));
        let start = before.map_or(0, |end| *end as usize);
        self.payloads.get(start..end)
    }

    fn make(&mut self, workshop: &mut Workshop) {
        let Some(maker) = &mut self.maker else { return };
        // What cannot be encoded is left out, as a packet without payload.
        if let Some(payload) = maker.make(self.plan.ptime_ms, workshop) {
            self.payloads.extend_from_slice(payload);
        }
        self.ends
            .push(u32::try_from(self.payloads.len()).unwrap_or(u32::MAX));
        if self.ends.len() >= self.packets {
            self.maker = None;
            self.payloads.shrink_to_fit();
        }
    }
}

impl Maker {
    fn make<'a>(&mut self, ptime_ms: u16, workshop: &'a mut Workshop) -> Option<&'a [u8]> {
        let len = self.sound.rate.samples(ptime_ms).min(MAX_PACKET_SAMPLES);
        let rest = self.sound.pcm.get(self.next..).unwrap_or_default();
        self.next += len;
        let (read, made, payload) = workshop.parts();
        let read = read.get_mut(..len)?;
        // Behind the end is silence.
        read.fill(0);
        for (to, from) in read.iter_mut().zip(rest) {
            *to = *from;
        }
        let pcm: &[i16] = match &mut self.resampler {
            Some(resampler) => {
                let len = resampler.process(read, made)?;
                made.get(..len)?
            }
            None => read,
        };
        let len = self.encoder.encode(pcm, payload).ok()?;
        payload.get(..len)
    }
}
