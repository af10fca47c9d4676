//! A telephone hands its call over (REFER, RFC 3515): to whom it says, or to the far side of
//! another call of its own (Replaces), while it hears what becomes of that.

use media::ids::LegId;
use registrar::Aor;
use sip::message::{Rejection, Request, ResponseBuilder, Status};
use sip::procedure::refer::{Refer, Referral};
use sip::transaction::ServerId;
use sip::uri::Uri;

use crate::call::leg::LegEvent;
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::call::timer::Timer;

impl Switch {
    pub(super) fn on_refer(&mut self, now: Now, server: ServerId, id: LegId, request: &Request) {
        let refer = match self.read_refer(id, request) {
            Ok(refer) => refer,
            Err(rejection) => return self.reject(now, server, request, &rejection),
        };
        let response = refer.write(ResponseBuilder::new(request, Status::ACCEPTED));
        let Some(response) = self.with_contact(id, response) else {
            return;
        };
        self.respond(now, server, response);
        if refer.subscribes
            && let Some(leg) = self.sip.legs.get_mut(id)
        {
            let first = !std::mem::replace(&mut leg.was_referred, true);
            leg.referral = Some(Box::new(Referral::new(now.mono, &refer, first)));
            self.tell_of_referral(now, id);
        }
        let event = match &refer.replaces {
            None => LegEvent::Transfer {
                target: self.dialled(&refer.target),
            },
            Some(replaced) => match self.leg_to_join(id, replaced) {
                Ok(with) => LegEvent::Join { with },
                Err(rejection) => {
                    tracing::debug!(leg = %id, reason = %rejection.reason, "calls are not joined");
                    return self.referral_came_to(now, id, rejection.status);
                }
            },
        };
        self.on_leg_event(now, id, event);
    }

    fn read_refer(&self, id: LegId, request: &Request) -> Result<Refer, Rejection> {
        let refer = Refer::read(request)?;
        let leg = self.sip.legs.get(id);
        if leg.is_none_or(|leg| leg.referral.is_some()) {
            let reason = "an earlier transfer of the call is still under way";
            return Err(Rejection::new(Status::REQUEST_PENDING, reason));
        }
        Ok(refer)
    }

    /// What becomes of the transfer. The last is its outcome.
    pub(super) fn referral_came_to(&mut self, now: Now, id: LegId, status: Status) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        if let Some(referral) = &mut leg.referral {
            referral.progress(now.mono, status);
            self.tell_of_referral(now, id);
        }
    }

    /// Sends the NOTIFY requests that are due.
    pub(in crate::call) fn tell_of_referral(&mut self, now: Now, id: LegId) {
        loop {
            let Some(leg) = self.sip.legs.get_mut(id) else {
                return self.timers.disarm(Timer::Referral(id));
            };
            let flow = leg.flow;
            let (Some(referral), Some(dialog)) = (&mut leg.referral, &mut leg.dialog) else {
                return self.timers.disarm(Timer::Referral(id));
            };
            let Some(notify) = referral.handle_timeout(now.mono, dialog) else {
                break;
            };
            let Some(contact) = self.own_contact(flow) else {
                return;
            };
            let notify = notify.addr(sip::message::HeaderName::Contact, &contact);
            self.send_in_dialog(now, flow, notify);
        }
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        leg.referral.take_if(|referral| referral.is_over());
        let due = leg.referral.as_ref().and_then(|it| it.poll_timeout());
        self.timers.set(Timer::Referral(id), due);
    }

    /// A URI, as a person would dial it.
    pub(super) fn dialled(&self, uri: &Uri) -> String {
        match uri {
            // It says more than whose it is.
            Uri::Sip(_) if self.gruu_of(uri).is_some() => uri.as_str().to_owned(),
            Uri::Sip(sip) => match Aor::from_uri(sip) {
                Ok(aor) => self.at_home(aor).shown_in(&self.config.domain).to_string(),
                Err(_) => uri.as_str().to_owned(),
            },
            _ => uri.as_str().to_owned(),
        }
    }
}
