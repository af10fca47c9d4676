//! `host` of RFC 3261 25.1: a name or an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smol_str::SmolStr;

use super::UriError;

/// A host: a name in lower case, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A host name, at most 253 bytes, without a dot at its end.
    Name(SmolStr),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; it is written in square brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host as it stands in a URI.
    ///
    /// # Errors
    /// [`UriError::Host`]
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(UriError::Host)?;
            return parse_v6(inner).map(Self::V6).ok_or(UriError::Host);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::V4(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let mut labels = name.as_bytes().split(|&byte| byte == b'.');
        let labels_fit = labels.clone().all(is_label);
        // A last label of digits alone would be an address, and that it is not.
        let last_is_number = labels
            .next_back()
            .is_some_and(|last| last.iter().all(u8::is_ascii_digit));
        if name.len() > 253 || !labels_fit || last_is_number {
            return Err(UriError::Host);
        }
        Ok(Self::Name(lowercase(name)))
    }

    /// The address, unless it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// An IPv6 address. The grammar of RFC 3261 makes three colons of two before an IPv4 address at
/// its end; "an implementation must tolerate both" (RFC 5118 4.10).
fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if let Some((before, after)) = text.split_once(":::") {
        let _: Ipv4Addr = after.parse().ok()?;
        return format!("{before}::{after}").parse().ok();
    }
    text.parse().ok()
}

/// Letters, digits and inner hyphens; underscores too, since names in use have them.
fn is_label(label: &[u8]) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    label.len() <= 63
        && edge(label.first())
        && edge(label.last())
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// In lower case, which it mostly is.
fn lowercase(name: &str) -> SmolStr {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}
