//! A call is set up: admission, target set, offer, and its first leg.

use std::sync::Arc;

use media::negotiate::{NegotiationError, RemoteOffer};

use super::admission::Rate;
use super::call::{Call, CallHandle, Phase, Ringing};
use super::end::{EndReason, Names, Side};
use super::leg::{Exchange, Finish, Leg, LegOrder, LegState, Signalling};
use super::outputs::wire_end;
use super::people::{DeviceId, Party};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::{CallRequest, WcsCallId};

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
        let end = wire_end(Finish::new(reason.clone(), Side::Caller, names));
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
        let targets = self.targets(now, &callee, device).map_err(with_callee)?;
        let offer = RemoteOffer::parse(&request.sdp, &self.config.media.policy.limits)
            .map_err(|error| with_callee(offer_refused(&error)))?;
        let handle = self.begin(now, device, caller, &callee, request, offer);
        if let Err(reason) = self.ring_all(handle, &targets) {
            self.undo(handle);
            return Err(with_callee(reason));
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
        let rate = self.call_rate.get_or_insert_with(|| Rate::new(now.mono));
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
        let exchange = Exchange::Theirs {
            offer: Arc::new(offer),
            sdp: request.sdp.into_string().into(),
        };
        let leg = Leg::new(local, Side::Caller, caller.clone(), signalling, exchange);
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
            transferred_to: None,
        });
        self.calls.add_leg(handle, leg);
        self.board.mark_stale();
        handle
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
        self.tell(leg, LegOrder::Ringing);
    }
}

/// The offer of the caller cannot be used, or nothing of it may be.
pub(super) fn offer_refused(error: &NegotiationError) -> EndReason {
    EndReason::BadDescription(Side::Caller, error.to_string())
}
