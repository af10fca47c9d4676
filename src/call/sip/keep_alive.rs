//! Telephones are asked whether they are still there (OPTIONS, RFC 3261 11.1). An answer of any kind
//! says that they are; what goes to and fro keeps open what a NAT between us has opened. One that
//! leaves several in a row without an answer cannot be reached: its binding parks until it expires,
//! and whoever is called does not ring there. It is asked on, and is back with its next answer or
//! REGISTER.
//!
//! WebSockets have pings of their own (RFC 6455 5.5.2). What telephones send to keep their flows
//! open (RFC 5626 3.5) is answered where it arrives, in the shell.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sip::dialog::MAX_FORWARDS;
use sip::flow::{FlowId, Transport};
use sip::header::OwnAddr;
use sip::message::{Method, RequestBuilder};
use sip::transaction::{ClientId, Failure};
use sip::uri::Uri;

use crate::call::people::{DeviceId, DeviceKind};
use crate::call::switch::Switch;
use crate::call::time::Now;

/// Who is asked, and when next.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    probes: BTreeMap<DeviceId, Probe>,
    due: BTreeSet<(Instant, DeviceId)>,
    by_client: BTreeMap<ClientId, DeviceId>,
    /// No request before.
    quiet_until: Option<Instant>,
}

/// One telephone.
#[derive(Debug)]
struct Probe {
    /// Over which it is asked.
    flow: FlowId,
    asked: Asked,
    /// Requests in a row without an answer.
    missed: u32,
    unreachable: bool,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    /// It will be, then.
    At(Instant),
    /// An answer is waited for.
    Now(ClientId),
}

/// What an answer, or none, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing new.
    Same,
    /// It answers no more.
    Lost,
    /// It answers again, on this flow.
    Back(FlowId),
}

impl KeepAlive {
    /// Asks a telephone at that time, as if it had never been asked before.
    fn expect(&mut self, id: DeviceId, flow: FlowId, at: Instant) {
        self.forget(id);
        let probe = Probe {
            flow,
            asked: Asked::At(at),
            missed: 0,
            unreachable: false,
        };
        self.probes.insert(id, probe);
        self.due.insert((at, id));
    }

    /// It is not asked any more.
    pub(super) fn forget(&mut self, id: DeviceId) {
        match self.probes.remove(&id).map(|probe| probe.asked) {
            Some(Asked::At(at)) => {
                self.due.remove(&(at, id));
            }
            Some(Asked::Now(client)) => {
                self.by_client.remove(&client);
            }
            None => {}
        }
    }

    /// The telephone is asked for in vain.
    pub(super) fn is_unreachable(&self, id: DeviceId) -> bool {
        self.probes.get(&id).is_some_and(|probe| probe.unreachable)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let (due, _) = self.due.first()?;
        Some(self.quiet_until.map_or(*due, |until| until.max(*due)))
    }

    /// Whom to ask now. The next one is not asked before the gap is over.
    fn take_due(&mut self, now: Instant, gap: Duration) -> Option<(DeviceId, FlowId)> {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return None;
        }
        let (_, id) = self.due.pop_first()?;
        self.quiet_until = Some(now + gap);
        Some((id, self.probes.get(&id)?.flow))
    }

    fn is_asked(&mut self, id: DeviceId, asked: Asked) {
        let Some(probe) = self.probes.get_mut(&id) else {
            return;
        };
        probe.asked = asked;
        match asked {
            Asked::At(at) => {
                self.due.insert((at, id));
            }
            Asked::Now(client) => {
                self.by_client.insert(client, id);
            }
        }
    }

    fn answered(&mut self, id: DeviceId, next: Instant) -> Outcome {
        self.is_asked(id, Asked::At(next));
        let Some(probe) = self.probes.get_mut(&id) else {
            return Outcome::Same;
        };
        probe.missed = 0;
        match std::mem::take(&mut probe.unreachable) {
            true => Outcome::Back(probe.flow),
            false => Outcome::Same,
        }
    }

    /// One that may be gone is asked again at once, one that is gone in its turn.
    fn missed(&mut self, id: DeviceId, now: Instant, next: Instant, most: u32) -> Outcome {
        let Some(probe) = self.probes.get_mut(&id) else {
            return Outcome::Same;
        };
        probe.missed = probe.missed.saturating_add(1);
        let gone = probe.missed >= most;
        let lost = gone && !std::mem::replace(&mut probe.unreachable, gone);
        self.is_asked(id, Asked::At(if gone { next } else { now }));
        match lost {
            true => Outcome::Lost,
            false => Outcome::Same,
        }
    }
}

impl Switch {
    /// A telephone has said on that flow that it is there: it is asked from then on.
    pub(super) fn keep_in_touch(&mut self, now: Now, id: DeviceId, flow: FlowId) {
        let interval = self.config.keep_alive.interval;
        let asked = match self.sip.transport(flow) {
            Some(Transport::Udp | Transport::Tcp | Transport::Tls) => !interval.is_zero(),
            Some(Transport::Ws | Transport::Wss) | None => false,
        };
        match asked {
            true => {
                let at = now.mono + interval;
                self.sip.keep_alive.expect(id, flow, at);
            }
            false => self.sip.keep_alive.forget(id),
        }
    }

    pub(in crate::call) fn on_keep_alive_due(&mut self, now: Now) {
        let gap = Duration::from_secs(1) / self.config.keep_alive.per_second.max(1);
        while let Some((id, flow)) = self.sip.keep_alive.take_due(now.mono, gap) {
            let asked = match self.ask_whether_there(now, id, flow) {
                Some(client) => Asked::Now(client),
                None => {
                    self.open_way_to(id);
                    Asked::At(now.mono + self.config.keep_alive.interval)
                }
            };
            self.sip.keep_alive.is_asked(id, asked);
        }
    }

    fn ask_whether_there(&mut self, now: Now, id: DeviceId, flow: FlowId) -> Option<ClientId> {
        let device = self.people.device(id)?;
        let binding = self.location.get(device.binding)?;
        let contact = binding.contact.as_sip()?;
        let (uri, path, to) = (&contact.uri, &contact.path, device.user.to_uri().ok()?);
        let from = Uri::parse(&format!("sip:{}", device.user.domain())).ok()?;
        let (tag, call_id) = (self.pool.token(), self.pool.token());
        let builder = RequestBuilder::new(Method::Options, uri)
            .max_forwards(MAX_FORWARDS)
            .from(&OwnAddr::new("", &from).tag(&tag))
            .to(&OwnAddr::new("", &to))
            .call_id(&call_id)
            .cseq(1);
        let builder = path.iter().fold(builder, |it, hop| {
            it.value(sip::message::HeaderName::Route, hop.as_bytes())
        });
        self.send_request(now, flow, builder)
    }

    /// The final response to a request of ours, or what became of it instead. True if it was one of
    /// those that ask whether somebody is there.
    pub(super) fn keeps_in_touch(
        &mut self,
        now: Now,
        client: ClientId,
        outcome: Result<(), Failure>,
    ) -> bool {
        let Some(id) = self.sip.keep_alive.by_client.remove(&client) else {
            return false;
        };
        let config = self.config.keep_alive;
        let next = now.mono + config.interval;
        let probes = &mut self.sip.keep_alive;
        let outcome = match outcome {
            Ok(()) => probes.answered(id, next),
            Err(Failure::Timeout) => probes.missed(id, now.mono, next, config.misses),
            // That says nothing of who is behind it.
            Err(Failure::FlowClosed) => {
                probes.is_asked(id, Asked::At(next));
                Outcome::Same
            }
        };
        match outcome {
            Outcome::Same => {}
            Outcome::Lost => self.phone_is_unreachable(id),
            Outcome::Back(flow) => self.phone_is_reachable(now, flow, id),
        }
        true
    }

    /// A device is gone.
    pub(in crate::call) fn no_longer_in_touch(&mut self, id: DeviceId) {
        self.sip.keep_alive.forget(id);
    }

    fn phone_is_unreachable(&mut self, id: DeviceId) {
        let Some(device) = self.people.device_mut(id) else {
            return;
        };
        device.kind = DeviceKind::Phone { here: false };
        self.location.park(device.binding);
        tracing::info!(device = id.0, "a telephone answers no more, it is parked");
        self.board.mark_stale();
    }

    fn phone_is_reachable(&mut self, now: Now, flow: FlowId, id: DeviceId) {
        let Some(binding) = self.people.device(id).map(|device| device.binding) else {
            return;
        };
        // Its registration may have run out a moment ago: then it is none any more.
        if self.sip.transport(flow).is_some() && self.location.resume(binding, flow).is_ok() {
            tracing::info!(device = id.0, "a telephone answers again");
            self.phone_is_back(now, flow, id);
        }
    }
}
