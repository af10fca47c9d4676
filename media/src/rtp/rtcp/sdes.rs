//! Source descriptions and goodbyes (RFC 3550 6.5, 6.6).

use super::RtcpError;
use crate::rtp::bytes::u32_at;

pub(super) const CNAME: u8 = 1;

/// Source description: of its items only the canonical name is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Sdes<'a> {
    count: u8,
    body: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut rest = body;
        for _ in 0..count {
            chunk(&mut rest).ok_or(RtcpError::Truncated)?;
        }
        Ok(Self { count, body })
    }

    /// Each source with its canonical name, at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.body;
        (0..self.count).map_while(move |_| chunk(&mut rest))
    }
}

/// Takes one chunk off `rest`.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    let bytes = *rest;
    let ssrc = u32_at(bytes, 0)?;
    let mut cname = None;
    let mut at = 4;
    loop {
        let kind = *bytes.get(at)?;
        if kind == 0 {
            break;
        }
        let len = usize::from(*bytes.get(at + 1)?);
        let text = bytes.get(at + 2..at + 2 + len)?;
        if kind == CNAME {
            cname = Some(text);
        }
        at += 2 + len;
    }
    // The list ends with one or more zero bytes, up to the next word.
    *rest = bytes.get((at + 1).next_multiple_of(4)..)?;
    Some((ssrc, cname))
}

/// Sources that leave.
#[derive(Debug, Clone, Copy)]
pub struct Bye<'a> {
    ssrcs: &'a [u8],
    reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let (ssrcs, rest) = body
            .split_at_checked(4 * usize::from(count))
            .ok_or(RtcpError::Truncated)?;
        let reason = match rest.split_first() {
            Some((&len, text)) => Some(text.get(..len.into()).ok_or(RtcpError::Truncated)?),
            None => None,
        };
        Ok(Self { ssrcs, reason })
    }

    /// Who leaves, at most 31.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        words(self.ssrcs)
    }

    /// Why, if it was said.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}

/// Whole 32-bit words.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + use<'_> {
    bytes
        .chunks_exact(4)
        .filter_map(|word| Some(u32::from_be_bytes(*word.first_chunk()?)))
}
