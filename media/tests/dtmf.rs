//! Digits from any side to any other, however each tells of them, as both ends see them. The call
//! core, which media does not know, is played here: ADR 19 says what it does.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![allow(
    clippy::print_stdout,
    reason = "the digits missed, for whoever compares them"
)]

mod peer;

use std::time::Duration;

use media::codec::{Decoder, MAX_PACKET_SAMPLES, Recovered};
use media::dtmf::{ToneConfig, ToneDetector, ToneGenerator};
use media::event::Event;
use media::ids::LegId;
use media::plan::Command;
use peer::packets::Rtp;
use peer::voice::{G722, OPUS, PCMA, PCMU, SPEEX, SPEEX_WIDE, Speech, Voice, connect, events_of};
use peer::world::World;

const MS: Duration = Duration::from_millis(1);
const PACKET: Duration = Duration::from_millis(20);
const ALL: &str = "0123456789*#ABCD";

/// A press and the pause behind it, in packets.
const ON: usize = 6;
const OFF: usize = 6;

/// How a side tells of keys, and hears of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// RFC 4733, at the clock of what is spoken.
    Events(Speech),
    /// As they sound.
    Tones(Speech),
    /// By signalling: INFO, or the Web SDK protocol.
    Signalled(Speech),
}

use Style::{Events, Signalled, Tones};

const MATRIX: [Style; 7] = [
    Events(PCMU),
    Events(SPEEX_WIDE),
    Events(OPUS),
    Tones(PCMU),
    Tones(PCMA),
    Tones(G722),
    Signalled(PCMA),
];

impl Style {
    fn speech(self) -> Speech {
        let (Events(speech) | Tones(speech) | Signalled(speech)) = self;
        speech
    }
}

/// What the network does to packets.
struct Network {
    dice: u64,
    /// Of a hundred packets: so many are lost, so many come twice, and so many too late.
    bad: u64,
}

impl Network {
    fn new(seed: u64, bad: u64) -> Self {
        Self {
            dice: seed | 1,
            bad,
        }
    }

    fn happens(&mut self) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 24) % 100 < self.bad
    }

    /// Each packet that arrives, with the time since the first was sent, in the order in which they
    /// do.
    fn carry(&mut self, packets: Vec<(Duration, Rtp)>) -> Vec<(Duration, Rtp)> {
        let mut arrived = Vec::new();
        for (at, packet) in packets {
            if self.happens() {
                continue;
            }
            if self.happens() {
                arrived.push((at + 3 * MS, packet.clone()));
            }
            let late = if self.happens() {
                25 * MS
            } else {
                Duration::ZERO
            };
            arrived.push((at + late, packet));
        }
        arrived.sort_by_key(|(at, _)| *at);
        arrived
    }
}

/// A call in which one side presses keys.
struct Call {
    world: World,
    from: Voice,
    to: Voice,
    said: Style,
    heard: Style,
    /// What signalling told the side that hears.
    told: String,
    /// Reports of the worker that were looked at.
    seen: usize,
}

impl Call {
    fn new(said: Style, heard: Style) -> Self {
        let mut world = World::new();
        let (from, to) = (Voice::new(1, said.speech()), Voice::new(2, heard.speech()));
        for (voice, style) in [(&from, said), (&to, heard)] {
            let plan = match style {
                Events(_) => voice.plan(&[]),
                Tones(_) | Signalled(_) => voice.plan_without_events(),
            };
            world.command(Command::AddLeg(Box::new(plan)));
        }
        connect(&mut world, &from, &to);
        connect(&mut world, &to, &from);
        world.sent.clear();
        Self {
            world,
            from,
            to,
            said,
            heard,
            told: String::new(),
            seen: 0,
        }
    }

    /// What is said while these keys are pressed one after another: sound, or events in its place.
    fn presses(&mut self, digits: &str) -> Vec<(Duration, Rtp)> {
        let speech = self.said.speech();
        let samples = speech.rate.samples(20);
        let config = ToneConfig {
            on: PACKET * ON as u32,
            off: PACKET * OFF as u32,
            ..ToneConfig::default()
        };
        let mut tones = ToneGenerator::new(speech.rate.hz(), config);
        let mut packets = Vec::new();
        let mut at = Duration::ZERO;
        let mut noise = 1_u32;
        let mut hiss = move || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 26) as i16 - 32
        };
        for digit in std::iter::once(None).chain(digits.chars().map(Some)) {
            let began = self.from.timestamp;
            if let (Some(digit), Tones(_)) = (digit, self.said) {
                tones.press(&digit.to_string());
            }
            for step in 0..ON + OFF {
                match (digit, self.said) {
                    // The last packet is sent three times (RFC 4733 2.5.1.4).
                    (Some(digit), Events(_)) if step < ON + 2 => {
                        let units = (step + 1).min(ON) as u32 * speech.clock_rate / 50;
                        let [high, low] = u16::try_from(units).unwrap().to_be_bytes();
                        let end = if step + 1 >= ON { 0x80 } else { 0 };
                        let event = ALL.find(digit).unwrap() as u8;
                        let packet = self.from.event(began, [event, end | 10, high, low]);
                        self.from.timestamp += speech.clock_rate / 50;
                        packets.push((at, packet));
                    }
                    _ => {
                        let mut pcm: Vec<i16> = (0..samples).map(|_| hiss()).collect();
                        tones.fill(&mut pcm);
                        packets.push((at, self.from.say(&pcm)));
                    }
                }
                at += PACKET;
            }
        }
        packets
    }

    /// Presses these keys over such a network.
    fn play(&mut self, digits: &str, network: &mut Network) {
        let began = self.world.now;
        let packets = self.presses(digits);
        let mut signals: Vec<(Duration, char)> = Vec::new();
        if let Signalled(_) = self.said {
            let step = PACKET * (ON + OFF) as u32;
            let at = |n: usize| step * (n as u32 + 1);
            signals.extend(digits.chars().enumerate().map(|(n, digit)| (at(n), digit)));
        }
        let mut signals = signals.into_iter().peekable();
        for (at, packet) in network.carry(packets) {
            while let Some((due, digit)) = signals.next_if(|(due, _)| *due <= at) {
                self.run_until(began + due);
                self.tell(digit);
            }
            self.run_until(began + at);
            self.world.phone_says(&mut self.from.phone, &packet);
            self.switch();
        }
        for (due, digit) in signals {
            self.run_until(began + due);
            self.tell(digit);
        }
        self.run_until(self.world.now + 100 * PACKET);
    }

    /// The far side's packets arrive, each at its time from now.
    fn send(&mut self, packets: Vec<(Duration, Rtp)>) {
        let began = self.world.now;
        for (at, packet) in packets {
            self.run_until(began + at);
            self.world.phone_says(&mut self.from.phone, &packet);
            self.switch();
        }
    }

    fn run_until(&mut self, at: std::time::Instant) {
        let left = at.saturating_duration_since(self.world.now);
        self.world.run_for(left);
        self.switch();
    }

    /// What the call core does when keys are heard.
    fn switch(&mut self) {
        while let Some(event) = self.world.events.get(self.seen) {
            self.seen += 1;
            let Event::Digit(LegId(1), digit) = *event else {
                continue;
            };
            match (self.said, self.heard) {
                // By the patch.
                (Events(_), Events(_)) => {}
                (Tones(one), Tones(other)) if one == other => {}
                (Tones(_), Signalled(_) | Tones(_)) => {
                    self.tell(digit);
                    let leg = self.to.leg();
                    self.world.command(Command::MuteTone { leg });
                }
                (Signalled(_), _) => panic!("no sound of it is a key: {digit}"),
                _ => self.tell(digit),
            }
        }
    }

    /// Tells the side that hears.
    fn tell(&mut self, digit: char) {
        if let Signalled(_) = self.heard {
            self.told.push(digit);
            return;
        }
        self.world.command(Command::SendDtmf {
            leg: self.to.leg(),
            digits: digit.to_string(),
        });
    }

    /// What the far side takes for keys, over such a network.
    fn digits(&mut self, network: &mut Network) -> String {
        if let Signalled(_) = self.heard {
            return self.told.clone();
        }
        let sent = self.world.phone_heard(&mut self.to.phone);
        let at = |n: usize| PACKET * n as u32;
        let sent = sent.into_iter().enumerate().map(|(n, it)| (at(n), it));
        let heard = network.carry(sent.collect());
        let mut heard: Vec<Rtp> = heard.into_iter().map(|(_, packet)| packet).collect();
        // As a jitter buffer has them. The numbers do not wrap: their first has no high bit.
        heard.sort_by_key(|packet| packet.sequence_number);
        heard.dedup_by_key(|packet| packet.sequence_number);
        match self.heard {
            Events(speech) => events(speech, &heard),
            _ => tones(self.heard.speech(), &heard),
        }
    }
}

/// Each event once.
fn events(speech: Speech, heard: &[Rtp]) -> String {
    let mut last = None;
    let mut digits = String::new();
    for packet in heard {
        let is_new = last != Some(packet.timestamp);
        if packet.payload_type == events_of(speech) && is_new {
            last = Some(packet.timestamp);
            digits.push(ALL.chars().nth(packet.payload[0].into()).unwrap());
        }
    }
    digits
}

/// Each tone once.
fn tones(speech: Speech, heard: &[Rtp]) -> String {
    let mut decoder = Decoder::new(speech.codec, speech.rate).unwrap();
    let mut detector = ToneDetector::new(speech.rate.hz());
    let mut pcm = vec![0; MAX_PACKET_SAMPLES];
    let mut digits = String::new();
    let mut next = None::<u16>;
    for packet in heard {
        if packet.payload_type != speech.payload_type {
            continue;
        }
        let lost = next.map_or(0, |next| packet.sequence_number - next);
        for number in 1..=lost {
            let gap = &mut pcm[..speech.rate.samples(20)];
            if speech == PCMU {
                detector.lose(gap.len());
                continue;
            }
            // What is recovered is coarse, and what comes after a loss is bent for a while.
            detector.settle(speech.rate.samples(100));
            if number < lost {
                decoder.conceal(gap);
                detector.lose(gap.len());
            } else if decoder.recover(&packet.payload, gap) == Recovered::FromNext {
                detector.hear(gap, |digit| digits.push(digit));
            } else {
                detector.lose(gap.len());
            }
        }
        next = Some(packet.sequence_number + 1);
        let samples = decoder.decode(&packet.payload, &mut pcm).unwrap();
        detector.hear(&pcm[..samples], |digit| digits.push(digit));
    }
    digits
}

/// Four styles, events at three clocks, tones in three formats, each way: 5 % of the packets lost, as
/// many doubled and as many late, toward us and from us.
#[test]
fn every_digit_arrives_once_from_any_style_to_any_other_over_a_bad_network() {
    for seed in 1..=3 {
        for (row, said) in MATRIX.into_iter().enumerate() {
            for (column, heard) in MATRIX.into_iter().enumerate() {
                let pair = (seed * 1_000 + row * 100 + column) as u64;
                let mut network = Network::new(0x9E37_79B9 + pair * 7_919, 5);
                let mut call = Call::new(said, heard);
                call.play(ALL, &mut network);
                let digits = call.digits(&mut network);
                assert_eq!(digits, ALL, "{said:?} to {heard:?}, {seed}");
            }
        }
    }
}

/// The digits that were pressed and not heard. What is heard was pressed, in that order.
fn missed(heard: &str) -> usize {
    let mut pressed = ALL.chars();
    let was_pressed = |digit: char| pressed.any(|it| it == digit);
    assert!(heard.chars().all(was_pressed), "{heard}");
    ALL.len() - heard.len()
}

/// Out of every hundred digits so many may be missed where the coder predicts from what was lost, and
/// none may be heard twice or be another.
#[test]
fn a_tone_that_a_coder_bends_after_a_loss_is_hardly_ever_missed_and_never_another_digit() {
    const SEEDS: u64 = 12;
    for (speech, most) in [(OPUS, 1), (SPEEX, 4), (SPEEX_WIDE, 4)] {
        let missed = |seed| {
            let mut network = Network::new(0x9E37_79B9 + seed * 7_919, 5);
            let mut call = Call::new(Tones(speech), Signalled(PCMU));
            call.play(ALL, &mut network);
            missed(&call.digits(&mut network))
        };
        let missed: usize = (1..=SEEDS).map(missed).sum();
        let pressed = SEEDS as usize * ALL.len();
        println!("{:?}: {missed} of {pressed} missed", speech.codec);
        assert!(
            missed * 100 <= most * pressed,
            "{:?}: {missed} of {pressed}",
            speech.codec
        );
    }
}

/// A coder that settles after losses is listened to more patiently, and speech still is no key.
#[test]
fn speech_over_a_bad_network_is_no_key_whatever_its_coder() {
    for speech in [G722, OPUS, SPEEX, SPEEX_WIDE] {
        let said = peer::speech::speech(speech.rate);
        for seed in 1..=2 {
            let mut call = Call::new(Tones(speech), Signalled(PCMU));
            let packets = said.chunks_exact(speech.rate.samples(20)).enumerate();
            let packets = packets.map(|(n, pcm)| (PACKET * n as u32, call.from.say(pcm)));
            let arriving = Network::new(0x9E37_79B9 + seed * 7_919, 10).carry(packets.collect());
            call.send(arriving);
            assert_eq!(call.told, "", "{:?}", speech.codec);
        }
    }
}

#[test]
fn tones_are_heard_and_made_in_every_format_that_carries_them() {
    for speech in [PCMU, PCMA, G722, OPUS, SPEEX, SPEEX_WIDE] {
        for (said, heard) in [
            (Tones(speech), Events(PCMU)),
            (Events(PCMU), Tones(speech)),
            (Tones(speech), Tones(PCMU)),
        ] {
            let mut network = Network::new(1, 0);
            let mut call = Call::new(said, heard);
            call.play("159D*0#", &mut network);
            let digits = call.digits(&mut network);
            assert_eq!(digits, "159D*0#", "{said:?} to {heard:?}");
        }
    }
}

/// How long something louder than the hiss is heard, ms.
fn loud_ms(call: &mut Call) -> usize {
    let sound = call.world.sound(&mut call.to);
    let per_ms = call.to.speech.rate.per_ms();
    let loud = |ms: &&[i16]| ms.iter().any(|it| it.unsigned_abs() > 1_000);
    sound.chunks(per_ms).filter(loud).count()
}

/// A digit that goes on as an event is not to be heard as a tone as well: 40 ms would be one
/// (Q.24).
#[test]
fn whoever_is_told_of_a_digit_hears_only_the_beginning_of_its_tone() {
    for (said, heard, most) in [
        (Tones(PCMU), Events(PCMU), 40),
        (Tones(PCMU), Events(OPUS), 40),
        (Tones(OPUS), Events(PCMU), 50),
        // It is told by signalling first.
        (Tones(PCMU), Signalled(PCMU), 60),
        (Tones(PCMU), Signalled(PCMA), 60),
    ] {
        let mut network = Network::new(1, 0);
        let mut call = Call::new(said, heard);
        call.play("7", &mut network);
        assert_eq!(call.digits(&mut network), "7");
        let loud = loud_ms(&mut call);
        assert!(loud <= most, "{said:?} to {heard:?}: {loud} ms");
    }
}

#[test]
fn a_tone_that_is_relayed_is_heard_as_it_is() {
    let mut network = Network::new(1, 0);
    let mut call = Call::new(Tones(PCMU), Tones(PCMU));
    call.play("7", &mut network);
    let loud = loud_ms(&mut call);
    assert!((115..=125).contains(&loud), "{loud} ms");
}

#[test]
fn sound_goes_on_behind_tones_of_ours_under_numbers_in_order() {
    for heard in [Tones(PCMU), Tones(OPUS)] {
        let mut network = Network::new(1, 0);
        let mut call = Call::new(Events(PCMU), heard);
        call.play("12", &mut network);
        let heard = call.world.phone_heard(&mut call.to.phone);
        for pair in heard.windows(2) {
            let [one, next] = pair else { panic!() };
            assert_eq!(next.sequence_number, one.sequence_number.wrapping_add(1));
            let forward = next.timestamp.wrapping_sub(one.timestamp);
            assert!((1..1 << 31).contains(&forward), "{one:?}, {next:?}");
        }
    }
}

/// Whoever knows events is not listened to, and a voice is no key.
#[test]
fn tones_are_no_keys_on_a_side_that_knows_events() {
    let mut call = Call::new(Tones(PCMU), Events(PCMU));
    let plan = call.from.plan(&[]);
    call.world.command(Command::UpdateLeg(Box::new(plan)));
    call.play("123", &mut Network::new(1, 0));
    let is_digit = |event: &Event| matches!(event, Event::Digit(..));
    assert!(!call.world.events.iter().any(is_digit));
    assert!(loud_ms(&mut call) >= 3 * 100);
}

/// As many as there may be transcoders: who comes later is not heard, and hears no tones.
#[test]
fn listeners_are_bounded() {
    let mut world = World::with(|config| config.max_transcoders = 1);
    let mut voices: Vec<Voice> = (1..=4).map(|id| Voice::new(id, PCMU)).collect();
    for voice in &voices {
        let plan = voice.plan_without_events();
        world.command(Command::AddLeg(Box::new(plan)));
    }
    for pair in [(0, 1), (1, 0), (2, 3), (3, 2)] {
        connect(&mut world, &voices[pair.0], &voices[pair.1]);
    }
    let mut tones = [1, 3].map(|_| {
        let mut tones = ToneGenerator::new(8_000, ToneConfig::default());
        tones.press("5");
        tones
    });
    for _ in 0..10 {
        for (tones, who) in tones.iter_mut().zip([0, 2]) {
            let mut pcm = [0; 160];
            tones.fill(&mut pcm);
            let packet = voices[who].say(&pcm);
            world.phone_says(&mut voices[who].phone, &packet);
        }
        world.run_for(PACKET);
    }
    let digits = |leg| {
        let wanted = Event::Digit(LegId(leg), '5');
        world
            .events
            .iter()
            .filter(|event| **event == wanted)
            .count()
    };
    assert_eq!((digits(1), digits(3)), (1, 0));
}
