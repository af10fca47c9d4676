//! Where offer and answer of a leg stand (RFC 3264), in the words of RFC 9429 3.2.

/// The signalling state of a leg's session description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Negotiation {
    /// Nothing is pending: no description was exchanged yet, or the last offer was answered.
    Stable,
    /// We have offered and wait for the answer.
    HaveLocalOffer,
    /// The far side has offered and waits for our answer.
    HaveRemoteOffer,
    /// No description will be exchanged any more.
    Closed,
}

/// A description crosses the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Description {
    /// We send an offer.
    LocalOffer,
    /// We send the answer.
    LocalAnswer,
    /// The far side's offer arrives.
    RemoteOffer,
    /// The far side's answer arrives.
    RemoteAnswer,
}

impl Negotiation {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [
        Self::Stable,
        Self::HaveLocalOffer,
        Self::HaveRemoteOffer,
        Self::Closed,
    ];

    /// The state after `description`, or `None` where it is not allowed: RFC 3264 4 permits no
    /// second offer while one is pending, and no answer without an offer.
    pub(super) fn after(self, description: Description) -> Option<Self> {
        match (self, description) {
            (Self::Stable, Description::LocalOffer) => Some(Self::HaveLocalOffer),
            (Self::Stable, Description::RemoteOffer) => Some(Self::HaveRemoteOffer),
            (Self::HaveLocalOffer, Description::RemoteAnswer)
            | (Self::HaveRemoteOffer, Description::LocalAnswer) => Some(Self::Stable),
            _ => None,
        }
    }
}
