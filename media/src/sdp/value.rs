//! The values of single attributes, read.

use smol_str::SmolStr;

use super::{CertificateHash, Direction, ExtensionMap, Msid, RtcpAddress, SourceGroup};
use crate::ids::Fingerprint;

/// An attribute that cannot be read.
pub(super) struct Fault {
    pub attribute: &'static str,
    pub reason: String,
}

impl Fault {
    pub(super) fn new(attribute: &'static str, reason: impl Into<String>) -> Self {
        Self {
            attribute,
            reason: reason.into(),
        }
    }
}

/// There cannot be more m-lines to bundle than [`Limits::media`](super::Limits::media); a
/// longer list is cut.
pub(super) fn bundle(value: &str, most: usize) -> Option<Vec<SmolStr>> {
    let mut fields = value.split_ascii_whitespace();
    (fields.next()? == "BUNDLE").then(|| fields.take(most).map(SmolStr::new).collect())
}

/// RFC 8839 5.4: 4 to 256 characters for the fragment, 22 to 256 for the password. The
/// value is a secret and stays out of the error.
pub(super) fn ice(attribute: &'static str, value: &str, least: usize) -> Result<SmolStr, Fault> {
    if !(least..=256).contains(&value.len()) {
        let reason = format!("{} characters, {least} to 256 are allowed", value.len());
        return Err(Fault::new(attribute, reason));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(attribute, "a character that is not allowed"));
    }
    Ok(SmolStr::new(value))
}

pub(super) fn fingerprint(value: &str) -> Result<CertificateHash, Fault> {
    let fault = |reason: &str| Fault::new("fingerprint", reason);
    let (hash, digits) = value
        .split_once(' ')
        .ok_or_else(|| fault("not of the form HASH VALUE"))?;
    let hash = hash.to_ascii_lowercase();
    if hash.len() > 16 || !hash.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(fault("the name of the hash function is none"));
    }
    if hash != "sha-256" {
        return Ok(CertificateHash::Other(
            hash.into(),
            SmolStr::new(digits.trim_ascii()),
        ));
    }
    let mut bytes = [0; 32];
    let mut pairs = digits.trim_ascii().split(':');
    for byte in &mut bytes {
        let pair = pairs.next().unwrap_or_default();
        *byte = hexadecimal(pair)
            .ok_or_else(|| fault("sha-256 takes 32 hexadecimal bytes joined by colons"))?;
    }
    if pairs.next().is_some() {
        return Err(fault("sha-256 takes 32 bytes, there are more"));
    }
    Ok(CertificateHash::Sha256(Fingerprint(bytes)))
}

fn hexadecimal(pair: &str) -> Option<u8> {
    let plain = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    if plain {
        u8::from_str_radix(pair, 16).ok()
    } else {
        None
    }
}

pub(super) fn extension(value: &str) -> Result<ExtensionMap, Fault> {
    let fault = |reason: String| Fault::new("extmap", reason);
    let mut fields = value.split_ascii_whitespace();
    let number = fields.next().unwrap_or_default();
    let uri = fields.next().ok_or_else(|| fault("no URI".into()))?;
    let (id, direction) = match number.split_once('/') {
        Some((id, name)) => {
            let direction = Direction::from_name(name)
                .ok_or_else(|| fault(format!("unknown direction {}", quote(name))))?;
            (id, Some(direction))
        }
        None => (number, None),
    };
    // RFC 8285 5: 1 to 255, and 4096 to 4351 while an offer has more than fit.
    let id: u16 = id
        .parse()
        .map_err(|_| fault(format!("{} is no id", quote(id))))?;
    if id == 0 || id > 4_351 {
        return Err(fault(format!("id {id} is out of range")));
    }
    Ok(ExtensionMap {
        id,
        direction,
        uri: SmolStr::new(uri),
    })
}

pub(super) fn mid(value: &str) -> Result<SmolStr, Fault> {
    // RFC 5888 4: a token. It is written back into a list separated by spaces.
    if value.is_empty() || value.len() > 64 || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(
            "mid",
            format!("{} is no token of 1 to 64", quote(value)),
        ));
    }
    Ok(SmolStr::new(value))
}

pub(super) fn payload_type<'a>(
    attribute: &'static str,
    value: &'a str,
) -> Result<(u8, &'a str), Fault> {
    let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
    match number.parse::<u8>() {
        Ok(payload_type @ 0..128) => Ok((payload_type, rest.trim_ascii())),
        _ => Err(Fault::new(
            attribute,
            format!("{} is no payload type", quote(number)),
        )),
    }
}

pub(super) fn feedback(value: &str) -> Option<(Option<u8>, SmolStr)> {
    let (number, rest) = value.split_once(' ')?;
    let payload_type = match number {
        "*" => None,
        _ => Some(number.parse().ok().filter(|number| *number < 128)?),
    };
    let rest = rest.trim_ascii();
    (!rest.is_empty()).then(|| (payload_type, SmolStr::new(rest)))
}

pub(super) fn msid(value: &str) -> Option<Msid> {
    let mut fields = value.split_ascii_whitespace();
    let stream = SmolStr::new(fields.next()?);
    Some(Msid {
        stream,
        track: fields.next().map(SmolStr::new),
    })
}

pub(super) fn source_group(value: &str) -> Option<SourceGroup> {
    let mut fields = value.split_ascii_whitespace();
    let semantics = SmolStr::new(fields.next()?);
    let ssrcs: Option<Vec<u32>> = fields.map(|ssrc| ssrc.parse().ok()).collect();
    ssrcs
        .filter(|ssrcs| !ssrcs.is_empty())
        .map(|ssrcs| SourceGroup { semantics, ssrcs })
}

/// `PORT [IN IP4|IP6 ADDRESS]`; one that names a host is as good as not said.
pub(super) fn rtcp(value: &str) -> Option<RtcpAddress> {
    let mut fields = value.split_ascii_whitespace();
    let port = fields.next()?.parse().ok().filter(|port| *port != 0)?;
    let address = match (fields.next(), fields.next(), fields.next()) {
        (None, ..) => None,
        (Some("IN"), Some("IP4" | "IP6"), Some(address)) => Some(address.parse().ok()?),
        _ => return None,
    };
    Some(RtcpAddress { port, address })
}

pub(super) fn packet_time(value: &str) -> Option<u16> {
    value
        .parse()
        .ok()
        .filter(|milliseconds| (1..=1_000).contains(milliseconds))
}

/// A piece of the peer's text for an error.
pub(super) fn quote(text: &str) -> String {
    format!("{:?}", excerpt(text, 40))
}

pub(super) fn excerpt(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
