//! Dialogs (RFC 3261 12): the relation of two user agents, told by Call-ID and both tags.
//!
//! A [`Dialog`] numbers our requests, judges the numbers of the far side's, and knows the way to
//! it: the remote target and the route set. It holds no transaction and no timer.

mod route;
#[cfg(test)]
mod tests;

use std::fmt;

use smol_str::SmolStr;
use thiserror::Error;

pub use self::route::RouteSet;

use crate::header::{Contact, NameAddr};
use crate::message::{HeaderName, Method, Rejection, Request, RequestBuilder, Response, Status};

/// Hops that a request of ours may take (RFC 3261 8.1.1.6).
pub const MAX_FORWARDS: u8 = 70;

/// What a dialog is known by (RFC 3261 12), as we see it: the far side's has the tags the other
/// way round.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: SmolStr,
    /// Our tag.
    pub local_tag: SmolStr,
    /// The far side's tag. Empty where an old one has none (RFC 3261 12.1.1, RFC 2543).
    pub remote_tag: SmolStr,
}

/// Who sent the request that made the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// We did.
    Uac,
    /// The far side did.
    Uas,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Made by a provisional response: it goes if the final response fails.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// Why no dialog comes of two messages. The fault is the far side's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DialogError {
    /// A response without a tag in To makes none.
    #[error("the response has no tag in To")]
    NoTag,
    /// Nothing says where requests within the dialog would go.
    #[error("the message has no usable Contact")]
    NoContact,
    /// A tag, Call-ID or route that is no text.
    #[error("a tag, the Call-ID or a route is malformed")]
    Malformed,
}

/// See the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Dialog {
    id: DialogId,
    role: Role,
    stage: Stage,
    /// Our value of From or To, tag and all.
    local: Box<[u8]>,
    /// The far side's.
    remote: Box<[u8]>,
    /// The far side's Contact URI.
    target: Box<[u8]>,
    routes: RouteSet,
    /// The number of our latest request.
    local_cseq: u32,
    /// The number of the far side's latest request; `None` before its first.
    remote_cseq: Option<u32>,
}

impl DialogId {
    /// That of the dialog which a request within one names, as its receiver.
    pub fn of_request(request: &Request) -> Option<Self> {
        let from_tag = request.from_tag().unwrap_or_default();
        Self::new(request.call_id(), request.to_tag()?, from_tag)
    }

    /// That of the dialog which a response names, as the sender of the request.
    pub fn of_response(response: &Response) -> Option<Self> {
        let to_tag = response.to_tag().unwrap_or_default();
        Self::new(response.call_id(), response.from_tag()?, to_tag)
    }

    fn new(call_id: &[u8], local_tag: &[u8], remote_tag: &[u8]) -> Option<Self> {
        let text = |bytes| std::str::from_utf8(bytes).ok().map(SmolStr::new);
        Some(Self {
            call_id: text(call_id)?,
            local_tag: text(local_tag)?,
            remote_tag: text(remote_tag)?,
        })
    }
}

impl Dialog {
    /// The UAC's side (12.1.2): from the number of the request and a 1xx with a tag, or a 2xx.
    ///
    /// # Errors
    /// [`DialogError`]
    pub fn of_response(request_cseq: u32, response: &Response) -> Result<Self, DialogError> {
        let confirmed = response.status().is_success();
        if response.to_tag().is_none() && !confirmed {
            return Err(DialogError::NoTag);
        }
        Ok(Self {
            id: DialogId::of_response(response).ok_or(DialogError::Malformed)?,
            role: Role::Uac,
            stage: stage(confirmed),
            local: written(&response.from()),
            remote: written(&response.to()),
            target: contact(response.headers().contacts().next()).ok_or(DialogError::NoContact)?,
            routes: RouteSet::of_response(response).ok_or(DialogError::Malformed)?,
            local_cseq: request_cseq,
            remote_cseq: None,
        })
    }

    /// The UAS's side (12.1.1): from the request as it arrived and the 101 to 2xx it is answered
    /// with, which has our tag.
    ///
    /// # Errors
    /// [`DialogError`]
    pub fn of_request(request: &Request, response: &Response) -> Result<Self, DialogError> {
        let tag = response.to_tag().ok_or(DialogError::NoTag)?;
        let from_tag = request.from_tag().unwrap_or_default();
        Ok(Self {
            id: DialogId::new(request.call_id(), tag, from_tag).ok_or(DialogError::Malformed)?,
            role: Role::Uas,
            stage: stage(response.status().is_success()),
            local: written(&response.to()),
            remote: written(&request.from()),
            target: contact(request.headers().contacts().next()).ok_or(DialogError::NoContact)?,
            routes: RouteSet::of_request(request).ok_or(DialogError::Malformed)?,
            local_cseq: 0,
            remote_cseq: Some(request.cseq()),
        })
    }

    /// Its name.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Who made it.
    pub fn role(&self) -> Role {
        self.role
    }

    /// How far it came.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The far side's Contact URI, as it was written.
    pub fn remote_target(&self) -> &[u8] {
        &self.target
    }

    /// The URI whose host is the next hop (8.1.2): that of the first route, or the remote target.
    pub fn next_hop(&self) -> &[u8] {
        self.routes.first().unwrap_or(&self.target)
    }

    /// The number of our latest request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// As UAS, our 2xx goes out.
    pub fn confirm(&mut self) {
        self.stage = Stage::Confirmed;
    }

    /// As UAC, a response arrived that belongs to it. A 2xx confirms it and says the way anew:
    /// "the route set of the dialog MUST be recomputed based on the 2xx response" (13.2.2.4).
    ///
    /// # Errors
    /// [`DialogError`]; nothing has changed then.
    pub fn handle_response(&mut self, response: &Response) -> Result<(), DialogError> {
        let target = contact(response.headers().contacts().next());
        if self.stage == Stage::Early && response.status().is_success() {
            let target = target.ok_or(DialogError::NoContact)?;
            self.routes = RouteSet::of_response(response).ok_or(DialogError::Malformed)?;
            self.target = target;
            self.stage = Stage::Confirmed;
        } else if refreshes_target(response.method())
            && response.status().is_success()
            && let Some(target) = target
        {
            // 12.2.1.2
            self.target = target;
        }
        Ok(())
    }

    /// Judges the number of a request of the far side and follows its Contact, if it has one and
    /// the method says so (12.2.2). ACK and CANCEL have the number of their INVITE.
    ///
    /// # Errors
    /// 500 for a number that is not above the last.
    pub fn handle_request(&mut self, request: &Request) -> Result<(), Rejection> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.remote_cseq.is_some_and(|last| request.cseq() <= last) {
            return Err(Rejection::new(
                Status::SERVER_INTERNAL_ERROR,
                "the number in CSeq is not above that of an earlier request",
            ));
        }
        self.remote_cseq = Some(request.cseq());
        if refreshes_target(request.method())
            && let Some(target) = contact(request.headers().contacts().next())
        {
            self.target = target;
        }
        Ok(())
    }

    /// The next request within the dialog (12.2.1.1). It lacks Via, and whatever the method wants
    /// beside the headers that all have.
    pub fn request(&mut self, method: Method) -> RequestBuilder {
        self.local_cseq = self.local_cseq.wrapping_add(1).max(1);
        self.numbered(method, self.local_cseq)
    }

    /// The ACK of a 2xx to our INVITE of that number (13.2.2.4). It lacks Via.
    pub fn ack(&self, invite_cseq: u32) -> RequestBuilder {
        self.numbered(Method::Ack, invite_cseq)
    }

    fn numbered(&self, method: Method, cseq: u32) -> RequestBuilder {
        let (uri, routes) = self.routes.way_to(&self.target);
        let mut builder = RequestBuilder::with_raw_uri(method, uri);
        for route in routes {
            builder = builder.value(HeaderName::Route, route);
        }
        builder
            .max_forwards(MAX_FORWARDS)
            .value(HeaderName::From, &self.local)
            .value(HeaderName::To, &self.remote)
            .call_id(&self.id.call_id)
            .cseq(cseq)
    }
}

/// Requests whose Contact, and that of their 2xx, is where the next request goes (RFC 3261 12.2,
/// RFC 3311 5.1, RFC 3515 2.4.1, RFC 6665 4.4.1).
fn refreshes_target(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer
    )
}

fn stage(confirmed: bool) -> Stage {
    match confirmed {
        true => Stage::Confirmed,
        false => Stage::Early,
    }
}

fn written(addr: &NameAddr<'_>) -> Box<[u8]> {
    let mut value = Vec::new();
    addr.write(&mut value);
    value.into()
}

fn contact<E>(first: Option<Result<Contact<'_>, E>>) -> Option<Box<[u8]>> {
    let contact = first?.ok()?;
    Some(contact.addr()?.raw_uri().into())
}

/// No names and no addresses: what a log may hold.
impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialog")
            .field("role", &self.role)
            .field("stage", &self.stage)
            .field("local_cseq", &self.local_cseq)
            .field("remote_cseq", &self.remote_cseq)
            .finish_non_exhaustive()
    }
}
