//! Session descriptions (RFC 8866) as types: what WebRTC, DTLS-SRTP and plain RTP legs write
//! into them, and no more.
//!
//! [`Description::parse`] reads the text of a peer; whatever is not modelled here is left
//! behind, because a back-to-back user agent writes descriptions of its own. What a peer says
//! once for the whole session (ICE, fingerprint, set-up role, direction, extensions) is folded
//! into each [`MediaDescription`], so that no reader has to look in two places.
//! [`Description::to_text`] writes ours; parsing it again gives an equal value.

mod attribute;
mod candidate;
mod codec;
mod crypto;
mod error;
mod limits;
mod parse;
#[cfg(test)]
mod tests;
mod value;
mod write;

use std::net::{IpAddr, Ipv4Addr};

use smol_str::SmolStr;

pub use attribute::{
    Bandwidth, CertificateHash, Direction, ExtensionMap, Msid, RtcpAddress, Setup, Source,
    SourceGroup,
};
pub use candidate::Candidate;
pub use codec::Codec;
pub use crypto::Crypto;
pub use error::SdpError;
pub use limits::Limits;

use crate::ids::{IceCredentials, MediaKind};

/// A whole session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `o=`
    pub origin: Origin,
    /// `a=ice-lite`: the writer only answers checks (RFC 8839 5.3).
    pub ice_lite: bool,
    /// The mids of each `a=group:BUNDLE` (RFC 9143).
    pub bundle: Vec<Vec<SmolStr>>,
    /// `b=` before the first m-line.
    pub bandwidth: Bandwidth,
    /// One for each m-line, in order.
    pub media: Vec<MediaDescription>,
}

/// Who wrote a description, and which version of it this is (RFC 8866 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A numeric string, so far as the writer keeps to the rules.
    pub session_id: SmolStr,
    /// Goes up by one for each changed description of the same session.
    pub version: u64,
    /// The unspecified address where the peer wrote a host name.
    pub address: IpAddr,
}

/// One m-line with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDescription {
    /// What it carries.
    pub media: Media,
    /// 0 refuses it, or in an offer marks it as [`bundle_only`](Self::bundle_only).
    pub port: u16,
    /// The third field of the m-line, such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: SmolStr,
    /// The payload types of the m-line that are described (`a=rtpmap`, or static ones of
    /// RFC 3551), in its order, each once.
    pub codecs: Vec<Codec>,
    /// The formats of the m-line that are not: payload types without a map, names of other
    /// protocols.
    pub other_formats: Vec<SmolStr>,
    /// `c=`, where it is an address and not a host name.
    pub connection: Option<IpAddr>,
    /// `b=` of this m-line.
    pub bandwidth: Bandwidth,
    /// `a=mid` (RFC 5888)
    pub mid: Option<SmolStr>,
    /// `a=bundle-only` (RFC 9143 6)
    pub bundle_only: bool,
    /// `a=sendrecv` and its like; `sendrecv` where nothing is said.
    pub direction: Direction,
    /// `a=ice-ufrag` and `a=ice-pwd` (RFC 8839 5.4)
    pub ice: Option<IceCredentials>,
    /// `a=fingerprint` (RFC 8122 5)
    pub fingerprints: Vec<CertificateHash>,
    /// `a=setup` (RFC 4145 4)
    pub setup: Option<Setup>,
    /// `a=crypto` (RFC 4568): those that can be used, in order. The others are left out.
    pub crypto: Vec<Crypto>,
    /// `a=rtcp` (RFC 3605): where RTCP goes, if not to the port above that of the m-line.
    pub rtcp: Option<RtcpAddress>,
    /// `a=rtcp-mux` (RFC 5761)
    pub rtcp_mux: bool,
    /// `a=rtcp-rsize` (RFC 5506)
    pub rtcp_rsize: bool,
    /// `a=extmap` (RFC 8285)
    pub extensions: Vec<ExtensionMap>,
    /// `a=msid` (RFC 8830)
    pub msids: Vec<Msid>,
    /// `a=ssrc` (RFC 5576), each SSRC once, in order of appearance.
    pub sources: Vec<Source>,
    /// `a=ssrc-group` (RFC 5576)
    pub source_groups: Vec<SourceGroup>,
    /// `a=candidate` (RFC 8839 5.1) whose address is a literal: names, mDNS ones among
    /// them, are left out, because we never look one up.
    pub candidates: Vec<Candidate>,
    /// `a=end-of-candidates` (RFC 8838)
    pub end_of_candidates: bool,
    /// `a=ptime`, milliseconds, 1 to 1000; others are as good as not said.
    pub ptime_ms: Option<u16>,
    /// `a=maxptime`, milliseconds, 1 to 1000; others are as good as not said.
    pub maxptime_ms: Option<u16>,
}

/// The first field of an m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// What we can carry.
    Kind(MediaKind),
    /// `application`, `text`, `message`, `image` and others.
    Other(SmolStr),
}

impl Description {
    /// An empty one: no m-line, nothing said.
    pub fn new(session_id: u64, version: u64, address: IpAddr) -> Self {
        // RFC 8829 5.2.1: 64 bits with the highest bit set to zero.
        let session_id = session_id & (u64::MAX >> 1);
        Self {
            origin: Origin {
                session_id: session_id.to_string().into(),
                version,
                address,
            },
            ice_lite: false,
            bundle: Vec::new(),
            bandwidth: Bandwidth::default(),
            media: Vec::new(),
        }
    }

    /// The mids bundled with `mid`, itself included.
    pub fn bundle_of(&self, mid: &str) -> Option<&[SmolStr]> {
        self.bundle
            .iter()
            .find(|group| group.iter().any(|m| m == mid))
            .map(Vec::as_slice)
    }
}

impl MediaDescription {
    /// A refused one: port 0, nothing said.
    pub fn new(media: Media, protocol: SmolStr) -> Self {
        Self {
            media,
            port: 0,
            protocol,
            codecs: Vec::new(),
            other_formats: Vec::new(),
            connection: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            bandwidth: Bandwidth::default(),
            mid: None,
            bundle_only: false,
            direction: Direction::Inactive,
            ice: None,
            fingerprints: Vec::new(),
            setup: None,
            crypto: Vec::new(),
            rtcp: None,
            rtcp_mux: false,
            rtcp_rsize: false,
            extensions: Vec::new(),
            msids: Vec::new(),
            sources: Vec::new(),
            source_groups: Vec::new(),
            candidates: Vec::new(),
            end_of_candidates: false,
            ptime_ms: None,
            maxptime_ms: None,
        }
    }

    /// The kind, where it is one we can carry.
    pub fn kind(&self) -> Option<MediaKind> {
        match self.media {
            Media::Kind(kind) => Some(kind),
            Media::Other(_) => None,
        }
    }

    /// The m-line is refused (RFC 3264 6), or offered and switched off.
    pub fn is_refused(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }

    /// The codec of a payload type.
    pub fn codec(&self, payload_type: u8) -> Option<&Codec> {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type)
    }
}

impl Media {
    /// As in the m-line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Kind(MediaKind::Audio) => "audio",
            Self::Kind(MediaKind::Video) => "video",
            Self::Other(name) => name,
        }
    }
}
