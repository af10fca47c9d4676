//! A call: its legs and the policy that joins them, and the table of all calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use media::ids::LegId;
use media::plan::PatchPlan;
use registrar::Aor;
use smol_str::SmolStr;

use super::digits::Pressed;
use super::end::{Device, EndReason, Names, Side};
use super::leg::{Leg, LegState, Signalling};
use super::one_way::OneWay;
use super::people::{DeviceId, Party};
use super::recording::Recording;
use super::time::Now;
use super::view::{CallPhase, CallView, LegView};
use crate::wcs::message::{Payload, WcsCallId};

/// A call, as we name it inside. `Call-ID` is a SIP header and another thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct CallHandle(u64);

/// A call that is not over.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) handle: CallHandle,
    /// Its name outside: not guessable.
    pub(super) id: SmolStr,
    /// All legs are on this media worker.
    pub(super) worker: usize,
    pub(super) caller: Party,
    pub(super) callee: Party,
    pub(super) phase: Phase,
    /// The caller's first. Ended ones stay for the record.
    pub(super) legs: Vec<Leg>,
    pub(super) started: Now,
    /// Hops that its INVITEs may take.
    pub(super) hops: u8,
    /// Its name between user agents (RFC 7989): what comes back under it goes round in circles.
    pub(super) session_id: SmolStr,
    /// Whom it was sent on to by those who were called.
    pub(super) sent_on_to: Vec<Aor>,
    /// What the caller's application sent along.
    pub(super) custom: Payload,
    /// The one device that is called, and no other of its owner's.
    pub(super) only: Option<DeviceId>,
    pub(super) digits: Pressed,
    /// Who took a side over last.
    pub(super) transferred_to: Option<Party>,
    /// One after another: only the last may be running.
    pub(super) recordings: Vec<Recording>,
}

/// Where the call stands, with what it needs to know there.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nobody has answered.
    Ringing(Ringing),
    /// It does not come about, and the caller hears why before he is refused.
    Announcing(EndReason),
    /// Answered.
    Talking(Box<Talk>),
}

/// An unanswered call.
#[derive(Debug, Default)]
pub(super) struct Ringing {
    /// Devices that rang when their connection broke. They ring anew when they come back.
    pub(super) awaited: BTreeSet<DeviceId>,
    /// The caller was told that something happens.
    pub(super) progressed: bool,
    /// The leg whose early media the caller hears.
    pub(super) early: Option<LegId>,
}

/// An answered call.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) since: Now,
    /// The legs that talk to each other, by side.
    pub(super) caller_leg: LegId,
    pub(super) callee_leg: LegId,
    /// Media from the caller to the callee.
    pub(super) to_callee: PatchPlan,
    /// Media from the callee to the caller.
    pub(super) to_caller: PatchPlan,
    pub(super) audio: Option<SmolStr>,
    pub(super) video: Option<SmolStr>,
    pub(super) video_reason: Option<String>,
    pub(super) summary: String,
    /// From the answer until media could flow on both sides.
    pub(super) ready_after: Option<Duration>,
    /// A side is handing the call over, and somebody rings for it.
    pub(super) transfer: Option<Transfer>,
    /// One side alone is heard.
    pub(super) one_way: Option<OneWay>,
}

/// A call is being handed over.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The leg that hands over, and leaves when the target answers.
    pub(super) by: LegId,
    /// Who rings.
    pub(super) to: Party,
}

impl Talk {
    /// An answered call in which nothing flows yet.
    pub(super) fn new(now: Now, (caller, callee): (LegId, LegId), summary: String) -> Self {
        let nothing = |source, sink| PatchPlan {
            source,
            sink,
            codecs: Vec::new(),
        };
        Self {
            since: now,
            caller_leg: caller,
            callee_leg: callee,
            to_callee: nothing(caller, callee),
            to_caller: nothing(callee, caller),
            audio: None,
            video: None,
            video_reason: None,
            summary,
            ready_after: None,
            transfer: None,
            one_way: None,
        }
    }

    /// The leg of a side.
    pub(super) fn leg(&self, side: Side) -> LegId {
        match side {
            Side::Caller => self.caller_leg,
            Side::Callee => self.callee_leg,
        }
    }
}

impl Call {
    pub(super) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(super) fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// The leg that called.
    pub(super) fn caller_leg(&self) -> Option<&Leg> {
        self.legs
            .iter()
            .find(|leg| leg.side == Side::Caller && leg.is_live())
    }

    pub(super) fn talk(&self) -> Option<&Talk> {
        match &self.phase {
            Phase::Talking(talk) => Some(talk),
            Phase::Ringing(_) | Phase::Announcing(_) => None,
        }
    }

    pub(super) fn talk_mut(&mut self) -> Option<&mut Talk> {
        match &mut self.phase {
            Phase::Talking(talk) => Some(talk),
            Phase::Ringing(_) | Phase::Announcing(_) => None,
        }
    }

    pub(super) fn ringing_mut(&mut self) -> Option<&mut Ringing> {
        match &mut self.phase {
            Phase::Ringing(ringing) => Some(ringing),
            Phase::Announcing(_) | Phase::Talking(_) => None,
        }
    }

    /// Somebody may still answer it, or come to.
    pub(super) fn is_ringing(&self) -> bool {
        matches!(self.phase, Phase::Ringing(_))
    }

    /// The leg that `leg` talks to.
    pub(super) fn far_leg(&self, leg: LegId) -> Option<&Leg> {
        let talk = self.talk()?;
        let far = match leg {
            leg if leg == talk.caller_leg => talk.callee_leg,
            leg if leg == talk.callee_leg => talk.caller_leg,
            _ => return None,
        };
        self.leg(far)
    }

    /// It rings with somebody.
    pub(super) fn rings(&self) -> bool {
        self.legs
            .iter()
            .any(|leg| leg.side == Side::Callee && *leg.state() == LegState::Early)
    }

    /// Somebody may still answer.
    pub(super) fn has_ringing_leg(&self) -> bool {
        self.legs
            .iter()
            .any(|leg| leg.side == Side::Callee && leg.is_pending())
    }

    /// A side holds it.
    pub(super) fn is_held(&self) -> bool {
        self.legs.iter().any(|leg| leg.is_live() && leg.holds)
    }

    /// The names of those who call and are called now: after a transfer somebody else has taken
    /// a side.
    pub(super) fn names(&self) -> Names<'_> {
        let name = |side, first: &'_ Party| -> Option<&str> {
            let leg = self.leg(self.talk()?.leg(side))?;
            (leg.party != *first).then_some(&leg.party.display_name)
        };
        Names {
            caller: name(Side::Caller, &self.caller).unwrap_or(&self.caller.display_name),
            callee: name(Side::Callee, &self.callee).unwrap_or(&self.callee.display_name),
            devices: [self.device_of(Side::Caller), self.device_of(Side::Callee)],
        }
    }

    /// What speaks on a side.
    fn device_of(&self, side: Side) -> Device {
        let talking = self.talk().and_then(|talk| self.leg(talk.leg(side)));
        let any = || self.legs.iter().find(|leg| leg.side == side);
        talking.or_else(any).map_or(Device::Browser, Leg::kind)
    }

    /// The names as a leg is to hear them: who rings for a transfer is called by the one who is
    /// handed over.
    pub(super) fn names_for<'a>(&'a self, leg: &'a Leg) -> Names<'a> {
        let transfer = self.talk().and_then(|talk| talk.transfer.as_ref());
        let from = transfer
            .filter(|_| leg.is_pending())
            .and_then(|transfer| self.far_leg(transfer.by));
        match from {
            Some(from) => Names {
                caller: &from.party.display_name,
                callee: &leg.party.display_name,
                devices: [from.kind(), leg.kind()],
            },
            None => {
                let devices = match leg.side {
                    Side::Caller => [leg.kind(), self.device_of(Side::Callee)],
                    Side::Callee => [self.device_of(Side::Caller), leg.kind()],
                };
                Names {
                    devices,
                    ..self.names()
                }
            }
        }
    }

    pub(super) fn view(&self) -> CallView {
        let talk = self.talk();
        CallView {
            id: self.id.to_string(),
            caller: self.caller.user.to_string(),
            caller_display_name: self.caller.display_name.clone(),
            callee: self.callee.user.to_string(),
            phase: match talk {
                None => CallPhase::Ringing,
                Some(_) if self.is_held() => CallPhase::Held,
                Some(_) => CallPhase::Established,
            },
            started_ms: self.started.wall.as_millis(),
            answered_ms: talk.map(|talk| talk.since.wall.as_millis()),
            audio: talk
                .and_then(|talk| talk.audio.as_ref())
                .map(ToString::to_string),
            video: talk
                .and_then(|talk| talk.video.as_ref())
                .map(ToString::to_string),
            video_reason: talk.and_then(|talk| talk.video_reason.clone()),
            summary: talk.map(|talk| talk.summary.clone()),
            transferred_to: self
                .transferred_to
                .as_ref()
                .map(|party| party.user.to_string()),
            one_way: self.one_way_view(),
            recordings: self.recordings.iter().map(|it| it.view.clone()).collect(),
            legs: self.leg_views(),
        }
    }

    pub(super) fn leg_views(&self) -> Vec<LegView> {
        self.legs.iter().map(leg_view).collect()
    }
}

fn leg_view(leg: &Leg) -> LegView {
    LegView {
        id: leg.id.to_string(),
        user: leg.party.user.to_string(),
        caller: leg.side == Side::Caller,
        signalling: match leg.signalling {
            Signalling::Wcs { .. } => "wcs",
            Signalling::Sip { .. } => "sip",
        },
        state: leg.state().phase().as_str(),
        media: leg.media.as_str(),
        holds: leg.holds,
        quality: leg.meter.view().cloned(),
        heard: leg.meter.heard(),
    }
}

impl Changes {
    fn note(&mut self, handle: CallHandle) {
        if self.calls.last() != Some(&handle) {
            self.calls.push(handle);
        }
    }
}

/// All calls, and the ways to find them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Apart from the table: its nodes have places to spare.
    calls: BTreeMap<CallHandle, Box<Call>>,
    by_leg: BTreeMap<LegId, CallHandle>,
    by_wcs: BTreeMap<(DeviceId, WcsCallId), LegId>,
    next: u64,
    changes: Changes,
}

/// What may have changed since somebody looked.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Calls, some of them more than once.
    pub(super) calls: Vec<CallHandle>,
    /// Legs of calls that are over, with who was behind them.
    pub(super) over: Vec<(Aor, LegId)>,
}

impl Calls {
    pub(super) fn next_handle(&mut self) -> CallHandle {
        self.next += 1;
        CallHandle(self.next)
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn live_legs(&self) -> usize {
        self.by_leg.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().map(Box::as_ref)
    }

    pub(super) fn handles(&self) -> Vec<CallHandle> {
        self.calls.keys().copied().collect()
    }

    pub(super) fn get(&self, handle: CallHandle) -> Option<&Call> {
        self.calls.get(&handle).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, handle: CallHandle) -> Option<&mut Call> {
        self.changes.note(handle);
        self.calls.get_mut(&handle).map(Box::as_mut)
    }

    /// The call of a live leg.
    pub(super) fn of_leg(&self, leg: LegId) -> Option<&Call> {
        self.get(*self.by_leg.get(&leg)?)
    }

    pub(super) fn of_leg_mut(&mut self, leg: LegId) -> Option<&mut Call> {
        self.get_mut(*self.by_leg.get(&leg)?)
    }

    /// The live leg that a device knows by this name.
    pub(super) fn wcs_leg(&self, device: DeviceId, call_id: &WcsCallId) -> Option<LegId> {
        self.by_wcs.get(&(device, call_id.clone())).copied()
    }

    /// Takes in a new call, whose legs come with [`add_leg`](Self::add_leg).
    pub(super) fn insert(&mut self, call: Call) {
        self.calls.insert(call.handle, Box::new(call));
    }

    /// Takes in a leg of `handle`.
    pub(super) fn add_leg(&mut self, handle: CallHandle, leg: Leg) {
        self.changes.note(handle);
        let Some(call) = self.calls.get_mut(&handle) else {
            return;
        };
        self.by_leg.insert(leg.id, handle);
        if let Signalling::Wcs { device, call_id } = &leg.signalling {
            self.by_wcs.insert((*device, call_id.clone()), leg.id);
        }
        // Most calls have two, which are not small.
        call.legs.reserve_exact(1);
        call.legs.push(leg);
    }

    /// Moves a live leg into another call.
    pub(super) fn move_leg(&mut self, id: LegId, to: CallHandle) {
        let Some(from) = self.by_leg.get(&id).copied() else {
            return;
        };
        if !self.calls.contains_key(&to) {
            return;
        }
        let call = self.calls.get_mut(&from);
        let moved = call.and_then(|call| {
            let place = call.legs.iter().position(|leg| leg.id == id)?;
            Some(call.legs.remove(place))
        });
        if let (Some(leg), Some(call)) = (moved, self.calls.get_mut(&to)) {
            call.legs.push(leg);
            self.by_leg.insert(id, to);
        }
    }

    /// Forgets the ways to a leg that has ended; the leg itself stays for the record.
    pub(super) fn unlist_leg(&mut self, leg: LegId, signalling: &Signalling) {
        self.by_leg.remove(&leg);
        if let Signalling::Wcs { device, call_id } = signalling {
            self.by_wcs.remove(&(*device, call_id.clone()));
        }
    }

    /// Takes a call out. Its legs were unlisted before.
    pub(super) fn remove(&mut self, handle: CallHandle) -> Option<Call> {
        let call = self.calls.remove(&handle)?;
        let legs = call.legs.iter();
        let legs = legs.map(|leg| (leg.party.user.clone(), leg.id));
        self.changes.over.extend(legs);
        Some(*call)
    }

    /// Nobody asks what has changed.
    pub(super) fn forget_changes(&mut self) {
        self.changes.calls.clear();
        self.changes.over.clear();
    }

    /// What may have changed since this was called last.
    pub(super) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }
}
