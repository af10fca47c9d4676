//! Header names (RFC 3261 7.3, 20; the registry of IANA), with their compact forms and with how
//! often each may come.

use std::fmt;

/// How the values of a header are laid out (RFC 3261 7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One value in one row; a second row is a fault.
    Single,
    /// Values in several rows or parted by commas, which is the same.
    List,
    /// Several rows, each one value whatever commas it holds (the four of authentication, and
    /// free text).
    Rows,
}

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident $text:literal $compact:literal $layout:ident;)*) => {
        /// A header that we know by name. `Other` stands for all the rest; their names are kept
        /// as they were written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)*
            /// Any other.
            Other,
        }

        const TABLE: &[(HeaderName, &str, u8, Layout)] = &[
            $((HeaderName::$variant, $text, $compact, Layout::$layout),)*
        ];
    };
}

names! {
    /// RFC 3261 20.1
    Accept "Accept" b' ' List;
    /// RFC 3841
    AcceptContact "Accept-Contact" b'a' List;
    /// RFC 3261 20.2
    AcceptEncoding "Accept-Encoding" b' ' List;
    /// RFC 3261 20.3
    AcceptLanguage "Accept-Language" b' ' List;
    /// RFC 3261 20.4
    AlertInfo "Alert-Info" b' ' List;
    /// RFC 3261 20.5
    Allow "Allow" b' ' List;
    /// RFC 6665 8.2.2
    AllowEvents "Allow-Events" b'u' List;
    /// RFC 3261 20.6
    AuthenticationInfo "Authentication-Info" b' ' Rows;
    /// RFC 3261 20.7
    Authorization "Authorization" b' ' Rows;
    /// RFC 3261 20.8
    CallId "Call-ID" b'i' Single;
    /// RFC 3261 20.9
    CallInfo "Call-Info" b' ' List;
    /// RFC 3261 20.10
    Contact "Contact" b'm' List;
    /// RFC 3261 20.11
    ContentDisposition "Content-Disposition" b' ' Single;
    /// RFC 3261 20.12
    ContentEncoding "Content-Encoding" b'e' List;
    /// RFC 3261 20.13
    ContentLanguage "Content-Language" b' ' List;
    /// RFC 3261 20.14
    ContentLength "Content-Length" b'l' Single;
    /// RFC 3261 20.15
    ContentType "Content-Type" b'c' Single;
    /// RFC 3261 20.16
    CSeq "CSeq" b' ' Single;
    /// RFC 3261 20.17
    Date "Date" b' ' Single;
    /// RFC 7044
    HistoryInfo "History-Info" b' ' List;
    /// RFC 6665 8.2.1
    Event "Event" b'o' Single;
    /// RFC 3261 20.19
    Expires "Expires" b' ' Single;
    /// RFC 6809
    FeatureCaps "Feature-Caps" b' ' List;
    /// RFC 5626 10
    FlowTimer "Flow-Timer" b' ' Single;
    /// RFC 3261 20.20
    From "From" b'f' Single;
    /// RFC 8224
    Identity "Identity" b'y' Rows;
    /// RFC 3261 20.21
    InReplyTo "In-Reply-To" b' ' List;
    /// RFC 3911
    Join "Join" b' ' Single;
    /// RFC 3261 20.22
    MaxForwards "Max-Forwards" b' ' Single;
    /// RFC 3261 20.24
    MimeVersion "MIME-Version" b' ' Single;
    /// RFC 3261 20.23
    MinExpires "Min-Expires" b' ' Single;
    /// RFC 4028 5
    MinSe "Min-SE" b' ' Single;
    /// RFC 3261 20.25
    Organization "Organization" b' ' Rows;
    /// RFC 3325 9.1
    PAssertedIdentity "P-Asserted-Identity" b' ' List;
    /// RFC 3325 9.2
    PPreferredIdentity "P-Preferred-Identity" b' ' List;
    /// RFC 3327
    Path "Path" b' ' List;
    /// RFC 3261 20.26
    Priority "Priority" b' ' Single;
    /// RFC 3323
    Privacy "Privacy" b' ' Rows;
    /// RFC 3261 20.27
    ProxyAuthenticate "Proxy-Authenticate" b' ' Rows;
    /// RFC 3261 20.28
    ProxyAuthorization "Proxy-Authorization" b' ' Rows;
    /// RFC 3261 20.29
    ProxyRequire "Proxy-Require" b' ' List;
    /// RFC 3262 7.2
    RAck "RAck" b' ' Single;
    /// RFC 3326
    Reason "Reason" b' ' List;
    /// RFC 3261 20.30
    RecordRoute "Record-Route" b' ' List;
    /// RFC 4488
    ReferSub "Refer-Sub" b' ' Single;
    /// RFC 3515 2.1
    ReferTo "Refer-To" b'r' Single;
    /// RFC 3892
    ReferredBy "Referred-By" b'b' Single;
    /// RFC 3841
    RejectContact "Reject-Contact" b'j' List;
    /// RFC 3891 6.1
    Replaces "Replaces" b' ' Single;
    /// RFC 3261 20.31
    ReplyTo "Reply-To" b' ' Single;
    /// RFC 3841
    RequestDisposition "Request-Disposition" b'd' List;
    /// RFC 3261 20.32
    Require "Require" b' ' List;
    /// RFC 3261 20.33
    RetryAfter "Retry-After" b' ' Single;
    /// RFC 3261 20.34
    Route "Route" b' ' List;
    /// RFC 3262 7.1
    RSeq "RSeq" b' ' Single;
    /// RFC 3261 20.35
    Server "Server" b' ' Rows;
    /// RFC 3608
    ServiceRoute "Service-Route" b' ' List;
    /// RFC 7989
    SessionId "Session-ID" b' ' Single;
    /// RFC 4028 4
    SessionExpires "Session-Expires" b'x' Single;
    /// RFC 3903
    SipEtag "SIP-ETag" b' ' Single;
    /// RFC 3903
    SipIfMatch "SIP-If-Match" b' ' Single;
    /// RFC 3261 20.36
    Subject "Subject" b's' Rows;
    /// RFC 6665 8.2.3
    SubscriptionState "Subscription-State" b' ' Single;
    /// RFC 3261 20.37
    Supported "Supported" b'k' List;
    /// RFC 3261 20.38
    Timestamp "Timestamp" b' ' Single;
    /// RFC 3261 20.39
    To "To" b't' Single;
    /// RFC 3261 20.40
    Unsupported "Unsupported" b' ' List;
    /// RFC 3261 20.41
    UserAgent "User-Agent" b' ' Rows;
    /// RFC 3261 20.42
    Via "Via" b'v' List;
    /// RFC 3261 20.43
    Warning "Warning" b' ' List;
    /// RFC 3261 20.44
    WwwAuthenticate "WWW-Authenticate" b' ' Rows;
}

/// The longest name in the table.
const LONGEST: usize = 20;
/// The most names of one length.
const WIDEST: usize = 16;
/// Names by their length: which of the table have it.
const BY_LENGTH: [[u8; WIDEST]; LONGEST + 1] = by_length();
const NOBODY: u8 = u8::MAX;

const fn by_length() -> [[u8; WIDEST]; LONGEST + 1] {
    let mut rows = [[NOBODY; WIDEST]; LONGEST + 1];
    let mut used = [0; LONGEST + 1];
    let mut index = 0;
    while index < TABLE.len() {
        let length = TABLE[index].1.len();
        rows[length][used[length]] = index as u8;
        used[length] += 1;
        index += 1;
    }
    rows
}

impl HeaderName {
    /// Knows a name by its long or its compact form, in any case.
    pub fn parse(name: &[u8]) -> Self {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase();
            let compact = TABLE.iter().find(|(_, _, compact, _)| *compact == letter);
            return compact.map_or(Self::Other, |row| row.0);
        }
        let (Some(row), Some(first)) = (BY_LENGTH.get(name.len()), name.first()) else {
            return Self::Other;
        };
        let first = first | 0x20;
        for &index in row {
            let Some((known, text, _, _)) = TABLE.get(usize::from(index)) else {
                break;
            };
            let text = text.as_bytes();
            if text.first().is_some_and(|byte| byte | 0x20 == first)
                && text.eq_ignore_ascii_case(name)
            {
                return *known;
            }
        }
        Self::Other
    }

    /// The name as we write it. Empty for `Other`.
    pub fn as_str(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |row| row.1)
    }

    /// How its values are laid out. Of a header we do not know, each row is a value.
    pub fn layout(self) -> Layout {
        TABLE.get(self as usize).map_or(Layout::Rows, |row| row.3)
    }

    /// The bit of this name in a set of names.
    pub(crate) const fn bit(self) -> u128 {
        1 << (self as u8)
    }

    /// The names that come once.
    pub(crate) const SINGLES: u128 = {
        let mut set = 0;
        let mut index = 0;
        while index < TABLE.len() {
            if matches!(TABLE[index].3, Layout::Single) {
                set |= TABLE[index].0.bit();
            }
            index += 1;
        }
        set
    };

    /// All names of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => f.write_str("a header"),
            known => f.write_str(known.as_str()),
        }
    }
}
