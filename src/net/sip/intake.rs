//! What becomes of what a peer sent, on any transport: messages go to the driver; what can be
//! answered without it is answered here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::flow::FlowId;
use sip::framer::{Framed, PONG};
use sip::message::{Fault, Message, Rejected};
use tracing::{debug, warn};

use super::Shared;
use super::handle::Standing;
use crate::net::flows::Turns;
use crate::ops::Throttle;

/// Messages dropped that are logged in each interval.
const LOGGED_DROPS: (u32, Duration) = (5, Duration::from_secs(60));

/// What comes in on one flow.
pub(super) struct Intake {
    /// The flow.
    pub flow: FlowId,
    /// The far end, as requests note it.
    pub source: SocketAddr,
    /// What the limits think of it.
    pub standing: Arc<Standing>,
    /// How much of it may wait for the driver.
    pub turns: Turns,
    /// What all flows share.
    pub shared: Arc<Shared>,
}

/// What to do after it was taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    GoOn,
    /// Send this.
    Answer(Bytes),
    /// End the flow, after this answer.
    Close(Option<Bytes>, Fault),
    /// End the flow: the server is going down.
    Down,
}

impl Intake {
    /// Takes what a connection brought. A stranger who is too fast waits here, and so does his
    /// connection.
    pub(super) async fn take(&self, framed: Framed) -> Verdict {
        if !self.standing.is_trusted() {
            let wait = self.shared.rates.wait(Instant::now(), self.source.ip());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        match framed {
            Framed::Message(message) => {
                let said = sourced(message, self.source);
                let driver = &self.shared.driver;
                if driver.sip_said(self.flow, said, &self.turns).await {
                    Verdict::GoOn
                } else {
                    Verdict::Down
                }
            }
            Framed::Rejected(rejected) => Verdict::Answer(refuse(*rejected, self.source)),
            Framed::Dropped(fault) => {
                self.shared.drops.note(fault);
                Verdict::GoOn
            }
            Framed::Ping => Verdict::Answer(Bytes::from_static(PONG)),
            Framed::Pong => Verdict::GoOn,
            Framed::Close(close) => {
                self.shared.drops.note(close.fault);
                let answer = close.answer.map(|it| refuse(it, self.source));
                Verdict::Close(answer, close.fault)
            }
        }
    }
}

/// A message that knows where it came from.
pub(super) fn sourced(mut message: Message, source: SocketAddr) -> Message {
    if let Message::Request(request) = &mut message {
        request.set_source(source);
    }
    message
}

/// The answer to a request that was refused while it was read.
pub(super) fn refuse(mut rejected: Rejected, source: SocketAddr) -> Bytes {
    debug!("a SIP request is refused: {}", rejected.rejection());
    rejected.set_source(source);
    rejected.response(&random_tag())
}

/// A To tag (RFC 3261 19.3: at least 32 bits of randomness).
fn random_tag() -> String {
    let mut bytes = [0; 8];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // Nothing hangs on it: no dialog comes of an answer like this.
        warn!("no randomness from the system");
    }
    format!("{:016x}", u64::from_ne_bytes(bytes))
}

/// Counts messages that get no answer.
#[derive(Debug)]
pub(super) struct Drops {
    seen: AtomicU64,
    logged: Throttle,
}

impl Drops {
    pub(super) fn new() -> Self {
        Self {
            seen: AtomicU64::new(0),
            logged: Throttle::new(LOGGED_DROPS.0, LOGGED_DROPS.1),
        }
    }

    /// Notes one that cannot be read.
    pub(super) fn note(&self, fault: Fault) {
        self.count(&fault);
    }

    /// Notes one that is over a limit, or the like.
    pub(super) fn count(&self, why: &dyn std::fmt::Display) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if self.logged.admit() {
            warn!("a SIP message is dropped: {why} ({seen} dropped since the start)");
        }
    }

    /// How many there were.
    #[cfg(test)]
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}
