//! The way to a registered user agent: over which flow, by which proxies. Over UDP there is one even
//! if its flow was forgotten, since an address is all there is to it: it is opened when somebody
//! calls.

use registrar::BindingState;
use sip::flow::{FlowId, Transport};
use sip::uri::Uri;
use smol_str::SmolStr;

use crate::call::io::Output;
use crate::call::people::DeviceId;
use crate::call::switch::Switch;
use crate::call::time::Now;

impl Switch {
    /// How a registered user agent is reached: over which flow, its URI, and the proxies on the
    /// way.
    pub(super) fn way_to(&self, device: DeviceId) -> Option<(FlowId, Uri, Vec<SmolStr>)> {
        let binding = self.people.device(device)?.binding;
        let binding = self.location.get(binding)?;
        let BindingState::Live { flow } = binding.state else {
            return None;
        };
        let contact = binding.contact.as_sip()?;
        Some((flow, contact.uri.clone(), contact.path.to_vec()))
    }

    /// Has the way to a user agent opened whose flow was forgotten: true then, and it rings as soon
    /// as there is one.
    pub(in crate::call) fn open_way_to(&mut self, device: DeviceId) -> bool {
        let binding = self.people.device(device).map(|device| device.binding);
        let binding = binding.and_then(|id| self.location.get(id));
        let Some(binding) = binding.filter(|it| it.state == BindingState::Addressed) else {
            return false;
        };
        let Some(contact) = binding.contact.as_sip() else {
            return false;
        };
        if self.sip.ways.values().any(|other| *other == device) {
            return true;
        }
        let (address, connect) = (contact.source, self.sip.next_way);
        self.sip.next_way += 1;
        self.sip.ways.insert(connect, device);
        self.outputs.push(Output::Connect {
            connect,
            transport: Transport::Udp,
            address,
            name: None,
        });
        true
    }

    /// The way is open.
    pub(in crate::call) fn on_way_open(&mut self, now: Now, connect: u64, flow: FlowId) {
        let Some(device) = self.sip.ways.remove(&connect) else {
            return;
        };
        let Some(binding) = self.people.device(device).map(|device| device.binding) else {
            return;
        };
        // It may have registered on another flow in the meantime.
        let forgotten = |it: &registrar::Binding| it.state == BindingState::Addressed;
        if self.location.get(binding).is_some_and(forgotten)
            && let Err(error) = self.location.resume(binding, flow)
        {
            tracing::debug!(%error, device = device.0, "a way to nobody");
        }
        self.keep_in_touch(now, device, flow);
        self.ring_also(now, device);
    }

    /// There is no way.
    pub(in crate::call) fn on_no_way(&mut self, now: Now, connect: u64) {
        if let Some(device) = self.sip.ways.remove(&connect) {
            self.stop_awaiting(now, device);
        }
    }
}
