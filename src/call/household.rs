//! Who is at home here may change while calls go on: accounts and domains come and go.

use registrar::Aor;

use super::config::{GuestPolicy, HotConfig};
use super::end::EndReason;
use super::people::{Device, DeviceId, Page};
use super::switch::Switch;
use super::time::Now;

/// The WebSocket close code for who may not be here (RFC 6455 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

impl Switch {
    /// Puts what may change in place. Who is signed in stays, and one whose password is another
    /// notices when he registers or signs in next. Who is no longer at home here, because his
    /// account or his domain is gone, or because his name belongs to somebody else now, cannot be
    /// called any more and calls nobody; the calls he has go on, and at their end he is signed out.
    /// Other codecs count from the next description on.
    pub(super) fn on_configured(&mut self, now: Now, hot: HotConfig) {
        let HotConfig {
            accounts,
            guests,
            registrar,
            call_waiting,
            recorded,
            codecs,
        } = hot;
        self.config.accounts = accounts;
        self.config.guests = guests;
        self.config.registrar = registrar;
        self.config.call_waiting = call_waiting;
        self.config.recording.accounts = recorded;
        self.config.codecs = codecs;
        self.domains = super::route::domains(&self.config);
        self.forget_foreign_realms();
        let strangers: Vec<Aor> = self
            .people
            .users()
            .filter(|(aor, user)| !self.is_at_home(aor, user.guest))
            .map(|(aor, _)| aor.clone())
            .collect();
        for user in strangers {
            let devices: Vec<DeviceId> = self.people.devices_of(&user).map(|(id, _)| id).collect();
            for device in devices {
                self.show_out(now, device);
            }
        }
    }

    /// Whether somebody who is signed in, as a guest or with an account, still could.
    fn is_at_home(&self, aor: &Aor, guest: bool) -> bool {
        let served = self.domains.canonical(aor.domain()) == Some(aor.domain());
        let has_account = self.config.accounts.get(aor).is_some();
        let welcome = self.guests_of(aor.domain()) != GuestPolicy::None;
        served && has_account != guest && (welcome || !guest)
    }

    /// Nobody calls this device any more.
    fn show_out(&mut self, now: Now, id: DeviceId) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let binding = device.binding;
        let talks = |leg| {
            let call = self.calls.of_leg(leg);
            call.and_then(|call| call.leg(leg))
                .is_some_and(|leg| !leg.is_pending())
        };
        let (running, others): (Vec<_>, Vec<_>) =
            device.legs.iter().copied().partition(|leg| talks(*leg));
        tracing::info!(
            device = id.0,
            calls = running.len(),
            "no longer at home here"
        );
        self.location.unbind(binding);
        self.leaving.insert(id);
        for leg in others {
            self.on_leg_gone(now, leg, EndReason::Left);
        }
        self.stop_awaiting(now, id);
    }

    /// Signs out whose last call is over.
    pub(super) fn let_leavers_go(&mut self, now: Now) {
        let people = &self.people;
        let is_free = |id: &DeviceId| {
            let device = people.device(*id);
            device.is_none_or(|device| device.legs.is_empty())
        };
        let free: Vec<DeviceId> = self.leaving.iter().copied().filter(is_free).collect();
        for id in free {
            self.leaving.remove(&id);
            let page = self.people.device(id).and_then(Device::page);
            if let Some(flow) = page.and_then(Page::flow) {
                self.close_flow(flow, POLICY_VIOLATION, "the account is gone");
            }
            self.device_gone(now, id, EndReason::Left);
        }
    }
}
