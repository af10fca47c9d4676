//! Refer-Sub (RFC 4488 4).

use super::params::Params;
use super::syntax::{Malformed, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// `Refer-Sub`: whether a REFER makes a subscription. Absent, it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferSub(pub bool);

impl<'a> Header<'a> for ReferSub {
    const NAME: HeaderName = HeaderName::ReferSub;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (word, params) = value.split_at(end);
        Params::read(params)?;
        let word = trim(word);
        if word.eq_ignore_ascii_case(b"true") {
            Ok(Self(true))
        } else if word.eq_ignore_ascii_case(b"false") {
            Ok(Self(false))
        } else {
            Err(Malformed::Grammar)
        }
    }
}

impl WriteHeader for ReferSub {
    const NAME: HeaderName = HeaderName::ReferSub;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.0 { b"true" } else { b"false" });
    }
}
