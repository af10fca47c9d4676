//! Keys that a telephone is told of by INFO, because it knows no events within its sound.

use media::ids::LegId;
use sip::message::{HeaderName, Headers, Method, Response, Status};
use sip::procedure::info::{DEFAULT_KEY_MS, DTMF, Key, KeyFormat, KeyPress};
use sip::transaction::ClientId;

use crate::call::switch::Switch;
use crate::call::time::Now;

/// How a telephone wants to be told of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum InfoKeys {
    /// By `application/dtmf-relay`.
    #[default]
    Relay,
    /// It has refused that, and takes `application/dtmf`.
    Plain,
    /// It takes no INFO.
    Refused,
}

impl Switch {
    /// Whether keys can be told by INFO: nothing is known against it.
    pub(in crate::call) fn takes_info(&self, id: LegId) -> bool {
        // Our own INVITE allows it.
        let leg = self.sip.legs.get(id);
        leg.is_some_and(|leg| leg.info_keys != InfoKeys::Refused && leg.invite.allows_info())
    }

    /// Tells of keys, one after another.
    pub(super) fn send_keys(&mut self, now: Now, id: LegId, digits: &str) {
        for digit in digits.chars() {
            let Some(leg) = self.sip.legs.get_mut(id) else {
                return;
            };
            let format = match leg.info_keys {
                InfoKeys::Plain => KeyFormat::Plain,
                InfoKeys::Relay | InfoKeys::Refused => KeyFormat::Relay,
            };
            let (flow, dialog) = (leg.flow, leg.dialog.as_mut());
            let (Some(dialog), Some(key)) = (dialog, Key::of(digit)) else {
                continue;
            };
            let press = KeyPress {
                key,
                duration_ms: DEFAULT_KEY_MS,
            };
            let info = press.write(dialog.request(Method::Info), format);
            if let Some(client) = self.send_request(now, flow, info) {
                self.sip.told_keys.insert(client, (id, digit, format));
            }
        }
    }

    /// No more is to be heard of a request of ours. True if it told of a key. One that was refused
    /// because of what it is goes another way, and so do those to come.
    pub(super) fn keys_came_to(&mut self, client: ClientId, response: Option<&Response>) -> bool {
        let Some((id, digit, format)) = self.sip.told_keys.remove(&client) else {
            return false;
        };
        let Some(response) = response.filter(|it| is_unknown_to(it.status())) else {
            return true;
        };
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return true;
        };
        let headers = response.headers();
        let is_plain = response.status() == Status::UNSUPPORTED_MEDIA_TYPE
            && headers.lists(HeaderName::Accept, DTMF);
        leg.info_keys = match (leg.info_keys, format) {
            (InfoKeys::Relay | InfoKeys::Plain, KeyFormat::Relay) if is_plain => InfoKeys::Plain,
            _ => InfoKeys::Refused,
        };
        tracing::debug!(leg = %id, way = ?leg.info_keys, "a key was refused by INFO");
        let call = self.calls.of_leg(id).filter(|call| !call.is_held());
        if let Some(handle) = call.map(|call| call.handle) {
            self.pass_digits(handle, id, digit.to_string());
        }
        true
    }
}

/// What is said of methods does not leave INFO out.
pub(super) fn allows_info(headers: Headers<'_>) -> bool {
    !headers.has(HeaderName::Allow) || headers.lists(HeaderName::Allow, "INFO")
}

/// It will not take another one either.
fn is_unknown_to(status: Status) -> bool {
    const BAD_INFO_PACKAGE: u16 = 469;
    let codes = [
        Status::METHOD_NOT_ALLOWED,
        Status::UNSUPPORTED_MEDIA_TYPE,
        Status::NOT_IMPLEMENTED,
    ];
    codes.contains(&status) || status.code() == BAD_INFO_PACKAGE
}
