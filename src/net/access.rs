//! Who may talk to the HTTP ports: the Host rule against DNS rebinding, the Origin rule against
//! foreign pages, and whether a request truly comes from this machine.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::config::Access;

/// Headers by which proxies tell that they stand between. Seen from a peer that is not a
/// trusted proxy, any of them means that the person is somewhere else.
const FORWARDING: [&str; 8] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-client-ip",
    "cf-connecting-ip",
    "via",
];

/// Tells whether a certificate is valid for a name.
type NameTest = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The rules in force.
pub struct Rules {
    access: Access,
    own_names: Vec<String>,
    certificate_names: NameTest,
}

/// Who asks, as far as it can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The far address of the socket, or what a trusted proxy says it is.
    pub address: SocketAddr,
    /// The person sits on this machine.
    pub local: bool,
}

/// Why a request is refused with 403 (a missing or doubled header with 400).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not exactly one readable `Host`.
    #[error("the request has no usable Host header")]
    NoHost,
    /// A name that nobody gave this server.
    #[error(
        "this server is not known as {0:?}: if it should be, add the name to http.allowed_hosts in config.toml"
    )]
    Host(String),
    /// A page from elsewhere.
    #[error(
        "pages from {0:?} may not connect: to allow them, add it to http.allowed_origins in config.toml"
    )]
    Origin(String),
}

impl Rules {
    /// Rules out of the configuration; `own_names` are those of the machine,
    /// `certificate_names` tells whether a configured certificate is valid for a name.
    pub fn new(
        access: Access,
        own_names: Vec<String>,
        certificate_names: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            access,
            own_names,
            certificate_names: Box::new(certificate_names),
        }
    }

    /// True if the peer is a proxy whose word counts.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.access
            .trusted_proxies
            .iter()
            .any(|network| network.contains(address))
    }

    /// Judges a request by its headers and the far address of its socket.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn judge(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<Caller, Refusal> {
        let host = single(headers, &header::HOST)?.ok_or(Refusal::NoHost)?;
        let host = Authority::parse(&host).ok_or(Refusal::NoHost)?;
        let host_is_loopback = host.is_loopback();
        if !(host_is_loopback || host.is_ip() || self.knows_name(&host.name)) {
            return Err(Refusal::Host(host.name));
        }
        let origin = single(headers, &header::ORIGIN)?;
        let origin_is_loopback = match &origin {
            None => true,
            Some(origin) => match Origin::parse(origin) {
                Some(parsed) if parsed.authority.is_loopback() => true,
                Some(parsed) if parsed.is_same_place(&host) => false,
                _ if self.allows_origin(origin) => false,
                _ => return Err(Refusal::Origin(shorten(origin))),
            },
        };
        let forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
        let trusted = self.is_trusted_proxy(peer.ip());
        let address = if forwarded && trusted {
            self.client_of(headers, peer)
        } else {
            peer
        };
        // A name other than loopback ones, in Host or Origin, tells of a proxy that keeps silent.
        let local = peer.ip().to_canonical().is_loopback()
            && !forwarded
            && host_is_loopback
            && origin_is_loopback;
        Ok(Caller { address, local })
    }

    fn knows_name(&self, name: &str) -> bool {
        self.own_names.iter().any(|own| own == name)
            || self
                .access
                .allowed_hosts
                .iter()
                .any(|allowed| allowed == name)
            || (self.certificate_names)(name)
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let allowed = &self.access.allowed_origins;
        allowed
            .iter()
            .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    /// The rightmost address of `X-Forwarded-For` that is not itself a trusted proxy: what is
    /// left of it was written by people we do not know.
    fn client_of(&self, headers: &HeaderMap, peer: SocketAddr) -> SocketAddr {
        let values = headers.get_all("x-forwarded-for");
        let joined: Vec<&str> = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let joined = joined.join(",");
        for entry in joined.rsplit(',').map(str::trim) {
            let Some(address) = parse_forwarded(entry) else {
                break;
            };
            if !self.is_trusted_proxy(address) {
                return SocketAddr::new(address, 0);
            }
        }
        peer
    }
}

impl Refusal {
    /// The HTTP status that says it.
    pub fn status(&self) -> axum::http::StatusCode {
        match self {
            Self::NoHost => axum::http::StatusCode::BAD_REQUEST,
            Self::Host(_) | Self::Origin(_) => axum::http::StatusCode::FORBIDDEN,
        }
    }
}

/// Host and port as `Host` and `Origin` carry them.
#[derive(Debug, PartialEq, Eq)]
struct Authority {
    /// In lower case, without brackets and without the dot of an absolute name.
    name: String,
    port: Option<u16>,
}

impl Authority {
    fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest.split_once(']')?;
                name.parse::<std::net::Ipv6Addr>().ok()?;
                (
                    name,
                    rest.strip_prefix(':').or(rest.is_empty().then_some("")),
                )
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, Some("")),
            },
        };
        let port = match port? {
            "" => None,
            digits => Some(digits.parse().ok()?),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        (!name.is_empty()).then_some(Self { name, port })
    }

    fn is_ip(&self) -> bool {
        self.name.parse::<IpAddr>().is_ok()
    }

    fn is_loopback(&self) -> bool {
        match self.name.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => self.name == "localhost" || self.name.ends_with(".localhost"),
        }
    }
}

/// A serialised origin (RFC 6454 6.2).
struct Origin {
    default_port: Option<u16>,
    authority: Authority,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            // A browser extension or an app has a name of its own, not a place in the network.
            _ => return None,
        };
        Some(Self {
            default_port,
            authority: Authority::parse(rest)?,
        })
    }

    fn is_same_place(&self, host: &Authority) -> bool {
        let port = |authority: &Authority| authority.port.or(self.default_port);
        self.authority.name == host.name && port(&self.authority) == port(host)
    }
}

/// The one value of a header, or none; several or unreadable ones are refused.
fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(|value| value.to_str()), second) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value.to_owned())),
        _ if *name == header::ORIGIN => Err(Refusal::Origin("several origins".to_owned())),
        _ => Err(Refusal::NoHost),
    }
}

/// An entry of `X-Forwarded-For`: an address, perhaps with a port.
fn parse_forwarded(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(ip, _)| ip);
    let bare = bare.unwrap_or(entry);
    let parsed = bare
        .parse()
        .ok()
        .or_else(|| Some(bare.parse::<SocketAddr>().ok()?.ip()));
    parsed.map(|address| address.to_canonical())
}

/// What a peer sent is not repeated at length in logs.
fn shorten(text: &str) -> String {
    text.chars().take(128).collect()
}

#[cfg(test)]
mod tests;
