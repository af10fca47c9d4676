//! URIs of SIP: `sip`, `sips` (RFC 3261 19.1, 25.1), `tel` (RFC 3966), and any other kept as it is.
//!
//! A URI keeps the text it was read from, and says it again unchanged: a digest covers it, and a
//! peer may compare it byte by byte. The parts are views into that text, escapes and all;
//! [`unescape`] makes them plain.

mod escape;
mod host;
mod sip_uri;
mod tel;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;
use thiserror::Error;

pub use escape::{escape_header, escape_user, unescape};
pub use host::Host;
pub use sip_uri::SipUri;
pub use tel::TelUri;

/// The longest URI that is read, in bytes.
pub const MAX_URI_BYTES: usize = 4096;
/// The most parameters of a URI, and the most headers.
pub const MAX_URI_FIELDS: usize = 64;

/// A URI where SIP expects one. `==` compares the text; [`equivalent`](Uri::equivalent) what it
/// means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Uri {
    /// `sip:` or `sips:`
    Sip(SipUri),
    /// `tel:`
    Tel(TelUri),
    /// Any other scheme: it may be carried, and answered with 416.
    Other(OtherUri),
}

/// A URI of a scheme that is not SIP's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherUri {
    raw: SmolStr,
    scheme: usize,
}

/// Why a text is no URI. The fault is the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UriError {
    /// Longer than [`MAX_URI_BYTES`].
    #[error("the URI is longer than {MAX_URI_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_URI_FIELDS`] parameters or headers.
    #[error("the URI has more than {MAX_URI_FIELDS} parameters or headers")]
    TooManyFields,
    /// No scheme.
    #[error("the URI has no scheme")]
    Scheme,
    /// A character that no URI holds unescaped, or a broken escape.
    #[error("the URI holds a character that has to be escaped, or a broken escape")]
    Character,
    /// The part before the `@`.
    #[error("the user part of the URI is malformed")]
    User,
    /// Neither a host name nor an address.
    #[error("the host of the URI is malformed")]
    Host,
    /// Not a number of 16 bits.
    #[error("the port of the URI is malformed")]
    Port,
    /// A parameter without a name, or one that comes twice.
    #[error("a parameter of the URI is malformed or comes twice")]
    Parameter,
    /// A header without a name or without `=`.
    #[error("a header of the URI is malformed")]
    Header,
    /// A telephone number with something else than digits in it, or a local one without context.
    #[error("the telephone number is malformed or lacks its phone-context")]
    Number,
}

impl Uri {
    /// Reads a URI that stands alone: no angle brackets, no display name, no space.
    ///
    /// # Errors
    /// [`UriError`], for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > MAX_URI_BYTES {
            return Err(UriError::TooLong);
        }
        escape::check_text(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let known = |name: &str| scheme.eq_ignore_ascii_case(name);
        if known("sip") || known("sips") {
            SipUri::read(text).map(Self::Sip)
        } else if known("tel") {
            TelUri::read(text).map(Self::Tel)
        } else {
            let mut letters = scheme.bytes();
            let named = letters
                .next()
                .is_some_and(|first| first.is_ascii_alphabetic())
                && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
            if !named || rest.is_empty() {
                return Err(UriError::Scheme);
            }
            Ok(Self::Other(OtherUri {
                raw: text.into(),
                scheme: scheme.len(),
            }))
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sip(uri) => uri.as_str(),
            Self::Tel(uri) => uri.as_str(),
            Self::Other(uri) => &uri.raw,
        }
    }

    /// The scheme, as it was written.
    pub fn scheme(&self) -> &str {
        match self {
            Self::Sip(uri) => uri.scheme(),
            Self::Tel(_) => &self.as_str()[..3],
            Self::Other(uri) => &uri.raw[..uri.scheme],
        }
    }

    /// The SIP or SIPS URI that it is.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    /// Equality as RFC 3261 19.1.4 and RFC 3966 4 define it. It is not transitive, so it is not
    /// `==`. Other schemes compare as text.
    pub fn equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(a), Self::Sip(b)) => a.equivalent(b),
            (Self::Tel(a), Self::Tel(b)) => a.equivalent(b),
            (Self::Other(a), Self::Other(b)) => a == b,
            _ => false,
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
