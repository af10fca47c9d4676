//! A call as a telephone keeps it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;
use sip::dialog::{Dialog, DialogId, Role};
use sip::message::{Method, Request, RequestBuilder, Response, Status};
use sip::procedure::Side;
use sip::procedure::accept::{Accepted, Due};
use sip::procedure::glare::{Underway, wait_after};
use sip::procedure::reliable::{Acknowledger, Description, Provisionals, Received};
use sip::procedure::session_timer::{After, SessionTimer, TimerPolicy};
use sip::transaction::{ClientId, ServerId};

use super::sdp::describe;

/// As short as may be.
const POLICY: TimerPolicy = TimerPolicy {
    interval_s: 90,
    min_s: 90,
};

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It calls.
    Calling,
    /// It called, and has given up.
    Cancelling,
    /// It is called.
    Ringing,
    /// It has accepted, and waits for the ACK.
    Accepted,
    Up,
    Over,
}

/// A re-INVITE or UPDATE.
#[derive(Debug, Clone)]
pub struct Change {
    pub method: Method,
    /// What its description says of hold; without one, a re-INVITE asks for an offer.
    pub holds: Option<bool>,
}

impl Change {
    /// A re-INVITE without an offer.
    pub fn listening() -> Self {
        Self {
            method: Method::Invite,
            holds: None,
        }
    }
}

pub struct Leg {
    pub invite: Request,
    pub state: State,
    pub dialog: Option<Dialog>,
    pub client: Option<ClientId>,
    pub server: Option<ServerId>,
    /// A 2xx of ours without its ACK.
    pub accepted: Option<Accepted>,
    /// Our ACKs, by the number of the INVITE.
    pub acks: BTreeMap<u32, Bytes>,
    pub underway: Underway,
    pub timer: SessionTimer,
    pub provisionals: Option<Provisionals>,
    acknowledger: Acknowledger,
    /// The answer to an offer in a provisional response went with its PRACK.
    answered_early: bool,
    pub holds: bool,
    pub port: u16,
    pub version: u64,
    /// It hangs up as soon as it may.
    pub ends: bool,
    pub tries: u32,
    /// A change that has to wait.
    pub later: Option<(Instant, Change)>,
    /// What it answers, and when.
    pub decision: Option<(Instant, Status)>,
}

impl Leg {
    pub fn new_timer() -> SessionTimer {
        SessionTimer::new(POLICY)
    }

    pub fn calling(invite: Request, port: u16, timer: SessionTimer) -> Self {
        Self {
            acknowledger: Acknowledger::new(!invite.body().is_empty()),
            invite,
            state: State::Calling,
            dialog: None,
            client: None,
            server: None,
            accepted: None,
            acks: BTreeMap::new(),
            underway: Underway::default(),
            timer,
            provisionals: None,
            answered_early: false,
            holds: false,
            port,
            version: 1,
            ends: false,
            tries: 0,
            later: None,
            decision: None,
        }
    }

    pub fn called(invite: Request, port: u16, server: ServerId) -> Self {
        Self {
            state: State::Ringing,
            server: Some(server),
            ..Self::calling(invite, port, Self::new_timer())
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Over {
            return None;
        }
        let provisionals = self.provisionals.as_ref().and_then(|it| it.poll_timeout());
        self.accepted
            .iter()
            .map(Accepted::poll_timeout)
            .chain(provisionals)
            .chain(self.timer.poll_timeout())
            .chain(self.later.as_ref().map(|(at, _)| *at))
            .chain(self.decision.map(|(at, _)| at))
            .min()
    }

    pub fn accepted_due(&mut self, now: Instant) -> Option<Due> {
        self.accepted.as_mut()?.handle_timeout(now)
    }

    /// A change whose outcome was lost with the connection is made once more.
    pub fn reconnected(&mut self, now: Instant) {
        if let Some((at, _)) = &mut self.later {
            *at = (*at).max(now + Duration::from_secs(1));
        }
    }

    pub fn try_later(&mut self, now: Instant, change: Change) {
        self.later
            .get_or_insert((now + Duration::from_millis(700), change));
    }

    /// A provisional response to its INVITE; the PRACK that it is owed.
    pub fn provisional(&mut self, response: &Response) -> Option<RequestBuilder> {
        let known =
            self.dialog.as_ref().map(Dialog::id) == DialogId::of_response(response).as_ref();
        if !known && let Ok(dialog) = Dialog::of_response(response.cseq(), response) {
            self.dialog = Some(dialog);
        }
        let Received::InOrder(prack) = self.acknowledger.handle_response(response) else {
            return None;
        };
        let mut builder = prack.request(self.dialog.as_mut()?);
        if prack.description == Description::Offer {
            let offer = String::from_utf8_lossy(response.body()).into_owned();
            let answer = describe(self.port, self.version, false, Some(&offer));
            builder = builder.body("application/sdp", answer);
            self.answered_early = true;
            self.acknowledger.acknowledge(true);
        }
        Some(builder)
    }

    /// Its INVITE is accepted; the ACK.
    pub fn accepted_by(&mut self, response: &Response) -> RequestBuilder {
        let same = self.dialog.as_ref().map(Dialog::id) == DialogId::of_response(response).as_ref();
        match self.dialog.as_mut().filter(|_| same) {
            Some(dialog) => dialog.handle_response(response).unwrap(),
            None => {
                self.dialog = Some(Dialog::of_response(response.cseq(), response).unwrap());
            }
        }
        let answers = self.invite.body().is_empty() && !self.answered_early;
        self.acknowledge(response, answers)
    }

    /// The ACK of a 2xx, with the answer to an offer in it.
    pub fn acknowledge(&mut self, response: &Response, answers: bool) -> RequestBuilder {
        let ack = self.dialog.as_ref().unwrap().ack(response.cseq());
        if !answers {
            return ack;
        }
        assert!(
            !response.body().is_empty(),
            "a 2xx without the offer that was asked for"
        );
        let offer = String::from_utf8_lossy(response.body()).into_owned();
        self.version += 1;
        let answer = describe(self.port, self.version, self.holds, Some(&offer));
        ack.body("application/sdp", answer)
    }

    /// What became of a change; `None`: nothing was heard. Retry: it is tried again later.
    pub fn changed(
        &mut self,
        now: Instant,
        rng: &mut StdRng,
        change: &Change,
        response: Option<&Response>,
        (timed, lost): (bool, bool),
    ) -> After {
        self.underway.end(Side::Us, &change.method);
        if change.holds.is_some() {
            self.underway.answer();
        }
        if self.state != State::Up {
            return After::Nothing;
        }
        let Some(response) = response else {
            // With the connection gone, whether it was done is not known: it is said again.
            if !lost {
                return After::End;
            }
            self.try_later(now, change.clone());
            return After::Nothing;
        };
        let status = response.status();
        if status.is_success() {
            self.holds = change.holds.unwrap_or(self.holds);
            if let Some(dialog) = &mut self.dialog {
                let _ = dialog.handle_response(response);
            }
            if timed {
                self.timer.handle_response(now, response);
            }
            return After::Nothing;
        }
        let role = self.dialog.as_ref().map_or(Role::Uac, Dialog::role);
        if let Some(wait) = wait_after(response, role, rng.random()) {
            self.later = Some((now + wait, change.clone()));
            return After::Retry;
        }
        let gone = matches!(
            status,
            Status::CALL_DOES_NOT_EXIST | Status::REQUEST_TIMEOUT
        );
        match gone {
            true => After::End,
            false => {
                if timed {
                    self.timer.handle_response(now, response);
                }
                After::Nothing
            }
        }
    }
}
