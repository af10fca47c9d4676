//! What calls cost: the real server, real WebSockets, real ICE, DTLS and SRTP, beside a plain
//! UDP copy loop that moves packets of the same sizes at the same rate in the same run.
//!
//! `cargo bench --bench calls` prints a table; `-- --help` tells the options. Costs are CPU time
//! of the server's process, as the kernel accounts it; compare ratios, not absolute times.
//!
//! `cargo bench --bench calls -- --guests 300 --calls 100 --video-calls 10 --payload 160 --no-floor`
//! is a full house. `-- --phones` measures calls between telephones, PCMU in plain RTP, beside
//! rtpengine (Debian's `rtpengine-daemon`, in user space); `-- --mixed` calls of browsers (DTLS-SRTP)
//! and telephones (RTP), PCMU, beside it too.
//!
//! `-- --registrations 1000 --dialogs 500` measures no load but memory: of user agents registered
//! over WebSockets, with and without TLS, of calls between telephones, and what is left of all that
//! when it is over.
//!
//! `-- --transcoded` adds calls between Opus and PCMU, `--calls` at a time, until speech comes late; with
//! `--narrow-band` that Opus has nothing above 4 kHz.
//!
//! `-- --overload` attacks the server while people talk and register: the exit code is 1 if a packet
//! was lost or a registration took longer than 200 ms.
//!
//! Otherwise the exit code is 1 if a packet was lost anywhere, and 2 if the generator did
//! not keep its pace: then the run says nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a load tool has sockets and a clock of its own and prints its table"
)]

mod between_phones;
mod capacity;
mod copy_loop;
mod elsewhere;
mod generator;
mod mixed;
mod overload;
mod peer;
mod phones;
mod process;
mod report;
mod rtp;
mod rtpengine;
mod sdp;
mod signalling;
mod standing;
#[path = "../../media/tests/peer/transport.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is test code that is shared"
)]
mod transport;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use generator::{Generator, Load};
use media::codec::SampleRate;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use overload::{Attack, Endured, endure};
use process::{Process, Server};
use report::{Memory, PerCall, Row, Way};
use signalling::Calls;
use tokio::runtime::Runtime;

/// For how long the gathering copy loop lets packets gather: as long as the server does.
const GATHER: Duration = Duration::from_micros(900);

/// Transcoded calls at the most: the generator has no more to say.
const MOST_TRANSCODED: usize = 2_000;

/// A load of calls on the server, and what it costs.
#[derive(Debug, Parser)]
struct Options {
    /// Audio calls at once.
    #[arg(long, default_value_t = 50)]
    calls: usize,
    /// Video calls at once, beside them.
    #[arg(long, default_value_t = 0)]
    video_calls: usize,
    /// People signed in, at least two for each call.
    #[arg(long, default_value_t = 0)]
    guests: usize,
    /// Payload bytes of each audio packet, 24 or more; the option may be repeated, each is measured apart.
    #[arg(long, default_values_t = [160, 1200], value_parser = payload)]
    payload: Vec<usize>,
    /// Payload bytes of each video packet.
    #[arg(long, default_value_t = 1200, value_parser = payload)]
    video_payload: usize,
    /// Packets a second of each audio stream; a video stream has three times as many.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Length of each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often all is measured; the table gives medians.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Calls between telephones instead, beside rtpengine instead of the copy loops.
    #[arg(long)]
    phones: bool,
    /// Calls from browsers to telephones instead, beside rtpengine instead of the copy loops.
    #[arg(long, conflicts_with = "phones")]
    mixed: bool,
    /// Instead: the memory of so many idle registrations over WebSockets.
    #[arg(long, value_name = "COUNT")]
    registrations: Option<usize>,
    /// Instead: the memory of so many calls between telephones in which nothing flows.
    #[arg(long, value_name = "COUNT")]
    dialogs: Option<usize>,
    /// Instead: attacks on the server while people talk and register.
    #[arg(long)]
    overload: bool,
    /// Instead: ever more calls between Opus and PCMU, `calls` at a time, until speech comes late.
    #[arg(long)]
    transcoded: bool,
    /// In these calls whoever speaks Opus does so at 8 kHz, as there is no more to hear for the other.
    #[arg(long, requires = "transcoded")]
    narrow_band: bool,
    /// Leave the copy loops out.
    #[arg(long)]
    no_floor: bool,
    /// Be the copy loop that fetches every so many µs: used by the tool itself.
    #[arg(long, hide = true, value_name = "MICROSECONDS")]
    copy_loop: Option<u64>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Room for the time in each packet, within what a datagram holds.
fn payload(text: &str) -> Result<usize> {
    let bytes = text.parse()?;
    ensure!((24..=1400).contains(&bytes), "24 to 1400 bytes");
    Ok(bytes)
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(gather) = options.copy_loop {
        copy_loop::run(Duration::from_micros(gather))?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.overload {
        return overload();
    }
    if options.transcoded {
        raise_descriptor_limit()?;
        let length = Duration::from_secs(options.seconds);
        let opus_rate = match options.narrow_band {
            true => SampleRate::Hz8000,
            false => SampleRate::Hz48000,
        };
        capacity::measure(opus_rate, options.calls, length, MOST_TRANSCODED)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.registrations.is_some() || options.dialogs.is_some() {
        return memory(&options);
    }
    println!(
        "{} audio and {} video calls, {} packets/s a stream, {} × {} s",
        options.calls, options.video_calls, options.rate, options.rounds, options.seconds
    );
    let mut rows = Vec::new();
    for payload in &options.payload {
        for _ in 0..options.rounds {
            if options.phones {
                rows.push(between_phones::by_rtpengine(&options, *payload)?);
                rows.push(between_phones::by_callbox(&options, *payload)?);
                continue;
            }
            if options.mixed {
                rows.push(mixed::by_rtpengine(&options, *payload)?);
                rows.push(mixed::by_callbox(&options, *payload)?);
                continue;
            }
            if !options.no_floor {
                rows.push(floor(&options, *payload, Way::Copy)?);
                rows.push(floor(&options, *payload, Way::GatheringCopy)?);
            }
            rows.push(relay(&options, *payload)?);
        }
    }
    report::print(&rows);
    Ok(verdict(&rows))
}

/// A registration from elsewhere takes no longer than this, whatever is done to the server.
const AT_ONCE: Duration = Duration::from_millis(200);

/// One attack after the other.
fn overload() -> Result<ExitCode> {
    raise_descriptor_limit()?;
    Endured::print_head();
    let mut failed = false;
    for attack in Attack::ALL {
        let endured = endure(attack)?;
        endured.print();
        failed |= endured.outcome.lost() + endured.drops > 0 || endured.slowest() > AT_ONCE;
    }
    if failed {
        println!("\nA packet was lost, or a registration took longer than {AT_ONCE:?}.");
        return Ok(ExitCode::from(1));
    }
    println!("\nNo packet was lost, and each registration took less than {AT_ONCE:?}.");
    Ok(ExitCode::SUCCESS)
}

/// What stands and does nothing.
fn memory(options: &Options) -> Result<ExitCode> {
    raise_descriptor_limit()?;
    standing::print_head();
    if let Some(count) = options.registrations {
        for secure in [false, true] {
            standing::registrations(count, secure)?.print();
        }
    }
    if let Some(count) = options.dialogs {
        standing::dialogs(count)?.print();
    }
    Ok(ExitCode::SUCCESS)
}

/// A socket for each of them.
fn raise_descriptor_limit() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

fn verdict(rows: &[Row]) -> ExitCode {
    let lost: u64 = rows.iter().map(Row::lost).sum();
    if lost > 0 {
        println!("\n{lost} packets were lost.");
        return ExitCode::from(1);
    }
    if rows.iter().any(Row::is_void) {
        println!("\nVoid: the generator did not keep its pace.");
        return ExitCode::from(2);
    }
    println!("\nNo packet was lost.");
    ExitCode::SUCCESS
}

fn load(options: &Options, payload: usize) -> Load {
    Load {
        payload,
        video_payload: options.video_payload,
        interval: Duration::from_secs(1) / options.rate.max(1),
        length: Duration::from_secs(options.seconds),
    }
}

/// The same packets through a loop that only copies.
fn floor(options: &Options, payload: usize, way: Way) -> Result<Row> {
    let gather = if way == Way::GatheringCopy {
        GATHER
    } else {
        Duration::ZERO
    };
    let mut generator = Generator::plain(options.calls, options.video_calls)?;
    let mut copier = copy_loop::Copier::start(&generator.pairs()?, gather)?;
    generator.aim_at(copier.address())?;
    let load = load(options, payload);
    let before = copier.process().cpu()?;
    let outcome = generator.run(&load)?;
    let cpu = copier.process().cpu()? - before;
    copier.stop()?;
    let calls = options.calls + options.video_calls;
    Ok(Row::new((way, payload), (calls, load.length), outcome, cpu))
}

/// The thread beside this one answers pings while this one sends.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("no runtime for the signalling")
}

/// What the packets of calls that stand cost a process.
fn measure(
    options: &Options,
    payload: usize,
    way: Way,
    generator: &mut Generator,
    process: Process,
) -> Result<Row> {
    let mut load = load(options, payload);
    let length = load.length;
    load.length = Duration::from_secs(1);
    generator.run(&load)?;
    load.length = length;
    let before = process.cpu()?;
    let outcome = generator.run(&load)?;
    let cpu = process.cpu()? - before;
    Ok(Row::new(
        (way, payload),
        (options.calls, length),
        outcome,
        cpu,
    ))
}

/// Through the server, call by call.
fn relay(options: &Options, payload: usize) -> Result<Row> {
    let runtime = runtime()?;
    let mut server = Server::start()?;
    server.settle();
    let empty = server.process().memory()?;
    let count = options.calls + options.video_calls;
    let people = options.guests.max(2 * count);
    let mut calls = runtime.block_on(Calls::sign_in(server.url(), people))?;
    server.settle();
    let signed_in = server.process().memory()?;
    let cpu = server.process().cpu()?;

    let mut generator = Generator::empty()?;
    for index in 0..count {
        let video = index >= options.calls;
        runtime
            .block_on(calls.connect(index, video, &mut generator))
            .with_context(|| format!("call {index} did not come about"))?;
    }
    let set_up_cpu = server.process().cpu()? - cpu;

    // Memory is asked for after a second of media, with everything in use that will be.
    let mut load = load(options, payload);
    let length = load.length;
    load.length = Duration::from_secs(1);
    generator.run(&load)?;
    let in_calls = server.process().memory()?;

    load.length = length;
    let before = server.process().cpu()?;
    let outcome = generator.run(&load)?;
    let cpu = server.process().cpu()? - before;
    // The server publishes its counts once a second.
    std::thread::sleep(Duration::from_millis(1100));
    let counts = server.counts()?;
    let there = (counts.users as usize, counts.established as usize);
    ensure!(
        there == (people, count),
        "of {people} people and {count} calls, {there:?} are left"
    );
    let log = server.log()?;
    runtime.block_on(calls.sign_out());
    server.empty_again()?;
    let memory = Memory {
        person: signed_in.saturating_sub(empty) as f64 / people as f64,
        call: in_calls.saturating_sub(signed_in) as f64 / count.max(1) as f64,
        left: server.process().memory()?.saturating_sub(empty),
    };
    server.stop()?;
    if !log.is_empty() {
        println!("the server wrote:\n{log}");
    }
    let row = Row::new((Way::Callbox, payload), (count, length), outcome, cpu);
    Ok(row.with_calls(PerCall {
        set_up: set_up_cpu / count.max(1) as u32,
        memory,
        counts,
        share: cpu.as_secs_f64() / length.as_secs_f64(),
    }))
}
