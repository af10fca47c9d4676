//! One leg's way through a sound.

use std::time::{Duration, Instant};

use super::SoundId;
use super::repertoire::{Repertoire, Seat};
use super::track::TrackPlan;
use crate::codec::{AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, Settings};
use crate::ids::MediaKind;
use crate::plan::StreamPlan;
use crate::playout::fade::fade_out;
use crate::transcode::{Grid, Workshop, coder, packet_time};

/// Packets that are later than this are left out: the machine stood still.
const MAX_BEHIND: Duration = Duration::from_millis(100);

/// How long a sound takes to fade that something else follows.
const FADE_MS: u16 = 10;

/// What receivers ask for is rounded down to one of these, bits a second, so that tracks are few.
const BITRATES: [u32; 4] = [32_000, 20_000, 12_000, 6_000];

/// Plays a sound to the far side of a leg, a packet a tick.
#[derive(Debug)]
pub(crate) struct Player {
    plan: TrackPlan,
    seat: Seat,
    payload_type: u8,
    clock_rate: u32,
    repeats: bool,
    /// Of a packet.
    tick: Duration,
    grid: Grid,
    due: Instant,
    /// The next packet.
    position: usize,
    /// Its timestamp, once one was sent.
    timestamp: Option<u32>,
    /// The packet before was not sent.
    paused: bool,
}

/// What to send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Played {
    /// A packet: its payload is that of this number.
    Packet {
        number: usize,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
    },
    /// Nothing yet.
    Nothing,
    /// The sound is over.
    End,
}

impl Player {
    /// Of a sound, in the format of a stream that it uses; `None` if it has none that can be
    /// encoded, or there is no room. What went `before` goes on where it is.
    pub(crate) fn new(
        now: Instant,
        sound: SoundId,
        stream: &StreamPlan,
        grid: Grid,
        repertoire: &mut Repertoire,
        before: Option<&Self>,
    ) -> Option<Self> {
        let mut codecs = stream
            .codecs
            .iter()
            .filter(|_| stream.kind == MediaKind::Audio);
        let (format, codec) = codecs.find_map(|it| Some((it, coder(it.format, it.clock_rate)?)))?;
        let most = format.encoding.max_bitrate;
        let bitrate = most.map(|most| {
            let mut fitting = BITRATES.into_iter().filter(|it| *it <= most);
            fitting.next().unwrap_or(6_000)
        });
        let plan = TrackPlan {
            sound,
            codec,
            ptime_ms: packet_time(codec, stream.send_ptime_ms),
            bitrate: bitrate.filter(|_| codec == AudioCodec::Opus),
        };
        let repeats = repertoire.sound(sound)?.repeats;
        let seat = repertoire.seat(plan)?;
        let tick = Duration::from_millis(plan.ptime_ms.into());
        let mut player = Self {
            plan,
            payload_type: format.send_pt,
            clock_rate: format.clock_rate,
            repeats,
            tick,
            grid,
            due: grid.next(now, tick),
            position: 0,
            timestamp: None,
            paused: true,
            seat,
        };
        if let Some(before) = before.filter(|before| before.plan.sound == sound) {
            let reached = before.position * usize::from(before.plan.ptime_ms);
            // What nobody has come to yet in this format is not made all at once.
            let made = repertoire.made(&player.seat);
            player.position = (reached / usize::from(plan.ptime_ms)).min(made);
        }
        Some(player)
    }

    /// Which sound.
    pub(crate) fn sound(&self) -> SoundId {
        self.plan.sound
    }

    /// Whether one made for this stream would send the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.plan == other.plan && self.payload_type == other.payload_type
    }

    /// The clock of what it sends, Hz.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// How long a packet of it is heard.
    pub(crate) fn packet_time(&self) -> Duration {
        self.tick
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Takes the packet that is due. `begin` tells the timestamp of one that begins now.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        begin: impl FnOnce() -> u32,
        repertoire: &Repertoire,
    ) -> Played {
        if now < self.due {
            return Played::Nothing;
        }
        if now.saturating_duration_since(self.due) > MAX_BEHIND {
            self.due = self.grid.next(now, self.tick);
            self.timestamp = None;
        } else {
            self.due += self.tick;
        }
        if self.position >= repertoire.packets(&self.seat) {
            if !self.repeats {
                return Played::End;
            }
            self.position = 0;
        }
        let number = self.position;
        self.position += 1;
        let timestamp = self.timestamp.unwrap_or_else(begin);
        let units = u32::from(self.plan.ptime_ms) * (self.clock_rate / 1000);
        self.timestamp = Some(timestamp.wrapping_add(units));
        Played::Packet {
            number,
            payload_type: self.payload_type,
            timestamp,
            marker: std::mem::take(&mut self.paused),
        }
    }

    /// What it gave last was not sent.
    pub(crate) fn discard(&mut self) {
        self.paused = true;
        self.timestamp = None;
    }

    /// Nobody can hear it for now: it waits.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.discard();
        self.due = self.grid.next(now, self.tick);
    }

    /// The payload of a packet.
    pub(crate) fn payload<'a>(
        &self,
        number: usize,
        repertoire: &'a mut Repertoire,
        workshop: &mut Workshop,
    ) -> Option<&'a [u8]> {
        repertoire.payload(&self.seat, number, workshop)
    }

    /// The packet with which it fades, as something else is heard from now on: its payload is in the
    /// workshop. `None` where nothing was heard of it, or the coder lets no packet stand alone;
    /// such coders join what follows without a click themselves.
    pub(crate) fn farewell(
        &self,
        repertoire: &mut Repertoire,
        workshop: &mut Workshop,
    ) -> Option<(u8, u32, usize)> {
        let timestamp = self.timestamp?;
        let codec = self.plan.codec;
        let alone = matches!(
            codec,
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::L16(_)
        );
        let rate = *codec.rates().first().filter(|_| alone)?;
        let mut sound = [0; MAX_PACKET_SAMPLES];
        let payload = self.payload(self.position, repertoire, workshop)?;
        let mut decoder = Decoder::new(codec, rate).ok()?;
        let len = decoder.decode(payload, &mut sound).ok()?;
        let sound = sound.get_mut(..len)?;
        let (heard, rest) = sound.split_at_mut_checked(rate.samples(FADE_MS).min(len))?;
        let fade = heard.len();
        fade_out(heard, fade);
        rest.fill(0);
        let (.., out) = workshop.parts();
        let mut encoder = Encoder::new(codec, rate, Settings::default()).ok()?;
        let len = encoder.encode(sound, out).ok()?;
        Some((self.payload_type, timestamp, len))
    }
}
