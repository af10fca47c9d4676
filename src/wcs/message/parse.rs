//! Text frame to [`ClientMessage`]. Lenient in what clients of all versions vary: numbers for
//! strings and the reverse, missing and null fields, `data` absent or null.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::client::{AnswerRequest, CallRequest, ClientMessage, DtmfMethod};
use super::connection::{Connection, ConnectionEcho};
use super::extension::ExtensionRequest;
use super::ids::{AuthToken, MAX_ID_BYTES, Password, Payload, SdpText, WcsCallId};
use super::text::TextMessage;
use super::{MAX_FRAME_BYTES, MessageError};

/// The longest message name, in bytes.
const MAX_NAME: usize = 64;
/// The longest name, number or URI, in bytes.
const MAX_ADDRESS: usize = 512;
/// The longest name for people, in bytes.
const MAX_DISPLAY_NAME: usize = 256;
/// The longest password, in bytes.
const MAX_PASSWORD: usize = 1024;
/// The longest row of DTMF digits.
const MAX_DIGITS: usize = 64;
/// The longest `connection`, in bytes: it is kept and echoed.
const MAX_CONNECTION: usize = 32 * 1024;
/// The most lines of `sipSDP`, and the most calls a page says it holds.
const MAX_LIST: usize = 32;

impl ClientMessage {
    /// Reads one text frame.
    ///
    /// # Errors
    /// [`MessageError`] if it is no message of this protocol. A message that is one but cannot be
    /// obeyed comes back as [`ClientMessage::Malformed`], since the session has to answer it.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(MessageError::TooLong);
        }
        let frame: Value = serde_json::from_str(text).map_err(|_| MessageError::NotJson)?;
        let Value::Object(mut frame) = frame else {
            return Err(MessageError::NotMessage);
        };
        let name = match frame.get("message") {
            Some(Value::String(name)) if !name.is_empty() && name.len() <= MAX_NAME => {
                SmolStr::new(name)
            }
            _ => return Err(MessageError::NotMessage),
        };
        let argument = match frame.remove("data") {
            None | Some(Value::Null) => None,
            Some(Value::Array(data)) => data.into_iter().next(),
            Some(_) => return Err(MessageError::NotMessage),
        };
        let fields = match argument {
            Some(Value::Object(fields)) => Fields(fields),
            _ => Fields(Map::new()),
        };
        let call_id = fields.call_id().ok();
        Ok(
            message(&name, fields, text.len()).unwrap_or_else(|Fault(field)| Self::Malformed {
                message: name,
                call_id,
                field,
            }),
        )
    }
}

fn message(name: &str, mut fields: Fields, length: usize) -> Result<ClientMessage, Fault> {
    Ok(match name {
        "connection" if length > MAX_CONNECTION => return Err(Fault("data")),
        "connection" => ClientMessage::Connection(Box::new(connection(fields)?)),
        "call" => ClientMessage::Call(Box::new(call(fields)?)),
        "answer" => ClientMessage::Answer(Box::new(AnswerRequest {
            call_id: fields.call_id()?,
            sdp: fields.sdp()?,
        })),
        "hangup" => ClientMessage::Hangup {
            call_id: fields.call_id()?,
        },
        "hold" => ClientMessage::Hold {
            call_id: fields.call_id()?,
            for_transfer: fields.flag("holdForTransfer")?.unwrap_or(false),
        },
        "unhold" => ClientMessage::Unhold {
            call_id: fields.call_id()?,
        },
        "sendDtmf" => ClientMessage::SendDtmf {
            call_id: fields.call_id()?,
            method: dtmf_method(&fields)?,
            digits: digits(&fields)?,
        },
        "transfer" => ClientMessage::Transfer {
            call_id: fields.call_id()?,
            target: fields.required("target", MAX_ADDRESS)?,
        },
        "sendData" => ClientMessage::SendData {
            operation_id: fields.required("operationId", MAX_ID_BYTES)?.into(),
            payload: Payload(fields.take("payload")),
        },
        "sendMessage" => ClientMessage::SendMessage {
            id: fields.required("id", MAX_ID_BYTES)?.into(),
            text: Box::new(TextMessage {
                to: fields.required("to", MAX_ADDRESS)?,
                body: fields.text("body", MAX_FRAME_BYTES)?.unwrap_or_default(),
                content_type: fields
                    .text("contentType", MAX_ADDRESS)?
                    .map_or(SmolStr::new_static("text/plain"), SmolStr::from),
            }),
        },
        "ping" => ClientMessage::Ping,
        "pong" => ClientMessage::Pong,
        "sessionDebug" => ClientMessage::SessionDebug {
            start: fields.text("command", MAX_NAME)?.as_deref() == Some("start"),
        },
        "pushLogs" => ClientMessage::PushLogs,
        "submitBugReport" => ClientMessage::BugReport,
        "publishStream" | "playStream" | "unPublishStream" | "stopStream" | "snapshot"
        | "availableStream" | "sendStreamEvent" => ClientMessage::Stream {
            method: name.into(),
            media_session_id: fields
                .text("mediaSessionId", MAX_ID_BYTES)?
                .map(SmolStr::from),
        },
        "webRTCMetricsClientDescription" | "webRTCMetricsBatch" => ClientMessage::Metrics,
        "callbox.hello" => ClientMessage::Extension(ExtensionRequest::Hello {
            version: fields.number("version", 1)?,
        }),
        "callbox.offer" => ClientMessage::Extension(ExtensionRequest::Offer {
            call_id: fields.call_id()?,
            sdp: fields.sdp()?,
        }),
        "callbox.answer" => ClientMessage::Extension(ExtensionRequest::Answer {
            call_id: fields.call_id()?,
            sdp: match fields.0.get("sdp") {
                None | Some(Value::Null) => None,
                Some(_) => Some(fields.sdp()?),
            },
        }),
        _ => ClientMessage::Unknown {
            message: name.into(),
        },
    })
}

fn connection(fields: Fields) -> Result<Connection, Fault> {
    let short = |key| Ok(fields.text(key, MAX_ADDRESS)?.map(SmolStr::from));
    let auth_token = match fields.text("authToken", MAX_ID_BYTES)? {
        None => None,
        // An empty token is what a page sends that has none.
        Some(token) => AuthToken::new(&token),
    };
    let ours = fields
        .0
        .get("custom")
        .and_then(|custom| custom.get("callbox"));
    let display_name = ours
        .and_then(|ours| ours.get("display_name"))
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty() && name.len() <= MAX_DISPLAY_NAME)
        .map(str::to_owned);
    let held_calls = ours
        .and_then(|ours| ours.get("calls"))
        .and_then(Value::as_array)
        .map(|calls| calls.iter().take(MAX_LIST))
        .into_iter()
        .flatten()
        .filter_map(|call| WcsCallId::new(call.as_str()?))
        .collect();
    Ok(Connection {
        app_key: short("appKey")?.unwrap_or(SmolStr::new_static("defaultApp")),
        keep_alive: fields.flag("keepAlive")?.unwrap_or(false),
        auth_token,
        client_version: short("clientVersion")?,
        sip_login: short("sipLogin")?.filter(|login| !login.is_empty()),
        sip_authentication_name: short("sipAuthenticationName")?.filter(|name| !name.is_empty()),
        sip_password: fields
            .text("sipPassword", MAX_PASSWORD)?
            .map(|text| Password::new(&text)),
        sip_domain: short("sipDomain")?.filter(|domain| !domain.is_empty()),
        sip_outbound_proxy: short("sipOutboundProxy")?.filter(|proxy| !proxy.is_empty()),
        sip_proxy: short("sipProxy")?.filter(|proxy| !proxy.is_empty()),
        sip_port: fields.port("sipPort")?,
        register_required: fields.flag("sipRegisterRequired")?.unwrap_or(true),
        display_name,
        held_calls,
        echo: ConnectionEcho::new(fields.0),
    })
}

fn call(mut fields: Fields) -> Result<CallRequest, Fault> {
    Ok(CallRequest {
        call_id: fields.call_id()?,
        callee: fields.required("callee", MAX_ADDRESS)?,
        caller: fields.text("caller", MAX_ADDRESS)?,
        visible_name: fields
            .text("visibleName", MAX_DISPLAY_NAME)?
            .filter(|name| !name.is_empty()),
        has_audio: fields.flag("hasAudio")?.unwrap_or(true),
        has_video: fields.flag("hasVideo")?.unwrap_or(false),
        media_provider: fields.text("mediaProvider", MAX_NAME)?.map(SmolStr::from),
        sdp: fields.sdp()?,
        sip_sdp: fields.lines("sipSDP")?,
        custom: Payload(fields.take("custom")),
    })
}

fn dtmf_method(fields: &Fields) -> Result<DtmfMethod, Fault> {
    match fields.text("type", MAX_NAME)?.as_deref() {
        None | Some("" | "RFC2833") => Ok(DtmfMethod::Rfc4733),
        Some("INFO") => Ok(DtmfMethod::Info),
        Some("INFO_RELAY") => Ok(DtmfMethod::InfoRelay),
        Some(_) => Err(Fault("type")),
    }
}

fn digits(fields: &Fields) -> Result<SmolStr, Fault> {
    let digits = fields.required("dtmf", MAX_DIGITS)?.to_ascii_uppercase();
    let known = |digit: char| matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D');
    if digits.chars().all(known) {
        Ok(digits.into())
    } else {
        Err(Fault("dtmf"))
    }
}

/// The field that is at fault.
struct Fault(&'static str);

/// The one object of `data`.
struct Fields(Map<String, Value>);

impl Fields {
    fn call_id(&self) -> Result<WcsCallId, Fault> {
        let text = self.required("callId", MAX_ID_BYTES)?;
        WcsCallId::new(&text).ok_or(Fault("callId"))
    }

    fn sdp(&mut self) -> Result<SdpText, Fault> {
        match self.0.remove("sdp") {
            Some(Value::String(sdp)) if !sdp.is_empty() => Ok(SdpText::from(sdp)),
            _ => Err(Fault("sdp")),
        }
    }

    fn required(&self, key: &'static str, max: usize) -> Result<String, Fault> {
        self.text(key, max)?
            .filter(|text| !text.is_empty())
            .ok_or(Fault(key))
    }

    /// A string, or a number as its digits.
    fn text(&self, key: &'static str, max: usize) -> Result<Option<String>, Fault> {
        let text = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Fault(key)),
        };
        if text.len() > max {
            Err(Fault(key))
        } else {
            Ok(Some(text))
        }
    }

    /// A boolean, or its name.
    fn flag(&self, key: &'static str) -> Result<Option<bool>, Fault> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(_) => Err(Fault(key)),
        }
    }

    fn port(&self, key: &'static str) -> Result<Option<u16>, Fault> {
        match self.text(key, MAX_NAME)?.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(digits) => digits.parse().map(Some).map_err(|_| Fault(key)),
        }
    }

    fn number(&self, key: &'static str, default: u32) -> Result<u32, Fault> {
        match self.text(key, MAX_NAME)? {
            None => Ok(default),
            Some(digits) => digits.parse().map_err(|_| Fault(key)),
        }
    }

    fn lines(&self, key: &'static str) -> Result<Vec<String>, Fault> {
        let lines = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(lines)) if lines.len() <= MAX_LIST => lines,
            Some(_) => return Err(Fault(key)),
        };
        lines
            .iter()
            .map(|line| match line {
                // One line each, or the text of another SDP could be written with it.
                Value::String(line)
                    if line.len() <= MAX_ADDRESS && !line.contains(['\r', '\n', '\0']) =>
                {
                    Ok(line.clone())
                }
                _ => Err(Fault(key)),
            })
            .collect()
    }

    fn take(&mut self, key: &str) -> Value {
        self.0.remove(key).unwrap_or(Value::Null)
    }
}
