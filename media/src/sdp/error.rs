//! What can be wrong with a peer's session description.

/// Always the fault of whoever wrote the description; safe to show and to log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// It goes beyond a limit of [`Limits`](super::Limits).
    #[error("the session description has more than {limit} {what}")]
    TooLarge {
        /// In the plural.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It is no session description: which line is wrong, and how.
    #[error("the session description is malformed: {0}")]
    Syntax(String),
    /// An attribute before the first m-line is wrong.
    #[error("a={attribute} of the session: {reason}")]
    Session {
        /// Its name.
        attribute: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An attribute of a media description is wrong.
    #[error("a={attribute} of m-line {line} ({media}): {reason}")]
    Media {
        /// Which m-line, from 1.
        line: usize,
        /// Its first field.
        media: String,
        /// The name of the attribute.
        attribute: &'static str,
        /// What is wrong.
        reason: String,
    },
}
