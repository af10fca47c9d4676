//! Transfers: REFER (RFC 3515, 7647) with Referred-By (RFC 3892) and Replaces (RFC 3891), with or
//! without a subscription (RFC 4488).
//!
//! [`Refer`] reads a REFER, and [`Referral`] tells its sender what became of it. [`ReferTo`]
//! writes one of ours, and [`Transfer`] hears what became of that.

mod notifier;
mod replaced;
mod sipfrag;
mod subscriber;
#[cfg(test)]
mod tests;

pub use self::notifier::{REFER, Referral};
pub use self::replaced::Replaced;
pub use self::sipfrag::{read_sipfrag, write_sipfrag};
pub use self::subscriber::{News, Outcome, Transfer};

use smol_str::SmolStr;

use super::bad;
use crate::header::{NameAddr, ReferSub};
use crate::message::{HeaderName, Rejection, Request, RequestBuilder, ResponseBuilder, Status};
use crate::uri::{SipUri, Uri, escape_header, unescape};

/// What a REFER asks for: to call somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refer {
    /// Whom: fit to be a Request-URI. Where else than to somebody the sender may call is for the
    /// owner to refuse.
    pub target: Uri,
    /// The call that the new one takes the place of, as the one to be called knows it: an
    /// attended transfer.
    pub replaces: Option<Replaced>,
    /// Referred-By as it was written, for the new INVITE.
    pub referred_by: Option<SmolStr>,
    /// The sender wants to hear what becomes of it.
    pub subscribes: bool,
    /// CSeq of the REFER: the id of its subscription (RFC 3515 2.4.6).
    pub id: u32,
}

/// What we ask of somebody by a REFER.
#[derive(Debug, Clone, Copy)]
pub struct ReferTo<'a> {
    /// Whom to call.
    pub target: &'a Uri,
    /// The call that the new one shall take the place of. Only a SIP URI can carry it.
    pub replaces: Option<&'a Replaced>,
    /// Who asks for it.
    pub referred_by: Option<&'a Uri>,
    /// We want to hear what becomes of it.
    pub subscribe: bool,
}

impl Refer {
    /// Reads it.
    ///
    /// # Errors
    /// 400 for what is malformed, 403 for anything but a call, 416 for a scheme that cannot be
    /// called.
    pub fn read(request: &Request) -> Result<Self, Rejection> {
        let headers = request.headers();
        // "A REFER request MUST contain exactly one Refer-To" (2.1); two are a fault of parsing.
        let refer_to = headers
            .addr(HeaderName::ReferTo)
            .map_err(|_| bad("Refer-To is malformed"))?
            .ok_or_else(|| bad("Refer-To is missing"))?;
        let (target, replaces) = match refer_to.uri() {
            Ok(Uri::Sip(uri)) => {
                check_method(&uri)?;
                (Uri::Sip(uri.to_request_uri()), read_replaces(&uri)?)
            }
            Ok(uri @ Uri::Tel(_)) => (uri, None),
            Ok(Uri::Other(_)) => {
                return Err(Rejection::new(
                    Status::UNSUPPORTED_URI_SCHEME,
                    "the scheme of Refer-To cannot be called",
                ));
            }
            Err(_) => return Err(bad("Refer-To is no URI")),
        };
        let referred_by = headers.value(HeaderName::ReferredBy);
        let subscribes = headers
            .get::<ReferSub>()
            .map_err(|_| bad("Refer-Sub is malformed"))?
            .is_none_or(|refer_sub| refer_sub.0);
        Ok(Self {
            target,
            replaces,
            referred_by: referred_by.map(read_referred_by).transpose()?,
            subscribes,
            id: request.cseq(),
        })
    }

    /// Adds to its 2xx that there is no subscription, if it asked for none (RFC 4488 4).
    #[must_use]
    pub fn write(&self, builder: ResponseBuilder) -> ResponseBuilder {
        match self.subscribes {
            true => builder,
            false => builder.header(&ReferSub(false)),
        }
    }
}

impl ReferTo<'_> {
    /// Adds its headers to a REFER, which the owner gives Via and Contact.
    #[must_use]
    pub fn write(&self, builder: RequestBuilder) -> RequestBuilder {
        let uri = match (self.target, self.replaces) {
            (Uri::Sip(uri), replaces) => {
                let uri = uri.to_request_uri();
                match replaces {
                    None => uri.to_string(),
                    Some(replaces) => {
                        format!("{uri}?Replaces={}", escape_header(&replaces.value()))
                    }
                }
            }
            (other, _) => other.as_str().to_owned(),
        };
        let mut builder = builder.value(HeaderName::ReferTo, format!("<{uri}>"));
        if let Some(referred_by) = self.referred_by {
            builder = builder.value(HeaderName::ReferredBy, format!("<{referred_by}>"));
        }
        match self.subscribe {
            true => builder,
            // RFC 4488 4; who does not know it subscribes us all the same.
            false => builder.header(&ReferSub(false)),
        }
    }
}

/// A REFER could ask for any request (RFC 3515 2.1); here it is served for calls.
fn check_method(uri: &SipUri) -> Result<(), Rejection> {
    match uri.param("method") {
        None => Ok(()),
        Some(Some(method)) if &*unescape(method) == b"INVITE" => Ok(()),
        Some(_) => Err(Rejection::new(
            Status::FORBIDDEN,
            "a REFER is served for calls only",
        )),
    }
}

/// Of all the headers that a Refer-To can hold only Replaces is followed: the rest would let the
/// sender write messages in our name (RFC 3261 19.1.5).
fn read_replaces(uri: &SipUri) -> Result<Option<Replaced>, Rejection> {
    let mut values = uri
        .headers()
        .filter(|(name, _)| unescape(name).eq_ignore_ascii_case(b"Replaces"))
        .map(|(_, value)| unescape(value));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (Replaced::read(&value), values.next()) {
        (Some(replaced), None) => Ok(Some(replaced)),
        _ => Err(bad("Replaces in Refer-To is malformed or comes twice")),
    }
}

fn read_referred_by(value: &[u8]) -> Result<SmolStr, Rejection> {
    let malformed = || bad("Referred-By is malformed");
    NameAddr::read(value)
        .and_then(|addr| addr.uri())
        .map_err(|_| malformed())?;
    let text = std::str::from_utf8(value).map_err(|_| malformed())?;
    Ok(SmolStr::new(text))
}
