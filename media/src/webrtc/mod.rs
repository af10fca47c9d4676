//! How packets of a WebRTC leg reach its far side: an ICE-lite agent (RFC 8445 2.5) and a DTLS
//! association (RFC 5763), joined so that DTLS is spoken only over checked paths and no key
//! comes out before the peer's certificate was checked.
//!
//! This module is the seam around the engines `is` and `dimpl`: nothing else names them, so
//! that either can be exchanged. Both make randomness of their own.

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
    /// that was too long ago: the deadline is not moved with every packet.
    Up { heard: Instant, deadline: Instant },
    /// Closed or failed.
    Over,
}

/// The transport of one WebRTC leg.
pub struct Transport {
    plan: WebRtcPlan,
    agent: LiteAgent,
    association: Option<Box<Association>>,
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
            association: None,
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
        if let (Some(association), Some(expected)) =
            (&mut self.association, self.plan.remote_fingerprint)
        {
            let progress = association.expect(expected);
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
        if let Some(association) = &mut self.association
            && self.phase != Phase::Over
        {
            association.close(
                now,
                &mut Sender {
                    path,
                    scratch: cx.scratch,
                    out: cx.out,
                },
            );
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
        let dtls = self
            .association
            .as_ref()
            .and_then(|association| association.poll_timeout());
        own.into_iter().chain(dtls).min()
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
            Phase::Up { heard, deadline } if deadline <= now => {
                let deadline = heard + cx.timeouts.consent;
                self.phase = Phase::Up { heard, deadline };
                if deadline > now {
                    return;
                }
                Failure::ConsentLost
            }
            Phase::Over => return,
            _ => {
                let due = self.association.as_ref().and_then(|it| it.poll_timeout());
                if due.is_some_and(|due| due <= now) {
                    self.drive(now, None, None, cx);
                }
                return;
            }
        };
        self.on_progress(now, Progress::Failed(failure), cx);
    }

    /// Sends the first flight where that is ours to do and not yet done.
    fn begin_as_client(&mut self, now: Instant, cx: &mut Context<'_>) {
        if self.plan.role == DtlsRole::Client && self.association.is_none() {
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
        let association = self.association.get_or_insert_with(|| {
            Box::new(Association::new(
                cx.dtls,
                plan.role,
                plan.remote_fingerprint,
                now,
            ))
        });
        let path = self.agent.selected().or(from);
        let mut send = Sender {
            path,
            scratch: cx.scratch,
            out: cx.out,
        };
        let progress = match datagram {
            Some(datagram) => association.handle_datagram(now, datagram, &mut send),
            None => association.handle_timeout(now, &mut send),
        };
        self.on_progress(now, progress, cx);
    }

    fn on_progress(&mut self, now: Instant, progress: Progress, cx: &mut Context<'_>) {
        let event = match progress {
            Progress::None => return,
            Progress::Ready(keys) => {
                let deadline = now + cx.timeouts.consent;
                self.phase = Phase::Up {
                    heard: now,
                    deadline,
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
    }
}

fn is_complete(plan: &WebRtcPlan) -> bool {
    plan.remote_ice.is_some() && plan.remote_fingerprint.is_some()
}
