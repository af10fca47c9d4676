//! What the call core hands to a media worker: finished plans. A worker never negotiates and
//! never has to answer before a signalling message can be sent.

use std::net::{IpAddr, SocketAddr};

use smol_str::SmolStr;

use crate::ids::{DtlsRole, Fingerprint, IceCredentials, LegId, MediaKind};
use crate::ports::PortPair;
use crate::recording::{Channel, RecordingId};
use crate::rtp::h264::ParameterSets;
use crate::sound::SoundId;
use crate::srtp::Keys;

/// An order to a worker. Orders about a leg the worker does not know are ignored.
#[derive(Debug, Clone)]
pub enum Command {
    /// Make the leg reachable: from here on its STUN checks are answered.
    AddLeg(Box<LegPlan>),
    /// The remote description is known: replaces the plan under the same [`LegId`]; the
    /// transport, its keys and the outbound sequence spaces go on.
    UpdateLeg(Box<LegPlan>),
    /// Forget the leg: a DTLS `close_notify` is sent, its patches go with it.
    RemoveLeg(LegId),
    /// Let `source` feed `sink`. A sink's stream of one kind has one source: a new patch
    /// replaces an old one, and a video source is asked for a keyframe.
    Patch(Box<PatchPlan>),
    /// Stop feeding `sink` from `source` (hold, transfer, hang-up). The sink's sequence
    /// space is kept, so that a later patch goes on monotonically.
    Unpatch {
        /// The leg that feeds.
        source: LegId,
        /// The leg that is fed.
        sink: LegId,
    },
    /// The far side of this leg cannot show its picture and says so by signalling (RFC 5168): ask
    /// whatever feeds it for a keyframe, no more often than helps.
    RequestKeyframe(LegId),
    /// Send the digits into the audio stream of `leg`, one after another: as RFC 4733 events, or as
    /// tones (ITU-T Q.23) where it has agreed to none.
    SendDtmf {
        /// The leg whose far side is to receive them.
        leg: LegId,
        /// `0-9 * # A-D`, at most 32; others are dropped.
        digits: String,
    },
    /// Let the far side of `leg` hear a sound, in the place of its source, until the first packet of
    /// a source is heard or the sound is stopped. One that is played already goes on where it is.
    Play {
        /// The leg whose far side is to hear it.
        leg: LegId,
        /// Which sound.
        sound: SoundId,
    },
    /// Stop what is played to the far side of `leg`, if anything is.
    StopSound {
        /// The leg.
        leg: LegId,
    },
    /// The digit of the tone that sounds now in what feeds `leg` was told to its far side in another
    /// way: let it hear no more of it. Who knows events hears none anyway.
    MuteTone {
        /// The leg whose far side is to hear no more.
        leg: LegId,
    },
    /// Copy what the far side of `leg` sends to its partner for a recording
    /// ([`Worker::poll_tapped`](crate::worker::Worker::poll_tapped)); what does not reach the partner, as
    /// on hold, is not copied. It takes the place of an earlier order of that kind.
    Tap {
        /// The leg whose far side is recorded.
        leg: LegId,
        /// For which recording.
        recording: RecordingId,
        /// Where it is to be heard.
        channel: Channel,
    },
    /// Copy nothing of `leg` any more.
    Untap {
        /// The leg.
        leg: LegId,
    },
    /// Whether silence on this leg is worth a report: false while on hold. A new leg is watched.
    WatchSilence {
        /// The leg.
        leg: LegId,
        /// True to watch.
        on: bool,
    },
}

/// Everything a worker has to know about one leg.
#[derive(Debug, Clone)]
pub struct LegPlan {
    /// Its name.
    pub leg: LegId,
    /// RTCP canonical name (RFC 7022): the one in our description of the leg.
    pub cname: SmolStr,
    /// How packets reach its far side.
    pub transport: TransportPlan,
    /// One entry for each accepted media description, at most one per [`MediaKind`].
    pub streams: Vec<StreamPlan>,
}

/// How packets reach the far side.
#[derive(Debug, Clone)]
pub enum TransportPlan {
    /// ICE-lite and DTLS-SRTP on the worker's shared port.
    WebRtc(WebRtcPlan),
    /// RTP or SDES-SRTP, each stream on ports of its own.
    Rtp(RtpPlan),
}

/// ICE-lite and DTLS-SRTP of one leg.
#[derive(Debug, Clone)]
pub struct WebRtcPlan {
    /// Ours; the user name fragment is unique over all legs of the process.
    pub local_ice: IceCredentials,
    /// The far side's; `None` until its description is known.
    pub remote_ice: Option<IceCredentials>,
    /// Ours of the two DTLS roles.
    pub role: DtlsRole,
    /// What the far side's certificate must hash to; `None` until its description is known.
    /// No media passes before it was checked.
    pub remote_fingerprint: Option<Fingerprint>,
}

/// RTP of one leg.
#[derive(Debug, Clone)]
pub struct RtpPlan {
    /// One for each stream of the leg.
    pub streams: Vec<RtpStreamPlan>,
}

/// How the packets of one stream of an RTP leg travel.
#[derive(Debug, Clone)]
pub struct RtpStreamPlan {
    /// Of which stream.
    pub kind: MediaKind,
    /// Ours. The worker's shell opens them before the leg is added, and keeps them for its life.
    pub ports: PortPair,
    /// The far side's part; `None` until its description is known: nothing is taken or sent.
    pub remote: Option<RtpRemote>,
}

/// What the far side of an RTP leg said of one stream.
#[derive(Debug, Clone)]
pub struct RtpRemote {
    /// Where it wants RTP; `None` if it names no usable address (`c=IN IP4 0.0.0.0`, a name).
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP.
    pub rtcp: RtcpPlan,
    /// Where its signalling comes from: media may come from there too, from any port.
    pub signalling: Option<IpAddr>,
    /// Keys of both directions (RFC 4568); `None` for plain RTP.
    pub keys: Option<Keys>,
}

/// Where the far side of an RTP leg wants RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcpPlan {
    /// On the way of RTP (RFC 5761).
    Muxed,
    /// On a way of its own, to this address if one is known.
    Separate(Option<SocketAddr>),
}

/// One stream (m-line) of a leg, both directions.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// Audio or video.
    pub kind: MediaKind,
    /// What we take from and give to the far side in this stream.
    pub codecs: Vec<CodecPlan>,
    /// Our outbound SSRC, for the whole life of the leg.
    pub ssrc: u32,
    /// Our outbound retransmission SSRC (RFC 4588) where RTX was negotiated.
    pub rtx_ssrc: Option<u32>,
    /// SSRCs the far side announced, if any; the first is the primary one.
    pub remote_ssrcs: Vec<u32>,
    /// Negotiated header extensions.
    pub extensions: Vec<ExtensionPlan>,
    /// The far side may send (our direction of this stream includes `recv`).
    pub receive: bool,
    /// The far side may receive (our direction of this stream includes `send`).
    pub send: bool,
    /// Upper limit we tell the far side for what it sends, bit/s (config, b=AS/TIAS).
    pub max_receive_bitrate: Option<u64>,
    /// The far side's own limit for what it receives, bit/s (its b=AS/TIAS).
    pub max_send_bitrate: Option<u64>,
    /// The packet time the far side wants to receive, ms (its a=ptime, a=maxptime); of use where
    /// its packets are encoded here.
    pub send_ptime_ms: Option<u16>,
    /// The longest packets that the far side takes, ms (its a=maxptime).
    pub max_send_ptime_ms: Option<u16>,
}

impl StreamPlan {
    /// A stream both ways, without anything that the far side may have said or that repairs it.
    pub fn new(kind: MediaKind, ssrc: u32, codecs: Vec<CodecPlan>) -> Self {
        Self {
            kind,
            codecs,
            ssrc,
            rtx_ssrc: None,
            remote_ssrcs: Vec::new(),
            extensions: Vec::new(),
            receive: true,
            send: true,
            max_receive_bitrate: None,
            max_send_bitrate: None,
            send_ptime_ms: None,
            max_send_ptime_ms: None,
        }
    }
}

/// A negotiated payload format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecPlan {
    /// The payload type we receive it under: what our own description declares.
    pub receive_pt: u8,
    /// The payload type we send it under: what the far side's description declares.
    pub send_pt: u8,
    /// RTP clock rate, Hz.
    pub clock_rate: u32,
    /// What is inside.
    pub format: Format,
    /// Retransmission format of this codec, as (receive, send) payload types.
    pub rtx: Option<(u8, u8)>,
    /// Feedback both sides agreed on.
    pub feedback: Feedback,
    /// What the far side wants of an encoder.
    pub encoding: Encoding,
    /// What its description says that decoders of it need first (RFC 6184 8.1).
    pub parameter_sets: Option<Box<ParameterSets>>,
}

/// What the receiver of an audio format wants of whoever encodes it (`a=fmtp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoding {
    /// Bits a second at the most (RFC 7587 6.1 `maxaveragebitrate`).
    pub max_bitrate: Option<u32>,
    /// It can use in-band repetition (RFC 7587 6.1 `useinbandfec`).
    pub fec: bool,
    /// Silence need not be sent (RFC 7587 6.1 `usedtx`, RFC 4856 2.1.9 `annexb`, RFC 5574 `vbr=vad`).
    pub dtx: bool,
}

/// What a payload type carries, as far as a worker must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RFC 7587
    Opus,
    /// RFC 3551 4.5.14
    Pcmu,
    /// RFC 3551 4.5.14
    Pcma,
    /// RFC 3551 4.5.2
    G722,
    /// ITU-T G.729 with its annexes A and B (RFC 3551 4.5.6)
    G729,
    /// RFC 5574; narrow, wide or ultra-wide band by its clock rate
    Speex,
    /// RFC 3551 4.5.11
    L16,
    /// RFC 3389: what silence sounds like
    ComfortNoise,
    /// RFC 4733
    TelephoneEvent,
    /// RFC 7741
    Vp8,
    /// RFC 9628
    Vp9,
    /// RFC 6184
    H264,
    /// AV1 RTP payload specification
    Av1,
}

impl Format {
    /// Of which medium it is.
    pub(crate) fn kind(self) -> MediaKind {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => MediaKind::Video,
            _ => MediaKind::Audio,
        }
    }

    /// It only helps another: events and the noise of silence are no sound of their own.
    pub(crate) fn is_helper(self) -> bool {
        matches!(self, Self::TelephoneEvent | Self::ComfortNoise)
    }
}

/// RTCP feedback agreed for a codec (RFC 4585, 5104, goog-remb).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Generic NACK
    pub nack: bool,
    /// Picture loss indication
    pub pli: bool,
    /// Full intra request
    pub fir: bool,
    /// Receiver estimated maximum bitrate
    pub remb: bool,
}

/// A header extension in use on a stream (RFC 8285).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionPlan {
    /// Its id on this leg's wire, the same in both directions (RFC 8285 6).
    pub id: u8,
    /// Which it is.
    pub extension: Extension,
}

/// The header extensions that pass through or are acted on. The mid is never negotiated:
/// with one stream a kind, payload types tell streams apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// RFC 6464
    AudioLevel,
    /// `abs-send-time`
    AbsSendTime,
    /// RFC 5450
    TransmissionOffset,
    /// 3GPP TS 26.114 7.4.5
    VideoOrientation,
    /// `playout-delay`
    PlayoutDelay,
    /// `video-content-type`
    VideoContentType,
    /// `color-space`
    ColorSpace,
    /// AV1 dependency descriptor
    DependencyDescriptor,
}

/// Which streams of a source feed which streams of a sink. Payload types and extension ids
/// are mapped by the worker from the two legs' plans and matching [`CodecMap`] entries; packets
/// of a payload type without an entry are dropped and counted.
#[derive(Debug, Clone)]
pub struct PatchPlan {
    /// The leg that feeds.
    pub source: LegId,
    /// The leg that is fed.
    pub sink: LegId,
    /// The payload types that pass, of each kind the one that the source uses most likely first.
    pub codecs: Vec<CodecMap>,
}

impl PatchPlan {
    /// The sound that is to be expected has to be decoded and encoded anew.
    pub fn transcodes(&self) -> bool {
        let mut audio = self
            .codecs
            .iter()
            .filter(|map| map.kind == MediaKind::Audio);
        let first = audio.next();
        first.is_some_and(|map| map.passage == Passage::Transcode)
    }
}

/// One payload type that passes a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecMap {
    /// Audio or video.
    pub kind: MediaKind,
    /// As the source sends it to us ([`CodecPlan::receive_pt`] of the source).
    pub from_pt: u8,
    /// As we send it to the sink ([`CodecPlan::send_pt`] of the sink).
    pub to_pt: u8,
    /// What happens on the way.
    pub passage: Passage,
}

/// How packets pass from a source to a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Passage {
    /// Their payloads as they are: both sides have the same format. Telephone events pass like
    /// that too where the two clocks differ.
    #[default]
    Relay,
    /// Their payloads octet by octet, from one law of ITU-T G.711 to the other, packet by packet as
    /// they are relayed. Packets of a length that the sink does not want are transcoded.
    Convert,
    /// Decoded, and encoded in the sink's format.
    Transcode,
}
