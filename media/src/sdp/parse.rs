//! From text to [`Description`].

use std::net::{IpAddr, Ipv4Addr};

use smol_str::SmolStr;

use super::limits::within;
use super::{
    Bandwidth, Candidate, CertificateHash, Codec, Description, Direction, ExtensionMap, Limits,
    Media, MediaDescription, Msid, Origin, SdpError, Setup, Source, SourceGroup,
};
use crate::ids::{Fingerprint, IceCredentials, MediaKind};

/// More feedback types than this for one payload type are not kept.
const MAX_FEEDBACK: usize = 32;

impl Description {
    /// Reads a description with `\r\n` or `\n` line ends.
    ///
    /// # Errors
    /// [`SdpError`] where it is too large, is no session description, or says something
    /// that decides about a call in a form that cannot be read. Candidates, SSRCs and packet
    /// times that cannot be read are left out.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, SdpError> {
        limits.check(text)?;
        let session = sdp_types::Session::parse(text.as_bytes())
            .map_err(|error| SdpError::Syntax(excerpt(&error.to_string(), 200)))?;

        let mut shared = Attributes::default();
        for attribute in &session.attributes {
            shared
                .read(attribute, limits)
                .map_err(|fault| SdpError::Session {
                    attribute: fault.attribute,
                    reason: fault.reason,
                })?;
        }
        let connection = session.connection.as_ref().and_then(address_of);
        let mut media = Vec::with_capacity(session.medias.len());
        for (index, source) in session.medias.iter().enumerate() {
            let described = read_media(source, &shared, connection, limits);
            media.push(described.map_err(|fault| match fault {
                MediaFault::TooLarge(error) => error,
                MediaFault::Attribute(fault) => SdpError::Media {
                    line: index + 1,
                    media: excerpt(&source.media, 20),
                    attribute: fault.attribute,
                    reason: fault.reason,
                },
            })?);
        }
        refuse_repeated_mids(&media)?;
        Ok(Self {
            origin: Origin {
                session_id: SmolStr::new(&session.origin.sess_id),
                version: session.origin.sess_version,
                address: session
                    .origin
                    .unicast_address
                    .parse()
                    .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            },
            ice_lite: shared.ice_lite,
            bundle: shared.bundle,
            bandwidth: read_bandwidth(&session.bandwidths),
            media,
        })
    }
}

/// An attribute that cannot be read.
struct Fault {
    attribute: &'static str,
    reason: String,
}

impl Fault {
    fn new(attribute: &'static str, reason: impl Into<String>) -> Self {
        Self {
            attribute,
            reason: reason.into(),
        }
    }
}

enum MediaFault {
    Attribute(Fault),
    TooLarge(SdpError),
}

impl From<Fault> for MediaFault {
    fn from(fault: Fault) -> Self {
        Self::Attribute(fault)
    }
}

/// The attributes of one level, read but not yet put together.
#[derive(Default)]
struct Attributes {
    ice_lite: bool,
    bundle: Vec<Vec<SmolStr>>,
    ufrag: Option<SmolStr>,
    pwd: Option<SmolStr>,
    fingerprints: Vec<CertificateHash>,
    setup: Option<Setup>,
    direction: Option<Direction>,
    extensions: Vec<ExtensionMap>,
    mid: Option<SmolStr>,
    bundle_only: bool,
    rtcp_mux: bool,
    rtcp_rsize: bool,
    maps: Vec<(u8, String)>,
    parameters: Vec<(u8, String)>,
    /// Without a payload type: for all of the m-line.
    feedback: Vec<(Option<u8>, SmolStr)>,
    msids: Vec<Msid>,
    sources: Vec<Source>,
    source_groups: Vec<SourceGroup>,
    candidates: Vec<Candidate>,
    end_of_candidates: bool,
    ptime_ms: Option<u16>,
    maxptime_ms: Option<u16>,
}

impl Attributes {
    fn read(&mut self, attribute: &sdp_types::Attribute, limits: &Limits) -> Result<(), Fault> {
        let value = attribute.value.as_deref().unwrap_or_default().trim();
        match attribute.attribute.as_str() {
            "ice-lite" => self.ice_lite = true,
            "group" => self.bundle.extend(read_bundle(value)),
            "ice-ufrag" => self.ufrag = Some(read_ice("ice-ufrag", value, 4)?),
            "ice-pwd" => self.pwd = Some(read_ice("ice-pwd", value, 22)?),
            "fingerprint" => self.fingerprints.push(read_fingerprint(value)?),
            "setup" => {
                let setup = Setup::from_name(value)
                    .ok_or_else(|| Fault::new("setup", format!("unknown role {}", quote(value))))?;
                self.setup = Some(setup);
            }
            "extmap" => self.extensions.push(read_extension(value)?),
            "mid" => self.mid = Some(read_mid(value)?),
            "bundle-only" => self.bundle_only = true,
            // RFC 8858: mux-only implies the readiness to multiplex.
            "rtcp-mux" | "rtcp-mux-only" => self.rtcp_mux = true,
            "rtcp-rsize" => self.rtcp_rsize = true,
            "rtpmap" => {
                let (payload_type, rest) = split_payload_type("rtpmap", value)?;
                self.maps.push((payload_type, rest.to_owned()));
            }
            "fmtp" => {
                // Formats of other protocols have parameters too; they are not read.
                if let Ok((payload_type, rest)) = split_payload_type("fmtp", value) {
                    self.parameters.push((payload_type, rest.to_owned()));
                }
            }
            "rtcp-fb" => {
                if let Some(feedback) = read_feedback(value) {
                    self.feedback.push(feedback);
                }
            }
            "msid" => self.msids.extend(read_msid(value)),
            "ssrc" => self.read_source(value),
            "ssrc-group" => self.source_groups.extend(read_source_group(value)),
            "candidate" if self.candidates.len() < limits.candidates => {
                self.candidates.extend(Candidate::parse(value));
            }
            "end-of-candidates" => self.end_of_candidates = true,
            "ptime" => self.ptime_ms = read_packet_time(value),
            "maxptime" => self.maxptime_ms = read_packet_time(value),
            name => {
                if let Some(direction) = Direction::from_name(name) {
                    self.direction = Some(direction);
                }
            }
        }
        Ok(())
    }

    fn read_source(&mut self, value: &str) {
        let (ssrc, rest) = value.split_once(' ').unwrap_or((value, ""));
        let Ok(ssrc) = ssrc.parse() else { return };
        let cname = rest.strip_prefix("cname:").map(SmolStr::new);
        match self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) => source.cname = source.cname.take().or(cname),
            None => self.sources.push(Source { ssrc, cname }),
        }
    }
}

fn read_media(
    source: &sdp_types::Media,
    shared: &Attributes,
    connection: Option<IpAddr>,
    limits: &Limits,
) -> Result<MediaDescription, MediaFault> {
    let mut own = Attributes::default();
    for attribute in &source.attributes {
        own.read(attribute, limits)?;
    }
    let extensions = own.extensions.len() + shared.extensions.len();
    within(
        "header extensions of an m-line",
        extensions,
        limits.extensions,
    )
    .map_err(MediaFault::TooLarge)?;

    let (codecs, other_formats) = read_formats(source, &own)?;
    let media = match source.media.as_str() {
        "audio" => Media::Kind(MediaKind::Audio),
        "video" => Media::Kind(MediaKind::Video),
        other => Media::Other(SmolStr::new(other)),
    };
    let ufrag = own.ufrag.or_else(|| shared.ufrag.clone());
    let pwd = own.pwd.or_else(|| shared.pwd.clone());
    let ice = match (ufrag, pwd) {
        (Some(ufrag), Some(pwd)) => Some(IceCredentials { ufrag, pwd }),
        (None, None) => None,
        (Some(_), None) => return Err(Fault::new("ice-pwd", "missing").into()),
        (None, Some(_)) => return Err(Fault::new("ice-ufrag", "missing").into()),
    };
    let fingerprints = if own.fingerprints.is_empty() {
        shared.fingerprints.clone()
    } else {
        own.fingerprints
    };
    let mut extensions = own.extensions;
    extensions.extend(shared.extensions.iter().cloned());
    Ok(MediaDescription {
        media,
        port: source.port,
        protocol: SmolStr::new(&source.proto),
        codecs,
        other_formats,
        connection: source.connections.first().map_or(connection, address_of),
        bandwidth: read_bandwidth(&source.bandwidths),
        mid: own.mid,
        bundle_only: own.bundle_only,
        direction: own.direction.or(shared.direction).unwrap_or_default(),
        ice,
        fingerprints,
        setup: own.setup.or(shared.setup),
        rtcp_mux: own.rtcp_mux,
        rtcp_rsize: own.rtcp_rsize,
        extensions,
        msids: own.msids,
        sources: own.sources,
        source_groups: own.source_groups,
        candidates: own.candidates,
        end_of_candidates: own.end_of_candidates || shared.end_of_candidates,
        ptime_ms: own.ptime_ms,
        maxptime_ms: own.maxptime_ms,
    })
}

/// Joins the formats of the m-line with their maps, parameters and feedback. Lines about
/// payload types that the m-line does not name are left out.
fn read_formats(
    source: &sdp_types::Media,
    own: &Attributes,
) -> Result<(Vec<Codec>, Vec<SmolStr>), Fault> {
    let mut codecs: Vec<Codec> = Vec::new();
    let mut other_formats: Vec<SmolStr> = Vec::new();
    let mut maps = [None; 128];
    for (payload_type, map) in &own.maps {
        maps[usize::from(*payload_type)] = Some(map);
    }
    // Where each payload type went, so that a long list costs no search.
    let mut places = [None; 128];
    for format in source.fmt.split_ascii_whitespace() {
        let payload_type = format.parse::<u8>().ok().filter(|number| *number < 128);
        let Some(number) = payload_type.filter(|_| is_rtp(&source.proto)) else {
            if other_formats.len() < 128 {
                other_formats.push(SmolStr::new(format));
            }
            continue;
        };
        let place = &mut places[usize::from(number)];
        if place.is_some() {
            continue;
        }
        let codec = match maps[usize::from(number)] {
            Some(map) => Some(
                Codec::from_map(number, map)
                    .map_err(|reason| Fault::new("rtpmap", format!("{number}: {reason}")))?,
            ),
            None => Codec::of_static(number),
        };
        match codec {
            Some(codec) => {
                *place = Some(codecs.len());
                codecs.push(codec);
            }
            None if other_formats.len() < 128 => other_formats.push(SmolStr::new(format)),
            None => {}
        }
    }
    for (payload_type, parameters) in &own.parameters {
        if let Some(index) = places[usize::from(*payload_type)] {
            let codec: &mut Codec = &mut codecs[index];
            codec.parameters = Some(match codec.parameters.take() {
                Some(before) => format!("{before};{parameters}").into(),
                None => SmolStr::new(parameters),
            });
        }
    }
    for (payload_type, feedback) in &own.feedback {
        let chosen = match payload_type {
            Some(number) => places[usize::from(*number)].map_or(0..0, |at| at..at + 1),
            None => 0..codecs.len(),
        };
        for codec in &mut codecs[chosen] {
            if codec.feedback.len() < MAX_FEEDBACK && !codec.feedback.contains(feedback) {
                codec.feedback.push(feedback.clone());
            }
        }
    }
    Ok((codecs, other_formats))
}

/// The formats of the m-line are payload types (RFC 8866 5.14).
fn is_rtp(protocol: &str) -> bool {
    protocol.contains("RTP/")
}

fn read_bundle(value: &str) -> Option<Vec<SmolStr>> {
    let mut fields = value.split_ascii_whitespace();
    (fields.next()? == "BUNDLE").then(|| fields.map(SmolStr::new).collect())
}

/// RFC 8839 5.4: 4 to 256 characters for the fragment, 22 to 256 for the password. The
/// value is a secret and stays out of the error.
fn read_ice(attribute: &'static str, value: &str, least: usize) -> Result<SmolStr, Fault> {
    if !(least..=256).contains(&value.len()) {
        let reason = format!("{} characters, {least} to 256 are allowed", value.len());
        return Err(Fault::new(attribute, reason));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(attribute, "a character that is not allowed"));
    }
    Ok(SmolStr::new(value))
}

fn read_fingerprint(value: &str) -> Result<CertificateHash, Fault> {
    let fault = |reason: &str| Fault::new("fingerprint", reason);
    let (hash, digits) = value
        .split_once(' ')
        .ok_or_else(|| fault("not of the form HASH VALUE"))?;
    let hash = hash.to_ascii_lowercase();
    if hash != "sha-256" {
        return Ok(CertificateHash::Other(
            hash.into(),
            SmolStr::new(digits.trim()),
        ));
    }
    let mut bytes = [0; 32];
    let mut pairs = digits.trim().split(':');
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

fn read_extension(value: &str) -> Result<ExtensionMap, Fault> {
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

fn read_mid(value: &str) -> Result<SmolStr, Fault> {
    // RFC 5888 4: a token. It is written back into a list separated by spaces.
    if value.is_empty() || value.len() > 64 || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(
            "mid",
            format!("{} is no token of 1 to 64", quote(value)),
        ));
    }
    Ok(SmolStr::new(value))
}

fn split_payload_type<'a>(attribute: &'static str, value: &'a str) -> Result<(u8, &'a str), Fault> {
    let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
    match number.parse::<u8>() {
        Ok(payload_type @ 0..128) => Ok((payload_type, rest.trim())),
        _ => Err(Fault::new(
            attribute,
            format!("{} is no payload type", quote(number)),
        )),
    }
}

fn read_feedback(value: &str) -> Option<(Option<u8>, SmolStr)> {
    let (number, rest) = value.split_once(' ')?;
    let payload_type = match number {
        "*" => None,
        _ => Some(number.parse().ok().filter(|number| *number < 128)?),
    };
    let rest = rest.trim();
    (!rest.is_empty()).then(|| (payload_type, SmolStr::new(rest)))
}

fn read_msid(value: &str) -> Option<Msid> {
    let mut fields = value.split_ascii_whitespace();
    let stream = SmolStr::new(fields.next()?);
    Some(Msid {
        stream,
        track: fields.next().map(SmolStr::new),
    })
}

fn read_source_group(value: &str) -> Option<SourceGroup> {
    let mut fields = value.split_ascii_whitespace();
    let semantics = SmolStr::new(fields.next()?);
    let ssrcs: Option<Vec<u32>> = fields.map(|ssrc| ssrc.parse().ok()).collect();
    ssrcs
        .filter(|ssrcs| !ssrcs.is_empty())
        .map(|ssrcs| SourceGroup { semantics, ssrcs })
}

fn read_packet_time(value: &str) -> Option<u16> {
    value
        .parse()
        .ok()
        .filter(|milliseconds| (1..=1_000).contains(milliseconds))
}

fn read_bandwidth(lines: &[sdp_types::Bandwidth]) -> Bandwidth {
    let find = |name: &str| lines.iter().find(|line| line.bwtype == name);
    Bandwidth {
        application_specific: find("AS").map(|line| line.bandwidth),
        transport_independent: find("TIAS").map(|line| line.bandwidth),
    }
}

fn address_of(connection: &sdp_types::Connection) -> Option<IpAddr> {
    connection.try_address().ok().map(|address| address.ip)
}

fn refuse_repeated_mids(media: &[MediaDescription]) -> Result<(), SdpError> {
    for (index, description) in media.iter().enumerate() {
        let repeated = description.mid.is_some()
            && media[..index]
                .iter()
                .any(|before| before.mid == description.mid);
        if repeated {
            return Err(SdpError::Media {
                line: index + 1,
                media: description.media.as_str().to_owned(),
                attribute: "mid",
                reason: "used by an m-line before".into(),
            });
        }
    }
    Ok(())
}

/// A piece of the peer's text for an error.
fn quote(text: &str) -> String {
    format!("{:?}", excerpt(text, 40))
}

fn excerpt(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
