//! Session-ID (RFC 7989): the name of a call that user agents between its ends pass on.

use super::params::Params;
use super::syntax::{Malformed, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// `Session-ID`, as far as the sender's half goes: 32 hexadecimal digits in lower case (6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId<'a>(pub &'a str);

impl<'a> Header<'a> for SessionId<'a> {
    const NAME: HeaderName = HeaderName::SessionId;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (id, params) = value.split_at(end);
        Params::read(params)?;
        let id = trim(id);
        let digits = |id: &[u8]| {
            id.iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match std::str::from_utf8(id) {
            Ok(text) if id.len() == 32 && digits(id) => Ok(Self(text)),
            _ => Err(Malformed::Grammar),
        }
    }
}

impl WriteHeader for SessionId<'_> {
    const NAME: HeaderName = HeaderName::SessionId;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}
