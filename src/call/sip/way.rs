//! The way to a registered user agent: over which flow, by which proxies. Over UDP there is one even
//! if its flow was forgotten, since an address is all there is to it: it is opened when somebody
//! calls. A proxy whose connection broke (RFC 3327) is called back at once: it listens where its
//! Path says, and only the address that its users registered from is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use registrar::BindingState;
use sip::flow::{FlowId, Transport};
use sip::header::NameAddr;
use sip::resolve::Destination;
use sip::uri::Uri;
use smol_str::SmolStr;

use crate::call::io::Output;
use crate::call::people::DeviceId;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// Ways that are being opened.
#[derive(Debug, Default)]
pub(super) struct Ways {
    by_connect: BTreeMap<u64, Way>,
    next: u64,
}

/// One of them.
#[derive(Debug)]
struct Way {
    /// Who is behind it.
    devices: BTreeSet<DeviceId>,
    /// The proxy that it leads to, and from where that came.
    hop: Option<(SmolStr, IpAddr)>,
}

impl Ways {
    /// The name of a new one.
    fn insert(&mut self, device: DeviceId, hop: Option<(SmolStr, IpAddr)>) -> u64 {
        let connect = self.next_name();
        let devices = BTreeSet::from([device]);
        self.by_connect.insert(connect, Way { devices, hop });
        connect
    }

    /// A name that none has had.
    pub(super) fn next_name(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn has(&self, device: DeviceId) -> bool {
        let mut ways = self.by_connect.values();
        ways.any(|way| way.devices.contains(&device))
    }

    /// Has a device wait for the way to its proxy, if that is being opened.
    fn join(&mut self, device: DeviceId, hop: &(SmolStr, IpAddr)) -> bool {
        let mut ways = self.by_connect.values_mut();
        match ways.find(|way| way.hop.as_ref() == Some(hop)) {
            Some(way) => way.devices.insert(device),
            None => false,
        }
    }
}

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
        if self.sip.ways.has(device) {
            return true;
        }
        let address = contact.source;
        let connect = self.sip.ways.insert(device, None);
        self.outputs.push(Output::Connect {
            connect,
            transport: Transport::Udp,
            address,
            name: None,
        });
        true
    }

    /// Has the connection of a proxy opened anew, behind which a user agent is.
    pub(super) fn call_proxy_back(&mut self, device: DeviceId) {
        let Some((hop, destination)) = self.proxy_of(device) else {
            return;
        };
        if self.sip.ways.join(device, &hop) {
            return;
        }
        let only = Some(hop.1);
        let connect = self.sip.ways.insert(device, Some(hop));
        self.outputs.push(Output::Reach {
            connect,
            destination,
            only,
        });
    }

    /// The proxy nearest to us on the way to a user agent, as its Path names it.
    fn proxy_of(&self, device: DeviceId) -> Option<((SmolStr, IpAddr), Destination)> {
        let binding = self.people.device(device)?.binding;
        let contact = self.location.get(binding)?.contact.as_sip()?;
        let hop = contact.path.first()?;
        let Uri::Sip(uri) = NameAddr::read(hop.as_bytes()).ok()?.uri().ok()? else {
            return None;
        };
        let destination = Destination::of(&uri).ok()?;
        Some(((hop.clone(), contact.source.ip()), destination))
    }

    /// The way is open.
    pub(in crate::call) fn on_way_open(&mut self, now: Now, connect: u64, flow: FlowId) {
        let Some(way) = self.sip.ways.by_connect.remove(&connect) else {
            return self.on_goodbye_way_open(now, connect, flow);
        };
        for device in way.devices {
            self.is_reached_over(now, device, flow, way.hop.is_some());
        }
    }

    fn is_reached_over(&mut self, now: Now, device: DeviceId, flow: FlowId, by_proxy: bool) {
        let Some(binding) = self.people.device(device).map(|device| device.binding) else {
            return;
        };
        // It may have registered on another flow in the meantime.
        let state = self.location.get(binding).map(|binding| binding.state);
        let awaited = match state {
            Some(BindingState::Addressed) => true,
            Some(BindingState::Parked { .. }) => by_proxy,
            Some(BindingState::Live { .. }) | None => false,
        };
        if awaited {
            if let Err(error) = self.location.resume(binding, flow) {
                tracing::debug!(%error, device = device.0, "a way to nobody");
            }
            if by_proxy {
                return self.phone_is_back(now, flow, device);
            }
            self.keep_in_touch(now, device, flow);
        }
        self.ring_also(now, device);
    }

    /// There is no way.
    pub(in crate::call) fn on_no_way(&mut self, now: Now, connect: u64) {
        let Some(way) = self.sip.ways.by_connect.remove(&connect) else {
            return self.on_no_goodbye_way(connect);
        };
        // Those behind a proxy may still register anew.
        for device in way.devices.into_iter().filter(|_| way.hop.is_none()) {
            self.stop_awaiting(now, device);
        }
    }
}
