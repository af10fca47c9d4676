//! Addresses of record (RFC 3261 6): who somebody is, whatever he is reached by.

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sip::uri::{Host, SipUri, Uri, UriError, unescape};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// The longest user part, in bytes.
pub const MAX_USER_BYTES: usize = 64;
/// The longest display name, in bytes.
pub const MAX_DISPLAY_NAME_BYTES: usize = 128;

/// An address of record: `alice@example.com`.
///
/// RFC 3261 19.1.4 compares user parts by case, but what a user part means is for the owner of the
/// domain to say. Here `Alice` and `alice` are one: people type names, and nobody shall pass for
/// another by a capital. The spelling is kept for display.
///
/// It is shared: bindings, indexes and calls hold many copies of one.
#[derive(Clone)]
pub struct Aor(Arc<Parts>);

struct Parts {
    user: SmolStr,
    /// The user part as it is compared.
    folded: SmolStr,
    domain: Host,
}

/// Why a text is no address of record. The fault is the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AorError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// Longer than [`MAX_USER_BYTES`].
    #[error("the name is longer than {MAX_USER_BYTES} bytes")]
    TooLong,
    /// A space, a control character, an invisible one, or one that separates parts of addresses.
    #[error("the name holds a space, an invisible character or one of @ : ; , ? / \\ < > \" %")]
    Character,
    /// Neither a host name nor an address.
    #[error("the domain is neither a host name nor an address")]
    Domain,
    /// A URI that names nobody, or is none of SIP.
    #[error("the URI names no user of a SIP domain")]
    Uri,
}

impl Aor {
    /// Joins a plain user part (no escapes) and a domain.
    ///
    /// # Errors
    /// [`AorError`] if the user part is no name that people could dial.
    pub fn new(user: &str, domain: &Host) -> Result<Self, AorError> {
        if user.is_empty() {
            return Err(AorError::Empty);
        }
        if user.len() > MAX_USER_BYTES {
            return Err(AorError::TooLong);
        }
        if user
            .chars()
            .any(|c| is_invisible(c) || c.is_whitespace() || "@:;,?/\\<>\"%".contains(c))
        {
            return Err(AorError::Character);
        }
        Ok(Self(Arc::new(Parts {
            user: user.into(),
            folded: user.to_lowercase().into(),
            domain: domain.clone(),
        })))
    }

    /// Reads `alice` or `alice@example.com`; without a domain it is `domain`.
    ///
    /// # Errors
    /// [`AorError`]
    pub fn parse(text: &str, domain: &Host) -> Result<Self, AorError> {
        match text.split_once('@') {
            None => Self::new(text, domain),
            Some((user, host)) => {
                Self::new(user, &Host::parse(host).map_err(|_| AorError::Domain)?)
            }
        }
    }

    /// Whom a SIP URI names: its user part and host alone (RFC 3261 10.3 step 5).
    ///
    /// # Errors
    /// [`AorError`]
    pub fn from_uri(uri: &SipUri) -> Result<Self, AorError> {
        let user = unescape(uri.user().ok_or(AorError::Uri)?);
        let user = std::str::from_utf8(&user).map_err(|_| AorError::Character)?;
        Self::new(user, uri.host())
    }

    /// The user part as it was first written.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The domain.
    pub fn domain(&self) -> &Host {
        &self.0.domain
    }

    /// As a SIP URI.
    ///
    /// # Errors
    /// None that the checks of [`new`](Self::new) let through.
    pub fn to_uri(&self) -> Result<Uri, UriError> {
        SipUri::new(&self.0.user, &self.0.domain, None).map(Uri::Sip)
    }

    /// The short form for people at home in `domain`: without it.
    pub fn shown_in(&self, domain: &Host) -> SmolStr {
        if self.0.domain == *domain {
            self.0.user.clone()
        } else {
            format_smolstr!("{self}")
        }
    }

    fn key(&self) -> (&str, &Host) {
        (&self.0.folded, &self.0.domain)
    }
}

impl PartialEq for Aor {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.key() == other.key()
    }
}

impl Eq for Aor {}

impl Hash for Aor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for Aor {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Aor {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return std::cmp::Ordering::Equal;
        }
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Aor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.0.user, self.0.domain)
    }
}

impl fmt::Debug for Aor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aor({self})")
    }
}

/// The name of somebody for people: one line, nothing invisible in it, never empty, at most
/// [`MAX_DISPLAY_NAME_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayName(SmolStr);

impl DisplayName {
    /// Makes a presentable name of what somebody typed; `None` if nothing is left of it.
    pub fn clean(typed: &str) -> Option<Self> {
        let mut name = String::new();
        for word in typed.split_whitespace() {
            let visible: String = word.chars().filter(|c| !is_invisible(*c)).collect();
            if visible.is_empty() {
                continue;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&visible);
        }
        let mut end = name.len().min(MAX_DISPLAY_NAME_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        let name = name.trim_end();
        (!name.is_empty()).then(|| Self(name.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, and those that show nothing or turn the direction of writing: with them one
/// name could be made to look like another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
