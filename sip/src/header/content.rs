//! What a body is: Content-Type, Content-Disposition (RFC 3261 20.11, 20.15).

use super::params::Params;
use super::syntax::{Malformed, is_token, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// `Content-Type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType<'a> {
    /// `application`
    pub kind: &'a [u8],
    /// `sdp`
    pub subtype: &'a [u8],
    /// `boundary`, `charset` and others.
    pub params: Params<'a>,
}

impl ContentType<'_> {
    /// True if it is that `type/subtype`, in any case and whatever its parameters.
    pub fn is(&self, name: &str) -> bool {
        name.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind.as_bytes())
                && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
        })
    }
}

impl<'a> Header<'a> for ContentType<'a> {
    const NAME: HeaderName = HeaderName::ContentType;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (name, params) = value.split_at(end);
        let (kind, subtype) = super::syntax::cut(name, b'/').ok_or(Malformed::Grammar)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(Malformed::Grammar);
        }
        Ok(Self {
            kind,
            subtype,
            params: Params::read(params)?,
        })
    }
}

impl WriteHeader for ContentType<'_> {
    const NAME: HeaderName = HeaderName::ContentType;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.kind);
        out.push(b'/');
        out.extend_from_slice(self.subtype);
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// `Content-Disposition`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `session`, `render`, `early-session` or any other token.
    pub kind: &'a [u8],
    /// `handling` and others.
    pub params: Params<'a>,
}

impl Disposition<'_> {
    /// Whoever does not understand the body may pass over it (20.11).
    pub fn is_optional(&self) -> bool {
        self.params
            .value("handling")
            .is_some_and(|handling| handling.eq_ignore_ascii_case(b"optional"))
    }
}

impl<'a> Header<'a> for Disposition<'a> {
    const NAME: HeaderName = HeaderName::ContentDisposition;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (kind, params) = token_and_params(value)?;
        Ok(Self { kind, params })
    }
}

impl WriteHeader for Disposition<'_> {
    const NAME: HeaderName = HeaderName::ContentDisposition;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.kind);
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// A token and what is said about it.
pub(super) fn token_and_params(value: &[u8]) -> Result<(&[u8], Params<'_>), Malformed> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let (token, params) = value.split_at(end);
    let token = trim(token);
    if !is_token(token) {
        return Err(Malformed::Grammar);
    }
    Ok((token, Params::read(params)?))
}
