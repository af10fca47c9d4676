//! What a URI says about where it leads (RFC 3263 4).

use thiserror::Error;

use crate::flow::Transport;
use crate::uri::{Host, SipUri};

/// Where a request shall go, before any query. For a response whose flow is gone it is what the
/// topmost Via says (RFC 3263 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A `sips` URI: nothing but TLS will do.
    pub secure: bool,
    /// What is looked up, and what a certificate has to be for.
    pub host: Host,
    /// The port, if it is said.
    pub port: Option<u16>,
    /// The transport, if it is said.
    pub transport: Option<Transport>,
}

/// Why a URI leads nowhere. The fault is its writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// A transport that is not known here.
    #[error("the transport of the URI is unknown")]
    Transport,
    /// `sips` over a transport that has no TLS.
    #[error("the URI is a sips URI, but its transport has no TLS")]
    Insecure,
    /// Port 0.
    #[error("the port of the URI is zero")]
    Port,
}

impl Destination {
    /// Where a URI leads. `maddr` is passed over, which RFC 3263 4 would look up instead of the
    /// host: it let whoever writes a URI send our requests to one place under the name, and the
    /// certificate, of another.
    ///
    /// # Errors
    /// [`DestinationError`]
    pub fn of(uri: &SipUri) -> Result<Self, DestinationError> {
        let secure = uri.is_secure();
        if uri.port() == Some(0) {
            return Err(DestinationError::Port);
        }
        let transport = match uri.param("transport") {
            None => None,
            Some(name) => Some(transport_of(name.unwrap_or_default(), secure)?),
        };
        Ok(Self {
            secure,
            host: uri.host().clone(),
            port: uri.port(),
            transport,
        })
    }
}

/// In a `sips` URI, `tcp` and `ws` mean what runs below TLS (RFC 3261 26.2.2, RFC 5630 3.1.3).
fn transport_of(name: &str, secure: bool) -> Result<Transport, DestinationError> {
    match (&*name.to_ascii_lowercase(), secure) {
        ("udp", false) => Ok(Transport::Udp),
        ("udp", true) => Err(DestinationError::Insecure),
        ("tcp", false) => Ok(Transport::Tcp),
        ("tcp", true) | ("tls", _) => Ok(Transport::Tls),
        ("ws", false) => Ok(Transport::Ws),
        ("ws", true) | ("wss", _) => Ok(Transport::Wss),
        _ => Err(DestinationError::Transport),
    }
}
