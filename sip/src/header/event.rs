//! Event and Subscription-State (RFC 6665 8.2).

use super::content::token_and_params;
use super::params::Params;
use super::syntax::{Malformed, number_u32};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// `Event`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The package: `refer`, `dialog`, `reg`... Told apart by case.
    pub package: &'a [u8],
    /// `id` and others.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// `id`, which tells subscriptions of one dialog apart.
    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.value("id")
    }
}

impl<'a> Header<'a> for Event<'a> {
    const NAME: HeaderName = HeaderName::Event;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (package, params) = token_and_params(value)?;
        Ok(Self { package, params })
    }
}

impl WriteHeader for Event<'_> {
    const NAME: HeaderName = HeaderName::Event;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.package);
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// `Subscription-State`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated` or any other token.
    pub state: &'a [u8],
    /// `expires`, `reason`, `retry-after` and others.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// The subscription is over.
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }

    /// How long it lives on, in seconds.
    pub fn expires_s(&self) -> Option<u32> {
        number_u32(self.params.value("expires")?).ok()
    }

    /// Why it is over.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.params.value("reason")
    }
}

impl<'a> Header<'a> for SubscriptionState<'a> {
    const NAME: HeaderName = HeaderName::SubscriptionState;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (state, params) = token_and_params(value)?;
        Ok(Self { state, params })
    }
}

impl WriteHeader for SubscriptionState<'_> {
    const NAME: HeaderName = HeaderName::SubscriptionState;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.state);
        out.extend_from_slice(self.params.as_bytes());
    }
}
