//! Why: Reason (RFC 3326) and Warning (RFC 3261 20.43).

use std::borrow::Cow;

use super::content::token_and_params;
use super::params::Params;
use super::syntax::{Malformed, ascii, is_space, number, quote, quoted_end, trim, unquote};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// One value of `Reason`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or any other token.
    pub protocol: &'a [u8],
    /// `cause`, `text` and others.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// The code, in the protocol's numbers.
    pub fn cause(&self) -> Option<u16> {
        let cause = number(self.params.value("cause")?, u64::from(u16::MAX)).ok()?;
        u16::try_from(cause).ok()
    }

    /// What it says to people.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.text("text")
    }

    /// Writes `protocol;cause=code;text="..."`.
    pub fn value_of(protocol: &str, cause: u16, text: &str) -> String {
        let mut out = format!("{protocol};cause={cause}").into_bytes();
        if !text.is_empty() {
            out.extend_from_slice(b";text=");
            quote(text, &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl<'a> Header<'a> for Reason<'a> {
    const NAME: HeaderName = HeaderName::Reason;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (protocol, params) = token_and_params(value)?;
        Ok(Self { protocol, params })
    }
}

impl WriteHeader for Reason<'_> {
    const NAME: HeaderName = HeaderName::Reason;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.protocol);
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// One value of `Warning`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning<'a> {
    /// 300 to 399.
    pub code: u16,
    /// Who adds it: a host, or a name for one.
    pub agent: &'a str,
    /// What it says to people.
    pub text: Cow<'a, str>,
}

impl<'a> Header<'a> for Warning<'a> {
    const NAME: HeaderName = HeaderName::Warning;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let space = value.iter().position(|byte| is_space(*byte));
        let (code, rest) = value.split_at(space.ok_or(Malformed::Grammar)?);
        let rest = trim(rest);
        let space = rest.iter().position(|byte| is_space(*byte));
        let (agent, text) = rest.split_at(space.ok_or(Malformed::Grammar)?);
        let text = trim(text);
        if code.len() != 3 || text.first() != Some(&b'"') || quoted_end(text)? != text.len() {
            return Err(Malformed::Grammar);
        }
        let code = u16::try_from(number(code, 999)?).map_err(|_| Malformed::Range)?;
        let text = match unquote(text) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Ok(Self {
            code,
            agent: ascii(agent)?,
            text,
        })
    }
}

impl WriteHeader for Warning<'_> {
    const NAME: HeaderName = HeaderName::Warning;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{:03} {} ", self.code, self.agent).as_bytes());
        quote(&self.text, out);
    }
}
