//! Digits in the sound of a far side that knows no telephone events: its packets are put in order,
//! decoded and listened to as they come, beside whatever becomes of them.

use super::ToneDetector;
use crate::codec::{AudioCodec, Decoder, SampleRate};
use crate::plan::{Format, StreamPlan};
use crate::rtp::{Packet, SequenceUnwrapper};
use crate::transcode::{Workshop, coder};
use crate::worker::Seat;

/// Packets that are looked at in their order: one that overtook another waits for it until the next
/// comes. A tone is to be known before the sink has heard all of it.
const WINDOW: u64 = 2;

/// Room for the payload of each: 60 ms of G.711, 20 ms of L16 at 16 kHz. A longer one has more made.
const USUAL_PAYLOAD: usize = 640;

/// A source that leaves out more numbers begins anew.
const LONGEST_JUMP: u64 = 64;

/// Beyond so much that is missing a decoder has nothing more to say, ms.
const LONGEST_CONCEALED_MS: usize = 120;

/// For so long a coder with memory bends what comes behind a loss, ms.
const SETTLING_MS: usize = 100;

/// So much silence ends any tone, ms.
const SILENCE_MS: usize = 100;

/// Listens to one source.
#[derive(Debug)]
pub(crate) struct ToneListener {
    formats: Vec<SourceFormat>,
    ssrc: Option<u32>,
    numbers: SequenceUnwrapper,
    /// The number of the packet that is to be heard next.
    next: u64,
    /// Those right before it never came.
    is_torn: bool,
    /// That of what follows what was heard last.
    timestamp: Option<u32>,
    waiting: [Waiting; WINDOW as usize],
    ear: Option<Ear>,
    _seat: Seat,
}

/// A format that the source may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SourceFormat {
    payload_type: u8,
    codec: AudioCodec,
    clock_rate: u32,
}

/// A packet that waits for those before it.
#[derive(Debug, Default)]
struct Waiting {
    number: Option<u64>,
    payload_type: u8,
    timestamp: u32,
    payload: Vec<u8>,
}

/// What hears one format.
#[derive(Debug)]
struct Ear {
    codec: AudioCodec,
    decoder: Decoder,
    detector: ToneDetector,
}

/// Whether digits of the far side of this stream can only be tones, and be heard.
pub(crate) fn needs_listener(plan: &StreamPlan) -> bool {
    let has_events = plan
        .codecs
        .iter()
        .any(|codec| codec.format == Format::TelephoneEvent);
    !has_events && !formats(plan).is_empty()
}

/// What is lost bends what comes next.
fn has_memory(codec: AudioCodec) -> bool {
    !matches!(
        codec,
        AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::L16(_)
    )
}

/// What comes next is best decoded after what was lost was made up for. Others do best where they
/// were: what Speex makes up fades, though the tone goes on, and ours for G.722 is blended with it.
fn follows(codec: AudioCodec) -> bool {
    matches!(codec, AudioCodec::Opus | AudioCodec::G729)
}

fn formats(plan: &StreamPlan) -> Vec<SourceFormat> {
    let format = |codec: &crate::plan::CodecPlan| {
        Some(SourceFormat {
            payload_type: codec.receive_pt,
            codec: coder(codec.format, codec.clock_rate)?,
            clock_rate: codec.clock_rate,
        })
    };
    plan.codecs.iter().filter_map(format).collect()
}

impl ToneListener {
    /// For the far side of a stream.
    pub(crate) fn new(plan: &StreamPlan, seat: Seat) -> Self {
        let room = |_| Waiting {
            payload: Vec::with_capacity(USUAL_PAYLOAD),
            ..Waiting::default()
        };
        let formats = formats(plan);
        Self {
            ear: formats.first().and_then(|format| Ear::new(format.codec)),
            formats,
            ssrc: None,
            numbers: SequenceUnwrapper::default(),
            next: 0,
            is_torn: false,
            timestamp: None,
            waiting: std::array::from_fn(room),
            _seat: seat,
        }
    }

    /// A new plan is about the same formats: it can go on.
    pub(crate) fn fits(&self, plan: &StreamPlan) -> bool {
        needs_listener(plan) && self.formats == formats(plan)
    }

    /// A digit sounds, and was told.
    pub(crate) fn is_sounding(&self) -> bool {
        self.ear
            .as_ref()
            .is_some_and(|ear| ear.detector.is_sounding())
    }

    /// Takes a packet of the source, in whatever order they come and how often, and tells each digit
    /// once.
    pub(crate) fn hear(
        &mut self,
        packet: &Packet<'_>,
        workshop: &mut Workshop,
        mut digit: impl FnMut(char),
    ) {
        let header = &packet.header;
        if self.ssrc != Some(header.ssrc) {
            self.ssrc = Some(header.ssrc);
            self.numbers = SequenceUnwrapper::default();
            let first = self.numbers.unwrap(header.sequence_number);
            self.begin(first);
        }
        let number = self.numbers.unwrap(header.sequence_number);
        let Some(ahead) = number.checked_sub(self.next) else {
            return;
        };
        if ahead > LONGEST_JUMP {
            self.begin(number);
        }
        while number - self.next >= WINDOW {
            if !self.play_next(workshop, &mut digit) {
                self.is_torn = true;
                self.next += 1;
            }
        }
        self.keep(number, packet);
        while self.play_next(workshop, &mut digit) {}
    }

    /// The numbers of the source begin anew.
    pub(crate) fn restart(&mut self) {
        self.ssrc = None;
    }

    /// From this number on; nothing before it counts.
    fn begin(&mut self, number: u64) {
        self.next = number;
        self.timestamp = None;
        self.is_torn = false;
        for waiting in &mut self.waiting {
            waiting.number = None;
        }
        if let Some(ear) = &mut self.ear {
            ear.detector.lose(usize::MAX);
        }
    }

    fn place(&mut self, number: u64) -> Option<&mut Waiting> {
        // Less than two.
        self.waiting.get_mut((number % WINDOW) as usize)
    }

    fn keep(&mut self, number: u64, packet: &Packet<'_>) {
        let Some(place) = self.place(number) else {
            return;
        };
        place.number = Some(number);
        place.payload_type = packet.header.payload_type;
        place.timestamp = packet.header.timestamp;
        place.payload.clear();
        place.payload.extend_from_slice(packet.payload());
    }

    /// Hears the next packet if it is there.
    fn play_next(&mut self, workshop: &mut Workshop, digit: &mut impl FnMut(char)) -> bool {
        let next = self.next;
        let Some(place) = self.place(next).filter(|it| it.number == Some(next)) else {
            return false;
        };
        let mut packet = std::mem::take(place);
        packet.number = None;
        self.play(&packet, workshop, digit);
        if let Some(place) = self.place(next) {
            *place = packet;
        }
        self.next += 1;
        true
    }

    fn play(&mut self, packet: &Waiting, workshop: &mut Workshop, digit: &mut impl FnMut(char)) {
        let is_torn = std::mem::take(&mut self.is_torn);
        let mut formats = self.formats.iter();
        let format = formats.find(|it| it.payload_type == packet.payload_type);
        // Comfort noise, perhaps: what comes behind it tells how long it lasted.
        let Some(format) = format else { return };
        let codec = format.codec;
        if self.ear.as_ref().is_none_or(|ear| ear.codec != codec) {
            self.ear = Ear::new(codec);
        }
        let Some(ear) = &mut self.ear else { return };
        let rate = ear.decoder.rate().hz();
        let gap = self.timestamp.map(|due| packet.timestamp.wrapping_sub(due));
        let samples = |units: u32| {
            let samples = u64::from(units) * u64::from(rate) / u64::from(format.clock_rate.max(1));
            usize::try_from(samples).unwrap_or(usize::MAX)
        };
        match gap {
            None | Some(0) => {}
            Some(units) if is_torn || units >= 1 << 31 => ear.lose(samples(units), workshop.room()),
            // Nothing is missing: it said nothing (RFC 3551 4.1).
            Some(units) => ear.rest(samples(units), digit),
        }
        let pcm = workshop.room();
        let heard = ear.decoder.decode(&packet.payload, pcm).unwrap_or_default();
        let pcm = pcm.get(..heard).unwrap_or_default();
        ear.detector.hear(pcm, digit);
        let units = heard as u64 * u64::from(format.clock_rate) / u64::from(rate);
        // Modulo 2^32.
        self.timestamp = Some(packet.timestamp.wrapping_add(units as u32));
    }
}

impl Ear {
    /// At the lowest rate of the coder: all tones are below 1.7 kHz.
    fn new(codec: AudioCodec) -> Option<Self> {
        let rate = codec.rates().iter().min().copied();
        let rate = rate.unwrap_or(SampleRate::Hz8000);
        let decoder = Decoder::new(codec, rate)
            .inspect_err(|error| tracing::warn!(%error, "no decoder"))
            .ok()?;
        Some(Self {
            codec,
            decoder,
            detector: ToneDetector::new(rate.hz()),
        })
    }

    /// So many samples are missing.
    fn lose(&mut self, samples: usize, room: &mut [i16]) {
        self.detector.lose(samples);
        if !has_memory(self.codec) {
            return;
        }
        let per_ms = self.decoder.rate().per_ms();
        if follows(self.codec)
            && samples <= LONGEST_CONCEALED_MS * per_ms
            && let Some(room) = room.get_mut(..samples)
        {
            self.decoder.conceal(room);
        }
        self.detector.settle(SETTLING_MS * per_ms);
    }

    fn rest(&mut self, samples: usize, digit: &mut impl FnMut(char)) {
        const SILENCE: [i16; 160] = [0; 160];
        let most = SILENCE_MS * self.decoder.rate().per_ms();
        let mut left = samples.min(most);
        while let Some(silence) = SILENCE
            .get(..left.min(SILENCE.len()))
            .filter(|it| !it.is_empty())
        {
            self.detector.hear(silence, &mut *digit);
            left -= silence.len();
        }
    }
}
