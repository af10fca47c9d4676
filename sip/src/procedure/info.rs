//! What phones say in INFO: keys that were pressed (`application/dtmf-relay`, `application/dtmf`),
//! and that a picture is wanted anew (RFC 5168).

#[cfg(test)]
mod tests;

use super::{bad, xml};
use crate::header::ContentType;
use crate::message::{HeaderName, Rejection, Request, RequestBuilder, Status};

const DTMF_RELAY: &str = "application/dtmf-relay";
/// The type of a body that tells of a key alone.
pub const DTMF: &str = "application/dtmf";
const MEDIA_CONTROL: &str = "application/media_control+xml";

/// How long a key is pressed if nobody says, ms.
pub const DEFAULT_KEY_MS: u16 = 160;

/// The shortest and the longest that a key is pressed, whatever is said, ms.
const KEY_MS: std::ops::RangeInclusive<u32> = 40..=6000;

/// What an INFO says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Info {
    /// A key was pressed.
    Key(KeyPress),
    /// The sender cannot show what it gets and wants a whole picture.
    PictureFastUpdate,
    /// Nothing that is to be acted on: it has no body, or asks media for something else.
    Nothing,
}

/// A key of a telephone, pressed and let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    /// Which.
    pub key: Key,
    /// How long, ms.
    pub duration_ms: u16,
}

/// A key, by its number in RFC 4733 3.2: 0 to 9, `*`, `#`, A to D, and flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u8);

/// In which body a key is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// `application/dtmf-relay`: key and duration.
    Relay,
    /// `application/dtmf`: the key alone.
    Plain,
}

impl Info {
    /// Reads it.
    ///
    /// # Errors
    /// 415 for a body of another type, 400 for what is malformed.
    pub fn read(request: &Request) -> Result<Self, Rejection> {
        if request.body().trim_ascii().is_empty() {
            return Ok(Self::Nothing);
        }
        let content = request
            .headers()
            .get::<ContentType<'_>>()
            .ok()
            .flatten()
            .ok_or_else(|| bad("Content-Type is missing or malformed"))?;
        if content.is(DTMF_RELAY) {
            read_relay(request.body()).map(Self::Key)
        } else if content.is(DTMF) {
            read_plain(request.body()).map(Self::Key)
        } else if content.is(MEDIA_CONTROL) {
            let mut elements = xml::elements(request.body());
            Ok(match elements.any(|name| name == b"picture_fast_update") {
                true => Self::PictureFastUpdate,
                false => Self::Nothing,
            })
        } else {
            Err(Rejection::new(
                Status::UNSUPPORTED_MEDIA_TYPE,
                "the type of the body is not known here",
            )
            .with(
                HeaderName::Accept,
                [DTMF_RELAY, DTMF, MEDIA_CONTROL].join(", "),
            ))
        }
    }
}

impl Key {
    /// Flash: the hook was pressed for a moment.
    pub const FLASH: Self = Self(16);

    /// A key by its number in RFC 4733 3.2.
    pub fn from_event(event: u8) -> Option<Self> {
        (event <= Self::FLASH.0).then_some(Self(event))
    }

    /// A key by its sign: `0` to `9`, `*`, `#`, `A` to `D` in either case.
    pub fn of(sign: char) -> Option<Self> {
        let mut buffer = [0; 4];
        Self::read(sign.encode_utf8(&mut buffer))
    }

    /// Its number in RFC 4733 3.2.
    pub fn event(self) -> u8 {
        self.0
    }

    /// As it is written in a body: `0` to `9`, `*`, `#`, `A` to `D`, or `16`.
    pub fn as_str(self) -> &'static str {
        const NAMES: [&str; 17] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D", "16",
        ];
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Reads a key as phones write it: its sign, or its number.
    fn read(text: &str) -> Option<Self> {
        let event = match text.as_bytes() {
            [digit @ b'0'..=b'9'] => digit - b'0',
            b"*" => 10,
            b"#" => 11,
            [letter @ b'A'..=b'D'] => 12 + (letter - b'A'),
            [letter @ b'a'..=b'd'] => 12 + (letter - b'a'),
            // No sign: `parse` alone would take one.
            [b'1', b'0'..=b'6'] => text.parse().ok()?,
            _ => return None,
        };
        Self::from_event(event)
    }
}

impl KeyPress {
    /// Writes it as the body of an INFO.
    #[must_use]
    pub fn write(&self, builder: RequestBuilder, format: KeyFormat) -> RequestBuilder {
        let key = self.key.as_str();
        match format {
            KeyFormat::Relay => {
                let body = format!("Signal={key}\r\nDuration={}\r\n", self.duration_ms);
                builder.body(DTMF_RELAY, body)
            }
            KeyFormat::Plain => builder.body(DTMF, format!("{key}\r\n")),
        }
    }
}

/// Writes the body of an INFO that wants a whole picture (RFC 5168 6).
#[must_use]
pub fn write_picture_fast_update(builder: RequestBuilder) -> RequestBuilder {
    const BODY: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
        <media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder>\
        </vc_primitive></media_control>\r\n";
    builder.body(MEDIA_CONTROL, BODY)
}

/// `Signal=5`, `Duration=160`, a line each, in any order and case.
fn read_relay(body: &[u8]) -> Result<KeyPress, Rejection> {
    let malformed = || bad("the pressed key is malformed");
    let body = std::str::from_utf8(body).map_err(|_| malformed())?;
    let field = |wanted: &str| {
        body.split(['\r', '\n'])
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let duration = match field("duration") {
        None => u32::from(DEFAULT_KEY_MS),
        // More digits than a number holds is long, and no fault worth a key.
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().unwrap_or(u32::MAX)
        }
        Some(_) => return Err(malformed()),
    };
    let duration = duration.clamp(*KEY_MS.start(), *KEY_MS.end());
    Ok(KeyPress {
        key: field("signal").and_then(Key::read).ok_or_else(malformed)?,
        duration_ms: u16::try_from(duration).unwrap_or(u16::MAX),
    })
}

/// The key alone; some write it as in the other body.
fn read_plain(body: &[u8]) -> Result<KeyPress, Rejection> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    match Key::read(text.trim()) {
        Some(key) => Ok(KeyPress {
            key,
            duration_ms: DEFAULT_KEY_MS,
        }),
        None => read_relay(body),
    }
}
