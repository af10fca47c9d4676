//! What SIP needs to know of a leg, beside what every leg has.

use std::collections::{BTreeMap, VecDeque};

use media::ids::LegId;
use media::negotiate::LocalOffer;
use sip::dialog::{Dialog, DialogId};
use sip::flow::FlowId;
use sip::message::{Method, Request};
use sip::procedure::Side;
use sip::procedure::accept::Accepted;
use sip::procedure::glare::Underway;
use sip::procedure::refer::Referral;
use sip::procedure::reliable::Provisionals;
use sip::procedure::session_timer::{Grant, SessionTimer};
use sip::transaction::{ClientId, ServerId};
use smol_str::SmolStr;

use super::early::Early;
use super::goodbye::Lost;
use super::invite::Invite;
use super::keys::InfoKeys;
use super::past::{PastInvites, key};

/// A leg's dialog and what led to it. It may outlive the leg, until the far side has heard of the
/// end.
#[derive(Debug)]
pub(super) struct SipLeg {
    /// Over which requests go.
    pub(super) flow: FlowId,
    /// Where the last flow led that is gone.
    pub(super) lost: Option<Lost>,
    pub(super) invite: Invite,
    /// Ours in the dialog.
    pub(super) local_tag: SmolStr,
    pub(super) dialog: Option<Dialog>,
    /// Dialogs that provisional responses to our INVITE have made.
    pub(super) early: Vec<Early>,
    /// What we described in a provisional response to its INVITE.
    pub(super) early_answer: Option<String>,
    /// Our reliable responses to its INVITE, if there is one.
    pub(super) provisionals: Option<Box<Provisionals>>,
    /// Of our INVITE: it may bring a 2xx more than once, and from more than one.
    pub(super) client: Option<ClientId>,
    pub(super) stage: Stage,
    pub(super) timer: SessionTimer,
    /// What our 2xx to its INVITE says of the timer.
    pub(super) grant: Option<Grant>,
    /// A request of ours that changes or refreshes the session.
    pub(super) change: Option<Change>,
    /// Its partner has changed, and it is offered that once nothing stands in the way.
    pub(super) is_owed_offer: bool,
    /// How often such an offer was refused for the moment.
    pub(super) tries: u8,
    /// An offer of its own that waits until its partner was asked.
    pub(super) deferred: Option<Box<Deferred>>,
    /// It hands the call over, and hears what becomes of that.
    pub(super) referral: Option<Box<Referral>>,
    /// It did so before.
    pub(super) was_referred: bool,
    /// A 2xx of ours that waits for its ACK.
    pub(super) accepted: Option<Accepted>,
    /// What crosses or overlaps.
    pub(super) underway: Underway,
    /// Our offer in that 2xx, which the ACK answers.
    pub(super) offered: Option<Box<LocalOffer>>,
    /// How it is told of keys, where media cannot.
    pub(super) info_keys: InfoKeys,
}

impl SipLeg {
    /// One whose INVITE has just come or gone out.
    pub(super) fn new(
        flow: FlowId,
        invite: Request,
        local_tag: SmolStr,
        stage: Stage,
        timer: SessionTimer,
    ) -> Self {
        Self {
            flow,
            lost: None,
            invite: Invite::new(invite),
            local_tag,
            dialog: None,
            early: Vec::new(),
            early_answer: None,
            provisionals: None,
            client: None,
            stage,
            timer,
            grant: None,
            change: None,
            is_owed_offer: false,
            tries: 0,
            deferred: None,
            referral: None,
            was_referred: false,
            accepted: None,
            underway: Underway::default(),
            offered: None,
            info_keys: InfoKeys::default(),
        }
    }

    /// Nobody has accepted its INVITE, or ours.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.stage, Stage::Invited { .. } | Stage::Inviting { .. })
    }

    /// That of its INVITE.
    pub(super) fn call_id(&self) -> Option<&str> {
        match (&self.dialog, self.invite.whole()) {
            (Some(dialog), _) => Some(&dialog.id().call_id),
            (None, Some(invite)) => str::from_utf8(invite.call_id()).ok(),
            (None, None) => None,
        }
    }

    /// What of the dialog that a request names is unanswered, the INVITE that makes it included
    /// (RFC 3261 14.2, RFC 3311 5.2).
    pub(super) fn underway_in(&self, request: &Request) -> Underway {
        let mut underway = self.underway;
        let late_offer = self.invite.is_without_offer();
        // Whose INVITE, and whose offer.
        let (invite, offer) = match &self.stage {
            Stage::Talking => return underway,
            Stage::Accepted { .. } => (Side::Peer, late_offer.then_some(Side::Us)),
            Stage::Invited { .. } => {
                let provisionals = self.provisionals.as_ref();
                let answered = provisionals.is_some_and(|it| it.has_described() && !it.holds_2xx());
                (Side::Peer, (!late_offer && !answered).then_some(Side::Peer))
            }
            Stage::Inviting { .. } => {
                let named = DialogId::of_request(request);
                let mut early = self.early.iter();
                let early = early.find(|it| Some(it.dialog.id()) == named.as_ref());
                let answered = early.is_some_and(|it| it.answer.is_some());
                (Side::Us, (!answered).then_some(Side::Us))
            }
        };
        underway.begin(invite, &Method::Invite);
        if let Some(side) = offer {
            underway.offer(side);
        }
        underway
    }

    /// Its dialog of that name: the one it has come to, or an early one.
    pub(super) fn dialog_of(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        let early = self.early.iter_mut().map(|early| &mut early.dialog);
        let mut all = self.dialog.as_mut().into_iter().chain(early);
        all.find(|dialog| dialog.id() == id)
    }
}

/// How far the INVITE came.
#[derive(Debug)]
pub(super) enum Stage {
    /// It invited us and waits for our final response.
    Invited {
        server: ServerId,
        /// It was told that it rings.
        rings: bool,
        /// It was told that something else happens.
        progresses: bool,
        /// The call is up: our 2xx goes out when what was said before has been acknowledged
        /// (RFC 3262 3).
        accepts: bool,
    },
    /// It has our 2xx, and we wait for its ACK.
    Accepted {
        /// The call is over: a BYE follows the ACK (RFC 3261 15).
        over: bool,
    },
    /// We invite it.
    Inviting {
        /// The call is over: if it accepts yet, it gets an ACK and a BYE.
        over: bool,
    },
    /// Both have accepted.
    Talking,
}

/// A re-INVITE or UPDATE of ours that waits for its response.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) client: ClientId,
    pub(super) method: Method,
    pub(super) cseq: u32,
}

/// A re-INVITE that waits for our final response.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) server: ServerId,
    pub(super) request: Request,
}

/// How many dialogs that are over are remembered.
const MAX_ENDED: usize = 64;

/// All of them, and the ways to find them.
#[derive(Debug, Default)]
pub(super) struct SipLegs {
    /// Apart from the table: its nodes have places to spare.
    by_leg: BTreeMap<LegId, Box<SipLeg>>,
    by_dialog: BTreeMap<DialogId, LegId>,
    by_client: BTreeMap<ClientId, LegId>,
    by_server: BTreeMap<ServerId, LegId>,
    /// The keys of dialogs that are over, the latest last.
    ended: VecDeque<u64>,
    pub(super) past: PastInvites,
}

impl SipLegs {
    pub(super) fn is_empty(&self) -> bool {
        self.by_leg.is_empty() && self.by_dialog.is_empty() && self.by_client.is_empty()
    }

    pub(super) fn insert(&mut self, id: LegId, leg: SipLeg) {
        if let Stage::Invited { server, .. } = leg.stage {
            self.by_server.insert(server, id);
        }
        if let Some(client) = leg.client {
            self.by_client.insert(client, id);
        }
        self.by_leg.insert(id, Box::new(leg));
    }

    /// Its INVITE was refused, and goes out again like this.
    pub(super) fn set_invite(&mut self, id: LegId, client: ClientId, invite: Request) {
        if let Some(leg) = self.by_leg.get_mut(&id) {
            self.by_client.insert(client, id);
            if let Some(old) = leg.client.replace(client) {
                self.by_client.remove(&old);
            }
            leg.invite = Invite::new(invite);
        }
    }

    pub(super) fn set_change(&mut self, id: LegId, change: Change) {
        if let Some(leg) = self.by_leg.get_mut(&id) {
            self.by_client.insert(change.client, id);
            leg.change = Some(change);
        }
    }

    pub(super) fn take_change(&mut self, id: LegId) -> Option<Change> {
        let change = self.by_leg.get_mut(&id)?.change.take()?;
        self.by_client.remove(&change.client);
        Some(change)
    }

    pub(super) fn set_deferred(&mut self, id: LegId, deferred: Deferred) {
        if let Some(leg) = self.by_leg.get_mut(&id) {
            self.by_server.insert(deferred.server, id);
            leg.deferred = Some(Box::new(deferred));
        }
    }

    pub(super) fn take_deferred(&mut self, id: LegId) -> Option<Box<Deferred>> {
        let deferred = self.by_leg.get_mut(&id)?.deferred.take()?;
        self.by_server.remove(&deferred.server);
        Some(deferred)
    }

    pub(super) fn get(&self, id: LegId) -> Option<&SipLeg> {
        self.by_leg.get(&id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: LegId) -> Option<&mut SipLeg> {
        self.by_leg.get_mut(&id).map(Box::as_mut)
    }

    /// The legs on a flow whose stage is such.
    pub(super) fn on_flow(
        &self,
        flow: FlowId,
        is_such: impl Fn(&Stage) -> bool,
    ) -> impl Iterator<Item = LegId> {
        let legs = self.by_leg.iter();
        legs.filter(move |(_, leg)| leg.flow == flow && is_such(&leg.stage))
            .map(|(id, _)| *id)
    }

    /// A flow is gone, and led there.
    pub(super) fn lose_flow(&mut self, flow: FlowId, lost: Lost) {
        let on_it = self.by_leg.values_mut().filter(|leg| leg.flow == flow);
        on_it.for_each(|leg| leg.lost = Some(lost));
    }

    /// The far side of a leg is on another flow now.
    pub(super) fn move_to(&mut self, id: LegId, flow: FlowId) {
        if let Some(leg) = self.by_leg.get_mut(&id) {
            leg.flow = flow;
        }
    }

    pub(super) fn of_dialog(&self, dialog: &DialogId) -> Option<LegId> {
        self.by_dialog.get(dialog).copied()
    }

    /// It was one of ours, not long ago.
    pub(super) fn has_ended(&self, dialog: &DialogId) -> bool {
        self.ended.contains(&key(dialog))
    }

    pub(super) fn of_client(&self, client: ClientId) -> Option<LegId> {
        self.by_client.get(&client).copied()
    }

    pub(super) fn of_server(&self, server: ServerId) -> Option<LegId> {
        self.by_server.get(&server).copied()
    }

    /// Gives a leg its dialog.
    pub(super) fn set_dialog(&mut self, id: LegId, dialog: Dialog) {
        let Some(leg) = self.by_leg.get_mut(&id) else {
            return;
        };
        self.by_dialog.insert(dialog.id().clone(), id);
        if let Some(old) = leg.dialog.replace(dialog)
            && leg.dialog.as_ref().map(Dialog::id) != Some(old.id())
        {
            self.by_dialog.remove(old.id());
        }
    }

    /// Gives a leg one more early dialog; its place among them.
    pub(super) fn add_early(&mut self, id: LegId, early: Early) -> Option<usize> {
        let leg = self.by_leg.get_mut(&id)?;
        self.by_dialog.insert(early.dialog.id().clone(), id);
        // Most have one.
        leg.early.reserve_exact(1);
        leg.early.push(early);
        Some(leg.early.len() - 1)
    }

    /// Takes the early dialog that a 2xx confirms. The others stay: they may have one yet.
    pub(super) fn take_early(&mut self, id: LegId, dialog: &DialogId) -> Option<Early> {
        let leg = self.by_leg.get_mut(&id)?;
        let place = leg.early.iter().position(|it| it.dialog.id() == dialog)?;
        self.by_dialog.remove(dialog);
        let early = leg.early.swap_remove(place);
        leg.early.shrink_to_fit();
        Some(early)
    }

    /// Moves a leg on, and gives back where it was.
    pub(super) fn go(&mut self, id: LegId, stage: Stage) -> Option<Stage> {
        let leg = self.by_leg.get_mut(&id)?;
        if matches!(stage, Stage::Talking) {
            leg.invite.accept();
        }
        let old = std::mem::replace(&mut leg.stage, stage);
        self.forget_server(&old);
        Some(old)
    }

    /// Other user agents than that in the call may accept its INVITE yet.
    pub(super) fn remember_invite(&mut self, id: LegId) {
        if let Some(leg) = self.by_leg.get(&id) {
            self.past.remember(leg, None);
        }
    }

    pub(super) fn remove(&mut self, id: LegId) -> Option<Box<SipLeg>> {
        let leg = self.by_leg.remove(&id)?;
        if leg.client.is_some() {
            self.past.remember(&leg, leg.dialog.as_ref());
        }
        if let Some(dialog) = &leg.dialog {
            self.by_dialog.remove(dialog.id());
            if self.ended.len() >= MAX_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(key(dialog.id()));
        }
        for early in &leg.early {
            self.by_dialog.remove(early.dialog.id());
        }
        let change = leg.change.as_ref().map(|change| change.client);
        for client in leg.client.into_iter().chain(change) {
            self.by_client.remove(&client);
        }
        if let Some(deferred) = &leg.deferred {
            self.by_server.remove(&deferred.server);
        }
        self.forget_server(&leg.stage);
        Some(leg)
    }

    fn forget_server(&mut self, stage: &Stage) {
        if let Stage::Invited { server, .. } = stage {
            self.by_server.remove(server);
        }
    }
}
