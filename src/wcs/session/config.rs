//! What a session is allowed.

use std::time::Duration;

use super::order::BusyStatus;
use super::timing::{KeepAlive, MessageRate};

/// What a session is allowed, and when it counts as dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Signs of life.
    pub keep_alive: KeepAlive,
    /// How long the first `connection` may take.
    pub handshake_timeout: Duration,
    /// Calls at once, in both directions together.
    pub max_calls: usize,
    /// The longest `sendData` payload, in bytes of JSON.
    pub max_data_bytes: usize,
    /// Messages taken; whoever sends more is closed with 1008.
    pub messages: MessageRate,
    /// `pushLogs` and the like, dropped at no cost; more of them count as messages.
    pub logs: MessageRate,
    /// What a client is told when the far side is busy.
    pub busy: BusyStatus,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            keep_alive: KeepAlive::default(),
            handshake_timeout: Duration::from_secs(10),
            max_calls: 8,
            max_data_bytes: 64 * 1024,
            messages: MessageRate {
                per_second: 100,
                burst: 400,
            },
            logs: MessageRate {
                per_second: 500,
                burst: 2000,
            },
            busy: BusyStatus::default(),
        }
    }
}
