//! What people type to call somebody: a name, an address, a URI, a telephone number.

#[cfg(test)]
mod tests;

use sip::uri::{Host, Uri, UriError};
use smol_str::SmolStr;
use thiserror::Error;

use crate::aor::{Aor, AorError};

/// The longest text that is read, in bytes.
const MAX_DIALLED_BYTES: usize = 512;

/// Whom somebody wants to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialled {
    /// A name here (`alice`, `1002`), an address (`alice@example.com`) or a SIP URI.
    User {
        /// Who it is.
        aor: Aor,
        /// The URI as it was written, if one was.
        uri: Option<Uri>,
    },
    /// A telephone number in its international form: `+` and digits.
    Number(SmolStr),
}

/// Why nobody can be called by a text. The sentence is for whoever typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DialError {
    /// Nothing but space.
    #[error("nobody was named")]
    Empty,
    /// Longer than any address.
    #[error("the address is too long")]
    TooLong,
    /// Not a name.
    #[error("{0}")]
    Name(#[from] AorError),
    /// Not a URI.
    #[error("{0}")]
    Uri(#[from] UriError),
    /// A local telephone number or a scheme that cannot be called.
    #[error("addresses of this kind cannot be called")]
    Scheme,
}

impl Dialled {
    /// Reads what was typed; names without a domain belong to `domain`.
    ///
    /// # Errors
    /// [`DialError`]
    pub fn parse(typed: &str, domain: &Host) -> Result<Self, DialError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(DialError::Empty);
        }
        if typed.len() > MAX_DIALLED_BYTES {
            return Err(DialError::TooLong);
        }
        if let Some(number) = international(typed) {
            return Ok(Self::Number(number));
        }
        if has_scheme(typed) {
            return Self::from_uri(Uri::parse(typed)?);
        }
        Ok(Self::User {
            aor: Aor::parse(typed, domain)?,
            uri: None,
        })
    }

    fn from_uri(uri: Uri) -> Result<Self, DialError> {
        match &uri {
            Uri::Sip(sip) => Ok(Self::User {
                aor: Aor::from_uri(sip)?,
                uri: Some(uri),
            }),
            Uri::Tel(tel) if tel.is_global() => Ok(Self::Number(tel.number().into())),
            Uri::Tel(_) | Uri::Other(_) => Err(DialError::Scheme),
        }
    }
}

/// `+44 (0)20-7183.8750`: a plus sign, then digits in whatever dress. `(0)` is what people write
/// for a zero that is not dialled after a country code.
fn international(typed: &str) -> Option<SmolStr> {
    let rest = typed.strip_prefix('+')?.replacen("(0)", "", 1);
    let dress = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let digits: String = rest.chars().filter(|c| !dress(*c)).collect();
    // E.164 6.2: at most fifteen digits.
    let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| SmolStr::new(format!("+{digits}")))
}

/// A colon before anything that ends a scheme. `[2001:db8::1]` and `alice@host:5060` have none.
fn has_scheme(typed: &str) -> bool {
    typed.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}
