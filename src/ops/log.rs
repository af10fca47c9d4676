//! The log: to standard error, for people. Nothing secret, no SDP, no addresses above DEBUG.

use tracing::{Level, debug, enabled, info, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::call::view::{CallRecord, CallView, HeardView, LegView, Notice, RecordingState};

/// The environment variable that overrides `log.level`.
pub const ENVIRONMENT: &str = "CALLBOX_LOG";

/// Changes the level of a running log.
pub struct Filter(reload::Handle<EnvFilter, Registry>);

/// Starts the log with this filter, or with that of the environment.
pub fn init(filter: &str) -> Filter {
    let (layer, handle) = reload::Layer::new(effective(filter));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = fmt::layer().compact().with_target(false).with_ansi(ansi);
    let lines = lines.with_writer(std::io::stderr);
    // A second log in one process has no effect: tests start several servers.
    let _ = tracing_subscriber::registry()
        .with(layer)
        .with(lines)
        .try_init();
    Filter(handle)
}

impl Filter {
    /// Sets another filter; the environment still overrides it.
    pub fn set(&self, filter: &str) {
        if let Err(error) = self.0.reload(effective(filter)) {
            warn!("the log level cannot be changed: {error}");
        }
    }
}

fn effective(filter: &str) -> EnvFilter {
    let overriding = std::env::var(ENVIRONMENT)
        .ok()
        .and_then(|text| EnvFilter::try_new(for_people(&text)).ok());
    overriding.unwrap_or_else(|| EnvFilter::new(for_people(filter)))
}

/// What the libraries below us would add: of no use to most, and the WebSocket library writes
/// whole messages, passwords in them. Who names one of them in the filter gets it.
const QUIET: &str =
    "tungstenite=info,tokio_tungstenite=info,hyper=info,rustls=info,tokio_rustls=info";

fn for_people(filter: &str) -> String {
    match filter.trim() {
        // The notices of the call core say in words what it also logs in fields.
        "info" => format!("{QUIET},info,callbox::call=warn"),
        other => format!("{QUIET},{other}"),
    }
}

/// Says in words what the call core reports, if the log is to hear it.
pub fn notice(notice: &Notice) {
    if !enabled!(Level::WARN) {
        return;
    }
    match sentence(notice) {
        (Level::WARN, line) => warn!("{line}"),
        (Level::DEBUG, line) => debug!("{line}"),
        (_, line) => info!("{line}"),
    }
}

fn sentence(notice: &Notice) -> (Level, String) {
    match notice {
        Notice::SignedIn { user, resumed } => {
            let how = if *resumed { "is back" } else { "signed in" };
            let guest = if user.guest { " as a guest" } else { "" };
            (Level::INFO, format!("{} {how}{guest}", user.user))
        }
        Notice::SignInRefused { code, .. } => {
            (Level::WARN, format!("a sign-in was refused: {code}"))
        }
        Notice::SignedOut { user } => (Level::INFO, format!("{user} signed out")),
        Notice::CallStarted(call) => (Level::INFO, format!("{} began", route(call))),
        Notice::CallAnswered(call) => {
            let waited = call
                .answered_ms
                .map(|at| at.saturating_sub(call.started_ms));
            let after = waited
                .map(|ms| format!(" after {}", seconds(ms)))
                .unwrap_or_default();
            (
                Level::INFO,
                format!("{} answered{after}, {}", route(call), codecs(call)),
            )
        }
        Notice::CallChanged(call) => (Level::DEBUG, format!("{} is {}", route(call), phase(call))),
        Notice::OneWayAudio { call, one_way } => (
            Level::WARN,
            format!("{}: one-way audio: {}", route(call), one_way.sentence),
        ),
        Notice::CallRefused { caller, end } => (
            Level::INFO,
            format!("a call of {caller} was refused: {}", end.code),
        ),
        Notice::CallEnded(record) => {
            let ours = record.end.cause == "us";
            (if ours { Level::WARN } else { Level::INFO }, ended(record))
        }
    }
}

fn ended(record: &CallRecord) -> String {
    let length = match record.talked_ms {
        0 => "unanswered".to_owned(),
        ms => format!("after {}", seconds(ms)),
    };
    let CallRecord { call, end, .. } = record;
    let heard = call.legs.iter().filter_map(heard);
    let heard: String = heard.map(|heard| format!("; {heard}")).collect();
    let files = call.recordings.iter().map(|it| match it.state {
        RecordingState::Failed => "; not recorded".to_owned(),
        RecordingState::Running | RecordingState::Ended => format!("; recorded in {}", it.file),
    });
    let files: String = files.collect();
    format!(
        "{} ended {length}: {} ({}){heard}{files}",
        route(call),
        end.caller_sentence,
        end.code
    )
}

/// What one side heard: `alice@localhost heard opus, MOS 4.3 (worst 3.9), 0.2 % lost, after 0.1 s`.
fn heard(leg: &LegView) -> Option<String> {
    let heard: &HeardView = leg.heard.as_ref()?;
    let mut line = match heard.codec {
        Some(codec) => format!("{} heard {codec}", leg.user),
        None => format!("{} heard", leg.user),
    };
    if let (Some(average), Some(worst)) = (heard.mos_average, heard.mos_worst) {
        line += &format!(", MOS {average:.1} (worst {worst:.1})");
    }
    if let Some(loss) = heard.loss {
        line += &format!(", {:.1} % lost", loss * 100.0);
    }
    match heard.first_sound_ms {
        Some(ms) => line += &format!(", after {}", seconds(ms)),
        None => line += " nothing",
    }
    if heard.one_way_times > 0 {
        line += &format!(", one-way {}x", heard.one_way_times);
    }
    Some(line)
}

fn route(call: &CallView) -> String {
    // The beginning of its name tells it apart, and a line stays readable.
    let id: String = call.id.chars().take(8).collect();
    format!("call {id}: {} \u{2192} {}", call.caller, call.callee)
}

fn codecs(call: &CallView) -> String {
    let sound = call.audio.as_deref().unwrap_or("no sound");
    match (&call.video, &call.video_reason) {
        (Some(video), _) => format!("{sound} + {video}"),
        (None, Some(reason)) => format!("{sound}, no picture: {reason}"),
        (None, None) => sound.to_owned(),
    }
}

fn phase(call: &CallView) -> String {
    let media: Vec<&str> = call.legs.iter().map(|leg| leg.media).collect();
    format!("{:?}, media {}", call.phase, media.join(" / ")).to_lowercase()
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
pub(super) mod tests;
