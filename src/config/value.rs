//! Texts of the file that mean more than text: addresses, networks, origins, host names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use media::plan::Format;
use media::ports::PortRange;
use media::sound::Ringback;
use registrar::DisplayName;
use sip::digest::{Algorithm, Hash};
use sip::uri::Host;

use super::Guests;

/// RFC 8489 18.6.
const STUN_PORT: u16 = 3_478;

/// An address and port to listen on.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{text:?} is not an address with a port; allowed: for example \"127.0.0.1:8080\", \
             \"0.0.0.0:8080\" or \"[::]:8080\""
        )
    })
}

/// A codec by its name in session descriptions.
pub(super) fn codec(text: &str) -> Result<Format, String> {
    Format::named(text).ok_or_else(|| {
        format!(
            "{text:?} is no codec; allowed: \"opus\", \"G722\", \"PCMU\", \"PCMA\", \"speex\", \"G729\", \
             \"L16\", \"VP8\", \"H264\", \"VP9\", \"AV1\""
        )
    })
}

/// The ringing tone of a country, by the name of that; "none" is none.
pub(super) fn ringback(text: &str) -> Result<Option<Ringback>, String> {
    if text == "none" {
        return Ok(None);
    }
    let mut known = Ringback::NAMES.into_iter();
    let named = known.find(|(name, _)| *name == text);
    let allowed = || {
        Ringback::NAMES
            .map(|(name, _)| format!("{name:?}"))
            .join(", ")
    };
    match named {
        Some((_, ringback)) => Ok(Some(ringback)),
        None => Err(format!("is {text:?}; allowed: \"none\", {}", allowed())),
    }
}

/// An IP address; brackets around an IPv6 address are accepted.
pub(super) fn ip_address(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map_err(|_| {
        format!(
            "{text:?} is not an IP address; allowed: for example \"192.0.2.7\" or \"2001:db8::7\""
        )
    })
}

/// A block of addresses, e.g. `10.0.0.0/8` (RFC 4632); one address is a block of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `address` or `address/prefix`.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (ip_address(address)?, Some(prefix)),
            None => (ip_address(text)?, None),
        };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(|| format!("{text:?} has a prefix that is not from 0 to {longest}"))?,
        };
        Ok(Self { address, prefix })
    }

    /// True if the address is in the block. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// UDP ports from the first to the last, such as `20000-29999`; none for nothing.
pub(super) fn port_range(text: &str) -> Result<Option<PortRange>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bounds = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        PortRange::new(first, last)
    });
    bounds.map(Some).ok_or_else(|| {
        format!(
            "{text:?} is no range of ports; allowed: the first and the last, with an even port and \
             the next among them, for example \"20000-29999\", or \"\" for none"
        )
    })
}

/// The name of a hash for passwords of phones (RFC 8760 2.1).
pub(super) fn digest(text: &str) -> Result<Hash, String> {
    match Algorithm::parse(text) {
        Some(Algorithm {
            hash,
            session: false,
        }) => Ok(hash),
        _ => Err(format!(
            "has {text:?} in its list; allowed: \"MD5\", \"SHA-256\", \"SHA-512-256\""
        )),
    }
}

/// A host name as the `Host` header carries it, without a port, in lower case.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.is_empty() || text.len() > 253 || !text.chars().all(legal) {
        return Err(format!(
            "{text:?} is not a host name; allowed: a name without scheme, port or path, for \
             example \"calls.example.com\""
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// An origin as browsers send it (RFC 6454 6.2), in lower case; `*` stands for all.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "{text:?} is not an origin; allowed: scheme, host and port without a path, for \
             example \"https://calls.example.com\" or \"http://192.0.2.7:3000\"; \"*\" allows all"
        )
    };
    if text == "*" || text == "null" {
        return Ok(text.to_owned());
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    let scheme_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if scheme.is_empty() || !scheme.chars().all(scheme_legal) {
        return Err(wrong());
    }
    if rest.is_empty() || !rest.chars().all(legal) {
        return Err(wrong());
    }
    Ok(text.to_ascii_lowercase())
}

/// A STUN server, with its port (RFC 8489 18.6: 3478 unless said otherwise); none for nothing.
pub(super) fn stun_server(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(Some(text.to_owned()));
    }
    if let Ok(address) = ip_address(text) {
        return Ok(Some(SocketAddr::new(address, STUN_PORT).to_string()));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (text, Some(STUN_PORT)),
    };
    match (host_name(host), port.filter(|port| *port != 0)) {
        (Ok(host), Some(port)) => Ok(Some(format!("{host}:{port}"))),
        _ => Err(format!(
            "{text:?} is no server; allowed: a host name or an IP address, with a port if it is not \
             3478, for example \"stun.example.com\" or \"192.0.2.7:3479\""
        )),
    }
}

/// Who may come without an account.
pub(super) fn guests(text: &str) -> Result<Guests, String> {
    match text {
        "none" => Ok(Guests::None),
        "loopback" => Ok(Guests::Loopback),
        "private" => Ok(Guests::Private),
        other => Err(format!(
            "is {other:?}; allowed: \"loopback\", \"private\", \"none\""
        )),
    }
}

/// The domain part of an AOR.
pub(super) fn domain(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|_| {
        format!(
            "{text:?} is not a domain; allowed: a host name or an IP address, for example \
             \"example.com\""
        )
    })
}

/// A name for people, as it is shown.
pub(super) fn display_name(text: &str) -> Result<DisplayName, String> {
    DisplayName::clean(text)
        .ok_or_else(|| "has nothing to show; allowed: a name, or leave the key out".to_owned())
}

/// A digest HA1 of `N` bytes in hexadecimal.
pub(super) fn ha1<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || {
        format!(
            "is not a digest HA1; allowed: {} hexadecimal digits, as `callbox account add` writes \
             them",
            2 * N
        )
    };
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// A word in the User-Agent of scanners, in small letters. A short one would be in those of telephones.
pub(super) fn scanner_agent(text: &str) -> Result<String, String> {
    const LEAST: usize = 4;
    match text.trim() {
        word if word.len() >= LEAST => Ok(word.to_ascii_lowercase()),
        _ => Err(format!(
            "has {text:?} in its list; allowed: words of {LEAST} letters or more"
        )),
    }
}
