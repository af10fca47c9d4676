//! Devices are invited: each gets a leg of its own and an offer that mirrors that of the far side.

use std::sync::Arc;

use media::ids::{LegId, MediaKind};
use media::negotiate::{self, Local, LocalOffer, RemoteOffer};
use media::plan::{Command, Format};

use super::call::{Call, CallHandle};
use super::end::{EndReason, Side};
use super::leg::{Exchange, Leg, LegState, Signalling};
use super::people::{DeviceId, Party};
use super::setup::offer_refused;
use super::switch::Switch;
use super::time::Now;
use crate::wcs::message::Payload;
use crate::wcs::session::{IncomingCall, Unannounced};

/// What devices are invited to.
pub(super) struct Invitation {
    /// What the far side can do.
    pub(super) source: Arc<RemoteOffer>,
    /// What of that is not to be offered.
    pub(super) excluded: Vec<Format>,
    /// Who is at the far side.
    pub(super) from: Party,
    /// Who is invited.
    pub(super) to: Party,
    /// What the caller's application sent along.
    pub(super) custom: Payload,
}

impl Call {
    /// The invitation of an unanswered call: what its caller offers.
    fn invitation(&self) -> Option<Invitation> {
        let Exchange::Theirs { offer, .. } = &self.caller_leg()?.exchange else {
            return None;
        };
        Some(Invitation {
            source: Arc::clone(offer),
            excluded: Vec::new(),
            from: self.caller.clone(),
            to: self.callee.clone(),
            custom: self.custom.clone(),
        })
    }
}

impl Switch {
    /// Rings devices for an unanswered call.
    ///
    /// # Errors
    /// Why none of them rings.
    pub(super) fn ring_all(
        &mut self,
        now: Now,
        handle: CallHandle,
        devices: &[DeviceId],
    ) -> Result<(), EndReason> {
        let invitation = self.calls.get(handle).and_then(Call::invitation);
        let invitation = invitation.ok_or(EndReason::Cancelled)?;
        self.invite_all(now, handle, devices, &invitation)
    }

    /// Invites devices.
    ///
    /// # Errors
    /// Why none of them rings.
    pub(super) fn invite_all(
        &mut self,
        now: Now,
        handle: CallHandle,
        devices: &[DeviceId],
        invitation: &Invitation,
    ) -> Result<(), EndReason> {
        let mut result = Err(EndReason::NotSignedIn);
        for device in devices {
            match self.invite(now, handle, *device, invitation) {
                Ok(()) => result = Ok(()),
                Err(reason) => result = result.map_err(|_| reason),
            }
        }
        result
    }

    /// A device came, or came back: what rings for its user rings there too.
    pub(super) fn ring_also(&mut self, now: Now, device: DeviceId) {
        let Some(user) = self.people.device(device).map(|device| device.user.clone()) else {
            return;
        };
        let rings_for = |call: &&Call| {
            call.callee.user == user
                && call.talk().is_none()
                && call
                    .caller_leg()
                    .is_some_and(|leg| leg.device() != Some(device))
        };
        let waiting: Vec<CallHandle> = self
            .calls
            .iter()
            .filter(rings_for)
            .map(|call| call.handle)
            .collect();
        for handle in waiting {
            let call = self.calls.get_mut(handle);
            if let Some(ringing) = call.and_then(|call| call.ringing_mut()) {
                ringing.awaited.remove(&device);
            }
            if let Err(reason) = self.ring_all(now, handle, &[device]) {
                self.end_if_nobody_rings(now, handle, reason);
            }
        }
    }

    /// Invites one device.
    ///
    /// # Errors
    /// Why it does not ring; nothing is left of the leg then.
    fn invite(
        &mut self,
        now: Now,
        handle: CallHandle,
        device: DeviceId,
        invitation: &Invitation,
    ) -> Result<(), EndReason> {
        let call = self.calls.get(handle).ok_or(EndReason::Cancelled)?;
        let live = call.legs.iter().filter(|leg| leg.is_live()).count();
        if live >= self.config.limits.legs_per_call {
            tracing::debug!(call = %call.id, "as many legs as there may be: a device does not ring");
            return Err(EndReason::CallLimit);
        }
        let worker = call.worker;
        let (leg_id, local) = self.local(worker);
        match self.offer_to(now, (handle, device), (leg_id, &local), invitation) {
            Ok(leg) => {
                if let Some(device) = self.people.device_mut(device) {
                    device.legs.insert(leg_id);
                }
                self.calls.add_leg(handle, leg);
                self.board.mark_stale();
                Ok(())
            }
            Err(reason) => {
                self.pool.release(&local);
                Err(reason)
            }
        }
    }

    /// Makes the offer, has the worker expect its answer, and announces the call.
    fn offer_to(
        &mut self,
        now: Now,
        (handle, device): (CallHandle, DeviceId),
        (leg_id, local): (LegId, &Local),
        invitation: &Invitation,
    ) -> Result<Leg, EndReason> {
        let mut policy = self.config.media.policy.clone();
        policy.excluded.extend(&invitation.excluded);
        let offer = negotiate::offer(leg_id, &policy, &invitation.source, local)
            .map_err(|error| offer_refused(&error))?;
        self.media(handle, Command::AddLeg(Box::new(offer.plan.clone())));
        let page = self
            .people
            .device(device)
            .is_some_and(|device| device.page().is_some());
        let announced = match page {
            true => self.announce_to_page(device, &offer, invitation),
            false => self.invite_phone(now, leg_id, device, &offer.sdp, invitation),
        };
        let signalling = match announced {
            Ok(signalling) => signalling,
            Err(reason) => {
                self.media(handle, Command::RemoveLeg(leg_id));
                return Err(reason);
            }
        };
        let exchange = Exchange::Ours(Box::new(offer));
        let party = invitation.to.clone();
        let local = (leg_id, local.clone());
        let mut leg = Leg::new(local, Side::Callee, party, signalling, exchange);
        leg.in_media = true;
        // A page rings as soon as it is told of the call; a telephone says when.
        if page {
            leg.go(LegState::Early);
        }
        Ok(leg)
    }

    fn announce_to_page(
        &mut self,
        device: DeviceId,
        offer: &LocalOffer,
        invitation: &Invitation,
    ) -> Result<Signalling, EndReason> {
        let call_id = self.pool.call_id().ok_or(EndReason::CallLimit)?;
        let offered = |kind| offer.plan.streams.iter().any(|stream| stream.kind == kind);
        let incoming = IncomingCall {
            call_id: call_id.clone(),
            sdp: offer.sdp.clone().into(),
            caller: invitation.from.user.shown_in(&self.config.domain),
            callee: invitation.to.user.shown_in(&self.config.domain),
            visible_name: Some(invitation.from.display_name.clone()),
            has_audio: offered(MediaKind::Audio),
            has_video: offered(MediaKind::Video),
            custom: invitation.custom.clone(),
        };
        match self.with_session(device, |session| session.incoming(incoming)) {
            Some(Ok(())) => Ok(Signalling::Wcs { device, call_id }),
            Some(Err(Unannounced::TooManyCalls)) => Err(EndReason::Busy {
                calling_back: false,
            }),
            _ => Err(EndReason::NotSignedIn),
        }
    }

    /// A leg's name, and what we are in its descriptions.
    pub(super) fn local(&mut self, worker: usize) -> (LegId, Local) {
        let media = &self.config.media;
        let udp = media.candidates.get(worker).map_or(&[][..], Vec::as_slice);
        let tcp = media
            .tcp_candidates
            .get(worker)
            .map_or(&[][..], Vec::as_slice);
        self.pool.local(media.fingerprint, udp, tcp)
    }

    /// The worker with the fewest calls.
    pub(super) fn least_loaded_worker(&self) -> usize {
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
