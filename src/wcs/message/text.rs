//! A text from one user to another, as a payload of `sendData`: the SDK has no method of its own
//! for it. The convention is `{"type": "sipMessage", "to", "body", "contentType"}` from the sender
//! and the same with `from` to the receiver.

use std::fmt;

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::ids::Payload;

/// One text.
#[derive(Clone, PartialEq, Eq)]
pub struct TextMessage {
    /// To whom, as the sender wrote it.
    pub to: String,
    /// The text.
    pub body: String,
    /// Its media type.
    pub content_type: SmolStr,
}

impl TextMessage {
    /// Reads a sender's payload; `None` if it is something else.
    pub fn from_payload(payload: &Payload) -> Option<Self> {
        let text = |key: &str| payload.0.get(key).and_then(Value::as_str);
        (text("type")? == "sipMessage").then_some(())?;
        Some(Self {
            to: text("to").filter(|to| !to.is_empty())?.to_owned(),
            body: text("body")?.to_owned(),
            content_type: text("contentType").unwrap_or("text/plain").into(),
        })
    }

    /// What the sender's payload looks like.
    pub fn to_payload(&self) -> Payload {
        self.payload("to", &self.to)
    }

    /// What the receiver is given.
    pub fn to_receiver(&self, from: &str) -> Payload {
        self.payload("from", from)
    }

    fn payload(&self, key: &str, party: &str) -> Payload {
        Payload(json!({
            "type": "sipMessage",
            key: party,
            "body": self.body,
            "contentType": self.content_type,
        }))
    }
}

impl fmt::Debug for TextMessage {
    /// What people write to each other stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextMessage({} bytes)", self.body.len())
    }
}
