//! `Via` (RFC 3261 20.42, RFC 3581).

use std::net::IpAddr;
use std::str::FromStr;

use super::params::Params;
use super::syntax::{Malformed, ascii, cut, is_space, is_token, number, trim};
use super::{Header, WriteHeader};
use crate::message::HeaderName;
use crate::uri::Host;

/// Branches that RFC 3261 makes begin so (8.1.1.7).
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One hop that a message took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via<'a> {
    /// `2.0`; another one comes with a request of that version (505).
    pub version: &'a [u8],
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` or any other token, as it was written.
    pub transport: &'a [u8],
    /// Where the sender says that it is.
    pub host: Host,
    /// The port it says. `None`: the default one of the transport.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, `maddr`, `ttl` and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// The branch, if there is one and it is more than the magic cookie. A request without is
    /// matched as RFC 2543 did (17.2.3).
    pub fn branch(&self) -> Option<&'a [u8]> {
        let branch = self.params.value("branch")?;
        (branch != MAGIC_COOKIE).then_some(branch)
    }

    /// The branch names the transaction alone, since it begins with the magic cookie (17.2.3).
    pub fn has_rfc3261_branch(&self) -> bool {
        self.branch()
            .and_then(|branch| branch.get(..MAGIC_COOKIE.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
    }

    /// Where the next hop saw it come from (18.2.1). IPv6 addresses are taken with brackets and
    /// without (RFC 5118 4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = ascii(self.params.value("received")?).ok()?;
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        IpAddr::from_str(bare).ok()
    }

    /// `rport` (RFC 3581 3): `Some(None)` if the sender asks for it.
    pub fn rport(&self) -> Option<Option<u16>> {
        match self.params.get("rport")? {
            None => Some(None),
            Some(value) => {
                let port = number(value, u64::from(u16::MAX)).ok()?;
                Some(u16::try_from(port).ok())
            }
        }
    }

    /// `maddr` (18.1.1)
    pub fn maddr(&self) -> Option<Host> {
        Host::parse(ascii(self.params.value("maddr")?).ok()?).ok()
    }

    /// `ttl` (18.1.1)
    pub fn ttl(&self) -> Option<u8> {
        let ttl = number(self.params.value("ttl")?, u64::from(u8::MAX)).ok()?;
        u8::try_from(ttl).ok()
    }

    /// True if the transport is that one, in any case.
    pub fn is_transport(&self, name: &str) -> bool {
        self.transport.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl<'a> Via<'a> {
    /// Where to answer, though the parameters may be malformed: they are left out.
    pub(crate) fn read_loose(value: &'a [u8]) -> Result<Self, Malformed> {
        Self::read_parts(value).map(|(via, _)| via)
    }

    /// All but the parameters, which follow.
    fn read_parts(value: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        // sent-protocol: three parts at slashes, with white space around each (25.1).
        let (name, rest) = cut(value, b'/').ok_or(Malformed::Grammar)?;
        let (version, rest) = cut(rest, b'/').ok_or(Malformed::Grammar)?;
        let transport_len = rest
            .iter()
            .position(|byte| is_space(*byte))
            .ok_or(Malformed::Grammar)?;
        let (transport, rest) = rest.split_at(transport_len);
        if !name.eq_ignore_ascii_case(b"SIP") || !is_token(version) || !is_token(transport) {
            return Err(Malformed::Grammar);
        }
        let sent_by_len = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at(sent_by_len);
        let (host, port) = host_and_port(trim(sent_by))?;
        let via = Self {
            version,
            transport,
            host,
            port,
            params: Params::default(),
        };
        Ok((via, params))
    }
}

impl<'a> Header<'a> for Via<'a> {
    const NAME: HeaderName = HeaderName::Via;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let (mut via, params) = Self::read_parts(value)?;
        via.params = Params::read(params)?;
        // What decides where the answer goes has to be right.
        let broken = via.params.iter().any(|(name, _)| match name.len() {
            8 if name.eq_ignore_ascii_case(b"received") => via.received().is_none(),
            5 if name.eq_ignore_ascii_case(b"rport") => via.rport().is_none(),
            5 if name.eq_ignore_ascii_case(b"maddr") => via.maddr().is_none(),
            3 if name.eq_ignore_ascii_case(b"ttl") => via.ttl().is_none(),
            _ => false,
        });
        if broken {
            return Err(Malformed::Grammar);
        }
        Ok(via)
    }
}

impl WriteHeader for Via<'_> {
    const NAME: HeaderName = HeaderName::Via;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/");
        out.extend_from_slice(self.version);
        out.push(b'/');
        out.extend_from_slice(self.transport);
        out.push(b' ');
        out.extend_from_slice(self.host.to_string().as_bytes());
        if let Some(port) = self.port {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// `sent-by`: white space may stand around the colon. An IPv6 address stands in brackets; one
/// without them cannot be told from its port (RFC 5118 4.2).
fn host_and_port(text: &[u8]) -> Result<(Host, Option<u16>), Malformed> {
    let bracket = memchr::memchr(b']', text).map_or(0, |at| at + 1);
    let colon = memchr::memchr(b':', text.get(bracket..).unwrap_or_default());
    let (host, port) = match colon {
        Some(at) => {
            let (host, port) = text.split_at(bracket + at);
            let port = trim(port.get(1..).unwrap_or_default());
            let port = number(port, u64::from(u16::MAX))?;
            (trim(host), u16::try_from(port).ok())
        }
        None => (text, None),
    };
    Ok((Host::parse(ascii(host)?)?, port))
}
