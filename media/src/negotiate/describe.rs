//! Our own descriptions: the m-lines and plans that are alike in offers and answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use smol_str::SmolStr;

use super::agreement::Stream;
use super::local::{Local, LocalRtp, LocalTransport, LocalWebRtc};
use super::remote::RemoteTransport;
use super::rtp::{self, OwnRtp};
use super::{NegotiationError, Policy, extension, format};
use crate::ids::{DtlsRole, MediaKind};
use crate::plan::{CodecPlan, ExtensionPlan, Feedback, StreamPlan, WebRtcPlan};
use crate::sdp::{
    Bandwidth, Candidate, CertificateHash, Codec, Description, Direction, Media, MediaDescription,
    Msid, Setup, Source, SourceGroup,
};

/// More addresses than this are not told, of either transport.
const MAX_CANDIDATES: usize = 16;

/// One of our m-lines in use.
#[derive(Debug, Clone)]
pub(super) struct OwnStream {
    pub kind: MediaKind,
    pub protocol: SmolStr,
    pub mid: Option<SmolStr>,
    /// As we see it.
    pub direction: Direction,
    /// What the far side wants, as it sees it, where our direction leaves that open.
    pub wish: Direction,
    /// What we send with is told, though we may not send now.
    pub announced: bool,
    /// What we declare, the best first.
    pub formats: Vec<format::Offered>,
    pub extensions: Vec<ExtensionPlan>,
    /// What we want to receive at most, bit/s.
    pub bitrate: Option<u64>,
    pub ptime_ms: Option<u16>,
    pub maxptime_ms: Option<u16>,
    pub rtcp_rsize: bool,
    /// Where the stream has a transport of its own.
    pub rtp: Option<OwnRtp>,
    /// Which m-line it is.
    pub line: usize,
}

/// Whether our m-line tells what we send with. Once it has, it always does, whoever holds: the
/// `a=msid` lines "MUST stay the same if they are present in the current description, regardless
/// of changes to the transceiver's direction" (RFC 9429 5.2.2, 5.3.2). Chromium does not play a
/// stream whose SSRC was gone and is back.
pub(super) fn is_announced(direction: Direction, before: Option<&Stream>) -> bool {
    direction.sends() || before.is_some_and(|before| before.announced)
}

/// The transport half of our m-lines.
pub(super) enum OwnTransport<'a> {
    WebRtc(OwnWebRtc<'a>),
    Rtp(&'a Local, &'a LocalRtp),
}

/// The same of a WebRTC leg.
pub(super) struct OwnWebRtc<'a> {
    local: &'a Local,
    transport: &'a LocalWebRtc,
    candidates: Vec<SocketAddr>,
    tcp_candidates: Vec<SocketAddr>,
    setup: Setup,
}

impl<'a> OwnTransport<'a> {
    /// # Errors
    /// [`NegotiationError::NoCandidates`] if there is no address to be reached at.
    pub(super) fn new(local: &'a Local, setup: Setup) -> Result<Self, NegotiationError> {
        Ok(match &local.transport {
            LocalTransport::WebRtc(webrtc) => Self::WebRtc(OwnWebRtc::new(local, webrtc, setup)?),
            LocalTransport::Rtp(rtp) => Self::Rtp(local, rtp),
        })
    }

    /// A description without m-lines yet.
    ///
    /// # Errors
    /// As [`OwnTransport::new`].
    pub(super) fn description(&self) -> Result<Description, NegotiationError> {
        match self {
            Self::WebRtc(webrtc) => Ok(webrtc.description()),
            Self::Rtp(local, rtp) => rtp::description(local, rtp),
        }
    }

    /// The m-line of a stream, with our candidates if asked for.
    pub(super) fn media(&self, stream: &OwnStream, with_candidates: bool) -> MediaDescription {
        match (self, &stream.rtp) {
            (Self::Rtp(_, local), Some(own)) => rtp::media(local, stream, own),
            (Self::Rtp(..), None) => {
                MediaDescription::new(Media::Kind(stream.kind), stream.protocol.clone())
            }
            (Self::WebRtc(webrtc), _) => webrtc.media(stream, with_candidates),
        }
    }
}

impl<'a> OwnWebRtc<'a> {
    fn new(
        local: &'a Local,
        transport: &'a LocalWebRtc,
        setup: Setup,
    ) -> Result<Self, NegotiationError> {
        let candidates = usable(&transport.candidates);
        if candidates.is_empty() {
            return Err(NegotiationError::NoCandidates);
        }
        Ok(Self {
            local,
            transport,
            candidates,
            tcp_candidates: usable(&transport.tcp_candidates),
            setup,
        })
    }

    fn description(&self) -> Description {
        let local = self.local;
        let mut description = Description::new(
            local.session_id,
            local.session_version,
            self.default_address().ip(),
        );
        description.ice_lite = true;
        description
    }

    fn media(&self, stream: &OwnStream, with_candidates: bool) -> MediaDescription {
        let default = self.default_address();
        let mut media = MediaDescription::new(Media::Kind(stream.kind), stream.protocol.clone());
        media.port = default.port();
        media.connection = Some(default.ip());
        media.codecs = written_codecs(&stream.formats);
        media.bandwidth = stream.bitrate.map(Bandwidth::of_bits).unwrap_or_default();
        media.mid = stream.mid.clone();
        media.direction = stream.direction;
        media.ice = Some(self.transport.ice.clone());
        media.fingerprints = vec![CertificateHash::Sha256(self.transport.fingerprint)];
        media.setup = Some(self.setup);
        media.rtcp_mux = true;
        media.rtcp_rsize = stream.rtcp_rsize;
        media.extensions = extension::write(&stream.extensions);
        media.ptime_ms = stream.ptime_ms;
        media.maxptime_ms = stream.maxptime_ms;
        if with_candidates {
            let udp = (0..).zip(&self.candidates);
            let tcp = (0..).zip(&self.tcp_candidates);
            media.candidates = udp
                .map(|(index, address)| Candidate::host(index, *address))
                .chain(tcp.map(|(index, address)| Candidate::passive_tcp(index, *address)))
                .collect();
            media.end_of_candidates = true;
        }
        if stream.announced {
            self.announce(stream, &mut media);
        }
        media
    }

    /// The SSRCs we send with, and the media stream that joins sound and picture.
    fn announce(&self, stream: &OwnStream, media: &mut MediaDescription) {
        let track = SmolStr::new(stream.kind.to_string());
        media.msids = vec![Msid {
            stream: self.transport.stream_id.clone(),
            track: Some(track),
        }];
        let ssrc = self.local.ssrc(stream.kind);
        let rtx_ssrc = self.local.rtx_ssrc(stream);
        media.sources = [Some(ssrc), rtx_ssrc]
            .into_iter()
            .flatten()
            .map(|ssrc| Source {
                ssrc,
                cname: Some(self.local.cname.clone()),
            })
            .collect();
        if let Some(rtx_ssrc) = rtx_ssrc {
            let semantics = SmolStr::new_static("FID");
            media.source_groups = vec![SourceGroup {
                semantics,
                ssrcs: vec![ssrc, rtx_ssrc],
            }];
        }
    }

    fn default_address(&self) -> SocketAddr {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);
        self.candidates.first().copied().unwrap_or(nowhere)
    }
}

/// Addresses that can be told, each once.
fn usable(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut usable = Vec::new();
    for address in addresses {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let is_usable = !address.ip().is_unspecified() && address.port() != 0;
        if is_usable && usable.len() < MAX_CANDIDATES && !usable.contains(&address) {
            usable.push(address);
        }
    }
    usable
}

impl LocalWebRtc {
    /// Without a remote transport the leg can be reached, but passes nothing.
    pub(super) fn plan(&self, role: DtlsRole, remote: Option<&RemoteTransport>) -> WebRtcPlan {
        WebRtcPlan {
            local_ice: self.ice.clone(),
            remote_ice: remote.map(|remote| remote.ice.clone()),
            role,
            remote_fingerprint: remote.map(|remote| remote.fingerprint),
        }
    }
}

impl Local {
    /// Only where a format of the stream is retransmitted.
    fn rtx_ssrc(&self, stream: &OwnStream) -> Option<u32> {
        let any = stream.formats.iter().any(|format| format.rtx.is_some());
        (stream.kind == MediaKind::Video && any).then_some(self.video_rtx_ssrc)
    }

    /// The plan of one stream, still without anything the far side said.
    pub(super) fn stream_plan(&self, stream: &OwnStream) -> StreamPlan {
        let formats = stream.formats.iter();
        let codecs = formats.map(|format| codec_plan(format, format)).collect();
        StreamPlan {
            rtx_ssrc: self.rtx_ssrc(stream),
            extensions: stream.extensions.clone(),
            receive: stream.direction.receives(),
            send: stream.direction.sends(),
            max_receive_bitrate: stream.bitrate,
            ..StreamPlan::new(stream.kind, self.ssrc(stream.kind), codecs)
        }
    }
}

impl Policy {
    /// The smaller of what the other side of the call wants and what the operator allows.
    pub(super) fn bitrate(&self, kind: MediaKind, wanted: Option<u64>) -> Option<u64> {
        let cap = match kind {
            MediaKind::Audio => None,
            MediaKind::Video => self.max_video_bitrate,
        };
        [wanted, cap].into_iter().flatten().min()
    }
}

/// What we receive as `ours` says and send as `theirs` says.
pub(super) fn codec_plan(ours: &format::Offered, theirs: &format::Offered) -> CodecPlan {
    CodecPlan {
        receive_pt: ours.codec.payload_type,
        send_pt: theirs.codec.payload_type,
        clock_rate: ours.codec.clock_rate,
        format: ours.key.format,
        rtx: ours.rtx.zip(theirs.rtx),
        feedback: format::common(ours.feedback, theirs.feedback),
        encoding: theirs.encoding(),
        // Our own line may have the partner's.
        parameter_sets: None,
    }
}

/// A format of the other side as we declare it ourselves. RTX and feedback are ours to give
/// on every leg: for video all of it, audio has neither.
pub(super) fn own_format(
    kind: MediaKind,
    offered: &format::Offered,
    feedback: Feedback,
) -> format::Offered {
    let (feedback, rtx) = match kind {
        MediaKind::Audio => (Feedback::default(), None),
        MediaKind::Video => (feedback, offered.rtx),
    };
    let codec = Codec {
        feedback: format::names(feedback),
        ..offered.codec.clone()
    };
    format::Offered {
        key: offered.key,
        codec,
        rtx,
        feedback,
    }
}

/// Each format followed by its retransmissions.
pub(super) fn written_codecs(formats: &[format::Offered]) -> Vec<Codec> {
    let mut codecs: Vec<Codec> = Vec::new();
    for format in formats {
        codecs.push(format.codec.clone());
        if let Some(rtx) = format.rtx {
            codecs.push(Codec {
                payload_type: rtx,
                name: SmolStr::new_static("rtx"),
                clock_rate: format.codec.clock_rate,
                channels: 1,
                parameters: Some(format!("apt={}", format.codec.payload_type).into()),
                feedback: Vec::new(),
            });
        }
    }
    codecs
}
