//! When which packet is played, and what fills the gaps.

use std::time::{Duration, Instant};

use super::config::{Arrived, PlayoutConfig, PlayoutStats};
use super::delay::{Delay, micros};
use super::pace::Pace;
use super::store::{Slot, Store, Stored};
use super::timeline::{Placed, Timeline};

/// Assumed of a packet of which nothing tells how long it plays.
const USUAL_DURATION: Duration = Duration::from_millis(20);
/// No codec's packets play longer (RFC 7587 3.1); what says so is not believed.
const MAX_DURATION: Duration = Duration::from_millis(120);
/// Shorter gaps are rounding.
const NO_GAP: i64 = 2_000;
/// Steps in which a gap is filled.
const MIN_PIECE: Duration = Duration::from_millis(10);
const MAX_PIECE: Duration = Duration::from_millis(60);

/// A packet to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued<'a> {
    /// As it came.
    pub payload_type: u8,
    /// As it came.
    pub payload: &'a [u8],
    /// How long it plays, as it came or else guessed.
    pub duration: Duration,
    /// As it came.
    pub silence: bool,
    /// What was played before it is not what came before it: the two do not fit together.
    pub resumes: bool,
}

/// What to play next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play<'a> {
    /// Decode this packet; it is not held any more.
    Packet(Queued<'a>),
    /// The packet before this one is lost: take so much out of the redundancy in this one
    /// (Opus in-band FEC, RFC 6716 2.1.7) where it has any, or else conceal. The packet itself
    /// comes next.
    Recover {
        /// The packet after the gap.
        next: Queued<'a>,
        /// The length of the gap.
        missing: Duration,
    },
    /// Nothing is there: conceal so much.
    Conceal(Duration),
    /// The far side is silent on purpose: so much comfort noise.
    Comfort(Duration),
    /// Nothing was heard yet, or not for long.
    Silence(Duration),
}

/// How the delay is to change, by making sound longer or shorter than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// It is right.
    Keep,
    /// By up to so much, never by more: with more taken away, the next packet might not be there.
    Shorten(Duration),
    /// By about so much; less is asked for again, more does little harm.
    Lengthen(Duration),
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// What comes next.
    pub play: Play<'a>,
    /// What to do with a [`Play::Packet`] after decoding. Gaps need nothing done.
    pub stretch: Stretch,
    /// Sound would be missing soon, or there is much delay without use: no pause is to be waited for.
    pub hurried: bool,
}

/// Beyond so much delay without use no pause is waited for.
const UNHURRIED: Duration = Duration::from_millis(40);

/// Holds audio packets until they are due.
///
/// A packet's *delay* is its arrival less its timestamp, and the fastest packet of late is the
/// one that waits longest. How long that has to be so that few come too late is the *target*.
/// The buffer compares it with how long packets do wait, and asks to lengthen or shorten.
///
/// Memory is allocated in [`JitterBuffer::new`] and never again.
#[derive(Debug)]
pub struct JitterBuffer {
    config: PlayoutConfig,
    /// When the first packet came: where its count of µs begins.
    origin: Option<Instant>,
    timeline: Option<Timeline>,
    store: Store,
    delay: Delay,
    pace: Pace,
    /// The packet played last.
    last: Option<Last>,
    /// Since the end of that packet, µs.
    filled: i64,
    /// What was played last does not lead to what comes next.
    broken: bool,
    /// How much later than at the soonest the last packet is heard, µs.
    current: i64,
    stats: PlayoutStats,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: i64,
    /// Where it began and ended on the timeline, µs.
    media: i64,
    end: i64,
    /// Whether that is known, not guessed.
    sure: bool,
    duration: Duration,
    silence: bool,
    marker: bool,
    /// Bit n: the packet n numbers before it was here.
    seen: u64,
}

/// How the packet at hand follows the one played last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// At once.
    None,
    /// One packet is missing, µs.
    Last(i64),
    /// More than that is missing, µs.
    Lost(i64),
    /// The far side paused: it may come when it has waited long enough.
    Pause,
}

impl JitterBuffer {
    /// An empty one.
    pub fn new(config: PlayoutConfig) -> Self {
        Self {
            config,
            origin: None,
            timeline: None,
            store: Store::new(config.max_packets, config.max_bytes),
            delay: Delay::new(&config),
            pace: Pace::default(),
            last: None,
            filled: 0,
            broken: true,
            current: 0,
            stats: PlayoutStats::default(),
        }
    }

    /// Takes a packet.
    pub fn insert(&mut self, packet: &Arrived<'_>) {
        self.stats.received += 1;
        let origin = *self.origin.get_or_insert(packet.at);
        let at = micros(packet.at.saturating_duration_since(origin));
        let placed = match &mut self.timeline {
            Some(timeline) if timeline.is_of(packet) => {
                let earliest = self.delay.fastest().map(|fastest| at - fastest);
                timeline.place(packet, earliest, micros(self.config.max_delay))
            }
            _ => Placed::Restart,
        };
        let (sequence, media) = match placed {
            Placed::At { sequence, media } => (sequence, media),
            Placed::Suspect => {
                self.stats.discarded += 1;
                return;
            }
            Placed::Restart => self.begin(packet),
        };
        if self.was_here(sequence) {
            self.stats.duplicates += 1;
            return;
        }
        let behind = self.last.as_mut().filter(|last| sequence <= last.sequence);
        if let Some(last) = behind {
            let back = last.sequence.abs_diff(sequence);
            last.seen |= 1u64.checked_shl(back.min(64) as u32).unwrap_or(0);
            self.stats.late += 1;
            self.delay.receive(at, at - media);
            return;
        }
        let mut slot = Slot::new(sequence, media);
        slot.duration = packet.duration.and_then(|units| duration(units, packet));
        slot.payload_type = packet.payload_type;
        slot.marker = packet.marker;
        slot.silence = packet.silence;
        slot.repairs = packet.repairs;
        let overflowed = &mut self.stats.overflowed;
        match self
            .store
            .insert(slot, packet.payload, |_| *overflowed += 1)
        {
            Stored::Ahead => {}
            Stored::Between => self.stats.reordered += 1,
            Stored::Duplicate => {
                self.stats.duplicates += 1;
                return;
            }
            Stored::TooLarge => self.stats.overflowed += 1,
        }
        self.delay.receive(at, at - media);
    }

    /// What to play next, with `queued` of decoded sound waiting to be heard. The owner asks
    /// when that is less than a `tick`, which is how often it takes some out.
    pub fn poll(&mut self, now: Instant, queued: Duration, tick: Duration) -> Step<'_> {
        let piece = tick.clamp(MIN_PIECE, MAX_PIECE);
        let silence = Step::fill(Play::Silence(piece));
        let (Some(origin), Some(fastest)) = (self.origin, self.delay.fastest()) else {
            return silence;
        };
        // A packet that ends up here has waited since then at least, in µs of the timeline.
        let due = micros(now.saturating_duration_since(origin)) - fastest;
        self.skip(due);
        let Some(front) = self.store.front().copied() else {
            return self.fill(piece);
        };
        let waited = due - front.media;
        let Some(last) = self.last else {
            if waited < self.delay.target() {
                return silence;
            }
            return self.play(waited, queued, tick);
        };
        match self.gap(&front, &last) {
            Gap::Pause if waited < self.delay.target() => self.pause(piece),
            Gap::Pause => {
                self.broken = true;
                self.play(waited, queued, tick)
            }
            Gap::None => self.play(waited, queued, tick),
            Gap::Last(missing) => {
                self.filled += missing;
                let missing = Duration::from_micros(missing.unsigned_abs());
                self.stats.recoveries += 1;
                self.stats.concealed += missing;
                self.stats.total += missing;
                let next = self.queued(&front, last.duration, false);
                Step::fill(Play::Recover { next, missing })
            }
            Gap::Lost(missing) => {
                let missing = Duration::from_micros(missing.unsigned_abs());
                let longest = last.duration.clamp(MIN_PIECE, piece.max(USUAL_DURATION));
                self.conceal(missing.min(longest))
            }
        }
    }

    /// The delay at which packets are to be played, on top of what the fastest of them took.
    pub fn target(&self) -> Duration {
        Duration::from_micros(self.delay.target().unsigned_abs())
    }

    /// How much later the last packet was heard than it could have been at the soonest: the
    /// delay added here, decoded sound that waited included.
    pub fn delay(&self) -> Duration {
        Duration::from_micros(self.current.max(0).unsigned_abs())
    }

    /// What was done so far.
    pub fn stats(&self) -> PlayoutStats {
        self.stats
    }

    /// Packets held.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// Payload bytes held.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Forgets what is held and where the stream was (hold, another source). What was learned
    /// of the network stays.
    pub fn restart(&mut self) {
        self.stats.discarded += self.store.len() as u64;
        self.store.clear();
        self.timeline = None;
        self.last = None;
        self.filled = 0;
        self.broken = true;
        self.delay.restart();
        self.pace.forget();
    }

    fn begin(&mut self, packet: &Arrived<'_>) -> (i64, i64) {
        if self.timeline.is_some() {
            self.stats.restarts += 1;
            self.restart();
        }
        let timeline = Timeline::new(packet);
        let begin = timeline.begin();
        self.timeline = Some(timeline);
        begin
    }

    fn was_here(&self, sequence: i64) -> bool {
        self.last.is_some_and(|last| {
            let back = last.sequence.checked_sub(sequence);
            back.and_then(|back| u32::try_from(back).ok())
                .and_then(|back| last.seen.checked_shr(back))
                .is_some_and(|seen| seen & 1 == 1)
        })
    }

    /// Leaves out what has waited too long, and all before what is at the target.
    fn skip(&mut self, due: i64) {
        let target = self.delay.target();
        let waited = |slot: Option<&Slot>| slot.map(|slot| due - slot.media);
        let max = micros(self.config.max_delay);
        if waited(self.store.front()).is_none_or(|waited| waited <= max) {
            return;
        }
        while waited(self.store.second()).is_some_and(|waited| waited >= target) {
            let Some(slot) = self.store.pop() else {
                return;
            };
            self.stats.skipped += 1;
            self.advance(&slot);
            self.broken = true;
            self.pace.forget();
        }
    }

    fn gap(&self, front: &Slot, last: &Last) -> Gap {
        let gap = front.media - last.end - self.filled;
        let numbers = front.sequence - last.sequence - 1;
        if gap <= NO_GAP {
            return Gap::None;
        }
        if numbers <= 0 {
            // A guessed duration may have been too short.
            return match last.sure || gap > micros(MAX_DURATION) {
                true => Gap::Pause,
                false => Gap::None,
            };
        }
        let duration = micros(last.duration);
        let spurt = front.marker && !last.marker;
        let lost = numbers.saturating_mul(duration) + duration / 2;
        let whole = gap + self.filled;
        if last.silence || spurt || whole > lost || gap > micros(self.config.max_conceal) {
            return Gap::Pause;
        }
        match gap <= duration + NO_GAP {
            true => Gap::Last(gap),
            false => Gap::Lost(gap),
        }
    }

    /// Nothing is there to be played.
    fn fill(&mut self, piece: Duration) -> Step<'_> {
        let Some(last) = self.last else {
            return Step::fill(Play::Silence(piece));
        };
        if last.silence || self.filled >= micros(self.config.max_conceal) {
            return self.pause(piece);
        }
        let piece = last.duration.clamp(MIN_PIECE, piece.max(USUAL_DURATION));
        self.conceal(piece)
    }

    fn conceal(&mut self, piece: Duration) -> Step<'_> {
        self.filled += micros(piece);
        self.stats.concealed += piece;
        self.stats.total += piece;
        Step::fill(Play::Conceal(piece))
    }

    fn pause(&mut self, piece: Duration) -> Step<'_> {
        self.filled = self.filled.saturating_add(micros(piece));
        self.broken = true;
        self.pace.forget();
        let concealed = self.filled >= micros(self.config.max_conceal);
        match self.last {
            Some(last) if last.silence || !concealed => Step::fill(Play::Comfort(piece)),
            _ => Step::fill(Play::Silence(piece)),
        }
    }

    fn play(&mut self, waited: i64, queued: Duration, tick: Duration) -> Step<'_> {
        let Some(slot) = self.store.pop() else {
            return Step::fill(Play::Silence(tick.clamp(MIN_PIECE, MAX_PIECE)));
        };
        let queued = micros(queued);
        self.current = waited + queued;
        let resumes = std::mem::take(&mut self.broken);
        let stretch = match resumes {
            true => Stretch::Keep,
            false => self
                .pace
                .judge(waited, queued, micros(tick), self.delay.target()),
        };
        let is_first = self
            .last
            .is_none_or(|last| slot.sequence == last.sequence + 1);
        let duration = self.advance(&slot);
        if slot.repairs && !is_first {
            self.delay.wait_for_repairs(micros(duration));
        }
        self.stats.played += 1;
        self.stats.total += duration;
        let hurried = match stretch {
            Stretch::Keep => false,
            Stretch::Shorten(by) => by > UNHURRIED,
            Stretch::Lengthen(_) => waited < self.delay.least(),
        };
        let packet = self.queued(&slot, duration, resumes);
        Step {
            play: Play::Packet(packet),
            stretch,
            hurried,
        }
    }

    /// `slot` is what the next packet has to follow. Gives its duration.
    fn advance(&mut self, slot: &Slot) -> Duration {
        let duration = slot.duration.unwrap_or_else(|| self.guess(slot));
        let seen = self.last.map_or(0, |last| {
            let ahead = u32::try_from(slot.sequence - last.sequence).unwrap_or(u32::MAX);
            last.seen.checked_shl(ahead).unwrap_or(0)
        });
        self.filled = 0;
        self.last = Some(Last {
            sequence: slot.sequence,
            media: slot.media,
            end: slot.media + micros(duration),
            sure: slot.duration.is_some(),
            duration,
            silence: slot.silence,
            marker: slot.marker,
            seen: seen | 1,
        });
        duration
    }

    /// The duration of a packet just taken out: the step to the next one or from the last.
    fn guess(&self, slot: &Slot) -> Duration {
        let after = self
            .store
            .front()
            .map(|next| (slot, next.sequence, next.media));
        let steps = [
            after.map(|(slot, sequence, media)| (sequence - slot.sequence, media - slot.media)),
            self.last
                .map(|last| (slot.sequence - last.sequence, slot.media - last.media)),
        ];
        let step = steps.into_iter().flatten().find_map(|(numbers, media)| {
            let step = Duration::from_micros(u64::try_from(media).ok()?);
            (numbers == 1 && !step.is_zero() && step <= MAX_DURATION).then_some(step)
        });
        step.or(self.last.map(|last| last.duration))
            .unwrap_or(USUAL_DURATION)
    }

    fn queued(&self, slot: &Slot, duration: Duration, resumes: bool) -> Queued<'_> {
        Queued {
            payload_type: slot.payload_type,
            payload: self.store.payload(slot),
            duration: slot.duration.unwrap_or(duration),
            silence: slot.silence,
            resumes,
        }
    }
}

impl<'a> Step<'a> {
    fn fill(play: Play<'a>) -> Self {
        Self {
            play,
            stretch: Stretch::Keep,
            hurried: false,
        }
    }
}

/// Of `units` of the packet's clock, if that can be.
fn duration(units: u32, packet: &Arrived<'_>) -> Option<Duration> {
    let micros = (u64::from(units) * 1_000_000).checked_div(packet.clock_rate.into())?;
    let duration = Duration::from_micros(micros);
    (duration > Duration::ZERO && duration <= MAX_DURATION).then_some(duration)
}
