//! `connection`: who wants in.

use std::fmt;

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::ids::{AuthToken, Password, WcsCallId};

/// The first message of a session. Sign-in by account, by guest name, or by the token of a kept
/// session.
#[derive(Clone, PartialEq)]
pub struct Connection {
    /// The application key; absent means `defaultApp`.
    pub app_key: SmolStr,
    /// Keep the session for a while if the socket drops.
    pub keep_alive: bool,
    /// Takes a kept session up again.
    pub auth_token: Option<AuthToken>,
    /// `2.0`, or the full number of older clients.
    pub client_version: Option<SmolStr>,
    /// The name to sign in with.
    pub sip_login: Option<SmolStr>,
    /// The name to authenticate with, if it is another one.
    pub sip_authentication_name: Option<SmolStr>,
    /// In clear text, as the SDK sends it.
    pub sip_password: Option<Password>,
    /// The domain of the account.
    pub sip_domain: Option<SmolStr>,
    /// Where an external SIP server is reached.
    pub sip_outbound_proxy: Option<SmolStr>,
    /// Likewise, by its older name.
    pub sip_proxy: Option<SmolStr>,
    /// Its port; the wire has strings and numbers.
    pub sip_port: Option<u16>,
    /// Absent counts as true (so do the SDK's own tests).
    pub register_required: bool,
    /// `custom.callbox.display_name`: the name to show to others, from our own page.
    pub display_name: Option<String>,
    /// `custom.callbox.calls`: calls whose media a page still holds after it lost its socket.
    pub held_calls: Vec<WcsCallId>,
    /// What `getUserData` gives back.
    pub echo: ConnectionEcho,
}

impl fmt::Debug for Connection {
    /// Without secrets, and without the application's own data, which may hold some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("app_key", &self.app_key)
            .field("keep_alive", &self.keep_alive)
            .field("auth_token", &self.auth_token)
            .field("client_version", &self.client_version)
            .field("sip_login", &self.sip_login)
            .field("sip_password", &self.sip_password)
            .field("sip_domain", &self.sip_domain)
            .field("register_required", &self.register_required)
            .finish_non_exhaustive()
    }
}

/// The connection object as received, without its secrets. The SDK replaces its own configuration
/// by what `getUserData` carries, so everything else goes back as it came.
#[derive(Clone, PartialEq, Default)]
pub struct ConnectionEcho(Map<String, Value>);

impl ConnectionEcho {
    /// Takes a received object and drops what must not be echoed: anything named a password, and
    /// the token (the current one is put in when it is sent).
    pub fn new(mut received: Map<String, Value>) -> Self {
        received.retain(|key, _| {
            let key = key.to_ascii_lowercase();
            !key.contains("password") && key != "authtoken"
        });
        Self(received)
    }

    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for ConnectionEcho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionEcho({} fields)", self.0.len())
    }
}
