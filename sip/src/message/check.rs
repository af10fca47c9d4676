//! What a UAS asks of a request before it looks at what it wants (RFC 3261 8.2).

use super::fault::Fault;
use super::method::Method;
use super::name::HeaderName;
use super::rejection::Rejection;
use super::status::Status;
use super::{Headers, Request, Response};
use crate::header::syntax::trim;
use crate::header::{Contact, Date, Header, Malformed, MaxForwards, NameAddr, Via};
use crate::header::{content, event, number, reason, refer, replaces};
use crate::uri::{Uri, UriError};

/// What we understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The methods that are served. The rest get 405, or 501 if nobody knows them.
    pub methods: Vec<Method>,
    /// Option tags that may be required (420 for the rest).
    pub extensions: Vec<String>,
    /// Bodies that are understood, as `type/subtype` (415 for the rest).
    pub content_types: Vec<String>,
    /// Bodies of any type are passed on in these methods (MESSAGE, INFO).
    pub any_content: Vec<Method>,
    /// Requests are passed on to somebody else: with no hop left they get 483 (16.3), and what
    /// they require of proxies is looked at.
    pub forwards: bool,
}

impl Capabilities {
    /// The Allow header.
    pub fn allow(&self) -> String {
        let names: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        names.join(", ")
    }

    /// The Accept header.
    pub fn accept(&self) -> String {
        self.content_types.join(", ")
    }
}

/// Asks everything that 8.2 asks, in its order: syntax (400), method (405, 501), scheme (416),
/// extensions (420), body (415), hops (483).
///
/// # Errors
/// The [`Rejection`] to answer with. An ACK is never answered, whatever this says.
pub fn check_request(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    let uri = check_syntax(request)?;
    check_method(request, we)?;
    check_scheme(request, &uri)?;
    check_extensions(request, we)?;
    check_content(request, we)?;
    check_accept(request, we)?;
    check_hops(request, we)
}

/// Whether a response is one for us.
///
/// # Errors
/// The [`Fault`] for which it is discarded: "If more than one Via header field value is present
/// in a response, the UAC SHOULD discard the message" (8.1.3.3).
pub fn check_response(response: &Response) -> Result<(), Fault> {
    match response.headers().values(HeaderName::Via).nth(1) {
        None => Ok(()),
        Some(_) => Err(Fault::ForeignVia),
    }
}

/// 8.2.1
fn check_method(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    let method = request.method();
    if we.methods.contains(method) {
        return Ok(());
    }
    let (status, reason) = match method {
        Method::Other(_) => (Status::NOT_IMPLEMENTED, "the method is not known here"),
        _ => (Status::METHOD_NOT_ALLOWED, "the method is not served here"),
    };
    Err(Rejection::new(status, reason).with(HeaderName::Allow, we.allow()))
}

/// 8.2.2.1; 10.2: the To of a REGISTER "MUST be a SIP URI or SIPS URI".
fn check_scheme(request: &Request, uri: &Uri) -> Result<(), Rejection> {
    if let Uri::Other(_) = uri {
        return Err(Rejection::new(
            Status::UNSUPPORTED_URI_SCHEME,
            "the scheme of the Request-URI is not known here",
        ));
    }
    let registers = *request.method() == Method::Register;
    if registers && !matches!(request.to().uri(), Ok(Uri::Sip(_))) {
        return Err(bad("To of a REGISTER is no SIP URI"));
    }
    Ok(())
}

/// 8.2.2.3: not asked of ACK and CANCEL.
fn check_extensions(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    if matches!(request.method(), Method::Ack | Method::Cancel) {
        return Ok(());
    }
    let headers = request.headers();
    let unknown = |name| {
        headers
            .values(name)
            .filter(|tag| {
                !we.extensions
                    .iter()
                    .any(|known| known.as_bytes().eq_ignore_ascii_case(tag))
            })
            .map(|tag| String::from_utf8_lossy(tag).into_owned())
            .collect::<Vec<_>>()
    };
    let mut unsupported = unknown(HeaderName::Require);
    if we.forwards && unsupported.is_empty() {
        unsupported = unknown(HeaderName::ProxyRequire);
    }
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Rejection::new(
        Status::BAD_EXTENSION,
        "an extension it requires is not known here",
    )
    .with(HeaderName::Unsupported, unsupported.join(", ")))
}

/// 8.2.3. A body that is marked as optional is none of our business.
fn check_content(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    if request.body().is_empty() || we.any_content.contains(request.method()) {
        return Ok(());
    }
    let headers = request.headers();
    let optional = headers
        .value(HeaderName::ContentDisposition)
        .is_some_and(|value| {
            content::Disposition::read(value).is_ok_and(|disposition| disposition.is_optional())
        });
    if optional {
        return Ok(());
    }
    let encoded = headers
        .values(HeaderName::ContentEncoding)
        .any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Rejection::new(
            Status::UNSUPPORTED_MEDIA_TYPE,
            "the body is encoded in a way not known here",
        )
        .with(HeaderName::AcceptEncoding, "identity"));
    }
    let refused = || {
        Rejection::new(
            Status::UNSUPPORTED_MEDIA_TYPE,
            "the type of the body is not known here",
        )
        .with(HeaderName::Accept, we.accept())
    };
    match headers.get::<content::ContentType<'_>>() {
        // 7.4.1 demands it wherever there is a body.
        Ok(None) => Err(Rejection::new(
            Status::BAD_REQUEST,
            "Content-Type is missing though there is a body",
        )),
        Err(_) => Err(refused()),
        Ok(Some(content)) => {
            let known = we.content_types.iter().any(|known| content.is(known));
            if known { Ok(()) } else { Err(refused()) }
        }
    }
}

/// 20.1, 21.4.7: whoever calls and takes none of the descriptions we could answer with.
fn check_accept(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    let headers = request.headers();
    if *request.method() != Method::Invite || !headers.has(HeaderName::Accept) {
        return Ok(());
    }
    let takes = |range: &[u8]| {
        let Ok(range) = content::ContentType::read(range) else {
            return false;
        };
        let any = |part: &[u8]| part == b"*";
        we.content_types.iter().any(|ours| {
            any(range.kind)
                || range.is(ours)
                || (any(range.subtype)
                    && ours
                        .as_bytes()
                        .get(..range.kind.len())
                        .is_some_and(|kind| kind.eq_ignore_ascii_case(range.kind)))
        })
    };
    if headers.values(HeaderName::Accept).any(takes) {
        return Ok(());
    }
    Err(Rejection::new(
        Status::NOT_ACCEPTABLE,
        "no type of body that we write is accepted",
    ))
}

/// 16.3
fn check_hops(request: &Request, we: &Capabilities) -> Result<(), Rejection> {
    let left = request.headers().get::<MaxForwards>();
    if we.forwards && left == Ok(Some(MaxForwards(0))) {
        return Err(Rejection::new(Status::TOO_MANY_HOPS, "no hop is left"));
    }
    Ok(())
}

/// Whether everything in it that we know is as the grammar says. What we do not know is nobody's
/// business but its reader's. Gives the Request-URI.
fn check_syntax(request: &Request) -> Result<Uri, Rejection> {
    let uri = request.uri().map_err(|error| {
        let reason = format!("the Request-URI is invalid: {error}");
        Rejection::new(Status::BAD_REQUEST, reason)
    })?;
    // "The headers ... MUST NOT be present in a Request-URI" (19.1.1)
    if matches!(&uri, Uri::Sip(uri) if uri.headers().next().is_some()) {
        return Err(bad("the Request-URI has headers in it"));
    }
    let headers = request.headers();
    for name in HeaderName::all().filter(|name| headers.has(*name)) {
        // Without a topmost Via that is right there would be no request.
        let known = usize::from(name == HeaderName::Via);
        for value in headers.values(name).skip(known) {
            check_value(name, value)
                .map_err(|error| Rejection::from(Fault::Header(name, error)))?;
        }
    }
    check_contacts(request.method(), headers)?;
    Ok(uri)
}

/// 10.2.2, 10.3: `*` stands alone, and only in a REGISTER that ends all bindings.
fn check_contacts(method: &Method, headers: Headers<'_>) -> Result<(), Rejection> {
    let star = headers.contacts().any(|it| it == Ok(Contact::Star));
    let count = headers.values(HeaderName::Contact).count();
    let ends_all = headers.get::<number::Expires>() == Ok(Some(number::Expires(0)));
    if star && (*method != Method::Register || count > 1 || !ends_all) {
        return Err(bad("Contact is * where it may not be"));
    }
    Ok(())
}

fn bad(reason: &'static str) -> Rejection {
    Rejection::new(Status::BAD_REQUEST, reason)
}

fn check_value(name: HeaderName, value: &[u8]) -> Result<(), Malformed> {
    use HeaderName as N;
    match name {
        N::Via => Via::read(value).map(drop),
        N::From
        | N::To
        | N::ReferTo
        | N::ReferredBy
        | N::ReplyTo
        | N::Route
        | N::RecordRoute
        | N::Path
        | N::ServiceRoute
        | N::PAssertedIdentity
        | N::PPreferredIdentity => check_addr(&NameAddr::read(value)?),
        N::Contact => match Contact::read(value)? {
            Contact::Star => Ok(()),
            Contact::Addr(addr) => {
                addr.expires_s()?;
                addr.q_thousandths()?;
                check_addr(&addr)
            }
        },
        N::MaxForwards => MaxForwards::read(value).map(drop),
        N::Expires => number::Expires::read(value).map(drop),
        N::MinExpires => number::MinExpires::read(value).map(drop),
        N::RSeq => number::RSeq::read(value).map(drop),
        N::SessionExpires => number::SessionExpires::read(value).map(drop),
        N::MinSe => number::MinSe::read(value).map(drop),
        N::RetryAfter => number::RetryAfter::read(value).map(drop),
        N::RAck => replaces::RAck::read(value).map(drop),
        N::Replaces => replaces::Replaces::read(value).map(drop),
        N::Event => event::Event::read(value).map(drop),
        N::SubscriptionState => event::SubscriptionState::read(value).map(drop),
        N::ReferSub => refer::ReferSub::read(value).map(drop),
        N::ContentType => content::ContentType::read(value).map(drop),
        N::Date => Date::read(value).map(drop),
        N::Reason => reason::Reason::read(value).map(drop),
        N::Require | N::ProxyRequire | N::Unsupported => check_token(value),
        N::Supported | N::Allow | N::AllowEvents if !trim(value).is_empty() => check_token(value),
        _ => Ok(()),
    }
}

/// The URI has to be one. Of a scheme that we do not know we ask no more (RFC 4475 3.3.3).
fn check_addr(addr: &NameAddr<'_>) -> Result<(), Malformed> {
    match addr.uri() {
        Ok(_) => Ok(()),
        Err(Malformed::Uri(UriError::Number)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn check_token(value: &[u8]) -> Result<(), Malformed> {
    if crate::header::syntax::is_token(value) {
        Ok(())
    } else {
        Err(Malformed::Grammar)
    }
}
