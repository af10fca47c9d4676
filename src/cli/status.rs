//! `callbox status`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::configuration::Place;
use super::running;

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// Print the answer of the API as it is
    #[arg(long)]
    json: bool,
}

pub(super) fn run(place: &Place, arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let config = match place.load_or_say()? {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let (status, body) = running::ask(&config.data_dir, "GET", "/status")?;
    if status != 200 {
        bail!("the server answered {status}: {}", body.trim());
    }
    if arguments.json {
        println!("{body}");
        return Ok(ExitCode::SUCCESS);
    }
    let answer: Value = serde_json::from_str(&body)?;
    let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let drops = |worker: &Value| worker.get("kernel_drops").and_then(Value::as_u64);
    let workers = answer.get("media_workers").and_then(Value::as_array);
    let drops: u64 = workers.into_iter().flatten().filter_map(drops).sum();
    println!("people signed in    {}", number("users"));
    println!("pages signed in     {}", number("sessions"));
    println!(
        "calls now           {} ({} answered)",
        number("calls"),
        number("established")
    );
    println!(
        "calls since start   {} ({} failed)",
        number("calls_total"),
        number("calls_failed")
    );
    println!("media packets lost here  {drops}");
    Ok(ExitCode::SUCCESS)
}
