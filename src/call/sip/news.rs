//! What subscribers are told: the dialogs of a person, or his registrations, as they are now.

use std::collections::BTreeMap;

use media::ids::LegId;
use registrar::{Aor, Binding, BindingEvent, BindingId, Change};
use sip::dialog::{DialogId, Role};
use sip::procedure::subscribe::dialoginfo::{self, DialogInfo, DialogState, Party};
use sip::procedure::subscribe::reginfo::{self, ContactEvent, ContactInfo};
use sip::procedure::subscribe::{DIALOG, REG};
use sip::uri::Uri;

use super::watches::{Told, Watch};
use crate::call::call::Call;
use crate::call::end::Side;
use crate::call::leg::{Leg, LegPhase};
use crate::call::people;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// What one notification says, but for its number.
pub(super) enum News {
    Dialogs {
        entity: Option<Uri>,
        local: Option<String>,
        dialogs: Vec<Lamp>,
    },
    Registrations {
        aor: Option<Uri>,
        contacts: Vec<Registration>,
    },
}

/// A dialog.
pub(super) struct Lamp {
    leg: LegId,
    role: Role,
    state: DialogState,
    lasts_s: u64,
    /// What it takes to take the call over, for who may.
    dialog: Option<DialogId>,
    remote: Option<(Uri, String)>,
}

/// A contact.
pub(super) struct Registration {
    binding: BindingId,
    uri: Uri,
    event: ContactEvent,
    bound_s: u64,
    expires_s: u64,
    q_thousandths: u16,
}

impl News {
    /// What the next notification has to take back, if it is gone then.
    pub(super) fn told(&self) -> Told {
        let mut told = Told::default();
        match self {
            Self::Dialogs { dialogs, .. } => {
                let live = dialogs.iter();
                let live = live.filter(|lamp| lamp.state != DialogState::Terminated);
                told.dialogs = live.map(|lamp| (lamp.leg, lamp.role)).collect();
            }
            Self::Registrations { contacts, .. } => {
                let bound = contacts.iter().filter(|contact| contact.is_bound());
                let bound = bound.map(|contact| (contact.binding, contact.uri.clone()));
                told.contacts = bound.collect();
            }
        }
        told
    }

    /// The body.
    pub(super) fn write(&self, version: u32) -> String {
        match self {
            Self::Dialogs {
                entity: Some(entity),
                local,
                dialogs,
            } => {
                let local = Party {
                    identity: Some(entity),
                    display: local.as_deref(),
                };
                let infos: Vec<_> = dialogs.iter().map(|lamp| lamp.info(local)).collect();
                dialoginfo::write(version, entity, &infos)
            }
            Self::Registrations {
                aor: Some(aor),
                contacts,
            } => {
                let infos: Vec<_> = contacts.iter().map(Registration::info).collect();
                reginfo::write(version, aor, &infos)
            }
            // An address of record can be written as a URI.
            Self::Dialogs { entity: None, .. } | Self::Registrations { aor: None, .. } => {
                String::new()
            }
        }
    }
}

impl Lamp {
    fn info<'a>(&'a self, local: Party<'a>) -> DialogInfo<'a> {
        let remote = self.remote.as_ref();
        DialogInfo {
            id: self.leg.0,
            dialog: self.dialog.as_ref(),
            role: self.role,
            state: self.state,
            lasts_s: self.lasts_s,
            local,
            remote: remote.map_or(Party::default(), |(uri, name)| Party {
                identity: Some(uri),
                display: Some(name),
            }),
        }
    }
}

impl Registration {
    fn info(&self) -> ContactInfo<'_> {
        ContactInfo {
            id: self.binding.0,
            uri: &self.uri,
            event: self.event,
            bound_s: self.bound_s,
            expires_s: self.expires_s,
            q_thousandths: self.q_thousandths,
        }
    }

    fn is_bound(&self) -> bool {
        matches!(
            self.event,
            ContactEvent::Registered | ContactEvent::Refreshed | ContactEvent::Created
        )
    }
}

impl Switch {
    /// What a subscriber is to hear now.
    pub(super) fn news_of(&self, now: Now, watch: &Watch) -> News {
        let uri = watch.of.to_uri().ok();
        if watch.package == &REG {
            return News::Registrations {
                aor: uri,
                contacts: self.registrations_for(now, watch),
            };
        }
        News::Dialogs {
            entity: uri,
            local: self.people.party(&watch.of).map(|party| party.display_name),
            dialogs: self.lamps_for(now, watch),
        }
    }

    fn lamps_for(&self, now: Now, watch: &Watch) -> Vec<Lamp> {
        let in_full = watch.by == watch.of;
        let mut lamps = Vec::new();
        for call in self.calls.iter() {
            for leg in call.legs.iter().filter(|leg| leg.party.user == watch.of) {
                if let Some(state) = state_of(leg) {
                    lamps.push(self.lamp(now, call, leg, state, in_full));
                }
            }
        }
        let gone: Vec<Lamp> = watch
            .told
            .dialogs
            .iter()
            .filter(|(leg, _)| lamps.iter().all(|lamp| lamp.leg != **leg))
            .map(|(leg, role)| Lamp {
                leg: *leg,
                role: *role,
                state: DialogState::Terminated,
                lasts_s: 0,
                dialog: None,
                remote: None,
            })
            .collect();
        lamps.extend(gone);
        lamps
    }

    fn lamp(&self, now: Now, call: &Call, leg: &Leg, state: DialogState, in_full: bool) -> Lamp {
        let since = call.started.mono;
        let remote = far_party(call, leg).filter(|_| in_full);
        let remote = remote.and_then(|party| Some((party.user.to_uri().ok()?, party)));
        let own = self.sip.legs.get(leg.id).filter(|_| in_full);
        // As the person's telephone has it: what is ours is the far side's there.
        let dialog = own.and_then(|own| own.dialog.as_ref()).map(|dialog| {
            let id = dialog.id();
            DialogId {
                call_id: id.call_id.clone(),
                local_tag: id.remote_tag.clone(),
                remote_tag: id.local_tag.clone(),
            }
        });
        Lamp {
            leg: leg.id,
            role: match leg.side {
                Side::Caller => Role::Uac,
                Side::Callee => Role::Uas,
            },
            state,
            lasts_s: now.mono.saturating_duration_since(since).as_secs(),
            dialog,
            remote: remote.map(|(uri, party)| (uri, party.display_name.clone())),
        }
    }

    fn registrations_for(&self, now: Now, watch: &Watch) -> Vec<Registration> {
        let bindings = self.location.of(&watch.of);
        let live = bindings.filter(|binding| !binding.has_expired(now.mono));
        let mut all: Vec<Registration> = live
            .filter_map(|binding| self.registration_of(now, binding))
            .collect();
        let gone = watch.told.contacts.iter();
        let gone: Vec<Registration> = gone
            .filter(|(binding, _)| all.iter().all(|one| one.binding != **binding))
            .map(|(binding, uri)| Registration {
                binding: *binding,
                uri: uri.clone(),
                event: *watch
                    .told
                    .ended
                    .get(binding)
                    .unwrap_or(&ContactEvent::Deactivated),
                bound_s: 0,
                expires_s: 0,
                q_thousandths: 1000,
            })
            .collect();
        all.extend(gone);
        all
    }

    fn registration_of(&self, now: Now, binding: &Binding) -> Option<Registration> {
        let contact = binding.contact.as_sip()?;
        let device = self.people.device(self.people.by_binding(binding.id)?)?;
        let since = device.since.mono;
        let left = binding.expires?.saturating_duration_since(now.mono);
        Some(Registration {
            binding: binding.id,
            uri: contact.uri.clone(),
            event: match binding.refreshed == since {
                true => ContactEvent::Registered,
                false => ContactEvent::Refreshed,
            },
            bound_s: now.mono.saturating_duration_since(since).as_secs(),
            expires_s: left.as_secs(),
            q_thousandths: binding.q.thousandths(),
        })
    }

    /// Whoever is watched from now on has these dialogs.
    pub(super) fn begin_to_watch(&mut self, watch: &Watch) {
        if watch.package != &DIALOG {
            return;
        }
        let mut seen = BTreeMap::new();
        for leg in self.calls.iter().flat_map(|call| &call.legs) {
            if leg.party.user == watch.of
                && let Some(state) = state_of(leg)
            {
                seen.insert(leg.id, state);
            }
        }
        self.sip.watches.begin_to_see(&watch.of, seen);
    }

    /// Tells those who watch people in calls that have changed.
    pub(super) fn tell_of_calls(&mut self, now: Now) {
        if self.sip.watches.is_empty() {
            return self.calls.forget_changes();
        }
        let changes = self.calls.take_changes();
        for handle in changes.calls {
            let legs: Vec<(Aor, LegId, Option<DialogState>)> = match self.calls.get(handle) {
                Some(call) => {
                    let legs = call.legs.iter();
                    legs.map(|leg| (leg.party.user.clone(), leg.id, state_of(leg)))
                        .collect()
                }
                None => Vec::new(),
            };
            for (user, leg, state) in legs {
                if self.sip.watches.see(&user, leg, state) {
                    self.tell_watchers(now, &user, &DIALOG);
                }
            }
        }
        for (user, leg) in changes.over {
            if self.sip.watches.see(&user, leg, None) {
                self.tell_watchers(now, &user, &DIALOG);
            }
        }
    }

    /// A REGISTER did something to a binding.
    pub(super) fn tell_of_binding(&mut self, now: Now, event: &BindingEvent) {
        match event.change {
            Change::Unregistered => {
                self.tell_of_end(now, &event.aor, event.binding, ContactEvent::Unregistered);
            }
            Change::Expired => {
                self.tell_of_end(now, &event.aor, event.binding, ContactEvent::Expired);
            }
            Change::Registered | Change::Refreshed | Change::Resumed | Change::Displaced => {
                self.tell_watchers(now, &event.aor, &REG);
            }
        }
    }

    /// A binding is over.
    pub(super) fn tell_of_end(
        &mut self,
        now: Now,
        of: &Aor,
        binding: BindingId,
        event: ContactEvent,
    ) {
        for id in self.sip.watches.about(of, &REG) {
            if let Some(watch) = self.sip.watches.get_mut(id)
                && watch.told.contacts.contains_key(&binding)
            {
                watch.told.ended.insert(binding, event);
            }
        }
        self.tell_watchers(now, of, &REG);
    }

    /// A device is gone.
    pub(in crate::call) fn tell_of_device(&mut self, now: Now, of: &Aor) {
        self.tell_watchers(now, of, &REG);
    }
}

/// How far a leg came; `None` if it is over.
fn state_of(leg: &Leg) -> Option<DialogState> {
    match leg.state().phase() {
        LegPhase::Inviting => Some(DialogState::Trying),
        LegPhase::Early => Some(DialogState::Early),
        LegPhase::Confirmed => Some(DialogState::Confirmed),
        LegPhase::Ending | LegPhase::Ended => None,
    }
}

/// Whom a leg has to do with.
fn far_party<'a>(call: &'a Call, leg: &Leg) -> Option<&'a people::Party> {
    if let Some(far) = call.far_leg(leg.id) {
        return Some(&far.party);
    }
    let transfer = call.talk().and_then(|talk| talk.transfer.as_ref());
    match transfer.and_then(|transfer| call.far_leg(transfer.by)) {
        Some(handed_over) => Some(&handed_over.party),
        None => Some(match leg.side {
            Side::Caller => &call.callee,
            Side::Callee => &call.caller,
        }),
    }
}
