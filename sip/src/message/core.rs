//! What every message is handled by (RFC 3261 8.1.1): read when the message is, so that nobody
//! has to ask again whether it is there.

use super::fault::Fault;
use super::head::{Head, Span};
use super::method::Method;
use super::name::HeaderName;
use crate::header::syntax::{Values, is_space, is_word, number_u32, trim};
use crate::header::{Header, Malformed, NameAddr, Params, Via};
use crate::uri::Host;

/// Where the core of a message stands in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Core {
    via: ViaParts,
    from: AddrParts,
    to: AddrParts,
    call_id: Span,
    cseq: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViaParts {
    version: Span,
    transport: Span,
    host: Host,
    port: Option<u16>,
    params: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AddrParts {
    display: Option<Span>,
    uri: Span,
    params: Span,
}

impl ViaParts {
    /// Reads the topmost Via: without it there is nobody to answer. If only its parameters are
    /// malformed, there is, and the fault comes along.
    ///
    /// # Errors
    /// The [`Fault`] that leaves nobody.
    pub(crate) fn read(head: &Head) -> Result<(Self, Option<Fault>), Fault> {
        let row = head
            .first(HeaderName::Via)
            .ok_or(Fault::Missing(HeaderName::Via))?;
        let value = Values::new(row).next().unwrap_or_default();
        let wrong = |error| Fault::Header(HeaderName::Via, error);
        let (via, fault) = match Via::read(value) {
            Ok(via) => (via, None),
            Err(error) => (Via::read_loose(value).map_err(wrong)?, Some(wrong(error))),
        };
        let parts = Self {
            version: Span::of(via.version, &head.bytes),
            transport: Span::of(via.transport, &head.bytes),
            params: Span::of(via.params.as_bytes(), &head.bytes),
            host: via.host,
            port: via.port,
        };
        Ok((parts, fault))
    }

    pub(crate) fn get<'a>(&self, bytes: &'a [u8]) -> Via<'a> {
        Via {
            version: self.version.get(bytes),
            transport: self.transport.get(bytes),
            host: self.host.clone(),
            port: self.port,
            params: Params::checked(self.params.get(bytes)),
        }
    }
}

impl AddrParts {
    fn read(head: &Head, name: HeaderName) -> Result<Self, Fault> {
        let value = head.first(name).ok_or(Fault::Missing(name))?;
        let addr = NameAddr::read(value).map_err(|error| Fault::Header(name, error))?;
        let span = |part| Span::of(part, &head.bytes);
        Ok(Self {
            display: addr.raw_display().map(span),
            uri: span(addr.raw_uri()),
            params: span(addr.params().as_bytes()),
        })
    }

    fn get(self, bytes: &[u8]) -> NameAddr<'_> {
        NameAddr::of_parts(
            self.display.map(|span| span.get(bytes)),
            self.uri.get(bytes),
            Params::checked(self.params.get(bytes)),
        )
    }
}

impl Core {
    /// Reads the core of a message whose topmost Via was read before.
    ///
    /// # Errors
    /// The first [`Fault`]. `method` is that of a request; a response has none but CSeq's.
    pub(crate) fn read(
        head: &Head,
        via: ViaParts,
        method: Option<&Method>,
    ) -> Result<(Self, Method), Fault> {
        let twice = head.index.again & HeaderName::SINGLES;
        if twice != 0
            && let Some(row) = head
                .index
                .rows
                .iter()
                .find(|row| row.name.bit() & twice != 0)
        {
            return Err(Fault::Repeated(row.name));
        }
        let from = AddrParts::read(head, HeaderName::From)?;
        let to = AddrParts::read(head, HeaderName::To)?;
        let call_id = head
            .first(HeaderName::CallId)
            .ok_or(Fault::Missing(HeaderName::CallId))?;
        if !is_call_id(call_id) {
            return Err(Fault::Header(HeaderName::CallId, Malformed::Grammar));
        }
        let value = head
            .first(HeaderName::CSeq)
            .ok_or(Fault::Missing(HeaderName::CSeq))?;
        let (cseq, cseq_method) =
            read_cseq(value).map_err(|error| Fault::Header(HeaderName::CSeq, error))?;
        let cseq_method = match method {
            Some(method) if method.as_str().as_bytes() == cseq_method => method.clone(),
            Some(_) => return Err(Fault::MethodMismatch),
            None => Method::parse(cseq_method)
                .ok_or(Fault::Header(HeaderName::CSeq, Malformed::Grammar))?,
        };
        let core = Self {
            via,
            from,
            to,
            call_id: Span::of(call_id, &head.bytes),
            cseq,
        };
        Ok((core, cseq_method))
    }

    pub(crate) fn via<'a>(&self, bytes: &'a [u8]) -> Via<'a> {
        self.via.get(bytes)
    }

    pub(crate) fn from<'a>(&self, bytes: &'a [u8]) -> NameAddr<'a> {
        self.from.get(bytes)
    }

    pub(crate) fn to<'a>(&self, bytes: &'a [u8]) -> NameAddr<'a> {
        self.to.get(bytes)
    }

    pub(crate) fn call_id<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.call_id.get(bytes)
    }

    pub(crate) fn cseq(&self) -> u32 {
        self.cseq
    }
}

/// `callid = word [ "@" word ]` (25.1)
pub(crate) fn is_call_id(value: &[u8]) -> bool {
    match memchr::memchr(b'@', value) {
        None => is_word(value),
        Some(at) => {
            let (before, after) = value.split_at(at);
            is_word(before) && is_word(after.get(1..).unwrap_or_default())
        }
    }
}

/// `1*DIGIT LWS Method` (20.16), the number below 2³².
pub(crate) fn read_cseq(value: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let digits = value
        .iter()
        .position(|byte| is_space(*byte))
        .ok_or(Malformed::Grammar)?;
    let (number, method) = value.split_at(digits);
    Ok((number_u32(number)?, trim(method)))
}
