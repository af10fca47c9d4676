//! What calls cost: the real server, real WebSockets, real ICE, DTLS and SRTP, beside a plain
//! UDP copy loop that moves packets of the same sizes at the same rate in the same run.
//!
//! `cargo bench --bench calls` prints a table; `-- --help` tells the options. Costs are CPU time
//! of the server's process, as the kernel accounts it; compare ratios, not absolute times.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a load tool has sockets and a clock of its own and prints its table"
)]

mod copy_loop;
mod generator;
mod process;
mod report;
mod sdp;
mod signalling;
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

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use generator::{Generator, Load};
use process::Server;
use report::Row;
use signalling::Calls;

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
    /// Payload bytes of each packet; the option may be repeated, each makes a round of its own.
    #[arg(long, default_values_t = [160, 1200])]
    payload: Vec<usize>,
    /// Packets a second of each audio stream; a video stream has three times as many.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Length of each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Leave the copy loop out.
    #[arg(long)]
    no_floor: bool,
    /// Be the copy loop: used by the tool itself.
    #[arg(long, hide = true)]
    copy_loop: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.copy_loop {
        return copy_loop::run();
    }
    println!(
        "{} audio and {} video calls, {} packets/s a stream, {} s a round",
        options.calls, options.video_calls, options.rate, options.seconds
    );
    let mut rows = Vec::new();
    for payload in &options.payload {
        if !options.no_floor {
            rows.push(floor(&options, *payload)?);
        }
        rows.push(relay(&options, *payload)?);
    }
    report::print(&rows);
    Ok(())
}

fn load(options: &Options, payload: usize) -> Load {
    Load {
        payload,
        interval: Duration::from_secs(1) / options.rate.max(1),
        length: Duration::from_secs(options.seconds),
    }
}

/// The same packets through a loop that only copies.
fn floor(options: &Options, payload: usize) -> Result<Row> {
    let mut generator = Generator::plain(options.calls, options.video_calls)?;
    let mut copier = copy_loop::Copier::start(&generator.pairs()?)?;
    generator.aim_at(copier.address())?;
    let before = copier.process().cpu()?;
    let outcome = generator.run(&load(options, payload))?;
    let cpu = copier.process().cpu()? - before;
    copier.stop()?;
    Ok(Row::new("copy loop", payload, outcome, cpu))
}

/// Through the server, call by call.
fn relay(options: &Options, payload: usize) -> Result<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime for the signalling")?;
    let mut server = Server::start()?;
    let count = options.calls + options.video_calls;
    let people = options.guests.max(2 * count);
    let mut calls = runtime.block_on(Calls::sign_in(server.url(), people))?;
    server.settle();
    let (memory, cpu) = (server.process().memory()?, server.process().cpu()?);

    let mut generator = Generator::empty()?;
    let local = &mut calls;
    for index in 0..count {
        let video = index >= options.calls;
        runtime
            .block_on(local.connect(index, video, &mut generator))
            .with_context(|| format!("call {index} did not come about"))?;
    }
    let set_up_cpu = server.process().cpu()? - cpu;

    // Memory is asked for after a second of media, with everything in use that will be.
    let mut load = load(options, payload);
    let length = load.length;
    load.length = Duration::from_secs(1);
    generator.run(&load)?;
    let grown = server.process().memory()?.saturating_sub(memory);

    load.length = length;
    let before = server.process().cpu()?;
    let drops = server.kernel_drops()?;
    let outcome = generator.run(&load)?;
    let cpu = server.process().cpu()? - before;
    let drops = server.kernel_drops()? - drops;
    drop(calls);
    server.stop()?;
    let row = Row::new("callbox", payload, outcome, cpu);
    Ok(row.with_calls(count, set_up_cpu, grown, drops))
}
