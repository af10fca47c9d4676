//! The log: to standard error, for people. Nothing secret, no SDP, no addresses above DEBUG.

use tracing::{info, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::call::view::{CallRecord, CallView, Notice};

/// The environment variable that overrides `log.level`.
pub const ENVIRONMENT: &str = "CALLBOX_LOG";

/// Changes the level of a running log.
pub struct Level(reload::Handle<EnvFilter, Registry>);

/// Starts the log with this filter, or with that of the environment.
pub fn init(filter: &str) -> Level {
    let (layer, handle) = reload::Layer::new(effective(filter));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = fmt::layer().compact().with_target(false).with_ansi(ansi);
    let lines = lines.with_writer(std::io::stderr);
    // A second log in one process has no effect: tests start several servers.
    let _ = tracing_subscriber::registry()
        .with(layer)
        .with(lines)
        .try_init();
    Level(handle)
}

impl Level {
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
        .and_then(|text| EnvFilter::try_new(text).ok());
    overriding.unwrap_or_else(|| EnvFilter::new(filter))
}

/// Says in words what the call core reports.
pub fn notice(notice: &Notice) {
    let (line, trouble) = sentence(notice);
    if trouble {
        warn!("{line}");
    } else {
        info!("{line}");
    }
}

/// The line, and whether it is about trouble.
fn sentence(notice: &Notice) -> (String, bool) {
    match notice {
        Notice::SignedIn { user, resumed } => {
            let how = if *resumed { "is back" } else { "signed in" };
            let guest = if user.guest { " as a guest" } else { "" };
            (format!("{} {how}{guest}", user.user), false)
        }
        Notice::SignInRefused { code, .. } => (format!("a sign-in was refused: {code}"), true),
        Notice::SignedOut { user } => (format!("{user} signed out"), false),
        Notice::CallStarted(call) => (format!("{} began", route(call)), false),
        Notice::CallAnswered(call) => {
            let waited = call
                .answered_ms
                .map(|at| at.saturating_sub(call.started_ms));
            let after = waited
                .map(|ms| format!(" after {}", seconds(ms)))
                .unwrap_or_default();
            (
                format!("{} answered{after}, {}", route(call), codecs(call)),
                false,
            )
        }
        Notice::CallChanged(call) => (format!("{} is {}", route(call), phase(call)), false),
        Notice::CallRefused { caller, end } => (
            format!("a call of {caller} was refused: {}", end.code),
            end.cause != "success",
        ),
        Notice::CallEnded(record) => (ended(record), record.end.cause == "us"),
    }
}

fn ended(record: &CallRecord) -> String {
    let length = match record.talked_ms {
        0 => "unanswered".to_owned(),
        ms => format!("after {}", seconds(ms)),
    };
    let CallRecord { call, end, .. } = record;
    format!(
        "{} ended {length}: {} ({})",
        route(call),
        end.caller_sentence,
        end.code
    )
}

fn route(call: &CallView) -> String {
    format!("call {}: {} \u{2192} {}", call.id, call.caller, call.callee)
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
mod tests;
