//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route, Record-Route, Path,
//! Service-Route, Refer-To, Referred-By, Reply-To, P-Asserted-Identity (RFC 3261 20, 25.1).

use std::borrow::Cow;

use super::params::Params;
use super::syntax::{Malformed, is_space, number_u32, quote, quoted_end, trim, unquote};
use crate::uri::Uri;

/// An address: a URI, who it is, and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: Option<&'a [u8]>,
    uri: &'a [u8],
    params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one address, its parameters with it. The URI is looked at only as far as finding its
    /// end needs; [`uri`](Self::uri) reads it.
    ///
    /// # Errors
    /// [`Malformed`]: a display name with something in it that has to be quoted, brackets or
    /// quotes left open, a URI without brackets that has a comma or a question mark in it (20.10),
    /// malformed parameters.
    pub fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        let (display, rest) = if value.first() == Some(&b'"') {
            let (quoted, rest) = value.split_at(quoted_end(value)?);
            let rest = trim(rest);
            if rest.first() != Some(&b'<') {
                return Err(Malformed::Grammar);
            }
            (Some(quoted), rest)
        } else {
            match memchr::memchr3(b'<', b'"', b';', value) {
                Some(at) if value.get(at) == Some(&b'<') => {
                    let (name, rest) = value.split_at(at);
                    let name = trim(name);
                    if !name.iter().all(|byte| is_bare_name_byte(*byte)) {
                        return Err(Malformed::Grammar);
                    }
                    ((!name.is_empty()).then_some(name), rest)
                }
                _ => return Self::read_bare(value),
            }
        };
        let inner = rest.get(1..).unwrap_or_default();
        let end = memchr::memchr(b'>', inner).ok_or(Malformed::Unbalanced)?;
        let (uri, params) = inner.split_at(end);
        check_uri_bytes(uri)?;
        Ok(Self {
            display,
            uri,
            params: Params::read(params.get(1..).unwrap_or_default())?,
        })
    }

    /// `addr-spec`: what follows the first semicolon belongs to the header, not to the URI.
    fn read_bare(value: &'a [u8]) -> Result<Self, Malformed> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (uri, params) = value.split_at(end);
        let uri = trim(uri);
        check_uri_bytes(uri)?;
        if uri.iter().any(|byte| matches!(byte, b',' | b'?')) {
            return Err(Malformed::Grammar);
        }
        Ok(Self {
            display: None,
            uri,
            params: Params::read(params)?,
        })
    }

    /// Puts one together of parts that were read before.
    pub(crate) fn of_parts(display: Option<&'a [u8]>, uri: &'a [u8], params: Params<'a>) -> Self {
        Self {
            display,
            uri,
            params,
        }
    }

    /// The display name as it was written, quotes and all.
    pub fn raw_display(&self) -> Option<&'a [u8]> {
        self.display
    }

    /// The display name, made plain. Bytes that are not UTF-8 are replaced.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let name = match unquote(self.display?) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        };
        (!name.is_empty()).then_some(name)
    }

    /// The URI as it was written, without brackets.
    pub fn raw_uri(&self) -> &'a [u8] {
        self.uri
    }

    /// The URI.
    ///
    /// # Errors
    /// [`Malformed::Uri`]
    pub fn uri(&self) -> Result<Uri, Malformed> {
        let text = std::str::from_utf8(self.uri).map_err(|_| Malformed::Grammar)?;
        Ok(Uri::parse(text)?)
    }

    /// The parameters of the header.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// `tag` (19.3)
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag")
    }

    /// `expires` of a Contact, in seconds (10.2.1.1).
    ///
    /// # Errors
    /// [`Malformed`] if it is no number, or one above 2³² - 1.
    pub fn expires_s(&self) -> Result<Option<u32>, Malformed> {
        match self.params.get("expires") {
            None => Ok(None),
            Some(value) => number_u32(value.ok_or(Malformed::Grammar)?).map(Some),
        }
    }

    /// `q` of a Contact in thousandths, 0 to 1000 (10.2.1.2).
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn q_thousandths(&self) -> Result<Option<u16>, Malformed> {
        match self.params.get("q") {
            None => Ok(None),
            Some(value) => qvalue(value.ok_or(Malformed::Grammar)?).map(Some),
        }
    }

    /// Writes the address in angle brackets, so that the parameters of the URI stay its own.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(display) = self.display {
            out.extend_from_slice(display);
            out.push(b' ');
        }
        out.push(b'<');
        out.extend_from_slice(self.uri);
        out.push(b'>');
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// An address of our own to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddr {
    text: Vec<u8>,
}

impl OwnAddr {
    /// `"display" <uri>`; an empty display name is left out.
    pub fn new(display: &str, uri: &Uri) -> Self {
        let mut text = Vec::with_capacity(display.len() + uri.as_str().len() + 32);
        if !display.is_empty() {
            quote(display, &mut text);
            text.push(b' ');
        }
        text.push(b'<');
        text.extend_from_slice(uri.as_str().as_bytes());
        text.push(b'>');
        Self { text }
    }

    /// Adds `;name`, or `;name=value`. The builder that takes the address refuses it if either
    /// is no token.
    #[must_use]
    pub fn param(mut self, name: &str, value: Option<&str>) -> Self {
        self.text.push(b';');
        self.text.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            self.text.push(b'=');
            self.text.extend_from_slice(value.as_bytes());
        }
        self
    }

    /// Adds `;tag=`.
    #[must_use]
    pub fn tag(self, tag: &str) -> Self {
        self.param("tag", Some(tag))
    }

    /// The header value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// A value of Contact (20.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings (10.2.2).
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one value of a Contact.
    ///
    /// # Errors
    /// As [`NameAddr::read`].
    pub fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        if trim(value) == b"*" {
            return Ok(Self::Star);
        }
        NameAddr::read(value).map(Self::Addr)
    }

    /// The address, unless it is `*`.
    pub fn addr(&self) -> Option<&NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::Addr(addr) => Some(addr),
        }
    }
}

/// `qvalue` of RFC 3261 25.1 in thousandths.
pub(crate) fn qvalue(bytes: &[u8]) -> Result<u16, Malformed> {
    let (whole, fraction) = match bytes {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return Err(Malformed::Grammar),
    };
    if !whole.is_ascii_digit() || !fraction.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::Grammar);
    }
    let mut thousandths = u16::from(whole - b'0') * 1000;
    for (digit, weight) in fraction.iter().zip([100, 10, 1]) {
        thousandths += u16::from(digit - b'0') * weight;
    }
    if thousandths > 1000 {
        return Err(Malformed::Range);
    }
    Ok(thousandths)
}

/// Tokens and spaces (25.1), and what phones write there unquoted all the same: bytes beyond
/// ASCII and marks that end nothing. Not a comma: that ends the value.
fn is_bare_name_byte(byte: u8) -> bool {
    is_space(byte) || !byte.is_ascii() || (byte.is_ascii_graphic() && !b"\",;<>\\".contains(&byte))
}

/// What no URI holds; the rest is looked at when it is read.
fn check_uri_bytes(uri: &[u8]) -> Result<(), Malformed> {
    let sound = uri
        .iter()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>'));
    if uri.is_empty() || !sound {
        return Err(Malformed::Grammar);
    }
    Ok(())
}
