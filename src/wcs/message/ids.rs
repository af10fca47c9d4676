//! Names and secrets of the wire: nothing here shows a secret when formatted.

use std::fmt;
use std::ops::Deref;

use serde_json::Value;
use smol_str::SmolStr;

/// The longest call or operation id that is accepted, in bytes. The SDK sends UUIDs (36).
pub const MAX_ID_BYTES: usize = 128;

/// The `callId` of the wire: made by the client for its calls, by us for calls to it. Unique
/// within a session only, so it never names a call outside it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WcsCallId(SmolStr);

impl WcsCallId {
    /// Takes 1 to [`MAX_ID_BYTES`] bytes without control characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_ID_BYTES;
        (fits && !text.chars().any(char::is_control)).then(|| Self(SmolStr::new(text)))
    }

    /// The text of the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl fmt::Display for WcsCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WcsCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A session description as text. `Debug` shows its length alone: it holds ICE passwords and
/// addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct SdpText(String);

impl SdpText {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text up.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<String> for SdpText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for SdpText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for SdpText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SdpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SdpText({} bytes)", self.0.len())
    }
}

/// A password as received. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Takes it over.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// For the one place that verifies it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// The token that takes a kept session up again. As good as a password: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthToken(SmolStr);

impl AuthToken {
    /// Takes 1 to [`MAX_ID_BYTES`] bytes.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= MAX_ID_BYTES).then(|| Self(SmolStr::new(text)))
    }

    /// For the wire and for the table of kept sessions.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(hidden)")
    }
}

/// What an application sends to another. `Debug` hides it: it is what people write to each other.
#[derive(Clone, PartialEq)]
pub struct Payload(pub Value);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(hidden)")
    }
}
