//! What operators see of telephones and of the flows that carry SIP.

use registrar::Binding;

use crate::call::people::{Device, DeviceId};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::view::{FlowView, MOST_LISTED, RegistrationView};

impl Switch {
    /// All registered telephones, those first that came first.
    pub(in crate::call) fn telephones(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        let devices = self.people.devices();
        devices
            .filter(|(_, device)| device.page().is_none())
            .map(|(id, device)| (*id, device))
    }

    pub(in crate::call) fn registrations(&self, now: Now) -> Vec<RegistrationView> {
        self.telephones()
            .filter_map(|(id, device)| {
                let binding = self.location.get(device.binding)?;
                self.registration(now, id, device, binding)
            })
            .take(MOST_LISTED)
            .collect()
    }

    fn registration(
        &self,
        now: Now,
        id: DeviceId,
        device: &Device,
        binding: &Binding,
    ) -> Option<RegistrationView> {
        let contact = binding.contact.as_sip()?;
        let left = binding.expires?.saturating_duration_since(now.mono);
        Some(RegistrationView {
            user: device.user.to_string(),
            contact: contact.uri.as_str().to_owned(),
            transport: contact.transport.via_name(),
            source: contact.source.to_string(),
            since_ms: device.since.wall.as_millis(),
            expires_s: left.as_secs(),
            state: if device.is_here() {
                "reachable"
            } else if self.sip.keep_alive.is_unreachable(id) {
                "unreachable"
            } else {
                "broken"
            },
        })
    }

    pub(in crate::call) fn sip_flows(&self) -> Vec<FlowView> {
        let flows = self.sip.flows.iter().take(MOST_LISTED);
        let view = flows.map(|(id, flow)| FlowView {
            id: id.to_string(),
            transport: flow.ends.transport.via_name(),
            peer: flow.ends.peer.address.to_string(),
            local: flow.ends.local.to_string(),
            trusted: flow.trusted,
            since_ms: flow.since.wall.as_millis(),
        });
        view.collect()
    }
}
