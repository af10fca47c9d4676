//! The pieces header values are made of (RFC 3261 25.1). Lines are unfolded before they come
//! here, so that white space is SP and HTAB.

use thiserror::Error;

/// A header value that its grammar does not allow. The fault is the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not what the grammar says.
    #[error("malformed")]
    Grammar,
    /// A number beyond what the header can hold.
    #[error("out of range")]
    Range,
    /// A quoted string or angle bracket that is not closed.
    #[error("unbalanced")]
    Unbalanced,
    /// The URI in it is none.
    #[error("without a valid URI")]
    Uri(#[from] crate::uri::UriError),
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'
                | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        );
        byte += 1;
    }
    table
};

/// A byte of `token`.
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// `token`
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// `word`, of which Call-IDs are made (RFC 3261 25.1).
pub fn is_word(bytes: &[u8]) -> bool {
    let more = b"()<>:\\\"/[]?{}";
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| is_token_byte(*byte) || more.contains(byte))
}

/// White space within a line.
pub fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without white space at the beginning.
pub fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    bytes
}

/// Without white space at both ends.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = trim_start(bytes);
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Cuts at the first `mark`, which must be there; both parts without white space around them.
pub fn cut(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(mark, bytes)?;
    let (before, after) = bytes.split_at_checked(at)?;
    Some((trim(before), trim(after.get(1..)?)))
}

/// Text that is known to be ASCII: tokens, numbers.
pub fn ascii(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::Grammar)
}

/// `1*DIGIT`, of any length with leading zeros.
///
/// # Errors
/// [`Malformed::Grammar`] for anything else (a sign too), [`Malformed::Range`] above `max`.
pub fn number(bytes: &[u8], max: u64) -> Result<u64, Malformed> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::Grammar);
    }
    let value = bytes.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    value.filter(|value| *value <= max).ok_or(Malformed::Range)
}

/// A number of 32 bits.
pub fn number_u32(bytes: &[u8]) -> Result<u32, Malformed> {
    let value = number(bytes, u64::from(u32::MAX))?;
    u32::try_from(value).map_err(|_| Malformed::Range)
}

/// Where a quoted string that begins `bytes` ends: the offset after its closing quote.
///
/// # Errors
/// [`Malformed::Unbalanced`] if it is not closed.
pub fn quoted_end(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut at = 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return Err(Malformed::Unbalanced),
        }
    }
}

/// What a quoted string says: without its quotes and backslashes. A text without quotes says
/// itself.
pub fn unquote(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = bytes else {
        return bytes.into();
    };
    if !inner.contains(&b'\\') {
        return inner.into();
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            byte => plain.push(*byte),
        }
    }
    plain.into()
}

/// Writes a text as a quoted string. What no header may hold is left out: CR, LF and NUL.
pub fn quote(plain: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in plain.bytes() {
        match byte {
            b'\r' | b'\n' | 0 => {}
            b'"' | b'\\' => out.extend([b'\\', byte]),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// The values of a row that commas part (RFC 3261 7.3.1): commas within quoted strings and angle
/// brackets part nothing. Empty values come as they are, for the reader to judge.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// The values of one row.
    pub fn new(row: &'a [u8]) -> Self {
        Self { rest: Some(row) }
    }

    /// One row that is one value, whatever commas it holds.
    pub(crate) fn nothing() -> Self {
        Self { rest: None }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut at = 0;
        while let Some(mark) = rest
            .get(at..)
            .and_then(|rest| memchr::memchr3(b',', b'"', b'<', rest))
        {
            at += mark;
            let (value, after) = rest.split_at_checked(at)?;
            match after.first() {
                Some(b',') => {
                    self.rest = after.get(1..);
                    return Some(trim(value));
                }
                // An open quote or bracket takes all that follows; the reader of the value says so.
                Some(b'"') => match quoted_end(after) {
                    Ok(length) => at += length,
                    Err(_) => break,
                },
                _ => match memchr::memchr(b'>', after) {
                    Some(length) => at += length + 1,
                    None => break,
                },
            }
        }
        self.rest = None;
        Some(trim(rest))
    }
}
