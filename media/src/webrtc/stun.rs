//! STUN (RFC 8489) as an ICE-lite agent needs it: recognise a Binding request, read whose it
//! is, check it, answer it. Nothing is answered that was not authenticated first.

use std::net::SocketAddr;

use is::stun::StunMessage;
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const HEADER_LEN: usize = 20;
const USERNAME: u16 = 0x0006;

/// A browser's check holds some eight attributes.
const MAX_ATTRIBUTES: usize = 24;

/// A check fits the smallest path MTU that IPv4 hosts must take (RFC 8489 6.1).
const MAX_REQUEST_LEN: usize = 548;

/// Attributes that belong to responses. A request that carries them is not a browser's, and
/// the parser below would write a warning for each: an attacker could fill the log.
const RESPONSE_ONLY: [u16; 3] = [0x0001, 0x000a, 0x8023];

/// The local user name fragment a Binding request is addressed to: its USERNAME up to the
/// colon (RFC 8445 7.2.2). `None` for anything else, a malformed request among it.
pub fn addressed_to(datagram: &[u8]) -> Option<&str> {
    let (head, mut attributes) = datagram.split_at_checked(HEADER_LEN)?;
    if datagram.len() > MAX_REQUEST_LEN || !head.starts_with(&BINDING_REQUEST) {
        return None;
    }
    let mut username = None;
    for _ in 0..MAX_ATTRIBUTES {
        let Some((fixed, rest)) = attributes.split_first_chunk::<4>() else {
            break;
        };
        let [t0, t1, l0, l1] = *fixed;
        let kind = u16::from_be_bytes([t0, t1]);
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if RESPONSE_ONLY.contains(&kind) {
            return None;
        }
        if kind == USERNAME {
            username = Some(rest.get(..len)?);
        }
        attributes = rest.get(len.next_multiple_of(4)..)?;
    }
    if !attributes.is_empty() {
        return None;
    }
    let (local, _) = std::str::from_utf8(username?).ok()?.split_once(':')?;
    Some(local)
}

/// An authenticated Binding request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    message: StunMessage<'a>,
}

impl<'a> Request<'a> {
    /// Parses and authenticates with our own password (RFC 8445 7.3); `None` if either fails.
    pub(super) fn authenticate(datagram: &'a [u8], password: &str) -> Option<Self> {
        let message = StunMessage::parse(datagram).ok()?;
        let genuine = message.is_binding_request() && message.verify(password.as_bytes(), hmac);
        genuine.then_some(Self { message })
    }

    /// The far side's user name fragment.
    pub(super) fn remote_ufrag(&self) -> Option<&str> {
        self.message.split_username().map(|(_, remote)| remote)
    }

    /// The far side chose this pair (RFC 8445 8.1.1).
    pub(super) fn nominates(&self) -> bool {
        self.message.use_candidate()
    }

    /// The far side takes the controlled role, which is the lite agent's (RFC 8445 6.1.1).
    pub(super) fn claims_controlled(&self) -> bool {
        self.message.ice_controlled().is_some()
    }

    /// Writes the success response.
    pub(super) fn accept(
        &self,
        source: SocketAddr,
        password: &str,
        out: &mut [u8],
    ) -> Option<usize> {
        let reply = StunMessage::binding_reply(self.message.trans_id(), source);
        reply.to_bytes(Some(password.as_bytes()), out, hmac).ok()
    }

    /// Writes the 487 (Role Conflict) response.
    pub(super) fn refuse_role(&self, password: &str, out: &mut [u8]) -> Option<usize> {
        let reply = StunMessage::binding_role_conflict_reply(self.message.trans_id());
        reply.to_bytes(Some(password.as_bytes()), out, hmac).ok()
    }
}

fn hmac(key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
    DefaultSha1HmacProvider.sha1_hmac(key, payloads)
}
