//! Pages that come back: with the token of their device, or under the name of a ghost.

use registrar::{Aor, BindError, BindingId, NewBinding};
use sip::flow::FlowId;

use super::denial::Denial;
use super::end::EndReason;
use super::leg::Signalling;
use super::people::{Device, DeviceId, Line, Page};
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;

use crate::wcs::message::Connection;
use crate::wcs::session::WireCall;

impl Switch {
    /// The owner of a token is back. His old flow, should it still be open, is closed. Calls that
    /// ring ring anew. Of answered ones, those go on whose media the page says to hold still; the
    /// Web SDK has no memory of its calls, so that they end.
    pub(super) fn resume(&mut self, now: Now, flow: FlowId, id: DeviceId, connection: &Connection) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let (old, binding) = (device.page().and_then(Page::flow), device.binding);
        let kept = self.keep_calls(now, id, connection);
        if let Some(old) = old {
            self.close_flow(old, 1000, "signed in again elsewhere");
        }
        let Some(page) = self.people.device_mut(id).and_then(Device::page_mut) else {
            return;
        };
        page.line = Line::Open(flow);
        page.keep_alive = connection.keep_alive;
        if let Err(error) = self.location.resume(binding, flow)
            && !self.leaving.contains(&id)
        {
            tracing::error!(%error, device = id.0, "a device without its binding");
        }
        self.timers.disarm(Timer::Parked(id));
        self.timers.disarm(Timer::Grace(id));
        self.welcome(flow, id);
        self.with_session(id, |session| {
            for call in kept {
                session.adopt(call);
            }
        });
        self.announce_sign_in(id, true);
        self.ring_also(now, id);
    }

    /// Sorts the calls of a device that comes back, and takes out what the wire knows of those
    /// that go on.
    fn keep_calls(&mut self, now: Now, id: DeviceId, connection: &Connection) -> Vec<WireCall> {
        let legs = self.people.device(id).map(|device| device.legs.clone());
        let mut kept = Vec::new();
        for leg_id in legs.into_iter().flatten() {
            let leg = self.calls.of_leg(leg_id).and_then(|call| call.leg(leg_id));
            let Some(leg) = leg else {
                continue;
            };
            let Signalling::Wcs { call_id, .. } = &leg.signalling else {
                continue;
            };
            let held = leg.is_confirmed() && connection.held_calls.contains(call_id);
            let call_id = call_id.clone();
            let wire = self.with_session(id, |session| {
                held.then(|| session.release(&call_id)).flatten()
            });
            match wire.flatten() {
                Some(wire) => kept.push(wire),
                None if self.set_aside(leg_id) => {}
                None => self.on_leg_gone(now, leg_id, EndReason::Reloaded),
            }
        }
        kept
    }

    /// Devices under a guest's name whose flow broke make way for him.
    pub(super) fn lay_ghosts(&mut self, now: Now, user: &Aor, except: DeviceId) {
        let ghosts: Vec<DeviceId> = self.ghosts(user).filter(|ghost| *ghost != except).collect();
        for ghost in ghosts {
            self.device_gone(now, ghost, EndReason::Reloaded);
        }
    }

    /// Binds a flow to its user. Where he has as many devices as he may, one that is parked makes
    /// room: it is given back, to be let go when all is done.
    pub(super) fn bind(
        &mut self,
        now: Now,
        flow: FlowId,
        user: &Aor,
    ) -> Result<(BindingId, Option<DeviceId>), Denial> {
        let new = || NewBinding::wcs(user.clone(), flow);
        match self.location.bind(now.mono, new()) {
            Ok(binding) => return Ok((binding, None)),
            Err(BindError::Full) => return Err(Denial::Full),
            Err(BindError::TooManyForAor) => {}
        }
        let ghost = self.ghosts(user).next().ok_or(Denial::TooManyDevices)?;
        let Some(device) = self.people.device(ghost) else {
            return Err(Denial::TooManyDevices);
        };
        self.location.unbind(device.binding);
        let binding = self
            .location
            .bind(now.mono, new())
            .map_err(|_| Denial::TooManyDevices)?;
        Ok((binding, Some(ghost)))
    }

    /// Devices whose flow broke.
    fn ghosts(&self, user: &Aor) -> impl Iterator<Item = DeviceId> {
        let parked = self
            .people
            .devices_of(user)
            .filter(|(_, device)| !device.is_here());
        parked.map(|(id, _)| id)
    }
}
