//! The headers of a message, to look things up in.

use thiserror::Error;

use super::head::Head;
use super::name::{HeaderName, Layout};
use crate::header::syntax::Values;
use crate::header::{Contact, Header, Malformed, NameAddr};

/// The headers of a message, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    head: &'a Head,
}

/// One header row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Which one it is.
    pub name: HeaderName,
    /// Its name as it was written: long or compact, in any case.
    pub written: &'a [u8],
    /// Its value, on one line, without white space at its ends.
    pub value: &'a [u8],
}

/// A header that is there but says nothing we could read. The fault is the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{name} is {fault}")]
pub struct HeaderError {
    /// Which one.
    pub name: HeaderName,
    /// What is wrong with it.
    pub fault: Malformed,
}

impl<'a> Headers<'a> {
    pub(crate) fn new(head: &'a Head) -> Self {
        Self { head }
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let head = self.head;
        head.index.rows.iter().map(move |row| Row {
            name: row.name,
            written: row.written.get(&head.bytes),
            value: row.value.get(&head.bytes),
        })
    }

    /// True if there is one of that name.
    pub fn has(&self, name: HeaderName) -> bool {
        self.head.has(name)
    }

    /// The value of the first row of that name, commas and all.
    pub fn value(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.head.first(name)
    }

    /// The value of the first row of that name, if it is UTF-8.
    pub fn text(&self, name: HeaderName) -> Option<&'a str> {
        std::str::from_utf8(self.value(name)?).ok()
    }

    /// All values of that name: where commas part values (7.3.1), each of its own; otherwise row
    /// by row.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let parted = name.layout() == Layout::List;
        let rows = if self.has(name) {
            self.head.index.rows.as_slice()
        } else {
            &[]
        };
        let bytes = &self.head.bytes;
        rows.iter()
            .filter(move |row| row.name == name)
            .flat_map(move |row| {
                let value = row.value.get(bytes);
                // One row that parts nothing is a list of one.
                let (whole, list) = if parted {
                    (None, Values::new(value))
                } else {
                    (Some(value), Values::nothing())
                };
                whole.into_iter().chain(list)
            })
    }

    /// Values of a header that has no [`HeaderName`], row by row. Names are told apart without
    /// regard to case.
    pub fn other(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.rows()
            .filter(move |row| {
                row.name == HeaderName::Other && row.written.eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|row| row.value)
    }

    /// The first value of a header, read.
    ///
    /// # Errors
    /// [`HeaderError`] if it is malformed. None is no error.
    pub fn get<H: Header<'a>>(&self) -> Result<Option<H>, HeaderError> {
        self.all::<H>().next().transpose()
    }

    /// All values of a header, read.
    pub fn all<H: Header<'a>>(&self) -> impl Iterator<Item = Result<H, HeaderError>> + use<'a, H> {
        self.values(H::NAME).map(|value| {
            H::read(value).map_err(|fault| HeaderError {
                name: H::NAME,
                fault,
            })
        })
    }

    /// The first address in a header of addresses.
    ///
    /// # Errors
    /// [`HeaderError`] if it is malformed. None is no error.
    pub fn addr(&self, name: HeaderName) -> Result<Option<NameAddr<'a>>, HeaderError> {
        self.addrs(name).next().transpose()
    }

    /// The addresses in a header of addresses: Route, Record-Route, Path, Service-Route, Refer-To,
    /// Referred-By, Reply-To, P-Asserted-Identity. For Contact there is [`contacts`](Self::contacts).
    pub fn addrs(
        &self,
        name: HeaderName,
    ) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> + use<'a> {
        self.values(name)
            .map(move |value| NameAddr::read(value).map_err(|fault| HeaderError { name, fault }))
    }

    /// The values of Contact.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'a>, HeaderError>> + use<'a> {
        let name = HeaderName::Contact;
        self.values(name)
            .map(move |value| Contact::read(value).map_err(|fault| HeaderError { name, fault }))
    }

    /// True if a list of tokens (Supported, Require, Allow...) holds that one, in any case.
    pub fn lists(&self, name: HeaderName, token: &str) -> bool {
        self.values(name)
            .any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }
}
