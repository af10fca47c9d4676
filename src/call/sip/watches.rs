//! Who wants to hear of whom: the table of subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use media::ids::LegId;
use registrar::{Aor, BindingId};
use sip::dialog::{Dialog, DialogId, Role};
use sip::flow::FlowId;
use sip::procedure::subscribe::dialoginfo::DialogState;
use sip::procedure::subscribe::reginfo::ContactEvent;
use sip::procedure::subscribe::{Package, Subscription};
use sip::transaction::ClientId;
use sip::uri::Uri;

/// Names a subscription; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::call) struct WatchId(u64);

/// One subscription.
#[derive(Debug)]
pub(super) struct Watch {
    /// Who hears of it.
    pub(super) by: Aor,
    /// Whom it is about.
    pub(super) of: Aor,
    pub(super) package: &'static Package,
    /// Over which notifications go.
    pub(super) flow: FlowId,
    /// That flow is gone, and the subscriber may come back on another one.
    pub(super) lost: bool,
    pub(super) dialog: Dialog,
    pub(super) subscription: Subscription,
    /// A notification that has no answer yet. The next one waits for it.
    pub(super) waiting: Option<ClientId>,
    pub(super) told: Told,
}

/// What the last notification spoke of: what is gone since is told once more, as gone.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) dialogs: BTreeMap<LegId, Role>,
    pub(super) contacts: BTreeMap<BindingId, Uri>,
    /// What became of contacts since.
    pub(super) ended: BTreeMap<BindingId, ContactEvent>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watches: BTreeMap<WatchId, Watch>,
    by_dialog: BTreeMap<DialogId, WatchId>,
    by_client: BTreeMap<ClientId, WatchId>,
    by_flow: BTreeSet<(FlowId, WatchId)>,
    /// By who hears.
    by_subscriber: BTreeMap<Aor, BTreeSet<WatchId>>,
    /// By whom they are about.
    by_person: BTreeMap<Aor, BTreeSet<WatchId>>,
    /// The dialogs of those who are watched, as they were last.
    seen: BTreeMap<Aor, BTreeMap<LegId, DialogState>>,
    next: u64,
}

impl Watches {
    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// How many somebody has.
    pub(super) fn count_by(&self, subscriber: &Aor) -> usize {
        self.by_subscriber.get(subscriber).map_or(0, BTreeSet::len)
    }

    pub(super) fn insert(&mut self, watch: Watch) -> WatchId {
        self.next += 1;
        let id = WatchId(self.next);
        self.by_dialog.insert(watch.dialog.id().clone(), id);
        self.by_flow.insert((watch.flow, id));
        let subscriber = self.by_subscriber.entry(watch.by.clone());
        subscriber.or_default().insert(id);
        let person = self.by_person.entry(watch.of.clone());
        person.or_default().insert(id);
        self.watches.insert(id, watch);
        id
    }

    pub(super) fn remove(&mut self, id: WatchId) {
        let Some(watch) = self.watches.remove(&id) else {
            return;
        };
        self.by_dialog.remove(watch.dialog.id());
        self.by_flow.remove(&(watch.flow, id));
        if let Some(client) = watch.waiting {
            self.by_client.remove(&client);
        }
        leave(&mut self.by_subscriber, &watch.by, id);
        if leave(&mut self.by_person, &watch.of, id) {
            self.seen.remove(&watch.of);
        }
    }

    pub(super) fn get(&self, id: WatchId) -> Option<&Watch> {
        self.watches.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.watches.get_mut(&id)
    }

    pub(super) fn ids(&self) -> Vec<WatchId> {
        self.watches.keys().copied().collect()
    }

    pub(super) fn of_dialog(&self, dialog: &DialogId) -> Option<WatchId> {
        self.by_dialog.get(dialog).copied()
    }

    /// Those on a flow.
    pub(super) fn on_flow(&self, flow: FlowId) -> Vec<WatchId> {
        let all = (flow, WatchId(0))..=(flow, WatchId(u64::MAX));
        self.by_flow.range(all).map(|(_, id)| *id).collect()
    }

    /// Those of a subscriber.
    pub(super) fn by(&self, subscriber: &Aor) -> Vec<WatchId> {
        let ids = self.by_subscriber.get(subscriber).into_iter();
        ids.flatten().copied().collect()
    }

    /// Those about somebody, of one package.
    pub(super) fn about(&self, person: &Aor, package: &Package) -> Vec<WatchId> {
        let ids = self.by_person.get(person).into_iter().flatten();
        ids.filter(|id| {
            let watch = self.watches.get(id);
            watch.is_some_and(|watch| watch.package == package)
        })
        .copied()
        .collect()
    }

    /// The subscriber is on another flow now.
    pub(super) fn move_to(&mut self, id: WatchId, flow: FlowId) {
        if let Some(watch) = self.watches.get_mut(&id) {
            self.by_flow.remove(&(watch.flow, id));
            watch.flow = flow;
            watch.lost = false;
            self.by_flow.insert((flow, id));
        }
    }

    pub(super) fn set_waiting(&mut self, id: WatchId, client: Option<ClientId>) {
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut watch.waiting, client) {
            self.by_client.remove(&old);
        }
        if let Some(client) = client {
            self.by_client.insert(client, id);
        }
    }

    /// The subscription whose notification that was.
    pub(super) fn take_client(&mut self, client: ClientId) -> Option<WatchId> {
        let id = self.by_client.remove(&client)?;
        if let Some(watch) = self.watches.get_mut(&id) {
            watch.waiting = None;
        }
        Some(id)
    }

    /// Somebody is watched whose dialogs are so now. What was seen before stands.
    pub(super) fn begin_to_see(&mut self, person: &Aor, now: BTreeMap<LegId, DialogState>) {
        self.seen.entry(person.clone()).or_insert(now);
    }

    /// A leg of somebody stands there now; `None`: it is over. True if he is watched and that is
    /// news.
    pub(super) fn see(&mut self, person: &Aor, leg: LegId, state: Option<DialogState>) -> bool {
        let Some(seen) = self.seen.get_mut(person) else {
            return false;
        };
        match state {
            Some(state) => seen.insert(leg, state) != Some(state),
            None => seen.remove(&leg).is_some(),
        }
    }
}

/// True if nothing is left under that name.
fn leave(index: &mut BTreeMap<Aor, BTreeSet<WatchId>>, name: &Aor, id: WatchId) -> bool {
    let Some(ids) = index.get_mut(name) else {
        return false;
    };
    ids.remove(&id);
    let empty = ids.is_empty();
    if empty {
        index.remove(name);
    }
    empty
}
