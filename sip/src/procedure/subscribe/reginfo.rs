//! What there is to tell of registrations (RFC 3680 5).

use std::fmt::Write;

use crate::procedure::xml;
use crate::uri::Uri;

/// The type of the body.
pub const CONTENT_TYPE: &str = "application/reginfo+xml";

/// The most contacts in one body; those beyond are left out.
pub const MAX_CONTACTS: usize = 64;

/// A contact that is bound, or was bound until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInfo<'a> {
    /// Names the binding for its life; not to be used again within the registration.
    pub id: u64,
    /// Where it leads.
    pub uri: &'a Uri,
    /// What happened to it last.
    pub event: ContactEvent,
    /// How long it has been bound, s.
    pub bound_s: u64,
    /// What is left of it, s.
    pub expires_s: u64,
    /// Its preference, in thousandths.
    pub q_thousandths: u16,
}

/// What happened to a contact (RFC 3680 5.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactEvent {
    /// It was bound by a REGISTER.
    Registered,
    /// It was bound in another way.
    Created,
    /// Its time was renewed.
    Refreshed,
    /// Its time has run out.
    Expired,
    /// The user agent ended it.
    Unregistered,
    /// We ended it; the user agent may bind anew.
    Deactivated,
}

impl ContactEvent {
    fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Created => "created",
            Self::Refreshed => "refreshed",
            Self::Expired => "expired",
            Self::Unregistered => "unregistered",
            Self::Deactivated => "deactivated",
        }
    }

    fn is_bound(self) -> bool {
        matches!(self, Self::Registered | Self::Created | Self::Refreshed)
    }
}

/// The body: all that is known of an address of record.
pub fn write(version: u32, aor: &Uri, contacts: &[ContactInfo<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\"?>\n");
    // A String takes all that is written to it.
    let _ = writeln!(
        out,
        "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"{version}\" state=\"full\">"
    );
    let bound = contacts.iter().any(|contact| contact.event.is_bound());
    let state = match (bound, contacts.is_empty()) {
        (true, _) => "active",
        (false, true) => "init",
        (false, false) => "terminated",
    };
    out.push_str("<registration");
    xml::attribute("aor", aor.as_str(), &mut out);
    xml::attribute("id", "r", &mut out);
    xml::attribute("state", state, &mut out);
    out.push_str(">\n");
    for contact in contacts.iter().take(MAX_CONTACTS) {
        write_contact(contact, &mut out);
    }
    out.push_str("</registration>\n</reginfo>\n");
    out
}

fn write_contact(contact: &ContactInfo<'_>, out: &mut String) {
    let bound = contact.event.is_bound();
    let state = if bound { "active" } else { "terminated" };
    let _ = write!(
        out,
        "<contact id=\"c{}\" state=\"{state}\" event=\"{}\" duration-registered=\"{}\"",
        contact.id,
        contact.event.as_str(),
        contact.bound_s,
    );
    if bound {
        let _ = write!(out, " expires=\"{}\"", contact.expires_s);
    }
    let q = contact.q_thousandths.min(1000);
    let _ = write!(out, " q=\"{}.{:03}\">", q / 1000, q % 1000);
    xml::element("uri", contact.uri.as_str(), out);
    out.push_str("</contact>\n");
}
