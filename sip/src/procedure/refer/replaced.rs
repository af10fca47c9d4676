//! The call that another takes the place of (RFC 3891).

use smol_str::SmolStr;

use super::super::bad;
use crate::dialog::{Dialog, DialogId, Role, Stage};
use crate::header::{Header, Replaces, WriteHeader};
use crate::message::{HeaderName, Method, Rejection, Request, Status};

/// A dialog that is to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// It, as the one who gets Replaces knows it.
    pub dialog: DialogId,
    /// Only while it is early.
    pub early_only: bool,
}

impl Replaced {
    /// Names one of our dialogs to its far side.
    pub fn naming(dialog: &Dialog) -> Self {
        let id = dialog.id();
        Self {
            dialog: DialogId {
                call_id: id.call_id.clone(),
                local_tag: id.remote_tag.clone(),
                remote_tag: id.local_tag.clone(),
            },
            early_only: false,
        }
    }

    /// What an INVITE for us is to replace.
    ///
    /// # Errors
    /// 400 if it is malformed, stands in another request or beside Join (RFC 3891 3).
    pub fn of_request(request: &Request) -> Result<Option<Self>, Rejection> {
        let headers = request.headers();
        let Some(value) = headers.value(HeaderName::Replaces) else {
            return Ok(None);
        };
        if *request.method() != Method::Invite || headers.has(HeaderName::Join) {
            return Err(bad("Replaces stands where it may not"));
        }
        let replaced = Self::read(value).ok_or_else(|| bad("Replaces is malformed"))?;
        Ok(Some(replaced))
    }

    /// Whether a dialog that it names may be replaced. One that is not there, or of somebody
    /// whose calls the sender may not take, gets 481 from the owner.
    ///
    /// # Errors
    /// 486 if only an early dialog was meant, 481 for an early one that we did not begin: it rings
    /// at us and is nobody's to take (RFC 3891 3).
    pub fn may_replace(&self, role: Role, stage: Stage) -> Result<(), Rejection> {
        match (stage, role) {
            (Stage::Confirmed, _) if self.early_only => Err(Rejection::new(
                Status::BUSY_HERE,
                "the call to be replaced has been answered",
            )),
            (Stage::Early, Role::Uas) => Err(Rejection::new(
                Status::CALL_DOES_NOT_EXIST,
                "the call to be replaced still rings here",
            )),
            _ => Ok(()),
        }
    }

    /// The value of Replaces.
    pub fn value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        let replaces = Replaces {
            call_id: self.dialog.call_id.as_bytes(),
            to_tag: self.dialog.local_tag.as_bytes(),
            from_tag: self.dialog.remote_tag.as_bytes(),
            early_only: self.early_only,
        };
        replaces.write(&mut value);
        value
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let replaces = Replaces::read(value).ok()?;
        let text = |bytes| std::str::from_utf8(bytes).ok().map(SmolStr::new);
        Some(Self {
            dialog: DialogId {
                call_id: text(replaces.call_id)?,
                local_tag: text(replaces.to_tag)?,
                remote_tag: text(replaces.from_tag)?,
            },
            early_only: replaces.early_only,
        })
    }
}
