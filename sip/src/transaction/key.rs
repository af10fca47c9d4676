//! By what messages find their transaction (RFC 3261 17.1.3, 17.2.3, 8.2.2.2). Never by an
//! address or port that they came from: those are used again.

use bytes::Bytes;

use crate::header::Via;
use crate::message::{Method, Request, Response};
use crate::uri::Host;

/// What a transaction is found by: parts of a message, each with its length before it, so that no
/// two lists of parts look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Bytes);

/// Kinds of keys, which never meet.
#[derive(Clone, Copy)]
enum Kind {
    Client = 1,
    Server = 2,
    /// Of requests whose branch is not of RFC 3261.
    Old = 3,
    Merge = 4,
}

impl Key {
    /// That of a request of ours with a method: a CANCEL has the branch of its INVITE.
    pub(super) fn of_client(via: &Via<'_>, method: &Method) -> Self {
        let mut parts = Parts::new(Kind::Client);
        parts.branch(via);
        parts.add(method.as_str().as_bytes());
        parts.finish()
    }

    /// That of the request which a response answers (17.1.3).
    pub(super) fn of_response(response: &Response) -> Self {
        Self::of_client(&response.via(), response.method())
    }

    /// That of a request to us (17.2.3). An ACK has that of its INVITE.
    pub(super) fn of_server(request: &Request) -> Self {
        let method = match request.method() {
            Method::Ack => &Method::Invite,
            method => method,
        };
        let mut parts = Self::any_method(request);
        parts.add(method.as_str().as_bytes());
        parts.finish()
    }

    /// What the keys of all requests begin with that a CANCEL can mean: "assuming the request
    /// method is anything but CANCEL or ACK" (9.2).
    pub(super) fn of_cancelled(cancel: &Request) -> Self {
        Self::any_method(cancel).finish()
    }

    /// True if it begins with that one.
    pub(super) fn begins_with(&self, start: &Self) -> bool {
        self.0.starts_with(&start.0)
    }

    /// What two requests have in common that are one, forked on its way to us (8.2.2.2). `None`
    /// for a request within a dialog, and for one without a tag in From, of whose like there may
    /// be many.
    pub(super) fn of_merged(request: &Request) -> Option<Self> {
        if request.to_tag().is_some() {
            return None;
        }
        let mut parts = Parts::new(Kind::Merge);
        parts.add(request.call_id());
        parts.add(request.from_tag()?);
        parts.add(&request.cseq().to_be_bytes());
        parts.add(request.method().as_str().as_bytes());
        Some(parts.finish())
    }

    fn any_method(request: &Request) -> Parts {
        let via = request.via();
        if via.has_rfc3261_branch() {
            let mut parts = Parts::new(Kind::Server);
            parts.branch(&via);
            parts.sent_by(&via);
            return parts;
        }
        // "the Request-URI, To tag, From tag, Call-ID, CSeq, and top Via header field" (17.2.3).
        // Not the tag of To: an ACK has that of the response, which the INVITE lacks.
        let mut parts = Parts::new(Kind::Old);
        parts.add(request.call_id());
        parts.add(&request.cseq().to_be_bytes());
        parts.add(request.from_tag().unwrap_or_default());
        parts.add(request.raw_uri());
        parts.sent_by(&via);
        parts.add(via.transport);
        parts.add(via.params.as_bytes());
        parts
    }
}

struct Parts(Vec<u8>);

impl Parts {
    fn new(kind: Kind) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(kind as u8);
        Self(bytes)
    }

    fn add(&mut self, part: &[u8]) {
        // Messages are shorter than 4 GiB.
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(part);
    }

    /// Parameters are compared without regard to case (7.3.1).
    fn branch(&mut self, via: &Via<'_>) {
        let branch = via.branch().unwrap_or_default();
        self.add(branch);
        let start = self.0.len().saturating_sub(branch.len());
        if let Some(added) = self.0.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    }

    /// "the sent-by value in the top Via" (17.2.3): two clients may have chosen the same branch.
    fn sent_by(&mut self, via: &Via<'_>) {
        // The kind tells an address from a name of the same bytes.
        let kind = match &via.host {
            Host::Name(name) => {
                self.add(name.as_bytes());
                0
            }
            Host::V4(address) => {
                self.add(&address.octets());
                4
            }
            Host::V6(address) => {
                self.add(&address.octets());
                6
            }
        };
        let [high, low] = via.port.unwrap_or(0).to_be_bytes();
        self.add(&[kind, high, low]);
    }

    fn finish(self) -> Key {
        Key(Bytes::copy_from_slice(&self.0))
    }
}
