//! What the far side says: its streams and its transport.

use smol_str::SmolStr;

use super::rtp::RemoteRtp;
use super::template::restrict;
use super::{Absence, NegotiationError, extension, format};
use crate::ids::{DtlsRole, Fingerprint, IceCredentials, MediaKind};
use crate::plan::{ExtensionPlan, Format};
use crate::sdp::{CertificateHash, Description, Direction, Limits, Media, MediaDescription, Setup};

/// More announced SSRCs than this are not kept.
const MAX_SOURCES: usize = 8;

/// An offer, read and checked: at least one stream of it can be carried.
#[derive(Debug, Clone)]
pub struct RemoteOffer {
    pub(super) description: Description,
    transport: OfferedTransport,
    /// At most one of each kind, in the order of their m-lines.
    pub(super) streams: Vec<RemoteStream>,
    /// The other m-lines, by index.
    pub(super) refused: Vec<(usize, Absence)>,
    /// The offerer may not use all that he offers.
    is_narrowed: bool,
}

/// How an offerer wants to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferedTransport {
    /// By ICE and DTLS-SRTP.
    WebRtc,
    /// By RTP.
    Rtp {
        /// Only encrypted, with keys in the description (`RTP/SAVP`, RFC 4568).
        encrypted: bool,
        /// With RTCP feedback (`AVPF`, RFC 4585).
        feedback: bool,
    },
}

/// One usable m-line of the far side.
#[derive(Debug, Clone)]
pub(super) struct RemoteStream {
    /// Of the m-line in its description.
    pub index: usize,
    pub kind: MediaKind,
    /// What can be carried; at least one codec.
    pub formats: Vec<format::Offered>,
    pub extensions: Vec<ExtensionPlan>,
    /// As the far side sees it.
    pub direction: Direction,
    /// What it wants to receive at most, bit/s.
    pub bitrate: Option<u64>,
    /// The primary one first.
    pub ssrcs: Vec<u32>,
    /// Where it comes over RTP and not over WebRTC.
    pub rtp: Option<RemoteRtp>,
}

/// ICE and DTLS of the far side.
#[derive(Debug, Clone)]
pub(super) struct RemoteTransport {
    pub ice: IceCredentials,
    pub fingerprint: Fingerprint,
    /// Of the far side's m-line, where said.
    setup: Option<Setup>,
    media: MediaKind,
}

impl RemoteOffer {
    /// Reads an offer and chooses what of it can be carried: one audio and one video stream, both
    /// over WebRTC or both over RTP, as the first of them says. Everything else is refused later in the answer, each with its
    /// reason ([`RemoteOffer::refused`]).
    ///
    /// # Errors
    /// [`NegotiationError::Sdp`] if it cannot be read, [`NegotiationError::NoUsableMedia`]
    /// if nothing of it can be carried, and the transport errors if a WebRTC transport is
    /// described wrongly. All are the offerer's fault.
    pub fn parse(sdp: &str, limits: &Limits) -> Result<Self, NegotiationError> {
        let description = Description::parse(sdp, limits)?;
        let mut streams: Vec<RemoteStream> = Vec::new();
        let mut refused = Vec::new();
        for (index, media) in description.media.iter().enumerate() {
            match usable(&description, index, media, &streams) {
                Ok(stream) => streams.push(stream),
                Err(reason) => refused.push((index, reason)),
            }
        }
        if streams.is_empty() {
            let reasons = refused.into_iter().map(|(_, reason)| reason).collect();
            return Err(NegotiationError::NoUsableMedia { reasons });
        }
        let rtp = streams.first().and_then(|stream| stream.rtp.as_ref());
        let transport = match rtp {
            Some(rtp) => OfferedTransport::Rtp {
                encrypted: rtp.encrypted,
                feedback: rtp.feedback,
            },
            None => {
                let indices: Vec<usize> = streams.iter().map(|stream| stream.index).collect();
                RemoteTransport::read(&description, &indices)?.role_as_answerer(None)?;
                OfferedTransport::WebRtc
            }
        };
        Ok(Self {
            description,
            transport,
            streams,
            refused,
            is_narrowed: false,
        })
    }

    /// What is left of it for somebody who may use certain codecs alone, in their order; of a kind of
    /// which none is named, all. Nobody is told of the others.
    ///
    /// # Errors
    /// [`NegotiationError::NotAllowed`] if nothing is.
    pub fn restricted_to(mut self, codecs: &[Format]) -> Result<Self, NegotiationError> {
        if codecs.is_empty() {
            return Ok(self);
        }
        let allowed = format::list_of(codecs);
        for mut stream in std::mem::take(&mut self.streams) {
            let kind = stream.kind;
            let offered = format::names_of(stream.formats.iter().map(|it| &it.codec));
            restrict(codecs, kind, &mut stream.formats);
            if stream.has_codec() {
                self.streams.push(stream);
                continue;
            }
            let allowed = allowed.clone();
            let reason = Absence::NotAllowed {
                kind,
                offered,
                allowed,
            };
            self.refused.push((stream.index, reason));
        }
        if self.streams.is_empty() {
            let offered = super::settle::per_kind(|kind| self.names(kind));
            return Err(NegotiationError::NotAllowed { offered, allowed });
        }
        self.is_narrowed = true;
        Ok(self)
    }

    /// How the offerer wants to be reached: the transport that our answer has to have.
    pub fn transport(&self) -> OfferedTransport {
        self.transport
    }

    /// A usable stream of this kind is offered.
    pub fn has(&self, kind: MediaKind) -> bool {
        self.stream(kind).is_some()
    }

    /// A usable audio stream is offered.
    pub fn has_audio(&self) -> bool {
        self.has(MediaKind::Audio)
    }

    /// A usable video stream is offered.
    pub fn has_video(&self) -> bool {
        self.has(MediaKind::Video)
    }

    /// Who may send in the stream of this kind, as the offerer sees it.
    pub fn direction(&self, kind: MediaKind) -> Option<Direction> {
        self.stream(kind).map(|stream| stream.direction)
    }

    /// The whole description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The m-lines that are not carried, by index, and why.
    pub fn refused(&self) -> &[(usize, Absence)] {
        &self.refused
    }

    pub(super) fn stream(&self, kind: MediaKind) -> Option<&RemoteStream> {
        self.streams.iter().find(|stream| stream.kind == kind)
    }

    /// Why there is no stream of this kind.
    pub(super) fn absence(&self, kind: MediaKind) -> Absence {
        let of_kind = |(index, _): &&(usize, Absence)| {
            self.description
                .media
                .get(*index)
                .and_then(MediaDescription::kind)
                == Some(kind)
        };
        match self.refused.iter().find(of_kind) {
            Some((_, reason)) => reason.clone(),
            None => Absence::NotOffered(kind),
        }
    }

    /// All codecs of a kind for people, or those that the offerer may use.
    pub(super) fn names(&self, kind: MediaKind) -> Option<String> {
        if let Some(stream) = self.stream(kind).filter(|_| self.is_narrowed) {
            return Some(format::names_of(stream.formats.iter().map(|it| &it.codec)));
        }
        let index = self.stream(kind).map(|stream| stream.index).or_else(|| {
            self.description
                .media
                .iter()
                .position(|media| media.kind() == Some(kind))
        })?;
        Some(format::names_of(&self.description.media[index].codecs))
    }
}

impl RemoteStream {
    /// Reads what can be carried; formats may be empty.
    pub(super) fn read(
        description: &Description,
        index: usize,
        kind: MediaKind,
        media: &MediaDescription,
    ) -> Self {
        let rtp = RemoteRtp::read(media);
        // RFC 3264 8.4: an address of zeros is the old way to say hold, and "neither RTP nor
        // RTCP should be sent to the peer".
        let is_held = rtp.as_ref().is_some_and(|rtp| rtp.is_held);
        let direction = media.direction;
        let direction = Direction::new(direction.sends(), direction.receives() && !is_held);
        // A limit of the whole session holds for each of its streams too.
        let limits = [media.bandwidth.bits(), description.bandwidth.bits()];
        Self {
            index,
            kind,
            formats: format::read(media),
            extensions: extension::read(media),
            direction,
            bitrate: limits.into_iter().flatten().min(),
            ssrcs: ssrcs(media),
            rtp,
        }
    }

    /// What may arrive in this stream, retransmissions included.
    fn payload_types(&self) -> impl Iterator<Item = u8> {
        self.formats
            .iter()
            .flat_map(|format| [Some(format.codec.payload_type), format.rtx])
            .flatten()
    }

    fn uses(&self, payload_type: u8) -> bool {
        self.payload_types().any(|used| used == payload_type)
    }

    /// There is something to talk with, and not only events.
    pub(super) fn has_codec(&self) -> bool {
        self.formats.iter().any(format::Offered::is_codec)
    }
}

impl RemoteTransport {
    /// Of the m-lines that are used, which share one transport.
    pub(super) fn read(
        description: &Description,
        used: &[usize],
    ) -> Result<Self, NegotiationError> {
        let media = tagged(description, used).ok_or(NegotiationError::NoUsableMedia {
            reasons: Vec::new(),
        })?;
        let kind = media.kind().unwrap_or(MediaKind::Audio);
        let ice = media
            .ice
            .clone()
            .ok_or(NegotiationError::MissingIce { media: kind })?;
        let fingerprint = sha256(media, kind)?;
        if !media.rtcp_mux {
            return Err(NegotiationError::NoRtcpMux { media: kind });
        }
        Ok(Self {
            ice,
            fingerprint,
            setup: media.setup,
            media: kind,
        })
    }

    /// Our role where the far side offers (RFC 5763 5): `before`, if there is one, for an
    /// association that goes on keeps its roles (RFC 8842 5.3). Else we rather wait: an ICE-lite
    /// agent learns the path from the far side anyway.
    pub(super) fn role_as_answerer(
        &self,
        before: Option<DtlsRole>,
    ) -> Result<DtlsRole, NegotiationError> {
        match self.setup {
            Some(Setup::Passive) => Ok(DtlsRole::Client),
            // RFC 8842 5.2 demands it; without it both choices are open to us.
            Some(Setup::ActPass) | None => Ok(before.unwrap_or(DtlsRole::Server)),
            Some(Setup::Active) => Ok(DtlsRole::Server),
            Some(Setup::HoldConn) => Err(self.setup_error("a=setup:holdconn")),
        }
    }

    /// Our role where the far side answers our `actpass`.
    pub(super) fn role_as_offerer(&self) -> Result<DtlsRole, NegotiationError> {
        match self.setup {
            Some(Setup::Active) => Ok(DtlsRole::Server),
            Some(Setup::Passive) => Ok(DtlsRole::Client),
            Some(Setup::ActPass) => Err(self.setup_error("a=setup:actpass in an answer")),
            Some(Setup::HoldConn) => Err(self.setup_error("a=setup:holdconn")),
            None => Err(self.setup_error("no a=setup")),
        }
    }

    fn setup_error(&self, said: &'static str) -> NegotiationError {
        NegotiationError::Setup {
            media: self.media,
            said,
        }
    }
}

/// A stream that can be carried beside those before it, or why not.
fn usable(
    description: &Description,
    index: usize,
    media: &MediaDescription,
    before: &[RemoteStream],
) -> Result<RemoteStream, Absence> {
    let kind = match &media.media {
        Media::Kind(kind) => *kind,
        Media::Other(name) => return Err(Absence::UnknownMedia(shortened(name))),
    };
    if media.is_refused() {
        return Err(Absence::SwitchedOff(kind));
    }
    if before.iter().any(|stream| stream.kind == kind) {
        return Err(Absence::Second(kind));
    }
    let stream = RemoteStream::read(description, index, kind, media);
    let first = before.first();
    let is_other = first.is_some_and(|first| first.rtp.is_some() != stream.rtp.is_some());
    if is_other || (stream.rtp.is_none() && !is_dtls_srtp(&media.protocol)) {
        return Err(Absence::Protocol(kind, shortened(&media.protocol)));
    }
    // Streams of RTP have ports of their own.
    let shares = stream.rtp.is_none();
    if first.is_some_and(|first| shares && !are_bundled(description, first.index, index)) {
        return Err(Absence::NotBundled(kind));
    }
    if !stream.has_codec() {
        return Err(Absence::NothingToOffer(
            kind,
            format::names_of(&media.codecs),
        ));
    }
    let taken = |payload_type: &u8| before.iter().any(|stream| stream.uses(*payload_type));
    if let Some(payload_type) = stream.payload_types().find(taken).filter(|_| shares) {
        return Err(Absence::PayloadTypeClash(kind, payload_type));
    }
    Ok(stream)
}

fn shortened(name: &str) -> SmolStr {
    name.chars().take(32).collect()
}

/// RFC 8829 5.1.2: all of these mean DTLS-SRTP with feedback where a fingerprint is given; the
/// last two are [`RemoteRtp`] where none is.
fn is_dtls_srtp(protocol: &str) -> bool {
    [
        "UDP/TLS/RTP/SAVPF",
        "TCP/DTLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "RTP/SAVPF",
        "RTP/AVPF",
    ]
    .contains(&protocol)
}

/// Both m-lines are in one BUNDLE group.
pub(super) fn are_bundled(description: &Description, one: usize, other: usize) -> bool {
    let mid = |index: usize| {
        description
            .media
            .get(index)
            .and_then(|media| media.mid.as_deref())
    };
    let (Some(one), Some(other)) = (mid(one), mid(other)) else {
        return false;
    };
    description
        .bundle_of(one)
        .is_some_and(|group| group.iter().any(|mid| mid == other))
}

/// The m-line that names the transport (RFC 9143 7): the first of the BUNDLE group that is
/// used. Bundle-only m-lines name none (RFC 8829 5.2.1); then another of the group does.
fn tagged<'a>(description: &'a Description, used: &[usize]) -> Option<&'a MediaDescription> {
    let first = description.media.get(*used.first()?)?;
    let group: &[SmolStr] = first
        .mid
        .as_ref()
        .and_then(|mid| description.bundle_of(mid))
        .unwrap_or_default();
    let in_group = || {
        group.iter().filter_map(|mid| {
            let position = description
                .media
                .iter()
                .position(|media| media.mid.as_ref() == Some(mid))?;
            Some((position, &description.media[position]))
        })
    };
    let is_used = |index: &usize| used.contains(index);
    in_group()
        .filter(|(index, media)| is_used(index) && media.ice.is_some())
        .chain(in_group().filter(|(_, media)| media.ice.is_some() && !media.is_refused()))
        .map(|(_, media)| media)
        .next()
        .or(Some(first))
}

fn sha256(media: &MediaDescription, kind: MediaKind) -> Result<Fingerprint, NegotiationError> {
    let mut others = Vec::new();
    for hash in &media.fingerprints {
        match hash {
            CertificateHash::Sha256(fingerprint) => return Ok(*fingerprint),
            CertificateHash::Other(name, _) if others.len() < 4 => others.push(name.as_str()),
            CertificateHash::Other(..) => {}
        }
    }
    Err(if others.is_empty() {
        NegotiationError::MissingFingerprint { media: kind }
    } else {
        NegotiationError::UnsupportedFingerprint {
            media: kind,
            offered: others.join(", "),
        }
    })
}

/// The announced SSRCs, the one that others repair first (RFC 4588 8.8).
fn ssrcs(media: &MediaDescription) -> Vec<u32> {
    let pair = media
        .source_groups
        .iter()
        .find(|group| group.semantics == "FID");
    let mut ssrcs: Vec<u32> = pair.map(|group| group.ssrcs.clone()).unwrap_or_default();
    ssrcs.extend(media.sources.iter().map(|source| source.ssrc));
    let mut seen = Vec::new();
    for ssrc in ssrcs {
        if seen.len() < MAX_SOURCES && !seen.contains(&ssrc) {
            seen.push(ssrc);
        }
    }
    seen
}
