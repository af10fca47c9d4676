//! Phones with a coder of their own, which say a tone and hear one.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use media::codec::{
    AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings, SpeexBand,
};
use media::ids::{LegId, MediaKind};
use media::plan::{
    CodecMap, CodecPlan, Command, Encoding, Feedback, Format, LegPlan, Passage, PatchPlan,
};
use media::rtp::is_rtcp;

use super::packets::Rtp;
use super::phone::Phone;
use super::world::World;

/// A format as a phone numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speech {
    pub format: Format,
    pub codec: AudioCodec,
    pub payload_type: u8,
    pub clock_rate: u32,
    /// At which the phone's own coder runs.
    pub rate: SampleRate,
}

pub const PCMU: Speech = Speech {
    format: Format::Pcmu,
    codec: AudioCodec::Pcmu,
    payload_type: 0,
    clock_rate: 8_000,
    rate: SampleRate::Hz8000,
};

pub const PCMA: Speech = Speech {
    format: Format::Pcma,
    codec: AudioCodec::Pcma,
    payload_type: 8,
    ..PCMU
};

pub const OPUS: Speech = Speech {
    format: Format::Opus,
    codec: AudioCodec::Opus,
    payload_type: 111,
    clock_rate: 48_000,
    rate: SampleRate::Hz48000,
};

pub const SPEEX: Speech = Speech {
    format: Format::Speex,
    codec: AudioCodec::Speex(SpeexBand::Narrow),
    payload_type: 113,
    ..PCMU
};

pub const SPEEX_WIDE: Speech = Speech {
    format: Format::Speex,
    codec: AudioCodec::Speex(SpeexBand::Wide),
    payload_type: 112,
    clock_rate: 16_000,
    rate: SampleRate::Hz16000,
};

pub const SPEEX_ULTRA_WIDE: Speech = Speech {
    format: Format::Speex,
    codec: AudioCodec::Speex(SpeexBand::UltraWide),
    payload_type: 115,
    clock_rate: 32_000,
    rate: SampleRate::Hz32000,
};

pub const G722: Speech = Speech {
    format: Format::G722,
    codec: AudioCodec::G722,
    payload_type: 9,
    // Though it samples at 16 kHz (RFC 3551 4.5.2).
    clock_rate: 8_000,
    rate: SampleRate::Hz16000,
};

pub const G729: Speech = Speech {
    format: Format::G729,
    codec: AudioCodec::G729,
    payload_type: 18,
    ..PCMU
};

pub const L16: Speech = Speech {
    format: Format::L16,
    codec: AudioCodec::L16(SampleRate::Hz16000),
    payload_type: 96,
    clock_rate: 16_000,
    rate: SampleRate::Hz16000,
};

/// Events at the clock of the format.
pub fn events_of(speech: Speech) -> u8 {
    match speech.clock_rate {
        48_000 => 110,
        16_000 => 109,
        _ => 101,
    }
}

/// A phone that talks.
pub struct Voice {
    pub phone: Phone,
    pub speech: Speech,
    encoder: Encoder,
    pub number: u16,
    pub timestamp: u32,
    /// Samples said.
    said: u64,
}

fn codec_plan(payload_type: u8, clock_rate: u32, format: Format) -> CodecPlan {
    CodecPlan {
        receive_pt: payload_type,
        send_pt: payload_type,
        clock_rate,
        format,
        rtx: None,
        feedback: Feedback::default(),
        encoding: Encoding::default(),
        parameter_sets: None,
    }
}

impl Voice {
    pub fn new(id: u64, speech: Speech) -> Self {
        Self {
            phone: Phone::new(id),
            encoder: encoder(speech),
            speech,
            number: 100,
            timestamp: 5_000,
            said: 0,
        }
    }

    pub fn leg(&self) -> LegId {
        self.phone.leg()
    }

    /// Its leg, with further formats that it may send.
    pub fn plan(&self, others: &[Speech]) -> LegPlan {
        let mut plan = self.phone.plan(false);
        let all = std::iter::once(&self.speech).chain(others);
        let mut codecs: Vec<CodecPlan> = all
            .map(|it| codec_plan(it.payload_type, it.clock_rate, it.format))
            .collect();
        codecs.push(codec_plan(
            events_of(self.speech),
            self.speech.clock_rate.min(48_000),
            Format::TelephoneEvent,
        ));
        plan.streams[0].codecs = codecs;
        plan
    }

    /// Its leg, if it knows no telephone events.
    pub fn plan_without_events(&self) -> LegPlan {
        let mut plan = self.plan(&[]);
        let codecs = &mut plan.streams[0].codecs;
        codecs.retain(|codec| codec.format != Format::TelephoneEvent);
        plan
    }

    /// A packet of a telephone event, in the place of the next 20 ms.
    pub fn event(&mut self, timestamp: u32, payload: [u8; 4]) -> Rtp {
        let events = events_of(self.speech);
        let packet = Rtp::new(events, self.phone.ssrc, self.number, timestamp);
        self.number = self.number.wrapping_add(1);
        packet.payload(&payload)
    }

    /// It speaks in another format from now on.
    pub fn change(&mut self, speech: Speech) {
        self.encoder = encoder(speech);
        self.speech = speech;
    }

    /// It lets what is lost be recovered out of what comes next, where its coder can.
    pub fn expecting_loss(mut self, percent: u64) -> Self {
        let settings = Settings {
            fec: percent > 0,
            expected_loss_percent: percent.try_into().unwrap(),
            ..settings()
        };
        self.encoder = Encoder::new(self.speech.codec, self.speech.rate, settings).unwrap();
        self
    }

    /// The next 20 ms of a tone.
    pub fn packet(&mut self, hz: f64, amplitude: f64) -> Rtp {
        let samples = self.speech.rate.samples(20);
        let rate = f64::from(self.speech.rate.hz());
        let pcm: Vec<i16> = (0..samples as u64)
            .map(|n| (amplitude * (TAU * hz * (self.said + n) as f64 / rate).sin()) as i16)
            .collect();
        self.said += samples as u64;
        self.say(&pcm)
    }

    /// The next 20 ms, of this.
    pub fn say(&mut self, pcm: &[i16]) -> Rtp {
        let mut payload = vec![0; MAX_PAYLOAD];
        let len = self.encoder.encode(pcm, &mut payload).unwrap();
        payload.truncate(len);
        let packet = Rtp::new(
            self.speech.payload_type,
            self.phone.ssrc,
            self.number,
            self.timestamp,
        );
        self.number = self.number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.speech.clock_rate / 50);
        packet.payload(&payload)
    }
}

fn encoder(speech: Speech) -> Encoder {
    Encoder::new(speech.codec, speech.rate, settings()).unwrap()
}

fn settings() -> Settings {
    Settings {
        bitrate: Some(32_000),
        ..Settings::default()
    }
}

/// Feeds one voice from another.
pub fn transcode(source: &Voice, others: &[Speech], sink: &Voice) -> PatchPlan {
    let all = std::iter::once(&source.speech).chain(others);
    let map = |from_pt, to_pt, passage| CodecMap {
        kind: MediaKind::Audio,
        from_pt,
        to_pt,
        passage,
    };
    let mut codecs: Vec<CodecMap> = all
        .map(|from| {
            let passage = match *from == sink.speech {
                true => Passage::Relay,
                false => Passage::Transcode,
            };
            map(from.payload_type, sink.speech.payload_type, passage)
        })
        .collect();
    let events = (events_of(source.speech), events_of(sink.speech));
    codecs.push(map(events.0, events.1, Passage::Relay));
    PatchPlan {
        source: source.leg(),
        sink: sink.leg(),
        codecs,
    }
}

/// The same as calls have it: between the laws of G.711 by a table.
pub fn convert(source: &Voice, others: &[Speech], sink: &Voice) -> PatchPlan {
    let mut patch = transcode(source, others, sink);
    let is_law = |payload_type| {
        [PCMU, PCMA]
            .iter()
            .any(|it| it.payload_type == payload_type)
    };
    for map in &mut patch.codecs {
        if map.passage == Passage::Transcode && is_law(map.from_pt) && is_law(map.to_pt) {
            map.passage = Passage::Convert;
        }
    }
    patch
}

/// Two voices in a call both ways, of which one has PCMU alone and the other PCMA.
pub fn laws() -> (World, Voice, Voice) {
    let mut world = World::new();
    let (a, b) = (Voice::new(1, PCMU), Voice::new(2, PCMA));
    add(&mut world, &a);
    add(&mut world, &b);
    for patch in [convert(&a, &[], &b), convert(&b, &[], &a)] {
        world.command(Command::Patch(Box::new(patch)));
    }
    world.sent.clear();
    (world, a, b)
}

/// Two voices in a call, both ways.
pub fn voices(a: Speech, b: Speech) -> (World, Voice, Voice) {
    talking(Voice::new(1, a), Voice::new(2, b))
}

/// These two in a call, both ways.
pub fn talking(a: Voice, b: Voice) -> (World, Voice, Voice) {
    let mut world = World::new();
    add(&mut world, &a);
    add(&mut world, &b);
    connect(&mut world, &a, &b);
    connect(&mut world, &b, &a);
    world.sent.clear();
    (world, a, b)
}

pub fn add(world: &mut World, voice: &Voice) {
    world.command(Command::AddLeg(Box::new(voice.plan(&[]))));
}

pub fn connect(world: &mut World, source: &Voice, sink: &Voice) {
    let patch = transcode(source, &[], sink);
    world.command(Command::Patch(Box::new(patch)));
}

impl World {
    /// Says a tone of 1 kHz for so many packets of 20 ms.
    pub fn tone(&mut self, voice: &mut Voice, packets: usize) {
        for _ in 0..packets {
            let packet = voice.packet(1_000.0, 8_000.0);
            self.phone_says(&mut voice.phone, &packet);
            self.run_for(Duration::from_millis(20));
        }
    }

    /// Says these packets, each at its time from now, in the order in which they arrive.
    pub fn say_in_time(&mut self, voice: &mut Voice, mut packets: Vec<(Duration, Rtp)>) {
        packets.sort_by_key(|(at, _)| *at);
        let start = self.now;
        for (at, packet) in packets {
            let wait = (start + at).saturating_duration_since(self.now);
            self.run_for(wait);
            self.phone_says(&mut voice.phone, &packet);
        }
    }

    /// When each packet of sound was sent to a voice.
    pub fn times_of_sound(&self, voice: &Voice) -> Vec<Instant> {
        let sent = self
            .sent
            .iter()
            .filter(|(_, path, bytes)| path.remote == voice.phone.address && !is_rtcp(bytes));
        sent.map(|(at, ..)| *at).collect()
    }

    /// The packets of a voice's own format that it has heard.
    pub fn voice_heard(&self, voice: &mut Voice) -> Vec<Rtp> {
        let payload_type = voice.speech.payload_type;
        let mut heard = self.phone_heard(&mut voice.phone);
        heard.retain(|it| it.payload_type == payload_type);
        heard
    }

    /// What it sounds like, in order, by a coder of its own.
    pub fn sound(&self, voice: &mut Voice) -> Vec<i16> {
        let mut decoder = Decoder::new(voice.speech.codec, voice.speech.rate).unwrap();
        let mut pcm = vec![0; MAX_PACKET_SAMPLES];
        let mut sound = Vec::new();
        for packet in self.voice_heard(voice) {
            let samples = decoder.decode(&packet.payload, &mut pcm).unwrap();
            sound.extend_from_slice(&pcm[..samples]);
        }
        sound
    }
}

/// Level of a tone in dB against the amplitude that [`World::tone`] says, and how much louder it
/// is than all else, dB.
pub fn measure(sound: &[i16], rate: SampleRate, hz: f64) -> (f64, f64) {
    // Whole periods.
    let period = (f64::from(rate.hz()) / hz) as usize;
    let sound = &sound[..sound.len() / period * period];
    let count = sound.len() as f64;
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in sound.iter().enumerate() {
        let angle = TAU * hz * n as f64 / f64::from(rate.hz());
        let sample = f64::from(*sample);
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
        power += sample * sample;
    }
    let amplitude = 2.0 * (sine * sine + cosine * cosine).sqrt() / count;
    let tone = amplitude * amplitude / 2.0;
    let rest = (power / count - tone).max(1e-9);
    (
        20.0 * (amplitude / 8_000.0).log10(),
        10.0 * (tone / rest).log10(),
    )
}
