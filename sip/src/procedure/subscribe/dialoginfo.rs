//! What there is to tell of dialogs (RFC 4235 4): who is in a call with whom, which keys on desk
//! phones show.

use std::fmt::Write;

use crate::dialog::{DialogId, Role};
use crate::procedure::xml;
use crate::uri::Uri;

/// The type of the body.
pub const CONTENT_TYPE: &str = "application/dialog-info+xml";

/// The most dialogs in one body; those beyond are left out.
pub const MAX_DIALOGS: usize = 32;

/// A dialog of the person that is told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogInfo<'a> {
    /// Names it for its life.
    pub id: u64,
    /// As the person's phone knows it. Whoever has this can take the call over with Replaces:
    /// `None` for subscribers that may not.
    pub dialog: Option<&'a DialogId>,
    /// Whether the person called or was called.
    pub role: Role,
    /// How far it came.
    pub state: DialogState,
    /// How long it has lasted, s.
    pub lasts_s: u64,
    /// The person.
    pub local: Party<'a>,
    /// The other one.
    pub remote: Party<'a>,
}

/// Somebody in a dialog. What is not to be told is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Party<'a> {
    /// Who it is.
    pub identity: Option<&'a Uri>,
    /// The name shown with it.
    pub display: Option<&'a str>,
}

/// How far a dialog came (RFC 4235 3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogState {
    /// An INVITE was sent, nothing came back.
    Trying,
    /// A response without a tag came back.
    Proceeding,
    /// It rings.
    Early,
    /// They talk.
    Confirmed,
    /// It is over.
    Terminated,
}

impl DialogState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Proceeding => "proceeding",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Terminated => "terminated",
        }
    }
}

/// The body: all dialogs of `entity`.
pub fn write(version: u32, entity: &Uri, dialogs: &[DialogInfo<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\"?>\n");
    // A String takes all that is written to it.
    let _ = write!(
        out,
        "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
         state=\"full\"",
    );
    xml::attribute("entity", entity.as_str(), &mut out);
    out.push_str(">\n");
    for dialog in dialogs.iter().take(MAX_DIALOGS) {
        write_dialog(dialog, &mut out);
    }
    out.push_str("</dialog-info>\n");
    out
}

fn write_dialog(info: &DialogInfo<'_>, out: &mut String) {
    let _ = write!(out, "<dialog id=\"d{}\"", info.id);
    if let Some(id) = info.dialog {
        xml::attribute("call-id", &id.call_id, out);
        xml::attribute("local-tag", &id.local_tag, out);
        if !id.remote_tag.is_empty() {
            xml::attribute("remote-tag", &id.remote_tag, out);
        }
    }
    let direction = match info.role {
        Role::Uac => "initiator",
        Role::Uas => "recipient",
    };
    xml::attribute("direction", direction, out);
    out.push('>');
    xml::element("state", info.state.as_str(), out);
    let _ = write!(out, "<duration>{}</duration>", info.lasts_s);
    write_party("local", &info.local, out);
    write_party("remote", &info.remote, out);
    out.push_str("</dialog>\n");
}

fn write_party(name: &str, party: &Party<'_>, out: &mut String) {
    let Some(identity) = party.identity else {
        return;
    };
    let _ = write!(out, "<{name}><identity");
    if let Some(display) = party.display {
        xml::attribute("display", display, out);
    }
    out.push('>');
    xml::text(identity.as_str(), out);
    let _ = write!(out, "</identity></{name}>");
}
