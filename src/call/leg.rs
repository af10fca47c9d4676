//! A leg: our side of one WCS call or, where SIP is spoken, of one dialog.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use media::ids::LegId;
use media::negotiate::{Agreement, Local, LocalOffer, RemoteOffer, Source};
use media::plan::Format;
use media::sdp::Direction;

use super::digits::Presses;
use super::end::{Device, EndReason, Names, Side};
use super::meter::Meter;
use super::negotiation::{Description, Negotiation};
use super::page_offer::PageExchange;
use super::people::{DeviceId, Party};
use crate::wcs::message::WcsCallId;

/// One leg of a call.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    /// Of the request that made it.
    pub(super) role: Role,
    /// Which side of the call it is.
    pub(super) side: Side,
    /// Who is behind it.
    pub(super) party: Party,
    pub(super) signalling: Signalling,
    /// Whether a new description may be exchanged after the first. The Web SDK cannot.
    pub(super) renegotiable: bool,
    /// What we are in its descriptions.
    pub(super) local: Local,
    /// What of its descriptions is still needed.
    pub(super) exchange: Exchange,
    /// It offers anew what its partner has not agreed to yet. The partner is asked, and it waits.
    pub(super) proposal: Option<Arc<RemoteOffer>>,
    /// What is exchanged with a page after the first offer and answer.
    pub(super) page: PageExchange,
    /// What it said of its media before it answered.
    pub(super) early: Option<Box<str>>,
    /// What the worker says of its media.
    pub(super) media: MediaState,
    /// The worker has it.
    pub(super) in_media: bool,
    /// This side has put the call on hold.
    pub(super) holds: bool,
    pub(super) meter: Meter,
    /// How it tells of its keys.
    pub(super) presses: Presses,
    state: LegState,
    negotiation: Negotiation,
}

/// Who sent the request that made the leg (RFC 3261 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// We invited: this leg is called.
    Uac,
    /// It invited us: this leg calls.
    Uas,
}

/// The protocol spoken with it, and its name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signalling {
    /// The Web SDK protocol on whatever flow the device has now.
    Wcs {
        /// The signed-in page.
        device: DeviceId,
        /// Its name for the call.
        call_id: WcsCallId,
    },
    /// SIP: what it needs to know of the dialog is kept with SIP.
    Sip {
        /// The registered user agent. Whoever calls need not be registered.
        device: Option<DeviceId>,
    },
}

/// What of a leg's descriptions is still needed.
#[derive(Debug)]
pub(super) enum Exchange {
    /// The far side invited us without an offer, and will get ours when somebody answers.
    Nothing,
    /// The far side has offered.
    Theirs(Arc<RemoteOffer>),
    /// We have offered.
    Ours(Box<LocalOffer>),
    /// Offer and answer are done: what was agreed.
    Settled(Box<Agreement>),
    /// The leg is over.
    Over,
}

/// Where a leg stands as a relation to its peer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LegState {
    /// The invitation was sent or received; nobody rings yet.
    Inviting,
    /// It rings.
    Early,
    /// Answered.
    Confirmed,
    /// The end was begun but not confirmed.
    Ending {
        /// By our doing, not the peer's.
        by_us: bool,
    },
    /// Over.
    Ended(EndReason),
}

/// [`LegState`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LegPhase {
    Inviting,
    Early,
    Confirmed,
    Ending,
    Ended,
}

/// How far its media came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MediaState {
    /// Nothing was heard.
    New,
    /// ICE has a path.
    Connected,
    /// DTLS is done: media can flow.
    Ready,
    /// It died, or its page closed it.
    Dead,
}

/// What the far side of a leg does, whatever the protocol. The call acts on these alone.
#[derive(Debug)]
pub(super) enum LegEvent {
    /// It accepts, with the answer to our offer.
    Answered {
        /// The description.
        sdp: String,
    },
    /// It rings, or something else happens there before it answers.
    Progress {
        /// It rings.
        rings: bool,
        /// Its early media, as the answer to our offer.
        sdp: Option<String>,
    },
    /// It cannot or does not want to take the call: why.
    Declined(EndReason),
    /// It does not take the call, and says who may.
    Redirected {
        /// As they would be dialled, the one it likes best first.
        targets: Vec<String>,
    },
    /// It ends the call, cancels it or declines it: which, says the leg's state.
    HungUp,
    /// It puts the call on hold.
    Held,
    /// It takes the call off hold.
    Resumed,
    /// It presses keys.
    Digits {
        /// Those that are digits.
        digits: String,
    },
    /// It cannot show what it gets and wants a whole picture.
    WantsPicture,
    /// It hands the call over to the far side of another call of its own.
    Join {
        /// Its leg in that one.
        with: LegId,
    },
    /// It hands the call over.
    Transfer {
        /// To whom, as dialled.
        target: String,
    },
}

/// Why something was not done, while the call goes on.
#[derive(Debug)]
pub(super) struct NotDone {
    /// The SIP status of a transfer that fails (RFC 3515 2.4.5); `None` if it was something else.
    pub(super) transfer: Option<u16>,
    /// In words, for who wanted it.
    pub(super) sentence: Cow<'static, str>,
}

/// It is too early, or too late.
pub(super) const NOT_TALKING: &str = "The call is not answered, or is ending";

impl NotDone {
    /// No transfer.
    pub(super) fn new(sentence: &'static str) -> Self {
        Self {
            transfer: None,
            sentence: sentence.into(),
        }
    }

    /// A transfer.
    pub(super) fn transfer(status: u16, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            transfer: Some(status),
            sentence: sentence.into(),
        }
    }
}

/// What the far side of a leg is told, whatever the protocol.
#[derive(Debug)]
pub(super) enum LegOrder {
    /// The far side of the call rings, or something else happens there.
    Progress {
        /// It rings.
        rings: bool,
        /// The answer to his offer, for whoever called: there is early media.
        sdp: Option<String>,
    },
    /// The call is up. Whoever called gets the answer to his offer, unless he has it.
    Established {
        /// The description.
        sdp: Option<String>,
    },
    /// The far side of the call presses keys, and media cannot tell of them.
    Digits(String),
    /// The far side of the call cannot show its picture and wants a whole one, and media cannot tell
    /// of it.
    SendPicture,
    /// Its partner has changed: it is to be offered what that has now.
    Reoffer,
    /// Its partner was asked: the offer that waits for that is to be answered.
    AnswerOffer,
    /// What it asked for is done: the call is on hold.
    Held,
    /// What it asked for is done: the call is no longer on hold.
    Resumed,
    /// What it asked for was not done.
    NotDone(NotDone),
    /// The call is over.
    Finished(Box<Finish>),
}

/// An end, as a side is told of it.
#[derive(Debug)]
pub(super) struct Finish {
    /// Why.
    pub(super) reason: EndReason,
    /// Which side is told.
    pub(super) side: Side,
    /// For people.
    pub(super) sentence: String,
}

impl Finish {
    pub(super) fn new(reason: EndReason, side: Side, names: Names<'_>) -> Self {
        Self {
            sentence: reason.sentence(side, names),
            reason,
            side,
        }
    }
}

/// Whether a leg in `phase` may be in `negotiation`: the one table of what can be.
pub(super) fn legal(role: Role, phase: LegPhase, negotiation: Negotiation) -> bool {
    use LegPhase::{Confirmed, Early, Ended, Ending, Inviting};
    use Negotiation::{Closed, HaveLocalOffer, HaveRemoteOffer, Stable};
    match (role, phase, negotiation) {
        // Over is over, and only then.
        (_, Ended, Closed) => true,
        (_, Ended, _) | (_, _, Closed) => false,
        // Not answered: the offer of the invitation waits, unless it carried none, or an early
        // answer settled it (RFC 3261 13.2.1).
        (Role::Uac, Inviting | Early, HaveLocalOffer | Stable) => true,
        (Role::Uas, Inviting | Early, HaveRemoteOffer | Stable) => true,
        // Offerless: the other side's first description is the offer (RFC 3264 4, RFC 3262 5).
        (Role::Uac, Inviting, HaveRemoteOffer) | (Role::Uas, Inviting, HaveLocalOffer) => false,
        (Role::Uac, Early, HaveRemoteOffer) | (Role::Uas, Early, HaveLocalOffer) => true,
        // Answered: either side may offer anew, and an end may cross an offer.
        (_, Confirmed | Ending, Stable | HaveLocalOffer | HaveRemoteOffer) => true,
    }
}

/// Whether a leg may go from one phase to another.
pub(super) fn may_follow(from: LegPhase, to: LegPhase) -> bool {
    use LegPhase::{Confirmed, Early, Ended, Ending, Inviting};
    match (from, to) {
        (Inviting, Early | Confirmed | Ending | Ended)
        | (Early, Confirmed | Ending | Ended)
        | (Confirmed, Ending | Ended)
        | (Ending, Ended) => true,
        (Inviting | Early | Confirmed | Ending | Ended, _) => false,
    }
}

impl Leg {
    /// A leg that was invited with our offer, or that invited us, with its own or with none.
    pub(super) fn new(
        local: (LegId, Local),
        side: Side,
        party: Party,
        signalling: Signalling,
        exchange: Exchange,
    ) -> Self {
        let (role, description) = match &exchange {
            Exchange::Nothing => (Role::Uas, None),
            Exchange::Theirs(_) => (Role::Uas, Some(Description::RemoteOffer)),
            _ => (Role::Uac, Some(Description::LocalOffer)),
        };
        let renegotiable = match &signalling {
            Signalling::Wcs { .. } => false,
            Signalling::Sip { .. } => true,
        };
        Self {
            id: local.0,
            role,
            side,
            party,
            signalling,
            renegotiable,
            local: local.1,
            exchange,
            proposal: None,
            page: PageExchange::default(),
            early: None,
            media: MediaState::New,
            in_media: false,
            holds: false,
            meter: Meter::default(),
            presses: Presses::default(),
            state: LegState::Inviting,
            negotiation: description
                .and_then(|it| Negotiation::Stable.after(it))
                .unwrap_or(Negotiation::Stable),
        }
    }

    pub(super) fn state(&self) -> &LegState {
        &self.state
    }

    /// What its media comes from.
    pub(super) fn kind(&self) -> Device {
        match self.local.is_rtp() {
            true => Device::Telephone,
            false => Device::Browser,
        }
    }

    /// The device behind it, if it is one that others can call.
    pub(super) fn device(&self) -> Option<DeviceId> {
        self.signalling.device()
    }

    /// Moves on. False, and nothing changed, where the tables forbid it.
    pub(super) fn go(&mut self, state: LegState) -> bool {
        let (from, to) = (self.state.phase(), state.phase());
        let negotiation = match to {
            LegPhase::Ended => Negotiation::Closed,
            _ => self.negotiation,
        };
        if !may_follow(from, to) || !legal(self.role, to, negotiation) {
            debug_assert!(false, "{} {from:?} -> {to:?} with {negotiation:?}", self.id);
            tracing::error!(leg = %self.id, ?from, ?to, ?negotiation, "illegal step of a leg");
            return false;
        }
        if to == LegPhase::Ended {
            self.exchange = Exchange::Over;
        }
        self.state = state;
        self.negotiation = negotiation;
        true
    }

    /// Notes that a description crosses. False, and nothing changed, where RFC 3264 forbids it,
    /// or where it would be a second offer on a leg that can stand one alone.
    pub(super) fn describe(&mut self, description: Description) -> bool {
        let anew = matches!(
            description,
            Description::LocalOffer | Description::RemoteOffer
        );
        let after = self
            .negotiation
            .after(description)
            .filter(|_| !anew || self.renegotiable);
        let Some(after) = after.filter(|after| legal(self.role, self.state.phase(), *after)) else {
            tracing::debug!(leg = %self.id, ?description, "out of turn");
            return false;
        };
        self.negotiation = after;
        true
    }

    /// Our offer was refused (RFC 3261 14.1: "the session parameters MUST remain unchanged").
    pub(super) fn withdraw_offer(&mut self) {
        if self.negotiation == Negotiation::HaveLocalOffer {
            self.negotiation = Negotiation::Stable;
        }
    }

    /// Offer and answer are done.
    pub(super) fn settle(&mut self, agreement: Agreement) {
        self.exchange = Exchange::Settled(Box::new(agreement));
    }

    /// What was agreed with it.
    pub(super) fn agreement(&self) -> Option<&Agreement> {
        match &self.exchange {
            Exchange::Settled(agreement) => Some(agreement),
            _ => None,
        }
    }

    /// What its partner may be told of it.
    pub(super) fn as_source(&self) -> Option<Source<'_>> {
        let agreement = self.agreement()?;
        Some(match self.renegotiable {
            true => Source::Willing(agreement),
            false => Source::Agreement(agreement),
        })
    }

    /// What its partner may send and hear as long as it is on hold here, as we see the partner.
    pub(super) fn lets_partner(&self) -> Direction {
        match self.holds {
            true => Direction::SendOnly,
            false => Direction::SendRecv,
        }
    }

    /// It can be told of keys within its sound (RFC 4733).
    pub(super) fn takes_events(&self) -> bool {
        let streams = self.agreement().map(|it| it.plan().streams.iter());
        let mut codecs = streams.into_iter().flatten().flat_map(|it| &it.codecs);
        codecs.any(|codec| codec.format == Format::TelephoneEvent)
    }

    /// Rings or is about to.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, LegState::Inviting | LegState::Early)
    }

    /// Answered and not ending.
    pub(super) fn is_confirmed(&self) -> bool {
        self.state == LegState::Confirmed
    }

    /// Not over.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, LegState::Ended(_))
    }
}

impl Signalling {
    /// See [`Leg::device`].
    pub(super) fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Wcs { device, .. } => Some(*device),
            Self::Sip { device } => *device,
        }
    }
}

impl LegState {
    pub(super) fn phase(&self) -> LegPhase {
        match self {
            Self::Inviting => LegPhase::Inviting,
            Self::Early => LegPhase::Early,
            Self::Confirmed => LegPhase::Confirmed,
            Self::Ending { .. } => LegPhase::Ending,
            Self::Ended(_) => LegPhase::Ended,
        }
    }
}

impl LegPhase {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [
        Self::Inviting,
        Self::Early,
        Self::Confirmed,
        Self::Ending,
        Self::Ended,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Inviting => "inviting",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

impl MediaState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Connected => "connected",
            Self::Ready => "ready",
            Self::Dead => "failed",
        }
    }
}
