//! The messages that the layer makes by itself.

use std::fmt::Write;

use bytes::Bytes;

use crate::dialog::MAX_FORWARDS;
use crate::message::{
    HeaderName, Method, Request, RequestBuilder, Response, ResponseBuilder, Status,
};

/// When to come again after a 503, in seconds.
const RETRY_AFTER_S: &str = "5";

/// The ACK of a final response other than 2xx (17.1.1.3).
pub(super) fn ack(invite: &Request, response: &Response) -> Option<Bytes> {
    let builder = follower(Method::Ack, invite).copy_to(response);
    Some(builder.build().ok()?.as_bytes().clone())
}

/// The CANCEL of an INVITE (9.1). A reason that would break out of its line is left out.
pub(super) fn cancel(invite: &Request, reason: Option<&str>) -> Option<Request> {
    let plain = follower(Method::Cancel, invite).copy(invite, HeaderName::To);
    let reasoned = reason.map(|reason| plain.clone().value(HeaderName::Reason, reason).build());
    match reasoned {
        Some(Ok(cancel)) => Some(cancel),
        _ => plain.build().ok(),
    }
}

/// What ACK and CANCEL have of their INVITE: the same branch among it.
fn follower(method: Method, invite: &Request) -> RequestBuilder {
    RequestBuilder::with_raw_uri(method, invite.raw_uri())
        .copy_top_via(invite)
        .copy(invite, HeaderName::Route)
        .max_forwards(MAX_FORWARDS)
        .copy(invite, HeaderName::From)
        .call_id(invite.call_id())
        .cseq(invite.cseq())
}

/// 100 Trying (8.2.6.1)
pub(super) fn trying(request: &Request) -> Bytes {
    ResponseBuilder::new(request, Status::TRYING)
        .into_bytes()
        .freeze()
}

/// A final response. `tag` goes to To if that has none.
pub(super) fn answer(request: &Request, status: Status, tag: &str) -> Bytes {
    let mut builder = ResponseBuilder::new(request, status).to_tag(tag);
    if status == Status::SERVICE_UNAVAILABLE {
        builder = builder.value(HeaderName::RetryAfter, RETRY_AFTER_S);
    }
    builder.into_bytes().freeze()
}

/// A tag for To that a repeated request gets again, without anything kept: "in a manner that will
/// generate the same tag for the same request consistently" (8.2.7). It names no dialog, so it
/// need not be unguessable.
pub fn tag_for(request: &Request) -> String {
    // FNV-1a, 64 bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let parts = [
        request.call_id(),
        request.from_tag().unwrap_or_default(),
        request.branch().unwrap_or_default(),
        &request.cseq().to_be_bytes(),
    ];
    for byte in parts.into_iter().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut tag = String::with_capacity(16);
    let _ = write!(tag, "{hash:016x}");
    tag
}
