//! `generic-param` of RFC 3261 25.1: what follows semicolons.

use std::borrow::Cow;

use super::syntax::{Malformed, is_token_byte, quoted_end, trim, trim_start, unquote};

/// The most parameters of one value.
pub const MAX_PARAMS: usize = 64;

/// Checked parameters, as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Params<'a> {
    raw: &'a [u8],
}

impl<'a> Params<'a> {
    /// Reads what follows a value: nothing, or `;name`, `;name=value` any number of times.
    ///
    /// # Errors
    /// [`Malformed`]: an empty parameter, a name that is no token, a value that is neither text
    /// nor a closed quoted string, or more than [`MAX_PARAMS`].
    pub fn read(raw: &'a [u8]) -> Result<Self, Malformed> {
        let raw = trim(raw);
        let mut rest = raw;
        let mut count = 0;
        while !rest.is_empty() {
            let (_, _, after) = split(rest)?;
            rest = after;
            count += 1;
            if count > MAX_PARAMS {
                return Err(Malformed::Range);
            }
        }
        Ok(Self { raw })
    }

    /// Parameters that were checked before.
    pub(crate) fn checked(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The parameters in their order: name, and value if there is one (a quoted string with its
    /// quotes).
    pub fn iter(&self) -> ParamIter<'a> {
        ParamIter { rest: self.raw }
    }

    /// The first parameter of that name: `Some(None)` if it is there without a value.
    pub fn get(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The value of a parameter that has one.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name).flatten()
    }

    /// The value of a parameter as text, a quoted string made plain. `None` too if it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match unquote(self.value(name)?) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// True if it is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// As they were written, first semicolon included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

/// The parameters of a value.
#[derive(Debug, Clone)]
pub struct ParamIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (name, value, rest) = split(self.rest).ok()?;
        self.rest = rest;
        Some((name, value))
    }
}

type Split<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// The first parameter of `;name=value;...`, and what follows it.
fn split(bytes: &[u8]) -> Result<Split<'_>, Malformed> {
    let [b';', bytes @ ..] = bytes else {
        return Err(Malformed::Grammar);
    };
    let (name, rest) = cut_while(trim_start(bytes), is_token_byte);
    if name.is_empty() {
        return Err(Malformed::Grammar);
    }
    let (value, rest) = match trim_start(rest) {
        [b'=', rest @ ..] => {
            let (value, rest) = cut_value(trim_start(rest))?;
            (Some(value), trim_start(rest))
        }
        rest => (None, rest),
    };
    match rest.first() {
        None | Some(b';') => Ok((name, value, rest)),
        Some(_) => Err(Malformed::Grammar),
    }
}

fn cut_value(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if bytes.first() == Some(&b'"') {
        return Ok(bytes.split_at(quoted_end(bytes)?));
    }
    match cut_while(bytes, |byte| VALUE[usize::from(byte)]) {
        ([], _) => Err(Malformed::Grammar),
        cut => Ok(cut),
    }
}

fn cut_while(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    bytes.split_at(end.unwrap_or(bytes.len()))
}

/// A token, a host, or what people write there unquoted all the same (`=` of base64, `/`, `@`).
const VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = !matches!(byte, b'"' | b'<' | b'>' | b',' | b';' | b'\\');
        byte += 1;
    }
    table
};
