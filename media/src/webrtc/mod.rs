//! How packets of a WebRTC leg reach its far side: an ICE-lite agent (RFC 8445 2.5) and a DTLS
//! association (RFC 5763), joined so that DTLS is spoken only over checked paths and no key
//! comes out before the peer's certificate was checked.
//!
//! This module is the seam around the engines `is` and `dimpl`: nothing else names them, so
//! that either can be exchanged. Both make randomness of their own.

mod afterwards;
mod certificate;
mod dtls;
mod ice;
mod stun;

use std::time::{Duration, Instant};

pub use certificate::{Certificate, UnusableKey};
pub use dtls::DtlsConfig;
pub use stun::addressed_to;

use crate::event::Failure;
use crate::ids::DtlsRole;
use crate::outbox::{Outbox, Path};
use crate::plan::WebRtcPlan;
use crate::srtp::Keys;
use afterwards::Afterwards;
use dtls::{Association, Progress, Sender};
use ice::LiteAgent;

/// How long a transport may take and may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportTimeouts {
    /// From the remote description's arrival until media can flow.
    pub set_up: Duration,
    /// Without any authenticated packet (RFC 7675). A lite agent sends no checks of its own,
    /// so the far side's are its consent.
    pub consent: Duration,
}

/// For how long a far side may be silent after a goodbye that nobody can check, until that is
/// believed. A browser that is there renews its consent every 6 s at the latest (RFC 7675 5.1).
const GOODBYE_DOUBT: Duration = Duration::from_millis(6500);

/// Packets overtake each other by so much at most.
const STRAGGLING: Duration = Duration::from_millis(500);

/// What a transport works with beside its own state; shared by all legs of a worker.
#[derive(Debug)]
pub struct Context<'a> {
    /// Ours.
    pub dtls: &'a DtlsConfig,
    /// Limits.
    pub timeouts: TransportTimeouts,
    /// Room for the engine to write in; grows to the largest peer certificate.
    pub scratch: &'a mut Vec<u8>,
    /// Where datagrams go.
    pub out: &'a mut Outbox,
    /// Where events go.
    pub events: &'a mut Vec<TransportEvent>,
}

/// What a transport tells its leg.
#[derive(Debug)]
pub enum TransportEvent {
    /// Packets from here belong to this leg from now on.
    PathAdded(Path),
    /// And no longer do.
    PathRemoved(Path),
    /// The first path was checked.
    Connected,
    /// Media can flow.
    Ready(Box<Keys>),
    /// The far side said goodbye (`close_notify`).
    Closed,
    /// The transport is dead and does nothing from here on.
    Failed(Failure),
}

/// Where a transport stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Until media can flow. The deadline exists once the remote description is known: a
    /// callee may ring for long.
    SettingUp { deadline: Option<Instant> },
    /// Media can flow. When something authenticated was heard last, and when to look whether
    /// that was too long ago: the deadline is not moved with every packet. And since when the
    /// far side is said to be gone by somebody who may not be the far side.
    Up {
        heard: Instant,
        deadline: Instant,
        goodbye: Option<Instant>,
    },
    /// Closed or failed.
    Over,
}

/// Where DTLS stands.
enum Handshake {
    /// Nobody has begun.
    Awaited,
    /// It goes on; as a client, for as long as the leg lives.
    Going(Box<Association>),
    /// It is done, and this is kept of it.
    Done(Box<Afterwards>),
}

/// The transport of one WebRTC leg.
pub struct Transport {
    plan: WebRtcPlan,
    agent: LiteAgent,
    handshake: Handshake,
    phase: Phase,
    checked: bool,
}

impl Transport {
    /// Reachable from now on.
    pub fn new(now: Instant, plan: WebRtcPlan, timeouts: TransportTimeouts) -> Self {
        let agent = LiteAgent::new(plan.local_ice.clone(), plan.remote_ice.as_ref());
        let deadline = is_complete(&plan).then(|| now + timeouts.set_up);
        Self {
            plan,
            agent,
            handshake: Handshake::Awaited,
            phase: Phase::SettingUp { deadline },
            checked: false,
        }
    }

    /// A new plan: the remote description became known, or ICE restarts. Keys go on.
    pub fn update(&mut self, now: Instant, plan: WebRtcPlan, cx: &mut Context<'_>) {
        self.agent.update(&plan.local_ice, plan.remote_ice.as_ref());
        self.plan = plan;
        if self.phase == (Phase::SettingUp { deadline: None }) && is_complete(&self.plan) {
            self.phase = Phase::SettingUp {
                deadline: Some(now + cx.timeouts.set_up),
            };
        }
        if self.phase == Phase::Over {
            return;
        }
        if let Some(expected) = self.plan.remote_fingerprint {
            let progress = match &mut self.handshake {
                Handshake::Awaited => Progress::None,
                Handshake::Going(association) => association.expect(expected),
                Handshake::Done(afterwards) if afterwards.peer == expected => Progress::None,
                Handshake::Done(_) => Progress::Failed(Failure::FingerprintMismatch),
            };
            self.on_progress(now, progress, cx);
        }
        // Its checks may have come before the answer that makes us the client.
        if self.agent.selected().is_some() {
            self.begin_as_client(now, cx);
        }
    }

    /// A STUN Binding request that names this leg. Returns whether it was genuine.
    pub fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        if self.phase == Phase::Over {
            return false;
        }
        let had_path = self.agent.selected().is_some();
        let Some(checked) = self.agent.handle_check(now, path, datagram, cx.out) else {
            return false;
        };
        let is_first = !std::mem::replace(&mut self.checked, true);
        self.heard(now);
        cx.events
            .extend(checked.removed.map(TransportEvent::PathRemoved));
        cx.events
            .extend(checked.added.map(TransportEvent::PathAdded));
        if is_first {
            cx.events.push(TransportEvent::Connected);
        }
        if !had_path {
            self.begin_as_client(now, cx);
        }
        true
    }

    /// A DTLS datagram. Taken only over a checked path: an address that never answered to our
    /// password cannot reach the handshake.
    pub fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        if self.phase == Phase::Over || !self.agent.is_valid(&path) {
            return false;
        }
        self.drive(now, Some(path), Some(datagram), cx);
        true
    }

    /// An SRTP or SRTCP packet of this leg was authenticated: consent goes on.
    pub fn heard(&mut self, now: Instant) {
        if let Phase::Up { heard, .. } = &mut self.phase {
            *heard = now;
        }
    }

    /// The connection under a path is gone: nothing more comes or goes over it. Where it was the
    /// one in use, the path heard of last takes over until the far side nominates another.
    pub fn forget_path(&mut self, path: Path) {
        self.agent.forget(path);
    }

    /// Where to send.
    pub fn path(&self) -> Option<Path> {
        self.agent.selected()
    }

    /// All paths packets may come over.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.agent.paths()
    }

    /// Says goodbye to the far side.
    pub fn close(&mut self, now: Instant, cx: &mut Context<'_>) {
        let path = self.agent.selected();
        let mut send = Sender {
            path,
            scratch: cx.scratch,
            out: cx.out,
        };
        match &mut self.handshake {
            _ if self.phase == Phase::Over => {}
            Handshake::Awaited => {}
            Handshake::Going(association) => association.close(now, &mut send),
            Handshake::Done(afterwards) => afterwards.close(&mut send),
        }
        self.phase = Phase::Over;
    }

    /// When [`Transport::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.phase {
            Phase::SettingUp { deadline } => deadline,
            Phase::Up { deadline, .. } => Some(deadline),
            Phase::Over => return None,
        };
        own.into_iter().chain(self.handshake.poll_timeout()).min()
    }

    /// Retransmits, or gives up.
    pub fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) {
        let failure = match self.phase {
            Phase::SettingUp {
                deadline: Some(deadline),
            } if deadline <= now => {
                if self.checked {
                    Failure::DtlsTimeout
                } else {
                    Failure::NeverReached
                }
            }
            Phase::Up { deadline, .. } if deadline <= now => {
                let progress = self.look_for_life(now, cx.timeouts.consent);
                return self.on_progress(now, progress, cx);
            }
            Phase::Over => return,
            _ => {
                let due = self.handshake.poll_timeout();
                if due.is_some_and(|due| due <= now) {
                    self.drive(now, None, None, cx);
                }
                return;
            }
        };
        self.on_progress(now, Progress::Failed(failure), cx);
    }

    /// Whether the far side is still there, while media can flow.
    fn look_for_life(&mut self, now: Instant, consent: Duration) -> Progress {
        let Phase::Up { heard, goodbye, .. } = self.phase else {
            return Progress::None;
        };
        // What the far side sent before its goodbye may arrive after it.
        let gone = goodbye.filter(|at| heard < *at + STRAGGLING);
        match gone {
            Some(at) if at + GOODBYE_DOUBT <= now => return Progress::Closed,
            Some(_) if heard + consent <= now => return Progress::Closed,
            None if heard + consent <= now => return Progress::Failed(Failure::ConsentLost),
            _ => {}
        }
        let doubt = gone.map(|at| at + GOODBYE_DOUBT);
        self.phase = Phase::Up {
            heard,
            deadline: doubt.into_iter().fold(heard + consent, Instant::min),
            goodbye: gone,
        };
        Progress::None
    }

    /// A goodbye that nobody can check came: it counts if the far side falls silent.
    fn doubt(&mut self, now: Instant) {
        if let Phase::Up {
            deadline,
            goodbye: goodbye @ None,
            ..
        } = &mut self.phase
        {
            *goodbye = Some(now);
            *deadline = (*deadline).min(now + GOODBYE_DOUBT);
        }
    }

    /// Sends the first flight where that is ours to do and not yet done.
    fn begin_as_client(&mut self, now: Instant, cx: &mut Context<'_>) {
        if self.plan.role == DtlsRole::Client && matches!(self.handshake, Handshake::Awaited) {
            self.drive(now, None, None, cx);
        }
    }

    /// Gives the association a datagram, or the time. It begins with the first datagram as a
    /// server and with the first checked path as a client.
    fn drive(
        &mut self,
        now: Instant,
        from: Option<Path>,
        datagram: Option<&[u8]>,
        cx: &mut Context<'_>,
    ) {
        let plan = &self.plan;
        if matches!(self.handshake, Handshake::Awaited) {
            let expected = plan.remote_fingerprint;
            let association = Association::new(cx.dtls, plan.role, expected, now);
            self.handshake = Handshake::Going(Box::new(association));
        }
        let mut send = Sender {
            path: self.agent.selected().or(from),
            scratch: cx.scratch,
            out: cx.out,
        };
        let progress = match (&mut self.handshake, datagram) {
            (Handshake::Awaited, _) | (Handshake::Done(_), None) => return,
            (Handshake::Going(association), Some(datagram)) => {
                association.handle_datagram(now, datagram, &mut send)
            }
            (Handshake::Going(association), None) => association.handle_timeout(now, &mut send),
            (Handshake::Done(afterwards), Some(datagram)) => {
                if afterwards.handle_datagram(now, datagram, &mut send) {
                    self.doubt(now);
                }
                return;
            }
        };
        self.on_progress(now, progress, cx);
    }

    fn on_progress(&mut self, now: Instant, progress: Progress, cx: &mut Context<'_>) {
        let event = match progress {
            Progress::None => return self.let_go(now, cx.scratch),
            Progress::Ready(keys) => {
                let deadline = now + cx.timeouts.consent;
                self.phase = Phase::Up {
                    heard: now,
                    deadline,
                    goodbye: None,
                };
                TransportEvent::Ready(keys)
            }
            Progress::Closed => {
                self.phase = Phase::Over;
                TransportEvent::Closed
            }
            Progress::Failed(failure) => {
                self.phase = Phase::Over;
                TransportEvent::Failed(failure)
            }
        };
        cx.events.push(event);
        self.let_go(now, cx.scratch);
    }

    /// Lets the engine of a handshake go that is done.
    fn let_go(&mut self, now: Instant, scratch: &mut [u8]) {
        if matches!(self.phase, Phase::Up { .. })
            && let Handshake::Going(association) = &mut self.handshake
            && let Some(afterwards) = association.afterwards(now, scratch)
        {
            self.handshake = Handshake::Done(Box::new(afterwards));
        }
    }
}

impl Handshake {
    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Going(association) => association.poll_timeout(),
            Self::Awaited | Self::Done(_) => None,
        }
    }
}

fn is_complete(plan: &WebRtcPlan) -> bool {
    plan.remote_ice.is_some() && plan.remote_fingerprint.is_some()
}
