//! A call is set up: admission, target set, offer, and its first leg.

use std::sync::Arc;

use media::ids::LegId;
use media::negotiate::{self, Local, NegotiationError, RemoteOffer};
use sip::dialog::MAX_FORWARDS;
use smol_str::SmolStr;

use super::admission::Rate;
use super::answer::answer_refused;
use super::call::{Call, CallHandle, Phase, Ringing};
use super::digits::Pressed;
use super::end::{Device, EndReason, Names, Side};
use super::leg::{Exchange, Finish, Leg, LegOrder, LegState, Signalling};
use super::local::{MediaWay, RtpWay};
use super::people::{DeviceId, Party};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::{CallRequest, Payload};

/// A burst of calls that may come at once, in seconds of the rate of one person.
const BURST_S: u32 = 5;

/// A call as its caller asks for it, whatever the protocol.
#[derive(Clone)]
pub(super) struct NewCall {
    pub(super) caller: Party,
    pub(super) signalling: Signalling,
    /// The leg of the caller.
    pub(super) leg: LegId,
    /// How its media travels, unless it wants WebRTC.
    pub(super) rtp: Option<RtpWay>,
    /// Whom to call, as it was dialled.
    pub(super) callee: String,
    /// The offer; SIP has calls without one (RFC 3261 13.2.1).
    pub(super) sdp: Option<String>,
    /// Hops that its INVITEs may take.
    pub(super) hops: u8,
    /// Its name between user agents (RFC 7989), if it has one.
    pub(super) session_id: Option<SmolStr>,
    /// What the caller's application sent along.
    pub(super) custom: Payload,
}

/// A call that did not come about.
pub(super) struct Refused {
    pub(super) reason: EndReason,
    /// Who was meant, if that much was found out.
    pub(super) callee: Option<Party>,
}

impl Switch {
    /// A page calls.
    pub(super) fn on_call(&mut self, now: Now, device: DeviceId, request: CallRequest) {
        let Some(caller) = self
            .people
            .device(device)
            .and_then(|device| self.people.party(&device.user))
        else {
            return;
        };
        let call = NewCall {
            caller,
            signalling: Signalling::Wcs {
                device,
                call_id: request.call_id,
            },
            leg: self.pool.leg_id(),
            rtp: None,
            callee: request.callee,
            sdp: Some(request.sdp.into_string()),
            hops: MAX_FORWARDS,
            session_id: None,
            custom: request.custom,
        };
        self.place_call(now, call);
    }

    /// Somebody calls: those whom he means ring, or he is told why not.
    pub(super) fn place_call(&mut self, now: Now, call: NewCall) {
        let (caller, signalling) = (call.caller.clone(), call.signalling.clone());
        let (leg, dialled) = (call.leg, call.callee.clone());
        // Where nothing is announced nothing is kept for it.
        let announces = !self.config.media.sounds.announcements.is_empty();
        let again = announces.then(|| call.clone());
        if let Err(refused) = self.set_up(now, call) {
            if let Some(call) = again
                && self.announce_refusal(now, call, &refused)
            {
                return;
            }
            let callee = refused.callee.map_or(dialled, |callee| callee.display_name);
            self.refuse_call((leg, &signalling), &caller, &callee, refused.reason);
        }
    }

    pub(super) fn refuse_call(
        &mut self,
        (leg, signalling): (LegId, &Signalling),
        caller: &Party,
        callee: &str,
        reason: EndReason,
    ) {
        tracing::info!(code = reason.code(), "call refused");
        let names = Names {
            caller: &caller.display_name,
            callee,
            // Neither comes up in a refusal.
            devices: [Device::Browser; 2],
        };
        let finish = Finish::new(reason.clone(), Side::Caller, names);
        self.tell_by(leg, signalling, LegOrder::Finished(Box::new(finish)));
        self.outputs.notify(Notice::CallRefused {
            caller: caller.user.to_string(),
            end: reason.view(names),
        });
    }

    /// Admits the call and rings. On failure nothing is left of it.
    fn set_up(&mut self, now: Now, call: NewCall) -> Result<(), Box<Refused>> {
        let unknown = |reason| {
            Box::new(Refused {
                reason,
                callee: None,
            })
        };
        let device = call.signalling.device();
        if device.is_some_and(|device| self.leaving.contains(&device)) {
            return Err(unknown(EndReason::AccountGone));
        }
        self.admit_call(now, &call.caller, call.leg)
            .map_err(unknown)?;
        let callee = self.resolve(&call.callee).map_err(unknown)?;
        let with_callee = |reason| {
            Box::new(Refused {
                reason,
                callee: Some(callee.clone()),
            })
        };
        if self.is_loop(call.session_id.as_ref(), &callee) {
            return Err(with_callee(EndReason::Loop));
        }
        let dialled = call.callee.clone();
        let targets = self.targets_of(now, &dialled, &callee, device);
        let targets = targets.map_err(with_callee)?;
        let sdp = call.sdp.as_deref();
        let offer = sdp.map(|sdp| self.read_offer(&call.caller.user, sdp));
        let offer = offer
            .transpose()
            .map_err(|error| with_callee(offer_refused(&error)))?;
        let way = MediaWay::of_caller(offer.as_ref(), call.rtp);
        let worker = self.worker_for([&call.caller.user, &callee.user]);
        let video = offer.as_ref().is_none_or(RemoteOffer::has_video);
        let local = self.local(call.leg, worker, way, video);
        let local = local.map_err(with_callee)?;
        // Nobody rings for what cannot be answered, whoever answers.
        if let Some(offer) = &offer
            && let Err(error) = negotiate::check_transport(offer, &local)
        {
            self.pool.release(&local);
            return Err(with_callee(offer_refused(&error)));
        }
        let handle = self.begin(now, (worker, local), &callee, call, offer);
        if self.gruu(&dialled).is_some()
            && let Some(call) = self.calls.get_mut(handle)
        {
            call.only = targets.first().copied();
        }
        if let Err(reason) = self.ring_all(now, handle, &targets) {
            self.undo(handle);
            return Err(with_callee(reason));
        }
        self.announce(now, handle);
        Ok(())
    }

    /// Whether a call is one of ours that has come back, for the same person: one that goes on to
    /// somebody else is none (RFC 3261 16.3).
    fn is_loop(&self, session_id: Option<&SmolStr>, callee: &Party) -> bool {
        session_id.is_some_and(|id| {
            let mut ringing = self.calls.iter().filter(|call| call.talk().is_none());
            ringing.any(|call| call.session_id == *id && call.callee.user == callee.user)
        })
    }

    fn admit_call(&mut self, now: Now, caller: &Party, leg: LegId) -> Result<(), EndReason> {
        let limits = self.config.limits;
        if self.stage != Stage::Running {
            return Err(EndReason::ShuttingDown);
        }
        let own = || {
            let calls = self.calls.iter();
            calls.filter(|call| call.caller.user == caller.user).count()
        };
        // Each call is looked at only where there are so many.
        if self.calls.len() >= limits.calls_per_user && own() >= limits.calls_per_user {
            return Err(EndReason::UserCallLimit);
        }
        let per_user = limits.calls_per_second_per_user;
        let burst = per_user.saturating_mul(BURST_S);
        let rate = match self.people.user_mut(&caller.user) {
            Some(user) => Some(&mut user.calls),
            // He calls without having registered.
            None => self.sip.call_rate(leg),
        };
        if !rate.is_some_and(|rate| rate.take(now.mono, per_user, burst)) {
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
    pub(super) fn begin(
        &mut self,
        now: Now,
        (worker, local): (usize, Local),
        callee: &Party,
        call: NewCall,
        offer: Option<RemoteOffer>,
    ) -> CallHandle {
        let handle = self.calls.next_handle();
        let exchange = match offer {
            Some(offer) => Exchange::Theirs(Arc::new(offer)),
            None => Exchange::Nothing,
        };
        let session_id = call.session_id.unwrap_or_else(|| self.pool.token());
        let (local, caller) = ((call.leg, local), call.caller.clone());
        let renegotiable = self.can_renegotiate(&call.signalling);
        let mut leg = Leg::new(local, Side::Caller, caller, call.signalling, exchange);
        leg.renegotiable = renegotiable;
        if let Some(device) = leg.device().and_then(|id| self.people.device_mut(id)) {
            device.legs.insert(leg.id);
        }
        self.calls.insert(Call {
            handle,
            id: self.pool.token(),
            worker,
            caller: call.caller,
            callee: callee.clone(),
            phase: Phase::Ringing(Ringing::default()),
            legs: Vec::new(),
            started: now,
            hops: call.hops,
            session_id,
            sent_on_to: Vec::new(),
            custom: call.custom,
            only: None,
            digits: Pressed::new(self.config.records_keys),
            transferred_to: None,
            recordings: Vec::new(),
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
            if let Some(device) = device.and_then(|id| self.people.device_mut(id)) {
                device.legs.remove(&leg);
            }
        }
        if let Some(call) = self.calls.remove(handle) {
            for leg in &call.legs {
                self.pool.release(&leg.local);
            }
        }
    }

    pub(super) fn announce(&mut self, now: Now, handle: CallHandle) {
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
        let leg = caller.id;
        // The Web SDK wants to hear at once that it rings; SIP hears it when it is true.
        let at_once = matches!(caller.signalling, Signalling::Wcs { .. });
        let devices = call.legs.len() - 1;
        let rings = at_once || call.rings();
        if devices > 0 {
            tracing::info!(call = %call.id, devices, "call rings");
        }
        let view = call.view();
        self.outputs.notify(Notice::CallStarted(view));
        if rings {
            self.tell_ringing(handle, leg);
        }
    }
}

/// The offer of the caller cannot be used, or nothing of it may be.
pub(super) fn offer_refused(error: &NegotiationError) -> EndReason {
    match error.clone() {
        error @ (NegotiationError::NoCommonCodec { .. }
        | NegotiationError::TranscodingOff { .. }
        | NegotiationError::TranscodingFull { .. }) => answer_refused(error),
        error => EndReason::BadDescription(Side::Caller, error.to_string()),
    }
}
