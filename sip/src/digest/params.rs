//! The grammar under all headers of digest: a scheme, then `name=value` parted by commas
//! (RFC 3261 25.1, `auth-param`).

use std::borrow::Cow;
use std::fmt;

use smol_str::SmolStr;
use thiserror::Error;

/// The longest header value that is read, in bytes.
pub const MAX_VALUE_BYTES: usize = 8192;
/// The most parameters of a header value.
pub const MAX_PARAMS: usize = 32;

/// Why a header value is none that digest can use. The fault is the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Longer than [`MAX_VALUE_BYTES`].
    #[error("the header value is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_PARAMS`] parameters.
    #[error("the header value has more than {MAX_PARAMS} parameters")]
    TooManyParams,
    /// Not UTF-8, or with a control character in it.
    #[error("the header value is not UTF-8, or holds a control character")]
    Character,
    /// Another scheme than `Digest`.
    #[error("the scheme is not Digest")]
    Scheme,
    /// Neither `name=token` nor `name="text"`.
    #[error("a parameter is malformed")]
    Syntax,
    /// A parameter that comes twice.
    #[error("a parameter comes twice")]
    Twice,
    /// A parameter that has to be there is not.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter with a value that it cannot have.
    #[error("the parameter {0} has a value that it cannot have")]
    Value(&'static str),
    /// An algorithm that is not known here.
    #[error("the algorithm is unknown")]
    Algorithm,
    /// A quality of protection that is not known here, and none beside it that is.
    #[error("the quality of protection is unknown")]
    Qop,
}

/// The parameters of a header value.
pub(super) struct Params<'a> {
    all: Vec<(&'a str, Value<'a>)>,
}

/// The value of a parameter.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Token(&'a str),
    /// What stands between the quotes, escapes and all.
    Quoted(&'a str),
}

impl<'a> Params<'a> {
    /// Reads what follows the scheme `Digest`.
    pub(super) fn of_digest(value: &'a [u8]) -> Result<Self, ValueError> {
        let text = text_of(value)?;
        let (scheme, rest) = token(text);
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(ValueError::Scheme);
        }
        if !rest.is_empty() && !rest.starts_with(SPACE) {
            return Err(ValueError::Scheme);
        }
        Self::read(rest)
    }

    /// Reads a value that has no scheme (`Authentication-Info`).
    pub(super) fn bare(value: &'a [u8]) -> Result<Self, ValueError> {
        Self::read(text_of(value)?)
    }

    fn read(mut rest: &'a str) -> Result<Self, ValueError> {
        let mut all: Vec<(&str, Value<'_>)> = Vec::new();
        loop {
            // Empty elements do no harm: `a=b, , c=d`.
            rest = rest.trim_start_matches(|c| c == ',' || SPACE.contains(&c));
            if rest.is_empty() {
                return Ok(Self { all });
            }
            let (name, value, after) = param(rest)?;
            if all
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                return Err(ValueError::Twice);
            }
            if all.len() == MAX_PARAMS {
                return Err(ValueError::TooManyParams);
            }
            all.push((name, value));
            rest = after.trim_start_matches(SPACE);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(ValueError::Syntax);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.all
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The value of a parameter that has to be there, escapes and all.
    pub(super) fn need_raw(&self, name: &'static str) -> Result<SmolStr, ValueError> {
        self.get_raw(name).ok_or(ValueError::Missing(name))
    }

    /// The value of a parameter, escapes and all.
    pub(super) fn get_raw(&self, name: &str) -> Option<SmolStr> {
        self.get(name).map(|value| value.raw().into())
    }

    /// The value of a parameter that has to be there, its escapes undone.
    pub(super) fn need_text(&self, name: &'static str) -> Result<SmolStr, ValueError> {
        let value = self.get(name).ok_or(ValueError::Missing(name))?;
        Ok(value.text().into())
    }
}

impl<'a> Value<'a> {
    pub(super) fn raw(self) -> &'a str {
        match self {
            Self::Token(text) | Self::Quoted(text) => text,
        }
    }

    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Quoted(text) if text.contains('\\') => {
                let mut escaped = false;
                let plain = |c: &char| {
                    escaped = *c == '\\' && !escaped;
                    !escaped
                };
                text.chars().filter(plain).collect::<String>().into()
            }
            Self::Token(text) | Self::Quoted(text) => text.into(),
        }
    }
}

/// Writes parameters: `Digest a="b", c=d`.
pub(super) struct Writer<'f, 'b> {
    to: &'f mut fmt::Formatter<'b>,
    before: &'static str,
}

impl<'f, 'b> Writer<'f, 'b> {
    /// What comes before the first parameter: a scheme and a space, or nothing.
    pub(super) fn new(to: &'f mut fmt::Formatter<'b>, before: &'static str) -> Self {
        Self { to, before }
    }

    /// A value that needs no quotes.
    pub(super) fn token(&mut self, name: &str, value: impl fmt::Display) -> fmt::Result {
        write!(self.to, "{}{name}={value}", self.before)?;
        self.before = ", ";
        Ok(())
    }

    /// A value that was read from between quotes, or needs no escapes.
    pub(super) fn raw(&mut self, name: &str, value: &str) -> fmt::Result {
        self.token(name, format_args!("\"{value}\""))
    }

    /// Any text without control characters.
    pub(super) fn text(&mut self, name: &str, value: &str) -> fmt::Result {
        if value.contains(['"', '\\']) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            self.raw(name, &escaped)
        } else {
            self.raw(name, value)
        }
    }
}

/// True if it can stand in a header: no control characters.
pub(super) fn is_text(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// True if it can stand between quotes as it is.
pub(super) fn is_plain(text: &str) -> bool {
    is_text(text) && !text.contains(['"', '\\'])
}

/// Linear whitespace outside quotes; a folded line is unfolded by it.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn text_of(value: &[u8]) -> Result<&str, ValueError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(ValueError::TooLong);
    }
    let text = str::from_utf8(value).map_err(|_| ValueError::Character)?;
    if text.chars().any(|c| c.is_control() && !SPACE.contains(&c)) {
        return Err(ValueError::Character);
    }
    Ok(text.trim_start_matches(SPACE))
}

fn param(text: &str) -> Result<(&str, Value<'_>, &str), ValueError> {
    let (name, rest) = token(text);
    let rest = rest.trim_start_matches(SPACE);
    let value = rest.strip_prefix('=').ok_or(ValueError::Syntax)?;
    let value = value.trim_start_matches(SPACE);
    if name.is_empty() {
        return Err(ValueError::Syntax);
    }
    if let Some(quoted) = value.strip_prefix('"') {
        let (inner, after) = quoted_end(quoted).ok_or(ValueError::Syntax)?;
        if inner.contains(['\r', '\n', '\t']) {
            return Err(ValueError::Character);
        }
        return Ok((name, Value::Quoted(inner), after));
    }
    let (value, after) = token(value);
    if value.is_empty() {
        return Err(ValueError::Syntax);
    }
    Ok((name, Value::Token(value), after))
}

/// `token` of RFC 3261 25.1, which may be empty here, and what follows it. The slash is let in for
/// peers that leave the quotes off a nonce.
fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-.!%*_+`'~/".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// What stands before the closing quote, and what follows it.
fn quoted_end(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}
