//! From text to [`Description`].

use std::net::{IpAddr, Ipv4Addr};

use smol_str::SmolStr;

use super::limits::within;
use super::value::{self, Fault, excerpt, quote};
use super::{
    Bandwidth, Candidate, CertificateHash, Codec, Crypto, Description, Direction, ExtensionMap,
    Limits, Media, MediaDescription, Msid, Origin, RtcpAddress, SdpError, Setup, Source,
    SourceGroup, crypto,
};
use crate::ids::{IceCredentials, MediaKind};

/// More feedback types than this for one payload type are not kept.
const MAX_FEEDBACK: usize = 32;

/// More SSRCs or groups of them than this in one m-line are not kept.
const MAX_SOURCES: usize = 64;

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
    crypto: Vec<Crypto>,
    rtcp: Option<RtcpAddress>,
    direction: Option<Direction>,
    extensions: Vec<ExtensionMap>,
    mid: Option<SmolStr>,
    bundle_only: bool,
    rtcp_mux: bool,
    rtcp_rsize: bool,
    maps: Vec<(u8, String)>,
    parameters: Vec<(u8, String)>,
    feedback: Vec<(u8, SmolStr)>,
    /// For all payload types of the m-line.
    feedback_of_all: Vec<SmolStr>,
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
        let value = attribute.value.as_deref().unwrap_or_default().trim_ascii();
        match attribute.attribute.as_str() {
            "ice-lite" => self.ice_lite = true,
            "group" => self.bundle.extend(value::bundle(value, limits.media)),
            "ice-ufrag" => self.ufrag = Some(value::ice("ice-ufrag", value, 4)?),
            "ice-pwd" => self.pwd = Some(value::ice("ice-pwd", value, 22)?),
            "fingerprint" => self.fingerprints.push(value::fingerprint(value)?),
            "setup" => {
                let setup = Setup::from_name(value)
                    .ok_or_else(|| Fault::new("setup", format!("unknown role {}", quote(value))))?;
                self.setup = Some(setup);
            }
            "crypto" if self.crypto.len() < crypto::MAX_LINES => {
                self.crypto.extend(Crypto::parse(value));
            }
            "rtcp" => self.rtcp = value::rtcp(value),
            "extmap" => self.extensions.push(value::extension(value)?),
            "mid" => self.mid = Some(value::mid(value)?),
            "bundle-only" => self.bundle_only = true,
            // RFC 8858: mux-only implies the readiness to multiplex.
            "rtcp-mux" | "rtcp-mux-only" => self.rtcp_mux = true,
            "rtcp-rsize" => self.rtcp_rsize = true,
            "rtpmap" => {
                let (payload_type, rest) = value::payload_type("rtpmap", value)?;
                self.maps.push((payload_type, rest.to_owned()));
            }
            "fmtp" => {
                // Formats of other protocols have parameters too; they are not read.
                if let Ok((payload_type, rest)) = value::payload_type("fmtp", value) {
                    self.parameters.push((payload_type, rest.to_owned()));
                }
            }
            "rtcp-fb" => {
                if let Some((payload_type, feedback)) = value::feedback(value) {
                    self.read_feedback(payload_type, feedback);
                }
            }
            "msid" => self.msids.extend(value::msid(value)),
            "ssrc" => self.read_source(value),
            "ssrc-group" if self.source_groups.len() < MAX_SOURCES => {
                self.source_groups.extend(value::source_group(value));
            }
            "candidate" if self.candidates.len() < limits.candidates => {
                self.candidates.extend(Candidate::parse(value));
            }
            "end-of-candidates" => self.end_of_candidates = true,
            "ptime" => self.ptime_ms = value::packet_time(value),
            "maxptime" => self.maxptime_ms = value::packet_time(value),
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
            None => {
                self.sources.push(Source { ssrc, cname });
                self.sources.truncate(MAX_SOURCES);
            }
        }
    }

    fn read_feedback(&mut self, payload_type: Option<u8>, feedback: SmolStr) {
        let all = &mut self.feedback_of_all;
        match payload_type {
            Some(payload_type) => self.feedback.push((payload_type, feedback)),
            None if all.len() < MAX_FEEDBACK && !all.contains(&feedback) => all.push(feedback),
            None => {}
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

    let formats = source.fmt.split_ascii_whitespace().count();
    within("formats of an m-line", formats, limits.formats).map_err(MediaFault::TooLarge)?;
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
        // RFC 4568 9.1: of an m-line only.
        crypto: own.crypto,
        rtcp: own.rtcp,
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
            other_formats.push(SmolStr::new(format));
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
            None => other_formats.push(SmolStr::new(format)),
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
        if let Some(index) = places[usize::from(*payload_type)] {
            add_feedback(&mut codecs[index], feedback);
        }
    }
    for codec in &mut codecs {
        for feedback in &own.feedback_of_all {
            add_feedback(codec, feedback);
        }
    }
    Ok((codecs, other_formats))
}

fn add_feedback(codec: &mut Codec, feedback: &SmolStr) {
    if codec.feedback.len() < MAX_FEEDBACK && !codec.feedback.contains(feedback) {
        codec.feedback.push(feedback.clone());
    }
}

/// The formats of the m-line are payload types (RFC 8866 5.14).
fn is_rtp(protocol: &str) -> bool {
    protocol.contains("RTP/")
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
