//! `tel:` (RFC 3966).

use std::fmt;

use smol_str::SmolStr;

use super::escape::{consists_of, same};
use super::{MAX_URI_FIELDS, UriError};

/// A telephone number. `==` compares the text; [`equivalent`](TelUri::equivalent) what it means.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TelUri {
    raw: SmolStr,
    /// The number without its visual separators.
    number: SmolStr,
}

impl TelUri {
    /// Reads a text of which [`super::Uri::parse`] has checked length, characters and scheme.
    pub(super) fn read(text: &str) -> Result<Self, UriError> {
        let (_, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let written = rest.split(';').next().unwrap_or_default();
        let number: SmolStr = written.chars().filter(|c| !"-.()".contains(*c)).collect();
        let uri = Self {
            raw: text.into(),
            number,
        };
        let digits_fit = match uri.number.strip_prefix('+') {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
            None => {
                !uri.number.is_empty()
                    && uri
                        .number
                        .bytes()
                        .all(|b| b.is_ascii_hexdigit() || b"*#".contains(&b))
            }
        };
        uri.check_params()?;
        // RFC 3966 5.1.5: a local number says where it is one.
        if !digits_fit || !(uri.is_global() || uri.param("phone-context").is_some()) {
            return Err(UriError::Number);
        }
        Ok(uri)
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The number without its visual separators: `+442071838750`.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// It begins with the country code (RFC 3966 5.1.4).
    pub fn is_global(&self) -> bool {
        self.number.starts_with('+')
    }

    /// The parameters in their order, escapes and all.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.raw
            .split(';')
            .skip(1)
            .map(|field| match field.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (field, None),
            })
    }

    /// The value of a parameter: `Some(None)` if it is there without one.
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params()
            .find(|(found, _)| same(found, name, true))
            .map(|(_, value)| value)
    }

    /// Equality as RFC 3966 4 defines it: the numbers without separators, and all parameters, in
    /// any order and without regard to case.
    pub fn equivalent(&self, other: &Self) -> bool {
        let covers = |a: &Self, b: &Self| {
            a.params()
                .all(|(name, value)| match (value, b.param(name)) {
                    (None, Some(None)) => true,
                    (Some(a), Some(Some(b))) => same(a, b, true),
                    _ => false,
                })
        };
        self.number.eq_ignore_ascii_case(&other.number)
            && covers(self, other)
            && covers(other, self)
    }

    fn check_params(&self) -> Result<(), UriError> {
        if self.params().count() > MAX_URI_FIELDS {
            return Err(UriError::TooManyFields);
        }
        for (index, (name, value)) in self.params().enumerate() {
            let named = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let valued = value.is_none_or(|v| !v.is_empty() && consists_of(v, b"[]/:&+$"));
            let twice = self
                .params()
                .take(index)
                .any(|(earlier, _)| same(earlier, name, true));
            if !named || !valued || twice {
                return Err(UriError::Parameter);
            }
        }
        Ok(())
    }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Debug for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}
