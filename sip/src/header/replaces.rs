//! Headers that name another dialog or transaction: Replaces (RFC 3891), RAck (RFC 3262), CSeq
//! (RFC 3261 20.16).

use super::params::Params;
use super::syntax::{Malformed, is_space, is_token, number_u32, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

/// `Replaces` (RFC 3891 6.1)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// The Call-ID of the dialog to be replaced.
    pub call_id: &'a [u8],
    /// Its tag at the one who gets this.
    pub to_tag: &'a [u8],
    /// Its tag at the far side.
    pub from_tag: &'a [u8],
    /// Only while it is early.
    pub early_only: bool,
}

impl<'a> Header<'a> for Replaces<'a> {
    const NAME: HeaderName = HeaderName::Replaces;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = memchr::memchr(b';', value).ok_or(Malformed::Grammar)?;
        let (call_id, params) = value.split_at(end);
        let call_id = trim(call_id);
        let params = Params::read(params)?;
        // "A Replaces header field MUST contain exactly one to-tag and exactly one from-tag" (6.1)
        let count = |name: &[u8]| {
            params
                .iter()
                .filter(|(found, _)| found.eq_ignore_ascii_case(name))
                .count()
        };
        if count(b"to-tag") != 1 || count(b"from-tag") != 1 {
            return Err(Malformed::Grammar);
        }
        if !crate::message::is_call_id(call_id) {
            return Err(Malformed::Grammar);
        }
        Ok(Self {
            call_id,
            to_tag: params.value("to-tag").ok_or(Malformed::Grammar)?,
            from_tag: params.value("from-tag").ok_or(Malformed::Grammar)?,
            early_only: params.has("early-only"),
        })
    }
}

impl WriteHeader for Replaces<'_> {
    const NAME: HeaderName = HeaderName::Replaces;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.call_id);
        out.extend_from_slice(b";to-tag=");
        out.extend_from_slice(self.to_tag);
        out.extend_from_slice(b";from-tag=");
        out.extend_from_slice(self.from_tag);
        if self.early_only {
            out.extend_from_slice(b";early-only");
        }
    }
}

/// `RAck` (RFC 3262 7.2)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the response that is acknowledged.
    pub rseq: u32,
    /// The number in its CSeq.
    pub cseq: u32,
    /// The method in its CSeq.
    pub method: &'a [u8],
}

impl<'a> Header<'a> for RAck<'a> {
    const NAME: HeaderName = HeaderName::RAck;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut words = value
            .split(|byte| is_space(*byte))
            .filter(|it| !it.is_empty());
        let mut word = || words.next().ok_or(Malformed::Grammar);
        let rack = Self {
            rseq: number_u32(word()?)?,
            cseq: number_u32(word()?)?,
            method: word()?,
        };
        if !is_token(rack.method) || words.next().is_some() {
            return Err(Malformed::Grammar);
        }
        Ok(rack)
    }
}

impl WriteHeader for RAck<'_> {
    const NAME: HeaderName = HeaderName::RAck;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{} {} ", self.rseq, self.cseq).as_bytes());
        out.extend_from_slice(self.method);
    }
}

/// `CSeq`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The number.
    pub number: u32,
    /// The method.
    pub method: &'a [u8],
}

impl<'a> Header<'a> for CSeq<'a> {
    const NAME: HeaderName = HeaderName::CSeq;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (number, method) = crate::message::read_cseq(value)?;
        if !is_token(method) {
            return Err(Malformed::Grammar);
        }
        Ok(Self { number, method })
    }
}

impl WriteHeader for CSeq<'_> {
    const NAME: HeaderName = HeaderName::CSeq;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{} ", self.number).as_bytes());
        out.extend_from_slice(self.method);
    }
}
