//! Telephones register (RFC 3261 10.3), and are devices from then on until their bindings end.

use registrar::{
    Aor, Binding, BindingEvent, BindingId, BindingState, Change, RegisterPolicy, Registrant,
};
use sip::flow::FlowId;
use sip::message::{Rejection, Request, ResponseBuilder, Status};
use sip::procedure::register::Register;
use sip::procedure::subscribe::reginfo::ContactEvent;
use sip::transaction::ServerId;

use media::ids::LegId;

use super::identity::Identity;
use super::legs::Stage;
use crate::call::end::{EndReason, Side};
use crate::call::local::{MediaWay, RtpWay};
use crate::call::people::{Device, DeviceId, DeviceKind, User};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

impl Switch {
    pub(super) fn on_register(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: Request,
    ) {
        let to = request.to();
        let Some(identity) = self.identify_sender(now, server, flow, &request, &to) else {
            return;
        };
        if let Err(rejection) = self.register(now, server, flow, &request, &identity) {
            self.reject(now, server, &request, &rejection);
        }
    }

    fn register(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
        identity: &Identity,
    ) -> Result<(), Rejection> {
        let register = Register::read(request)?;
        let gone = || Rejection::new(Status::SERVER_INTERNAL_ERROR, "the connection is gone");
        let ends = &self.sip.flows.get(&flow).ok_or_else(gone)?.ends;
        let from = Registrant {
            aor: &identity.party.user,
            user: &identity.party.user,
            flow,
            transport: ends.transport,
            source: ends.peer.address,
        };
        let policy = self.domains.policy(from.aor.domain());
        let policy = policy.unwrap_or(&self.config.registrar.policy);
        let policy = RegisterPolicy {
            gruu: Some(self.sip.gruus.clone()),
            ..policy.clone()
        };
        let registered = self.location.register(now.mono, &policy, &from, &register);
        let registered = registered.map_err(registrar::Refusal::rejection)?;
        let response = registered.write(ResponseBuilder::new(request, Status::OK));
        self.respond(now, server, response);
        for event in &registered.events {
            self.on_binding_event(now, flow, identity, event);
        }
        Ok(())
    }

    fn on_binding_event(
        &mut self,
        now: Now,
        flow: FlowId,
        identity: &Identity,
        event: &BindingEvent,
    ) {
        self.tell_of_binding(now, event);
        if let Some(contact) = event.contact.as_sip()
            && event.change.is_there()
        {
            self.watcher_is_back(now, flow, &event.aor, contact.uri.as_str());
        }
        let device = self.people.by_binding(event.binding);
        match (event.change, device) {
            (Change::Registered, _) | (Change::Refreshed | Change::Resumed, None) => {
                self.add_phone(now, flow, identity, event);
            }
            (Change::Refreshed | Change::Resumed, Some(device)) => {
                self.phone_is_back(now, flow, device);
            }
            (Change::Unregistered, Some(device)) => {
                self.device_gone(now, device, EndReason::Left);
            }
            (Change::Expired | Change::Displaced, Some(device)) => {
                self.device_gone(now, device, EndReason::ConnectionLost);
            }
            (Change::Unregistered | Change::Expired | Change::Displaced, None) => {}
        }
    }

    fn add_phone(&mut self, now: Now, flow: FlowId, identity: &Identity, event: &BindingEvent) {
        let device = Device {
            user: event.aor.clone(),
            kind: DeviceKind::Phone { here: true },
            binding: event.binding,
            since: now,
            legs: Default::default(),
        };
        let name = identity.party.display_name.clone();
        let id = self.people.next_id();
        self.people
            .add(id, device, User::new(name, identity.guest, now.mono));
        self.keep_in_touch(now, id, flow);
        self.announce_sign_in(id, false);
        self.board.mark_stale();
        self.ring_also(now, id);
    }

    /// It registered again, perhaps on another flow: its calls go on there.
    pub(super) fn phone_is_back(&mut self, now: Now, flow: FlowId, id: DeviceId) {
        self.keep_in_touch(now, id, flow);
        let Some(device) = self.people.device_mut(id) else {
            return;
        };
        let was_here = device.is_here();
        device.kind = DeviceKind::Phone { here: true };
        for leg in device.legs.clone() {
            self.sip.legs.move_to(leg, flow);
        }
        if !was_here {
            self.timers.disarm(Timer::Parked(id));
            self.announce_sign_in(id, true);
            self.board.mark_stale();
            self.ring_also(now, id);
        }
    }

    /// A flow closed. What was bound to it may come back on another one, unless its owner left: a
    /// WebSocket closed in good order is a page that was closed. Telephones close other
    /// connections when they do not need them.
    pub(super) fn on_phones_gone(&mut self, now: Now, flow: FlowId, left: bool) {
        let (grace, reason): (_, fn(Side) -> EndReason) = match left {
            true => (None, EndReason::Left),
            false => (Some(self.config.timing.grace), EndReason::ConnectionLost),
        };
        let closed = self.location.flow_closed(now.mono, flow, grace);
        for binding in closed.gone {
            if let Some(device) = self.people.by_binding(binding.id) {
                self.device_gone(now, device, reason);
            }
        }
        for binding in closed.parked {
            self.park_phone(now, binding);
        }
        // Whoever called over it and rings cannot be answered any more.
        let lost = |stage: &Stage| left || matches!(stage, Stage::Invited { .. });
        let legs: Vec<LegId> = self.sip.legs.on_flow(flow, lost).collect();
        for leg in legs {
            self.on_leg_gone(now, leg, reason);
        }
    }

    fn park_phone(&mut self, now: Now, binding: BindingId) {
        let Some(id) = self.people.by_binding(binding) else {
            return;
        };
        if let Some(device) = self.people.device_mut(id) {
            device.kind = DeviceKind::Phone { here: false };
        }
        self.sip.keep_alive.forget(id);
        tracing::info!(device = id.0, "connection gone, telephone parked");
        let grace = self.config.timing.grace;
        self.timers.arm(Timer::Parked(id), now.mono + grace);
        self.board.mark_stale();
        self.call_proxy_back(id);
    }

    /// Registrations have lapsed.
    pub(in crate::call) fn on_bindings_due(&mut self, now: Now) {
        for lapsed in self.location.handle_timeout(now.mono) {
            let binding = &lapsed.binding;
            self.tell_of_end(now, &binding.aor, binding.id, ContactEvent::Expired);
            if let Some(device) = self.people.by_binding(lapsed.binding.id) {
                self.device_gone(now, device, EndReason::ConnectionLost);
            }
        }
    }

    /// Domains that are not served any more ask for no passwords.
    pub(in crate::call) fn forget_foreign_realms(&mut self) {
        let domains = &self.domains;
        self.sip.realms.retain(|realm, _| domains.contains(realm));
    }

    /// The device of a user that is registered over a flow.
    pub(super) fn phone_on(&self, flow: FlowId, user: &Aor) -> Option<DeviceId> {
        let lives_there = |binding: &&Binding| binding.state == BindingState::Live { flow };
        let binding = self.location.of(user).find(lives_there)?;
        self.people.by_binding(binding.id)
    }

    /// How the media of a registered user agent travels: a browser's as WebRTC.
    pub(in crate::call) fn way_of_phone_media(&self, device: DeviceId) -> Option<MediaWay> {
        let (flow, ..) = self.way_to(device)?;
        let way = self.rtp_way(flow)?;
        Some(match way.is_browser() {
            true => MediaWay::WebRtc,
            false => MediaWay::Rtp(way),
        })
    }

    /// What an RTP leg on a flow has to know of it.
    pub(super) fn rtp_way(&self, flow: FlowId) -> Option<RtpWay> {
        let ends = &self.sip.flows.get(&flow)?.ends;
        Some(RtpWay {
            address: ends.local.ip(),
            signalling: ends.peer.address.ip(),
            transport: ends.transport,
        })
    }
}
