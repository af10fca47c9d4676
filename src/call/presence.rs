//! Who is here, for pages that asked; and data that people send each other.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use registrar::Aor;
use serde_json::Value;
use smol_str::SmolStr;

use super::admission::admits_guest;
use super::people::{DeviceId, Page};
use super::switch::Switch;
use super::time::Now;
use crate::wcs::message::{
    EXTENSION_VERSION, ExtensionEvent, Limits, MAX_FRAME_BYTES, Payload, Presence, PresentUser,
    TextMessage, Welcome, You,
};

/// What the list costs each subscriber for each name, in time between two lists: with many of
/// both, news comes less often and the server keeps its time for calls.
const COST_OF_A_NAME: Duration = Duration::from_micros(20);

/// Who wants to know who is here, and what they were told.
#[derive(Debug, Default)]
pub(super) struct Board {
    subscribers: BTreeSet<DeviceId>,
    stale: bool,
    /// The last list and when it went out.
    last: Option<(Instant, Vec<Listed>)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Listed {
    user: Aor,
    display_name: String,
    busy: bool,
}

impl Board {
    /// Somebody came, went, or began or ended a call.
    pub(super) fn mark_stale(&mut self) {
        self.stale = true;
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale && !self.subscribers.is_empty()
    }

    /// When the next list may go out.
    pub(super) fn due(&self, now: Instant, interval: Duration) -> Instant {
        match &self.last {
            None => now,
            Some((at, list)) => {
                let names = u32::try_from(list.len() * self.subscribers.len()).unwrap_or(u32::MAX);
                (*at + interval.max(COST_OF_A_NAME * names)).max(now)
            }
        }
    }
}

impl Switch {
    /// Our own page introduces itself.
    pub(super) fn on_hello(&mut self, now: Now, id: DeviceId) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let Some(user) = self.people.user(&device.user) else {
            return;
        };
        let peer = device
            .page()
            .and_then(Page::flow)
            .and_then(|flow| self.flows.get(&flow))
            .map(|open| &open.peer);
        let welcome = Welcome {
            version: EXTENSION_VERSION,
            server: self.config.version.clone(),
            you: You {
                name: device.user.shown_in(&self.config.domain),
                display_name: user.display_name.clone(),
                guest: user.guest,
            },
            guests: peer.is_some_and(|peer| admits_guest(self.config.guests, peer)),
            limits: Limits {
                calls: self.config.session.max_calls,
                frame_bytes: MAX_FRAME_BYTES,
                data_bytes: self.config.session.max_data_bytes,
                ring_s: self.config.timing.ring.as_secs(),
            },
        };
        self.board.subscribers.insert(id);
        let list = self.who_is_here();
        let presence = self.presence_for(id, &list);
        self.with_session(id, |session| {
            session.extension(ExtensionEvent::Welcome(welcome));
            session.presence(now.mono, presence);
        });
        self.repeat_offers(id);
        // A page that came back goes on with calls it has heard nothing of since.
        let legs = self.people.device(id).map(|device| device.legs.clone());
        for leg in legs.into_iter().flatten() {
            if let Some(handle) = self.calls.of_leg(leg).map(|call| call.handle) {
                self.tell_media(handle);
            }
        }
    }

    /// Tells all subscribers who is here, if that changed.
    pub(super) fn publish_presence(&mut self, now: Now) {
        self.board.stale = false;
        let people = &self.people;
        self.board
            .subscribers
            .retain(|id| people.device(*id).is_some());
        let list = self.who_is_here();
        if self
            .board
            .last
            .as_ref()
            .is_some_and(|(_, last)| *last == list)
        {
            return;
        }
        for id in self.board.subscribers.clone() {
            if self
                .people
                .device(id)
                .is_some_and(|device| device.is_here())
            {
                let presence = self.presence_for(id, &list);
                self.with_session(id, |session| session.presence(now.mono, presence));
            }
        }
        self.board.last = Some((now.mono, list));
    }

    /// Everybody with an open line, in the order of names.
    fn who_is_here(&self) -> Vec<Listed> {
        self.people
            .users()
            .filter(|(aor, _)| {
                self.people
                    .devices_of(aor)
                    .any(|(_, device)| device.is_here())
            })
            .map(|(aor, user)| Listed {
                user: aor.clone(),
                display_name: user.display_name.clone(),
                busy: self.people.is_busy(aor),
            })
            .collect()
    }

    fn presence_for(&self, id: DeviceId, list: &[Listed]) -> Presence {
        let own = self.people.device(id).map(|device| &device.user);
        let limit = self.config.limits.presence_users;
        let users = list.iter().take(limit).map(|listed| PresentUser {
            name: listed.user.shown_in(&self.config.domain),
            display_name: listed.display_name.clone(),
            busy: listed.busy,
            you: Some(&listed.user) == own,
        });
        Presence {
            users: users.collect(),
            more: list.len().saturating_sub(limit),
        }
    }

    /// A device sends data to the person that its payload names as `to`: every device of that
    /// person gets it, with the sender as `from`.
    pub(super) fn on_data(
        &mut self,
        now: Now,
        id: DeviceId,
        operation_id: SmolStr,
        payload: Payload,
    ) {
        let outcome = self.deliver(now, id, &operation_id, payload);
        self.with_session(id, |session| session.data_status(operation_id, outcome));
    }

    fn deliver(
        &mut self,
        now: Now,
        id: DeviceId,
        operation_id: &SmolStr,
        payload: Payload,
    ) -> Result<(), Cow<'static, str>> {
        let Some(sender) = self.people.device(id).map(|device| device.user.clone()) else {
            return Err("Not signed in".into());
        };
        if self.leaving.contains(&id) {
            return Err("Your account is gone".into());
        }
        let Some(to) = payload.0.get("to").and_then(Value::as_str) else {
            return Err("The data names no receiver (`to`)".into());
        };
        let Ok(party) = self.resolve(to) else {
            return Err("The receiver is not known here".into());
        };
        let open: Vec<DeviceId> = self
            .people
            .devices_of(&party.user)
            .filter(|(other, device)| *other != id && device.is_here())
            .map(|(other, _)| other)
            .collect();
        if open.is_empty() {
            return Err(format!("{} is not signed in", party.display_name).into());
        }
        if let Some(text) = TextMessage::from_payload(&payload) {
            let from = self.people.party(&sender).ok_or("Not signed in")?;
            self.deliver_text(now, &from, &party.user, |it| it != id, &text);
            return Ok(());
        }
        // What applications send each other is nothing for telephones.
        let mut fields = payload.0;
        fields["from"] = Value::from(sender.shown_in(&self.config.domain).as_str());
        let payload = Payload(fields);
        for other in open {
            let payload = payload.clone();
            let operation_id = operation_id.clone();
            self.with_session(other, |session| session.data(operation_id, payload));
        }
        Ok(())
    }
}
