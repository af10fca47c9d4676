//! Why somebody is not let in, and what he is told.

use std::time::Duration;

use sip::uri::Host;

use crate::wcs::session::Refusal;

/// The longest name of a guest, in characters.
pub(super) const MAX_GUEST_NAME: usize = 32;

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) enum Denial {
    ShuttingDown,
    Expired,
    NoName,
    BadName,
    ForeignDomain(Host),
    WrongPassword,
    PasswordNeeded(String),
    NoGuests,
    NameTaken(String),
    TooManyAttempts(Duration),
    TooManyDevices,
    Full,
}

impl Denial {
    pub(super) fn refusal(&self) -> Refusal {
        let (info, code, sentence) = match self {
            Self::ShuttingDown => (
                "SIP 503 Service Unavailable",
                "shutting_down",
                "The server is going down. Try again when it is back.".into(),
            ),
            Self::Expired => (
                "SIP 401 Unauthorized",
                "session_expired",
                "Your session has expired. Sign in again.".into(),
            ),
            Self::NoName => (
                "SIP 400 Bad Request",
                "no_name",
                "Type a name to sign in with.".into(),
            ),
            Self::BadName => (
                "SIP 400 Bad Request",
                "bad_name",
                format!(
                    "That name cannot be used. A name has 1 to {MAX_GUEST_NAME} letters, digits, \
                     dots, dashes or underscores."
                ),
            ),
            Self::ForeignDomain(domain) => (
                "SIP 403 Forbidden",
                "foreign_domain",
                format!("This server does not serve {domain}. Leave the domain empty."),
            ),
            Self::WrongPassword => (
                "SIP 403 Forbidden",
                "wrong_password",
                "The name or the password is wrong.".into(),
            ),
            Self::PasswordNeeded(name) => (
                "SIP 403 Forbidden",
                "password_needed",
                format!("{name} has an account: give its password, or choose another name."),
            ),
            Self::NoGuests => (
                "SIP 403 Forbidden",
                "no_guests",
                "Signing in from here takes an account and its password.".into(),
            ),
            Self::NameTaken(name) => (
                "SIP 403 Forbidden",
                "name_taken",
                format!("Somebody is signed in as {name} already. Choose another name."),
            ),
            Self::TooManyAttempts(wait) => (
                "SIP 403 Forbidden",
                "too_many_attempts",
                format!(
                    "Too many failed sign-ins came from your address. Try again in {} seconds.",
                    wait.as_secs().max(1)
                ),
            ),
            Self::TooManyDevices => (
                "SIP 403 Forbidden",
                "too_many_devices",
                "You are signed in on as many pages as you may. Close one of them.".into(),
            ),
            Self::Full => (
                "SIP 503 Service Unavailable",
                "server_full",
                "The server has as many people as it may. Try again later.".into(),
            ),
        };
        Refusal {
            info: info.into(),
            code,
            sentence: sentence.into(),
        }
    }
}
