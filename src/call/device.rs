//! What a signed-in device wishes: its protocol is left behind here.

use media::ids::LegId;

use super::end::{EndReason, Side};
use super::leg::{LegEvent, LegState};
use super::people::DeviceId;
use super::switch::Switch;
use super::time::Now;
use crate::wcs::message::{ExtensionRequest, WcsCallId};
use crate::wcs::session::SessionEvent;

impl Switch {
    pub(super) fn on_device_event(&mut self, now: Now, device: DeviceId, event: SessionEvent) {
        match event {
            SessionEvent::Call(request) => self.on_call(now, device, *request),
            SessionEvent::Answer(answer) => {
                let sdp = answer.sdp.into_string();
                self.on_wcs_leg(now, device, &answer.call_id, LegEvent::Answered { sdp });
            }
            SessionEvent::Hangup { call_id } => {
                self.on_wcs_leg(now, device, &call_id, LegEvent::HungUp);
            }
            SessionEvent::Hold {
                call_id,
                for_transfer: _,
            } => {
                self.on_wcs_leg(now, device, &call_id, LegEvent::Held);
            }
            SessionEvent::Unhold { call_id } => {
                self.on_wcs_leg(now, device, &call_id, LegEvent::Resumed);
            }
            // How digits travel is a matter of the far leg: toward a browser always as RFC 4733.
            SessionEvent::Dtmf {
                call_id,
                method: _,
                digits,
            } => {
                let digits = digits.to_string();
                self.on_wcs_leg(now, device, &call_id, LegEvent::Digits { digits });
            }
            SessionEvent::Transfer { call_id, target } => {
                self.on_wcs_leg(now, device, &call_id, LegEvent::Transfer { target });
            }
            SessionEvent::Data {
                operation_id,
                payload,
            } => {
                self.on_data(now, device, operation_id, payload);
            }
            SessionEvent::Extension(request) => self.on_extension(now, device, request),
            SessionEvent::Connect(_) | SessionEvent::Dead | SessionEvent::Close { .. } => {
                tracing::error!(device = device.0, "an event of a flow came for a device");
            }
        }
    }

    fn on_extension(&mut self, now: Now, device: DeviceId, request: ExtensionRequest) {
        match request {
            ExtensionRequest::Hello { .. } => self.on_hello(now, device),
            ExtensionRequest::Offer { call_id, sdp } => {
                if let Some(leg) = self.calls.wcs_leg(device, &call_id) {
                    self.on_page_offer(now, leg, sdp.into_string());
                }
            }
            ExtensionRequest::Answer { call_id, sdp } => {
                if let Some(leg) = self.calls.wcs_leg(device, &call_id) {
                    self.on_page_answer(now, leg, sdp.as_deref());
                }
            }
        }
    }

    fn on_wcs_leg(&mut self, now: Now, device: DeviceId, call_id: &WcsCallId, event: LegEvent) {
        match self.calls.wcs_leg(device, call_id) {
            Some(leg) => self.on_leg_event(now, leg, event),
            // The session keeps a call until its end is said, so it names live legs alone.
            None => tracing::error!(device = device.0, "a wish for a call that is none"),
        }
    }

    /// The far side of a live leg does something.
    pub(super) fn on_leg_event(&mut self, now: Now, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Answered { sdp } => self.on_answered(now, leg, &sdp),
            LegEvent::Progress { rings, sdp } => self.on_progress(leg, rings, sdp),
            LegEvent::Declined(reason) => self.on_declined(now, leg, reason),
            LegEvent::Redirected { targets } => self.on_redirected(now, leg, &targets),
            LegEvent::HungUp => self.on_hung_up(now, leg),
            LegEvent::Held => self.on_hold(now, leg, true),
            LegEvent::Resumed => self.on_hold(now, leg, false),
            LegEvent::Digits { digits } => self.on_digits(now, leg, digits),
            LegEvent::WantsPicture => self.on_picture_wanted(leg),
            LegEvent::Join { with } => self.on_join(now, leg, with),
            LegEvent::Transfer { target } => self.on_transfer(now, leg, &target),
        }
    }

    /// A leg that was invited does not take the call. Others may still; but whoever declines on
    /// one device declines on all (RFC 3261 21.6.2).
    pub(super) fn on_declined(&mut self, now: Now, leg_id: LegId, reason: EndReason) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let handle = call.handle;
        self.end_leg(leg_id, reason.clone());
        let ringing = self
            .calls
            .get(handle)
            .is_some_and(|call| call.talk().is_none());
        if reason == EndReason::Rejected && ringing {
            self.end_call(now, handle, reason);
        } else {
            self.end_if_nobody_rings(now, handle, reason);
        }
    }

    fn on_hung_up(&mut self, now: Now, leg_id: LegId) {
        let Some(call) = self.calls.of_leg(leg_id) else {
            return;
        };
        let Some(leg) = call.leg(leg_id) else { return };
        let handle = call.handle;
        let reason = match (leg.state(), leg.side) {
            (LegState::Inviting | LegState::Early, Side::Caller) => EndReason::Cancelled,
            // Whoever declines on one device declines on all (RFC 3261 21.6.2).
            (LegState::Inviting | LegState::Early, Side::Callee) => {
                if call.talk().is_some() {
                    return self.fail_transfer(handle, &EndReason::Rejected);
                }
                EndReason::Rejected
            }
            (LegState::Confirmed | LegState::Ending { .. }, side) => EndReason::HungUp(side),
            (LegState::Ended(_), _) => return,
        };
        self.end_call(now, handle, reason);
    }
}
