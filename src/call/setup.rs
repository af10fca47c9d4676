//! A call is set up: admission, offer, target set, and a leg for each device that rings.

use media::ids::LegId;
use media::negotiate::{self, NegotiationError, RemoteOffer};
use media::plan::Command;

use super::call::{Call, CallHandle, Phase, Ringing};
use super::end::{EndReason, Names, Side};
use super::leg::{Leg, LegState, Offer, Signalling};
use super::outputs::wire_end;
use super::people::{DeviceId, Party};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::{CallRequest, WcsCallId};
use crate::wcs::session::{IncomingCall, Unannounced};

/// A burst of calls that may come at once, in seconds of the rate of one person.
const BURST_S: u32 = 5;

/// A call that did not come about.
struct Refused {
    reason: EndReason,
    /// Who was meant, if that much was found out.
    callee: Option<Party>,
}

impl Switch {
    /// A device calls.
    pub(super) fn on_call(&mut self, now: Now, device: DeviceId, request: CallRequest) {
        let call_id = request.call_id.clone();
        let Some(caller) = self
            .people
            .device(device)
            .and_then(|device| self.people.party(&device.user))
        else {
            return;
        };
        let dialled = request.callee.clone();
        if let Err(refused) = self.set_up(now, device, &caller, request) {
            let callee = refused.callee.map_or(dialled, |callee| callee.display_name);
            self.refuse_call(device, &call_id, &caller, &callee, refused.reason);
        }
    }

    fn refuse_call(
        &mut self,
        device: DeviceId,
        call_id: &WcsCallId,
        caller: &Party,
        callee: &str,
        reason: EndReason,
    ) {
        tracing::info!(code = reason.code(), "call refused");
        let names = Names {
            caller: &caller.display_name,
            callee,
        };
        let end = wire_end(&reason, Side::Caller, names);
        self.with_session(device, |session| session.finish(call_id, end));
        self.outputs.notify(Notice::CallRefused {
            caller: caller.user.to_string(),
            end: reason.view(names),
        });
    }

    /// Admits the call and rings. On failure nothing is left of it.
    fn set_up(
        &mut self,
        now: Now,
        device: DeviceId,
        caller: &Party,
        request: CallRequest,
    ) -> Result<(), Box<Refused>> {
        let unknown = |reason| {
            Box::new(Refused {
                reason,
                callee: None,
            })
        };
        self.admit_call(now, caller).map_err(unknown)?;
        let callee = self.resolve(&request.callee).map_err(unknown)?;
        let with_callee = |reason| {
            Box::new(Refused {
                reason,
                callee: Some(callee.clone()),
            })
        };
        let targets = self.targets(&callee, device).map_err(with_callee)?;
        let offer = RemoteOffer::parse(&request.sdp, &self.config.media.policy.limits)
            .map_err(|error| with_callee(offer_refused(&error)))?;
        let handle = self.begin(now, device, caller, &callee, request, offer);
        let mut failure = EndReason::NotSignedIn;
        for target in targets {
            if let Err(reason) = self.ring(handle, target) {
                failure = reason;
            }
        }
        if !self.calls.get(handle).is_some_and(Call::has_ringing_leg) {
            self.undo(handle);
            return Err(with_callee(failure));
        }
        self.announce(now, handle);
        Ok(())
    }

    fn admit_call(&mut self, now: Now, caller: &Party) -> Result<(), EndReason> {
        let limits = self.config.limits;
        if self.stage != Stage::Running {
            return Err(EndReason::ShuttingDown);
        }
        let own = self
            .calls
            .iter()
            .filter(|call| call.caller.user == caller.user)
            .count();
        if own >= limits.calls_per_user {
            return Err(EndReason::UserCallLimit);
        }
        let per_user = limits.calls_per_second_per_user;
        let burst = per_user.saturating_mul(BURST_S);
        let user = self.people.user_mut(&caller.user);
        if !user.is_some_and(|user| user.calls.take(now.mono, per_user, burst)) {
            return Err(EndReason::CallRate);
        }
        if self.calls.len() >= limits.calls {
            return Err(EndReason::CallLimit);
        }
        let all = limits.calls_per_second;
        let rate = self
            .call_rate
            .get_or_insert_with(|| super::admission::Rate::new(now.mono));
        if !rate.take(now.mono, all, all) {
            return Err(EndReason::CallRate);
        }
        Ok(())
    }

    /// The call and its first leg. Nobody rings yet.
    fn begin(
        &mut self,
        now: Now,
        device: DeviceId,
        caller: &Party,
        callee: &Party,
        request: CallRequest,
        offer: RemoteOffer,
    ) -> CallHandle {
        let handle = self.calls.next_handle();
        let worker = self.least_loaded_worker();
        let local = self.local(worker);
        let signalling = Signalling::Wcs {
            device,
            call_id: request.call_id,
        };
        let offer = Offer::Theirs(Box::new(offer));
        let leg = Leg::new(local, Side::Caller, caller.clone(), signalling, offer);
        if let Some(device) = self.people.device_mut(device) {
            device.legs.insert(leg.id);
        }
        self.calls.insert(Call {
            handle,
            id: self.pool.token(),
            worker,
            caller: caller.clone(),
            callee: callee.clone(),
            phase: Phase::Ringing(Ringing::default()),
            legs: Vec::new(),
            started: now,
            custom: request.custom,
            digits: 0,
        });
        self.calls.add_leg(handle, leg);
        self.board.mark_stale();
        handle
    }

    /// Rings one device.
    ///
    /// # Errors
    /// Why it does not ring; nothing is left of the leg then.
    fn ring(&mut self, handle: CallHandle, device: DeviceId) -> Result<(), EndReason> {
        let Some(call) = self.calls.get(handle) else {
            return Err(EndReason::Cancelled);
        };
        let live = call.legs.iter().filter(|leg| leg.is_live()).count();
        if live >= self.config.limits.legs_per_call {
            tracing::debug!(call = %call.id, "as many legs as there may be: a device does not ring");
            return Err(EndReason::CallLimit);
        }
        let worker = call.worker;
        let (leg_id, local) = self.local(worker);
        let result = self.offer_to(handle, device, (leg_id, &local));
        let leg = match result {
            Ok(leg) => leg,
            Err(reason) => {
                self.pool.release(&local);
                return Err(reason);
            }
        };
        if let Some(device) = self.people.device_mut(device) {
            device.legs.insert(leg_id);
        }
        self.calls.add_leg(handle, leg);
        self.board.mark_stale();
        Ok(())
    }

    /// Makes the offer, has the worker expect its answer, and announces the call.
    fn offer_to(
        &mut self,
        handle: CallHandle,
        device: DeviceId,
        (leg_id, local): (LegId, &negotiate::Local),
    ) -> Result<Leg, EndReason> {
        let Some(call) = self.calls.get(handle) else {
            return Err(EndReason::Cancelled);
        };
        let Some(Offer::Theirs(source)) = call.caller_leg().map(|leg| &leg.offer) else {
            return Err(EndReason::Cancelled);
        };
        let policy = &self.config.media.policy;
        let offer = negotiate::offer(leg_id, policy, source, local)
            .map_err(|error| offer_refused(&error))?;
        let call_id = self.pool.call_id().ok_or(EndReason::CallLimit)?;
        let incoming = IncomingCall {
            call_id: call_id.clone(),
            sdp: offer.sdp.clone().into(),
            caller: call.caller.user.shown_in(&self.config.domain),
            callee: call.callee.user.shown_in(&self.config.domain),
            visible_name: Some(call.caller.display_name.clone()),
            has_audio: source.has_audio(),
            has_video: source.has_video(),
            custom: call.custom.clone(),
        };
        let party = call.callee.clone();
        let plan = Box::new(offer.plan.clone());
        self.media(handle, Command::AddLeg(plan));
        match self.with_session(device, |session| session.incoming(incoming)) {
            Some(Ok(())) => {}
            refused => {
                self.media(handle, Command::RemoveLeg(leg_id));
                return Err(match refused {
                    Some(Err(Unannounced::TooManyCalls)) => EndReason::Busy {
                        calling_back: false,
                    },
                    _ => EndReason::NotSignedIn,
                });
            }
        }
        let signalling = Signalling::Wcs { device, call_id };
        let offer = Offer::Ours(Box::new(offer));
        let mut leg = Leg::new(
            (leg_id, local.clone()),
            Side::Callee,
            party,
            signalling,
            offer,
        );
        leg.in_media = true;
        // The page rings as soon as it is told of the call.
        leg.go(LegState::Early);
        Ok(leg)
    }

    /// Forgets a call that nobody was told of but the caller, who hears of its refusal.
    fn undo(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let legs: Vec<_> = call
            .legs
            .iter()
            .map(|leg| (leg.id, leg.signalling.clone(), leg.device()))
            .collect();
        for (leg, signalling, device) in legs {
            self.calls.unlist_leg(leg, &signalling);
            if let Some(device) = self.people.device_mut(device) {
                device.legs.remove(&leg);
            }
        }
        if let Some(call) = self.calls.remove(handle) {
            for leg in &call.legs {
                self.pool.release(&leg.local);
            }
        }
    }

    fn announce(&mut self, now: Now, handle: CallHandle) {
        self.timers
            .arm(Timer::Ring(handle), now.mono + self.config.timing.ring);
        self.totals.calls += 1;
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let Some(caller) = call.legs.iter_mut().find(|leg| leg.side == Side::Caller) else {
            return;
        };
        caller.go(LegState::Early);
        let (leg, devices) = (caller.id, call.legs.len() - 1);
        tracing::info!(call = %call.id, devices, "call rings");
        let view = call.view();
        self.outputs.notify(Notice::CallStarted(view));
        self.tell(leg, |session, call_id| session.ringing(call_id, None));
    }

    /// A device came, or came back: what rings for its user rings there too.
    pub(super) fn ring_also(&mut self, now: Now, device: DeviceId) {
        let Some(user) = self.people.device(device).map(|device| device.user.clone()) else {
            return;
        };
        let waiting: Vec<CallHandle> = self
            .calls
            .iter()
            .filter(|call| call.callee.user == user && call.talk().is_none())
            .filter(|call| call.caller_leg().is_some_and(|leg| leg.device() != device))
            .map(|call| call.handle)
            .collect();
        for handle in waiting {
            if let Some(ringing) = self
                .calls
                .get_mut(handle)
                .and_then(|call| call.ringing_mut())
            {
                ringing.awaited.remove(&device);
            }
            if let Err(reason) = self.ring(handle, device) {
                self.end_if_nobody_rings(now, handle, reason);
            }
        }
    }

    fn local(&mut self, worker: usize) -> (LegId, negotiate::Local) {
        let media = &self.config.media;
        let candidates = media.candidates.get(worker).map_or(&[][..], Vec::as_slice);
        self.pool.local(media.fingerprint, candidates)
    }

    fn least_loaded_worker(&self) -> usize {
        let workers = self.config.media.candidates.len().max(1);
        let mut calls = vec![0_usize; workers];
        for call in self.calls.iter() {
            if let Some(count) = calls.get_mut(call.worker) {
                *count += 1;
            }
        }
        (0..workers)
            .min_by_key(|worker| calls[*worker])
            .unwrap_or(0)
    }
}

/// The offer of the caller cannot be used, or nothing of it may be.
fn offer_refused(error: &NegotiationError) -> EndReason {
    EndReason::BadDescription(Side::Caller, error.to_string())
}
