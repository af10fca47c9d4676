//! The route set (RFC 3261 12.1) and where a request over it goes (12.2.1.1).

use crate::header::NameAddr;
use crate::message::{HeaderName, Headers, Request, Response};
use crate::uri::Uri;

/// The most routes of a dialog; a message with more makes none.
const MAX_ROUTES: usize = 32;

/// The hops a request within a dialog takes, the next one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteSet(Box<[Route]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    /// As it goes into a Route header.
    value: Box<[u8]>,
    uri: Box<[u8]>,
    loose: bool,
}

impl RouteSet {
    /// As the UAS keeps it: Record-Route in its order (12.1.1). `None` if it cannot be read.
    pub fn of_request(request: &Request) -> Option<Self> {
        Self::read(request.headers(), false)
    }

    /// As the UAC keeps it: Record-Route the other way round (12.1.2). `None` if it cannot be
    /// read.
    pub fn of_response(response: &Response) -> Option<Self> {
        Self::read(response.headers(), true)
    }

    fn read(headers: Headers<'_>, reversed: bool) -> Option<Self> {
        let mut routes = Vec::new();
        for value in headers.values(HeaderName::RecordRoute) {
            if routes.len() >= MAX_ROUTES {
                return None;
            }
            let addr = NameAddr::read(value).ok()?;
            let loose = match addr.uri().ok()? {
                Uri::Sip(uri) => uri.param("lr").is_some(),
                Uri::Tel(_) | Uri::Other(_) => return None,
            };
            routes.push(Route {
                value: value.into(),
                uri: addr.raw_uri().into(),
                loose,
            });
        }
        if reversed {
            routes.reverse();
        }
        Some(Self(routes.into()))
    }

    /// The URI of the next hop.
    pub fn first(&self) -> Option<&[u8]> {
        self.0.first().map(|route| &*route.uri)
    }

    /// The Request-URI, and the values of Route. A strict router, one without `lr`, finds itself
    /// in the Request-URI, and the target behind all others (12.2.1.1).
    pub fn way_to<'a>(&'a self, target: &'a [u8]) -> (&'a [u8], Vec<Vec<u8>>) {
        let values = |routes: &[Route]| routes.iter().map(|route| route.value.to_vec()).collect();
        match self.0.split_first() {
            Some((first, rest)) if !first.loose => {
                let mut routes: Vec<Vec<u8>> = values(rest);
                routes.push([b"<", target, b">"].concat());
                (&first.uri, routes)
            }
            _ => (target, values(&self.0)),
        }
    }
}
