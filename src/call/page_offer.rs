//! Descriptions of our own page after the first of a call (`callbox.offer`, `callbox.answer`): it
//! turns on a camera in a call with sound alone, or is shown one. The Web SDK knows nothing of it.
//!
//! Of two offers that cross, ours goes first: the page gives its own up, answers, and offers again.

use std::time::Duration;

use media::ids::LegId;
use media::negotiate::LocalOffer;

use super::leg::{Leg, Signalling};
use super::people::DeviceId;
use super::renegotiation::Reply;
use super::switch::Switch;
use super::time::Now;
use super::timer::Timer;
use crate::wcs::message::{CallRefusal, CallSdp, ExtensionEvent};

/// How long a page waits until its partner was asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a page has to answer: it asks nobody, but its connection may come back meanwhile.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// What is exchanged with a page after the first offer and answer.
#[derive(Debug, Default)]
pub(super) struct PageExchange {
    underway: Option<Underway>,
    /// What its partner has is to be offered when nothing is under way any more.
    is_owed_offer: bool,
}

#[derive(Debug)]
enum Underway {
    /// We have offered.
    Ours(Box<LocalOffer>),
    /// The page has, and its partner is asked.
    Theirs(String),
}

impl Switch {
    /// The far side of this leg is a page.
    pub(super) fn is_page(&self, id: LegId) -> bool {
        let leg = self.calls.of_leg(id).and_then(|call| call.leg(id));
        leg.is_some_and(|leg| matches!(leg.signalling, Signalling::Wcs { .. }))
    }

    /// A page can exchange descriptions anew, as it has said.
    pub(super) fn can_renegotiate(&mut self, signalling: &Signalling) -> bool {
        match signalling {
            Signalling::Sip { .. } => true,
            Signalling::Wcs { device, .. } => {
                let can = self.with_session(*device, |session| session.renegotiates());
                can.unwrap_or(false)
            }
        }
    }

    /// A page offers anew.
    pub(super) fn on_page_offer(&mut self, now: Now, id: LegId, sdp: String) {
        let Some(leg) = self.page_leg(id) else { return };
        match &mut leg.page.underway {
            Some(Underway::Ours(_)) => return,
            // It gave the other up: its connection broke meanwhile.
            Some(Underway::Theirs(earlier)) => {
                *earlier = sdp;
                return;
            }
            None => {}
        }
        match self.answer_anew(now, id, &sdp, true) {
            Ok(Reply::Now(answer)) => self.answer_page_with(now, id, answer),
            Ok(Reply::Later) => {
                if let Some(leg) = self.page_leg(id) {
                    leg.page.underway = Some(Underway::Theirs(sdp));
                    self.timers.arm(Timer::Deferred(id), now.mono + PATIENCE);
                }
            }
            Err(error) => self.refuse_page(id, &error.to_string()),
        }
    }

    /// The partner of a page whose offer waits was asked, or was waited for long enough.
    pub(super) fn answer_page(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.page_leg(id) else { return };
        let Some(Underway::Theirs(sdp)) = leg.page.underway.take_if(|it| it.is_theirs()) else {
            return;
        };
        self.timers.disarm(Timer::Deferred(id));
        self.forget_proposal(id);
        self.owe_partner(id);
        match self.answer_anew(now, id, &sdp, false) {
            Ok(Reply::Now(answer)) => self.answer_page_with(now, id, answer),
            Ok(Reply::Later) => {}
            Err(error) => {
                self.refuse_page(id, &error.to_string());
                self.reoffer_page_if_owed(now, id);
            }
        }
    }

    /// The partner of a page has changed: the page is offered that, if it has to know.
    pub(super) fn reoffer_page(&mut self, now: Now, id: LegId) {
        let is_due = self.is_reoffer_due(id);
        let Some(leg) = self.page_leg(id) else {
            return self.on_reoffered(now, id, false);
        };
        let is_free = leg.page.underway.is_none() && leg.is_confirmed();
        leg.page.is_owed_offer = !is_free;
        if !is_due || !is_free {
            return;
        }
        match self.offer_anew(id) {
            Ok(offer) => {
                if let Some(leg) = self.page_leg(id) {
                    leg.page.underway = Some(Underway::Ours(Box::new(offer)));
                }
                self.timers.arm(Timer::Reoffer(id), now.mono + ANSWER_TIME);
                self.repeat_offer(id);
            }
            Err(error) => {
                tracing::debug!(leg = %id, %error, "nothing to offer anew");
                self.on_reoffered(now, id, false);
            }
        }
    }

    /// A page answers our offer; without a description it does not take it.
    pub(super) fn on_page_answer(&mut self, now: Now, id: LegId, answer: Option<&str>) {
        let Some(leg) = self.page_leg(id) else { return };
        let Some(Underway::Ours(offer)) = leg.page.underway.take_if(|it| !it.is_theirs()) else {
            // It comes too late.
            return;
        };
        self.timers.disarm(Timer::Reoffer(id));
        let accepted = match answer {
            Some(answer) => match self.on_answered_anew(now, id, &offer, answer) {
                Ok(()) => true,
                Err(error) => {
                    tracing::info!(leg = %id, %error, "a new offer got no answer; media stays as it was");
                    false
                }
            },
            None => {
                self.offer_failed(id);
                false
            }
        };
        self.on_reoffered(now, id, accepted);
        self.reoffer_page_if_owed(now, id);
    }

    /// Nobody waits any more for what a page is asked: see
    /// [`owe_partner`](Self::owe_partner).
    pub(super) fn owe_page(&mut self, id: LegId) {
        if let Some(leg) = self.page_leg(id)
            && matches!(leg.page.underway, Some(Underway::Ours(_)))
        {
            leg.page.is_owed_offer = true;
        }
    }

    /// Says our offer again to the pages of a device that has come back: it may have been lost.
    pub(super) fn repeat_offers(&mut self, device: DeviceId) {
        let legs = self.people.device(device).map(|device| device.legs.clone());
        for leg in legs.into_iter().flatten() {
            self.repeat_offer(leg);
        }
    }

    fn repeat_offer(&mut self, id: LegId) {
        let Some(leg) = self.page_leg(id) else { return };
        if let Some(Underway::Ours(offer)) = &leg.page.underway {
            let sdp = offer.sdp.as_str().into();
            self.tell_page(id, |call_id| {
                ExtensionEvent::Offer(CallSdp { call_id, sdp })
            });
        }
    }

    fn answer_page_with(&mut self, now: Now, id: LegId, answer: String) {
        let sdp = answer.into();
        self.tell_page(id, |call_id| {
            ExtensionEvent::Answer(CallSdp { call_id, sdp })
        });
        self.reoffer_page_if_owed(now, id);
    }

    fn refuse_page(&mut self, id: LegId, reason: &str) {
        let reason = reason.to_owned();
        self.tell_page(id, |call_id| {
            ExtensionEvent::Refused(CallRefusal { call_id, reason })
        });
    }

    fn reoffer_page_if_owed(&mut self, now: Now, id: LegId) {
        if self.page_leg(id).is_some_and(|leg| leg.page.is_owed_offer) {
            self.reoffer_page(now, id);
        }
    }

    fn page_leg(&mut self, id: LegId) -> Option<&mut Leg> {
        let leg = self.calls.of_leg_mut(id)?.leg_mut(id)?;
        (leg.is_live() && matches!(leg.signalling, Signalling::Wcs { .. })).then_some(leg)
    }
}

impl Underway {
    fn is_theirs(&self) -> bool {
        matches!(self, Self::Theirs(_))
    }
}
