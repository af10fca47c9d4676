//! Who is signed in, on which devices.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use media::ids::LegId;
use registrar::{Aor, BindingId};
use sip::flow::FlowId;
use smol_str::SmolStr;

use super::admission::Rate;
use super::time::Now;
use super::view::UserView;
use crate::wcs::message::{AuthToken, ConnectionEcho};
use crate::wcs::session::Session;

/// What a person is reached on: a signed-in page or application, which the Web SDK calls a session
/// and which outlives the flow it is on, if that breaks; or a registered SIP user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DeviceId(pub(super) u64);

/// A person as a party to a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Party {
    pub(super) user: Aor,
    pub(super) display_name: String,
}

/// See [`DeviceId`].
#[derive(Debug)]
pub(super) struct Device {
    pub(super) user: Aor,
    pub(super) kind: DeviceKind,
    /// Where the location service knows it.
    pub(super) binding: BindingId,
    /// It signed in first.
    pub(super) since: Now,
    /// Live legs.
    pub(super) legs: BTreeSet<LegId>,
}

/// What is spoken with it.
#[derive(Debug)]
pub(super) enum DeviceKind {
    /// The Web SDK protocol.
    Page(Box<Page>),
    /// SIP: how it is reached, the location service says.
    Phone {
        /// Its connection has not broken, and it answers.
        here: bool,
    },
}

/// A page or application of the Web SDK protocol.
#[derive(Debug)]
pub(super) struct Page {
    /// Takes the device up again after its flow broke.
    pub(super) token: AuthToken,
    /// It asked to be kept.
    pub(super) keep_alive: bool,
    /// It waits for `registered`.
    pub(super) register: bool,
    /// Goes back in `getUserData`.
    pub(super) echo: ConnectionEcho,
    pub(super) line: Line,
}

/// How a page is reached.
#[derive(Debug)]
pub(super) enum Line {
    /// On this flow.
    Open(FlowId),
    /// Its flow broke; it may come back. What the wire knew of its calls is kept.
    Parked(Box<Session>),
}

/// A person with at least one device.
#[derive(Debug)]
pub(super) struct User {
    pub(super) display_name: String,
    pub(super) guest: bool,
    pub(super) devices: BTreeSet<DeviceId>,
    /// Of new calls.
    pub(super) calls: Rate,
}

/// The tables of people and devices.
#[derive(Debug, Default)]
pub(super) struct People {
    devices: BTreeMap<DeviceId, Device>,
    users: BTreeMap<Aor, User>,
    tokens: BTreeMap<SmolStr, DeviceId>,
    by_binding: BTreeMap<BindingId, DeviceId>,
    next: u64,
}

impl People {
    pub(super) fn next_id(&mut self) -> DeviceId {
        self.next += 1;
        DeviceId(self.next)
    }

    /// Takes in a device, and its user if it is his first. His name for people is the latest.
    pub(super) fn add(&mut self, id: DeviceId, device: Device, user: User) {
        if let Some(page) = device.page() {
            self.tokens.insert(SmolStr::new(page.token.expose()), id);
        }
        self.by_binding.insert(device.binding, id);
        let (display_name, guest) = (user.display_name.clone(), user.guest);
        let user = self.users.entry(device.user.clone()).or_insert(user);
        user.display_name = display_name;
        user.guest = guest;
        user.devices.insert(id);
        self.devices.insert(id, device);
    }

    /// Takes a device out, and its user if it was his last: true then.
    pub(super) fn remove(&mut self, id: DeviceId) -> Option<(Device, bool)> {
        let device = self.devices.remove(&id)?;
        if let Some(page) = device.page() {
            self.tokens.remove(page.token.expose());
        }
        self.by_binding.remove(&device.binding);
        let last = match self.users.get_mut(&device.user) {
            Some(user) => {
                user.devices.remove(&id);
                user.devices.is_empty()
            }
            None => false,
        };
        if last {
            self.users.remove(&device.user);
        }
        Some((device, last))
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    pub(super) fn device_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.get_mut(&id)
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = (&DeviceId, &Device)> {
        self.devices.iter()
    }

    pub(super) fn by_token(&self, token: &AuthToken) -> Option<DeviceId> {
        self.tokens.get(token.expose()).copied()
    }

    pub(super) fn by_binding(&self, binding: BindingId) -> Option<DeviceId> {
        self.by_binding.get(&binding).copied()
    }

    pub(super) fn user(&self, aor: &Aor) -> Option<&User> {
        self.users.get(aor)
    }

    pub(super) fn user_mut(&mut self, aor: &Aor) -> Option<&mut User> {
        self.users.get_mut(aor)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = (&Aor, &User)> {
        self.users.iter()
    }

    /// The devices of a person.
    pub(super) fn devices_of(&self, aor: &Aor) -> impl Iterator<Item = (DeviceId, &Device)> {
        let ids = self.users.get(aor).map(|user| &user.devices);
        ids.into_iter()
            .flatten()
            .filter_map(|id| Some((*id, self.devices.get(id)?)))
    }

    pub(super) fn party(&self, aor: &Aor) -> Option<Party> {
        let user = self.users.get(aor)?;
        Some(Party {
            user: aor.clone(),
            display_name: user.display_name.clone(),
        })
    }

    /// In a call, or called.
    pub(super) fn is_busy(&self, aor: &Aor) -> bool {
        self.devices_of(aor)
            .any(|(_, device)| !device.legs.is_empty())
    }

    pub(super) fn view(&self, aor: &Aor, user: &User) -> UserView {
        let parked = self
            .devices_of(aor)
            .filter(|(_, device)| !device.is_here())
            .count();
        UserView {
            user: aor.to_string(),
            display_name: user.display_name.clone(),
            guest: user.guest,
            sessions: user.devices.len() - parked,
            parked,
            busy: self.is_busy(aor),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn parked(&self) -> usize {
        self.devices
            .values()
            .filter(|device| !device.is_here())
            .count()
    }

    /// Nobody at all.
    pub(super) fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.users.is_empty() && self.tokens.is_empty()
    }

    pub(super) fn user_count(&self) -> usize {
        self.users.len()
    }
}

impl Device {
    /// The page that it is.
    pub(super) fn page(&self) -> Option<&Page> {
        match &self.kind {
            DeviceKind::Page(page) => Some(page),
            DeviceKind::Phone { .. } => None,
        }
    }

    /// The page that it is.
    pub(super) fn page_mut(&mut self) -> Option<&mut Page> {
        match &mut self.kind {
            DeviceKind::Page(page) => Some(page),
            DeviceKind::Phone { .. } => None,
        }
    }

    /// It can be reached: its flow has not broken.
    pub(super) fn is_here(&self) -> bool {
        match &self.kind {
            DeviceKind::Page(page) => page.flow().is_some(),
            DeviceKind::Phone { here } => *here,
        }
    }
}

impl Page {
    /// The flow it is on, unless it is parked.
    pub(super) fn flow(&self) -> Option<FlowId> {
        match self.line {
            Line::Open(flow) => Some(flow),
            Line::Parked(_) => None,
        }
    }
}

impl User {
    pub(super) fn new(display_name: String, guest: bool, now: Instant) -> Self {
        Self {
            display_name,
            guest,
            devices: BTreeSet::new(),
            calls: Rate::new(now),
        }
    }
}
