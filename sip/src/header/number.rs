//! Headers that are one number.

use super::params::Params;
use super::syntax::{Malformed, number, number_u32, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

macro_rules! numbers {
    ($($(#[$doc:meta])* $type:ident $int:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub struct $type(pub $int);

            impl<'a> Header<'a> for $type {
                const NAME: HeaderName = HeaderName::$type;

                fn read(value: &'a [u8]) -> Result<Self, Malformed> {
                    let value = number(value, u64::from(<$int>::MAX))?;
                    <$int>::try_from(value).map(Self).map_err(|_| Malformed::Range)
                }
            }

            impl WriteHeader for $type {
                const NAME: HeaderName = HeaderName::$type;

                fn write(&self, out: &mut Vec<u8>) {
                    out.extend_from_slice(self.0.to_string().as_bytes());
                }
            }
        )*
    };
}

numbers! {
    /// Hops left (RFC 3261 20.22): 0 to 255.
    MaxForwards u8;
    /// Seconds (RFC 3261 20.19).
    Expires u32;
    /// Seconds (RFC 3261 20.23).
    MinExpires u32;
    /// Bytes (RFC 3261 20.14).
    ContentLength u32;
    /// The number of a provisional response that wants a PRACK (RFC 3262 7.1).
    RSeq u32;
    /// Seconds after which the edge proxy takes a silent flow for dead (RFC 5626 10).
    FlowTimer u32;
}

/// Who refreshes a session (RFC 4028 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// `uac`
    Uac,
    /// `uas`
    Uas,
}

/// `Session-Expires` (RFC 4028 4)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// How long the session lives without a refresh, in seconds.
    pub delta_s: u32,
    /// Who refreshes, if it is said.
    pub refresher: Option<Refresher>,
}

impl<'a> Header<'a> for SessionExpires {
    const NAME: HeaderName = HeaderName::SessionExpires;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (delta_s, params) = number_and_params(value)?;
        let refresher = match params.get("refresher") {
            None => None,
            Some(Some(role)) if role.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(Some(role)) if role.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            Some(_) => return Err(Malformed::Grammar),
        };
        Ok(Self { delta_s, refresher })
    }
}

impl WriteHeader for SessionExpires {
    const NAME: HeaderName = HeaderName::SessionExpires;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.delta_s.to_string().as_bytes());
        out.extend_from_slice(match self.refresher {
            None => b"",
            Some(Refresher::Uac) => b";refresher=uac",
            Some(Refresher::Uas) => b";refresher=uas",
        });
    }
}

/// `Min-SE` in seconds (RFC 4028 5)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinSe(pub u32);

impl<'a> Header<'a> for MinSe {
    const NAME: HeaderName = HeaderName::MinSe;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        number_and_params(value).map(|(delta_s, _)| Self(delta_s))
    }
}

impl WriteHeader for MinSe {
    const NAME: HeaderName = HeaderName::MinSe;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.to_string().as_bytes());
    }
}

/// `Retry-After` (RFC 3261 20.33). Its comment is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter {
    /// When to try again, in seconds.
    pub delta_s: u32,
}

impl<'a> Header<'a> for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = value
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(value.len());
        let (digits, rest) = value.split_at(end);
        match trim(rest).first() {
            None | Some(b'(' | b';') => {}
            Some(_) => return Err(Malformed::Grammar),
        }
        number_u32(digits).map(|delta_s| Self { delta_s })
    }
}

impl WriteHeader for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.delta_s.to_string().as_bytes());
    }
}

fn number_and_params(value: &[u8]) -> Result<(u32, Params<'_>), Malformed> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let (digits, params) = value.split_at(end);
    Ok((number_u32(trim(digits))?, Params::read(params)?))
}
