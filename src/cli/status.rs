//! `callbox status`
#![allow(
    clippy::disallowed_methods,
    reason = "a command asks and ends: no driver, no task"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::configuration::Place;
use super::running;

/// Rows of one list.
const MOST_PRINTED: usize = 200;

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
    let body = ask(&config.data_dir, "/status")?;
    if arguments.json {
        println!("{body}");
        return Ok(ExitCode::SUCCESS);
    }
    print_numbers(&serde_json::from_str(&body)?);
    let calls = ask(&config.data_dir, "/calls")?;
    print_calls(&rows(&calls)?);
    let registrations = ask(&config.data_dir, "/registrations")?;
    print_registrations(&rows(&registrations)?);
    let flows = ask(&config.data_dir, "/flows")?;
    print_flows(&rows(&flows)?);
    Ok(ExitCode::SUCCESS)
}

fn ask(data_dir: &Path, path: &str) -> anyhow::Result<String> {
    let (status, body) = running::ask(data_dir, "GET", path)?;
    if status != 200 {
        bail!("the server answered {status}: {}", body.trim());
    }
    Ok(body)
}

fn rows(body: &str) -> anyhow::Result<Vec<Value>> {
    Ok(serde_json::from_str(body)?)
}

fn print_numbers(answer: &Value) {
    let drops = |worker: &Value| worker.get("kernel_drops").and_then(Value::as_u64);
    let workers = answer.get("media_workers").and_then(Value::as_array);
    let drops: u64 = workers.into_iter().flatten().filter_map(drops).sum();
    let number = |name| number(answer, name);
    println!("people signed in    {}", number("users"));
    println!(
        "pages signed in     {}",
        number("sessions").saturating_sub(number("registrations"))
    );
    println!("phones registered   {}", number("registrations"));
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
    println!(
        "scanners banned     {} ({} requests dropped)",
        number("banned_addresses"),
        number("scans_dropped")
    );
}

fn print_calls(rows: &[Value]) {
    if rows.is_empty() {
        return;
    }
    println!("\ncalls");
    for row in rows.iter().take(MOST_PRINTED) {
        println!(
            "  {} to {}  {}",
            text(row, "caller"),
            text(row, "callee"),
            text(row, "phase")
        );
        let legs = row.get("legs").and_then(Value::as_array);
        for leg in legs.into_iter().flatten() {
            if let Some(line) = sound(leg) {
                println!("    {} {line}", text(leg, "user"));
            }
        }
        let recordings = row.get("recordings").and_then(Value::as_array);
        for recording in recordings.into_iter().flatten() {
            println!("    {}", recorded(recording));
        }
        if let Some(one_way) = row.get("one_way").filter(|it| !it.is_null()) {
            println!("    {}", text(one_way, "sentence"));
        }
    }
    print_rest(rows.len());
}

/// Where a call is recorded, or why not.
fn recorded(recording: &Value) -> String {
    let file = text(recording, "file");
    let line = match text(recording, "state").as_str() {
        "running" => format!("is being recorded: {file}"),
        "failed" => "is not recorded".to_owned(),
        _ => format!("was recorded: {file}"),
    };
    match text(recording, "problem") {
        none if none.is_empty() => line,
        problem => format!("{line} ({problem})"),
    }
}

/// Both directions of a leg's sound, on one line.
fn sound(leg: &Value) -> Option<String> {
    let streams = leg.get("quality")?.get("streams")?.as_array()?;
    let mut audio = streams.iter().filter(|it| text(it, "kind") == "audio");
    let audio = audio.next()?;
    let direction = |name: &str, verb: &str| {
        let direction = audio.get(name)?;
        let mut parts = vec![format!("{verb} {}", text(direction, "codec"))];
        let number = |name: &str| direction.get(name).and_then(Value::as_f64);
        if let Some(loss) = number("loss") {
            parts.push(format!("{:.1} % lost", loss * 100.0));
        }
        if let Some(jitter) = number("jitter_ms") {
            parts.push(format!("{jitter:.0} ms jitter"));
        }
        if let Some(mos) = number("mos") {
            parts.push(format!("MOS {mos:.1}"));
        }
        Some(parts.join(", "))
    };
    let says = direction("sent", "says")?;
    Some(format!("{says}; {}", direction("received", "hears")?))
}

fn print_registrations(rows: &[Value]) {
    if rows.is_empty() {
        return;
    }
    println!("\nphones");
    for row in rows.iter().take(MOST_PRINTED) {
        println!(
            "  {}  {} from {}  {}  for {}  expires in {} s  {}",
            text(row, "user"),
            text(row, "transport"),
            text(row, "source"),
            text(row, "contact"),
            ago(row),
            number(row, "expires_s"),
            text(row, "state"),
        );
    }
    print_rest(rows.len());
}

fn print_flows(rows: &[Value]) {
    if rows.is_empty() {
        return;
    }
    println!("\nSIP flows");
    for row in rows.iter().take(MOST_PRINTED) {
        let trusted = row.get("trusted").and_then(Value::as_bool);
        println!(
            "  {}  {} {} to {}  for {}{}",
            text(row, "id"),
            text(row, "transport"),
            text(row, "peer"),
            text(row, "local"),
            ago(row),
            match trusted {
                Some(true) => "  signed in",
                _ => "",
            },
        );
    }
    print_rest(rows.len());
}

fn print_rest(rows: usize) {
    if rows > MOST_PRINTED {
        println!("  and {} more: ask the API", rows - MOST_PRINTED);
    }
}

/// For how long it has been there, for people.
fn ago(row: &Value) -> String {
    let since = UNIX_EPOCH + Duration::from_millis(number(row, "since_ms"));
    // Who set the clock back meanwhile sees 0.
    let seconds = SystemTime::now()
        .duration_since(since)
        .unwrap_or_default()
        .as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {minutes} min"),
    }
}

fn number(row: &Value, name: &str) -> u64 {
    row.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// What telephones wrote must not steer a terminal.
fn text(row: &Value, name: &str) -> String {
    let text = row.get(name).and_then(Value::as_str).unwrap_or_default();
    text.chars()
        .map(|it| if it.is_control() { '?' } else { it })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recording_is_named_with_its_file_or_what_is_wrong() {
        let running = json!({"file": "a-1.ogg", "state": "running", "problem": null});
        assert_eq!(recorded(&running), "is being recorded: a-1.ogg");
        let failed = json!({"file": "a-1.ogg", "state": "failed", "problem": "The disk is full."});
        assert_eq!(recorded(&failed), "is not recorded (The disk is full.)");
        let cut = json!({"file": "a-1.ogg", "state": "ended", "problem": "Long enough."});
        assert_eq!(recorded(&cut), "was recorded: a-1.ogg (Long enough.)");
    }

    #[test]
    fn sound_of_a_leg_is_one_line_without_what_is_not_known() {
        let sent = json!({"codec": "opus", "loss": 0.012, "jitter_ms": 3.4, "mos": 4.3});
        let received = json!({"codec": "PCMU", "loss": null, "jitter_ms": null, "mos": null});
        let stream = json!({"kind": "audio", "sent": sent, "received": received});
        let leg = json!({"quality": {"streams": [{"kind": "video"}, stream]}});
        assert_eq!(
            sound(&leg).as_deref(),
            Some("says opus, 1.2 % lost, 3 ms jitter, MOS 4.3; hears PCMU")
        );
        assert_eq!(sound(&json!({"quality": null})), None);
    }
}
