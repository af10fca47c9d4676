//! `sip:` and `sips:` (RFC 3261 19.1).

use std::fmt;
use std::ops::Range;

use memchr::memchr;
use smol_str::{SmolStr, format_smolstr};

use super::escape::{HEADER_UNRESERVED, consists_of, escape_user, is_user, same};
use super::{Host, MAX_URI_FIELDS, Uri, UriError};

/// `param-unreserved` of RFC 3261 25.1.
const PARAM_UNRESERVED: &[u8] = b"[]/:&+$";
/// `password` of RFC 3261 25.1.
const PASSWORD_UNRESERVED: &[u8] = b"&=+$,";

/// A SIP or SIPS URI. `==` compares the text; [`equivalent`](SipUri::equivalent) what it means.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri {
    raw: SmolStr,
    host: Host,
    port: Option<u16>,
    user: Option<Span>,
    password: Option<Span>,
    /// What follows the first `;` after the host, without it.
    params: Span,
    /// What follows the `?`, without it.
    headers: Span,
}

/// A part of the text. URIs have at most [`super::MAX_URI_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Span {
    start: u16,
    end: u16,
}

impl SipUri {
    /// Writes `sip:user@host`, the user given plainly: what has to be escaped is escaped.
    pub fn new(user: &str, host: &Host, port: Option<u16>) -> Result<Self, UriError> {
        let port = port.map_or_else(SmolStr::default, |port| format_smolstr!(":{port}"));
        match Uri::parse(&format!("sip:{}@{host}{port}", escape_user(user)))? {
            Uri::Sip(uri) => Ok(uri),
            Uri::Tel(_) | Uri::Other(_) => Err(UriError::Scheme),
        }
    }

    /// Reads a text of which [`Uri::parse`] has checked length, characters and scheme.
    pub(super) fn read(text: &str) -> Result<Self, UriError> {
        let bytes = text.as_bytes();
        let scheme_end = memchr(b':', bytes).ok_or(UriError::Scheme)?;
        let mut rest = scheme_end + 1..text.len();
        // Neither parameters nor headers hold an `@`: the one there may be ends the user part.
        let (mut user, mut password) = (None, None);
        if let Some(at) = memchr(b'@', &bytes[rest.clone()]).map(|at| rest.start + at) {
            let userinfo = rest.start..at;
            rest.start = at + 1;
            let colon = memchr(b':', &bytes[userinfo.clone()]);
            let colon = colon.map(|colon| userinfo.start + colon);
            let name = userinfo.start..colon.unwrap_or(at);
            if !is_user(&text[name.clone()]) {
                return Err(UriError::User);
            }
            user = Some(name.into());
            if let Some(colon) = colon {
                if !consists_of(&text[colon + 1..at], PASSWORD_UNRESERVED) {
                    return Err(UriError::User);
                }
                password = Some((colon + 1..at).into());
            }
        }
        let headers = split_off(bytes, &mut rest, b'?');
        let params = split_off(bytes, &mut rest, b';');
        let (host, port) = host_port(&text[rest])?;
        let uri = Self {
            host,
            port,
            user,
            password,
            params: params.clone().unwrap_or_default().into(),
            headers: headers.clone().unwrap_or_default().into(),
            raw: text.into(),
        };
        if params.is_some() {
            uri.check_params()?;
        }
        if headers.is_some() {
            uri.check_headers()?;
        }
        Ok(uri)
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The scheme, as it was written.
    pub fn scheme(&self) -> &str {
        self.raw.split(':').next().unwrap_or_default()
    }

    /// `sips:`
    pub fn is_secure(&self) -> bool {
        self.scheme().len() == 4
    }

    /// The user part, escapes and all. It may hold parameters of its own (`+1234;postd=22`).
    pub fn user(&self) -> Option<&str> {
        self.user.map(|span| self.part(span))
    }

    /// The password, escapes and all. RFC 3261 19.1.1 advises against it.
    pub fn password(&self) -> Option<&str> {
        self.password.map(|span| self.part(span))
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, if it is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters in their order, escapes and all.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        fields(self.part(self.params), ';').map(|field| match field.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (field, None),
        })
    }

    /// The value of a parameter: `Some(None)` if it is there without one.
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params()
            .find(|(found, _)| same(found, name, true))
            .map(|(_, value)| value)
    }

    /// The headers in their order, escapes and all.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        fields(self.part(self.headers), '&')
            .map(|field| field.split_once('=').unwrap_or((field, "")))
    }

    /// Without what no Request-URI holds: headers, and the `method` parameter (RFC 3261 19.1.1).
    #[must_use]
    pub fn to_request_uri(&self) -> Self {
        let end = [self.params, self.headers]
            .into_iter()
            .filter_map(|span| usize::from(span.start).checked_sub(1))
            .min()
            .unwrap_or(self.raw.len());
        let mut text = self.raw.get(..end).unwrap_or_default().to_owned();
        for field in fields(self.part(self.params), ';') {
            let name = field.split('=').next().unwrap_or_default();
            if !same(name, "method", true) {
                text.push(';');
                text.push_str(field);
            }
        }
        // A part of what was read before can be read again.
        Self::read(&text).unwrap_or_else(|_| self.clone())
    }

    /// Equality as RFC 3261 19.1.4 defines it. It is not transitive: a parameter that one of the
    /// two lacks is passed over, unless it is one of those that never are.
    pub fn equivalent(&self, other: &Self) -> bool {
        let password_matches = match (self.password(), other.password()) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b, false),
            _ => false,
        };
        self.is_secure() == other.is_secure()
            && self.same_user(other)
            && password_matches
            && self.host == other.host
            && self.port == other.port
            && self.params_match(other)
            && other.params_match(self)
            && self.headers_match(other)
    }

    /// The same user part, wherever it is to be found; both may have none.
    pub fn same_user(&self, other: &Self) -> bool {
        match (self.user(), other.user()) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b, false),
            _ => false,
        }
    }

    fn params_match(&self, other: &Self) -> bool {
        const NEVER_PASSED_OVER: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        self.params().all(|(name, value)| match other.param(name) {
            Some(other) => match (value, other) {
                (None, None) => true,
                (Some(a), Some(b)) => same(a, b, true),
                _ => false,
            },
            None => !NEVER_PASSED_OVER
                .iter()
                .any(|never| same(never, name, true)),
        })
    }

    /// Headers are never passed over; their order does not count.
    fn headers_match(&self, other: &Self) -> bool {
        let mut left: Vec<_> = other.headers().collect();
        self.headers().all(|(name, value)| {
            let twin = left.iter().position(|(other_name, other_value)| {
                same(name, other_name, true) && same(value, other_value, true)
            });
            twin.map(|index| left.swap_remove(index)).is_some()
        }) && left.is_empty()
    }

    fn check_params(&self) -> Result<(), UriError> {
        if fields_of(self.part(self.params), ';').count() > MAX_URI_FIELDS {
            return Err(UriError::TooManyFields);
        }
        for (index, field) in fields_of(self.part(self.params), ';').enumerate() {
            let (name, value) = field
                .split_once('=')
                .map_or((field, None), |(n, v)| (n, Some(v)));
            let named = !name.is_empty() && consists_of(name, PARAM_UNRESERVED);
            let valued = value.is_none_or(|v| !v.is_empty() && consists_of(v, PARAM_UNRESERVED));
            let twice = self
                .params()
                .take(index)
                .any(|(earlier, _)| same(earlier, name, true));
            if !named || !valued || twice {
                return Err(UriError::Parameter);
            }
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), UriError> {
        if fields_of(self.part(self.headers), '&').count() > MAX_URI_FIELDS {
            return Err(UriError::TooManyFields);
        }
        for field in fields_of(self.part(self.headers), '&') {
            match field.split_once('=') {
                Some((name, value))
                    if !name.is_empty()
                        && consists_of(name, HEADER_UNRESERVED)
                        && consists_of(value, HEADER_UNRESERVED) => {}
                _ => return Err(UriError::Header),
            }
        }
        Ok(())
    }

    fn part(&self, span: Span) -> &str {
        &self.raw[usize::from(span.start)..usize::from(span.end)]
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        // The text was checked to be shorter than 64 KiB.
        let short = |offset| u16::try_from(offset).unwrap_or(u16::MAX);
        Self {
            start: short(range.start),
            end: short(range.end),
        }
    }
}

/// Cuts what follows the first `mark` off `rest`.
fn split_off(text: &[u8], rest: &mut Range<usize>, mark: u8) -> Option<Range<usize>> {
    let at = rest.start + memchr(mark, &text[rest.clone()])?;
    let off = at + 1..rest.end;
    rest.end = at;
    Some(off)
}

fn host_port(text: &str) -> Result<(Host, Option<u16>), UriError> {
    let bracket = memchr(b']', text.as_bytes()).map_or(0, |bracket| bracket + 1);
    let (host, port) = match memchr(b':', &text.as_bytes()[bracket..]) {
        Some(colon) => (&text[..bracket + colon], Some(&text[bracket + colon + 1..])),
        None => (text, None),
    };
    let port = match port {
        None => None,
        // `parse` alone would take a sign.
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| UriError::Port)?)
        }
        Some(_) => return Err(UriError::Port),
    };
    Ok((Host::parse(host)?, port))
}

/// The fields of a list that may be absent altogether.
fn fields(list: &str, separator: char) -> impl Iterator<Item = &str> {
    fields_of(list, separator).filter(|field| !field.is_empty())
}

/// The fields of a list that is there.
fn fields_of(list: &str, separator: char) -> impl Iterator<Item = &str> {
    list.split(separator)
}
