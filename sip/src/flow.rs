//! Flows (RFC 5626 3): one transport path to a peer.

use std::fmt;

/// Names a flow for its life. Never an address and port: those are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow-{}", self.0)
    }
}

/// What carries messages on a flow (RFC 3261 18, RFC 7118).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream over TLS.
    Tls,
    /// WebSocket messages.
    Ws,
    /// WebSocket messages over TLS.
    Wss,
}

impl Transport {
    /// As Via writes it (RFC 3261 20.42, RFC 7118 5.2).
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As the `transport` parameter of a URI writes it. TLS and WSS are told by the scheme `sips`
    /// or, where phones want `sip`, by this (RFC 3261 26.2.2, RFC 7118 5.2).
    pub fn uri_name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws | Self::Wss => "ws",
        }
    }

    /// True if it repeats what is lost by itself: transactions need not (17.1.1.1).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// True if nobody on the way reads along.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }
}
