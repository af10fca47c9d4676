//! Escapes: `%` and two hexadecimal digits for one byte (RFC 3986 2.1).

use std::borrow::Cow;

use super::UriError;

/// `user-unreserved`
const USER_UNRESERVED: &[u8] = b"&=+$,;?/";

/// `hnv-unreserved`
pub(super) const HEADER_UNRESERVED: &[u8] = b"[]/?:+$";

/// Writes a plain user part so that it can stand in a URI.
pub fn escape_user(plain: &str) -> String {
    escape(plain.as_bytes(), USER_UNRESERVED)
}

/// Writes the plain name or value of a header so that it can stand in a URI.
pub fn escape_header(plain: &[u8]) -> String {
    escape(plain, HEADER_UNRESERVED)
}

fn escape(plain: &[u8], more: &[u8]) -> String {
    let mut text = String::with_capacity(plain.len());
    for &byte in plain {
        if is_unreserved(byte) || more.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    text
}

/// Makes escapes plain. The result is bytes: they need not be UTF-8, and may hold a NUL. Broken
/// escapes stay as they are; a parsed URI has none.
pub fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(
        Unescape {
            bytes: text.as_bytes(),
        }
        .map(|(byte, _)| byte)
        .collect(),
    )
}

/// No URI holds a control character, a space, a quote, an angle bracket or a byte beyond ASCII
/// unescaped, and each `%` begins an escape.
pub(super) fn check_text(text: &str) -> Result<(), UriError> {
    let bytes = text.as_bytes();
    for (index, &byte) in bytes.iter().enumerate() {
        let good = match byte {
            b'%' => bytes
                .get(index + 1..index + 3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !good {
            return Err(UriError::Character);
        }
    }
    Ok(())
}

/// True for `unreserved` of RFC 3261 25.1: letters, digits and `mark`.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
        )
}

/// True if each character is unreserved, escaped, or one of `more`.
pub(super) fn consists_of(text: &str, more: &[u8]) -> bool {
    text.bytes()
        .all(|byte| is_unreserved(byte) || byte == b'%' || more.contains(&byte))
}

/// True for `user` of RFC 3261 25.1.
pub(super) fn is_user(text: &str) -> bool {
    !text.is_empty() && consists_of(text, USER_UNRESERVED)
}

/// True if two texts say the same once escapes of characters that are not reserved are made plain
/// (RFC 3261 19.1.4: an escaped reserved character means another thing than a plain one).
pub(super) fn same(a: &str, b: &str, fold_case: bool) -> bool {
    let plain = |text| {
        Unescape {
            bytes: str::as_bytes(text),
        }
        .map(move |(byte, escaped)| {
            let reserved = b";/?:@&=+$,".contains(&byte);
            (
                if fold_case {
                    byte.to_ascii_lowercase()
                } else {
                    byte
                },
                escaped && reserved,
            )
        })
    };
    plain(a).eq(plain(b))
}

/// The bytes a text stands for, each with whether it was escaped.
struct Unescape<'a> {
    bytes: &'a [u8],
}

impl Iterator for Unescape<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        let (&first, rest) = self.bytes.split_first()?;
        if let (b'%', &[high, low, ref after @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (nibble(high), nibble(low))
        {
            self.bytes = after;
            return Some((high << 4 | low, true));
        }
        self.bytes = rest;
        Some((first, false))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
