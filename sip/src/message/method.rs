//! Methods (RFC 3261 7.1). The set is open: one that is not known is a method all the same.

use std::fmt;

use smol_str::SmolStr;

use crate::header::syntax::is_token;

/// The method of a request. Methods are told apart by case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261 13
    Invite,
    /// RFC 3261 13, 17
    Ack,
    /// RFC 3261 9
    Cancel,
    /// RFC 3261 15
    Bye,
    /// RFC 3261 10
    Register,
    /// RFC 3261 11
    Options,
    /// RFC 3262
    Prack,
    /// RFC 3311
    Update,
    /// RFC 3515
    Refer,
    /// RFC 6665
    Subscribe,
    /// RFC 6665
    Notify,
    /// RFC 3428
    Message,
    /// RFC 6086
    Info,
    /// RFC 3903
    Publish,
    /// Any other token.
    Other(SmolStr),
}

const KNOWN: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Cancel, "CANCEL"),
    (Method::Bye, "BYE"),
    (Method::Register, "REGISTER"),
    (Method::Options, "OPTIONS"),
    (Method::Prack, "PRACK"),
    (Method::Update, "UPDATE"),
    (Method::Refer, "REFER"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Notify, "NOTIFY"),
    (Method::Message, "MESSAGE"),
    (Method::Info, "INFO"),
    (Method::Publish, "PUBLISH"),
];

impl Method {
    /// Reads a method. `None`: no token.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if let Some((method, _)) = KNOWN.iter().find(|(_, name)| name.as_bytes() == bytes) {
            return Some(method.clone());
        }
        let text = std::str::from_utf8(bytes).ok()?;
        is_token(bytes).then(|| Self::Other(text.into()))
    }

    /// The method as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => KNOWN
                .iter()
                .find(|(method, _)| method == known)
                .map_or("", |(_, name)| name),
        }
    }

    /// A request that can make a dialog (RFC 3261 12.1, RFC 6665 4.1, RFC 3515 2.4.4): its
    /// responses carry the Record-Route.
    pub fn makes_dialogs(&self) -> bool {
        matches!(
            self,
            Self::Invite | Self::Subscribe | Self::Refer | Self::Notify
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
