//! Devices are invited: each gets a leg of its own and an offer that mirrors that of the far side.

use std::sync::Arc;

use media::ids::{LegId, MediaKind};
use media::negotiate::{self, Agreement, Local, LocalOffer, RemoteOffer, Source};
use media::plan::Command;
use registrar::Aor;
use smol_str::SmolStr;

use super::call::{Call, CallHandle};
use super::end::{EndReason, Side};
use super::leg::{Exchange, Leg, LegState, Signalling};
use super::people::{Device, DeviceId, Party};
use super::setup::offer_refused;
use super::switch::Switch;
use super::time::Now;
use crate::wcs::message::Payload;
use crate::wcs::session::{IncomingCall, Unannounced};

/// What devices are invited to.
pub(super) struct Invitation {
    /// What the far side can do.
    pub(super) partner: Partner,
    /// Who is at the far side.
    pub(super) from: Party,
    /// Who is invited.
    pub(super) to: Party,
    /// Hops that the INVITE may take.
    pub(super) hops: u8,
    /// The name of the call between user agents.
    pub(super) session_id: SmolStr,
    /// What the caller's application sent along.
    pub(super) custom: Payload,
}

/// Whom the invited are to talk with, as far as media goes.
pub(super) enum Partner {
    /// A leg that has said nothing yet, and most likely takes these.
    Silent(&'static [MediaKind]),
    /// A leg that offers this and has no answer yet.
    Offers(Arc<RemoteOffer>),
    /// A leg that has agreed to this, and is unable to agree to anything else.
    Agreed(Box<Agreement>),
    /// A leg that has agreed to this, and may agree to something else.
    Willing(Box<Agreement>),
}

impl Partner {
    fn source(&self) -> Source<'_> {
        match self {
            Self::Silent(kinds) => Source::Everything(kinds),
            Self::Offers(offer) => Source::Offer(offer),
            Self::Agreed(agreement) => Source::Agreement(agreement),
            Self::Willing(agreement) => Source::Willing(agreement),
        }
    }
}

impl Call {
    /// The invitation of an unanswered call: what its caller offers, or has agreed to for early
    /// media.
    pub(super) fn invitation(&self) -> Option<Invitation> {
        let caller = self.caller_leg()?;
        let partner = match &caller.exchange {
            Exchange::Theirs(offer) => Partner::Offers(Arc::clone(offer)),
            Exchange::Nothing if caller.local.is_rtp() => Partner::Silent(&[MediaKind::Audio]),
            Exchange::Nothing => Partner::Silent(&[MediaKind::Audio, MediaKind::Video]),
            Exchange::Settled(agreement) => Partner::Agreed(agreement.clone()),
            _ => return None,
        };
        Some(Invitation {
            partner,
            from: self.caller.clone(),
            to: self.callee.clone(),
            hops: self.hops,
            session_id: self.session_id.clone(),
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
                && call.only.is_none_or(|only| only == device)
                && call.is_ringing()
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
        if self.await_way(handle, device) {
            return Ok(());
        }
        let way = self.way_of_media_to(device).ok_or(EndReason::NotSignedIn)?;
        let leg_id = self.pool.leg_id();
        let local = self.local(leg_id, worker, way, true)?;
        let policy = &self.policy_for(handle, &invitation.to.user);
        let source = invitation.partner.source();
        let offer = match negotiate::offer_from(leg_id, policy, source, &local) {
            Ok(offer) => offer,
            Err(error) => {
                self.pool.release(&local);
                return Err(offer_refused(&error));
            }
        };
        // The worker expects the answer before anybody can give it.
        self.media(handle, Command::AddLeg(Box::new(offer.plan.clone())));
        match self.announce_to(now, leg_id, device, &offer, invitation) {
            Ok(signalling) => {
                self.add_invited(
                    handle,
                    device,
                    signalling,
                    (leg_id, local),
                    offer,
                    invitation,
                );
                self.shed_video_ports(leg_id);
                Ok(())
            }
            Err(reason) => {
                self.media(handle, Command::RemoveLeg(leg_id));
                self.pool.release(&local);
                Err(reason)
            }
        }
    }

    /// A telephone whose flow was forgotten rings when the way to it is open again.
    fn await_way(&mut self, handle: CallHandle, device: DeviceId) -> bool {
        let call = self.calls.get(handle);
        if call.is_none_or(|call| call.talk().is_some()) || !self.open_way_to(device) {
            return false;
        }
        let ringing = self.calls.get_mut(handle).and_then(Call::ringing_mut);
        match ringing {
            Some(ringing) => {
                ringing.awaited.insert(device);
                true
            }
            None => false,
        }
    }

    fn announce_to(
        &mut self,
        now: Now,
        leg: LegId,
        device: DeviceId,
        offer: &LocalOffer,
        invitation: &Invitation,
    ) -> Result<Signalling, EndReason> {
        match self.people.device(device).and_then(Device::page) {
            Some(_) => self.announce_to_page(device, offer, invitation),
            None => self.invite_phone(now, leg, device, &offer.sdp, invitation),
        }
    }

    fn add_invited(
        &mut self,
        handle: CallHandle,
        device: DeviceId,
        signalling: Signalling,
        local: (LegId, Local),
        offer: LocalOffer,
        invitation: &Invitation,
    ) {
        let id = local.0;
        // A page rings as soon as it is told of the call; a telephone says when.
        let rings = matches!(signalling, Signalling::Wcs { .. });
        let exchange = Exchange::Ours(Box::new(offer));
        let party = invitation.to.clone();
        let renegotiable = self.can_renegotiate(&signalling);
        let mut leg = Leg::new(local, Side::Callee, party, signalling, exchange);
        leg.renegotiable = renegotiable;
        leg.in_media = true;
        if rings {
            leg.go(LegState::Early);
        }
        if let Some(device) = self.people.device_mut(device) {
            device.legs.insert(id);
        }
        self.calls.add_leg(handle, leg);
        self.board.mark_stale();
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

    /// The worker of a call to come: that of another call of its people, so that the two can be
    /// joined, or the one with the fewest calls.
    pub(super) fn worker_for(&self, people: [&Aor; 2]) -> usize {
        let devices = people.into_iter().flat_map(|it| self.people.devices_of(it));
        let mut legs = devices.flat_map(|(_, device)| device.legs.iter());
        let joinable = legs.find_map(|leg| Some(self.calls.of_leg(*leg)?.worker));
        joinable.unwrap_or_else(|| self.least_loaded_worker())
    }

    /// The worker with the fewest calls.
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
