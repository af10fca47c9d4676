//! How many calls can be transcoded: telephones that know Opus call telephones that know PCMU, ever
//! more of them, until what is heard comes late.
//!
//! Each caller beeps once a second. How long after the first sample of a beep was sent the callee's
//! telephone has the packet with it, less where in the packet it lies, is the delay: packets wait for
//! one another here, so no packet of its own could tell it.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use media::codec::g711::{self, Law};
use media::codec::{AudioCodec, Encoder, MAX_PAYLOAD, SampleRate, Settings};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::phones::Phones;
use super::process::Server;
use super::rtp::{HEADER_LEN, RtpHeader};
use super::sdp::{self, Audio};

/// It is late that comes so much later than on a server with nothing else to do.
const LATE: Duration = Duration::from_millis(40);

const PACKET: Duration = Duration::from_millis(20);
/// The packets of a second, which are sent over and over.
const PACKETS: usize = 50;
/// The first of them beep.
const BEEPING: usize = 3;
/// Of the beep; and of what is heard in between, so soft that it is a pause.
const LOUD: f64 = 16_000.0;
const SOFT: f64 = 300.0;
/// Louder is the beep.
const HEARD: u16 = 8_000;
/// Before a beep it was soft for at least so long.
const PAUSE: Duration = Duration::from_millis(300);

/// Between two calls that are set up: a worker has ports open for some hundred a second.
const BREATH: Duration = Duration::from_millis(5);

/// By then the server has learned how even the packets come, and has taken back in pauses what it waited
/// too long at first.
const SETTLED: Duration = Duration::from_secs(12);
/// A send that is later than this says that the tool itself was held up.
const HELD_UP: Duration = Duration::from_millis(5);
/// With more than one of so many of them, nothing can be said.
const HELD_UP_SHARE: u64 = 100;

/// A call, and what its two telephones do.
struct Call {
    opus: UdpSocket,
    pcmu: UdpSocket,
    ssrc: u32,
    number: u32,
    due: Instant,
    /// When the beep that is under way was sent, until it is heard.
    beeped: Option<Instant>,
    last_loud: Option<Instant>,
}

/// A second of sound as the two telephones send it.
struct Sound {
    opus: Vec<Vec<u8>>,
    pcmu: Vec<Vec<u8>>,
}

/// What was measured with so many calls.
#[derive(Debug, Default)]
struct Step {
    delays: Vec<Duration>,
    beeps: u64,
    sends: u64,
    held_up: u64,
}

/// Adds `step` calls at a time and measures for `length` each time, until speech comes late or there
/// are `most`. Their telephones make Opus at `opus_rate`.
pub(crate) fn measure(
    opus_rate: SampleRate,
    step: usize,
    length: Duration,
    most: usize,
) -> Result<()> {
    let mut server = Server::start_with(|config| {
        config.replace("[limits]", "[limits]\ntranscoded_calls = 100000")
    })?;
    let sound = Sound::new(opus_rate)?;
    let mut phones = Phones::default();
    let mut calls = Vec::new();
    let ready = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut unloaded = None;
    println!(
        "{:>6} {:>9} {:>9} {:>9} {:>12} {:>7} {:>7}",
        "calls", "p50 ms", "p99 ms", "unheard", "% CPU/call", "% CPU", "late"
    );
    while calls.len() < most {
        // The first alone: it tells what nobody can help.
        let count = if calls.is_empty() { 1 } else { step };
        for _ in 0..count {
            let index = calls.len();
            let call = Call::new(&mut phones, server.sip()?, index)?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
            ready.add(call.pcmu.as_fd(), event)?;
            calls.push(call);
            std::thread::sleep(BREATH);
        }
        run(&mut calls, &ready, &sound, SETTLED)?;
        let before = server.process().cpu()?;
        let measured = run(&mut calls, &ready, &sound, length)?;
        let cpu = server.process().cpu()? - before;
        let share = 100.0 * cpu.as_secs_f64() / length.as_secs_f64();
        let late = measured.print(
            calls.len(),
            share,
            *unloaded.get_or_insert(measured.quantile(0.5)),
        );
        ensure!(
            measured.held_up * HELD_UP_SHARE <= measured.sends,
            "the tool itself was held up: this says nothing"
        );
        if late {
            println!("\nWith {} calls speech comes late.", calls.len());
            return server.stop();
        }
    }
    println!("\nWith {most} calls speech does not come late.");
    server.stop()
}

/// All send and hear for so long.
fn run(calls: &mut [Call], ready: &Epoll, sound: &Sound, length: Duration) -> Result<Step> {
    let start = Instant::now();
    let count = calls.len() as u32;
    for (call, index) in calls.iter_mut().zip(0..) {
        call.due = start + PACKET * index / count;
    }
    let mut step = Step::default();
    let mut events = [EpollEvent::empty(); 256];
    while start.elapsed() < length {
        for call in calls.iter_mut() {
            call.send(sound, &mut step)?;
        }
        let heard = ready
            .wait(&mut events, EpollTimeout::from(1_u8))
            .unwrap_or(0);
        for event in events.iter().take(heard) {
            if let Some(call) = calls.get_mut(event.data() as usize) {
                call.hear(&mut step);
            }
        }
    }
    step.delays.sort_unstable();
    Ok(step)
}

impl Call {
    fn new(phones: &mut Phones, server: SocketAddr, index: usize) -> Result<Self> {
        let socket = || -> Result<UdpSocket> {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let (opus, pcmu) = (socket()?, socket()?);
        let offer = sdp::phone(opus.local_addr()?, Audio::Opus);
        let answer = sdp::phone(pcmu.local_addr()?, Audio::Pcmu);
        let (to_caller, to_callee) = phones
            .call(server, index, &offer, &answer)
            .with_context(|| format!("call {index} did not come about"))?;
        opus.connect(to_caller)?;
        pcmu.connect(to_callee)?;
        Ok(Self {
            opus,
            pcmu,
            ssrc: 7_000_000 + 2 * index as u32,
            // Not all beep at once.
            number: (index * 7 % PACKETS) as u32,
            due: Instant::now(),
            beeped: None,
            last_loud: None,
        })
    }

    /// Sends what is due, both ways.
    fn send(&mut self, sound: &Sound, step: &mut Step) -> Result<()> {
        let now = Instant::now();
        while self.due <= now {
            step.sends += 1;
            step.held_up += u64::from(now > self.due + HELD_UP);
            let at = self.number as usize % PACKETS;
            if at == 0 {
                step.beeps += 1;
                self.beeped = Some(now);
            }
            let packet = |audio: Audio, ticks: u32, ssrc: u32, payload: &[u8]| {
                let header = RtpHeader {
                    payload_type: audio.payload_type(),
                    marker: false,
                    sequence_number: self.number as u16,
                    timestamp: self.number.wrapping_mul(ticks),
                    ssrc,
                };
                [&header.to_bytes(), payload].concat()
            };
            let opus = packet(Audio::Opus, 960, self.ssrc, &sound.opus[at]);
            self.opus
                .send(&opus)
                .context("the kernel does not take a packet")?;
            let pcmu = packet(Audio::Pcmu, 160, self.ssrc + 1, &sound.pcmu[at]);
            self.pcmu
                .send(&pcmu)
                .context("the kernel does not take a packet")?;
            self.number = self.number.wrapping_add(1);
            self.due += PACKET;
        }
        Ok(())
    }

    /// Listens for beeps in what has come.
    fn hear(&mut self, step: &mut Step) {
        let mut packet = [0; 2048];
        let mut pcm = [0; 480];
        while let Ok(len) = self.pcmu.recv(&mut packet) {
            let now = Instant::now();
            let payload = packet.get(HEADER_LEN..len).unwrap_or_default();
            let samples = payload.len().min(pcm.len());
            g711::decode(Law::Mu, payload, &mut pcm);
            let Some(first) = pcm[..samples]
                .iter()
                .position(|it| it.unsigned_abs() > HEARD)
            else {
                continue;
            };
            let before = self.last_loud.replace(now);
            if before.is_some_and(|before| now - before < PAUSE) {
                continue;
            }
            if let Some(beeped) = self.beeped.take() {
                let within = Duration::from_micros(125) * first as u32;
                step.delays.push(now + within - beeped);
            }
        }
    }
}

impl Step {
    fn quantile(&self, quantile: f64) -> Duration {
        let at = (self.delays.len() as f64 * quantile) as usize;
        let last = self.delays.len().saturating_sub(1);
        self.delays.get(at.min(last)).copied().unwrap_or_default()
    }

    /// Prints its line, and tells whether speech came late.
    fn print(&self, calls: usize, share: f64, unloaded: Duration) -> bool {
        let ms = |it: Duration| it.as_secs_f64() * 1e3;
        let late = self.quantile(0.99) > unloaded + LATE;
        println!(
            "{calls:>6} {:>9.1} {:>9.1} {:>9} {:>12.3} {share:>7.1} {:>7}",
            ms(self.quantile(0.5)),
            ms(self.quantile(0.99)),
            self.beeps.saturating_sub(self.delays.len() as u64),
            share / calls as f64,
            if late { "late" } else { "" },
        );
        late
    }
}

impl Sound {
    fn new(opus_rate: SampleRate) -> Result<Self> {
        Ok(Self {
            opus: packets(AudioCodec::Opus, opus_rate)?,
            pcmu: packets(AudioCodec::Pcmu, SampleRate::Hz8000)?,
        })
    }
}

/// A second with a beep at its beginning, as this coder makes it.
fn packets(codec: AudioCodec, rate: SampleRate) -> Result<Vec<Vec<u8>>> {
    let mut encoder = Encoder::new(codec, rate, Settings::default())?;
    let mut payload = vec![0; MAX_PAYLOAD];
    let len = rate.samples(20);
    let packet = |number: usize| -> Result<Vec<u8>> {
        let level = if number < BEEPING { LOUD } else { SOFT };
        let sample = |n: usize| {
            let time = (number * len + n) as f64 / f64::from(rate.hz());
            (level * (std::f64::consts::TAU * 600.0 * time).sin()) as i16
        };
        let pcm: Vec<i16> = (0..len).map(sample).collect();
        let made = encoder.encode(&pcm, &mut payload)?;
        Ok(payload[..made].to_vec())
    };
    (0..PACKETS).map(packet).collect()
}
