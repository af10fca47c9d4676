//! REGISTER as the registrar sees it (RFC 3261 10.3): what it asks for, and its 200.

#[cfg(test)]
mod tests;

use smol_str::SmolStr;

use crate::header::{Contact, Expires, Header, MinExpires, NameAddr};
use crate::message::{HeaderName, Rejection, Request, ResponseBuilder, Status};
use crate::uri::Uri;

/// The most contacts of one REGISTER.
pub const MAX_CONTACTS: usize = 32;

/// The most hops of its Path.
pub const MAX_PATH: usize = 16;

/// What a REGISTER asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The address of record, from To.
    pub aor: Uri,
    /// Call-ID and CSeq: they order the requests of one user agent (10.2.4).
    pub call_id: SmolStr,
    /// See `call_id`.
    pub cseq: u32,
    /// Whose bindings are meant.
    pub contacts: Contacts,
    /// The value of Expires, s.
    pub expires_s: Option<u32>,
    /// The values of Path, the hop next to us first (RFC 3327).
    pub path: Vec<SmolStr>,
    /// The user agent knows RFC 5626.
    pub outbound: bool,
    /// The user agent knows RFC 5627.
    pub gruu: bool,
    /// The user agent knows RFC 3327: the Path goes back to it.
    pub knows_path: bool,
    /// There is one Via: nobody stands between the user agent and us (RFC 5626 6).
    pub direct: bool,
}

/// The Contact rows of a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// None: it asks what there is (10.2.3).
    Query,
    /// `*`: all are to go (10.2.2).
    All,
    /// These are to come, stay or go.
    These(Vec<ContactUpdate>),
}

/// A binding that is to come, stay or go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactUpdate {
    /// Where.
    pub uri: Uri,
    /// Its own `expires`, s.
    pub expires_s: Option<u32>,
    /// Its `q`, in thousandths.
    pub q_thousandths: Option<u16>,
    /// `+sip.instance`, without its quotes (RFC 5626 4.1).
    pub instance: Option<SmolStr>,
    /// `reg-id` (RFC 5626 4.2).
    pub reg_id: Option<u32>,
}

/// A binding as the 200 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where.
    pub uri: Uri,
    /// What is left of it, s.
    pub expires_s: u64,
    /// Its preference, in thousandths.
    pub q_thousandths: u16,
    /// See [`ContactUpdate::instance`].
    pub instance: Option<SmolStr>,
    /// See [`ContactUpdate::reg_id`].
    pub reg_id: Option<u32>,
    /// Its GRUUs, where they are wanted.
    pub gruus: Option<Gruus>,
}

/// The GRUUs of a binding (RFC 5627 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gruus {
    /// `pub-gruu`
    pub public: SmolStr,
    /// `temp-gruu`, another one for each REGISTER.
    pub temporary: SmolStr,
}

impl Register {
    /// Reads it. [`check_request`](crate::message::check_request) has passed it before.
    ///
    /// # Errors
    /// 400 for what is malformed, 403 for more contacts or hops than taken, 404 for an address of
    /// record that is no SIP URI.
    pub fn read(request: &Request) -> Result<Self, Rejection> {
        let headers = request.headers();
        let aor = request.to().uri().map_err(|_| bad("To is no URI"))?;
        if !matches!(aor, Uri::Sip(_)) {
            return Err(Rejection::new(
                Status::NOT_FOUND,
                "only sip and sips addresses are registered here",
            ));
        }
        let expires = headers
            .get::<Expires>()
            .map_err(|_| bad("Expires is malformed"))?;
        let path: Vec<SmolStr> = headers
            .values(HeaderName::Path)
            .map(text)
            .collect::<Option<_>>()
            .ok_or_else(|| bad("Path is malformed"))?;
        if path.len() > MAX_PATH {
            return Err(too_many("Path has more hops than taken here"));
        }
        Ok(Self {
            aor,
            call_id: text(request.call_id()).ok_or_else(|| bad("Call-ID is malformed"))?,
            cseq: request.cseq(),
            contacts: Contacts::read(request)?,
            expires_s: expires.map(|expires| expires.0),
            path,
            outbound: headers.lists(HeaderName::Supported, "outbound"),
            gruu: headers.lists(HeaderName::Supported, "gruu"),
            knows_path: headers.lists(HeaderName::Supported, "path"),
            direct: headers.values(HeaderName::Via).nth(1).is_none(),
        })
    }
}

impl Contacts {
    fn read(request: &Request) -> Result<Self, Rejection> {
        let mut updates = Vec::new();
        for contact in request.headers().contacts() {
            match contact.map_err(|_| bad("Contact is malformed"))? {
                // That it stands alone was checked with the request.
                Contact::Star => return Ok(Self::All),
                Contact::Addr(_) if updates.len() >= MAX_CONTACTS => {
                    return Err(too_many("Contact names more places than taken here"));
                }
                Contact::Addr(addr) => updates.push(ContactUpdate::read(&addr)?),
            }
        }
        Ok(match updates.is_empty() {
            true => Self::Query,
            false => Self::These(updates),
        })
    }
}

impl ContactUpdate {
    fn read(addr: &NameAddr<'_>) -> Result<Self, Rejection> {
        let malformed = || bad("a parameter of Contact is malformed");
        let reg_id = match addr.params().text("reg-id") {
            None => None,
            Some(value) => Some(value.parse().map_err(|_| malformed())?),
        };
        let instance = match addr.params().has("+sip.instance") {
            false => None,
            true => Some(instance(addr).ok_or_else(malformed)?),
        };
        Ok(Self {
            uri: addr.uri().map_err(|_| bad("Contact is no URI"))?,
            expires_s: addr.expires_s().map_err(|_| malformed())?,
            q_thousandths: addr.q_thousandths().map_err(|_| malformed())?,
            instance,
            reg_id,
        })
    }
}

impl Listed {
    /// Adds the Contact row to a 200 (10.3 step 8).
    pub fn write(&self, builder: ResponseBuilder) -> ResponseBuilder {
        let mut value = format!("<{}>;expires={}", self.uri.as_str(), self.expires_s);
        if self.q_thousandths != 1000 {
            value.push_str(&format!(";q=0.{:03}", self.q_thousandths));
        }
        let mut quoted = |name: &str, text: &str| {
            let mut quoted = Vec::new();
            crate::header::syntax::quote(text, &mut quoted);
            value.push_str(name);
            value.push_str(&String::from_utf8_lossy(&quoted));
        };
        if let Some(instance) = &self.instance {
            quoted(";+sip.instance=", instance);
        }
        if let Some(gruus) = &self.gruus {
            quoted(";pub-gruu=", &gruus.public);
            quoted(";temp-gruu=", &gruus.temporary);
        }
        if let Some(reg_id) = self.reg_id {
            value.push_str(&format!(";reg-id={reg_id}"));
        }
        builder.value(HeaderName::Contact, value)
    }
}

/// 423: what was asked for is shorter than taken here (10.3 step 7).
pub fn interval_too_brief(min_expires_s: u32) -> Rejection {
    let mut value = Vec::new();
    crate::header::WriteHeader::write(&MinExpires(min_expires_s), &mut value);
    Rejection::new(
        Status::INTERVAL_TOO_BRIEF,
        "a registration has to last longer here",
    )
    .with(
        MinExpires::NAME,
        String::from_utf8_lossy(&value).into_owned(),
    )
}

/// A URN: nothing that could not be written again (RFC 5626 10).
fn instance(addr: &NameAddr<'_>) -> Option<SmolStr> {
    let text = addr.params().text("+sip.instance")?;
    let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then(|| text.into())
}

fn text(bytes: &[u8]) -> Option<SmolStr> {
    std::str::from_utf8(bytes).ok().map(SmolStr::new)
}

fn bad(reason: &'static str) -> Rejection {
    Rejection::new(Status::BAD_REQUEST, reason)
}

fn too_many(reason: &'static str) -> Rejection {
    Rejection::new(Status::FORBIDDEN, reason)
}
